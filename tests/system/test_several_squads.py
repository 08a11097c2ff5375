"""Orders of several squads: seats, required and optional, the lead; stays over days; hours and days off; the sessions that follow and the
figures that count them. The 划船社区 case of the document is here too (product.md section 10)."""

import datetime
import time
from zoneinfo import ZoneInfo

import pytest
from people import DAY_MS, HOUR_MS, YINZHOU, District, burst, now_ms, ok
from test_life import View

SQUADS = ("first", "second", "third", "fourth", "fifth")


@pytest.fixture(scope="module")
def district(people):
    district = District(people, "t-seats", squads={
        "first": {}, "second": {"parent": "department-b"}, "third": {}, "fourth": {"parent": "department-b"}, "fifth": {},
        "by-hours": {"hours": "1-5 08:30-11:30,14:00-17:00; 6 09:00-12:00", "days_off": ["2030-05-01"]}, "stays": {"capacity": 2}})
    people.register([(district.code, organisation, role) for role, organisation in (
        ("village", "village-a"), ("town", "town-a"), ("committee", "committee"), ("department", "department-a"),
        ("department", "department-b"), *(("squad", squad) for squad in (*SQUADS, "by-hours", "stays")))])
    return district


class Case:
    """One order: who does what with it, and what everybody is then shown."""

    def __init__(self, district, place="village-a", town="town-a", **wish):
        self.district, self.place, self.town = district, place, town
        self.answer = None
        self.order = self.does("village", place, "order_submit", need="多队同到现场", **wish)["order"]
        self.does("town", town, "order_place", order=self.order)
        self.wait_offered()

    def client(self, role, organisation):
        return self.district.as_(role, organisation)

    def asks(self, role, organisation, command, **body):
        (self.answer,) = burst([(self.client(role, organisation), self.district.people.message(command, **body))])
        return self.answer

    def does(self, role, organisation, command, **body):
        answer = self.asks(role, organisation, command, **body)
        assert answer["status"] == "ok", answer
        self.events = answer["events"]
        return answer["result"]

    def squad(self, squad, command, **body):
        return self.does("squad", squad, command, order=self.order, **body)

    def refused(self, role, organisation, command, **body):
        answer = self.asks(role, organisation, command, order=self.order, **body)
        assert answer["status"] == "refused", answer
        return answer["error"]

    def page(self):
        return ok(self.district.as_("village", self.place, face="query").query("order_show", positions=self.events, order=self.order))["result"]

    def wait_offered(self, patience_s=20.0):
        until = time.monotonic() + patience_s
        while self.page()["state"] in ("submitted", "placed"):
            assert time.monotonic() < until
            time.sleep(0.02)

    def parts(self):
        """squad -> state of its newest part, as the page shows it."""
        return {part["squad"]: part["state"] for part in self.page()["assignments"]}


def window(days=2, hours=2, hour=10):
    start = now_ms() // DAY_MS * DAY_MS + days * DAY_MS + hour * HOUR_MS
    return {"window_start": start, "window_end": start + hours * HOUR_MS}


_days = iter(range(3, 3000))


def fresh():
    """A day that no other test of this file uses."""
    return window(days=next(_days))


def queue(district, squad, after):
    answer = ok(district.as_("squad", squad, face="query").query("queue", positions=after))
    return {offer["order"] for offer in answer["result"]["offers"]}


def bookings(ledger, case):
    return sorted(squad for squad, in ledger.rows('SELECT squad FROM dispatch.booking WHERE district = %s AND "order" = %s',
                                                 case.district.code, case.order))


def test_each_squad_is_offered_its_seat_at_once(district):
    case = Case(district, required=["first", "second"], optional=["third"], lead="second")
    page = case.page()
    assert [(part["squad"], part["seat"], part["lead"], part["optional"], part["state"]) for part in page["assignments"]] == [
        ("second", 1, True, False, "offered"), ("first", 2, False, False, "offered"), ("third", 3, False, True, "offered")]
    assert (page["state"], page["squad"], page["squads_required"], page["squads_optional"]) == (
        "offered", "second", ["first", "second"], ["third"])
    for squad in ("first", "second", "third"):
        assert case.order in queue(district, squad, case.events)


