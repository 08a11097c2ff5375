"""Whole lives of orders, looked at from every side: what each is told, sees and may do (product.md §3)."""

import collections
import datetime
import time
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from people import HOUR_MS, YINZHOU, District, Order, bring, burst, now_ms, ok

VILLAGE, TOWN, SQUAD, DEPARTMENT, COMMITTEE = "330212106209", "330212106", "hrss-social-insurance", "hrss", "330212-committee"


class View:
    """Queries of one district, each as of a position."""

    def __init__(self, people, district=YINZHOU):
        self.people, self.district = people, district

    def ask(self, role, organisation, kind, after=(), **body):
        return ok(self.people.as_(role, organisation, self.district, face="query").query(kind, positions=after, **body))["result"]

    def inbox(self, role, organisation, order, after=()):
        """[(type, side, text in English)] of what an organisation was told of an order, oldest first."""
        notices = self.ask(role, organisation, "inbox", after, limit=500)["notices"]
        return [(notice["type"], notice["side"], notice["text_en"]) for notice in reversed(notices) if notice["order"] == order]

    def figures(self, by):
        counts = self.ask("committee", COMMITTEE if self.district == YINZHOU else "committee", "counts", by=by)
        return {"": counts["total"], **{group["key"]: group for group in counts["groups"]}}


@pytest.fixture(scope="module")
def district(people):
    return District(people, "t-life", squads={f"squad-{letter}": {"capacity": 8, "parent": "department-b" if letter == "b" else "department-a"}
                                              for letter in "abc"})


@pytest.fixture(scope="module")
def view(people, district):
    return View(people, district.code)


def difference(before, after):
    return {name: after[name] - before.get(name, 0) for name in after if isinstance(after[name], int) and after[name] != before.get(name, 0)}


# --- the document's case ----------------------------------------------------------------------------------------------------------------


