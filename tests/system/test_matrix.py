"""Every (state, command, role) cell of order.def and assignment.def, against orders that the real system brought to each state. What is
expected follows from the tables alone (tables.py): forbidden when no row of the command names the role; not_yours for somebody else's
organisation; illegal_step with the state and just the legal commands; otherwise ok, with the row's target."""

import collections

import pytest
import tables
from people import SIDE_OF, WAYS, District, Order, bring, burst

STATE_OF_WAY = {"cancelled early": "cancelled", "closed by its feed": "closed"}
# `reopened` is left in the very step that reaches it: dispatch offers again. `placed` lasts for external orders only.
TRANSIENT = {"reopened"}
SQUAD_ROLES = ("squad", "department")
Cell = collections.namedtuple("Cell", "role organisation own")


@pytest.fixture(scope="module")
def district(people):
    """Each kind of organisation twice: one whose orders these are, and one that is somebody else."""
    district = District(people, "t-matrix", squads={
        "squad-a": {"capacity": 64}, "squad-b": {"parent": "department-b", "capacity": 64}, "squad-c": {"capacity": 64}})
    people.register([(district.code, organisation, role) for role, organisation in (
        ("resident", "village-a"), ("surveyor", "surveyor-a"), ("operator", "committee"), ("committee", "committee"),
        *((kind, f"{kind}-{letter}") for kind in ("village", "site", "town", "squad", "department", "feed") for letter in "ab"))])
    return district


def new_order(district, way, place="village-a"):
    """One that all sides have a part in: of a village through a feed, or of a site by itself. External ones are the feed's."""
    if place == "site-a":
        return Order(district, place="site-a", role="site", way=way)
    return Order(district, way=way, feed="feed-a")


@pytest.fixture(scope="module")
def standing(district):
    """(way, place) -> an order that stands there, for all commands that are to be refused."""
    keys = [(way, place) for way in WAYS for place in ("village-a", "site-a")]
    return dict(zip(keys, bring(new_order(district, *key) for key in keys)))


def has_part(order, role):
    """Whether a squad has a part in the order as it stands: while it is intake's the squads that it names may hear of it; an escalated
    one is with nobody."""
    return role not in SQUAD_ROLES or order.state != "escalated"


def cells(order, command):
    """All roles, with the organisation whose order it is and with somebody else's of the same kind."""
    for role in tables.ROLES:
        if role in ("resident", "surveyor", "operator"):
            yield Cell(role, {"resident": "village-a", "surveyor": "surveyor-a", "operator": "committee"}[role], False)
        elif role == "committee":
            yield Cell(role, "committee", True)
        else:
            for letter in "ab":
                organisation = f"{role}-{letter}"
                own = {"village": organisation == order.place, "site": organisation == order.place, "town": organisation == order.town,
                       "feed": organisation == order.feed}.get(role, letter == "a" and has_part(order, role))
                yield Cell(role, organisation, own)


def expected(state, command, cell):
    """(code, target state or None)"""
    if cell.role not in tables.roles_of(command):
        return "forbidden", None
    if not cell.own:
        return "not_yours", None
    step = tables.step_of(state, command)
    if step is None or not tables.may_part(tables.PART_OF_STATE.get(state), command):
        return "illegal_step", None
    return ("ok", step.target) if cell.role in step.roles else ("forbidden", None)


def check_refusal(answer, state, code, what):
    error = answer.get("error", {})
    assert (answer["status"], error.get("code")) == ("refused", code), (what, answer)
    if code == "illegal_step":
        assert (error.get("state"), error.get("allowed", [])) == (state, tables.legal_in(state, tables.PART_OF_STATE.get(state))), (what, answer)
    else:
        assert "state" not in error and "allowed" not in error, (what, answer)
    assert error.get("field") == ("order" if code == "not_yours" else None), (what, answer)
    assert "result" not in answer and answer["events"] == [], (what, answer)


def where(ledger, district, order):
    """Its state and version with both owners."""
    return ledger.rows("""SELECT 'intake', state, version FROM intake.orders WHERE district = %s AND id = %s
        UNION ALL SELECT 'dispatch', state, version FROM dispatch.orders WHERE district = %s AND id = %s""",
                       district.code, order.id, district.code, order.id)