def test_scheduled_once_every_required_squad_accepted(district, ledger):
    case, day = Case(district, required=["first", "second"], optional=["third"]), fresh()
    assert case.squad("first", "assignment_accept", **day)["state"] == "offered"
    assert case.squad("third", "assignment_accept", **day)["state"] == "offered"
    assert case.squad("second", "assignment_accept", **day)["state"] == "scheduled"
    assert bookings(ledger, case) == ["first", "second", "third"]
    assert set(case.parts().values()) == {"accepted"}


def test_substitutes_then_the_committee(district):
    case, day = Case(district, required=["first", "second"], squads=["third"]), fresh()
    assert case.squad("first", "assignment_decline", reason="当日已满")["state"] == "offered"
    assert case.parts()["third"] == "offered"
    assert case.squad("third", "assignment_decline", reason="当日已满")["state"] == "escalated"
    assert case.squad("second", "assignment_accept", **day)["state"] == "escalated", "the other seat goes on meanwhile"
    assert case.refused("committee", "committee", "order_assign", squad="second")["code"] == "unfit"
    assert case.does("committee", "committee", "order_assign", order=case.order, squad="fourth")["state"] == "offered"
    assert case.squad("fourth", "assignment_accept", **day)["state"] == "scheduled"
    assert case.page()["squad"] == "fourth", "who takes the lead's seat leads"


def test_optional_squads_are_done_without(district, ledger):
    """One that declines is dropped; one that is not there when the service is completed has expired, or not shown up."""
    case, day = Case(district, required=["first"], optional=["second", "third", "fourth"]), fresh()
    assert case.squad("second", "assignment_decline", reason="当日已满")["state"] == "offered"
    case.squad("first", "assignment_accept", **day)
    assert case.squad("third", "assignment_accept", **day)["state"] == "scheduled", "it may while the order is scheduled"
    case.squad("first", "assignment_check_in")
    assert case.squad("first", "assignment_complete", people_served=9)["state"] == "completed"
    assert case.parts() == {"first": "completed", "second": "declined", "third": "no_show", "fourth": "expired"}
    assert bookings(ledger, case) == ["first"], "its window is given back"
    assert case.order not in queue(district, "fourth", case.events)
    for squad in ("second", "third", "fourth"):
        assert case.refused("squad", squad, "assignment_accept", **day)["code"] == "not_yours"
    (session,) = case.page()["sessions"]
    assert (session["kind"], session["squads"], session["people_served"]) == ("single", ["first"], 9)


def test_squads_hear_of_their_own_seats(district):
    case = Case(district, required=["first", "second"])
    case.squad("second", "assignment_accept", **fresh())
    case.does("village", "village-a", "order_cancel", order=case.order, reason="改期")
    for squad, ending in (("first", "order_cancelled"), ("second", "assignment_ended")):
        notices = ok(district.as_("squad", squad, face="query").query("inbox", positions=case.events, limit=500))["result"]["notices"]
        assert [notice["type"] for notice in notices if notice["order"] == case.order] == [ending, "order_offered"]


def test_cancelled_with_all_parts(district, ledger):
    case, day = Case(district, required=["first", "second"], optional=["third"]), fresh()
    case.squad("second", "assignment_accept", **day)
    assert case.does("village", "village-a", "order_cancel", order=case.order, reason="改期")["state"] == "cancelled"
    assert set(case.parts().values()) == {"cancelled"}
    assert bookings(ledger, case) == []
    for squad in ("first", "third"):
        assert case.order not in queue(district, squad, case.events)


def serve(case, squads, day):
    for command, body in (("assignment_accept", day), ("assignment_check_in", {}), ("assignment_complete", {"people_served": 5})):
        for squad in squads:
            case.squad(squad, command, **body)


def test_reopened_with_those_who_served(district, ledger):
    case, day = Case(district, required=["first", "second"], optional=["third", "fourth"]), fresh()
    serve(case, ("first", "second", "third"), day)
    assert case.does("village", "village-a", "order_reopen", order=case.order, reason="还有人没办上")["state"] == "offered"
    offered = [part["squad"] for part in case.page()["assignments"] if part["state"] == "offered"]
    assert offered == ["first", "second", "third"]
    assert bookings(ledger, case) == [], "the same window can be taken again"
    serve(case, ("first", "second", "third"), day)
    page = case.page()
    assert [session["kind"] for session in page["sessions"]] == ["joint", "joint"]
    assert page["people_served"] == 10, "the lead's figure of both services"


