"""Leases: whoever lost one changes nothing and answers retry, however it lost it; the new owner goes on at the next offset."""

import os
import resource
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import msgpack
import pytest
import zmq
import zmq.auth
from audit import audit
from ledger import Ledger
from load import Load
from people import District, Order, People, bring, burst, ok
from stack_servers import free_port
from stack_supervisor import Supervisor

PATIENCE_S = 60.0


def wait_for(condition, what, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, f"never came about: {what}"
        time.sleep(0.02)
    return found


def http_status(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class Second:
    """Another instance of a service beside the stack's own, as a process of this test."""

    def __init__(self, stack, service):
        self.name, self.stack, self.service = f"{service}-2", stack, service
        directory = stack.home.path / "state.d" / self.name
        directory.mkdir(mode=0o700, exist_ok=True)
        self.http = f"127.0.0.1:{free_port()}"
        self.feed, self.query = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
        environment = Supervisor(stack.home.path).deployment_now().services[service].environment()
        environment.update(ZTC_INSTANCE=self.name, ZTC_HTTP=self.http, ZTC_FEED=self.feed, ZTC_QUERY=self.query,
                           ZTC_API="127.0.0.1:0")
        self.log_path = stack.home.path / "log" / f"{self.name}.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(stack.binaries / service)], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        wait_for(lambda: http_status(self.http, "/healthz") == 200, f"{self.name} is healthy")
        # It has looked at the lease once when it has told of its peers.
        wait_for(lambda: "peer" in self.log_path.read_text(encoding="utf-8"), f"{self.name} reads the leases")

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        assert self.process.wait(20) == 0, f"{self.name} did not end well"


class Inside:
    """A connection to a service's inner ROUTER, framed as intake's own: for commands that reach an instance whoever has the lease."""

    def __init__(self, stack, router):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        public, secret = zmq.auth.load_certificate(str(stack.home.keys / "bus.key_secret"))
        self.socket.curve_publickey, self.socket.curve_secretkey, self.socket.curve_serverkey = public, secret, public
        self.socket.connect(router)
        self.sequence = 0

    def send(self, message, caller):
        self.sequence += 1
        forward = {"command": msgpack.packb(message, use_bin_type=True), "caller": caller}
        self.socket.send_multipart([struct.pack(">Q", self.sequence), b"C" + msgpack.packb(forward, use_bin_type=True)])

    def receive(self, timeout_s=PATIENCE_S):
        assert self.socket.poll(int(timeout_s * 1000)), "the instance does not answer"
        sequence, answer = self.socket.recv_multipart()
        assert struct.unpack(">Q", sequence) == (self.sequence,)
        return msgpack.unpackb(answer, raw=False)

    def ask(self, message, caller):
        self.send(message, caller)
        return self.receive()

    def close(self):
        self.socket.close()


class Scene:
    def __init__(self, stack):
        self.stack = stack
        self.people = People(stack.env)
        self.ledger = Ledger(stack.env["ZTC_DSN"])
        self.district = District(self.people, "t-lease", squads={"squad-a": {"capacity": 64}})
        self.caller = {"district": "t-lease", "organisation": "squad-a", "role": "squad"}

    def lease(self, service="dispatch"):
        return self.ledger.rows(f"SELECT epoch, holder, beat, pub, router FROM {service}.lease")[0]

    def holder(self, service="dispatch"):
        return self.lease(service)[1]

    def head(self, service="dispatch"):
        return self.ledger.value(f'SELECT coalesce(max("offset"), 0) FROM {service}.event')

    def rows_of(self, service):
        return self.ledger.counts([name for name in self.ledger.tables if name.startswith(service)])

    def steal(self, service, holder):
        """By hand: nobody was asked."""
        self.ledger.rows(f"UPDATE {service}.lease SET epoch = epoch + 1, holder = %s WHERE part = 0", holder)

    def check_log(self, service):
        low, high, count, ids = self.ledger.rows(
            f'SELECT min("offset"), max("offset"), count(*), count(DISTINCT id) FROM {service}.event')[0]
        assert (low, high, ids) == (1, count, count)

    def metric(self, address, name):
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"ztc_{name}"):
                    return float(line.split()[-1])
        raise AssertionError(f"no metric {name}")

    def http(self, instance):
        return instance.http if isinstance(instance, Second) else self.stack.http(instance).removeprefix("http://")

    def is_standby(self, instance):
        address = self.http(instance)
        return (http_status(address, "/healthz"), http_status(address, "/readyz"), self.metric(address, "lease_epoch")) == (200, 503, 0)


@pytest.fixture(scope="module")
def scene(fragile):
    scene = Scene(fragile)
    yield scene
    scene.ledger.close()
    scene.people.close()


@contextmanager
def second(scene, service):
    """At the end it is gone and the stack's own instance has its lease again."""
    instance = Second(scene.stack, service)
    try:
        yield instance
    finally:
        instance.end()
        wait_for(lambda: scene.holder(service) == f"{service}-1" and scene.stack.is_ready(service), f"{service}-1 has its lease again")


def test_standby_answers_not_owner(scene):
    with second(scene, "dispatch") as standby:
        assert scene.holder() == "dispatch-1"
        assert scene.is_standby(standby)


def test_stolen_by_hand(scene):
    """Acceptance 4."""
    order, other = bring(Order(scene.district, way="offered") for _ in range(2))
    scene.ledger.wait_quiet()
    client, message = order.command("assignment_accept")
    with second(scene, "dispatch") as thief:
        epoch, _, _, _, router = scene.lease()
        stale = Inside(scene.stack, router)
        pid, before, head = scene.stack.pid("dispatch"), scene.rows_of("dispatch"), scene.head()
        scene.steal("dispatch", "dispatch-2")
        # The stale owner, before and after it has noticed, is asked directly.
        for _ in range(20):
            answer = stale.ask(message, scene.caller)
            assert (answer["id"], answer["status"], answer["error"]["code"]) == (message["id"], "retry", "not_owner")
        assert scene.rows_of("dispatch") == before and scene.head() == head
        wait_for(lambda: scene.lease()[4] != router, "dispatch-2 announces its own endpoints")
        assert scene.lease()[0] > epoch + 1 and scene.holder() == "dispatch-2"
        # The same command, sent as any client would, is done by the new owner at the next offset.
        done = client.insist(message)
        assert done["status"] == "ok" and done["events"] == [{"producer": "dispatch", "part": 0, "offset": head + 1}]
        assert client.ask(message) == done
        answer = stale.ask(message, scene.caller)
        assert (answer["status"], answer["error"]["code"]) == ("retry", "not_owner")
        _, message = other.command("assignment_accept")
        assert client.insist(message)["events"][0]["offset"] == head + 2
        assert scene.stack.pid("dispatch") == pid and scene.is_standby("dispatch")
        assert http_status(thief.http, "/readyz") == 200
        scene.check_log("dispatch")
        stale.close()


def test_stolen_back_and_forth_under_load(scene, fragile, tmp_path):
    """The lease changes hands ten times while lives go on: no offset twice, none missing, nothing told that is not stored."""
    history = tmp_path / "history.jsonl"
    load = Load(scene.stack.env, 4, 60, str(history))
    with second(scene, "dispatch"):
        holders, due = ["dispatch-2", "dispatch-1"] * 5, time.monotonic() + 0.3
        while load.turn() or holders:
            if holders and time.monotonic() > due:
                scene.steal("dispatch", holders.pop(0))
                due = time.monotonic() + 0.5
    load.close()
    assert load.refused == []
    scene.check_log("dispatch")
    assert audit(fragile, [str(history)]) == []


def test_frozen_past_its_lease(scene):
    """SIGSTOP, take-over, SIGCONT: what the frozen owner had been asked it refuses to do now."""
    order, other = bring(Order(scene.district, way="offered") for _ in range(2))
    scene.ledger.wait_quiet()
    client, message = order.command("assignment_accept")
    with second(scene, "dispatch") as heir:
        _, _, _, _, router = scene.lease()
        frozen, head, before = Inside(scene.stack, router), scene.head(), scene.rows_of("dispatch")
        # Once it has answered, the connection stands: a handshake cut in half by the freeze would be given up, message and all.
        assert frozen.ask(None, scene.caller)["error"]["code"] == "malformed"
        pid = scene.stack.pid("dispatch")
        os.kill(pid, signal.SIGSTOP)
        try:
            frozen.send(message, scene.caller)
            wait_for(lambda: scene.holder() == "dispatch-2", "dispatch-2 takes over")
            assert scene.rows_of("dispatch") == before
            _, second_message = other.command("assignment_accept")
            assert client.insist(second_message)["events"] == [{"producer": "dispatch", "part": 0, "offset": head + 1}]
            before = scene.rows_of("dispatch")
        finally:
            os.kill(pid, signal.SIGCONT)
        answer = frozen.receive()
        assert (answer["status"], answer["error"]["code"]) == ("retry", "not_owner")
        wait_for(lambda: scene.is_standby("dispatch"), "dispatch-1 notices that it was replaced")
        assert scene.rows_of("dispatch") == before and scene.stack.pid("dispatch") == pid
        assert scene.holder() == "dispatch-2" and http_status(heir.http, "/readyz") == 200
        assert client.insist(message)["events"] == [{"producer": "dispatch", "part": 0, "offset": head + 2}]
        scene.check_log("dispatch")
        frozen.close()


def is_in_transaction(scene, instance):
    return scene.ledger.value("""SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s
                                 AND state IN ('idle in transaction', 'active') AND xact_start IS NOT NULL""", f"{instance}%") > 0


def test_frozen_in_the_midst_of_a_transaction(scene, fragile, tmp_path):
    """Its locks end with PostgreSQL's patience, which is shorter than a lease: it cannot keep the part by being frozen."""
    history = tmp_path / "history.jsonl"
    load = Load(scene.stack.env, 5, 150, str(history))
    with second(scene, "dispatch"):
        pid, caught = scene.stack.pid("dispatch"), False
        while not caught:
            if not load.turn(1):
                load.more(50)
            os.kill(pid, signal.SIGSTOP)
            # What PostgreSQL is still at comes to its end; a transaction that then stands open is the frozen one's.
            time.sleep(0.03)
            caught = is_in_transaction(scene, "dispatch-1")
            if not caught:
                os.kill(pid, signal.SIGCONT)
        try:
            wait_for(lambda: scene.holder() == "dispatch-2", "dispatch-2 takes over")
        finally:
            os.kill(pid, signal.SIGCONT)
        while load.turn():
            pass
        wait_for(lambda: scene.is_standby("dispatch"), "dispatch-1 notices that it was replaced")
    load.close()
    assert load.refused == []
    scene.check_log("dispatch")
    assert audit(fragile, [str(history)]) == []


def test_intake_too(scene):
    """The front door has a lease as well: clients of the stale one are told to come again, those of the new one are served."""
    message = scene.people.message("order_submit", need="需求", squads=["squad-a"])
    village = scene.district.as_("village", "village-a")
    with second(scene, "intake") as thief:
        pid, before, head = scene.stack.pid("intake"), scene.rows_of("intake"), scene.head("intake")
        scene.steal("intake", "intake-2")
        for _ in range(20):
            answer = village.ask(message)
            assert (answer["status"], answer["error"]["code"]) == ("retry", "not_owner")
        assert scene.rows_of("intake") == before
        wait_for(lambda: http_status(thief.http, "/readyz") == 200, "intake-2 is ready")
        pair = scene.people.pair("t-lease", "village-a", "village")
        client = type(village)(thief.feed, scene.stack.env["ZTC_SERVER_KEY"], pair)
        done = client.insist(message)
        assert done["status"] == "ok" and done["events"] == [{"producer": "intake", "part": 0, "offset": head + 1}]
        client.close()
        assert scene.stack.pid("intake") == pid and scene.is_standby("intake")
    assert village.insist(message) == done
    scene.check_log("intake")


@contextmanager
def few_descriptors(soft):
    """For what is started meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_who_has_no_key_does_not_use_up_the_descriptors(scene):
    """A thousand connections that never say a word, while keys are registered: the guard needs descriptors for that."""
    with few_descriptors(len(os.listdir("/proc/self/fd")) + 128):
        instance = second(scene, "intake")
        thief = instance.__enter__()
    try:
        scene.steal("intake", "intake-2")
        wait_for(lambda: http_status(thief.http, "/readyz") == 200, "intake-2 is ready")
        operator = type(scene.people.operator)(thief.feed, scene.stack.env["ZTC_SERVER_KEY"], scene.stack.env["ZTC_KEY_OPERATOR"])
        ok(operator.command("key_register", district="t-lease", organisation="village-a", role="village", name="before",
                            public_key=zmq.curve_keypair()[0].decode()))
        host, port = thief.feed.removeprefix("tcp://").split(":")
        for _ in range(3):
            silent = [socket.socket() for _ in range(1000)]
            for one in silent:
                one.setblocking(False)
                one.connect_ex((host, int(port)))
            ok(operator.command("key_register", district="t-lease", organisation="village-a", role="village", name="amid",
                                public_key=zmq.curve_keypair()[0].decode()))
            for one in silent:
                one.close()
            assert thief.process.poll() is None
        operator.close()
    finally:
        instance.__exit__(None, None, None)


@pytest.mark.parametrize("service", ["notification", "evaluation", "reporting"])
def test_consumers_too(scene, fragile, service):
    """A stolen consumer's lease: the events go on being applied, each once, by the new one."""
    bring([Order(scene.district, way="closed")])  # who is asked for a key afterwards may be who has lost the lease
    with second(scene, service):
        scene.steal(service, f"{service}-2")
        bring(Order(scene.district, way="closed") for _ in range(5))
        wait_for(lambda: scene.holder(service) == f"{service}-2" and scene.ledger.behind(service) == 0, "the thief catches up")
        wait_for(lambda: scene.is_standby(service), f"{service}-1 notices")
    assert audit(fragile) == []


def test_who_lost_it_answers_no_query(scene):
    """Keys that are revoked are not heard of any more by who lost reporting's lease: it lets nobody read, with whatever key."""
    observer = scene.people.observer
    with second(scene, "reporting"):
        ok(observer.query("board"))
        scene.steal("reporting", "reporting-2")
        wait_for(lambda: scene.is_standby("reporting"), "reporting-1 notices")
        for query in ("board", "queue"):  # its own, and one that it relays
            answer = observer.query(query)
            assert (answer["status"], answer["error"]["code"]) == ("retry", "not_owner")


def test_burst_is_whole_after_all_this(scene):
    assert all(answer["status"] == "ok" for answer in burst([Order(scene.district).begin() for _ in range(50)]))
    assert ok(scene.people.observer.query("board"))
