"""Contact data (product.md §2): shown whole only to the two sides of a live assignment, masked everywhere else, in no event and no log,
every reading of it written down, deleted for good when that is asked for or its time is over."""

import time

import psycopg2
import pytest
import telephones
from ledger import Ledger
from people import District, Order, People, bring, burst, ok

NAME, MASKED_NAME = "欧阳小芳", "欧**"
MOBILE, MASKED_MOBILE = telephones.used("13857421234"), "138****1234"
LANDLINE = telephones.used("0574-87654321")
PATIENCE_S = 30.0

# Who asks: role -> organisation in a district of the tests (the second of a kind is a stranger).
SIDES = {"village": "village-a", "squad": "squad-a", "department": "department-a"}
OTHERS_WITH_A_RIGHT = {"town": "town-a", "committee": "committee"}
STRANGERS = {"village": "village-b", "site": "site-a", "town": "town-b", "squad": "squad-b", "department": "department-b", "feed": "feed-a"}
NEVER = {"surveyor": "surveyor-a", "resident": "village-a", "operator": "committee"}


class Called(Order):
    """An order that says whom to call."""

    phone = MOBILE

    def begin(self):
        client, message = super().begin()
        message["body"].update(contact_name=NAME, contact_phone=self.phone)
        return client, message


@pytest.fixture(scope="module")
def district(people):
    district = District(people, "t-contact", squads={"squad-a": {"capacity": 64}, "squad-b": {"parent": "department-b", "capacity": 64},
                                                     "squad-c": {"parent": "department-b", "capacity": 64}})
    people.register([(district.code, organisation, role) for sides in (SIDES, OTHERS_WITH_A_RIGHT, STRANGERS, NEVER)
                     for role, organisation in sides.items()])
    people.seen(ok(people.operator.command("category_register", district=district.code, code="seen", name_zh="完")))
    return district


def show(district, role, organisation, order, **options):
    return district.as_(role, organisation, face="query").query("contact_show", order=order.id if isinstance(order, Order) else order, **options)


def seen_by(district, role, organisation, order):
    """(name, number) as shown, or the code of the refusal."""
    answer = show(district, role, organisation, order)
    if answer["status"] == "refused":
        return answer["error"]["code"]
    result = answer["result"]
    assert result["is_given"] == ("contact_phone" in result)
    return (result["contact_name"], result["contact_phone"]) if result["is_given"] else None


WHOLE, MASKED = (NAME, MOBILE), (MASKED_NAME, MASKED_MOBILE)
# The squad has a part once it was asked; the assignment is live from its acceptance to the service's end.
ASKED = {"offered", "escalated", "scheduled", "in_service", "completed", "closed", "cancelled"}
LIVE = {"scheduled", "in_service"}


@pytest.mark.parametrize("way", ["submitted", "returned", "withdrawn", "cancelled early", *sorted(ASKED)])
def test_who_sees_what(district, ledger, way):
    (order,) = bring([Called(district, way=way)])
    ledger.wait_quiet()  # dispatch offers a placed order a moment after its placing was answered
    whole = WHOLE if way in LIVE else MASKED
    assert seen_by(district, "village", "village-a", order) == whole
    for role in ("squad", "department"):
        assert seen_by(district, role, SIDES[role], order) == (whole if way in ASKED else "not_yours"), role
    for role, organisation in OTHERS_WITH_A_RIGHT.items():
        assert seen_by(district, role, organisation, order) == MASKED, role
    for role, organisation in STRANGERS.items():
        assert seen_by(district, role, organisation, order) == "not_yours", role
    for role, organisation in NEVER.items():
        assert seen_by(district, role, organisation, order) == "forbidden", role


def test_the_operator_of_the_deployment_sees_nothing(district, people, env):
    (order,) = bring([Called(district, way="scheduled")])
    client = people.connect("query", env["ZTC_KEY_OPERATOR"])
    answer = client.query("contact_show", order=order.id)
    client.close()
    assert answer["error"]["code"] == "forbidden"


