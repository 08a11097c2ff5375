"""Subscription rules: what the inbox is told by default, what the committee says for the district, what an organisation says for itself;
who may say it; and that what is told follows from facts and events alone. Quiet hours are in test_webhooks.py."""

import msgpack
import pytest
from people import District, Order, People, bring, burst, ok
from receiver import eventually


def refusal(answer):
    assert answer["status"] == "refused", answer
    return answer["error"]["code"], answer["error"].get("field")


@pytest.fixture
def district(people, request):
    name = "".join(character if character.isalnum() else "-" for character in request.node.name.removeprefix("test_").lower())
    return District(people, f"r-{name}"[:60].rstrip("-"))


def told(district, role, organisation, order):
    """The types of events that an organisation's inbox holds of an order, in order."""
    client = district.as_(role, organisation, face="query")
    notices = ok(client.query("inbox", positions=order.events, limit=500))["result"]["notices"]
    return [(notice["type"], notice["side"]) for notice in reversed(notices) if notice["order"] == order.id]


def rule(district, role, organisation, name, **body):
    return ok(district.as_(role, organisation).command("subscription_set", rule=name, **body))


def rules(district, role, caller, **body):
    return ok(district.as_(role, caller, face="query").query("subscriptions", **body))["result"]


# --- what is told -----------------------------------------------------------------------------------------------------------------------


def test_a_muted_default_is_silent(district):
    """The organisation's own rule silences the default for it alone; without the rule it is told again."""
    rule(district, "town", "town-a", "no-submissions", events=["order_submitted"], muted=True)
    muted, other = bring([Order(district), Order(district, place="village-b", town="town-b")])
    assert told(district, "town", "town-a", muted) == []
    assert told(district, "town", "town-b", other) == [("order_submitted", "town")]
    ok(district.as_("town", "town-a").command("subscription_remove", rule="no-submissions"))
    (again,) = bring([Order(district)])
    assert told(district, "town", "town-a", again) == [("order_submitted", "town")]


def test_the_districts_rule_and_an_organisations_own(district):
    """The committee silences it for all; a town that wants it says so for itself, and is told."""
    rule(district, "committee", "committee", "quiet", events=["order_submitted"], sides=["town"], muted=True)
    silent, = bring([Order(district)])
    assert told(district, "town", "town-a", silent) == []
    rule(district, "town", "town-a", "wanted", events=["order_submitted"])
    wanted, other = bring([Order(district), Order(district, place="village-b", town="town-b")])
    assert told(district, "town", "town-a", wanted) == [("order_submitted", "town")]
    assert told(district, "town", "town-b", other) == []


def test_what_is_not_a_default_can_be_subscribed_to(district):
    """The committee hears of every order that is submitted; the sentence is there in both languages."""
    rule(district, "committee", "committee", "all", events=["order_submitted"], sides=["committee"])
    (order,) = bring([Order(district)])
    assert told(district, "committee", "committee", order) == [("order_submitted", "committee")]
    (notice,) = ok(district.as_("committee", "committee", face="query").query("inbox"))["result"]["notices"]
    assert str(order.id) in notice["text_zh"] and "点单" in notice["text_zh"]
    assert str(order.id) in notice["text_en"]


def test_lowest_urgency(district):
    """A rule tells from its lowest urgency on; the urgency is the order's, whichever service the event comes from."""
    rule(district, "squad", "squad-a", "pressing", events=["order_offered"], urgency="urgent")
    orders = [Order(district) for _ in range(3)]
    sends = [order.begin() for order in orders]
    for (_, message), urgency in zip(sends, ("normal", "urgent", "critical")):
        message["body"]["urgency"] = urgency
    for order, answer in zip(orders, burst(sends)):
        order.took(answer)
    for order, answer in zip(orders, burst([order.command("order_place") for order in orders])):
        order.took(answer)
    client = district.as_("squad", "squad-a", face="query")

    def offered():
        notices = ok(client.query("inbox"))["result"]["notices"]
        return sorted(notice["order"] for notice in notices if notice["type"] == "order_offered")
    eventually(lambda: orders[2].id in offered(), "the critical one is told")
    department = district.as_("department", "department-a", face="query")
    eventually(lambda: len(ok(department.query("inbox"))["result"]["notices"]) == 3, "all are offered")  # the default, untouched
    assert offered() == [orders[1].id, orders[2].id]


