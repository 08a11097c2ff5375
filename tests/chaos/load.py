"""A load of real lives: orders of Yinzhou that go through all six steps with scores, many at once, each step by the key of the organisation
whose step it is. Everything asked and everything told is kept in a history file (fsynced), for the auditor.

Every command has an id of its own that is repeated until an answer comes that is not `retry`, as any careful client does."""
import collections
import heapq
import itertools
import json
import os
import random
import sys
import time

import msgpack
import zmq

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import zhitongche  # noqa: E402

DISTRICT = "330212"
HOUR_MS = 3600 * 1000
RETRY_AFTER_S = 4.0


class Life:
    """One order's way: which step is next, whose it is, what it says."""

    def __init__(self, load, number):
        self.number, self.load = number, load
        self.place, self.town = load.random.choice(load.places)
        self.squad = load.random.choice(load.squads)
        self.second = load.random.choice([squad for squad in load.squads if squad != self.squad])
        self.order, self.serving, self.tries = None, self.squad, 0
        # One in ten is returned once, one in ten declined by its first squad, one in twenty served again before it is confirmed; one in ten
        # is of two squads that must both come.
        self.joint = number % 10 == 6
        self.steps = collections.deque(["order_submit"])
        if number % 10 == 3:
            self.steps += ["order_return", "order_resubmit"]
        self.steps.append("order_place")
        if number % 10 == 7:
            self.steps.append("assignment_decline")
        for step in ("assignment_accept", "assignment_check_in", "assignment_complete"):
            self.steps += [step, step] if self.joint else [step]
        if number % 20 == 5:
            self.steps += ["order_reopen", "assignment_accept", "assignment_check_in", "assignment_complete"]
        self.steps.append("order_confirm")
        self.done = 0

    def wish(self):
        squads = "required" if self.joint else "squads"
        return {"need": f"第 {self.number} 件：外来务工人员社保咨询", squads: [self.squad, self.second], "expected_people": self.number % 300}

    def command(self):
        """(whose key, type, body) of the next step."""
        step = self.steps[0]
        if step == "order_submit":
            return self.place, step, self.wish()
        body = {"order": self.order}
        if step == "order_return":
            return self.town, step, {**body, "reason": "请补充人数"}
        if step == "order_resubmit":
            return self.place, step, {**body, **self.wish()}
        if step == "order_place":
            return self.town, step, body
        if step == "assignment_decline":
            return self.squad, step, {**body, "reason": "当日已满"}
        if step == "assignment_accept":
            start = self.load.next_window(self.serving)
            return self.serving, step, {**body, "window_start": start, "window_end": start + HOUR_MS}
        if step == "assignment_check_in":
            return self.serving, step, body
        if step == "assignment_complete":
            return self.serving, step, {**body, "people_served": self.number % 500, "items": {"电子社保卡": self.number % 80}}
        if step == "order_reopen":
            return self.place, step, {**body, "reason": "还有人没办上"}
        return self.place, step, {**body, "satisfaction": 1 + (self.number * 7 + 3) % 5, "service": 4}

    def took(self, answer):
        """The step was answered ok: on to the next."""
        if self.steps[0] == "order_submit":
            self.order = answer["result"]["order"]
        if self.steps[0] == "assignment_decline":
            self.serving = self.second
        elif self.joint and self.steps[0].startswith("assignment_"):
            self.serving = self.second if self.serving == self.squad else self.squad
        self.steps.popleft()
        self.done += 1
        self.tries = 0