def test_it_follows_the_assignment_from_squad_to_squad(district):
    (order,) = bring([Called(district, squads=("squad-a", "squad-b"), way="offered")])
    ok(burst([order.command("assignment_decline")]))
    ok(burst([(district.as_("squad", "squad-b"), district.people.message("assignment_accept", order=order.id, **district.window()))]))
    assert seen_by(district, "squad", "squad-a", order) == MASKED  # it was asked once
    assert seen_by(district, "squad", "squad-b", order) == WHOLE
    assert seen_by(district, "department", "department-b", order) == WHOLE
    assert seen_by(district, "village", "village-a", order) == WHOLE


def test_it_comes_back_when_the_order_is_served_again(district, ledger):
    (order,) = bring([Called(district, way="completed")])
    assert seen_by(district, "squad", "squad-a", order) == MASKED
    ok(burst([order.command("order_reopen")]))
    ledger.wait_quiet()
    assert seen_by(district, "squad", "squad-a", order) == MASKED
    ok(burst([order.command("assignment_accept")]))
    assert seen_by(district, "squad", "squad-a", order) == WHOLE


def test_who_enters_for_a_site_is_its_side(district, people):
    """A site without a key of its own."""
    district.register([district.organisation("site-quiet", "site", parent="village-a", site_kind="building")])
    answer = ok(district.as_("village", "village-a").command(
        "order_submit", on_behalf_of="site-quiet", need="政策咨询", squads=["squad-a"], contact_name=NAME, contact_phone=MOBILE))
    order = answer["result"]["order"]
    people.seen(answer)
    ok(district.as_("town", "town-a").command("order_place", order=order))
    ok(district.as_("squad", "squad-a").command("assignment_accept", order=order, **district.window()))
    for role, organisation in (("village", "village-a"), ("town", "town-a"), ("squad", "squad-a")):
        assert seen_by(district, role, organisation, order) == WHOLE, role  # its town too may enter for it
    assert seen_by(district, "village", "village-b", order) == "not_yours"


def test_the_feed_that_brought_it_sees_it_masked(district):
    (order,) = bring([Called(district, feed="feed-a", way="scheduled")])
    assert seen_by(district, "feed", "feed-a", order) == MASKED
    assert seen_by(district, "feed", "feed-b", order) == "not_yours"


def test_an_order_without_any(district):
    (order,) = bring([Order(district, way="scheduled")])
    assert seen_by(district, "village", "village-a", order) is None
    assert seen_by(district, "squad", "squad-a", order) is None
    assert seen_by(district, "squad", "squad-b", order) == "not_yours"


def test_another_districts_order_is_not_there(people, district):
    other = District(people, "t-contact-2")
    (order,) = bring([Called(district, way="scheduled")])
    people.register([("t-contact-2", "committee", "committee")])
    people.seen(ok(people.operator.command("category_register", district="t-contact-2", code="seen", name_zh="完")))
    assert seen_by(other, "committee", "committee", order) == "unknown_order"
    assert seen_by(district, "committee", "committee", 999999999) == "unknown_order"


def test_a_landline_with_its_extension(district):
    answer = ok(district.as_("village", "village-a").command("order_submit", need="x", squads=["squad-a"],
                                                           contact_phone=f"{LANDLINE} 转 8001"))
    result = show(district, "village", "village-a", answer["result"]["order"])["result"]
    assert result["contact_phone"] == "057****4321" and "contact_name" not in result


# --- what is taken ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field, value, code", [
    ("contact_phone", "call me", "out_of_range"), ("contact_phone", "12", "out_of_range"), ("contact_phone", "138--57421234", "out_of_range"),
    ("contact_phone", "13857421234;13857421235", "out_of_range"), ("contact_phone", "1" * 16, "out_of_range"),
    ("contact_phone", "1" * 41, "too_long"), ("contact_phone", 13857421234, "wrong_type"), ("contact_phone", "138\0", "bad_text"),
    ("contact_name", "   ", "out_of_range"), ("contact_name", "王\n芳", "out_of_range"), ("contact_name", "王" * 34, "too_long"),
    ("contact_name", ["王"], "wrong_type")])
