/* Every (state, command, role) cell of order.def and assignment.def. The tables are read here once
 * more, so that the expectation is theirs and not the core's. */
#include "dispatch_world.h"

#define MAY(role) (1U << ROLE_##role)

struct row {
    enum order_state from;
    const char *command;
    enum order_state to;
    unsigned roles;
    const char *event;
    enum service owner;
};
static const struct row rows[] = {
#define STEP(from, command, to, roles, event, owner)                                               \
    {ORDER_##from, #command, ORDER_##to, roles, #event, SERVICE_##owner},
#include "domain/order.def"
#undef STEP
};
struct part_row {
    enum assignment_state from;
    const char *command;
    enum assignment_state to;
    unsigned roles;
};
static const struct part_row part_rows[] = {
#define ASSIGNMENT_STEP(from, command, to, roles)                                                  \
    {ASSIGNMENT_##from, #command, ASSIGNMENT_##to, roles},
#include "domain/assignment.def"
#undef ASSIGNMENT_STEP
};
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static struct world world;

/* How an order comes to a state; the same state may be reached in several ways. */
enum way {
    WAY_EXTERNAL,
    WAY_OFFERED,
    WAY_OFFERED_AGAIN,
    WAY_ESCALATED,
    WAY_ASSIGNED,
    WAY_SCHEDULED,
    WAY_IN_SERVICE,
    WAY_COMPLETED,
    WAY_REOPENED,
    WAY_CLOSED,
    WAY_CLOSED_EXTERNAL,
    WAY_CANCELLED_OFFERED,
    WAY_CANCELLED_SCHEDULED,
    WAY_CANCELLED_ESCALATED,
    WAY_CANCELLED_EXTERNAL,
    WAY_JOINT_OFFERED,    /* q1 accepted, q2 is awaited */
    WAY_JOINT_ESCALATED,  /* nobody is left for q2's seat, q1's offer stands */
    WAY_JOINT_SCHEDULED,  /* the optional q2 may still accept */
    WAY_JOINT_IN_SERVICE, /* q1 is there, q2 is not yet */
    WAY_JOINT_COMPLETED,
    WAY_JOINT_EXPIRED,
    WAY_JOINT_NO_SHOW,
    WAY_JOINT_CANCELLED,
    WAY_COUNT
};
static const enum order_state way_state[WAY_COUNT] = {
    [WAY_EXTERNAL] = ORDER_placed,
    [WAY_OFFERED] = ORDER_offered,
    [WAY_OFFERED_AGAIN] = ORDER_offered,
    [WAY_ESCALATED] = ORDER_escalated,
    [WAY_ASSIGNED] = ORDER_offered,
    [WAY_SCHEDULED] = ORDER_scheduled,
    [WAY_IN_SERVICE] = ORDER_in_service,
    [WAY_COMPLETED] = ORDER_completed,
    [WAY_REOPENED] = ORDER_offered,
    [WAY_CLOSED] = ORDER_closed,
    [WAY_CLOSED_EXTERNAL] = ORDER_closed,
    [WAY_CANCELLED_OFFERED] = ORDER_cancelled,
    [WAY_CANCELLED_SCHEDULED] = ORDER_cancelled,
    [WAY_CANCELLED_ESCALATED] = ORDER_cancelled,
    [WAY_CANCELLED_EXTERNAL] = ORDER_cancelled,
    [WAY_JOINT_OFFERED] = ORDER_offered,
    [WAY_JOINT_ESCALATED] = ORDER_escalated,
    [WAY_JOINT_SCHEDULED] = ORDER_scheduled,
    [WAY_JOINT_IN_SERVICE] = ORDER_in_service,
    [WAY_JOINT_COMPLETED] = ORDER_completed,
    [WAY_JOINT_EXPIRED] = ORDER_completed,
    [WAY_JOINT_NO_SHOW] = ORDER_completed,
    [WAY_JOINT_CANCELLED] = ORDER_cancelled,
};

static void escalate(void)
{
    while (world.order.state == ORDER_offered)
        world_squad_does(&world, COMMAND_assignment_decline);
}

static void serve(enum way way)
{
    world_squad_does(&world, COMMAND_assignment_accept);
    if (way == WAY_SCHEDULED)
        return;
    world_squad_does(&world, COMMAND_assignment_check_in);
    if (way == WAY_IN_SERVICE)
        return;
    world_squad_does(&world, COMMAND_assignment_complete);
}

static void bring_external(enum way way)
{
    world_take_external(&world);
    if (way == WAY_CLOSED_EXTERNAL)
        world_do(&world, COMMAND_order_close_external, ROLE_feed, "f1");
    if (way == WAY_CANCELLED_EXTERNAL)
        world_do(&world, COMMAND_order_cancel, ROLE_committee, "cmt");
}

static void joint_does(const char *squad, enum command_type type)
{
    world_do(&world, type, ROLE_squad, squad);
}

/* Two squads of two departments. */
static void bring_joint(enum way way, const char *place)
{
    static const struct text squads[] = {{"q1", 2}, {"q2", 2}};
    size_t required =
        way == WAY_JOINT_SCHEDULED || way == WAY_JOINT_EXPIRED || way == WAY_JOINT_NO_SHOW ? 1 : 2;
    struct order_placed placed = world_placed();
    placed.place = text_of(place);
    placed.category = TEXT("");
    placed.required = (struct text_list){squads, required};
    placed.optional = (struct text_list){squads + required, 2 - required};
    world_take(&world, EVENT_order_placed, &placed);
    if (way == WAY_JOINT_ESCALATED) {
        joint_does("q2", COMMAND_assignment_decline);
        return;
    }
    joint_does("q1", COMMAND_assignment_accept);
    if (way == WAY_JOINT_IN_SERVICE || way == WAY_JOINT_COMPLETED || way == WAY_JOINT_NO_SHOW)
        joint_does("q2", COMMAND_assignment_accept);
    if (way == WAY_JOINT_CANCELLED)
        world_do(&world, COMMAND_order_cancel, ROLE_committee, "cmt");
    if (way == WAY_JOINT_OFFERED || way == WAY_JOINT_SCHEDULED || way == WAY_JOINT_CANCELLED)
        return;
    joint_does("q1", COMMAND_assignment_check_in);
    if (way == WAY_JOINT_IN_SERVICE)
        return;
    if (way == WAY_JOINT_COMPLETED) {
        joint_does("q2", COMMAND_assignment_check_in);
        joint_does("q2", COMMAND_assignment_complete);
    }
    joint_does("q1", COMMAND_assignment_complete);
}

static void bring(enum way way, const char *place)
{
    world_open(&world);
    if (way >= WAY_JOINT_OFFERED) {
        bring_joint(way, place);
        return;
    }
    if (way == WAY_EXTERNAL || way == WAY_CLOSED_EXTERNAL || way == WAY_CANCELLED_EXTERNAL) {
        bring_external(way);
        world.order.place = text_of(place);
        return;
    }
    struct order_placed placed = world_placed();
    placed.place = text_of(place);
    world_take(&world, EVENT_order_placed, &placed);
    enum role role = place[0] == 'v' ? ROLE_village : ROLE_site;
    switch (way) {
    case WAY_OFFERED_AGAIN:
        world_squad_does(&world, COMMAND_assignment_decline);
        break;
    case WAY_ESCALATED:
        escalate();
        break;
    case WAY_ASSIGNED:
        escalate();
        world_do(&world, COMMAND_order_assign, ROLE_committee, "cmt");
        break;
    case WAY_SCHEDULED:
    case WAY_IN_SERVICE:
    case WAY_COMPLETED:
        serve(way);
        break;
    case WAY_REOPENED:
        serve(way);
        world_do(&world, COMMAND_order_reopen, role, place);
        break;
    case WAY_CLOSED:
        serve(way);
        world_do(&world, COMMAND_order_confirm, role, place);
        break;
    case WAY_CANCELLED_SCHEDULED:
        serve(WAY_SCHEDULED);
        world_do(&world, COMMAND_order_cancel, ROLE_town, "t1");
        break;
    case WAY_CANCELLED_ESCALATED:
        escalate();
        world_do(&world, COMMAND_order_cancel, ROLE_committee, "cmt");
        break;
    case WAY_CANCELLED_OFFERED:
        world_do(&world, COMMAND_order_cancel, role, place);
        break;
    case WAY_OFFERED:
    case WAY_EXTERNAL:
    case WAY_CLOSED_EXTERNAL:
    case WAY_CANCELLED_EXTERNAL:
    case WAY_JOINT_OFFERED:
    case WAY_JOINT_ESCALATED:
    case WAY_JOINT_SCHEDULED:
    case WAY_JOINT_IN_SERVICE:
    case WAY_JOINT_COMPLETED:
    case WAY_JOINT_EXPIRED:
    case WAY_JOINT_NO_SHOW:
    case WAY_JOINT_CANCELLED:
    case WAY_COUNT:
        break;
    }
}

static bool has_part_row(enum assignment_state from, const char *command)
{
    for (size_t i = 0; i < COUNT_OF(part_rows); i++)
        if (part_rows[i].from == from && strcmp(part_rows[i].command, command) == 0)
            return true;
    return false;
}

/* The states of the parts that an actor may act for: its own, or all when it has none. */
static bool some_part_may(const char *command, enum role role, const char *organisation)
{
    bool any = false, own = false, own_may = false;
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++) {
        const struct dispatch_assignment *part = &world.order.seats[seat];
        if (part->id == 0)
            continue;
        bool may = has_part_row(part->state, command);
        bool is_own =
            (role == ROLE_squad && text_equal(part->squad, text_of(organisation))) ||
            (role == ROLE_department &&
             strcmp(organisation, text_equal(part->squad, TEXT("q2")) ? "d2" : "d1") == 0);
        any |= may;
        own |= is_own;
        own_may |= is_own && may;
    }
    return own ? own_may : any;
}

static bool is_of_part(const char *command)
{
    return strncmp(command, "assignment_", 11) == 0;
}

static const struct row *row_of(enum order_state from, const char *command)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].from == from && strcmp(rows[i].command, command) == 0)
            return &rows[i];
    return NULL;
}

