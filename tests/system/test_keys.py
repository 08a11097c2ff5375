"""Keys of callers from their registration to their end: registered, listed, rotated with and without an overlap, revoked. What ends is refused
at the next request of an open connection and at every new handshake."""

import time

import pytest
import tables
import zmq
from handshake import gets_in
from people import District, burst, ok
from zhitongche import Client

PATIENCE_S = 30.0
UNKNOWN = "0" * 40


@pytest.fixture(scope="module")
def district(people):
    return District(people, "t-keys")


class Keys:
    """Pairs of one organisation, registered by the operator of the deployment, each with open connections to both faces."""

    def __init__(self, people, district):
        self.people, self.district, self.clients = people, district, []

    def new(self, register=True, organisation="village-a", role="village"):
        public, secret = zmq.curve_keypair()
        if register:
            self.do("key_register", district=self.district.code, organisation=organisation, role=role, public_key=public.decode(),
                    name=f"{organisation} 的密钥")
        return public, secret

    def message(self, kind, **body):
        return self.people.message(kind, **body)

    def do(self, kind, **body):
        """Done, and known to reporting too."""
        answer = ok(self.people.operator.ask(self.message(kind, **body)))
        self.seen(answer)
        return answer

    def seen(self, answer):
        ok(self.people.observer.query("directory_list", positions=answer["events"], limit=1))

    def refused(self, kind, client=None, **body):
        answer = (client or self.people.operator).ask(self.message(kind, **body))
        assert answer["status"] == "refused" and answer["events"] == [], answer
        return answer["error"]["code"], answer["error"].get("field"), answer["error"].get("state")

    def open(self, pair):
        """Connections that stand: each has been answered once."""
        both = [self.people.connect(face, pair) for face in ("feed", "query")]
        self.clients += both
        assert [self.said(client) for client in both] == ["ok", "ok"]
        return both

    def said(self, client):
        if client.endpoint_is_feed:
            answer = client.ask({"id": client.new_id(), "type": "order_submit", "body": {"need": "需求", "squads": ["squad-a"]}})
        else:
            answer = client.ask({"id": client.new_id(), "type": "board", "body": {}})
        return "ok" if answer["status"] == "ok" else answer["error"]["code"]

    def gets_in(self, pair):
        """Of new handshakes at both faces."""
        server_key = self.people.env["ZTC_SERVER_KEY"].encode()
        found = {gets_in(self.people.env[face], zmq.DEALER, pair, server_key) for face in ("ZTC_FEED", "ZTC_QUERY")}
        assert len(found) == 1, "the two faces do not agree"
        return found.pop()

    def row(self, pair, **filters):
        rows = self.listed(**filters)
        return next((row for row in rows if row["public_key"] == pair[0].decode()), None)

    def listed(self, **filters):
        client = self.people.connect("query", self.people.env["ZTC_KEY_OPERATOR"])
        rows = ok(client.query("key_list", **{"district": self.district.code, "limit": 500, **filters}))["result"]["keys"]
        client.close()
        return rows

    def rotate(self, old, new, **more):
        return self.do("key_rotate", replaces=old[0].decode(), public_key=new[0].decode(), **more)


@pytest.fixture
def keys(people, district, monkeypatch):
    monkeypatch.setattr(Client, "endpoint_is_feed", property(
        lambda client: client.socket.last_endpoint.decode() == people.env["ZTC_FEED"]), raising=False)
    keys = Keys(people, district)
    yield keys
    for client in keys.clients:
        client.close()


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"never came about: {what}"
        time.sleep(0.02)


def test_registered_keys_are_listed(keys):
    begun = int(time.time() * 1000)
    pair = keys.new()
    row = keys.row(pair)
    assert (row["organisation"], row["role"], row["name"], row["state"]) == ("village-a", "village", "village-a 的密钥", "active")
    assert begun - 1000 <= row["registered"] <= begun + 60000
    assert "rotated" not in row and "expires" not in row and "replaces" not in row
    assert row["state_zh"] == "有效" and row["organisation_zh"] == "village-a（样例）"