def test_a_department_says_which_of_its_parts(district):
    case, day = Case(district, required=["first", "third", "second"]), fresh()  # the first two are department-a's
    error = case.refused("department", "department-a", "assignment_accept", **day)
    assert (error["code"], error["field"]) == ("missing_field", "assignment")
    parts = {part["squad"]: part["assignment"] for part in case.page()["assignments"]}
    assert case.refused("department", "department-a", "assignment_accept", assignment=parts["second"], **day)["code"] == "not_yours"
    result = case.does("department", "department-a", "assignment_accept", order=case.order, assignment=parts["third"], **day)
    assert result["assignment"] == parts["third"] and case.parts()["third"] == "accepted"
    assert case.does("department", "department-b", "assignment_accept", order=case.order, **day)["state"] == "offered", "it has one only"


@pytest.mark.parametrize("wish, code, field", [
    ({"required": ["nobody"]}, "unknown_squad", "required"),
    ({"required": ["first", "first"]}, "unfit", "required"),
    ({"required": ["first"], "optional": ["village-a"]}, "unknown_squad", "optional"),
    ({"required": ["first"], "optional": ["first"]}, "unfit", "optional"),
    ({"squads": ["first"], "optional": ["second"]}, "missing_field", "required"),
    ({"required": ["first", "second"], "lead": "third"}, "unfit", "lead"),
    ({"squads": ["first"], "lead": "first"}, "unfit", "lead"),
    ({"required": ["first"] * 9}, "too_long", "required")])
def test_wishes_that_contradict_themselves(district, wish, code, field):
    answer = district.as_("village", "village-a").ask(district.people.message("order_submit", need="x", **wish))
    assert (answer["status"], answer["error"]["code"], answer["error"]["field"]) == ("refused", code, field)


# --- steps of one part ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps, squad, command", [
    ((("first", "assignment_accept"),), "first", "assignment_accept"),
    ((("first", "assignment_accept"),), "first", "assignment_check_in"),
    ((("first", "assignment_accept"), ("second", "assignment_accept")), "first", "assignment_decline"),
    ((("first", "assignment_accept"), ("second", "assignment_accept"), ("first", "assignment_check_in")), "second", "assignment_complete"),
    ((("first", "assignment_accept"), ("second", "assignment_accept"), ("first", "assignment_check_in"), ("first", "assignment_complete")),
     "first", "assignment_complete")])
def test_a_part_that_is_elsewhere_is_refused(district, ledger, steps, squad, command):
    """The order's state would allow it to somebody: the squad hears what it may do itself."""
    case, day = Case(district, required=["first", "second"]), fresh()
    bodies = {"assignment_accept": day, "assignment_complete": {"people_served": 1}, "assignment_decline": {"reason": "x"}}
    for who, what in steps:
        case.squad(who, what, **bodies.get(what, {}))
    before = ledger.rows('SELECT state, version FROM dispatch.orders WHERE district = %s AND id = %s', district.code, case.order)
    error = case.refused("squad", squad, command, **bodies.get(command, {}))
    assert (error["code"], error["state"]) == ("illegal_step", before[0][0]) and command not in error.get("allowed", [])
    assert ledger.rows('SELECT state, version FROM dispatch.orders WHERE district = %s AND id = %s', district.code, case.order) == before


# --- hours and stays -----------------------------------------------------------------------------------------------------------------------


def at(text):
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)


@pytest.mark.parametrize("start, end, detail", [  # 2030-04-29 is a Monday
    ("2030-04-29 08:30", "2030-04-29 11:30", None), ("2030-04-29 14:00", "2030-04-29 17:00", None), ("2030-05-04 09:00", "2030-05-04 12:00", None),
    ("2030-04-29 08:29", "2030-04-29 09:30", "1-5"), ("2030-04-29 11:00", "2030-04-29 11:31", "1-5"),
    ("2030-04-29 10:00", "2030-04-29 15:00", "1-5"), ("2030-05-04 14:00", "2030-05-04 15:00", "1-5"),
    ("2030-05-05 09:00", "2030-05-05 10:00", "1-5"), ("2030-05-01 09:00", "2030-05-01 10:00", "2030-05-01")])
