"""Stopping, losing and getting back what the services stand on: nothing that was told is lost, and everything heals by itself."""

import collections
import json
import signal
import time
import urllib.error
import urllib.request

import pytest
import redis
from audit import audit
from ledger import Ledger
from load import Load
from people import District, Order, People, bring, burst, ok
from stack_home import SERVICES

PATIENCE_S = 30.0


def wait_for(condition, what, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, f"never came about: {what}"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def inhabitants(fragile):
    people = People(fragile.env)
    yield people
    people.close()


@pytest.fixture(scope="module")
def district(inhabitants):
    return District(inhabitants, "t-restart", squads={"squad-a": {"capacity": 64}, "squad-b": {"capacity": 64}})


@pytest.fixture(scope="module")
def book(fragile):
    ledger = Ledger(fragile.env["ZTC_DSN"])
    yield ledger
    ledger.close()


def status(stack, service, path):
    try:
        with urllib.request.urlopen(stack.http(service) + path, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def metric(stack, service, name):
    with urllib.request.urlopen(stack.http(service) + "/metrics", timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"ztc_{name}{{") or line.startswith(f"ztc_{name} "):
                return float(line.split()[-1])
    raise AssertionError(f"{service} shows no {name}")


def queue(district, squad, after=()):
    return ok(district.as_("squad", squad, face="query").query("queue", positions=after, limit=500))["result"]


def run_until_half(load):
    while load.turn() and load.finished < load.total // 3:
        pass


@pytest.mark.parametrize("seed, service", enumerate(SERVICES, start=11))
def test_stopped_under_load(fragile, tmp_path, seed, service):
    """SIGTERM in the midst of it: the process ends by itself, with status 0; its successor goes on; every command told ok is there."""
    history = tmp_path / "history.jsonl"
    load = Load(fragile.env, seed, 90, str(history))
    run_until_half(load)
    said = len(fragile.log("supervisor"))
    pid = fragile.kill(service, signal.SIGTERM)
    while load.turn():
        pass
    load.close()
    fragile.wait_restarted(service, pid)
    assert f"{service} ended: exit status 0" in fragile.log("supervisor")[said:]
    assert load.refused == []
    assert {json.loads(line)["told"] for line in history.read_text(encoding="utf-8").splitlines()} <= {"sent", "ok"}
    assert audit(fragile, [str(history)]) == []


def test_all_stopped_at_once_under_load(fragile, tmp_path):
    history = tmp_path / "history.jsonl"
    load = Load(fragile.env, 21, 90, str(history))
    run_until_half(load)
    pids = {service: fragile.kill(service, signal.SIGTERM) for service in SERVICES}
    while load.turn():
        pass
    load.close()
    for service, pid in pids.items():
        fragile.wait_restarted(service, pid)
    assert load.refused == []
    assert audit(fragile, [str(history)]) == []


def test_restarted_service_gives_first_answers_again(fragile, district):
    """What was told before the restart is told again after it, also what dispatch told."""
    (order,) = bring([Order(district, way="offered")])
    asked = [order.command("assignment_accept"), order.begin()]
    first = burst(asked)
    pids = {service: fragile.kill(service, signal.SIGTERM) for service in ("intake", "dispatch")}
    for service, pid in pids.items():
        fragile.wait_restarted(service, pid)
    assert burst(asked) == first


# --- Redis -----------------------------------------------------------------------------------------------------------------------------


def offers_of(book, district, squad):
    return {order for order, in book.rows("""SELECT "order" FROM dispatch.assignment WHERE district = %s AND squad = %s
                                             AND state = 'offered'""", district.code, squad)}


def is_live(fragile, book, district, squad):
    answer = queue(district, squad)
    return answer["source"] == "live" and {offer["order"] for offer in answer["offers"]} == offers_of(book, district, squad)


def connect_redis(fragile):
    host, port = fragile.redis.split(":")
    return redis.Redis(host=host, port=int(port))


def test_redis_flushed(fragile, district, book):
    """The queue is answered from the records at once, and from Redis again soon; without anything happening in it."""
    bring(Order(district, way="offered") for _ in range(20))
    book.wait_quiet()
    wait_for(lambda: is_live(fragile, book, district, "squad-a"), "the queue is live")
    rebuilds = metric(fragile, "dispatch", "live_rebuilds_total")
    connect_redis(fragile).flushall()
    assert {offer["order"] for offer in queue(district, "squad-a")["offers"]} == offers_of(book, district, "squad-a")
    wait_for(lambda: is_live(fragile, book, district, "squad-a"), "the queue is rebuilt")
    assert metric(fragile, "dispatch", "live_rebuilds_total") > rebuilds
    assert audit(fragile) == []


@pytest.mark.parametrize("damage", ["an offer is gone", "the position is older", "the functions are gone", "the queue is another type"])
def test_redis_damaged(fragile, district, book, damage):
    """A queue that is not as of the records' position is found out with its next change at the latest."""
    bring(Order(district, squads=("squad-b",), way="offered") for _ in range(5))
    book.wait_quiet()
    wait_for(lambda: is_live(fragile, book, district, "squad-b"), "the queue is live")
    server, tag = connect_redis(fragile), f"ztc:{{{district.code}/squad-b}}"
    if damage == "an offer is gone":
        server.delete(f"{tag}:offers", f"{tag}:notbefore", f"{tag}:versions")
    elif damage == "the position is older":
        server.hset(f"{tag}:versions", "position", 1)
    elif damage == "the functions are gone":
        server.execute_command("FUNCTION", "FLUSH")
    else:
        server.set(f"{tag}:offers", "not a sorted set")
    (order,) = bring([Order(district, squads=("squad-b",), way="offered")])
    ok(burst([order.command("assignment_accept")]))
    wait_for(lambda: is_live(fragile, book, district, "squad-b"), "the queue is as the records have it")
    assert audit(fragile) == []


def test_redis_stopped(fragile, district, book):
    """Orders go on as fast as ever, the queue is answered from the records; when Redis is back, from it again."""
    fragile.stop("redis")
    try:
        begun = time.monotonic()
        orders = bring(Order(district, way="offered") for _ in range(30))
        ok(burst([order.command("assignment_accept") for order in orders[:10]]))
        assert time.monotonic() - begun < 5
        book.wait_quiet()
        answer = queue(district, "squad-a")
        assert answer["source"] == "records"
        assert {offer["order"] for offer in answer["offers"]} == offers_of(book, district, "squad-a")
        begun = time.monotonic()
        for _ in range(20):
            queue(district, "squad-a")
        assert time.monotonic() - begun < 3
        assert status(fragile, "dispatch", "/healthz") == 200
        wait_for(lambda: metric(fragile, "dispatch", "live_backlog") > 0, "what Redis lacks is shown")
    finally:
        fragile.start("redis")
    wait_for(lambda: is_live(fragile, book, district, "squad-a"), "the queue is live again")
    wait_for(lambda: metric(fragile, "dispatch", "live_backlog") == 0, "nothing is lacking")
    assert audit(fragile) == []


def test_redis_frozen(fragile, district, book):
    """Not away but silent, which is worse: SIGSTOP."""
    pid = fragile.kill("redis", signal.SIGSTOP)
    try:
        begun = time.monotonic()
        ok(burst([order.command("assignment_accept") for order in bring(Order(district, way="offered") for _ in range(20))]))
        assert time.monotonic() - begun < 5
        book.wait_quiet()
        assert queue(district, "squad-a")["source"] == "records"
    finally:
        fragile.kill("redis", signal.SIGCONT)
    assert fragile.pid("redis") == pid
    wait_for(lambda: is_live(fragile, book, district, "squad-a"), "the queue is live again")


@pytest.mark.parametrize("trouble, cure", [
    (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),  # "OOM command not allowed"
    (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),  # "READONLY", "MASTERDOWN"
], ids=["out of memory", "a replica"])
def test_redis_refuses_writes(fragile, district, book, trouble, cure):
    """There, and of no use: as if it were away."""
    bring([Order(district, way="offered")])
    book.wait_quiet()
    wait_for(lambda: is_live(fragile, book, district, "squad-a"), "the queue is live")
    server = connect_redis(fragile)
    server.execute_command(*trouble)
    try:
        said = len(fragile.log("dispatch").splitlines())
        begun = time.monotonic()
        orders = bring(Order(district, way="offered") for _ in range(20))
        ok(burst([order.command("assignment_accept") for order in orders[:10]]))
        assert time.monotonic() - begun < 5
        book.wait_quiet()
        answer = queue(district, "squad-a")
        assert answer["source"] == "records"
        assert {offer["order"] for offer in answer["offers"]} == offers_of(book, district, "squad-a")
        wait_for(lambda: metric(fragile, "dispatch", "live_backlog") > 0, "what Redis lacks is shown")
        assert status(fragile, "dispatch", "/healthz") == 200
        told = [line for line in fragile.log("dispatch").splitlines()[said:] if "Redis" in line]
        assert 1 <= len(told) < 40, told
    finally:
        server.execute_command(*cure)
    wait_for(lambda: is_live(fragile, book, district, "squad-a"), "the queue is live again")
    assert audit(fragile) == []


# --- a service that is away, and one that has too much to do ------------------------------------------------------------------------------


def test_dispatch_stopped(fragile, district, book):
    """What intake would forward is answered retry within its time, what it owns is done; the same id works once dispatch is back."""
    (offered,) = bring([Order(district, way="offered")])
    client, message = offered.command("order_cancel")
    book.wait_quiet("dispatch")  # it is placed; offered it is a moment later
    fragile.stop("dispatch")
    try:
        answer = client.ask(message, timeout=10)
        assert (answer["status"], answer["error"]["code"]) == ("retry", "unanswered")
        (fresh,) = bring([Order(district)])
        assert fresh.state == "submitted"
        assert book.value("SELECT state FROM dispatch.orders WHERE district = %s AND id = %s", district.code, offered.id) == "offered"
    finally:
        fragile.start("dispatch")
    assert client.insist(message)["status"] == "ok"
    assert audit(fragile) == []


def test_more_commands_than_may_wait(fragile, inhabitants, district, book):
    """While intake cannot write, commands wait up to ZTC_QUEUE_MAX; past that the answer is busy. None is left without an answer, as long
    as nobody has more than 4,096 unanswered."""
    clients = [inhabitants.connect("feed", inhabitants.pair(district.code, "village-a", "village")) for _ in range(4)]
    lost = metric(fragile, "intake", "answers_lost_total")
    told, asked = collections.Counter(), 0

    def take(wait_s):
        for client in clients:
            while (answer := client.receive(wait_s)) is not None:
                told[answer["error"]["code"]] += 1

    book.rows("BEGIN")
    book.rows("LOCK TABLE intake.command IN ACCESS EXCLUSIVE MODE")
    try:
        for client in clients:
            for _ in range(4000):
                asked += 1
                client.send({"id": f"flood-{asked}", "type": "order_withdraw", "body": {"order": 999999999}})
        until = time.monotonic() + PATIENCE_S
        while not told["busy"]:
            assert time.monotonic() < until, "never busy"
            take(0)
        assert set(told) == {"busy"}
    finally:
        book.rows("ROLLBACK")
    until = time.monotonic() + PATIENCE_S
    while told.total() < asked:
        assert time.monotonic() < until, (told, asked)
        take(0.05)
    assert set(told) <= {"busy", "unknown_order", "not_ready"} and told["unknown_order"] > 0
    assert metric(fragile, "intake", "answers_lost_total") == lost
    for client in clients:
        client.close()
    assert audit(fragile) == []


# --- PostgreSQL ------------------------------------------------------------------------------------------------------------------------


def test_postgres_stopped(fragile, district, book, tmp_path):
    """Commands are told to come again, with nothing done; all processes stay, healthy and not ready; then all heals."""
    history = tmp_path / "history.jsonl"
    load = Load(fragile.env, 31, 60, str(history))
    run_until_half(load)
    pids = {service: fragile.pid(service) for service in SERVICES}
    village = district.as_("village", "village-a")
    (offered,) = bring([Order(district, way="offered")])
    asked = [Order(district).begin()[1], offered.command("order_cancel", village)[1]]
    reader = district.as_("village", "village-a", face="query")
    ok(reader.query("board"))
    book.close()
    fragile.stop("postgres")
    try:
        for message in asked:
            answer = village.ask(message, timeout=15)
            assert answer["status"] == "retry", answer
        assert reader.ask({"id": "away", "type": "board", "body": {}}, timeout=15)["status"] == "retry"
        for service in SERVICES:
            assert status(fragile, service, "/healthz") == 200, service
            wait_for(lambda its=service: status(fragile, its, "/readyz") == 503, f"{service} says that it is not ready")
        until = time.monotonic() + 2
        while time.monotonic() < until:
            load.turn()
    finally:
        fragile.start("postgres")
    book.__init__(fragile.env["ZTC_DSN"])
    for service in SERVICES:
        wait_for(lambda its=service: status(fragile, its, "/readyz") == 200, f"{service} is ready again")
    assert [village.insist(message)["status"] for message in asked] == ["ok", "ok"]
    while load.turn():
        pass
    load.close()
    assert load.refused == [] and pids == {service: fragile.pid(service) for service in SERVICES}
    assert audit(fragile, [str(history)]) == []


def test_backends_of_postgres_terminated(fragile, district, book, tmp_path):
    """Each service's connections cut, again and again, under load: the unknown outcome of a commit is found out, not guessed."""
    history = tmp_path / "history.jsonl"
    load = Load(fragile.env, 41, 60, str(history))
    cut, rounds, due = 0, 0, time.monotonic()
    while load.turn(5) or cut < 10:
        # Bounded: a machine so busy that nothing gets through between two cuts would otherwise never come to the end.
        if time.monotonic() > due and rounds < 40:
            rounds += 1
            cut += len(book.rows("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                                    WHERE usename LIKE 'ztc\\_%%' AND pid <> pg_backend_pid()"""))
            due = time.monotonic() + 0.3
    load.close()
    assert load.refused == []
    assert audit(fragile, [str(history)]) == []