@pytest.mark.parametrize("command", ["order_submit", "order_resubmit"])
def test_what_is_unsound_is_refused(district, ledger, command, field, value, code):
    (order,) = bring([Called(district, way="returned")])
    before = ledger.counts(["intake.orders", "intake.event", "intake.contact", "intake.command"])
    body = {"need": "x", "squads": ["squad-a"], field: value}
    if command == "order_resubmit":
        body["order"] = order.id
    answer = district.as_("village", "village-a").command(command, **body)
    assert answer["status"] == "refused" and answer["error"]["code"] == code and answer["error"]["field"] == field
    assert ledger.change(before) == {}
    assert seen_by(district, "village", "village-a", order) == MASKED


def test_resubmitting_replaces_what_is_given_and_keeps_what_is_not(district):
    (order,) = bring([Called(district, way="returned")])
    ok(burst([order.command("order_resubmit")]))
    assert seen_by(district, "village", "village-a", order) == MASKED
    ok(burst([order.command("order_return")]))
    ok(burst([order.command("order_resubmit", contact_phone=LANDLINE)]))
    result = show(district, "village", "village-a", order)["result"]
    assert result["contact_phone"] == "057****4321" and "contact_name" not in result


def test_a_repeat_is_the_same_command_and_another_number_is_not(district):
    client = district.as_("village", "village-a")
    body = {"need": "x", "squads": ["squad-a"], "contact_phone": MOBILE}
    first = ok(client.command("order_submit", id="contact-once", **body))
    assert client.command("order_submit", id="contact-once", **body) == first
    other = client.command("order_submit", id="contact-once", **{**body, "contact_phone": LANDLINE})
    assert other["error"]["code"] == "id_reused"


# --- where it is ----------------------------------------------------------------------------------------------------------------------


def places_with(ledger, needle):
    """Every (schema.table, column) in which a text or its bytes stand."""
    columns = ledger.rows("""
        SELECT c.table_schema, c.table_name, c.column_name, c.data_type FROM information_schema.columns c
        JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
          AND c.data_type IN ('text', 'bytea', 'ARRAY', 'character varying')""")
    return {f"{schema}.{table}.{column}" for schema, table, column, kind in columns
            if ledger.value(
                f'SELECT count(*) FROM "{schema}"."{table}" WHERE ' + (
                    f'position(%s::bytea IN "{column}") > 0' if kind == "bytea" else f'position(%s IN "{column}"::text) > 0'),
                needle.encode() if kind == "bytea" else needle)}


def test_it_stands_in_one_table_and_nowhere_else(district, ledger):
    """No event, no stored answer, no projection, no inbox, no live queue."""
    number, name = telephones.used("13957420987"), "只此一人"

    class Sole(Order):
        def begin(self):
            client, message = super().begin()
            message["body"].update(contact_name=name, contact_phone=number)
            return client, message

    (order,) = bring([Sole(district, way="completed")])
    ok(burst([order.command("order_confirm")]))
    ledger.wait_quiet()
    assert places_with(ledger, number) == {"intake.contact.phone"}
    assert places_with(ledger, name) == {"intake.contact.name"}
    shown = district.as_("committee", "committee", face="query").query("order_show", order=order.id)
    assert number not in str(shown) and name not in str(shown)
    assert number not in str(district.as_("village", "village-a", face="query").query("inbox"))


# --- readings are written down --------------------------------------------------------------------------------------------------------


def audits(district, role="committee", organisation="committee", **body):
    return ok(district.as_(role, organisation, face="query").query("contact_audit", **body))["result"]


def test_every_whole_reading_is_written_down_and_no_other(district):
    (order,) = bring([Called(district, way="scheduled")])
    for role, organisation in ("village", "village-a"), ("squad", "squad-a"), ("town", "town-a"), ("squad", "squad-b"), ("committee", "committee"):
        show(district, role, organisation, order)
    found = audits(district, order=order.id)["audits"]
    assert [(row["organisation"], row["role"], row["what"], row["order"]) for row in found] == [
        ("squad-a", "squad", "read", order.id), ("village-a", "village", "read", order.id)]
    assert all(abs(row["time"] / 1000 - time.time()) < 120 for row in found)
    assert not {key for row in found for key in row} & {"contact_name", "contact_phone"}
    assert MOBILE not in str(found) and NAME not in str(found)
    assert audits(district, "operator", "committee", order=order.id)["audits"] == found