static bool any_row_for(const char *command, enum role role)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].command, command) == 0 && (rows[i].roles & 1U << role) != 0)
            return true;
    return false;
}

static bool sits(const char *squad)
{
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (world.order.seats[seat].id != 0 &&
            text_equal(world.order.seats[seat].squad, text_of(squad)))
            return true;
    return false;
}

/* Whom the order is of, for each role; NULL: nobody in that role. */
static const char *owner(enum role role)
{
    const char *squad = world.order.external ? "q1" : world_live(&world);
    switch (role) {
    case ROLE_village:
        return text_equal(world.order.place, TEXT("v1")) ? "v1" : NULL;
    case ROLE_site:
        return text_equal(world.order.place, TEXT("s1")) ? "s1" : NULL;
    case ROLE_town:
        return "t1";
    case ROLE_squad:
        return squad[0] == '\0' ? NULL : squad;
    case ROLE_department:
        return squad[0] == '\0' ? NULL : strcmp(squad, "q2") == 0 ? "d2" : "d1";
    case ROLE_committee:
        return "cmt";
    case ROLE_feed:
        return "f1";
    case ROLE_resident:
    case ROLE_surveyor:
    case ROLE_operator:
    case ROLE_COUNT:
        break;
    }
    return NULL;
}

/* Somebody else in the role. */
static const char *stranger(enum role role)
{
    switch (role) {
    case ROLE_village:
    case ROLE_resident:
        return "v2";
    case ROLE_site:
        return "s2";
    case ROLE_town:
        return "t2";
    case ROLE_squad:
        return strcmp(world_live(&world), "q3") == 0 || world.order.external ? "q2" : "q3";
    case ROLE_department:
        if (sits("q1") && sits("q2"))
            return NULL; /* both departments have a part */
        return strcmp(world_live(&world), "q2") == 0 ? "d1" : "d2";
    case ROLE_feed:
        return "f2";
    case ROLE_surveyor:
        return "sv";
    case ROLE_operator:
        return "";       /* of the whole deployment */
    case ROLE_committee: /* a district has one */
    case ROLE_COUNT:
        break;
    }
    return NULL;
}

