"""A client of the REST face: http.client and json of the standard library only, the second implementation of its wire format.

    village = Rest(env["ZTC_API"], env["ZTC_REPORTS"], env["ZTC_BEARER_VILLAGE"])
    answer = village.post("/v1/orders", {"need": "…", "squads": ["hrss-social-insurance"]})
"""
import http.client
import itertools
import json
import secrets
import time
import urllib.parse
import uuid


def new_token():
    return "ztc_" + secrets.token_urlsafe(32)


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"))

    def __repr__(self):
        return f"{self.status} {self.body[:2000]!r}"


class Rest:
    """One token's connections to the two servers, kept alive."""

    def __init__(self, api, reports, token, timeout=30.0):
        self.urls, self.token, self.timeout = {"api": api, "reports": reports}, token, timeout
        self.connections = {}
        self.counter, self.prefix = itertools.count(1), uuid.uuid4().hex[:12]

    def close(self):
        for connection in self.connections.values():
            connection.close()

    def connection(self, face):
        if face not in self.connections:
            self.connections[face] = http.client.HTTPConnection(urllib.parse.urlsplit(self.urls[face]).netloc, timeout=self.timeout)
        return self.connections[face]

    def new_id(self):
        return f"{self.prefix}-{next(self.counter)}"

    def send(self, face, method, path, body=None, headers=(), authorised=True):
        """One request, once; on a connection that the server closed meanwhile a second time."""
        headers = dict(headers)
        if authorised and self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        for last in (False, True):
            connection = self.connection(face)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                return Answer(response, response.read())
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()
                if last:
                    raise
        raise AssertionError("not reached")

    def post(self, path, body=None, id=None, headers=(), on_behalf_of=None, patient=True):
        """A command; `patient` repeats it with the same id while the answer is 503."""
        headers = {"Idempotency-Key": id or self.new_id(), **dict(headers)}
        if on_behalf_of is not None:
            headers["Ztc-On-Behalf-Of"] = on_behalf_of
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8")
        return self.insist("api", "POST", path, body, headers, patient)

    def get(self, path, headers=(), patient=True, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters, doseq=True)
        return self.insist("reports", "GET", path, None, dict(headers), patient)

    def insist(self, face, method, path, body, headers, patient):
        until = time.monotonic() + self.timeout
        while True:
            answer = self.send(face, method, path, body, headers)
            if answer.status != 503 or not patient or time.monotonic() > until:
                return answer
            time.sleep(0.1)