def test_audits_are_paged(district):
    (order,) = bring([Called(district, way="scheduled")])
    for _ in range(3):
        show(district, "village", "village-a", order)
    first = audits(district, order=order.id, limit=2)
    rest = audits(district, order=order.id, limit=2, before=first["next"])
    assert len(first["audits"]) == 2 and len(rest["audits"]) == 1 and "next" not in rest


@pytest.mark.parametrize("role, organisation", [*SIDES.items(), ("town", "town-a"), ("feed", "feed-a"), ("surveyor", "surveyor-a")])
def test_others_may_not_read_the_audits(district, role, organisation):
    answer = district.as_(role, organisation, face="query").query("contact_audit")
    assert answer["status"] == "refused" and answer["error"]["code"] == "forbidden"


# --- deleting -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role, organisation", [("village", "village-a"), ("town", "town-a"), ("committee", "committee")])
@pytest.mark.parametrize("way", ["submitted", "scheduled", "closed"])
def test_it_is_deleted_for_good(district, ledger, role, organisation, way):
    (order,) = bring([Called(district, way=way)])
    answer = ok(district.as_(role, organisation).command("contact_erase", order=order.id))
    assert answer["result"] == {"order": order.id} and answer["events"] == []
    assert ledger.value("SELECT count(*) FROM intake.contact WHERE district = 't-contact' AND \"order\" = %s", order.id) == 0
    for who in (("village", "village-a"), ("town", "town-a"), ("committee", "committee")):
        assert seen_by(district, *who, order) is None
    found = [row for row in audits(district, order=order.id)["audits"] if row["what"] == "erased"]
    assert [(row["organisation"], row["role"]) for row in found] == [(organisation, role)]
    # Once more: there is nothing left to do, and nothing to write down.
    ok(district.as_(role, organisation).command("contact_erase", order=order.id))
    assert len([row for row in audits(district, order=order.id)["audits"] if row["what"] == "erased"]) == 1


@pytest.mark.parametrize("role, organisation, code", [
    ("village", "village-b", "not_yours"), ("town", "town-b", "not_yours"), ("site", "site-a", "not_yours"), ("squad", "squad-a", "forbidden"),
    ("department", "department-a", "forbidden"), ("operator", "committee", "forbidden"), ("feed", "feed-a", "forbidden"),
    ("resident", "village-a", "forbidden"), ("surveyor", "surveyor-a", "forbidden")])
def test_nobody_else_deletes_it(district, role, organisation, code):
    (order,) = bring([Called(district, way="scheduled")])
    answer = district.as_(role, organisation).command("contact_erase", order=order.id)
    assert answer["status"] == "refused" and answer["error"]["code"] == code
    assert seen_by(district, "village", "village-a", order) == WHOLE


def test_deleting_what_is_not_there(district):
    answer = district.as_("committee", "committee").command("contact_erase", order=999999999)
    assert answer["error"]["code"] == "unknown_order" and answer["error"]["field"] == "order"


def test_it_is_deleted_when_its_time_is_over(district, ledger):
    """Thirty days after the order ended, by default; not sooner, and never while the order goes on."""
    gone, kept, going = bring([Called(district, way="closed"), Called(district, way="withdrawn"), Called(district, way="in_service")])
    ledger.wait_quiet()
    ended = dict(ledger.rows("SELECT \"order\", ended IS NOT NULL FROM intake.contact WHERE district = 't-contact' AND \"order\" = ANY (%s)",
                             [gone.id, kept.id, going.id]))
    assert ended == {gone.id: True, kept.id: True, going.id: False}
    for order, days in (gone, 31), (kept, 29):
        for table in ("contact", "contact_part"):
            ledger.rows(f"UPDATE intake.{table} SET ended = ended - %s * interval '1 day' WHERE district = 't-contact' AND \"order\" = %s",
                        days, order.id)
    until = time.monotonic() + PATIENCE_S
    while not [row for row in audits(district, order=gone.id)["audits"] if row["what"] == "expired"]:
        assert time.monotonic() < until, "nothing was deleted"
        time.sleep(0.2)
    assert seen_by(district, "village", "village-a", gone) is None
    assert seen_by(district, "village", "village-a", kept) == MASKED
    assert seen_by(district, "village", "village-a", going) == WHOLE
    assert ledger.value("SELECT count(*) FROM intake.contact_part WHERE district = 't-contact' AND \"order\" = %s", gone.id) == 0