static void check_allowed(const struct refusal *refusal, enum order_state state, enum role role,
                          const char *organisation)
{
    int count = 0;
    assert_string_equal(refusal->state, words_name(&words_order_state, (int)state));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].from != state || strncmp(rows[i].command, "auto_", 5) == 0 ||
            row_of(state, rows[i].command) != &rows[i] ||
            (is_of_part(rows[i].command) && !some_part_may(rows[i].command, role, organisation)))
            continue;
        assert_true(count < refusal->allowed_count);
        assert_string_equal(refusal->allowed[count++], rows[i].command);
    }
    assert_int_equal(refusal->allowed_count, count);
}

static bool leads_to(const struct row *row, int state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].from == row->from && strcmp(rows[i].command, row->command) == 0 &&
            (int)rows[i].to == state)
            return true;
    return false;
}

static int state_said(const struct dispatch_event *event)
{
    const struct message_type *type = &event_types[event->type];
    return *(const int *)(const void *)((const char *)event->data + type->fields[1].offset);
}

/* The first event's row: steps of dispatch's own may follow. */
static void check_done(const struct dispatch_decision *d, const struct row *row,
                       const struct dispatch_assignment *before)
{
    enum assignment_state part_before = before->id == 0 ? ASSIGNMENT_none : before->state;
    assert_int_equal(row->owner, SERVICE_dispatch);
    assert_true(d->event_count >= 1);
    assert_string_equal(event_types[d->events[0].type].name, row->event);
    assert_int_equal(d->events[0].version, world.order.version + 1);
    assert_true(leads_to(row, state_said(&d->events[0])));
    const struct part_row *part = NULL;
    for (size_t i = 0; i < COUNT_OF(part_rows); i++)
        if (part_rows[i].from == part_before && strcmp(part_rows[i].command, row->command) == 0)
            part = &part_rows[i];
    if (part == NULL)
        for (size_t i = 0; i < d->moved_count; i++)
            assert_int_equal(d->moved[i].seat, 0); /* reopened: retired as it was */
    else if (part_before == ASSIGNMENT_none)
        assert_int_equal(d->begun[0].state, part->to);
    else
        assert_true(d->moved_count >= 1 && d->moved[0].id == before->id &&
                    d->moved[0].state == part->to);
    assert_int_equal(d->result.order, ORDER_ID);
    assert_int_equal(d->result.state, d->order.state);
    assert_int_equal(d->result.version, d->order.version);
}

