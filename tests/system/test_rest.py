"""REST, as a client sees it: each order verb, every kind of bad input, tokens, ids, conditional and paged reads, and peers that send slowly,
by halves, or many at once. What a command means is tested elsewhere; here it is that HTTP says the same."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
import tables
from people import BODIES, District, Order, bring, ok
from rest import Rest, new_token
from stack_home import ROOT, SERVICES
from test_bad_input import body_of, faults

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def district(people):
    return District(people, "t-rest", squads={"squad-a": {"capacity": 64}, "squad-b": {"parent": "department-b", "capacity": 64}})


@pytest.fixture(scope="module")
def village(district):
    return district.rest("village", "village-a")


def refused(answer, status, code, field=None, **members):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == PROBLEM
    said = answer.json
    assert (said["status"], said["code"], said.get("field")) == (status, code, field), answer
    assert said["type"] == f"/v1/problems/{code}" and said["title"] and said["detail"]
    for name, value in members.items():
        assert said.get(name) == value, answer
    return said


def done(answer, status=200):
    assert answer.status == status, answer
    return answer.json


# --- the order's life ----------------------------------------------------------------------------------------------------------------------


class Life:
    """One order, moved by verbs as routes.def has them."""

    def __init__(self, district, **body):
        self.district = district
        self.who = {"place": district.rest("village", "village-a"), "town": district.rest("town", "town-a"),
                    "squad": district.rest("squad", "squad-a"), "committee": district.rest("committee", "committee"),
                    "feed": district.rest("feed", "feed-a"), "department": district.rest("department", "department-a")}
        self.used = set()
        answer = self.who["place"].post("/v1/orders", {"need": "外来务工人员社保咨询", "squads": ["squad-a"], **body})
        begun = done(answer, 201)
        self.order, self.position = begun["order"], answer.headers["Ztc-Position"]
        assert answer.headers["Location"] == f"/v1/orders/{self.order}"
        assert begun == {"order": self.order, "version": 1, "state": "submitted"}

    def verb(self, side, verb, body=None):
        """On it, by one of its sides; the state it comes to."""
        answer = self.who[side].post(f"/v1/orders/{self.order}/{verb}", body)
        self.used.add(verb)
        self.position = answer.headers["Ztc-Position"]
        return done(answer)["state"]

    def show(self, side="place"):
        return done(self.who[side].get(f"/v1/orders/{self.order}", {"Ztc-Position": self.position}))


def window(district):
    return district.window()


def test_an_order_from_pick_to_score(district):
    life = Life(district)
    assert life.show()["state"] == "submitted"
    assert life.verb("town", "return", {"reason": "请补充人数"}) == "returned"
    assert life.verb("place", "resubmit", {"need": "社保咨询，约一百人", "squads": ["squad-a"], "expected_people": 100}) == "submitted"
    assert life.verb("town", "place") == "placed"
    assert life.verb("squad", "accept", window(district)) == "scheduled"
    assert life.verb("squad", "check-in") == "in_service"
    assert life.verb("squad", "complete", {"people_served": 1000, "items": {"电子社保卡": 780}, "photos": ["https://example.org/1"]}) == "completed"
    assert life.verb("place", "reopen", {"reason": "还有人没办上"}) in ("reopened", "offered")
    assert life.verb("squad", "accept", window(district)) == "scheduled"
    assert life.verb("squad", "check-in") == "in_service"
    assert life.verb("squad", "complete", {"people_served": 12}) == "completed"
    assert life.verb("place", "confirm", {"satisfaction": 5, "comment": "很好"}) == "closed"
    shown = life.show()
    assert (shown["state"], shown["satisfaction"], shown["comment"], shown["people_served"]) == ("closed", 5, "很好", 1012)
    assert [entry["version"] for entry in shown["history"]] == list(range(1, shown["version"] + 1))


def test_the_other_ways_of_an_order(district):
    withdrawn, cancelled, escalated = Life(district), Life(district), Life(district)
    assert withdrawn.verb("place", "withdraw", {"reason": "不需要了"}) == "withdrawn"
    assert cancelled.verb("town", "place", {"note": "请尽快"}) == "placed"
    assert cancelled.verb("place", "cancel", {"reason": "改期"}) == "cancelled"
    assert escalated.verb("town", "place") == "placed"
    assert escalated.verb("squad", "decline", {"reason": "当日已满"}) in ("offered", "escalated")
    assert escalated.verb("committee", "assign", {"squad": "squad-a"}) == "offered"
    answer = escalated.who["department"].post(f"/v1/orders/{escalated.order}/accept", window(district), on_behalf_of="squad-a")
    assert done(answer)["state"] == "scheduled"


def test_cases_of_another_system(district):
    feed = district.rest("feed", "feed-a")
    begun = feed.post("/v1/external-orders", {"external_id": "rest-1", "place": "village-a", "squad": "squad-a", "need": "外部办件"})
    assert done(begun, 201)["state"] == "placed"
    refused(feed.post("/v1/external-orders", {"external_id": "rest-1", "place": "village-a", "squad": "squad-a", "need": "外部办件"}),
            409, "exists", "external_id", order=begun.json["order"])
    assert done(feed.post("/v1/external-orders/close", {"external_id": "rest-1", "outcome": "已解决"}))["state"] == "closed"
    other = feed.post("/v1/external-orders", {"external_id": "rest-2", "place": "village-a", "squad": "squad-a", "need": "外部办件"})
    closed = feed.post(f"/v1/orders/{other.json['order']}/close-external")
    assert done(closed)["state"] == "closed"
    shown = feed.get("/v1/external-orders", {"Ztc-Position": closed.headers["Ztc-Position"]}, external_id="rest-2")
    assert done(shown)["order"] == other.json["order"]


def test_these_are_all_order_verbs():
    source = (ROOT / "tests" / "system" / "test_rest.py").read_text(encoding="utf-8")
    for command in tables.ORDER_COMMANDS:
        path = tables.route_of(command).path
        assert path == "/v1/orders" or path.rsplit("/", 1)[1] in source, path


def test_every_command_and_query_has_a_route():
    routed = {(route.method, route.message) for route in tables.ROUTES}
    assert routed == {("POST", name) for name in tables.COMMANDS} | {("GET", name) for name in tables.QUERIES}


def test_the_directory_is_kept_over_rest(people, district):
    """By an operator of the whole deployment, with a token that was registered over REST itself."""
    operator = Rest(people.env["ZTC_API"], people.env["ZTC_REPORTS"], people.env["ZTC_BEARER_OPERATOR"])
    code = "t-rest-made"
    assert done(operator.post("/v1/districts", {"district": code, "name_zh": "新区", "time_zone": "Asia/Shanghai"}))["version"] == 1
    assert done(operator.post("/v1/categories", {"district": code, "code": "general", "name_zh": "综合"}))["subject"] == "category/general"
    for body in ({"code": "town-a", "kind": "town"}, {"code": "village-a", "kind": "village", "parent": "town-a"},
                 {"code": "department-a", "kind": "department"},
                 {"code": "squad-a", "kind": "squad", "parent": "department-a", "categories": ["general"]}):
        done(operator.post("/v1/organisations", {"district": code, "name_zh": body["code"], "sample": True, **body}))
    token = new_token()
    digest = hashlib.sha256(token.encode()).hexdigest()
    answer = operator.post("/v1/bearers", {"district": code, "digest": digest, "organisation": "village-a", "role": "village"})
    people.seen({"status": "ok", "events": position_list(answer)})
    fresh = Rest(people.env["ZTC_API"], people.env["ZTC_REPORTS"], token)
    order = done(fresh.post("/v1/orders", {"need": "第一单", "category": "general"}), 201)["order"]
    assert order > 0
    names = done(fresh.get("/v1/directory", kind="village"))["organisations"]
    assert [row["code"] for row in names] == ["village-a"]
    revoked = operator.post("/v1/bearers/revoke", {"digest": digest})
    people.seen({"status": "ok", "events": position_list(revoked)})
    refused(fresh.post("/v1/orders", {"need": "第二单", "category": "general"}), 401, "unknown_key")
    refused(fresh.get("/v1/orders"), 401, "unknown_key")
    refused(operator.post("/v1/bearers", {"district": code, "digest": digest, "organisation": "village-a", "role": "village"}),
            409, "exists", "digest")
    refused(operator.post("/v1/bearers/revoke", {"digest": "0" * 64}), 404, "unknown_key", "digest")


def position_list(answer):
    found = [text.strip().split("/") for text in answer.headers["Ztc-Position"].split(",")]
    return [{"producer": producer, "part": int(part), "offset": int(offset)} for producer, part, offset in found]


# --- tokens and roles ----------------------------------------------------------------------------------------------------------------------


def test_a_token_is_required(village):
    for face, method, path in (("api", "POST", "/v1/orders"), ("reports", "GET", "/v1/orders")):
        for header in ({}, {"Authorization": "Basic eHg6eHg="}, {"Authorization": "Bearer"}, {"Authorization": "ztc_x"}):
            answer = village.send(face, method, path, headers={"Idempotency-Key": "x", **header}, authorised=False)
            refused(answer, 401, "bearer_required")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        for token in (new_token(), "ztc_", village.token[:-1], village.token + "x", "k" * 4000, hashlib.sha256(village.token.encode()).hexdigest()):
            answer = village.send(face, method, path, headers={"Idempotency-Key": "x", "Authorization": f"Bearer {token}"})
            refused(answer, 401, "unknown_key")
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_only_the_digest_of_a_token_is_kept(village, ledger, stack):
    """Nowhere in the records, in no log."""
    digest = hashlib.sha256(village.token.encode()).hexdigest()
    assert ledger.value("SELECT count(*) FROM intake.directory_fact WHERE key = %s", f"bearer/{digest}") == 1
    for schema in SERVICES:
        for table, column in (("event", "body"), ("command", "answer"), ("directory_fact", "body")):
            assert ledger.value(f"SELECT count(*) FROM {schema}.{table} WHERE position(%s::bytea IN {column}) > 0", village.token.encode()) == 0
    for log in (stack.home.path / "log").glob("*.log"):
        assert village.token.encode() not in log.read_bytes(), log


@pytest.mark.parametrize("command", tables.ORDER_COMMANDS)
def test_role_of_a_command(district, command):
    """Every role without a row is refused with 403, before anything is looked at."""
    may = tables.roles_of(command)
    sides = {"village": "village-a", "site": "site-a", "town": "town-a", "squad": "squad-a", "department": "department-a",
             "surveyor": "surveyor-a", "committee": "committee", "operator": "committee", "feed": "feed-a", "resident": "village-a"}
    body = {**body_of(tables.COMMANDS[command]), **BODIES.get(command, {})}
    for role, organisation in sides.items():
        if role not in may:
            path = tables.route_of(command).path.format(order=1)
            rest = {key: value for key, value in body.items() if key != "order" or "/1/" not in path}
            refused(district.rest(role, organisation).post(path, rest), 403, "forbidden")


def test_illegal_steps_say_what_is_legal(district):
    life = Life(district)
    said = refused(life.who["squad"].post(f"/v1/orders/{life.order}/check-in"), 409, "illegal_step")
    assert said["state"] == "submitted" and said["allowed"] == tables.legal_in("submitted")
    refused(life.who["place"].get("/v1/orders/9223372036854775807"), 404, "unknown_order", "order")
    refused(district.rest("village", "village-b").post(f"/v1/orders/{life.order}/withdraw"), 404, "not_yours", "order")
    refused(district.rest("village", "village-b").get(f"/v1/orders/{life.order}", {"Ztc-Position": life.position}), 404, "not_yours", "order")


# --- bad input -------------------------------------------------------------------------------------------------------------------------------


class Bench:
    """Every case between two good neighbours, on a connection of its own; nothing else may change."""

    def __init__(self, stack, district, ledger):
        self.stack, self.district, self.ledger = stack, district, ledger
        self.village = district.rest("village", "village-a")
        self.pids = {name: stack.pid(name) for name in SERVICES}
        self.counted = [name for name in ledger.owned if not name.endswith(".command")]

    def unharmed(self):
        assert {name: self.stack.pid(name) for name in SERVICES} == self.pids, "a process was restarted"
        done(self.village.post("/v1/orders", {"need": "相邻的好命令", "squads": ["squad-a"]}), 201)

    def post(self, body, path="/v1/orders", client=None, **options):
        """A bad command; its answer."""
        self.ledger.wait_quiet("dispatch")
        before = self.ledger.counts(self.counted)
        answer = (client or self.village).post(path, body, **options)
        assert self.ledger.change(before, self.counted) == {}, answer
        return answer


@pytest.fixture(scope="module")
def bench(stack, district, ledger):
    bench = Bench(stack, district, ledger)
    yield bench
    bench.unharmed()


def is_json(value):
    """Whether JSON can say it: bytes, extensions and keys that are no text it cannot."""
    try:
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            return False
        json.dumps(value, ensure_ascii=False).encode("utf-8")
        return True
    except (TypeError, UnicodeEncodeError):
        return False


def json_cases(which):
    """Of test_bad_input's faults those that JSON can have; in a time a text is read as RFC 3339 before it is of the wrong type."""
    for message, fields in which.items():
        route = tables.route_of(message)
        for field in fields:
            if f"{{{field.name}}}" in route.path:
                continue
            for name, value, code in faults(field, thorough=False):
                # NUL is a fault of the JSON itself, and so is a number beyond 64 bits, each named by its own code.
                if is_json(value):
                    if isinstance(value, int) and not isinstance(value, bool) and not -2**63 <= value < 2**63:
                        code = "wrong_type"
                    if isinstance(value, str) and "\0" in value:
                        code = "bad_text"
                    if isinstance(value, list) and any(isinstance(item, str) and "\0" in item for item in value):
                        code = "bad_text"
                    yield pytest.param(route, field, value, code, id=f"{message}-{field.name} {name}")