# --- as of now ------------------------------------------------------------------------------------------------------------------------


def test_it_is_never_shown_on_what_is_no_longer_so(fragile):
    """While intake cannot apply what dispatch said of the order, nobody is shown anything: the answer is to ask again."""
    people = People(fragile.env)
    district = District(people, "t-contact-late")
    (order,) = bring([Called(district, way="in_service")])
    people.register([(district.code, "village-a", "village"), (district.code, "squad-a", "squad")])
    people.seen(ok(people.operator.command("category_register", district=district.code, code="seen", name_zh="完")))
    ledger = Ledger(fragile.env["ZTC_DSN"])
    ledger.wait_quiet()
    assert seen_by(district, "squad", "squad-a", order) == WHOLE
    blocker = psycopg2.connect(fragile.env["ZTC_DSN"])
    try:
        with blocker.cursor() as cursor:
            cursor.execute("LOCK TABLE intake.cursor IN SHARE ROW EXCLUSIVE MODE")  # it may be read, not written
        ok(burst([order.command("assignment_complete")]))
        for role, organisation in ("squad", "squad-a"), ("village", "village-a"):
            answer = show(district, role, organisation, order, patient=False)
            assert answer["status"] == "retry" and answer["error"]["code"] == "not_ready", answer
    finally:
        blocker.rollback()
        blocker.close()
    assert seen_by(district, "squad", "squad-a", order) == MASKED
    assert seen_by(district, "village", "village-a", order) == MASKED
    ledger.wait_quiet()
    ledger.close()
    people.close()


def test_it_survives_kills(fragile):
    """Given, read, deleted: what was told stays so when intake is killed in between."""
    people = People(fragile.env)
    district = District(people, "t-contact-kill")
    (order,) = bring([Called(district, way="scheduled")])
    people.register([(district.code, "village-a", "village")])
    people.seen(ok(people.operator.command("category_register", district=district.code, code="seen", name_zh="完")))
    fragile.wait_restarted("intake", fragile.kill("intake"))
    assert seen_by(district, "village", "village-a", order) == WHOLE
    ok(district.as_("village", "village-a").command("contact_erase", order=order.id))
    fragile.wait_restarted("intake", fragile.kill("intake"))
    assert seen_by(district, "village", "village-a", order) is None
    people.close()


# --- typed ----------------------------------------------------------------------------------------------------------------------------


def test_ztc_contact(ztc):
    given = ztc("submit", "--need", "社保咨询", "--squads", "hrss-social-insurance", "--contact-name", NAME, "--contact-phone", MOBILE,
                "--json", key="village")
    assert given.code == 0, given
    order = str(given.json["result"]["order"])
    shown = ztc("contact", "show", order, key="village")
    assert shown.code == 0 and MASKED_MOBILE in shown.out and MASKED_NAME in shown.out and MOBILE not in shown.out
    assert ztc("place", order, key="town").code == 0
    assert ztc("accept", order, "--window-start", "2031-03-01 09:00", "--window-end", "2031-03-01 10:00", key="squad").code == 0
    shown = ztc("contact", "show", order, key="squad", zh=True)
    assert shown.code == 0 and MOBILE in shown.out and "联系电话" in shown.out
    assert ztc("contact", "show", order, key="site").code == 1
    listed = ztc("contact", "audit", order, "--json", key="committee")
    assert [row["organisation"] for row in listed.json["audits"]] == ["hrss-social-insurance"]
    erased = ztc("contact", "erase", order, key="village")
    assert erased.code == 0 and order in erased.out
    assert MOBILE not in ztc("contact", "show", order, key="squad").out
    assert ztc("cancel", order, "--reason", "x", key="village").code == 0
    assert ztc("contact", key="village").code == 2 and ztc("contact", "burn", order, key="village").code == 2