def test_every_state_is_reached(standing):
    reached = {order.state for order in standing.values()}
    assert reached | TRANSIENT == set(tables.ORDER_STATES)
    for (way, _), order in standing.items():
        assert order.state == STATE_OF_WAY.get(way, way)


@pytest.mark.parametrize("place", ["village-a", "site-a"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", tables.LATER_COMMANDS)
def test_refused_cells(district, standing, ledger, command, way, place):
    """All roles at once; the order is as it was afterwards."""
    order = standing[way, place]
    before = where(ledger, district, order)
    refused = [(cell, expected(order.state, command, cell)[0]) for cell in cells(order, command)
               if expected(order.state, command, cell)[0] != "ok"]
    answers = burst([order.command(command, district.as_(cell.role, cell.organisation)) for cell, _ in refused])
    for (cell, code), answer in zip(refused, answers):
        check_refusal(answer, order.state, code, (way, command, cell))
    assert where(ledger, district, order) == before


LEGAL = [(way, place, command) for way in WAYS for place in ("village-a", "site-a") for command in tables.LATER_COMMANDS
         if tables.step_of(STATE_OF_WAY.get(way, way), command)
         and tables.may_part(tables.PART_OF_STATE.get(STATE_OF_WAY.get(way, way)), command)]


def acting_for(step, order):
    """(role, organisation) of everybody who may do a legal step with this order."""
    for role in sorted(step.roles):
        organisation = {"committee": "committee", "town": order.town, "feed": order.feed}.get(role, f"{role}-a")
        if role in ("village", "site") and organisation != order.place:
            continue
        yield role, organisation


@pytest.fixture(scope="module")
def done(district):
    """Every legal cell done once on an order of its own: (way, place, command, role) -> (order, answer)."""
    keys = [(way, place, command, role, organisation) for way, place, command in LEGAL
            for role, organisation in acting_for(tables.step_of(STATE_OF_WAY.get(way, way), command), new_order(district, way, place))
            if organisation is not None and not (role in SQUAD_ROLES and way == "escalated")]
    orders = bring(new_order(district, way, place) for way, place, *_ in keys)
    answers = burst([order.command(command, district.as_(role, organisation))
                     for order, (_, _, command, role, organisation) in zip(orders, keys)])
    return {key[:4]: (order, answer) for key, order, answer in zip(keys, orders, answers)}


def lands_in(step):
    """Where an order is after a step: dispatch goes on by itself from where it may."""
    if step.target in ("placed", "reopened"):
        return "offered"
    return "escalated" if step.command == "assignment_decline" else step.target


@pytest.mark.parametrize("way, place, command", LEGAL)
def test_legal_cells(district, done, ledger, way, place, command):
    step = tables.step_of(STATE_OF_WAY.get(way, way), command)
    found = {key[3]: value for key, value in done.items() if key[:3] == (way, place, command)}
    assert found, "no role was tried"
    for role, (order, answer) in found.items():
        assert answer["status"] == "ok", (role, answer)
        assert answer["result"]["order"] == order.id
        # order_place is intake's answer, which dispatch's offer follows.
        target = step.target if command == "order_place" else lands_in(step)
        assert answer["result"]["state"] == target, (role, answer)
        (first, *_), owner = answer["events"], step.owner
        assert first["producer"] == owner
        kind, version = ledger.rows(f'SELECT type, version FROM {owner}.event WHERE part = 0 AND "offset" = %s', first["offset"])[0]
        assert (kind, version) == (step.event, order.version + 1)


def test_legal_roles_are_all_tried(done):
    """Each role that a row names has done the step in some place."""
    for step in tables.STEPS:
        if step.source in ("none", *TRANSIENT) or step.command.startswith("auto_"):
            continue
        if not tables.may_part(tables.PART_OF_STATE.get(step.source), step.command):
            continue  # of several squads alone: test_several_squads.py
        tried = {key[3] for key in done if STATE_OF_WAY.get(key[0], key[0]) == step.source and key[2] == step.command}
        assert tried == step.roles, step


# --- beginnings: from the state none ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", tables.BEGINNINGS)
@pytest.mark.parametrize("role", tables.ROLES)
def test_beginnings(district, people, command, role):
    organisation = {"resident": "village-a", "surveyor": "surveyor-a", "operator": "committee", "committee": "committee"}.get(
        role, f"{role}-a")
    body = {"need": "需求"}
    if command == "order_open_external" or role == "feed":
        body.update(place="village-a", external_id=f"begin-{command}-{role}")
    body.update({"squad": "squad-a"} if command == "order_open_external" else {"squads": ["squad-a"]})
    answer = district.as_(role, organisation).ask(people.message(command, **body))
    if role in tables.step_of("none", command).roles:
        assert answer["status"] == "ok" and answer["result"]["state"] == tables.step_of("none", command).target
        assert answer["result"]["version"] == 1
    else:
        check_refusal(answer, None, "forbidden", (command, role))


# --- assignments -----------------------------------------------------------------------------------------------------------------------

# The others are of several squads alone: test_several_squads.py.
PART_STATES = [state for state in tables.ASSIGNMENT_STATES if state not in ("expired", "no_show")]
PART_COMMANDS = [command for command in tables.LATER_COMMANDS if command.startswith("assignment_")]


@pytest.fixture(scope="module")
def parts(district):
    """state -> (order, id of a part in that state), each the order's live part but the declined one."""
    ways = {"offered": "offered", "accepted": "scheduled", "in_service": "in_service", "completed": "completed", "cancelled": "cancelled",
            "declined": "offered"}
    orders = [Order(district, squads=("squad-a", "squad-b") if state == "declined" else ("squad-a",), way=way)
              for state, way in ways.items()]
    bring(orders)
    found = dict(zip(ways, orders))
    order = found["declined"]
    # The part that was declined is the answer's own; dispatch has offered the order to the second squad since.
    (answer,) = burst([order.command("assignment_decline")])
    order.took(answer)
    assert order.state == "offered"
    order.serving = "squad-b"
    return found


def part_ids(ledger, district):
    return {(order, squad): (part, state) for order, squad, part, state in ledger.rows(
        'SELECT "order", squad, id, state FROM dispatch.assignment WHERE district = %s', district.code)}


@pytest.mark.parametrize("state", PART_STATES)
def test_parts_stand_where_they_were_brought(district, parts, ledger, state):
    assert part_ids(ledger, district)[parts[state].id, "squad-a"][1] == state


@pytest.mark.parametrize("state", PART_STATES)
@pytest.mark.parametrize("command", PART_COMMANDS)
@pytest.mark.parametrize("role", tables.ROLES)
def test_cells_of_a_part(district, parts, ledger, state, command, role):
    """The command names its part. Refused as the tables say, and the part stays; the legal ones were done in test_legal_cells."""
    order = parts[state]
    part, before = part_ids(ledger, district)[order.id, "squad-a"]
    wanted = []
    for organisation in {"committee": ("committee",), "resident": ("village-a",), "surveyor": ("surveyor-a",),
                         "operator": ("committee",)}.get(role, (f"{role}-a", f"{role}-b")):
        row = tables.assignment_step_of(state, command)
        if role not in tables.roles_of(command):
            wanted.append((organisation, "forbidden"))
        elif organisation.endswith("b") != (state == "declined"):
            # What was declined is the second squad's now.
            wanted.append((organisation, "not_yours"))
        elif row is None:
            wanted.append((organisation, "illegal_step"))
    answers = burst([order.command(command, district.as_(role, organisation), assignment=part) for organisation, _ in wanted])
    for (organisation, code), answer in zip(wanted, answers):
        check_refusal(answer, order.state, code, (state, command, role, organisation))
    assert part_ids(ledger, district)[order.id, "squad-a"] == (part, before)


def test_steps_of_orders_move_their_parts(ledger, done, district):
    """Beside each legal step of an order that has a part, the part's row: the same command, the target of assignment.def."""
    ends = part_ids(ledger, district)
    tried = 0
    for (way, _, command, _), (order, _) in done.items():
        state = {"offered": "offered", "scheduled": "accepted", "in_service": "in_service"}.get(way)
        row = tables.assignment_step_of(state, command) if state else None
        if row is not None:
            assert ends[order.id, "squad-a"][1] == row.target, (way, command)
            tried += 1
    assert tried >= len([row for row in tables.ASSIGNMENT_STEPS
                            if row.source != "none" and not row.command.startswith("auto_")])


def test_side_of_each_command_is_one_of_its_roles():
    """The helper that brings orders along agrees with the tables."""
    for command, side in SIDE_OF.items():
        roles = {"place": {"village", "site"}, "squad": {"squad"}}.get(side, {side})
        assert roles <= tables.roles_of(command)