def test_rotation_with_an_overlap(keys):
    """Both are valid until the old one's time; then it is refused on the connection that stands, and in the handshake."""
    old, new = keys.new(), keys.new(register=False)
    open_old = keys.open(old)
    assert not keys.gets_in(new)
    answer = keys.rotate(old, new, overlap_s=8, name="")
    rotated = time.monotonic()
    assert [event["producer"] for event in answer["events"]] == ["intake", "intake"], "one command, two facts"
    assert answer["events"][1]["offset"] == answer["events"][0]["offset"] + 1
    open_new = keys.open(new)
    assert [keys.said(client) for client in open_old] == ["ok", "ok"] and time.monotonic() < rotated + 8
    row = keys.row(old)
    assert row["state"] == "expiring" and row["expires"] - row["rotated"] == 8000
    successor = keys.row(new)
    assert (successor["state"], successor["replaces"], successor["rotated"]) == ("active", old[0].decode(), row["rotated"])
    assert successor["name"] == row["name"] and successor["organisation"] == row["organisation"]
    for client in open_old:
        wait_for(lambda client=client: keys.said(client) == "unknown_key", "the old key expires")
    assert 7.5 < time.monotonic() - rotated < PATIENCE_S
    assert not keys.gets_in(old) and keys.gets_in(new)
    assert [keys.said(client) for client in open_new] == ["ok", "ok"]
    assert keys.row(old)["state"] == "expired"
    # It never comes back.
    assert keys.refused("key_register", district=keys.district.code, organisation="village-a", role="village",
                        public_key=old[0].decode()) == ("exists", "public_key", None)
    assert keys.refused("key_rotate", replaces=old[0].decode(), public_key=UNKNOWN) == ("illegal_step", "replaces", "expired")


def test_rotation_at_once(keys):
    old, new = keys.new(), keys.new(register=False)
    open_old = keys.open(old)
    keys.rotate(old, new, overlap_s=0)
    assert [keys.said(client) for client in open_old] == ["unknown_key", "unknown_key"]
    assert not keys.gets_in(old) and keys.gets_in(new)
    assert keys.row(old)["state"] == "revoked" and keys.row(new)["state"] == "active"


def test_revocation_is_immediate(keys):
    pair, bystander = keys.new(), keys.new()
    standing, others = keys.open(pair), keys.open(bystander)
    keys.do("key_revoke", public_key=pair[0].decode())
    assert [keys.said(client) for client in standing] == ["unknown_key", "unknown_key"]
    assert not keys.gets_in(pair)
    assert [keys.said(client) for client in others] == ["ok", "ok"] and keys.gets_in(bystander)
    assert keys.row(pair)["state"] == "revoked"
    # Again: it is so already. And it never comes back.
    assert ok(keys.people.operator.ask(keys.message("key_revoke", public_key=pair[0].decode())))["events"] == []
    assert keys.refused("key_register", district=keys.district.code, organisation="village-a", role="village",
                        public_key=pair[0].decode()) == ("exists", "public_key", None)


def test_a_rotation_is_done_once(keys):
    old, new = keys.new(), keys.new(register=False)
    message = keys.message("key_rotate", replaces=old[0].decode(), public_key=new[0].decode())
    first = ok(keys.people.operator.ask(message))
    assert keys.people.operator.ask(message) == first
    # Under another id it is another rotation, and the old key is on its way out already.
    assert keys.refused("key_rotate", replaces=old[0].decode(), public_key=new[0].decode()) == ("illegal_step", "replaces", "expiring")
    keys.seen(first)
    row = keys.row(old)
    assert row["expires"] - row["rotated"] == 7 * 86400 * 1000, "seven days by default"


def test_of_two_rotations_at_once_one_is_done(keys):
    old = keys.new()
    pairs = [keys.new(register=False) for _ in range(20)]
    answers = burst([(keys.people.operator, keys.message("key_rotate", replaces=old[0].decode(), public_key=public.decode()))
                     for public, _ in pairs])
    assert sorted(answer["status"] for answer in answers) == ["ok"] + ["refused"] * 19
    done = next(answer for answer in answers if answer["status"] == "ok")
    keys.seen(done)
    assert len([pair for pair in pairs if keys.row(pair)]) == 1


def test_a_chain_of_rotations(keys):
    first, second, third = keys.new(), keys.new(register=False), keys.new(register=False)
    keys.rotate(first, second, overlap_s=0)
    keys.rotate(second, third, overlap_s=3600)
    assert [keys.row(pair)["state"] for pair in (first, second, third)] == ["revoked", "expiring", "active"]
    # An overlap can be cut short.
    keys.do("key_revoke", public_key=second[0].decode())
    assert [keys.gets_in(pair) for pair in (first, second, third)] == [False, False, True]


def test_refusals(keys, people):
    pair, other = keys.new(), keys.new(organisation="village-b")
    fresh = zmq.curve_keypair()[0].decode()
    mine = pair[0].decode()
    assert keys.refused("key_rotate", replaces=UNKNOWN, public_key=fresh) == ("unknown_key", "replaces", None)
    assert keys.refused("key_rotate", replaces=mine, public_key=other[0].decode()) == ("exists", "public_key", None)
    assert keys.refused("key_rotate", replaces=mine, public_key=mine) == ("unfit", "public_key", None)
    assert keys.refused("key_rotate", replaces=mine, public_key="~" * 40) == ("out_of_range", "public_key", None)
    assert keys.refused("key_rotate", replaces=mine, public_key=fresh[:39]) == ("out_of_range", "public_key", None)
    assert keys.refused("key_rotate", replaces=mine, public_key=fresh, overlap_s=-1) == ("out_of_range", "overlap_s", None)
    assert keys.refused("key_rotate", replaces=mine, public_key=fresh, overlap_s=31536001) == ("out_of_range", "overlap_s", None)
    assert keys.refused("key_rotate", replaces=mine) == ("missing_field", "public_key", None)
    assert keys.refused("key_revoke", public_key=UNKNOWN) == ("unknown_key", "public_key", None)
    keys.do("key_revoke", public_key=mine)
    assert keys.refused("key_rotate", replaces=mine, public_key=fresh) == ("illegal_step", "replaces", "revoked")
    # An operator of another district reaches none of this one's.
    stranger = people.as_("operator", "330212-committee")
    for kind, body in (("key_rotate", {"replaces": other[0].decode(), "public_key": fresh}), ("key_revoke", {"public_key": other[0].decode()})):
        assert keys.refused(kind, stranger, **body)[0] == "unknown_key"
    assert keys.row(other)["state"] == "active" and keys.gets_in(other)