def test_a_departments_rule_is_about_its_squads(district):
    rule(district, "department", "department-a", "none", muted=True)
    (order,) = bring([Order(district, way="scheduled")])
    assert told(district, "department", "department-a", order) == []
    assert ("order_offered", "squad") in told(district, "squad", "squad-a", order)


def test_disabled_rules_say_nothing(district):
    rule(district, "town", "town-a", "off", muted=True, enabled=False)
    (order,) = bring([Order(district)])
    assert told(district, "town", "town-a", order) == [("order_submitted", "town")]


def test_telling_is_by_positions_not_by_arrival(district, ledger):
    """The rule's fact names the positions after which it holds; what the inbox holds follows from facts and events alone: recomputed from
    the logs it is the same, though rules changed in between."""
    orders = []
    for muted in (False, True, False, True):
        answer = rule(district, "town", "town-a", "back-and-forth", events=["order_submitted"], muted=muted)
        assert answer["result"]["version"] == len(orders) + 1
        orders += bring([Order(district)])
    eventually(lambda: told(district, "town", "town-a", orders[2]), "the third is told")
    told(district, "town", "town-a", orders[3])
    facts = ledger.rows("""SELECT version, body FROM notification.event WHERE district = %s AND type = 'subscription_registered'
                           ORDER BY version""", district.code)
    versions = [(msgpack.unpackb(bytes(body))["intake"], msgpack.unpackb(bytes(body)).get("muted", False)) for _, body in facts]
    wanted = []
    for offset, key in ledger.rows("""SELECT "offset", key FROM intake.event WHERE district = %s AND type = 'order_submitted'""",
                                   district.code):
        in_force = [muted for after, muted in versions if offset > after]
        if not in_force[-1]:
            wanted.append(int(key.removeprefix("order/")))
    stored = ledger.rows("""SELECT "order" FROM notification.inbox WHERE district = %s AND side = 'town'""", district.code)
    assert sorted(order for order, in stored) == sorted(wanted) == sorted([orders[0].id, orders[2].id])


def test_rules_hold_after_a_restart(fragile):
    """Read anew from the records by whoever holds the lease next; asking again under the same id changes nothing."""
    people = People(fragile.env)
    district = District(people, "r-restart")
    message = people.message("subscription_set", rule="keep", events=["order_submitted"], muted=True)
    client = district.as_("town", "town-a")
    first = ok(client.ask(message))
    fragile.wait_restarted("notification", fragile.kill("notification"))
    assert client.insist(message) == first
    (order,) = bring([Order(district)])
    assert told(district, "town", "town-a", order) == []
    people.close()


def test_setting_the_same_again_is_no_new_version(district):
    for _ in range(2):
        assert rule(district, "town", "town-a", "same", muted=True)["result"] == {"subject": "subscription/town-a/same", "version": 1}
    assert rule(district, "town", "town-a", "same")["result"]["version"] == 2


# --- what is shown ----------------------------------------------------------------------------------------------------------------------


def test_rules_with_where_each_comes_from(district):
    """Defaults, the district's and its own, and what they come to for each event."""
    rule(district, "committee", "committee", "quiet", events=["order_withdrawn"], sides=["town"], muted=True)
    rule(district, "town", "town-a", "urgent", events=["order_submitted"], urgency="urgent")
    shown = rules(district, "town", "town-a")
    assert [(row["rule"], row["source"]) for row in shown["rules"]] == [("quiet", "district"), ("urgent", "organisation")]
    assert {(line["source"], line["source_zh"], line["side_zh"]) for line in shown["inbox"] if line["event"] == "order_withdrawn"} == {
        ("district", "全区规则", "下单单位")}
    lines = {(line["side"], line["event"]): {key: line[key] for key in ("side", "event", "told", "only_urgent", "source") if key in line}
             for line in shown["inbox"]}
    assert lines["town", "order_withdrawn"] == {"side": "town", "event": "order_withdrawn", "told": False, "source": "district"}
    assert lines["town", "order_submitted"] == {"side": "town", "event": "order_submitted", "told": True, "only_urgent": True,
                                                "source": "organisation"}
    assert lines["town", "order_cancelled"] == {"side": "town", "event": "order_cancelled", "told": True, "source": "default"}
    other = rules(district, "town", "town-b")
    assert [row["rule"] for row in other["rules"]] == ["quiet"]
    assert refusal(district.as_("town", "town-b", face="query").query("subscriptions", organisation="town-a")) == (
        "not_yours", "organisation")
    assert rules(district, "committee", "committee", organisation="town-a")["rules"] == shown["rules"]


