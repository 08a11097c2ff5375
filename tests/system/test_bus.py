"""Between the services: only who has the deployment's bus certificate gets in; it can be rotated without a stop; and whatever is started or
lost in whatever order, all find each other again in bounded time."""

import contextlib
import itertools
import json
import random
import struct
import time

import msgpack
import pytest
import zmq
import zmq.auth
from audit import audit
from handshake import gets_in
from ledger import Ledger
from load import Load
from people import District, Order, People, bring
from stack_home import SERVICES
from stack_services import certificate

PATIENCE_S = 60.0
MALFORMED = b"Cno forward"  # as from a service of ours that lost its mind
CONNECTED_S = 20.0  # from ready to the first order that went through all services


@pytest.fixture(scope="module")
def stack(stack_maker):
    stack = stack_maker("bus", settings={"ZTC_LEASE_TTL_MS": "1500", "ZTC_ANSWER_WAIT_MS": "1500"})
    yield stack
    assert audit(stack) == []


@pytest.fixture(scope="module")
def district(stack):
    people = People(stack.env)
    yield District(people, "t-bus", squads={"squad-a": {"capacity": 64}, "squad-b": {"capacity": 64}})
    people.close()


@pytest.fixture
def book(stack):
    ledger = Ledger(stack.env["ZTC_DSN"])
    yield ledger
    ledger.close()


def lease(book, service):
    return dict(zip(("pub", "router", "key"), book.rows(f"SELECT pub, router, key FROM {service}.lease")[0]))


def test_each_key_at_its_own_door(stack, district, book):
    """A village's key on PUB and ROUTER of every service, the bus key on both faces: each handshake that is not the key's own fails."""
    bus = zmq.auth.load_certificate(str(stack.home.keys / "bus.key_secret"))
    village = district.people.pair(district.code, "village-a", "village")
    server_key = stack.env["ZTC_SERVER_KEY"].encode()
    for service in SERVICES:
        where = lease(book, service)
        assert where["key"].encode() == bus[0]
        for kind, endpoint in ((zmq.SUB, where["pub"]), (zmq.DEALER, where["router"])):
            assert gets_in(endpoint, kind, bus, bus[0])
            assert not gets_in(endpoint, kind, village, bus[0])
            assert not gets_in(endpoint, kind, zmq.curve_keypair(), bus[0])
            assert not gets_in(endpoint, kind, bus, server_key)
            assert not gets_in(endpoint, kind, None, None)
    for face in ("ZTC_FEED", "ZTC_QUERY"):
        assert gets_in(stack.env[face], zmq.DEALER, village, server_key)
        assert not gets_in(stack.env[face], zmq.DEALER, bus, server_key)
        assert not gets_in(stack.env[face], zmq.DEALER, None, None)


def test_certificate_and_its_secret_are_the_owners_alone(stack):
    for name in ("bus", "server", "operator"):
        assert (stack.home.keys / f"{name}.key_secret").stat().st_mode & 0o077 == 0
    assert stack.home.keys.stat().st_mode & 0o077 == 0
    logs = "".join(stack.log(name) for name in SERVICES)
    for secret in stack.home.keys.glob("*.key_secret"):
        assert zmq.auth.load_certificate(str(secret))[1].decode() not in logs


def goes_through(district):
    """Intake relays to dispatch, dispatch's events reach reporting, which relays to notification."""
    begun = time.monotonic()
    (order,) = bring([Order(district, way="closed")])
    answer = district.as_("village", "village-a", face="query").query("inbox", limit=1)
    assert answer["status"] == "ok"
    assert time.monotonic() - begun < CONNECTED_S
    return order


def test_started_in_any_order(stack, district):
    """Five orders of starting, each time PostgreSQL too is stopped and started somewhere in between."""
    orders = list(itertools.permutations(SERVICES))
    dice = random.Random(3)
    for names in dice.sample(orders, 5):
        for name in SERVICES:
            stack.stop(name)
        lost_at = dice.randrange(len(names))
        for at, name in enumerate(names):
            stack.home.hold_file(name).unlink()
            if at == lost_at:
                stack.stop("postgres")
                stack.start("postgres")
        stack.wait_ready(patience_s=PATIENCE_S)
        goes_through(district)


def restart(stack, name):
    stack.stop(name)
    stack.start(name)


def test_rotation_of_the_bus_certificate_under_load(stack, book, tmp_path):
    """The order of docs/decisions/0010: all learn of the new one; all show the new one; all forget the old one. One service at a time."""
    old = stack.home.keys / "bus.key_secret"
    _, new = certificate(stack.home.keys, "bus-2")
    rounds = ({"ZTC_BUS_CURVE_OTHER": str(new)},
              {"ZTC_BUS_CURVE": str(new), "ZTC_BUS_CURVE_OTHER": str(old.with_name("bus.key"))},
              {"ZTC_BUS_CURVE_OTHER": None})
    history = tmp_path / "history.jsonl"
    load = Load(stack.env, 31, 400, str(history))
    dice = random.Random(4)
    told = {name: len(stack.log(name)) for name in SERVICES}
    for settings in rounds:
        stack.set(**settings)
        for name in dice.sample(SERVICES, len(SERVICES)):
            for _ in range(30):
                load.turn()
            restart(stack, name)
    while load.turn():
        pass
    load.close()
    shown = {lease(book, name)["key"] for name in SERVICES}
    assert shown == {zmq.auth.load_certificate(str(new))[0].decode()}
    assert load.refused == []
    assert {json.loads(line)["told"] for line in history.read_text(encoding="utf-8").splitlines()} <= {"sent", "ok"}
    for name in SERVICES:
        assert "is not known here" not in stack.log(name)[told[name]:], f"{name} met a key that it did not know"
    assert audit(stack, [str(history)]) == []
    # The old one opens nothing any more.
    pair = zmq.auth.load_certificate(str(old))
    where = lease(book, "intake")
    assert not gets_in(where["router"], zmq.DEALER, pair, where["key"].encode())


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"never came about: {what}"
        time.sleep(0.05)


