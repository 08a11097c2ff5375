"""A client of Zhitongche in Python: pyzmq and msgpack only, the second implementation of the wire formats of common/events/envelope.h.

    client = Client(env["ZTC_FEED"], env["ZTC_SERVER_KEY"], env["ZTC_KEY_VILLAGE"])
    answer = client.command("order_submit", need="…", squads=["hrss-social-insurance"])
"""
import itertools
import os
import time
import uuid

import msgpack
import zmq
import zmq.auth


def read_env(path):
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines if "=" in line)


def key_pair(certificate):
    """(public, secret) of a zcert file, or of a pair given as such."""
    if isinstance(certificate, tuple):
        return certificate
    public, secret = zmq.auth.load_certificate(certificate)
    return public, secret


class Client:
    """One key's connection to a face. Blocking; answers are matched by id, so late ones do no harm."""

    def __init__(self, endpoint, server_key, certificate, timeout=20.0, socket_type=zmq.DEALER):
        self.timeout = timeout
        self.socket = zmq.Context.instance().socket(socket_type)
        public, secret = key_pair(certificate)
        self.socket.curve_publickey, self.socket.curve_secretkey = public, secret
        self.socket.curve_serverkey = server_key.encode() if isinstance(server_key, str) else server_key
        self.socket.linger = 0
        self.socket.sndtimeo = 10000  # a denied key has no connection to send on: an error, not a hang
        self.socket.sndhwm = self.socket.rcvhwm = 100000
        self.socket.connect(endpoint)
        self.counter = itertools.count(1)
        self.prefix = uuid.uuid4().hex[:12]

    def close(self):
        self.socket.close()

    def send(self, message):
        self.send_raw(message if isinstance(message, bytes) else msgpack.packb(message, use_bin_type=True))

    def send_raw(self, *frames):
        self.socket.send_multipart(frames)

    def receive(self, timeout=None):
        """One answer, or None when none came in time."""
        if not self.socket.poll(int((self.timeout if timeout is None else timeout) * 1000)):
            return None
        return msgpack.unpackb(self.socket.recv_multipart()[-1], raw=False, strict_map_key=True)

    def ask(self, message, timeout=None):
        """Sends a command or query and waits for the answer of its id."""
        self.send(message)
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            answer = self.receive(max(0, until - time.monotonic()))
            if answer is None:
                raise TimeoutError(f"no answer to {message.get('type')} {message.get('id')}")
            if answer.get("id") == message.get("id"):
                return answer

    def new_id(self):
        return f"{self.prefix}-{next(self.counter)}"

    def command(self, kind, /, *, id=None, on_behalf_of=None, time_ms=None, patient=True, **body):
        """One command; `patient` repeats it with the same id while the answer is retry or does not come."""
        message = {"id": id or self.new_id(), "type": kind, "body": body}
        if on_behalf_of is not None:
            message["on_behalf_of"] = on_behalf_of
        if time_ms is not None:
            message["time"] = time_ms
        return self.insist(message) if patient else self.ask(message)

    def query(self, kind, /, *, positions=(), patient=True, **body):
        message = {"id": self.new_id(), "type": kind, "body": body}
        if positions:
            message["after"] = list(positions)
        return self.insist(message) if patient else self.ask(message)

    def insist(self, message):
        until = time.monotonic() + self.timeout
        pause = 0.05
        while True:
            try:
                answer = self.ask(message, timeout=min(6.0, self.timeout))
                if answer["status"] != "retry" or time.monotonic() > until:
                    return answer
            except TimeoutError:
                if time.monotonic() > until:
                    raise
            time.sleep(pause)
            pause = min(1.0, pause * 2)


def register_key(operator, district, organisation, role):
    """Makes a key pair and registers it; returns the pair."""
    public, secret = zmq.curve_keypair()
    answer = operator.command("key_register", district=district, organisation=organisation, role=role, public_key=public.decode(),
                              name=f"test {os.getpid()}")
    assert answer["status"] == "ok", answer
    return public, secret