# --- refusals ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refusing(people):
    return District(people, "r-refusing")


@pytest.mark.parametrize("body, code, field", [
    ({"events": ["order_lost"]}, "unknown_word", "events"), ({"events": ["organisation_registered"]}, "unknown_word", "events"),
    ({"sides": ["mayor"]}, "unknown_word", "sides"), ({"channel": "pigeon"}, "unknown_word", "channel"),
    ({"urgency": "extreme"}, "unknown_word", "urgency"), ({"organisation": "town-b"}, "not_yours", "organisation"),
    ({"organisation": "nobody"}, "unknown_organisation", "organisation"), ({"channel": "webhook"}, "missing_field", "endpoint"),
    ({"channel": "webhook", "endpoint": "none"}, "unknown_webhook", "endpoint"), ({"endpoint": "none"}, "unfit", "endpoint"),
    ({"quiet_from": "22:00", "quiet_to": "07:00"}, "unfit", "quiet_from"), ({"quiet_from": "22:00"}, "missing_field", "quiet_to"),
    ({"quiet_from": "25:00", "quiet_to": "07:00"}, "out_of_range", "quiet_from"), ({"quiet_from": "22:00", "quiet_to": "7:00"}, "out_of_range", "quiet_to"),
    ({"quiet_from": "22:00", "quiet_to": "22:00"}, "unfit", "quiet_to")], ids=str)
def test_rules_that_are_refused(refusing, body, code, field):
    assert refusal(refusing.as_("town", "town-a").command("subscription_set", rule="r", **body)) == (code, field)


@pytest.mark.parametrize("role, organisation", [("resident", "village-a"), ("surveyor", "surveyor-a"), ("operator", "committee")])
def test_roles_that_have_no_rules(refusing, role, organisation):
    client = refusing.as_(role, organisation)
    assert refusal(client.command("subscription_set", rule="r")) == ("forbidden", None)
    assert refusal(client.command("subscription_remove", rule="r")) == ("forbidden", None)


def test_a_feed_has_no_inbox(refusing):
    assert refusal(refusing.as_("feed", "feed-a").command("subscription_set", rule="r")) == ("unfit", "channel")


def test_a_rule_that_is_not_there(refusing):
    assert refusal(refusing.as_("town", "town-a").command("subscription_remove", rule="never")) == ("unknown_rule", "rule")


def test_a_department_sets_its_squads_rules(district):
    """As it does all else for them; another department does not."""
    ok(district.as_("department", "department-a").command("subscription_set", rule="r", on_behalf_of="squad-a", muted=True))
    assert refusal(district.as_("department", "department-b").command("subscription_set", rule="r", on_behalf_of="squad-a")) == (
        "not_yours", "on_behalf_of")
    assert [row["source"] for row in rules(district, "squad", "squad-a")["rules"]] == ["organisation"]


def test_no_more_than_a_hundred_rules(district, people):
    client = district.as_("village", "village-a")
    ok(burst([(client, people.message("subscription_set", rule=f"r{number}", muted=True)) for number in range(100)]))
    assert refusal(client.command("subscription_set", rule="r100")) == ("too_many", "rule")
    ok(client.command("subscription_set", rule="r99"))
    ok(client.command("subscription_remove", rule="r0"))
    ok(client.command("subscription_set", rule="r100"))


def test_commands_of_notification_are_done_once(district, people, ledger):
    """The same id twice: the first answer again, one event; another body under it is refused."""
    client = district.as_("town", "town-a")
    message = people.message("subscription_set", rule="once", muted=True)
    assert ok(client.ask(message)) == ok(client.ask(message))
    other = client.ask({**message, "body": {"rule": "once"}})
    assert refusal(other) == ("id_reused", "id")
    assert ledger.value("SELECT count(*) FROM notification.event WHERE district = %s", district.code) == 1