@pytest.mark.parametrize("route, field, value, code", json_cases(tables.COMMANDS))
def test_field_of_a_command(bench, district, route, field, value, code):
    body = {**body_of(tables.COMMANDS[route.message]), field.name: value}
    role = sorted(tables.roles_of(route.message))[0] if route.message in tables.ORDER_COMMANDS else "operator"
    organisation = {"village": "village-a", "site": "site-a", "town": "town-a", "squad": "squad-a", "department": "department-a",
                    "committee": "committee", "operator": "committee", "feed": "feed-a"}[role]
    path, rest = tables.filled(route, {**body, "order": 1} if "{order}" in route.path else body)
    answer = bench.post(rest, path, district.rest(role, organisation))
    refused(answer, 400, code, field.name)


@pytest.mark.parametrize("name, raw, code, field", [
    ("no JSON", b"{need", "malformed", None), ("half of it", b'{"need": "x', "malformed", None), ("a list", b"[]", "malformed", None),
    ("a number", b"7", "malformed", None), ("two of them", b'{"need":"x"} {}', "malformed", None), ("msgpack", b"\x81\xa4need\xa1x", "bad_text", None),
    ("comments", b'{"need":"x" /* y */}', "malformed", None), ("NaN", b'{"need":"x","expected_people":NaN}', "malformed", None),
    ("a key twice", b'{"need":"x","squads":[],"need":"y"}', "malformed", "need"),
    ("a key twice, once escaped", b'{"need":"x","\\u006eeed":"y"}', "malformed", "\\u006eeed"),
    ("a key twice inside", b'{"need":"x","squads":[{"a":1,"a":2}]}', "malformed", "squads"),
    ("NUL", b'{"need":"a\\u0000b"}', "bad_text", "need"), ("a raw NUL", b'{"need":"a\0b"}', "malformed", None),
    ("no UTF-8", b'{"squads":[],"need":"\xff"}', "bad_text", "need"), ("overlong UTF-8", b'{"need":"\xc0\xaf"}', "bad_text", "need"),
    ("a lone surrogate", b'{"need":"\\ud800"}', "malformed", None),
    ("beyond 64 bits", b'{"need":"x","expected_people":9223372036854775808}', "wrong_type", "expected_people"),
    ("beyond 64 bits below", b'{"expected_people":-9223372036854775809,"need":"x"}', "wrong_type", "expected_people"),
    ("a huge power", b'{"need":"x","expected_people":1e400}', "wrong_type", "expected_people"),
    ("a fraction", b'{"need":"x","expected_people":1.5}', "wrong_type", "expected_people"),
    ("a power", b'{"need":"x","expected_people":1e2}', "wrong_type", "expected_people"),
    ("too deep", b'{"need":' + b"[" * 30 + b"]" * 30 + b"}", "malformed", "need"),
    ("much too deep", b'{"need":' + b"[" * 3000 + b"]" * 3000 + b"}", "malformed", None),
    ("a time that is none", '{"need":"x","window_start":"明天"}'.encode(), "wrong_type", "window_start"),
    ("a time beyond 2200", b'{"need":"x","window_start":"2999-01-01T00:00:00Z"}', "wrong_type", "window_start"),
    ("a time below 1900", b'{"need":"x","window_start":-9000000000000}', "out_of_range", "window_start"),
    ("nothing at all", b"", "missing_field", "need")])