def test_within_hours_and_not_on_days_off(district, start, end, detail):
    case = Case(district, squads=["by-hours"])
    body = {"order": case.order, "window_start": at(start), "window_end": at(end)}
    answer = case.asks("squad", "by-hours", "assignment_accept", **body)
    if detail is None:
        assert answer["status"] == "ok", answer
        return
    error = answer["error"]
    assert (answer["status"], error["code"], error["field"]) == ("refused", "window_unfit", "window_start")
    assert error["detail"] == ("1-5 08:30-11:30,14:00-17:00; 6 09:00-12:00" if detail == "1-5" else detail)


@pytest.mark.parametrize("fields, code, field", [
    ({"hours": "1-5 9:00-10:00"}, "out_of_range", "hours"), ({"hours": "8 09:00-10:00"}, "out_of_range", "hours"),
    ({"hours": "1 10:00-09:00"}, "out_of_range", "hours"), ({"hours": "1 09:00-11:00,10:00-12:00"}, "out_of_range", "hours"),
    ({"hours": "1"}, "out_of_range", "hours"), ({"days_off": ["2030-02-30"]}, "out_of_range", "days_off"),
    ({"days_off": ["tomorrow"]}, "out_of_range", "days_off")])
def test_hours_are_checked_when_registered(district, people, fields, code, field):
    kind, body = district.organisation("first", "squad", parent="department-a", categories=["general"], **fields)
    answer = people.operator.ask(people.message(kind, district=district.code, **body))
    assert (answer["status"], answer["error"]["code"], answer["error"]["field"]) == ("refused", code, field)


def test_hours_are_a_squads(district, people):
    kind, body = district.organisation("village-a", "village", parent="town-a", hours="1-5 09:00-10:00")
    answer = people.operator.ask(people.message(kind, district=district.code, **body))
    assert (answer["status"], answer["error"]["code"], answer["error"]["field"]) == ("refused", "unfit", "hours")


def test_stay_over_days_is_booked_whole_or_not(district, ledger):
    first, second, third = (Case(district, squads=["stays"]) for _ in range(3))
    days = [list(fresh().values()) for _ in range(4)]
    assert first.squad("stays", "assignment_accept", windows=[days[2], days[0], days[1]])["state"] == "scheduled"
    (part,) = first.page()["assignments"]
    assert [[day["window_start"], day["window_end"]] for day in part["windows"]] == days[:3]
    assert (first.page()["booked_start"], first.page()["booked_end"]) == tuple(days[0])
    second.squad("stays", "assignment_accept", windows=days[1:3])  # capacity 2
    error = third.refused("squad", "stays", "assignment_accept", windows=[days[3], days[2]])
    assert (error["code"], error["field"]) == ("window_taken", "windows")
    assert bookings(ledger, first) == ["stays"] * 3 and bookings(ledger, third) == []
    assert third.refused("squad", "stays", "assignment_accept", windows=[days[3], [days[3][0] + 1, days[3][1]]])["code"] == "window_unfit"
    first.does("village", "village-a", "order_cancel", order=first.order, reason="改期")
    assert bookings(ledger, first) == []
    assert third.squad("stays", "assignment_accept", windows=[days[3], days[2]])["state"] == "scheduled"


# --- sessions ------------------------------------------------------------------------------------------------------------------------------


def sessions_by(view, by):
    return {key: (group["joint"], group["single"]) for key, group in view.figures(by).items()}