static bool legal_here(const struct row *row, enum role role)
{
    bool for_external = strcmp(row->command, "order_close_external") == 0;
    return (row->roles & 1U << role) != 0 && (!for_external || world.order.external);
}

/* The part that a step moves first: the actor's own, the first there is, or the empty first seat.
 */
static const struct dispatch_assignment *acted_on(enum command_type type, enum role role,
                                                  const char *organisation)
{
    const struct dispatch_assignment *first = NULL;
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++) {
        const struct dispatch_assignment *part = &world.order.seats[seat];
        if (part->id == 0)
            continue;
        first = first == NULL ? part : first;
        if ((role == ROLE_squad && text_equal(part->squad, text_of(organisation))) ||
            (role == ROLE_department &&
             strcmp(organisation, text_equal(part->squad, TEXT("q2")) ? "d2" : "d1") == 0))
            return part;
    }
    static const struct dispatch_assignment none;
    return first == NULL || type == COMMAND_order_assign ? &none : first;
}

static void check_cell(enum command_type type, enum role role, const char *organisation,
                       bool is_theirs)
{
    const char *command = command_types[type].name;
    const struct dispatch_assignment *before = acted_on(type, role, organisation);
    const struct row *row = row_of(world.order.state, command);
    bool part_may = !is_of_part(command) || some_part_may(command, role, organisation);
    const struct dispatch_decision *d =
        world_ask(&world, type, role, organisation, world_body(&world, type));
    if (!any_row_for(command, role)) {
        assert_refused(d, REFUSAL_forbidden, NULL);
    } else if (!is_theirs) {
        assert_refused(d, REFUSAL_not_yours, "order");
    } else if (row == NULL || !part_may ||
               (!legal_here(row, role) && type == COMMAND_order_close_external)) {
        assert_refused(d, REFUSAL_illegal_step, NULL);
        check_allowed(&d->refusal, world.order.state, role, organisation);
    } else if (!legal_here(row, role)) {
        assert_refused(d, REFUSAL_forbidden, NULL);
    } else {
        assert_int_equal(d->refusal.code, REFUSAL_NONE);
        check_done(d, row, before);
    }
    if (d->refusal.code != REFUSAL_NONE)
        assert_int_equal(d->event_count, 0);
}