def test_body(bench, name, raw, code, field):
    answer = bench.post(raw)
    said = refused(answer, 400, code, field)
    place = (code == "malformed" and not name.startswith(("a list", "too deep", "a number"))) or name in ("NUL", "no UTF-8", "beyond 64 bits")
    if place and said.get("line"):
        assert said["column"] >= 0 and 0 <= said["position"] <= len(raw) and str(said["line"]) in said["detail"]
    assert not place or "line" in said, said
    bench.unharmed()


def test_where_a_json_body_is_wrong(bench):
    said = refused(bench.post('{"need": "x",\n  "squads": [}'.encode()), 400, "malformed")
    assert (said["line"], said["position"]) == (2, 28)


def test_unknown_keys_and_nulls_are_as_if_absent(village):
    done(village.post("/v1/orders", {"need": "需求", "squads": ["squad-a"], "colour": {"red": [1.5]}, "activity": None}), 201)


def test_times_may_be_text(village, district, people):
    wanted = {"window_start": "2037-03-01T09:00:00+08:00", "window_end": "2037-03-01T02:30:00.000Z"}
    answer = village.post("/v1/orders", {"need": "需求", "squads": ["squad-a"], **wanted})
    shown = done(village.get(f"/v1/orders/{done(answer, 201)['order']}", {"Ztc-Position": answer.headers["Ztc-Position"]}))
    assert (shown["window_start"], shown["window_end"]) == (2119482000000, 2119487400000)


