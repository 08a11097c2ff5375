"""The people of a test: a key for each organisation and role, their connections, districts of a test's own, and orders brought to any
state through the real system. Everything is sent in bursts: first all of it, then the answers are taken."""

import hashlib
import itertools
import time

import zmq
from rest import Rest, new_token
from zhitongche import Client, register_key

YINZHOU = "330212"
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
PATIENCE_S = 30.0


def now_ms():
    return int(time.time() * 1000)


def burst(sends, patience_s=PATIENCE_S, patient=True):
    """Sends every (client, message) before it takes any answer; the answers, in the order of the sends. `patient`: what is answered
    with retry is asked again with the same id."""
    poller = zmq.Poller()
    owners, answers, clients = {}, {}, {}
    for client, message in sends:
        owners[client.socket, message["id"]] = client, message
        clients[client.socket] = client
        if client.socket not in poller:
            poller.register(client.socket, zmq.POLLIN)
    assert len(owners) == len(sends), "an id is used twice"
    for client, message in sends:
        client.send(message)
    until = time.monotonic() + patience_s
    again = []
    while len(answers) < len(owners):
        if time.monotonic() > until:
            missing = [message for key, (_, message) in owners.items() if key not in answers]
            raise TimeoutError(f"{len(missing)} of {len(owners)} commands were not answered; the first: {missing[0]}")
        for socket, _ in poller.poll(50):
            while (answer := clients[socket].receive(0)) is not None:
                key = socket, answer["id"]
                if key not in owners:
                    continue  # a late answer to somebody's earlier question
                if answer["status"] == "retry" and patient:
                    again.append((time.monotonic() + 0.2, owners[key]))
                else:
                    answers[key] = answer
        while again and again[0][0] <= time.monotonic():
            client, message = again.pop(0)[1]
            client.send(message)
    return [answers[client.socket, message["id"]] for client, message in sends]


def ok(answers):
    """The answers, all of which must be ok."""
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer["status"] == "ok", answer
    return answers


class People:
    """Keys and connections, each made on first use and kept."""

    def __init__(self, env):
        self.env = env
        self.pairs = {}
        self.clients = {}
        self.tokens = {}
        self.rests = {}
        self.numbers = itertools.count(1)
        self.operator = self.connect("feed", env["ZTC_KEY_OPERATOR"])
        self.observer = self.connect("query", env["ZTC_KEY_COMMITTEE"])

    def connect(self, face, key, **options):
        return Client(self.env["ZTC_FEED" if face == "feed" else "ZTC_QUERY"], self.env["ZTC_SERVER_KEY"], key, **options)

    def close(self):
        for client in [self.operator, self.observer, *self.clients.values(), *self.rests.values()]:
            client.close()

    def pair(self, district, organisation, role):
        """The key pair of (organisation, role), registered and known to reporting too."""
        name = district, organisation, role
        if name not in self.pairs:
            self.register([name])
        return self.pairs[name]

    def register(self, names):
        """Keys for all of these at once."""
        fresh = [name for name in dict.fromkeys(names) if name not in self.pairs]
        made = [zmq.curve_keypair() for _ in fresh]
        answers = ok(burst([(self.operator, self.message(
            "key_register", district=district, organisation=organisation, role=role, public_key=public.decode(), name="test"))
            for (district, organisation, role), (public, _) in zip(fresh, made)]))
        self.pairs.update(zip(fresh, made))
        if answers:
            self.seen(answers[-1])

    def seen(self, answer):
        """Waits until reporting has applied what an answer told of."""
        ok(self.observer.query("directory_list", positions=answer["events"], limit=1))

    def as_(self, role, organisation, district=YINZHOU, face="feed"):
        name = district, organisation, role, face
        if name not in self.clients:
            self.clients[name] = self.connect(face, self.pair(district, organisation, role))
        return self.clients[name]

    def token(self, district, organisation, role):
        """The bearer token of (organisation, role), registered and known to reporting too."""
        name = district, organisation, role
        if name not in self.tokens:
            token = new_token()
            whose = {} if district is None else {"district": district, "organisation": organisation}
            self.seen(ok(self.operator.command("bearer_register", digest=hashlib.sha256(token.encode()).hexdigest(), role=role,
                                               name="test", **whose)))
            self.tokens[name] = token
        return self.tokens[name]

    def rest(self, role, organisation, district=YINZHOU):
        """The same over HTTP."""
        name = district, organisation, role
        if name not in self.rests:
            self.rests[name] = Rest(self.env["ZTC_API"], self.env["ZTC_REPORTS"], self.token(*name))
        return self.rests[name]

    def message(self, kind, /, on_behalf_of=None, time_ms=None, **body):
        message = {"id": f"test-{id(self):x}-{next(self.numbers)}", "type": kind, "body": body}
        if on_behalf_of is not None:
            message["on_behalf_of"] = on_behalf_of
        if time_ms is not None:
            message["time"] = time_ms
        return message


