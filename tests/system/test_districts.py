"""Districts do not mix. demo2 has a village and a squad of the same codes as Yinzhou's: its keys must not see, count or change anything of
Yinzhou's, and the other way round, whatever they send."""

import pytest
import tables
from people import YINZHOU, burst, ok

VILLAGE, SQUAD = "330212106209", "hrss-social-insurance"  # in both districts
SIDES = {
    YINZHOU: {"committee": "330212-committee", "operator": "330212-committee", "town": "330212106", "village": VILLAGE, "resident": VILLAGE,
              "squad": SQUAD, "department": "hrss", "feed": "feed-12345", "site": "site-sample-worksite", "surveyor": "surveyor-sample"},
    "demo2": {"committee": "demo2-committee", "operator": "demo2-committee", "town": "demo2-town", "village": VILLAGE, "resident": VILLAGE,
              "squad": SQUAD, "department": "demo2-department", "feed": "demo2-feed"},
}
OTHER = {YINZHOU: "demo2", "demo2": YINZHOU}
ORDER_BODIES = {
    "order_return": {"reason": "x"}, "order_resubmit": {"need": "x", "squads": [SQUAD]}, "order_withdraw": {}, "order_place": {},
    "order_cancel": {"reason": "x"}, "order_assign": {"squad": SQUAD},
    "assignment_accept": {"window_start": 1_990_000_000_000, "window_end": 1_990_003_600_000}, "assignment_decline": {"reason": "x"},
    "assignment_check_in": {}, "assignment_complete": {"people_served": 1}, "order_confirm": {"satisfaction": 1},
    "order_reopen": {"reason": "x"}, "order_close_external": {},
}


class Two:
    """The two districts, each with orders in several states and one confirmed with its own score."""

    def __init__(self, people):
        self.people = people
        people.register([(district, organisation, role) for district, sides in SIDES.items() for role, organisation in sides.items()])
        self.orders = {district: self.make(district, score) for district, score in ((YINZHOU, 5), ("demo2", 2))}
        people.seen(self.last)

    def feed(self, district, role):
        return self.people.as_(role, SIDES[district][role], district)

    def query(self, district, role):
        return self.people.as_(role, SIDES[district][role], district, face="query")

    def step(self, district, role, kind, **body):
        self.last = ok(self.feed(district, role).command(kind, **body))
        return self.last["result"]["order"]

    def make(self, district, score):
        def submit():
            return self.step(district, "village", "order_submit", need=f"{district} 的需求", squads=[SQUAD])
        orders = {"submitted": submit(), "offered": submit(), "closed": submit()}
        self.step(district, "town", "order_place", order=orders["offered"])
        closed = orders["closed"]
        self.step(district, "town", "order_place", order=closed)
        start = 1_980_000_000_000 + 7_200_000 * closed
        self.step(district, "squad", "assignment_accept", order=closed, window_start=start, window_end=start + 3_600_000)
        self.step(district, "squad", "assignment_check_in", order=closed)
        self.step(district, "squad", "assignment_complete", order=closed, people_served=score * 100)
        self.step(district, "village", "order_confirm", order=closed, satisfaction=score)
        orders["external"] = self.step(district, "feed", "order_open_external", external_id="the-same-id", place=VILLAGE, squad=SQUAD,
                                       need=f"{district} 的外部办件")
        return orders


@pytest.fixture(scope="module")
def two(people, stack, ledger):
    two = Two(people)
    ledger.wait_quiet()
    return two


@pytest.mark.parametrize("district", SIDES)
@pytest.mark.parametrize("command", tables.LATER_COMMANDS)
def test_no_command_reaches_another_districts_orders(two, ledger, district, command):
    """Every role, every order: they are not even said to be there. Nothing changes."""
    before = ledger.counts([name for name in ledger.owned if not name.endswith(".command")])
    sends, wanted = [], []
    for role in SIDES[district]:
        for order in two.orders[OTHER[district]].values():
            sends.append((two.feed(district, role), two.people.message(command, order=order, **ORDER_BODIES[command])))
            wanted.append("unknown_order" if role in tables.roles_of(command) else "forbidden")
    answers = burst(sends)
    assert [answer["error"]["code"] for answer in answers] == wanted
    for answer in answers:
        assert "state" not in answer["error"] and "allowed" not in answer["error"] and "result" not in answer
    assert ledger.change(before, list(before)) == {}


@pytest.mark.parametrize("district", SIDES)
def test_the_same_id_of_the_same_code_is_another_callers(two, district):
    """The village of the same code may use the same command id: a repeat is known by district and caller."""
    message = {"id": "the same id in two districts", "type": "order_submit", "body": {"need": "需求", "squads": [SQUAD]}}
    mine = ok(two.feed(district, "village").ask(message))
    other = ok(two.feed(OTHER[district], "village").ask(message))
    assert mine["result"]["order"] != other["result"]["order"]