def test_field_in_path_and_body(bench):
    refused(bench.post({"order": 7}, "/v1/orders/7/withdraw"), 400, "malformed", "order")
    for value in ("x", "1.5", "9223372036854775808", "%31", "1%00"):
        refused(bench.post({}, f"/v1/orders/{value}/withdraw"), 400, "wrong_type", "order")
    refused(bench.post({}, "/v1/orders/0/withdraw"), 400, "out_of_range", "order")
    refused(bench.post({}, "/v1/orders/-1/withdraw"), 400, "out_of_range", "order")


def test_paths_and_methods(bench, village):
    for path in ("/", "/v1", "/v1/", "/v1/orders/", "/v1/orders//place", "/v1/orders/1/destroy", "/v1/orders/1/place/", "/v1/order",
                 "/v1/ord%65rs", "//v1/orders", "/v1/board", "/v1/problems/nothing", "/healthz"):
        refused(village.send("api", "POST", path, b"{}", {"Idempotency-Key": "x", "Content-Type": "application/json"}), 404, "no_such_path")
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = village.send("api", method, "/v1/orders", headers={"Idempotency-Key": "x"})
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"
    for method in ("POST", "PUT", "DELETE"):
        answer = village.send("reports", method, "/v1/orders")
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD"
    refused(village.send("reports", "GET", "/v1/orders/1/place"), 404, "no_such_path")
    head = village.send("reports", "HEAD", "/v1/board")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/msgpack", "application/jsonx", "json"])
def test_media_type(bench, kind):
    answer = bench.post({"need": "x"}, headers={"Content-Type": kind})
    refused(answer, 415, "unsupported_media_type")
    assert answer.headers["Accept-Post"] == "application/json"


def test_media_type_may_name_its_charset(village):
    done(village.post("/v1/orders", {"need": "x", "squads": ["squad-a"]}, headers={"Content-Type": "Application/JSON; charset=utf-8"}), 201)


def query_cases():
    """Of a parameter everything is text: what cannot be read as its field's kind is of the wrong type."""
    for query, fields in tables.QUERIES.items():
        for field in fields:
            route = tables.route_of(query, field.name == "order")
            wrong = {"int": ("seven", "wrong_type"), "time": ("yesterday", "wrong_type"), "word": ("sometimes", "unknown_word"),
                     "code": ("A B", "out_of_range"), "text": ("x" * min(field.max + 1, 10000), "too_long"), "flag": ("yes", "wrong_type")}.get(field.kind)
            if wrong:
                yield pytest.param(route, field, *wrong, id=f"{query}-{field.name} wrong")
            if field.kind in ("text", "code", "word"):
                yield pytest.param(route, field, "a\0b", "unknown_word" if field.kind == "word" else "bad_text", id=f"{query}-{field.name} NUL")
            if field.kind == "int":
                yield pytest.param(route, field, str(field.max + 1), "wrong_type" if field.max == 2**63 - 1 else "out_of_range",
                                   id=f"{query}-{field.name} too large")