class Case:
    """回龙村 books the social-insurance squad; every answer is kept."""

    def __init__(self, people, ledger):
        self.view, self.answers = View(people), []
        self.clients = {"village": people.as_("village", VILLAGE), "town": people.as_("town", TOWN), "squad": people.as_("squad", SQUAD)}
        self.before = {by: self.view.figures(by) for by in ("squad", "department", "town", "category", "state", "quarter", "year")}
        self.board_before = self.view.ask("committee", COMMITTEE, "board")
        self.stars_before = self.view.ask("committee", COMMITTEE, "stars", squad=SQUAD)["squads"][0]
        self.people, self.ledger = people, ledger
        self.play()

    def step(self, role, kind, **body):
        answer = ok(self.clients[role].command(kind, **body))
        self.answers.append((kind, answer))
        return answer["result"]

    def queue(self):
        return [offer for offer in self.view.ask("squad", SQUAD, "queue", self.after, limit=500)["offers"] if offer["order"] == self.order]

    @property
    def after(self):
        return self.answers[-1][1]["events"]

    def play(self):
        self.order = self.step("village", "order_submit", activity="鄞聚一卡通·智慧码上行", need="外来务工人员社保诉求较多", squads=[SQUAD],
                               category="social_insurance", expected_people=1200)["order"]
        self.step("town", "order_place", order=self.order, note="请尽快安排")
        self.ledger.wait_quiet()
        self.offers = self.queue()
        self.board_offered = self.view.ask("committee", COMMITTEE, "board", self.after)
        begin = self.ledger.value("""SELECT coalesce(max(extract(epoch FROM upper(during)) * 1000)::bigint, %s) FROM dispatch.booking
                                     WHERE district = %s AND squad = %s""", now_ms() // HOUR_MS * HOUR_MS, YINZHOU, SQUAD) + HOUR_MS
        self.window = {"window_start": begin, "window_end": begin + 8 * HOUR_MS}
        self.assignment = self.step("squad", "assignment_accept", order=self.order, **self.window)["assignment"]
        self.offers_after = self.queue()
        self.step("squad", "assignment_check_in", order=self.order)
        self.board_served = self.view.ask("committee", COMMITTEE, "board", self.after)
        self.step("squad", "assignment_complete", order=self.order, people_served=1000, items={"电子社保卡": 780}, minutes=480,
                  outcome="解答社保政策千余人次，签发电子社保卡780余张")
        self.step("village", "order_confirm", order=self.order, satisfaction=5, service=5, efficiency=4, comment="很满意")
        self.ledger.wait_quiet()


@pytest.fixture(scope="module")
def case(people, ledger):
    return Case(people, ledger)


def test_answers_name_state_version_and_events(case):
    states = [(kind, answer["result"]["state"], answer["result"]["version"], answer["events"][0]["producer"])
              for kind, answer in case.answers]
    assert states == [("order_submit", "submitted", 1, "intake"), ("order_place", "placed", 2, "intake"),
                      ("assignment_accept", "scheduled", 4, "dispatch"), ("assignment_check_in", "in_service", 5, "dispatch"),
                      ("assignment_complete", "completed", 6, "dispatch"), ("order_confirm", "closed", 7, "dispatch")]
    first = case.answers[0][1]
    assert first["result"]["order"] == first["events"][0]["offset"], "an order's number is the offset of its first event"


def test_page_of_the_order(case):
    page = case.view.ask("village", VILLAGE, "order_show", order=case.order)
    wanted = {
        "order": case.order, "version": 7, "state": "closed", "state_zh": "已办结", "external": False, "place": VILLAGE, "town": TOWN,
        "squad": SQUAD, "department": DEPARTMENT, "category": "social_insurance", "urgency": "normal", "activity": "鄞聚一卡通·智慧码上行",
        "need": "外来务工人员社保诉求较多", "mode": "on_site", "squads_wanted": [SQUAD], "expected_people": 1200, "note": "请尽快安排",
        "assignment": case.assignment, "booked_start": case.window["window_start"], "booked_end": case.window["window_end"],
        "outcome": "解答社保政策千余人次，签发电子社保卡780余张", "items": {"电子社保卡": 780}, "comment": "很满意", "satisfaction": 5,
        "people_served": 1000, "place_zh": "回龙村", "town_zh": "邱隘",
    }
    assert {name: page.get(name) for name in wanted} == wanted
    times = [page[name] for name in ("opened", "placed", "offered", "accepted", "checked_in", "completed", "ended")]
    assert times == sorted(times) and page["changed"] == page["ended"]


def test_full_history_in_one_line_of_versions(case):
    page = case.view.ask("village", VILLAGE, "order_show", order=case.order)
    history = page["history"]
    assert [(event["version"], event["type"], event["producer"], event.get("by", "")) for event in history] == [
        (1, "order_submitted", "intake", VILLAGE), (2, "order_placed", "intake", TOWN), (3, "order_offered", "dispatch", ""),
        (4, "assignment_accepted", "dispatch", SQUAD), (5, "assignment_checked_in", "dispatch", SQUAD),
        (6, "assignment_completed", "dispatch", SQUAD), (7, "order_confirmed", "dispatch", VILLAGE)]
    told = [(position["producer"], position["offset"]) for _, answer in case.answers for position in answer["events"]]
    (session,) = page["sessions"]  # it has a line of its own
    told.remove(("dispatch", session["session"]))
    assert [(event["producer"], event["offset"]) for event in history if event["type"] != "order_offered"] == told
    assert [event["data"]["state"] for event in history] == ["submitted", "placed", "offered", "scheduled", "in_service", "completed", "closed"]
    assert history[5]["data"]["items"] == {"电子社保卡": 780}
    assert len({event["trace"] for event in history}) == 6, "each command has its trace; the offer has that of the placing"
    assert history[1]["trace"] == history[2]["trace"]


@pytest.mark.parametrize("role, organisation", [("village", VILLAGE), ("town", TOWN), ("squad", SQUAD), ("department", DEPARTMENT),
                                                ("committee", COMMITTEE), ("operator", COMMITTEE)])
def test_every_side_sees_the_order(case, role, organisation):
    assert case.view.ask(role, organisation, "order_show", order=case.order)["state"] == "closed"
    listed = case.view.ask(role, organisation, "order_list", state="closed", limit=500)["orders"]
    assert case.order in [order["order"] for order in listed]


@pytest.mark.parametrize("role, organisation", [("village", "330212008006"), ("town", "330212008"), ("squad", "court-alley-judge"),
                                                ("department", "court"), ("feed", "feed-12345"), ("site", "site-sample-worksite")])
def test_nobody_else_sees_it(case, role, organisation):
    answer = case.people.as_(role, organisation, face="query").query("order_show", order=case.order)
    assert (answer["status"], answer["error"]["code"]) == ("refused", "not_yours")
    listed = case.view.ask(role, organisation, "order_list", limit=500)["orders"]
    assert case.order not in [order["order"] for order in listed]


@pytest.mark.parametrize("role, organisation, wanted", [
    ("village", VILLAGE, ["order_placed", "assignment_accepted", "assignment_checked_in", "assignment_completed"]),
    ("town", TOWN, ["order_submitted", "assignment_accepted"]),
    ("squad", SQUAD, ["order_offered", "order_confirmed"]),
    ("department", DEPARTMENT, ["order_offered", "order_confirmed"]),
    ("committee", COMMITTEE, [])])
def test_inbox_of_every_side(case, role, organisation, wanted):
    told = case.view.inbox(role, organisation, case.order)
    assert [kind for kind, _, _ in told] == wanted
    for _, _, text in told:
        assert str(case.order) in text and "{" not in text


def test_queue_holds_the_offer_until_it_is_accepted(case):
    (offer,) = case.offers
    assert offer["assignment"] == case.assignment and offer["version"] == 3
    assert offer["respond_by"] - offer["not_before"] == 2880 * 60 * 1000
    assert case.offers_after == []


def test_board_follows(case):
    def states(board, table, key, code):
        rows = [row for row in board[table] if row[key] == code] if table else [board]
        return rows[0]["states"] if rows else {}
    for table, key, code in ((None, None, None), ("towns", "town", TOWN), ("squads", "squad", SQUAD)):
        before = states(case.board_before, table, key, code)
        assert difference(before, {**dict.fromkeys(before, 0), **states(case.board_offered, table, key, code)}) == {"offered": 1}
        assert difference(before, {**dict.fromkeys(before, 0), **states(case.board_served, table, key, code)}) == {"in_service": 1}


@pytest.mark.parametrize("by, key", [("squad", SQUAD), ("department", DEPARTMENT), ("town", TOWN), ("category", "social_insurance"),
                                     ("state", "closed"), ("quarter", None), ("year", None), ("state", "")])
def test_counts_follow(case, by, key):
    if key is None:
        local = datetime.datetime.now(ZoneInfo("Asia/Shanghai"))
        key = str(local.year) if by == "year" else f"{local.year}Q{(local.month + 2) // 3}"
    after = case.view.figures(by)
    assert difference(case.before[by].get(key, {}), after[key]) == {
        "orders": 1, "closed": 1, "confirmed": 1, "satisfaction_total": 5, "people_served": 1000, "single": 1}


def test_stars_with_their_explanation(case):
    rated = case.view.ask("village", VILLAGE, "stars", squad=SQUAD)
    (squad,) = rated["squads"]
    assert difference(case.stars_before, squad)["counted"] == 1 and difference(case.stars_before, squad)["total"] == 5
    assert case.order in [event["order"] for event in squad["events"]] and squad["counted"] == len(squad["events"])
    assert squad["total"] == sum(event["satisfaction"] for event in squad["events"])
    assert squad["stars"] == stars_of(squad) and squad["scheme"] == "provisional"
    assert f"计入 {squad['counted']} 次" in squad["explanation_zh"] and f"{squad['stars']} 星" in squad["explanation_zh"]
    assert f"{squad['counted']} confirmation" in squad["explanation_en"] and f"to {squad['stars']} star" in squad["explanation_en"]


def stars_of(squad):
    """By the rule as product.md has it: the district's mean with weight 10, rounded half up."""
    mean = Fraction(squad["district_total"], squad["district_counted"])
    return min(5, max(1, int((squad["total"] + 10 * mean) / (squad["counted"] + 10) + Fraction(1, 2))))


def test_ztc_plays_the_case(stack):
    played = stack.ztc("play", capture_output=True, text=True)
    assert played.returncode == 0, played.stdout + played.stderr


# --- reading one's own writes ---------------------------------------------------------------------------------------------------------------


def test_a_query_sees_what_its_positions_name(district, view):
    """No waiting in between, a hundred times: the page has the version that the answer told."""
    village, reader = district.as_("village", "village-a"), district.as_("village", "village-a", face="query")
    for _ in range(50):
        order = Order(district)
        order.took(ok(village.ask(order.begin()[1])))
        page = ok(reader.query("order_show", positions=order.events, patient=False, order=order.id))["result"]
        assert (page["version"], page["state"]) == (1, "submitted")
    for order in bring(Order(district, way="scheduled") for _ in range(50)):
        page = ok(reader.query("order_show", positions=order.events, patient=False, order=order.id))["result"]
        assert (page["version"], page["state"]) == (order.version, "scheduled")


def test_notices_and_queue_as_of_a_position(district, view):
    (order,) = bring([Order(district, way="escalated")])
    assert [kind for kind, _, _ in view.inbox("committee", "committee", order.id, order.events)] == ["order_escalated"]
    answer = ok(order.client("order_assign").ask(order.command("order_assign")[1]))
    queue = view.ask("squad", "squad-a", "queue", answer["events"], limit=500)
    assert order.id in [offer["order"] for offer in queue["offers"]]


def test_a_position_that_does_not_come_is_waited_for_within_bounds(district):
    reader = district.as_("committee", "committee", face="query")
    begun = time.monotonic()
    answer = reader.query("board", positions=[{"producer": "dispatch", "part": 0, "offset": 10**12}], patient=False)
    assert (answer["status"], answer["error"]["code"]) == ("retry", "not_ready")
    assert 1 < time.monotonic() - begun < 6
    # Others are answered meanwhile.
    reader.send({"id": "slow", "type": "board", "after": [{"producer": "intake", "part": 0, "offset": 10**12}], "body": {}})
    begun = time.monotonic()
    ok(reader.ask({"id": "fast", "type": "board", "body": {}}))
    assert time.monotonic() - begun < 1


def test_who_waits_for_positions_that_never_come_is_told_to_stop(district):
    """Queries that wait are as bounded as those that arrive (ZTC_QUEUE_MAX); past that the answer is busy, and nobody else suffers."""
    flood, honest = district.as_("committee", "committee", face="query"), district.as_("town", "town-a", face="query")
    codes, until = collections.Counter(), time.monotonic() + 30
    asked = 0
    while not codes["busy"]:
        assert time.monotonic() < until, codes
        for _ in range(2000):
            asked += 1
            flood.send({"id": f"flood-{asked}", "type": "board", "after": [{"producer": "dispatch", "part": 0, "offset": 10**12}], "body": {}})
        while (answer := flood.receive(0)) is not None:
            codes[answer["error"]["code"]] += 1
    ok(honest.query("board"))
    # Of the answers that it did not take meanwhile, some were dropped.
    while (answer := flood.receive(5)) is not None:
        codes[answer["error"]["code"]] += 1
    assert set(codes) == {"busy", "not_ready"} and sum(codes.values()) <= asked


# --- declining -------------------------------------------------------------------------------------------------------------------------


def queue_of(view, squad, after=()):
    return [offer["order"] for offer in view.ask("squad", squad, "queue", after, limit=500)["offers"]]


def test_declined_by_each_until_the_committee_assigns(district, view, ledger):
    (order,) = bring([Order(district, squads=("squad-c", "squad-a", "squad-b"), way="offered")])
    for squad, following in (("squad-c", "squad-a"), ("squad-a", "squad-b"), ("squad-b", None)):
        order.serving = squad
        ledger.wait_quiet("dispatch")
        assert order.id in queue_of(view, squad)
        order.took(ok(order.client("assignment_decline").ask(order.command("assignment_decline")[1])))
        assert order.state == ("offered" if following else "escalated")
        assert order.id not in queue_of(view, squad, order.events)
        page = view.ask("village", "village-a", "order_show", order.events, order=order.id)
        assert page.get("squad") == following and page["reason"] == "当日已满"
    assert [kind for kind, _, _ in view.inbox("committee", "committee", order.id, order.events)] == ["order_escalated"]
    assert [kind for kind, _, _ in view.inbox("town", "town-a", order.id, order.events)] == [
        "order_submitted", *["assignment_declined"] * 3, "order_escalated"]
    # It may be given to a squad that declined before.
    order.serving = "squad-a"
    order.took(ok(order.client("order_assign").ask(order.command("order_assign", note="请支持")[1])))
    assert order.state == "offered" and order.id in queue_of(view, "squad-a", order.events)
    for command in ("assignment_accept", "assignment_check_in", "assignment_complete", "order_confirm"):
        order.took(ok(order.client(command).ask(order.command(command)[1])))
    page = view.ask("village", "village-a", "order_show", order.events, order=order.id)
    assert [event["type"] for event in page["history"]] == [
        "order_submitted", "order_placed", "order_offered", "assignment_declined", "order_offered", "assignment_declined", "order_offered",
        "assignment_declined", "order_escalated", "order_offered", "assignment_accepted", "assignment_checked_in", "assignment_completed",
        "order_confirmed"]
    assert [event["data"]["squad"] for event in page["history"] if event["type"] == "order_offered"] == [
        "squad-c", "squad-a", "squad-b", "squad-a"]
    assert page["history"][9]["by"] == "committee" and page["note"] == "请支持"


def test_by_category_in_code_order(district, view):
    (order,) = bring([Order(district, squads=(), way="offered")])
    for squad in ("squad-a", "squad-b", "squad-c"):
        page = view.ask("village", "village-a", "order_show", order.events, order=order.id)
        until = time.monotonic() + 10
        while page.get("squad") != squad and time.monotonic() < until:
            page = view.ask("village", "village-a", "order_show", order=order.id)
        assert page["squad"] == squad
        order.serving = squad
        order.took(ok(order.client("assignment_decline").ask(order.command("assignment_decline")[1])))
    assert order.state == "escalated"


def test_a_category_that_nobody_serves_escalates_at_once(district, view, ledger):
    order = Order(district)
    message = district.people.message("order_submit", need="需求", category="other")
    order.took(ok(district.as_("village", "village-a").ask(message)))
    answer = ok(order.client("order_place").ask(order.command("order_place")[1]))
    ledger.wait_quiet()
    page = view.ask("village", "village-a", "order_show", answer["events"], order=order.id)
    assert [event["type"] for event in page["history"]] == ["order_submitted", "order_placed", "order_escalated"]
    assert page["history"][2]["data"].get("tried", 0) == 0


# --- served again -----------------------------------------------------------------------------------------------------------------------


def test_reopened_is_offered_to_who_served_it(district, view, ledger):
    (order,) = bring([Order(district, squads=("squad-b", "squad-a"), way="completed")])
    first = order.assignment
    order.took(ok(order.client("order_reopen").ask(order.command("order_reopen")[1])))
    assert order.state == "offered" and order.assignment != first
    assert [kind for kind, _, _ in view.inbox("squad", "squad-b", order.id, order.events)] == ["order_offered", "order_reopened", "order_offered"]
    for command in ("assignment_accept", "assignment_check_in", "assignment_complete", "order_confirm"):
        order.took(ok(order.client(command).ask(order.command(command)[1])))
    ledger.wait_quiet()
    page = view.ask("village", "village-a", "order_show", order=order.id)
    assert (page["state"], page["people_served"], page["satisfaction"]) == ("closed", 24, 4), "both services' people, one score"
    assert ledger.value('SELECT count(*) FROM evaluation.counted WHERE district = %s AND "order" = %s', district.code, order.id) == 1
    states = ledger.rows('SELECT state FROM dispatch.assignment WHERE district = %s AND "order" = %s ORDER BY id', district.code, order.id)
    assert [state for state, in states] == ["completed", "completed"]


# --- cancelled ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way, side", [("submitted", "town"), ("returned", "place"), ("placed", "place"), ("offered", "committee"),
                                       ("escalated", "committee"), ("scheduled", "place")])