static bool moves_an_order(enum command_type type)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].from != ORDER_none && strcmp(rows[i].command, command_types[type].name) == 0)
            return true;
    return false;
}

static size_t check_state(void)
{
    size_t cells = 0;
    for (int type = 0; type < COMMAND_COUNT; type++) {
        if (!moves_an_order((enum command_type)type))
            continue;
        for (int role = 0; role < ROLE_COUNT; role++) {
            const char *mine = owner((enum role)role), *other = stranger((enum role)role);
            if (mine != NULL)
                check_cell((enum command_type)type, (enum role)role, mine, true);
            if (other != NULL)
                check_cell((enum command_type)type, (enum role)role, other, false);
            cells += (mine == NULL ? 0U : 1U) + (other == NULL ? 0U : 1U);
        }
    }
    return cells;
}

static void test_every_cell(void **state)
{
    (void)state;
    size_t cells = 0;
    static const char *const places[] = {"v1", "s1"};
    for (size_t place = 0; place < COUNT_OF(places); place++)
        for (int way = 0; way < WAY_COUNT; way++) {
            bring((enum way)way, places[place]);
            assert_int_equal(world.order.state, way_state[way]);
            cells += check_state();
            world_close(&world);
        }
    assert_true(cells > 2000);
}

/* Every state where dispatch's orders rest, and every part's state, was among the ways. */
static void test_every_state_was_reached(void **state)
{
    (void)state;
    bool seen[ORDER_STATE_COUNT] = {false}, seen_part[ASSIGNMENT_STATE_COUNT] = {false};
    for (int way = 0; way < WAY_COUNT; way++) {
        bring((enum way)way, "v1");
        seen[world.order.state] = true;
        seen_part[world.order.seats[0].id == 0 ? ASSIGNMENT_none : world.order.seats[0].state] =
            true;
        for (size_t i = 0; i < world.last.moved_count; i++)
            seen_part[world.last.moved[i].state] = true;
        world_close(&world);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].owner == SERVICE_dispatch && rows[i].to != ORDER_reopened)
            assert_true(seen[rows[i].to]);
    for (int part = 0; part < ASSIGNMENT_STATE_COUNT; part++)
        assert_true(seen_part[part]);
}

static void test_no_such_order(void **state)
{
    (void)state;
    world_open(&world);
    for (int type = 0; type < COMMAND_COUNT; type++) {
        if (!moves_an_order((enum command_type)type))
            continue;
        for (int role = 0; role < ROLE_COUNT; role++) {
            if (role == ROLE_operator || !any_row_for(command_types[type].name, (enum role)role))
                continue;
            const char *organisation = stranger((enum role)role);
            const struct dispatch_decision *d =
                world_ask(&world, (enum command_type)type, (enum role)role,
                          organisation == NULL ? "cmt" : organisation,
                          world_body(&world, (enum command_type)type));
            assert_refused(d, REFUSAL_unknown_order, "order");
        }
    }
    struct order_close_external *close = world_body(&world, COMMAND_order_close_external);
    close->order = 0;
    assert_refused(world_ask(&world, COMMAND_order_close_external, ROLE_feed, "f1", close),
                   REFUSAL_missing_field, "external_id");
    close->external_id = TEXT("nowhere");
    assert_refused(world_ask(&world, COMMAND_order_close_external, ROLE_feed, "f1", close),
                   REFUSAL_unknown_order, "external_id");
    world_close(&world);
}