@pytest.mark.parametrize("route, field, value, code", query_cases())
def test_field_of_a_query(district, route, field, value, code):
    committee = district.rest("committee", "committee")
    body = {key: item for key, item in body_of(tables.QUERIES[route.message]).items() if key != field.name}
    if f"{{{field.name}}}" in route.path:
        answer = committee.get(route.path.replace(f"{{{field.name}}}", urllib.parse.quote(value, safe="")), **body)
    else:
        answer = committee.get(route.path.format(order=1), **{**body, field.name: value})
    refused(answer, 400, code, field.name)


def test_parameters(district):
    committee = district.rest("committee", "committee")
    refused(committee.get("/v1/orders?limit=1&limit=2"), 400, "malformed", "limit")
    refused(committee.get("/v1/orders?limit="), 400, "wrong_type", "limit")
    refused(committee.get("/v1/orders?cursor=%ff"), 400, "out_of_range", "cursor")
    refused(committee.get("/v1/counts"), 400, "missing_field", "by")
    refused(committee.get("/v1/orders?" + "&".join(f"x{i}=1" for i in range(100))), 413, "oversize")
    assert committee.get("/v1/orders?limit=1&colour=red").status == 200
    by_day = committee.get("/v1/counts", by="day", **{"from": "2026-01-01T00:00:00+08:00", "to": "2200-01-01T00:00:00Z"})
    assert by_day.status == 200
    for position in ("x", "intake", "intake/0", "nobody/0/1", "intake/0/-1", "intake/256/1", ", ".join(["intake/0/1"] * 17)):
        refused(committee.get("/v1/board", {"Ztc-Position": position}), 400, "malformed", "Ztc-Position")


# --- languages -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted, language", [("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), ("en-GB", "en"), ("en;q=0.3, zh;q=0.5", "zh-CN"),
                                              ("fr", "en"), ("", "en"), ("zh;q=0", "en"), ("en;q=,zh;q=zz", "en")])
def test_language_of_a_problem(village, wanted, language):
    answer = village.post("/v1/orders", {}, headers={"Accept-Language": wanted})
    said = refused(answer, 400, "missing_field", "need")
    assert answer.headers["Content-Language"] == language
    assert said["title"] == {"zh-CN": "缺少必填字段", "en": "a required field is missing"}[language]


def test_a_problems_type_leads_somewhere(village):
    for code in ("illegal_step", "bearer_required", "oversize"):
        page = village.send("api", "GET", f"/v1/problems/{code}", authorised=False)
        assert page.status == 200 and page.json["code"] == code and page.json["title_zh"] and page.json["title_en"]
    assert village.send("api", "POST", "/v1/problems/oversize", authorised=False).status == 405


# --- ids ---------------------------------------------------------------------------------------------------------------------------------------


def test_id_is_required(bench, village):
    answer = village.send("api", "POST", "/v1/orders", b'{"need":"x"}', {"Content-Type": "application/json"})
    refused(answer, 400, "missing_field", "Idempotency-Key")
    refused(bench.post({"need": "x"}, id="k" * 129), 400, "too_long", "id")


def test_a_repeat_gets_the_first_answer(village, ledger):
    body = {"need": "只做一次", "squads": ["squad-a"]}
    first, second = (village.post("/v1/orders", body, id="rest-repeat") for _ in range(2))
    assert (second.status, second.json, second.headers["Ztc-Position"]) == (201, done(first, 201), first.headers["Ztc-Position"])
    refused(village.post("/v1/orders", {**body, "need": "另一件"}, id="rest-repeat"), 422, "id_reused", "id")
    order = first.json["order"]
    refusals = [village.post(f"/v1/orders/{order}/confirm", {"satisfaction": 5}, id="rest-refused").json for _ in range(2)]
    assert refusals[0] == refusals[1] and refusals[0]["code"] == "illegal_step"
    assert ledger.value("SELECT count(*) FROM intake.command WHERE id = 'rest-repeat'") == 1


def test_both_faces_have_one_set_of_ids(village, district):
    """The frame of a body is the one a client of the feed would send, keys in the order given."""
    over_rest = village.post("/v1/orders", {"need": "两个入口", "squads": ["squad-a"]}, id="both-faces")
    over_feed = ok(district.as_("village", "village-a").ask(
        {"id": "both-faces", "type": "order_submit", "body": {"need": "两个入口", "squads": ["squad-a"]}}))
    assert over_feed["result"] == done(over_rest, 201)


def test_the_same_id_while_it_is_in_flight(fragile_rest):
    """While intake's desk cannot work, the first request waits and its repeat is told so; then it is done once."""
    village, database = fragile_rest
    body = {"need": "等候中的命令", "squads": ["hrss-social-insurance"]}
    with database.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(2) as pool:
        cursor.execute("LOCK TABLE intake.lease IN ACCESS EXCLUSIVE MODE")
        asked = [pool.submit(village().post, "/v1/orders", body, "in-flight", patient=False) for _ in range(2)]
        try:
            told = next(concurrent.futures.as_completed(asked, timeout=20)).result()
        finally:
            database.rollback()
        refused(told, 409, "in_flight")
        assert told.headers["Retry-After"] == "1"
        (first,) = [answer for answer in (future.result() for future in asked) if answer.status != 409]
    again = village().post("/v1/orders", body, "in-flight")
    assert done(again, 201)["order"] and first.status in (201, 503)
    assert first.status == 503 or first.json == again.json