def test_a_key_out_of_turn_is_told_and_heals(stack, district):
    """A service that is restarted with a certificate the others do not know: they say so, nothing is lost, and the right one heals it."""
    now = stack.home.wish()["settings"].get("ZTC_BUS_CURVE", str(stack.home.keys / "bus.key_secret"))
    _, strange = certificate(stack.home.keys, "bus-strange")
    orders = bring(Order(district, way="offered") for _ in range(2))
    stack.set(ZTC_BUS_CURVE=str(strange))
    stack.stop("dispatch")
    said = len(stack.log("intake"))
    stack.home.hold_file("dispatch").unlink()
    wait_for(lambda: "a peer shows a bus key that is not known here" in stack.log("intake")[said:], "intake tells")
    client, message = orders[0].command("assignment_accept")
    answer = client.ask(message)
    assert (answer["status"], answer["error"]["code"]) == ("retry", "unanswered")
    stack.set(ZTC_BUS_CURVE=now)
    restart(stack, "dispatch")
    assert client.insist(message)["status"] == "ok"
    goes_through(district)


# --- what they say to each other (docs/decisions/0017) -----------------------------------------------------------------------------------


@contextlib.contextmanager
def as_service(stack, kind, where, what):
    """A socket like a service's own, at this service's PUB or ROUTER."""
    context = zmq.Context()
    socket = context.socket(kind)
    socket.linger = 0
    now = stack.home.wish()["settings"].get("ZTC_BUS_CURVE", str(stack.home.keys / "bus.key_secret"))
    socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(now)
    socket.curve_serverkey = where["key"].encode()
    socket.connect(where[what])
    yield socket
    context.destroy(linger=0)


def bundle(entries):
    return b"".join(struct.pack(">QI", number, len(body)) + body for number, body in entries)


def entries_of(frame):
    found = []
    while frame:
        number, length = struct.unpack_from(">QI", frame)
        assert 0 < length <= len(frame) - 12
        found.append((number, frame[12:12 + length]))
        frame = frame[12 + length:]
    return found


def hear(socket):
    assert socket.poll(20000), "nothing comes"
    return socket.recv_multipart()


def test_what_is_published_is_the_log(stack, district, book):
    """Each event once, alone or in a bundle; and bundles there are when many orders go at a time."""
    book.wait_quiet()
    with as_service(stack, zmq.SUB, lease(book, "dispatch"), "pub") as socket:
        socket.subscribe(b"")
        first = struct.unpack(">iq", hear(socket)[1])[1]  # a heartbeat: the head
        bring(Order(district, way="closed") for _ in range(80))
        book.wait_quiet()
        log = dict(book.rows('SELECT "offset", type FROM dispatch.event WHERE "offset" > %s', first))
        heard, bundled = [], 0
        while len(heard) < len(log):
            frames = hear(socket)
            if len(frames) == 1:
                part, found = struct.unpack_from(">i", frames[0])[0], entries_of(frames[0][4:])
                assert len(found) > 1 and len(frames[0]) <= 65536
                bundled += len(found)
            else:
                kind, head, body = frames
                part, offset = struct.unpack(">iq", head)
                found = [(offset, body)] if kind != b"heartbeat" else []
            assert part == 0
            heard += found
    assert [offset for offset, _ in heard] == sorted(log)
    for offset, body in heard:
        event = msgpack.unpackb(body)
        assert (event["offset"], event["type"].rpartition(".")[2]) == (offset, log[offset])
    assert bundled > len(log) / 2


def test_asked_alone_or_together(stack, book):
    """Who asks alone is answered alone, as a build that knows no bundles needs it; who asks in a bundle, in bundles; what is neither does no harm."""
    with as_service(stack, zmq.DEALER, lease(book, "dispatch"), "router") as socket:
        socket.send_multipart([struct.pack(">Q", 0), b"B"])
        assert hear(socket) == [struct.pack(">Q", 0), b"Bb"]
        socket.send_multipart([struct.pack(">Q", 5), MALFORMED])
        sequence, answer = hear(socket)
        assert struct.unpack(">Q", sequence) == (5,) and msgpack.unpackb(answer)["error"]["code"] == "malformed"
        socket.send(bundle((number, MALFORMED) for number in range(1, 1001)))
        answered = []
        while len(answered) < 1000:
            (frame,) = hear(socket)
            assert len(frame) <= 65536
            answered += entries_of(frame)
        assert sorted(number for number, _ in answered) == list(range(1, 1001))
        assert {msgpack.unpackb(answer)["error"]["code"] for _, answer in answered} == {"malformed"}
        for garbage in (b"", b"x", bytes(12), bundle([(1, b"B")])[:-1], struct.pack(">QI", 1, 2 ** 32 - 1) + b"B", bundle([(1, b"B")]) + b"x"):
            socket.send(garbage)
            (answer,) = hear(socket)
            assert msgpack.unpackb(answer)["error"]["code"] == "malformed"
