"""Peers that mean no good, at every socket that listens: the two faces and, of each process, PUB and ROUTER. Loopback only, bounded in count
and time. While they are at it, honest callers are answered within a bound, memory stays, and no process ends."""

import contextlib
import os
import resource
import selectors
import socket as sockets
import struct
import time
import urllib.request

import msgpack
import psycopg2
import pytest
import zmq
from people import District, People, ok

HALF_OPEN, FLOODING = 500, 100
GROWTH_KB = 16 * 1024
SPELL_S = 2.5
HONEST_S = 5.0  # an honest command is answered within
RECOVERY_S = 20.0
SERVERS = ("feed", "query", "intake pub", "intake router", "reporting pub", "reporting router", "dispatch pub", "dispatch router")

# ZMTP 3.0: signature, version 3.0, mechanism, as-server, filler.
SIGNATURE = b"\xff" + bytes(8) + b"\x7f"


def greeting(mechanism):
    return SIGNATURE + b"\x03\x00" + mechanism.ljust(20, b"\0") + b"\0" + bytes(31)


def long_frame(size, command=True):
    """The head of a frame that claims this many bytes."""
    return (b"\x06" if command else b"\x02") + struct.pack(">Q", size)


GARBAGE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(range(256)) * 64
NULL_READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


def limit_of(server):
    """Just what a socket takes before it is told who sends it: the worst that a stranger can make it hold."""
    return {"pub": 512, "router": 65536 + 4096 + 256}.get(server.split()[-1], 81920 + 256)


# What each kind of peer sends once it is connected; the last piece over and over for as long as the connection lasts.
KINDS = {
    "silent": lambda server: [b""],
    "signature only": lambda server: [SIGNATURE, b""],
    "greeting only": lambda server: [greeting(b"CURVE"), b""],
    "half a hello": lambda server: [greeting(b"CURVE"), b"\x04\xc8\x05HELLO\x01\x00", b""],
    "garbage": lambda server: [GARBAGE],
    "NULL": lambda server: [greeting(b"NULL") + NULL_READY, b"\x00\xffx" + bytes(254)],
    "PLAIN": lambda server: [greeting(b"PLAIN") + b"\x04\x0b\x05HELLO\x01a\x01b\x00", b""],
    "giant": lambda server: [greeting(b"CURVE"), long_frame(1 << 40), bytes(65536)],
    "just under the limit": lambda server: [greeting(b"CURVE"), long_frame(limit_of(server)), bytes(limit_of(server) - 1), b""],
    "a message before the handshake": lambda server: [greeting(b"CURVE"), long_frame(4096, command=False) + bytes(4096)],
    "small commands without end": lambda server: [greeting(b"CURVE"), b"\x04\x06\x05HELLO" * 512],
}
HOLDING = ("silent", "signature only", "greeting only", "half a hello")
STORMING = ("garbage", "NULL", "PLAIN", "giant", "just under the limit", "a message before the handshake", "small commands without end")


class Peer:
    """One connection at a time to one server; when it is closed from the other side it comes again."""

    def __init__(self, crowd, address, pieces):
        self.crowd, self.address, self.pieces = crowd, address, pieces
        self.socket = None
        self.open()

    def open(self):
        self.socket = sockets.socket()
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self.socket.connect(self.address)
        self.at, self.sent = 0, 0
        self.crowd.opened += 1
        self.crowd.selector.register(self.socket, selectors.EVENT_WRITE | selectors.EVENT_READ, self)

    def close(self):
        if self.socket is not None:
            self.crowd.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def again(self):
        self.crowd.dropped += 1
        self.close()
        self.open()

    def act(self, events):
        try:
            if events & selectors.EVENT_READ and not self.socket.recv(65536):
                raise ConnectionResetError
            if events & selectors.EVENT_WRITE:
                self.send()
        except BlockingIOError:
            pass
        except OSError:
            self.again()

    def send(self):
        piece = self.pieces[self.at]
        if piece:
            self.sent += self.socket.send(piece[self.sent:])
        if self.sent >= len(piece):
            self.sent = 0
            if self.at + 1 < len(self.pieces):
                self.at += 1
            elif not piece:
                self.crowd.selector.modify(self.socket, selectors.EVENT_READ, self)