static void test_commands_that_are_not_dispatchs(void **state)
{
    (void)state;
    bring(WAY_OFFERED, "v1");
    for (int type = 0; type < COMMAND_COUNT; type++) {
        if (moves_an_order((enum command_type)type))
            continue;
        const struct dispatch_decision *d =
            world_ask(&world, (enum command_type)type, ROLE_committee, "cmt",
                      world_body(&world, (enum command_type)type));
        assert_refused(d, REFUSAL_unknown_type, "type");
    }
    world_close(&world);
}

static void test_feed_registered_for_nothing(void **state)
{
    (void)state;
    bring(WAY_EXTERNAL, "v1");
    world.order.feed = TEXT("f3");
    assert_refused(world_ask(&world, COMMAND_order_close_external, ROLE_feed, "f3",
                             world_body(&world, COMMAND_order_close_external)),
                   REFUSAL_forbidden, NULL);
    world_close(&world);
}

/* Who states a time, and for whom a department acts. */
static void test_callers(void **state)
{
    (void)state;
    bring(WAY_OFFERED, "v1"); /* with q1 of d1 */
    struct caller caller = {
        .district = DISTRICT, .organisation = TEXT("d1"), .role = ROLE_department};
    struct command command = {.id = TEXT("c"),
                              .type = COMMAND_assignment_accept,
                              .on_behalf_of = TEXT("q1"),
                              .time = INSTANT_ABSENT,
                              .body = world_body(&world, COMMAND_assignment_accept)};
    struct dispatch_case c = world_case(&world);
    c.caller = &caller;
    c.command = &command;
    struct dispatch_decision d = dispatch_decide(&c);
    assert_int_equal(d.refusal.code, REFUSAL_NONE);
    assert_text(((const struct assignment_accepted *)d.events[0].data)->by, "q1");
    command.on_behalf_of = TEXT("q3"); /* d1's too, but not asked */
    d = dispatch_decide(&c);
    assert_refused(&d, REFUSAL_not_yours, "order");
    command.on_behalf_of = TEXT("q2");
    d = dispatch_decide(&c);
    assert_refused(&d, REFUSAL_not_yours, "on_behalf_of");
    command.on_behalf_of = (struct text){"", 0};
    d = dispatch_decide(&c);
    assert_text(((const struct assignment_accepted *)d.events[0].data)->by, "d1");
    command.time = NOW;
    d = dispatch_decide(&c);
    assert_refused(&d, REFUSAL_forbidden, "time");
    world_close(&world);
}

static void test_feed_states_when(void **state)
{
    (void)state;
    bring(WAY_EXTERNAL, "v1");
    struct caller caller = {.district = DISTRICT, .organisation = TEXT("f1"), .role = ROLE_feed};
    struct command command = {.id = TEXT("c"),
                              .type = COMMAND_order_close_external,
                              .time = NOW - 500 * HOUR,
                              .body = world_body(&world, COMMAND_order_close_external)};
    struct dispatch_case c = world_case(&world);
    c.caller = &caller;
    c.command = &command;
    struct dispatch_decision d = dispatch_decide(&c);
    assert_int_equal(d.refusal.code, REFUSAL_NONE);
    assert_int_equal(d.events[0].time, NOW - 500 * HOUR);
    assert_int_equal(d.change_count, 0);
    const struct order_closed_external *closed = d.events[0].data;
    assert_text(closed->squad, "q1");
    assert_text(closed->by, "f1");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_every_state_was_reached),
        cmocka_unit_test(test_no_such_order),
        cmocka_unit_test(test_commands_that_are_not_dispatchs),
        cmocka_unit_test(test_feed_registered_for_nothing),
        cmocka_unit_test(test_callers),
        cmocka_unit_test(test_feed_states_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