@pytest.fixture
def fragile_rest(fragile):
    import psycopg2
    env = fragile.env
    database = psycopg2.connect(env["ZTC_DSN"])
    made = []

    def village():
        made.append(Rest(env["ZTC_API"], env["ZTC_REPORTS"], env["ZTC_BEARER_VILLAGE"]))
        return made[-1]
    yield village, database
    database.rollback()
    database.close()
    for client in made:
        client.close()


# --- reading -----------------------------------------------------------------------------------------------------------------------------------


def test_a_caller_reads_its_own_writes(village):
    for _ in range(20):
        answer = village.post("/v1/orders", {"need": "读己所写", "squads": ["squad-a"]})
        shown = village.get(answer.headers["Location"], {"Ztc-Position": answer.headers["Ztc-Position"]}, patient=False)
        assert done(shown)["order"] == done(answer, 201)["order"]


def test_a_position_that_never_comes(village):
    answer = village.get("/v1/board", {"Ztc-Position": "intake/0/9000000000000"}, patient=False)
    refused(answer, 503, "not_ready")
    assert answer.headers["Retry-After"] == "1"


def test_entity_tags(district):
    life = Life(district)
    position = {"Ztc-Position": life.position}
    path = f"/v1/orders/{life.order}"
    village = life.who["place"]
    tag = village.get(path, position).headers["ETag"]
    assert tag == 'W/"1"'
    for known in (tag, '"1"', f'"7", {tag}', "*"):
        answer = village.get(path, {**position, "If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    life.verb("place", "withdraw")
    moved = village.get(path, {"If-None-Match": tag, "Ztc-Position": life.position})
    assert moved.status == 200 and moved.headers["ETag"] == 'W/"2"' and moved.json["state"] == "withdrawn"
    refused(district.rest("village", "village-b").get(path, {"If-None-Match": "*"}), 404, "not_yours", "order")


def test_if_match_is_refused_not_ignored(bench):
    refused(bench.post({"need": "x", "squads": ["squad-a"]}, headers={"If-Match": '"1"'}), 400, "no_preconditions")


def pages(client, path, **parameters):
    """The pages of a list, by Link as long as there is one."""
    answer = client.get(path, **parameters)
    while True:
        yield done(answer)
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        assert bool(link) == ("next" in answer.json)
        if not link:
            return
        assert urllib.parse.parse_qs(urllib.parse.urlsplit(link.group(1)).query)["cursor"] == [answer.json["next"]]
        answer = client.get(link.group(1))


def test_pages_follow_each_other(district, people, ledger):
    for _ in range(5):
        life = Life(district)
    committee = district.rest("committee", "committee")
    ledger.wait_quiet()
    wanted = [row["order"] for row in done(committee.get("/v1/orders", limit=500, state="submitted"))["orders"]]
    assert len(wanted) >= 5 and life.order in wanted
    found = [row["order"] for page in pages(committee, "/v1/orders", limit=2, state="submitted") for row in page["orders"]]
    assert found == wanted
    codes = [row["code"] for page in pages(committee, "/v1/directory", limit=3, kind="town") for row in page["organisations"]]
    assert codes == ["town-a", "town-b"]
    notices = done(committee.get("/v1/inbox", limit=500))["notices"]
    assert [row["notice"] for page in pages(committee, "/v1/inbox", limit=1) for row in page["notices"]] == [row["notice"] for row in notices]


def test_a_cursor_is_of_its_list(district):
    committee = district.rest("committee", "committee")
    cursor = done(committee.get("/v1/orders", limit=1))["next"]
    assert not cursor.isdigit()
    refused(committee.get("/v1/inbox", cursor=cursor), 400, "out_of_range", "cursor")
    refused(committee.get("/v1/orders", cursor=base64.urlsafe_b64encode(b"order_list:").decode().rstrip("=")), 400, "out_of_range", "cursor")
    refused(committee.get("/v1/orders", cursor=base64.urlsafe_b64encode(b"order_list:x").decode().rstrip("=")), 400, "wrong_type", "before")
    refused(committee.get("/v1/orders", cursor=cursor, before=7), 400, "malformed", "before")


# --- limits ------------------------------------------------------------------------------------------------------------------------------------


def address(village, face="api"):
    netloc = urllib.parse.urlsplit(village.urls[face]).netloc
    host, port = netloc.rsplit(":", 1)
    return host, int(port)


def head_of(village, *more, method="POST", path="/v1/orders"):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {village.token}", f"Idempotency-Key: {village.new_id()}",
             "Content-Type: application/json", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_all(connection, patience_s=30.0):
    connection.settimeout(patience_s)
    got = b""
    try:
        while chunk := connection.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return got


def test_body_that_is_too_large(bench, village):
    refused(bench.post({"need": "x" * 70000}), 413, "oversize")
    refused(bench.post({"need": "x", "colour": [1.5] * 16000}), 413, "oversize")
    with socket.create_connection(address(village)) as connection:
        connection.sendall(head_of(village, "Content-Length: 9000000000"))  # told from the head alone
        assert b" 413 " in read_all(connection).split(b"\r\n", 1)[0]
    with socket.create_connection(address(village)) as connection:
        connection.sendall(head_of(village, "Transfer-Encoding: chunked", "Connection: close"))
        for _ in range(20):
            connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert b" 413 " in read_all(connection).split(b"\r\n", 1)[0]
    with socket.create_connection(address(village)) as connection:
        connection.sendall(head_of(village, "Transfer-Encoding: chunked"))
        with pytest.raises(OSError):  # without an end: nobody reads on
            for _ in range(100000):
                connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
    bench.unharmed()


def test_a_chunked_body_is_a_body(village):
    with socket.create_connection(address(village)) as connection:
        body = '{"need":"分块","squads":["squad-a"]}'.encode()
        connection.sendall(head_of(village, "Transfer-Encoding: chunked", "Connection: close"))
        for at in range(0, len(body), 5):
            part = body[at:at + 5]
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert b" 201 " in read_all(connection).split(b"\r\n", 1)[0]


def test_headers_that_are_too_many_or_too_large(bench, village):
    refused(bench.post({"need": "x"}, headers={f"X-{i}": "1" for i in range(80)}), 431, "too_many_headers")
    refused(bench.post({"need": "x"}, headers={"X-Long": "x" * 20000}), 431, "too_many_headers")
    refused(village.send("reports", "GET", "/v1/orders?x=" + "x" * 20000), 431, "too_many_headers")
    with socket.create_connection(address(village)) as connection:
        connection.sendall(head_of(village, "X-Endless: " + "x" * 200000))
        assert re.match(rb"HTTP/1.1 4(31|14) ", read_all(connection))
    bench.unharmed()


@pytest.mark.parametrize("more", [
    ("Content-Length: 34", "Content-Length: 2"), ("Content-Length: 34", "Transfer-Encoding: chunked"), ("Transfer-Encoding: gzip, chunked",),
    ("Transfer-Encoding: identity",), ("Content-Length: 34", "Authorization: Bearer x"), ("Content-Length: 34", "Idempotency-Key: x"),
    ("Content-Length: 34", "Ztc-On-Behalf-Of: village-a", "ztc-on-behalf-of: village-b"), ("Content-Length: 34", "Host: y")], ids=str)
def test_headers_that_could_mean_two_things(bench, village, more):
    """Whoever reads them otherwise than this server, a proxy say, would see another request: none is done, and nothing more is read."""
    with socket.create_connection(address(village)) as connection:
        connection.sendall(head_of(village, *more) + b'{"need":"x","squads":["squad-a"] }GET /v1/problems/busy HTTP/1.1\r\nHost: x\r\n\r\n')
        said = read_all(connection)
        assert said.startswith(b"HTTP/1.1 400 ") and b'"ambiguous_headers"' in said and said.count(b"HTTP/1.1") == 1, said
    bench.unharmed()


@pytest.mark.parametrize("raw", [b"\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET /v1/orders HTTP/1.1\r\n\r\n",
                                 b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
                                 b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                                 b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", os.urandom(3000), b"GET /%zz%00%ff?%00=%ff HTTP/1.1\r\nHost: x\r\n\r\n"], ids=repr)
def test_what_is_no_http(bench, village, raw):
    for face in ("api", "reports"):
        with socket.create_connection(address(village, face)) as connection:
            try:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answer = read_all(connection)
            assert answer == b"" or re.match(rb"HTTP/1.[01] [45]\d\d ", answer), answer
    bench.unharmed()


@pytest.fixture(scope="module")
def small(stack_maker):
    """A stack whose REST face has room for 16 connections and gives a request one second."""
    stack = stack_maker("small-rest", settings={"ZTC_API_CONNECTIONS_MAX": "16", "ZTC_API_REQUEST_MS": "1000"})
    return stack


def small_village(small):
    return Rest(small.env["ZTC_API"], small.env["ZTC_REPORTS"], small.env["ZTC_BEARER_VILLAGE"])


def drip(connection, stop):
    """A byte now and then, so that the connection is never silent."""
    try:
        while not stop.wait(0.05):
            connection.send(b"x")
    except OSError:
        pass


@pytest.mark.parametrize("head", ["half a head", "half a body"])
def test_slow_and_half_requests_hurt_nobody(small, head):
    village = small_village(small)
    stop, threads, connections = threading.Event(), [], []
    begun = time.monotonic()
    for _ in range(8):
        connection = socket.create_connection(address(village))
        connection.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nX-Slow: " if head == "half a head" else
                           head_of(village, "Content-Length: 60000"))
        connections.append(connection)
        threads.append(threading.Thread(target=drip, args=(connection, stop)))
        threads[-1].start()
    while time.monotonic() < begun + 1.0:
        done(village.post("/v1/orders", {"need": "旁人", "squads": ["hrss-social-insurance"]}), 201)
    for connection in connections:
        answer = read_all(connection, 20)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 "), answer
        if answer:
            assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["code"] == "too_late"
        connection.close()
    stop.set()
    for thread in threads:
        thread.join()
    done(village.post("/v1/orders", {"need": "旁人", "squads": ["hrss-social-insurance"]}), 201)


def test_a_silent_connection_is_told_and_closed(small):
    village = small_village(small)
    with socket.create_connection(address(village)) as connection:
        connection.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\n")
        answer = read_all(connection, 20)
    assert answer.startswith(b"HTTP/1.1 408 ") and PROBLEM.encode() in answer
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["status"] == 408


def test_connections_beyond_the_limit_are_told_so(small):
    """Not refused silently, not left waiting; those who are in go on."""
    village = small_village(small)
    done(village.get("/v1/board"))
    held = [socket.create_connection(address(village, "reports")) for _ in range(15)]
    until = time.monotonic() + 20
    told = None
    try:
        while told is None:
            assert time.monotonic() < until
            late = small_village(small)
            answer = late.get("/v1/board", patient=False)
            late.close()
            if answer.status == 503:
                told = answer
            else:
                held.append(socket.create_connection(address(village, "reports")))
    finally:
        for connection in held:
            connection.close()
    refused(told, 503, "busy")
    assert told.headers["Retry-After"] == "1" and told.headers["Connection"].lower() == "close"
    assert small_village(small).get("/v1/board").status == 200


# --- many at once ------------------------------------------------------------------------------------------------------------------------------


def test_sixty_four_connections_at_once(stack, people, district):
    """Each waits while the others do, keeps its connection, and is answered every time."""
    token = people.token(district.code, "village-a", "village")
    ready = threading.Barrier(64)

    def ask(number):
        client = Rest(people.env["ZTC_API"], people.env["ZTC_REPORTS"], token)
        got = []
        done(client.get("/v1/board"))
        connection = client.connection("reports").sock
        ready.wait(60)
        for turn in range(8):
            if number % 2:
                got.append(client.post("/v1/orders", {"need": f"同时 {number}-{turn}", "squads": ["squad-a"]}).status)
            else:
                got.append(client.get("/v1/orders", limit=20).status)
        assert client.connection("reports").sock is connection, "the connection was not kept"
        client.close()
        return got

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(ask, range(64)))
    assert {status for got in answers[0::2] for status in got} == {200}
    assert {status for got in answers[1::2] for status in got} == {201}


def test_one_connection_many_requests_in_a_row(village):
    """Pipelined: all are sent before the first answer is read."""
    host = address(village, "reports")
    with socket.create_connection(host) as connection:
        request = f"GET /v1/board HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {village.token}\r\n"
        connection.sendall((request + "\r\n").encode() * 31 + (request + "Connection: close\r\n\r\n").encode())
        got = read_all(connection)
    assert got.count(b"HTTP/1.1 200 OK") == 32


def test_peers_that_leave_while_they_wait(village, bench):
    """They asked, and were gone before the answer."""
    for _ in range(50):
        connection = socket.create_connection(address(village))
        body = '{"need":"走了","squads":["squad-a"]}'.encode()
        connection.sendall(head_of(village, f"Content-Length: {len(body)}") + body)
        connection.close()
    bench.unharmed()


# --- the README --------------------------------------------------------------------------------------------------------------------------------


def readme_curl():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## A REST client", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```sh\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE)


def test_readme_lines_do_what_they_say(stack, people):
    blocks = readme_curl()
    assert blocks and all("curl" in block for block in blocks)
    script = "set -eu\n" + "\n".join(blocks)
    ran = subprocess.run(["sh", "-c", script], cwd=stack.home.path, capture_output=True, text=True, timeout=120, check=False,
                         env={"PATH": os.environ["PATH"], **people.env})
    assert ran.returncode == 0, ran.stderr
    assert '"state":"submitted"' in ran.stdout and '"state":"placed"' in ran.stdout and '"code":"missing_field"' in ran.stdout, ran.stdout


def test_ztc_makes_registers_lists_and_revokes_tokens(stack, people, tmp_path):
    def ztc(*arguments, **more):
        return subprocess.run([stack.env["ZTC_BIN"] + "/ztc", *arguments], capture_output=True, text=True, timeout=60, check=False,
                              env={"PATH": os.environ["PATH"], **people.env, "ZTC_KEY_DIR": str(tmp_path), **more})
    made = ztc("keys", "bearer", "mine")
    path = tmp_path / "mine.bearer"
    token = path.read_text(encoding="ascii").strip()
    assert made.stdout.strip() == str(path) and path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"ztc_[A-Za-z0-9_-]{43}", token) and len(base64.urlsafe_b64decode(token[4:] + "=")) == 32
    assert ztc("keys", "bearer", "mine").returncode == 4 and path.read_text(encoding="ascii").strip() == token
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert digest in ztc("keys", "files").stdout
    registered = ztc("keys", "register-bearer", "--bearer", str(path), "--district", "330212", "--organisation", "330212106209", "--role", "village")
    assert registered.returncode == 0, registered.stderr
    mine = Rest(people.env["ZTC_API"], people.env["ZTC_REPORTS"], token)
    done(mine.post("/v1/orders", {"need": "x", "squads": ["hrss-social-insurance"]}), 201)
    assert ztc("keys", "revoke-bearer", "--bearer", str(path)).returncode == 0
    refused(mine.post("/v1/orders", {"need": "x", "squads": ["hrss-social-insurance"]}), 401, "unknown_key")
    assert "令牌" in ztc("keys", "--help", ZTC_LANG="zh").stdout and "bearer" in ztc("keys", "--help").stdout
    assert ztc("keys", "bearer").returncode == 2
