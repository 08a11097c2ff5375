"""A key of one village can see and do nothing of another's: every command and every query, over the feed and over REST, generated from the
tables. Each case points at something of the other village's (its orders in every state, its code in every field, itself as the one acted
for); none may be done, none may tell. 0 wrong allows."""

import json

import pytest
import tables
from people import BODIES, HOUR_MS, WAYS, District, Order, bring, burst, now_ms, ok
from test_bad_input import body_of

SECRET = "乙村的需求，甲村不得见"
MINE, OTHERS = "village-a", "village-b"
FACES = ("feed", "rest")
# Queries whose order only narrows what is listed: another's leaves nothing.
NARROWED = {"event_list"}
# Fields that say whose something is.
WHOSE = ("place", "organisation", "village", "site", "by", "recipient")


class Neighbours:
    """Two villages of two towns, and a third in another district; orders of the second and the third in every state."""

    def __init__(self, people, ledger):
        self.people, self.ledger = people, ledger
        squads = {"squad-a": {"capacity": 64}, "squad-b": {"parent": "department-b", "capacity": 64}}
        self.near = District(people, "t-isolation", squads)
        self.far = District(people, "t-isolation-far", squads)
        self.near.register([District.organisation("site-of-b", "site", parent=OTHERS, site_kind="building")])
        self.orders = bring([Order(self.near, place=OTHERS, town="town-b", way=way, feed="feed-b") for way in WAYS])
        self.far_orders = bring([Order(self.far, place=MINE, way=way, feed="feed-a") for way in WAYS])
        self.own = bring([Order(self.near, way=way) for way in ("submitted", "offered")])
        secret = ok(self.near.as_("village", OTHERS).command("order_submit", need=SECRET, squads=["squad-b"], activity=SECRET))
        self.secret = secret["result"]["order"]
        self.zmq = {face: self.near.as_("village", MINE, face=face) for face in ("feed", "query")}
        self.rest = self.near.rest("village", MINE)
        people.seen(secret)
        ledger.wait_quiet()

    @property
    def others_ids(self):
        return {order.id for order in self.orders} | {self.secret}


@pytest.fixture(scope="module")
def neighbours(people, ledger):
    return Neighbours(people, ledger)


# --- commands ----------------------------------------------------------------------------------------------------------------------------


def full_body(command):
    fields = tables.COMMANDS[command]
    body = {**body_of(fields), **BODIES.get(command, {})}
    start = now_ms() + 400 * HOUR_MS
    body.update({name: at for name, at in (("window_start", start), ("window_end", start + HOUR_MS)) if name in {field.name for field in fields}})
    if any(field.name == "squads" for field in fields):
        body["squads"] = ["squad-b"]
    if any(field.name == "squad" for field in fields):
        body["squad"] = "squad-b"
    return body


def pointing_commands(neighbours, command):
    """(what it points at, on_behalf_of, body) of every way in which it can name something of the other village's."""
    fields = {field.name for field in tables.COMMANDS[command]}
    body = full_body(command)
    if "order" in fields:
        for order in (*neighbours.orders, *neighbours.far_orders):
            yield f"order in {order.way}", None, {**body, "order": order.id}
        for whose in (OTHERS, "site-of-b"):
            yield f"order, for {whose}", whose, {**body, "order": neighbours.secret}
    for name in fields & {"external_id"}:
        for order in neighbours.orders[:3]:
            yield "external id", None, {**{key: value for key, value in body.items() if key != "order"}, name: order.external_id}
    for name in fields & set(WHOSE):
        for whose in (OTHERS, "site-of-b", "town-b"):
            yield f"{name} {whose}", None, {**body, name: whose}
    for whose in (OTHERS, "site-of-b", "town-b", "squad-b"):
        yield f"for {whose}", whose, {**body, **({"order": neighbours.own[0].id} if "order" in fields else {})}


def send_commands(neighbours, face, command, cases):
    """(status, code) of each: what it was refused with."""
    if face == "feed":
        message = neighbours.people.message
        answers = burst([(neighbours.zmq["feed"], message(command, on_behalf_of=whose, **body)) for _, whose, body in cases])
        return [(answer["status"], answer.get("error", {}).get("code"), json.dumps(answer, ensure_ascii=False)) for answer in answers]
    got = []
    for _, whose, body in cases:
        path, rest = tables.filled(tables.route_of(command, "order" in body), body)
        answer = neighbours.rest.post(path, rest, on_behalf_of=whose)
        got.append(("ok" if answer.status < 300 else "refused", answer.json.get("code"), answer.body.decode()))
    return got