class Load:
    def __init__(self, env, seed, lives, history, in_flight=64):
        self.env, self.seed, self.in_flight = env, seed, in_flight
        self.random = random.Random(seed)
        self.history = open(history, "a", encoding="utf-8")
        self.poller = zmq.Poller()
        self.clients = {}
        self.windows = collections.Counter()
        # Far enough from now and from other seeds' windows that lives of several runs over the same data do not meet.
        self.first_window = int(time.time() * 1000) // HOUR_MS * HOUR_MS + (30 + seed % 1000 * 365) % 20000 * 24 * HOUR_MS
        self.make_keys()
        self.waiting = collections.deque(Life(self, number) for number in range(lives))
        self.total, self.finished, self.refused = lives, 0, []
        self.pending = {}  # command id -> (life, key name, message, due)
        self.due = []
        self.sequence = itertools.count()

    def make_keys(self):
        """A key for each organisation that acts: 12 places of 6 towns, 8 squads."""
        operator = zhitongche.Client(self.env["ZTC_FEED"], self.env["ZTC_SERVER_KEY"], self.env["ZTC_KEY_OPERATOR"], timeout=60)
        committee = zhitongche.Client(self.env["ZTC_QUERY"], self.env["ZTC_SERVER_KEY"], self.env["ZTC_KEY_COMMITTEE"], timeout=60)
        places = listing(committee, "village")
        towns = sorted({place["parent"] for place in places})
        chosen = self.random.sample(towns, 6)
        self.places = [(place["code"], place["parent"]) for town in chosen for place in
                       [place for place in places if place["parent"] == town][:2]]
        self.squads = self.random.sample([squad["code"] for squad in listing(committee, "squad")], 8)
        for code, role in ([(place, "village") for place, _ in self.places] + [(town, "town") for town in chosen] +
                           [(squad, "squad") for squad in self.squads]):
            pair = zhitongche.register_key(operator, DISTRICT, code, role)
            client = zhitongche.Client(self.env["ZTC_FEED"], self.env["ZTC_SERVER_KEY"], pair)
            self.clients[code] = client
            self.poller.register(client.socket, zmq.POLLIN)
        self.by_socket = {client.socket: code for code, client in self.clients.items()}
        operator.close()
        committee.close()

    def next_window(self, squad):
        self.windows[squad] += 1
        return self.first_window + self.windows[squad] * HOUR_MS

    def write(self, life, code, message, told, **more):
        entry = {"key": [DISTRICT, code, message["id"]], "type": message["type"], "told": told, **more}
        self.history.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def begin(self, life):
        code, kind, body = life.command()
        life.tries += 1
        message = {"id": f"load:{self.seed}:{os.getpid()}:{life.number}:{life.done}:{kind}:{life.tries}", "type": kind, "body": body}
        self.write(life, code, message, "sent")
        self.put(life, code, message)

    def put(self, life, code, message):
        due = time.monotonic() + RETRY_AFTER_S
        self.pending[message["id"]] = (life, code, message, due)
        heapq.heappush(self.due, (due, next(self.sequence), message["id"]))
        self.clients[code].send(message)

    def answered(self, answer):
        entry = self.pending.get(answer["id"])
        if entry is None:
            return  # a second answer to a repeated command
        life, code, message, _ = entry
        if answer["status"] == "retry":
            # Tried again when due, a little earlier than a lost one.
            heapq.heappush(self.due, (time.monotonic() + 0.3, next(self.sequence), answer["id"]))
            self.pending[answer["id"]] = (life, code, message, 0)
            return
        del self.pending[answer["id"]]
        if answer["status"] == "ok":
            self.write(life, code, message, "ok", order=answer["result"].get("order"))
            life.took(answer)
        else:
            error = answer["error"]
            self.write(life, code, message, "refused", code=error["code"])
            if error["code"] != "window_taken" or life.tries > 200:
                self.refused.append((message["type"], error, life.number))
                self.finished += 1
                return
        if life.steps:
            self.begin(life)
        else:
            self.finished += 1

    def repeat_overdue(self):
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            _, _, name = heapq.heappop(self.due)
            entry = self.pending.get(name)
            if entry is not None and entry[3] <= now:
                self.put(*entry[:3])

    def turn(self, wait_ms=50):
        """One round: new lives up to the limit, answers taken, overdue commands repeated. False when all is done."""
        while self.waiting and len(self.pending) < self.in_flight:
            self.begin(self.waiting.popleft())
        self.history.flush()
        os.fsync(self.history.fileno())
        for socket, _ in self.poller.poll(wait_ms):
            for _ in range(256):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self.answered(msgpack.unpackb(frames[-1], raw=False))
        self.repeat_overdue()
        return self.finished < self.total

    def more(self, lives):
        """More of the same, when the load would end too early."""
        self.waiting.extend(Life(self, number) for number in range(self.total, self.total + lives))
        self.total += lives

    def close(self):
        self.history.flush()
        os.fsync(self.history.fileno())
        self.history.close()
        for client in self.clients.values():
            client.close()


def listing(client, kind):
    """All organisations of a kind, page by page."""
    found, more = [], {}
    while True:
        answer = client.query("directory_list", kind=kind, limit=500, **more)
        assert answer["status"] == "ok", answer
        page = answer["result"]["organisations"]
        found += page
        if len(page) < 500:
            return found
        more = {"after": page[-1]["code"]}