def test_sessions_are_counted_by_squad_town_and_period(people):
    district = District(people, "t-sessions", squads={"first": {}, "second": {"parent": "department-b"}})
    people.register([(district.code, organisation, role) for role, organisation in (
        ("village", "village-a"), ("town", "town-a"), ("committee", "committee"), ("squad", "first"), ("squad", "second"))])
    cases = [Case(district, required=["first", "second"]), Case(district, squads=["first"])]
    serve(cases[0], ("first", "second"), window(days=2))
    serve(cases[1], ("first",), window(days=3))
    people.seen({"events": cases[1].events})
    view = View(people, district.code)
    assert sessions_by(view, "squad") == {"": (1, 1), "first": (1, 1), "second": (1, 0)}
    assert sessions_by(view, "department") == {"": (1, 1), "department-a": (1, 1), "department-b": (1, 0)}
    assert sessions_by(view, "town") == {"": (1, 1), "town-a": (1, 1)}
    today = datetime.datetime.now(ZoneInfo("Asia/Shanghai"))
    assert set(sessions_by(view, "year").values()) == {(1, 1)} and str(today.year) in sessions_by(view, "year")


HUACHUAN, BAIZHANG = "330212008006", "330212008"
TEAM = ("development-reform-major-projects", "approval-policy-advice", "expropriation-project-delivery")


def test_joint_session(people, ledger):
    """区发改局重大项目, 区审管办政策咨询 and 区征管中心项目攻坚 go to 划船社区 together: every squad accepts, comes, reports what was resolved by
    whom until when; the community confirms, and each of the three is rated by it, once."""
    yinzhou = type("Yinzhou", (), {"code": YINZHOU, "people": people,
                                   "as_": lambda self, role, organisation, face="feed": people.as_(role, organisation, YINZHOU, face)})()
    people.register([(YINZHOU, HUACHUAN, "village"), (YINZHOU, BAIZHANG, "town"), *((YINZHOU, squad, "squad") for squad in TEAM)])
    counted = dict(ledger.rows("SELECT squad, count(*) FROM evaluation.counted WHERE squad = ANY (%s) GROUP BY squad", list(TEAM)))
    case = Case(yinzhou, HUACHUAN, BAIZHANG, activity="未来社区创建组团服务", category="future_community", required=list(TEAM), lead=TEAM[0],
                expected_people=40)
    day = window(days=400)
    for squad in TEAM:
        case.squad(squad, "assignment_accept", **day)
    for squad in TEAM:
        case.squad(squad, "assignment_check_in")
    owners = ("development-reform", "approval", "expropriation")
    for number, (squad, owner) in enumerate(zip(TEAM, owners)):
        resolution = {"text": f"{number + 1}. 限期办结", "owner": owner, "due": f"2026-0{number + 4}-30"}
        result = case.squad(squad, "assignment_complete", people_served=36 - number, items={"告知单": 10 * (number + 1)}, minutes=180,
                            issues_found=number, resolutions=[resolution])
        assert result["state"] == ("completed" if number == 2 else "in_service")
    assert case.does("village", HUACHUAN, "order_confirm", order=case.order, satisfaction=5)["state"] == "closed"
    page = case.page()
    assert (page["state"], page["squad"], page["people_served"]) == ("closed", TEAM[0], 36)
    (session,) = page["sessions"]
    assert (session["kind"], session["squads"]) == ("joint", list(TEAM))
    assert session["started"] < session["ended"]
    assert (session["people_served"], session["items"], session["minutes"], session["issues_found"]) == (36, {"告知单": 60}, 540, 3)
    assert [(resolution["owner"], resolution["due"]) for resolution in session["resolutions"]] == [
        (owner, f"2026-0{number + 4}-30") for number, owner in enumerate(owners)]
    assert all(resolution["owner_zh"] for resolution in session["resolutions"])
    ledger.wait_quiet()
    after = dict(ledger.rows("SELECT squad, count(*) FROM evaluation.counted WHERE squad = ANY (%s) GROUP BY squad", list(TEAM)))
    assert after == {squad: counted.get(squad, 0) + 1 for squad in TEAM}


def test_ztc_plays_the_joint_session(stack):
    played = stack.ztc("play", "--case", "joint", capture_output=True, text=True)
    assert played.returncode == 0, played.stdout + played.stderr
    for word in ("Huachuan Community", "(lead)", "joint", *TEAM, "完成未来社区项目立项申报"):
        assert word in played.stdout, played.stdout
    again = stack.ztc("play", "--case", "joint", capture_output=True, text=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert stack.ztc("play", "--case", "nothing", capture_output=True, text=True).returncode != 0