def test_cancelled_in_each_state(district, view, ledger, way, side):
    (order,) = bring([Order(district, way=way)])
    client = {"town": ("town", "town-a"), "place": ("village", "village-a"), "committee": ("committee", "committee")}[side]
    order.took(ok(district.as_(*client).ask(order.command("order_cancel")[1])))
    ledger.wait_quiet()
    page = view.ask("village", "village-a", "order_show", order.events, order=order.id)
    assert (page["state"], page["reason"]) == ("cancelled", "不再需要") and "booked_start" not in page
    assert ledger.value('SELECT count(*) FROM dispatch.booking WHERE district = %s AND "order" = %s', district.code, order.id) == 0
    assert order.id not in queue_of(view, "squad-a", order.events)
    told = {role: "order_cancelled" in [kind for kind, _, _ in view.inbox(role, organisation, order.id, order.events)]
            for role, organisation in (("village", "village-a"), ("town", "town-a"), ("squad", "squad-a"))}
    assert told == {"village": side != "place", "town": side != "town", "squad": way in ("offered", "scheduled")}


# --- returned and picked again -----------------------------------------------------------------------------------------------------------


def test_returned_and_submitted_otherwise(district, view, ledger):
    (order,) = bring([Order(district, way="returned")])
    assert [kind for kind, _, _ in view.inbox("village", "village-a", order.id, order.events)] == ["order_returned"]
    window = district.window(hours=3)
    message = order.command("order_resubmit", need="补充后的需求", squads=["squad-b", "squad-c"], urgency="urgent", mode="online",
                            expected_people=80, **window)[1]
    order.took(ok(order.client("order_resubmit").ask(message)))
    assert order.state == "submitted"
    answer = ok(order.client("order_place").ask(order.command("order_place")[1]))
    ledger.wait_quiet()
    page = view.ask("village", "village-a", "order_show", answer["events"], order=order.id)
    wanted = {"need": "补充后的需求", "squads_wanted": ["squad-b", "squad-c"], "urgency": "urgent", "mode": "online", "expected_people": 80,
              "squad": "squad-b", "version": 5, **window}
    assert {name: page[name] for name in wanted} == wanted
    assert page["respond_by"] - page["offered"] == 480 * 60 * 1000, "an urgent offer has its own time"
    # The window wanted is the one booked when the squad names none.
    order.serving = "squad-b"
    order.took(ok(order.client("assignment_accept").ask(district.people.message("assignment_accept", order=order.id))))
    page = view.ask("village", "village-a", "order_show", order.events, order=order.id)
    assert (page["booked_start"], page["booked_end"]) == (window["window_start"], window["window_end"])


