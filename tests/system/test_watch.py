"""ztc watch and the query under it: events as they happen, each once, in order, nothing of what the caller may not see, through a restart
of reporting too."""

import json
import subprocess
import threading
import time

import pytest
from ledger import Ledger
from people import District, Order, People, bring, ok
from typed import environment

LIFE = ["order_submitted", "order_placed", "order_offered", "assignment_accepted", "assignment_checked_in", "assignment_completed",
        "order_confirmed"]
PATIENCE_S = 60.0


class Watch:
    """ztc watch beside the test: its lines as they come."""

    def __init__(self, stack, *arguments, key, zh=False, plain=False):
        key = str(key)
        self.program = subprocess.Popen(
            [str(stack.binaries / "ztc"), "watch", *([] if plain else ["--json"]), *arguments], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**environment(stack, zh), "ZTC_KEY": key})
        self.lines, self.err = [], []
        self.readers = [threading.Thread(target=self.read, args=pair, daemon=True) for pair in
                        ((self.program.stdout, self.lines), (self.program.stderr, self.err))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def read(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def wait(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not condition(self.lines):
            assert self.program.poll() is None, (what, self.program.returncode, self.err)
            assert time.monotonic() < until, (what, self.lines[-5:], self.err)
            time.sleep(0.02)

    def ended(self):
        code = self.program.wait(timeout=PATIENCE_S)
        for reader in self.readers:
            reader.join()
        return code

    def stopped(self):
        self.program.terminate()
        return self.ended()

    @property
    def events(self):
        return [json.loads(line) for line in self.lines]


def key_file(tmp_path, people, district, role, organisation):
    """A certificate that ztc can be given."""
    import zmq.auth

    public, secret = people.pair(district.code, organisation, role)
    path = tmp_path / f"{organisation}.key_secret"
    path.write_text(f'metadata\ncurve\n    public-key = "{public.decode()}"\n    secret-key = "{secret.decode()}"\n', encoding="ascii")
    path.chmod(0o600)
    assert zmq.auth.load_certificate(path) == (public, secret)
    return path


@pytest.fixture(scope="module")
def district(people):
    district = District(people, "t-watch", squads={"squad-a": {"capacity": 64}, "squad-b": {"parent": "department-b", "capacity": 64}})
    people.register([("t-watch", "committee", "committee"), ("t-watch", "surveyor-a", "surveyor"),
                     *(("t-watch", f"{kind}-{which}", kind) for kind in ("town", "village", "squad", "department") for which in "ab")])
    people.seen(ok(people.operator.command("category_register", district="t-watch", code="seen", name_zh="完")))
    return district


def events_of(district, role, organisation, **body):
    return ok(district.as_(role, organisation, face="query").query("event_list", **body))["result"]


def all_events(district, role="committee", organisation="committee", limit=500, **body):
    """From the beginning, page by page."""
    found, positions = [], {"intake": 0, "dispatch": 0}
    while True:
        page = events_of(district, role, organisation, limit=limit, **positions, **body)
        found += page["events"]
        assert all(page["positions"][name] >= positions[name] for name in positions)
        positions = page["positions"]
        if not page["more"]:
            return found


def of(events):
    return [(event["order"], event["version"], event["type"]) for event in events]


def test_a_life_is_seen_as_it_happens(stack, people, district, ledger, tmp_path):
    (first,) = bring([Order(district, way="submitted")])
    ledger.wait_quiet()
    now = events_of(district, "committee", "committee")["positions"]
    watch = Watch(stack, "--since", f"intake:{now['intake']},dispatch:{now['dispatch']}", "--count", str(len(LIFE)),
                  key=key_file(tmp_path, people, district, "committee", "committee"))
    (order,) = bring([Order(district, way="closed")])
    assert watch.ended() == 0, watch.err
    assert of(watch.events) == [(order.id, version, kind) for version, kind in enumerate(LIFE, 1)]
    assert [event["state"] for event in watch.events] == ["submitted", "placed", "offered", "scheduled", "in_service", "completed", "closed"]
    assert first.id not in {event["order"] for event in watch.events}
    assert all(event["type_zh"] and event["type_en"] and event["place"] == "village-a" and event["data"]["order"] == order.id
               for event in watch.events)
    assert "--since intake:" in "".join(watch.err)  # how to go on


def test_from_now_on_by_default(district, ledger):
    bring([Order(district, way="submitted")])
    ledger.wait_quiet("reporting")  # now is what reporting has applied
    begun = events_of(district, "committee", "committee")
    assert begun["events"] == [] and not begun["more"]
    again = events_of(district, "committee", "committee", **begun["positions"])
    assert again["events"] == [] and again["positions"]["intake"] >= begun["positions"]["intake"]


@pytest.mark.parametrize("limit", [1, 3, 500])
def test_pages_join_without_gap_or_repetition(district, ledger, limit):
    bring([Order(district, way="closed"), Order(district, place="village-b", town="town-b", squads=("squad-b",), way="scheduled")])
    ledger.wait_quiet()
    found = of(all_events(district, limit=limit))
    stored = ledger.rows("""SELECT "order", version, type FROM reporting.history WHERE district = 't-watch'""")
    assert len(found) == len(set(found)) and set(found) == set(stored)
    versions = {}
    for order, version, _ in found:
        assert version == versions.get(order, 0) + 1, "an order's events came out of turn"
        versions[order] = version


# --- who sees what -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(district, ledger):
    """An order of each side."""
    mine, theirs = bring([Order(district, way="closed"),
                          Order(district, place="village-b", town="town-b", squads=("squad-b",), way="closed")])
    ledger.wait_quiet()
    return mine, theirs


@pytest.mark.parametrize("kind", ["village", "town", "squad", "department"])
def test_own_orders_only(district, two, kind):
    mine, theirs = two
    for which, own, other in (("a", mine, theirs), ("b", theirs, mine)):
        orders = {event["order"] for event in all_events(district, kind, f"{kind}-{which}")}
        assert own.id in orders and other.id not in orders


def test_the_whole_life_of_an_own_order(district, two):
    mine, _ = two
    for role, organisation in ("village", "village-a"), ("town", "town-a"), ("squad", "squad-a"), ("department", "department-a"):
        assert of(all_events(district, role, organisation, order=mine.id)) == [(mine.id, v, kind) for v, kind in enumerate(LIFE, 1)]
        assert all_events(district, role, organisation, order=two[1].id) == []


def test_the_committee_sees_its_district_and_no_other(people, district, two):
    other = District(people, "t-watch-2")
    people.register([("t-watch-2", "committee", "committee")])
    people.seen(ok(people.operator.command("category_register", district="t-watch-2", code="seen", name_zh="完")))
    (theirs,) = bring([Order(other, way="closed")])
    assert {order.id for order in two} <= {event["order"] for event in all_events(district)}
    assert theirs.id not in {event["order"] for event in all_events(district)}
    assert {event["order"] for event in all_events(other)} == {theirs.id}


def test_who_sees_no_orders_watches_none(district):
    answer = district.as_("surveyor", "surveyor-a", face="query").query("event_list")
    assert answer["status"] == "refused" and answer["error"]["code"] == "forbidden"


@pytest.mark.parametrize("filters, wanted", [
    ({"squad": "squad-a"}, lambda mine, theirs: {mine.id}), ({"town": "town-b"}, lambda mine, theirs: {theirs.id}),
    ({"type": "order_confirmed"}, lambda mine, theirs: {mine.id, theirs.id}), ({"squad": "squad-a", "town": "town-b"}, lambda mine, theirs: set())])
def test_filters(district, two, filters, wanted):
    found = all_events(district, **filters)
    orders = {event["order"] for event in found}
    assert orders & {order.id for order in two} == wanted(*two)
    assert "type" not in filters or {event["type"] for event in found} == {"order_confirmed"}


@pytest.mark.parametrize("filters, code, field", [
    ({"squad": "nobody"}, "unknown_squad", "squad"), ({"town": "nowhere"}, "unknown_organisation", "town"),
    ({"type": "order_vanished"}, "unknown_word", "type"), ({"limit": 501}, "out_of_range", "limit"), ({"intake": -2}, "out_of_range", "intake")])
def test_wrong_filters(district, filters, code, field):
    answer = district.as_("committee", "committee", face="query").query("event_list", **filters)
    assert answer["status"] == "refused" and answer["error"]["code"] == code and answer["error"]["field"] == field


# --- set aside ----------------------------------------------------------------------------------------------------------------------


def test_what_is_set_aside_stops_nobodys_view(stack, district, ledger):
    """One event that reporting could not handle, and one behind it, do not hold the horizon for everybody else."""
    bring([Order(district, way="submitted")])
    ledger.wait_quiet()
    before = events_of(district, "committee", "committee")["positions"]
    ledger.rows("""INSERT INTO reporting.poison (producer, part, "offset", district, key, version, type, reason, recorded, body)
                   SELECT 'intake', 0, n, 't-watch', 'order/77000001', n, 'order_placed', 'planted', 'epoch', ''
                   FROM generate_series(1, 2) n""")
    try:
        assert events_of(district, "committee", "committee")["positions"]["intake"] >= before["intake"]
    finally:
        ledger.rows("DELETE FROM reporting.poison WHERE key = 'order/77000001'")


# --- through restarts ---------------------------------------------------------------------------------------------------------------


def test_killing_reporting_costs_no_event_and_repeats_none(fragile, tmp_path):
    people = People(fragile.env)
    district = District(people, "t-watch-kill", squads={"squad-a": {"capacity": 64}})
    people.register([(district.code, "committee", "committee")])
    people.seen(ok(people.operator.command("category_register", district=district.code, code="seen", name_zh="完")))
    now = events_of(district, "committee", "committee")["positions"]
    watch = Watch(fragile, "--since", f"intake:{now['intake']},dispatch:{now['dispatch']}",
                  key=key_file(tmp_path, people, district, "committee", "committee"))
    orders = []
    for _ in range(4):
        orders += bring([Order(district, way="closed") for _ in range(5)])
        pid = fragile.kill("reporting")
        orders += bring([Order(district, way="scheduled") for _ in range(5)])
        fragile.wait_restarted("reporting", pid)
    ledger = Ledger(fragile.env["ZTC_DSN"])
    ledger.wait_quiet()
    wanted = set(ledger.rows("""SELECT "order", version, type FROM reporting.history WHERE district = 't-watch-kill'"""))
    ledger.close()
    assert len(wanted) == 20 * len(LIFE) + 20 * 4
    watch.wait(lambda lines: len(lines) >= len(wanted), "all events")
    assert watch.stopped() == 0
    found = of(watch.events)
    assert len(found) == len(set(found)) and set(found) == wanted
    versions = {}
    for order, version, _ in found:
        assert version == versions.get(order, 0) + 1
        versions[order] = version
    people.close()


def test_it_waits_while_reporting_is_away(fragile, tmp_path):
    people = People(fragile.env)
    district = District(people, "t-watch-away", squads={"squad-a": {"capacity": 64}})
    people.register([(district.code, "committee", "committee"), (district.code, "village-a", "village"), (district.code, "town-a", "town"),
                     (district.code, "squad-a", "squad")])
    people.seen(ok(people.operator.command("category_register", district=district.code, code="seen", name_zh="完")))
    watch = Watch(fragile, "--since", "start", "--count", "1", key=key_file(tmp_path, people, district, "committee", "committee"))
    fragile.stop("reporting")
    try:
        (order,) = bring([Order(district, way="submitted")])
        until = time.monotonic() + PATIENCE_S
        while not any("does not answer" in line for line in watch.err):
            assert time.monotonic() < until and watch.program.poll() is None, watch.err
            time.sleep(0.05)
    finally:
        fragile.start("reporting")
    assert watch.ended() == 0, watch.err
    assert of(watch.events) == [(order.id, 1, "order_submitted")]
    people.close()


# --- typed --------------------------------------------------------------------------------------------------------------------------


def test_lines_for_people(stack, people, district, two, tmp_path):
    key = key_file(tmp_path, people, district, "village", "village-a")
    mine, _ = two
    for zh, words in ((False, ["order " + str(mine.id), "a squad accepted and booked its window", "village-a（样例） → squad-a（样例）"]),
                      (True, [f"订单 {mine.id}", "小分队已接单", "village-a（样例） → squad-a（样例）"])):
        watch = Watch(stack, "--since", "start", "--order", str(mine.id), "--type", "assignment_accepted", "--count", "1", key=key, zh=zh,
                      plain=True)
        assert watch.ended() == 0 and len(watch.lines) == 1, (watch.lines, watch.err)
        assert all(word in watch.lines[0] for word in words), watch.lines


def test_wrong_usage(ztc):
    assert ztc("watch", "--since", "yesterday", key="committee").code == 2
    assert ztc("watch", "--order", "0", key="committee").code == 2
    refused = ztc("watch", "--squad", "nobody", key="committee")
    assert refused.code == 1 and "unknown_squad" in refused.err