class District:
    """A district of a test's own: two of each kind of organisation (the second is `somebody else`), and as many squads as wanted."""

    def __init__(self, people, code, squads=None, time_zone="Asia/Shanghai"):
        self.people, self.code = people, code
        self.windows = itertools.count(1)
        facts = [("district_register", {"name_zh": f"测试区 {code}", "time_zone": time_zone})]
        facts += [("category_register", {"code": name, "name_zh": name}) for name in ("general", "other")]
        facts += [self.organisation(*row[:2], **(row[2] if len(row) > 2 else {})) for row in (
            ("committee", "committee"),
            ("town-a", "town"), ("town-b", "town"),
            ("village-a", "village", {"parent": "town-a"}), ("village-b", "village", {"parent": "town-b"}),
            ("site-a", "site", {"parent": "town-a", "site_kind": "worksite"}),
            ("site-b", "site", {"parent": "town-b", "site_kind": "enterprise"}),
            ("department-a", "department"), ("department-b", "department"),
            ("surveyor-a", "surveyor"),
        )]
        facts += [self.organisation(name, "feed", places=[code], commands=["order_submit", "order_open_external", "order_close_external"])
                  for name in ("feed-a", "feed-b")]
        squads = squads or {"squad-a": {}, "squad-b": {"parent": "department-b"}}
        facts += [self.organisation(name, "squad", **{"parent": "department-a", "capacity": 1, "categories": ["general"], **fields})
                  for name, fields in squads.items()]
        self.register(facts)

    @staticmethod
    def organisation(code, kind, **fields):
        return "organisation_register", {"code": code, "kind": kind, "name_zh": f"{code}（样例）", "sample": True, **fields}

    def register(self, facts):
        ok(burst([(self.people.operator, self.people.message(kind, **{"district": self.code, **body})) for kind, body in facts]))

    def as_(self, role, organisation, face="feed"):
        return self.people.as_(role, organisation, self.code, face)

    def rest(self, role, organisation):
        return self.people.rest(role, organisation, self.code)

    def window(self, hours=1):
        """A window of the future that no other order of this district asked for."""
        start = (now_ms() // HOUR_MS + 24 + 48 * next(self.windows)) * HOUR_MS
        return {"window_start": start, "window_end": start + hours * HOUR_MS}


# How an order comes to a state: commands after its beginning, each with who sends it. `ended` states have two ways where both owners
# can end an order.
WAYS = {
    "submitted": (),
    "returned": ("order_return",),
    "withdrawn": ("order_withdraw",),
    "cancelled early": ("order_cancel",),
    "placed": ("external",),
    "offered": ("order_place",),
    "escalated": ("order_place", "assignment_decline"),
    "scheduled": ("order_place", "assignment_accept"),
    "in_service": ("order_place", "assignment_accept", "assignment_check_in"),
    "completed": ("order_place", "assignment_accept", "assignment_check_in", "assignment_complete"),
    "closed": ("order_place", "assignment_accept", "assignment_check_in", "assignment_complete", "order_confirm"),
    "cancelled": ("order_place", "order_cancel"),
    "closed by its feed": ("external", "order_close_external"),
}
BODIES = {
    "order_return": {"reason": "请补充人数"},
    "order_resubmit": {"need": "重新填写的需求"},
    "order_withdraw": {},
    "order_place": {},
    "order_cancel": {"reason": "不再需要"},
    "order_assign": {},
    "assignment_accept": {},
    "assignment_decline": {"reason": "当日已满"},
    "assignment_check_in": {},
    "assignment_complete": {"people_served": 12},
    "order_confirm": {"satisfaction": 4},
    "order_reopen": {"reason": "还有人没办上"},
    "order_close_external": {},
}
SIDE_OF = {"order_return": "town", "order_place": "town", "order_withdraw": "place", "order_resubmit": "place", "order_cancel": "place",
           "order_confirm": "place", "order_reopen": "place", "order_close_external": "feed", "order_assign": "committee"}


class Order:
    """An order on its way: who its sides are, and what it was last answered."""

    def __init__(self, district, place="village-a", role="village", squads=("squad-a",), town="town-a", feed=None, way="submitted"):
        self.district, self.place, self.role, self.squads, self.town, self.feed = district, place, role, list(squads), town, feed
        self.way, self.steps = way, list(WAYS[way])
        self.serving = self.squads[0] if self.squads else None
        self.id = self.assignment = self.version = self.state = None
        self.external_id = f"ext-{next(district.people.numbers)}"
        self.external = self.steps[:1] == ["external"]
        if self.external:
            self.steps.pop(0)
            self.feed = feed or "feed-a"

    def client(self, command):
        side = SIDE_OF.get(command, "squad")
        if side == "place":
            return self.district.as_(self.role, self.place)
        role, organisation = {"town": ("town", self.town), "feed": ("feed", self.feed), "committee": ("committee", "committee"),
                              "squad": ("squad", self.serving)}[side]
        return self.district.as_(role, organisation)

    def begin(self):
        """(client, message) that begins it."""
        message = self.district.people.message
        if self.external:
            return self.district.as_("feed", self.feed), message("order_open_external", external_id=self.external_id, place=self.place,
                                                                 squad=self.serving, need="外部办件")
        body = {"need": "外来务工人员社保咨询"}
        body.update({"squads": self.squads} if self.squads else {"category": "general"})
        if self.feed:
            return self.district.as_("feed", self.feed), message("order_submit", place=self.place, external_id=self.external_id, **body)
        return self.district.as_(self.role, self.place), message("order_submit", **body)

    def body(self, command, **more):
        """A body with which the command would be done, were it legal."""
        body = {"order": self.id, **BODIES[command]}
        if command == "assignment_accept":
            body.update(self.district.window())
        if command == "order_resubmit":
            body.update(squads=self.squads)
        if command == "order_assign":
            body.update(squad=self.serving)
        return {**body, **more}

    def command(self, command, client=None, **more):
        """(client, message) of a step."""
        return client or self.client(command), self.district.people.message(command, **self.body(command, **more))

    def took(self, answer):
        assert answer["status"] == "ok", (self.way, answer)
        result = answer["result"]
        self.id, self.version, self.state = result["order"], result["version"], result["state"]
        self.assignment = result.get("assignment", self.assignment)
        self.events = answer["events"]
        if self.state == "placed" and not self.external:
            self.state, self.version = "offered", self.version + 1  # dispatch's own step, which follows at once


def bring(orders):
    """Brings every order along its way, step by step, all of them at a time."""
    orders = list(orders)
    people = orders[0].district.people
    people.register([(order.district.code, *name) for order in orders for name in
                     ((order.place, order.role), (order.town, "town"), *([(order.serving, "squad")] if order.serving else ()),
                      *([(order.feed, "feed")] if order.feed else ()))])
    for order, answer in zip(orders, burst([order.begin() for order in orders])):
        order.took(answer)
    while moving := [order for order in orders if order.steps]:
        for order, answer in zip(moving, burst([order.command(order.steps.pop(0)) for order in moving])):
            order.took(answer)
    return orders