@pytest.mark.parametrize("district", SIDES)
def test_an_external_id_is_of_its_district(two, district):
    assert two.orders[YINZHOU]["external"] != two.orders["demo2"]["external"]
    answer = two.feed(district, "feed").command("order_open_external", external_id="the-same-id", place=VILLAGE, squad=SQUAD, need="又一次")
    assert (answer["error"]["code"], answer["error"]["order"]) == ("exists", two.orders[district]["external"])


@pytest.mark.parametrize("district", SIDES)
@pytest.mark.parametrize("role", ["village", "town", "department", "squad", "committee", "feed"])
def test_nobody_acts_for_another_district(two, district, role):
    """Organisations of the other district are unknown, not forbidden."""
    there = [code for role_there, code in SIDES[OTHER[district]].items() if code not in SIDES[district].values()]
    client = two.feed(district, role)
    answers = burst([(client, two.people.message("order_submit", code, need="需求", squads=[SQUAD])) for code in there])
    assert {(answer["error"]["code"], answer["error"]["field"]) for answer in answers} == {("unknown_organisation", "on_behalf_of")}


@pytest.mark.parametrize("district", SIDES)
def test_orders_cannot_name_what_is_of_another_district(two, district):
    foreign = {"demo2": ("demo2-general", "general_service", "demo2-village"), YINZHOU: ("court-alley-judge", "legal_service", "330212008006")}
    squad, category, place = foreign[OTHER[district]]
    message = two.people.message
    village, feed = two.feed(district, "village"), two.feed(district, "feed")
    answers = burst([(village, message("order_submit", need="需求", squads=[squad])),
                     (village, message("order_submit", need="需求", category=category)),
                     (feed, message("order_submit", need="需求", squads=[SQUAD], place=place)),
                     (feed, message("order_open_external", need="需求", squad=squad, place=VILLAGE, external_id="e")),
                     (feed, message("order_open_external", need="需求", squad=SQUAD, place=place, external_id="e"))])
    assert [answer["error"]["code"] for answer in answers] == ["unknown_squad", "unknown_category", "unknown_organisation", "unknown_squad",
                                                               "unknown_organisation"]


@pytest.mark.parametrize("district", SIDES)
@pytest.mark.parametrize("command, body", [
    ("district_register", {"name_zh": "别人的区", "time_zone": "Asia/Shanghai"}), ("category_register", {"code": "new", "name_zh": "新类别"}),
    ("organisation_register", {"code": "new-town", "kind": "town", "name_zh": "新镇"}),
    ("key_register", {"public_key": "k" * 40, "role": "village", "organisation": VILLAGE})])
def test_nobody_registers_in_another_district(two, ledger, district, command, body):
    before = ledger.counts(ledger.owned)
    answer = two.feed(district, "operator").command(command, district=OTHER[district], **body)
    assert (answer["error"]["code"], answer["error"]["field"]) == ("other_district", "district")
    assert ledger.change(before, ledger.owned) == {}


@pytest.mark.parametrize("district", SIDES)
def test_nobody_revokes_another_districts_key(two, district):
    public = two.people.pair(OTHER[district], VILLAGE, "village")[0].decode()
    answer = two.feed(district, "operator").command("key_revoke", public_key=public)
    assert (answer["error"]["code"], answer["error"]["field"]) == ("unknown_key", "public_key")
    ok(two.query(OTHER[district], "village").query("order_list", limit=1))


# --- queries ---------------------------------------------------------------------------------------------------------------------------

SEEING = {"committee", "operator", "town", "village", "site", "squad", "department", "feed"}


@pytest.mark.parametrize("district", SIDES)
def test_no_order_of_another_district_is_shown(two, district):
    sends, wanted = [], []
    for role in SIDES[district]:
        for order in two.orders[OTHER[district]].values():
            sends.append((two.query(district, role), two.people.message("order_show", order=order)))
            wanted.append("unknown_order" if role in SEEING else "forbidden")
    assert [answer["error"]["code"] for answer in burst(sends)] == wanted