class Crowd:
    """Many peers, moved on by turns of this thread, so that they end with the test."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.peers, self.opened, self.dropped = [], 0, 0

    def add(self, address, kind, server):
        self.peers.append(Peer(self, address, KINDS[kind](server)))

    def turn(self, patience_s=0.005):
        for key, events in self.selector.select(patience_s):
            key.data.act(events)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.selector.close()


def address_of(endpoint):
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


class Scene:
    def __init__(self, stack):
        self.stack = stack
        self.is_sanitized = b"__asan_init" in (stack.binaries / "intake").read_bytes()
        self.people = People(stack.env)
        self.district = District(self.people, "t-hostile")
        self.village = self.district.as_("village", "village-a")
        self.asker = self.district.as_("village", "village-a", face="query")

    def endpoint(self, server):
        if server in ("feed", "query"):
            return self.stack.env[f"ZTC_{server.upper()}"]
        service, _, what = server.partition(" ")
        return self.announced(service)[what]

    def announced(self, service):
        with contextlib.closing(psycopg2.connect(self.stack.env["ZTC_DSN"])) as records, records.cursor() as cursor:
            cursor.execute(f"SELECT pub, router FROM {service}.lease")
            return dict(zip(("pub", "router"), cursor.fetchone()))

    def processes(self):
        return {service: self.stack.pid(service) for service in ("intake", "dispatch", "reporting", "notification", "evaluation")}

    def resident(self):
        return {service: resident_kb(pid) for service, pid in self.processes().items()}

    def is_within(self, growth_kb, most_kb=GROWTH_KB):
        """Sanitizers keep what was freed for a while: their builds say nothing about memory."""
        return growth_kb <= most_kb or self.is_sanitized

    def dropped(self, service):
        with urllib.request.urlopen(self.stack.http(service) + "/metrics", timeout=5) as answer:
            return next(float(line.split()[-1]) for line in answer.read().decode().splitlines()
                        if line.startswith("ztc_answers_lost_total"))

    def growth(self):
        """Of every process since before the first hostile peer, whatever came in between."""
        return {service: size - self.before[service] for service, size in self.resident().items()}

    def honest(self, crowd=None):
        """A command and a query, while the crowd goes on; how long the slower one took."""
        return max(self.answered(self.village, {"id": self.village.new_id(), "type": "order_submit",
                                                "body": {"need": "外来务工人员社保咨询", "squads": ["squad-a"]}}, crowd),
                   self.answered(self.asker, {"id": self.asker.new_id(), "type": "board", "body": {}}, crowd))

    @staticmethod
    def answered(client, message, crowd):
        begun = time.monotonic()
        client.send(message)
        while not client.socket.poll(0 if crowd else 100):
            if crowd:
                crowd.turn()
            assert time.monotonic() - begun < RECOVERY_S, "an honest caller is not answered"
        answer = ok(client.receive(0))
        assert answer["id"] == message["id"]
        return time.monotonic() - begun

    def newcomer(self):
        """A caller that connects only now."""
        client = self.people.connect("feed", self.people.pair("t-hostile", "village-a", "village"))
        ok(client.command("order_submit", need="需求", squads=["squad-a"]))
        client.close()


@pytest.fixture(scope="module")
def scene(stack):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    scene = Scene(stack)
    # Once around, so that what is allocated at first use is there before anything is measured.
    for _ in range(20):
        scene.honest()
    scene.before = scene.resident()
    yield scene
    scene.people.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def besiege(scene, servers, spell_s=SPELL_S):
    """500 half-open and 100 flooding peers, spread over the servers; what honest callers and the memory see of it."""
    crowd, slowest, highest = Crowd(), 0.0, {}
    places = [(server, address_of(scene.endpoint(server))) for server in servers]
    pids = scene.processes()
    try:
        for i in range(HALF_OPEN):
            server, address = places[i % len(places)]
            crowd.add(address, HOLDING[i // len(places) % len(HOLDING)], server)
        for i in range(FLOODING):
            server, address = places[i % len(places)]
            crowd.add(address, STORMING[i // len(places) % len(STORMING)], server)
        until = time.monotonic() + spell_s
        while time.monotonic() < until:
            for _ in range(20):
                crowd.turn()
            slowest = max(slowest, scene.honest(crowd))
            for service, size in scene.growth().items():
                highest[service] = max(highest.get(service, 0), size)
        opened, dropped = crowd.opened, crowd.dropped
    finally:
        crowd.close()
    assert scene.processes() == pids, "a process ended"
    assert dropped > HALF_OPEN, "they are not dropped after the time of a handshake"
    print(f"{opened} connections, {dropped} dropped; slowest honest answer {slowest * 1000:.0f} ms; growth in KiB {highest}")
    return slowest, highest


@pytest.mark.parametrize("servers", [("feed",), ("query",), ("intake pub", "intake router"), ("reporting pub", "reporting router"), SERVERS],
                         ids=lambda servers: " ".join(servers) if len(servers) < 3 else "all at once")
def test_half_open_and_flooding_peers(scene, servers):
    """Acceptance: memory +16 MiB at most, honest callers unharmed."""
    slowest, highest = besiege(scene, servers)
    assert scene.is_within(max(highest.values())), highest
    assert slowest <= HONEST_S
    scene.newcomer()


@pytest.mark.parametrize("server", ["feed", "query", "intake pub", "intake router"])
def test_all_at_just_the_limit(scene, server):
    """The worst that 100 strangers can make one socket hold during a handshake, all of them at it."""
    crowd, highest = Crowd(), 0
    service = {"feed": "intake", "query": "reporting"}.get(server, server.split()[0])
    try:
        address = address_of(scene.endpoint(server))
        for _ in range(FLOODING):
            crowd.add(address, "just under the limit", server)
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            crowd.turn()
            highest = max(highest, scene.growth()[service])
        assert scene.honest(crowd) <= HONEST_S
    finally:
        crowd.close()
    print(f"growth of {service}: {highest} KiB")
    assert scene.is_within(highest)


def test_thousands_of_connections_a_second(scene):
    """Each one is closed at once; whoever is honest gets through, before, during and after."""
    addresses = [address_of(scene.endpoint(server)) for server in ("feed", "query", "intake router")]
    pids, count = scene.processes(), 0
    begun = time.monotonic()
    while count < 6000 and time.monotonic() - begun < 6.0:
        for address in addresses:
            for _ in range(20):
                with contextlib.suppress(OSError), sockets.create_connection(address, timeout=1) as connection:
                    connection.sendall(SIGNATURE)
                count += 1
        if count % 600 == 0:
            assert scene.honest() <= HONEST_S
    assert count >= 1000
    scene.newcomer()
    assert scene.processes() == pids
    assert scene.is_within(max(scene.growth().values())), scene.growth()


def use_pair(client, pair, server_key):
    client.curve_publickey, client.curve_secretkey = pair
    client.curve_serverkey = server_key


def test_full_handshakes_of_unknown_keys(scene):
    """100 clients that do everything right but are not registered: each costs a whole handshake, over and over."""
    context, denied = zmq.Context(), []
    server_key, pids = scene.stack.env["ZTC_SERVER_KEY"].encode(), scene.processes()
    begun = time.monotonic()
    while time.monotonic() - begun < 3.0:
        for _ in range(FLOODING):
            client = context.socket(zmq.DEALER)
            client.linger = 0
            use_pair(client, zmq.curve_keypair(), server_key)
            client.connect(scene.endpoint("feed"))
            denied.append(client)
        assert scene.honest() <= HONEST_S
        while denied:
            denied.pop().close()
    context.destroy(linger=0)
    scene.newcomer()
    assert scene.processes() == pids


# --- who has a key, and misbehaves ------------------------------------------------------------------------------------------------------


def test_giant_frame_after_the_handshake(scene):
    before, pids = scene.resident(), scene.processes()
    for face, service in (("feed", "intake"), ("query", "reporting")):
        client = scene.people.connect(face, scene.people.pair("t-hostile", "village-a", "village"))
        monitor = client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        client.send({"id": "first", "type": "board" if face == "query" else "order_submit", "body": {}})
        assert client.receive()
        client.send_raw(bytes(16 * 1024 * 1024))
        assert monitor.poll(60000), "the connection stays open"
        client.socket.disable_monitor()
        client.close()
        assert scene.is_within(resident_kb(pids[service]) - before[service])
    assert scene.honest() <= HONEST_S
    assert scene.processes() == pids


@pytest.mark.parametrize("face, service, message", [
    ("feed", "intake", {"id": "i" * 128, "type": "nonsense", "body": {}}),
    ("query", "reporting", {"id": "deaf", "type": "directory_list", "body": {"kind": "village", "limit": 500}})], ids=["feed", "query"])
def test_answers_that_nobody_reads(scene, face, service, message):
    """A registered caller that asks and never reads: so many answers wait for it (4,096 of commands, 256 of queries), the rest is dropped."""
    before, dropped, pids = scene.resident(), scene.dropped(service), scene.processes()
    context = zmq.Context()
    client = context.socket(zmq.DEALER)
    client.linger, client.rcvhwm, client.rcvbuf, client.sndhwm = 0, 1, 4096, 100
    use_pair(client, scene.people.pair("t-hostile", "village-a", "village"), scene.stack.env["ZTC_SERVER_KEY"].encode())
    client.connect(scene.endpoint(face))
    frame, until = msgpack.packb(message), time.monotonic() + 20.0
    while scene.dropped(service) == dropped:
        assert time.monotonic() < until, "nothing is dropped: the queue has no bound"
        for _ in range(200):
            if client.poll(100, zmq.POLLOUT):
                client.send(frame)
    deadline = time.monotonic() + RECOVERY_S
    while scene.honest() > HONEST_S:  # what it asked before comes first
        assert time.monotonic() < deadline, "honest callers wait behind the deaf one"
    grown = scene.resident()[service] - before[service]
    print(f"growth of {service}: {grown} KiB")
    client.close()
    context.destroy(linger=0)
    assert scene.is_within(grown, 4 * GROWTH_KB)
    assert scene.processes() == pids


# --- no descriptors left ----------------------------------------------------------------------------------------------------------------


def test_out_of_descriptors(scene):
    """More connections than descriptors: who is connected goes on, the process stays, and when they are gone newcomers get in."""
    stack = scene.stack
    pid = stack.pid("intake")
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    connections = []
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 50, limits[1]))
    try:
        until = time.monotonic() + 3.0
        while time.monotonic() < until:
            while len(connections) < 300:
                connection = sockets.socket()
                connection.setblocking(False)
                with contextlib.suppress(OSError):
                    connection.connect(address_of(scene.endpoint("feed")))
                connections.append(connection)
            assert scene.honest() <= HONEST_S
            for connection in connections[:100]:
                connection.close()
            del connections[:100]
    finally:
        for connection in connections:
            connection.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert stack.pid("intake") == pid
    scene.newcomer()