def test_withdrawn(district, view):
    (order,) = bring([Order(district, way="withdrawn")])
    assert [kind for kind, _, _ in view.inbox("town", "town-a", order.id, order.events)] == ["order_submitted", "order_withdrawn"]


def test_pressing_orders_come_first(district, view, ledger):
    """The queue: by deadline less the boost of urgency, not by when they came."""
    orders = []
    for urgency in ("normal", "urgent", "normal", "critical"):
        order = Order(district, squads=("squad-c",))
        client, message = order.begin()
        message["body"]["urgency"] = urgency
        order.took(ok(client.ask(message)))
        orders.append(order)
    ok([order.client("order_place").ask(order.command("order_place")[1]) for order in orders])
    ledger.wait_quiet()
    first, urgent, second, critical = (order.id for order in orders)
    mine = [order for order in queue_of(view, "squad-c") if order in (first, urgent, second, critical)]
    assert mine == [critical, urgent, first, second]
    ok(burst([order.command("order_cancel") for order in orders]))


# --- other systems' cases ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outside(people, ledger):
    """Ten external orders in a district of their own, six of them closed, at times of the feed's own."""
    district = District(people, "t-outside", squads={"squad-a": {}, "squad-b": {"parent": "department-b"}}, time_zone="America/New_York")
    feed, message = district.as_("feed", "feed-a"), people.message
    # Half an hour before midnight in New York and half an hour after, in winter: 04:30 and 05:30 UTC.
    late = int(datetime.datetime(2015, 1, 1, 4, 30, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    district.opened = [late if number % 2 else late + HOUR_MS for number in range(10)]
    answers = ok(burst([(feed, message("order_open_external", time_ms=opened, external_id=f"case-{number}", need=f"Case {number}",
                                       place=("town-a", "town-b", "village-a")[number % 3], squad="squad-a" if number < 7 else "squad-b",
                                       **({"category": "general"} if number < 4 else {})))
                        for number, opened in enumerate(district.opened)]))
    district.orders = [answer["result"]["order"] for answer in answers]
    named = [{"order": district.orders[number]} if number % 2 else {"external_id": f"case-{number}"} for number in range(6)]
    district.closed = ok(burst([(feed, message("order_close_external", time_ms=district.opened[number] + 3 * HOUR_MS, outcome="Resolved", **name))
                                for number, name in enumerate(named)]))
    ledger.wait_quiet()
    return district


def test_external_orders_are_figures(people, outside):
    view = View(people, outside.code)
    total = view.figures("state")[""]
    wanted = dict.fromkeys(("cancelled", "withdrawn", "confirmed", "satisfaction_total", "people_served"), 0)
    wanted.update(orders=10, open=4, closed=6, external=10, external_open=4, external_closed=6)
    assert {name: total[name] for name in wanted} == wanted
    assert {key: group["orders"] for key, group in view.figures("squad").items()} == {"": 10, "squad-a": 7, "squad-b": 3}
    assert {key: group["orders"] for key, group in view.figures("department").items()} == {"": 10, "department-a": 7, "department-b": 3}
    assert {key: group["orders"] for key, group in view.figures("town").items()} == {"": 10, "town-a": 7, "town-b": 3}
    assert {key: group["orders"] for key, group in view.figures("feed").items()} == {"": 10, "feed-a": 10}
    assert view.figures("category")["general"]["orders"] == 4
    # By the day of the district's own time, New York's.
    assert {key: group["orders"] for key, group in view.figures("day").items() if key} == {"2014-12-31": 5, "2015-01-01": 5}
    assert {key: group["orders"] for key, group in view.figures("quarter").items() if key} == {"2014Q4": 5, "2015Q1": 5}
    counts = view.ask("committee", "committee", "counts", by="state", **{"from": outside.opened[1], "to": outside.opened[0]})
    assert counts["total"]["orders"] == 5


def test_external_orders_wait_nowhere_and_rate_nobody(people, outside, ledger):
    view = View(people, outside.code)
    assert queue_of(view, "squad-a") == []
    board = view.ask("committee", "committee", "board")
    assert (board["waiting"], board["external_open"], board["states"]) == (0, 4, {})
    assert view.ask("committee", "committee", "stars")["squads"] == []
    (unrated,) = view.ask("committee", "committee", "stars", squad="squad-a")["squads"]
    assert unrated["counted"] == 0 and "stars" not in unrated
    assert ledger.value("SELECT count(*) FROM dispatch.assignment WHERE district = %s", outside.code) == 0
    assert ledger.value("SELECT count(*) FROM notification.inbox WHERE district = %s", outside.code) == 0


def test_page_of_an_external_order(people, outside):
    view = View(people, outside.code)
    page = view.ask("feed", "feed-a", "order_show", external_id="case-0")
    wanted = {"order": outside.orders[0], "state": "closed", "external": True, "feed": "feed-a", "external_id": "case-0", "place": "town-a",
              "town": "town-a", "squad": "squad-a", "outcome": "Resolved", "opened": outside.opened[0],
              "ended": outside.opened[0] + 3 * HOUR_MS, "need": "Case 0", "version": 2}
    assert {name: page.get(name) for name in wanted} == wanted and "satisfaction" not in page
    assert view.ask("committee", "committee", "order_show", feed="feed-a", external_id="case-0")["order"] == outside.orders[0]
    for role, organisation in (("squad", "squad-a"), ("department", "department-a"), ("town", "town-a")):
        assert view.ask(role, organisation, "order_show", order=outside.orders[0])["order"] == outside.orders[0]


def test_external_order_is_closed_by_its_feed_alone(people, outside):
    message = people.message
    open_one = outside.orders[9]
    tries = [("feed", "feed-b", message("order_close_external", order=open_one), "not_yours"),
             ("feed", "feed-b", message("order_close_external", external_id="case-9"), "unknown_order"),
             ("village", "village-a", message("order_confirm", order=open_one, satisfaction=5), "not_yours"),
             ("town", "town-a", message("order_place", order=open_one), "illegal_step"),
             ("squad", "squad-b", message("assignment_accept", order=open_one), "illegal_step")]
    answers = burst([(outside.as_(role, organisation), question) for role, organisation, question, _ in tries])
    assert [answer["error"]["code"] for answer in answers] == [code for *_, code in tries]


# --- stars, exactly ------------------------------------------------------------------------------------------------------------------------


def test_stars_are_as_recomputed(people, ledger):
    """Many confirmations of four squads: sums, means and stars by our own arithmetic, half up at the halves."""
    squads = {"squad-a": [5] * 12 + [4] * 3, "squad-b": [1] * 9, "squad-c": [3], "squad-d": []}
    district = District(people, "t-stars", squads={name: {"capacity": 64} for name in squads})
    view = View(people, district.code)
    scores = [(squad, score) for squad, given in squads.items() for score in given]
    orders = bring(Order(district, squads=(squad,), way="completed") for squad, _ in scores)
    ok(burst([order.command("order_confirm", satisfaction=score) for order, (_, score) in zip(orders, scores)]))
    ledger.wait_quiet()
    every = [score for _, score in scores]
    rated = {squad["squad"]: squad for squad in view.ask("committee", "committee", "stars")["squads"]}
    assert set(rated) == {"squad-a", "squad-b", "squad-c"}
    for name, squad in rated.items():
        assert (squad["counted"], squad["total"]) == (len(squads[name]), sum(squads[name]))
        assert (squad["district_counted"], squad["district_total"]) == (len(every), sum(every))
        assert squad["stars"] == stars_of(squad)
        shrunk = (Fraction(squad["total"]) + 10 * Fraction(sum(every), len(every))) / (squad["counted"] + 10)
        assert squad["shrunk_milli"] == int(shrunk * 1000 + Fraction(1, 2))
        assert squad["mean_milli"] == int(Fraction(squad["total"], squad["counted"]) * 1000 + Fraction(1, 2))
    quarter = view.ask("committee", "committee", "stars")["quarter"]
    local = datetime.datetime.now(ZoneInfo("Asia/Shanghai"))
    assert quarter == f"{local.year}Q{(local.month + 2) // 3}"
    assert view.ask("committee", "committee", "stars", quarter="2001Q1")["squads"] == []


# --- acting for another -----------------------------------------------------------------------------------------------------------------


def test_department_acts_for_its_squad(district, view):
    (order,) = bring([Order(district, squads=("squad-a",), way="offered")])
    department = district.as_("department", "department-a")
    message = district.people.message
    body = order.body("assignment_accept")
    refused = burst([(district.as_("department", "department-b"), message("assignment_accept", "squad-a", **body)),
                     (department, message("assignment_accept", "squad-b", **body)),
                     (district.as_("squad", "squad-b"), message("assignment_accept", "squad-a", **body)),
                     (district.as_("committee", "committee"), message("assignment_accept", "squad-a", **body)),
                     (department, message("order_cancel", "village-a", order=order.id, reason="x"))])
    assert [(answer["error"]["code"], answer["error"]["field"]) for answer in refused] == [("not_yours", "on_behalf_of")] * 5
    order.took(ok(department.ask(message("assignment_accept", "squad-a", **body))))
    assert order.state == "scheduled"
    # In its own name it may too.
    order.took(ok(department.ask(message("assignment_check_in", order=order.id))))
    page = view.ask("department", "department-a", "order_show", order.events, order=order.id)
    assert [event.get("by") for event in page["history"][-2:]] == ["squad-a", "department-a"]


def test_a_site_without_a_key_is_entered_for(district, view):
    """By the village, park or town above it, until it has a key of its own."""
    add, message = district.organisation, district.people.message
    district.register([add("site-of-village", "site", parent="village-a", site_kind="building"),
                       add("park", "site", parent="town-a", site_kind="park"), add("site-of-park", "site", parent="park", site_kind="enterprise")])
    wish = {"need": "楼宇企业需求", "squads": ["squad-a"]}
    tries = [("village", "village-a", "site-of-village", "ok"), ("town", "town-a", "site-of-village", "ok"), ("village", "village-b", "site-of-village", "not_yours"),
             ("town", "town-b", "site-of-village", "not_yours"), ("village", "village-a", "site-of-park", "not_yours"),
             ("site", "park", "site-of-park", "ok"), ("squad", "squad-a", "site-of-village", "not_yours"), ("village", "village-a", "town-a", "not_yours")]
    answers = burst([(district.as_(role, organisation), message("order_submit", acting, **wish)) for role, organisation, acting, _ in tries])
    assert [answer["status"] if answer["status"] == "ok" else answer["error"]["code"] for answer in answers] == [wanted for *_, wanted in tries]
    first, of_park = answers[0], answers[5]
    page = view.ask("village", "village-a", "order_show", first["events"], order=first["result"]["order"])
    assert (page["place"], page["town"]) == ("site-of-village", "town-a")
    assert view.ask("site", "park", "order_list", of_park["events"], limit=1)
    page = view.ask("committee", "committee", "order_show", of_park["events"], order=of_park["result"]["order"])
    assert (page["place"], page["town"]) == ("site-of-park", "park"), "a park is its sites' placing body"
    placed = district.as_("town", "park").ask(message("order_place", order=of_park["result"]["order"]))
    assert placed["status"] == "ok"
    # With a key it speaks for itself.
    district.as_("site", "site-of-village")
    answer = district.as_("village", "village-a").ask(message("order_submit", "site-of-village", **wish))
    assert (answer["error"]["code"], answer["error"]["field"]) == ("not_yours", "on_behalf_of")
    ok(district.as_("site", "site-of-village").ask(message("order_submit", **wish)))