@pytest.mark.parametrize("command", tables.COMMANDS)
@pytest.mark.parametrize("face", FACES)
def test_no_command_does_anything_of_anothers(neighbours, ledger, face, command):
    cases = list(pointing_commands(neighbours, command))
    assert cases
    before = ledger.counts([name for name in ledger.owned if not name.endswith(".command")])
    answers = send_commands(neighbours, face, command, cases)
    wrong = [(case, answer) for case, answer in zip(cases, answers) if answer[0] != "refused"]
    assert wrong == [], f"{len(wrong)} wrong allows"
    assert [answer for answer in answers if answer[1] in ("missing_field", "wrong_type", "malformed")] == [], "a case that says nothing"
    assert not [answer for answer in answers if SECRET in answer[2]]
    assert ledger.change(before, list(before)) == {}


# --- queries -----------------------------------------------------------------------------------------------------------------------------


def pointing_queries(neighbours, query):
    """(what it points at, body); the first points at nothing."""
    fields = {field.name for field in tables.QUERIES[query]}
    body = {"by": "state"} if query == "counts" else {}
    yield "nothing", body
    if "order" in fields:
        for order in (*neighbours.orders, *neighbours.far_orders):
            yield f"order in {order.way}", {**body, "order": order.id}
        yield "secret", {**body, "order": neighbours.secret}
    if {"feed", "external_id"} <= fields:
        for order in neighbours.orders[:3]:
            yield "external id", {**body, "feed": "feed-b", "external_id": order.external_id}
    for name in fields & {*WHOSE, "town", "squad"}:
        if name == "by":
            continue
        for whose in ("squad-a", "squad-b") if name == "squad" else ("town-b",) if name == "town" else (OTHERS, "site-of-b", "town-b"):
            yield f"{name} {whose}", {**body, name: whose}
    if query == "counts":
        for by in ("squad", "department", "town", "category", "day", "quarter", "feed"):
            yield f"by {by}", {"by": by}


def send_queries(neighbours, face, query, cases):
    if face == "feed":
        answers = burst([(neighbours.zmq["query"], neighbours.people.message(query, **body)) for _, body in cases])
        return [(answer["status"], answer.get("result") or answer.get("error")) for answer in answers]
    got = []
    for _, body in cases:
        path, rest = tables.filled(tables.route_of(query, "order" in body), body)
        answer = neighbours.rest.get(path, **rest)
        got.append(("ok" if answer.status == 200 else "refused", answer.json))
    return got


def tells(neighbours, query, value, key=None):
    """What an answer says of the other village's; the directory names organisations, to everybody of the district."""
    if isinstance(value, dict):
        return [found for name, item in value.items() for found in tells(neighbours, query, item, name)]
    if isinstance(value, list):
        return [found for item in value for found in tells(neighbours, query, item, key)]
    if key == "order" and value in neighbours.others_ids:
        return [(key, value)]
    if isinstance(value, str) and (SECRET in value or (query != "directory_list" and value in (OTHERS, "site-of-b", "town-b"))):
        return [(key, value)]
    return []


@pytest.mark.parametrize("query", tables.QUERIES)
@pytest.mark.parametrize("face", FACES)
def test_no_query_tells_of_anothers(neighbours, face, query):
    cases = list(pointing_queries(neighbours, query))
    answers = send_queries(neighbours, face, query, cases)
    wrong = []
    for (what, body), (status, said) in zip(cases, answers):
        assert said is not None
        if status == "ok":
            wrong += [(what, body, found) for found in tells(neighbours, query, said)]
            if query not in NARROWED and (what.startswith("order in") or what in ("secret", "external id")):
                wrong.append((what, body, "an order of another's is shown"))
    assert wrong == [], f"{len(wrong)} wrong allows"


@pytest.mark.parametrize("face", FACES)
def test_figures_count_ones_own_alone(neighbours, face):
    (_, board), (_, counts) = (send_queries(neighbours, face, query, [("", body)])[0]
                               for query, body in (("board", {}), ("counts", {"by": "state"})))
    own = ledger_own(neighbours)
    assert sum(group["orders"] for group in counts["groups"]) == counts["total"]["orders"] == own
    assert sum(board["states"].values()) == own


def ledger_own(neighbours):
    return neighbours.ledger.value("SELECT count(*) FROM intake.orders WHERE district = 't-isolation' AND place = %s", MINE)


def test_both_villages_can_do_and_see_their_own(neighbours):
    """Else the matrix would hold for an empty house."""
    other = neighbours.near.rest("village", OTHERS)
    assert other.get(f"/v1/orders/{neighbours.secret}").json["need"] == SECRET
    assert {row["order"] for row in other.get("/v1/orders", limit=500).json["orders"]} >= {neighbours.secret}
    mine = neighbours.own[0].id
    assert neighbours.rest.get(f"/v1/orders/{mine}").json["order"] == mine
    assert neighbours.rest.post(f"/v1/orders/{mine}/withdraw", {}).status == 200