def test_only_operators_may(keys, district):
    pair = keys.new()
    for role, organisation in (("committee", "committee"), ("town", "town-a"), ("village", "village-a"), ("site", "site-a"),
                               ("squad", "squad-a"), ("department", "department-a"), ("surveyor", "surveyor-a"), ("resident", "village-a"),
                               ("feed", "feed-a")):
        assert role in tables.ROLES
        client = district.as_(role, organisation)
        fresh = zmq.curve_keypair()[0].decode()
        assert keys.refused("key_rotate", client, replaces=pair[0].decode(), public_key=fresh)[0] == "forbidden"
        assert keys.refused("key_revoke", client, public_key=pair[0].decode())[0] == "forbidden"
        answer = district.as_(role, organisation, face="query").query("key_list")
        assert (answer["status"], answer["error"]["code"]) == ("refused", "forbidden")
    assert keys.gets_in(pair)


def test_list_filters_and_pages(keys, district):
    gone, village, town = keys.new(), keys.new(), keys.new(organisation="town-a", role="town")
    keys.do("key_revoke", public_key=gone[0].decode())

    def public(rows):
        return {row["public_key"].encode() for row in rows}

    assert {gone[0], village[0], town[0]} <= public(keys.listed())
    assert town[0] not in public(keys.listed(organisation="village-a"))
    assert {village[0], gone[0]} & public(keys.listed(state="revoked")) == {gone[0]}
    assert {row["role"] for row in keys.listed(role="town")} == {"town"} and town[0] in public(keys.listed(role="town"))
    paged, after = [], None
    while True:
        rows = keys.listed(limit=2, **({"after": after} if after else {}))
        paged += rows
        if len(rows) < 2:
            break
        after = rows[-1]["public_key"]
    assert [row["public_key"] for row in paged] == [row["public_key"] for row in keys.listed()]
    operator = district.as_("operator", "committee", face="query")
    rows = ok(operator.query("key_list", limit=500))["result"]["keys"]
    assert {row["district"] for row in rows} == {district.code} and village[0] in public(rows)
    for body, code, field in (({"district": "330212"}, "other_district", "district"), ({"role": "king"}, "unknown_word", "role"),
                              ({"state": "lost"}, "unknown_word", "state"), ({"after": UNKNOWN}, "unknown_key", "after"),
                              ({"limit": 501}, "out_of_range", "limit")):
        error = operator.query("key_list", **body)["error"]
        assert (error["code"], error["field"]) == (code, field)


def test_audit_line_of_each_change(keys, stack):
    said = len(stack.log("intake"))
    old, new = keys.new(), keys.new(register=False)
    keys.rotate(old, new)
    keys.do("key_revoke", public_key=old[0].decode())
    lines = [line for line in stack.log("intake")[said:].splitlines() if "audit: keys" in line]
    assert [next(word for word in line.split() if word.startswith("command=")) for line in lines] == [
        "command=key_register", "command=key_rotate", "command=key_revoke"]
    assert all("by_role=operator" in line for line in lines)
    assert new[0].decode().replace('"', '\\"') in lines[1] and old[0].decode() in lines[1]
    log = "".join(stack.log(service) for service in ("intake", "reporting", "dispatch"))
    assert old[1].decode() not in log and new[1].decode() not in log


def test_keys_outlive_restarts(keys, stack):
    """What was revoked, replaced and registered is so after all of it was killed."""
    old, new, gone = keys.new(), keys.new(register=False), keys.new()
    keys.rotate(old, new, overlap_s=3600)
    keys.do("key_revoke", public_key=gone[0].decode())
    before = [keys.row(pair) for pair in (old, new, gone)]
    pids = {name: stack.kill(name) for name in ("intake", "reporting")}
    for name, pid in pids.items():
        stack.wait_restarted(name, pid)
    assert [keys.row(pair) for pair in (old, new, gone)] == before
    assert [keys.gets_in(pair) for pair in (old, new, gone)] == [True, True, False]