def texts(value):
    """All texts anywhere in an answer."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def numbers_of_orders(value):
    if isinstance(value, dict):
        if isinstance(value.get("order"), int):
            yield value["order"]
        for item in value.values():
            yield from numbers_of_orders(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_of_orders(item)


QUESTIONS = {
    "order_list": {"limit": 500}, "board": {}, "stars": {}, "inbox": {"limit": 500}, "queue": {"limit": 500}, "directory_list": {"limit": 500},
    **{f"counts by {by}": {"by": by} for by in ("squad", "department", "town", "category", "state", "day", "month", "quarter", "year", "feed")},
    **{f"list of {kind}": {"kind": kind, "limit": 500} for kind in tables.read_words("organisation_kind")},
}


@pytest.mark.parametrize("district", SIDES)
@pytest.mark.parametrize("name", QUESTIONS)
def test_no_answer_holds_anything_of_another_district(two, ledger, district, name):
    """Every role's answer to every query: each order in it, and each name, is of the caller's district."""
    kind = "counts" if name.startswith("counts") else "directory_list" if name.startswith("list of") else name
    own = {order for order, in ledger.rows('SELECT "order" FROM reporting.orders WHERE district = %s', district)}
    foreign = {text for text, in ledger.rows("""
        SELECT substr(key, position('/' IN key) + 1) FROM intake.directory_fact WHERE district = %s AND key NOT LIKE 'key/%%'
        EXCEPT SELECT substr(key, position('/' IN key) + 1) FROM intake.directory_fact WHERE district = %s""", OTHER[district], district)}
    foreign |= {"示例区" if district == YINZHOU else "鄞州区"}
    answers = burst([(two.query(district, role), two.people.message(kind, **QUESTIONS[name])) for role in SIDES[district]])
    assert any(answer["status"] == "ok" for answer in answers)
    for answer in answers:
        assert set(numbers_of_orders(answer.get("result", {}))) <= own
        assert not set(texts(answer.get("result", {}))) & foreign


@pytest.mark.parametrize("district", SIDES)
@pytest.mark.parametrize("kind, field, codes", [
    ("queue", "squad", {"demo2": "court-alley-judge", YINZHOU: "demo2-general"}),
    ("stars", "squad", {"demo2": "court-alley-judge", YINZHOU: "demo2-general"}),
    ("order_list", "squad", {"demo2": "court-alley-judge", YINZHOU: "demo2-general"}),
    ("order_list", "town", {"demo2": "330212106", YINZHOU: "demo2-town"}),
    ("order_list", "place", {"demo2": "330212008006", YINZHOU: "demo2-village"}),
    ("board", "town", {"demo2": "330212106", YINZHOU: "demo2-town"}),
    ("inbox", "organisation", {"demo2": "330212106", YINZHOU: "demo2-town"})])
def test_no_query_names_what_is_of_another_district(two, district, kind, field, codes):
    answer = two.query(district, "committee").query(kind, **{field: codes[district]})
    assert answer["error"]["code"] in ("unknown_squad", "unknown_organisation") and answer["error"]["field"] == field


def test_figures_are_apart(two, ledger):
    """Same codes, different figures: each district's are those of its own orders."""
    for district in SIDES:
        committee = two.query(district, "committee")
        total = ok(committee.query("counts", by="squad"))["result"]
        orders, served, confirmed = ledger.rows("""
            SELECT count(*), coalesce(sum(people_served), 0), count(*) FILTER (WHERE satisfaction > 0)
            FROM reporting.orders WHERE district = %s""", district)[0]
        assert (total["total"]["orders"], total["total"]["people_served"], total["total"]["confirmed"]) == (orders, served, confirmed)
        (group,) = [group for group in total["groups"] if group["key"] == SQUAD]
        assert group["name_zh"].startswith("示例") == (district == "demo2")
        rated = ok(committee.query("stars", squad=SQUAD))["result"]["squads"][0]
        counted = ledger.rows("SELECT count(*), sum(satisfaction) FROM evaluation.counted WHERE district = %s AND squad = %s", district, SQUAD)
        assert (rated["counted"], rated["total"]) == counted[0]
        assert two.orders[district]["closed"] in {event["order"] for event in rated["events"]}
        assert two.orders[OTHER[district]]["closed"] not in {event["order"] for event in rated["events"]}


def test_queues_are_apart(two, ledger):
    for district in SIDES:
        queue = ok(two.query(district, "squad").query("queue", limit=500))["result"]
        orders = set(numbers_of_orders(queue))
        assert two.orders[district]["offered"] in orders
        assert orders == {order for order, in ledger.rows(
            """SELECT "order" FROM dispatch.assignment WHERE district = %s AND squad = %s AND state = 'offered'""", district, SQUAD)}


def test_operator_of_the_deployment_sees_no_business(two, env, people):
    """It keeps keys and looks after queues (product.md §2); orders, figures and notices are of a district's people."""
    operator = people.connect("query", env["ZTC_KEY_OPERATOR"])
    for kind, body in (("order_show", {"order": two.orders[YINZHOU]["offered"]}), ("order_list", {}), ("board", {}), ("counts", {"by": "state"}),
                       ("stars", {}), ("inbox", {"organisation": VILLAGE}), ("directory_list", {})):
        answer = operator.query(kind, **body)
        assert (answer["status"], answer["error"]["code"]) == ("refused", "forbidden"), (kind, answer)
    # A queue's squad must be of one district only: the code that both have says nothing.
    assert operator.query("queue", squad=SQUAD)["error"]["code"] == "unknown_squad"
    assert set(ok(operator.query("queue", squad="demo2-general"))["result"]) == {"squad", "source", "position", "offers"}
    operator.close()
