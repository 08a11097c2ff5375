"""A receiver of webhooks: an HTTP server of a test's own on loopback, which keeps what it got and answers as it is told, and a second
implementation of the signature (Standard Webhooks 1.0)."""

import base64
import collections
import hashlib
import hmac
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE_S = 30.0
Request = collections.namedtuple("Request", "path headers body")
Reply = collections.namedtuple("Reply", "status headers delay body", defaults=(200, {}, 0.0, b""))


def new_secret(length=32):
    return "whsec_" + base64.b64encode(os.urandom(length)).decode("ascii")


def signature(secret, identity, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()).decode("ascii")


def signatures_of(request):
    return request.headers["webhook-signature"].split(" ")


def signed_by(request, secret):
    return signature(secret, request.headers["webhook-id"], request.headers["webhook-timestamp"], request.body) in signatures_of(request)


def event_of(request):
    return json.loads(request.body)


class Receiver:
    """One server; each path of it is an endpoint: receiver.url("/a"). Answers 200 unless `replies[path]` says otherwise: a list that is
    used up one by one, its last reply for ever, or a function of the request."""

    def __init__(self):
        self.requests = []
        self.replies = {}
        self.changed = threading.Condition()
        self.released = threading.Event()  # lets delayed answers end at once
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                reply = receiver.take(request)
                receiver.released.wait(reply.delay)
                try:
                    self.send_response(reply.status)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(reply.body)))
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:
                    self.close_connection = True  # the sender lost its patience

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def take(self, request):
        with self.changed:
            self.requests.append(request)
            replies = self.replies.get(request.path, [Reply()])
            reply = replies(request) if callable(replies) else replies.pop(0) if len(replies) > 1 else replies[0]
            self.changed.notify_all()
        return reply

    def at(self, path):
        with self.changed:
            return [request for request in self.requests if request.path == path]

    def wait(self, path, count=1, patience_s=PATIENCE_S):
        """The requests at a path once there are so many."""
        until = time.monotonic() + patience_s
        with self.changed:
            while len(found := [request for request in self.requests if request.path == path]) < count:
                if not self.changed.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    raise AssertionError(f"{path} got {len(found)} of {count} requests")
        return found

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def eventually(condition, what, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, f"never came about: {what}"
        time.sleep(0.02)
    return found
