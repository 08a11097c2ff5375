/* Random walks: many orders share the squads' time; anybody sends anything. After each walk an
 * order's events, replayed by somebody who knows nothing of the core, end in its row; no squad is
 * booked beyond its capacity; the queue holds just the open offers. */
#include "dispatch_world.h"

#define ORDERS 14
#define STEPS  1500
#define WALKS  40

struct one {
    struct dispatch_order order;
    struct dispatch_event events[STEPS * 4];
    size_t event_count;
};

static struct world world;
static struct one orders[ORDERS];
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % limit;
}

/* A squad's queue as its changes make it: offers by assignment. */
static struct {
    struct dispatch_change offers[ORDERS * 3];
    size_t count;
    int64_t last_positions[3]; /* of q1, q2 and q3 */
} queue;

static void queue_change(const struct dispatch_change *change)
{
    int64_t *last = &queue.last_positions[change->squad.at[1] - '1'];
    assert_true(change->position > *last);
    *last = change->position;
    if (change->add) {
        assert_true(queue.count < sizeof queue.offers / sizeof *queue.offers);
        queue.offers[queue.count++] = *change;
        return;
    }
    for (size_t i = 0; i < queue.count; i++)
        if (queue.offers[i].offer.id == change->offer.id) {
            assert_true(text_equal(queue.offers[i].squad, change->squad));
            queue.offers[i] = queue.offers[--queue.count];
            return;
        }
    fail_msg("an offer left the queue that was not in it");
}

static void keep(struct one *one)
{
    const struct dispatch_decision *d = &world.last;
    for (size_t i = 0; i < d->event_count; i++)
        one->events[one->event_count++] = d->events[i];
    for (size_t i = 0; i < d->change_count; i++)
        queue_change(&d->changes[i]);
    world.log_count = 0;
    world_keep(&world, d);
    one->order = world.order;
}

static void begin(size_t number)
{
    static const struct text all[] = {{"q3", 2}, {"q1", 2}, {"q2", 2}};
    struct order_placed placed = world_placed();
    placed.order = ORDER_ID + (int64_t)number;
    placed.squads = (struct text_list){all, random_below(4)};
    placed.category = random_below(4) == 0 ? TEXT("none") : TEXT("it");
    placed.urgency = (int)random_below(URGENCY_COUNT);
    if (number % 2 == 1) { /* of several squads */
        size_t required = 1 + random_below(3);
        placed.required = (struct text_list){all, required};
        placed.optional = (struct text_list){all + required, random_below(4 - (uint32_t)required)};
        placed.lead = random_below(2) == 0 ? all[random_below((uint32_t)required)] : TEXT("");
    }
    if (random_below(2) == 0) {
        placed.window_start = NOW + random_below(10) * HOUR;
        placed.window_end = placed.window_start + (1 + random_below(10)) * HOUR;
    }
    orders[number].event_count = 0;
    struct event event = {
        .type = EVENT_order_placed, .district = DISTRICT, .version = 2, .data = &placed};
    struct dispatch_case c = world_case(&world);
    c.order = NULL;
    world.is_there = false;
    world.last = dispatch_take(&c, &event);
    keep(&orders[number]);
}

static void step(void)
{
    static const enum command_type types[] = {
        COMMAND_assignment_accept,   COMMAND_assignment_accept,   COMMAND_assignment_decline,
        COMMAND_assignment_check_in, COMMAND_assignment_complete, COMMAND_order_confirm,
        COMMAND_order_reopen,        COMMAND_order_reopen,        COMMAND_order_cancel,
        COMMAND_order_assign};
    static const struct {
        enum role role;
        const char *organisation;
    } callers[] = {{ROLE_squad, "q1"},      {ROLE_squad, "q2"},      {ROLE_squad, "q3"},
                   {ROLE_department, "d1"}, {ROLE_department, "d2"}, {ROLE_village, "v1"},
                   {ROLE_village, "v1"},    {ROLE_town, "t1"},       {ROLE_committee, "cmt"}};
    struct one *one = &orders[random_below(ORDERS)];
    enum command_type type = types[random_below(sizeof types / sizeof *types)];
    size_t caller = random_below(sizeof callers / sizeof *callers);
    if (type == COMMAND_order_cancel && random_below(40) != 0)
        return;
    world.now += random_below(60) * 1000;
    world.order = one->order;
    void *body = world_body(&world, type);
    struct window stay[3];
    if (type == COMMAND_order_assign)
        ((struct order_assign *)body)->squad = callers[random_below(3)].role == ROLE_squad
                                                   ? text_of(callers[random_below(3)].organisation)
                                                   : TEXT("q2");
    if (type == COMMAND_assignment_accept) {
        struct assignment_accept *accept = body;
        accept->window_start = world.now + random_below(8) * HOUR;
        accept->window_end = accept->window_start + (1 + random_below(3)) * HOUR;
        if (random_below(4) == 0) {
            for (size_t i = 0; i < 3; i++)
                stay[i] = (struct window){accept->window_start + (int64_t)i * 4 * HOUR,
                                          accept->window_end + (int64_t)i * 4 * HOUR};
            accept->window_start = accept->window_end = INSTANT_ABSENT;
            accept->windows = (struct window_list){stay, 1 + random_below(3)};
        }
    }
    world_ask(&world, type, callers[caller].role, callers[caller].organisation, body);
    if (world.last.refusal.code == REFUSAL_NONE)
        keep(one);
}

/* The head that all events of an order begin with, whatever their type. */
static int state_of(const struct dispatch_event *event)
{
    const struct message_type *type = &event_types[event->type];
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, "state") == 0)
            return *(const int *)(const void *)((const char *)event->data + type->fields[i].offset);
    fail_msg("an event without a state");
    return -1;
}

static bool may_follow(int state, const struct dispatch_event *event)
{
    for (size_t i = 0; i < order_step_count; i++)
        if ((int)order_steps[i].from == state && (int)order_steps[i].to == state_of(event) &&
            strcmp(order_steps[i].event, event_types[event->type].name) == 0)
            return true;
    return false;
}

/* The seats as somebody sees them who has the events alone. */
struct seen {
    int64_t seats[DISPATCH_SEATS_MAX]; /* assignments; 0: nobody */
    size_t served;                     /* check-ins of this round */
    size_t sessions;
};

static void seen_end(struct seen *seen, int64_t assignment)
{
    for (size_t i = 0; i < DISPATCH_SEATS_MAX; i++)
        if (seen->seats[i] == assignment)
            seen->seats[i] = 0;
}

static void see(struct seen *seen, const struct dispatch_event *event, int state)
{
    if (event->type == EVENT_order_offered) {
        const struct order_offered *data = event->data;
        assert_int_equal(seen->seats[data->seat - 1], 0);
        seen->seats[data->seat - 1] = data->assignment;
    } else if (event->type == EVENT_assignment_declined) {
        seen_end(seen, ((const struct assignment_declined *)event->data)->assignment);
    } else if (event->type == EVENT_assignment_ended && state == ORDER_completed) {
        seen_end(seen, ((const struct assignment_ended *)event->data)->assignment);
    } else if (event->type == EVENT_order_escalated) {
        assert_int_equal(seen->seats[((const struct order_escalated *)event->data)->seat - 1], 0);
    } else if (event->type == EVENT_assignment_checked_in) {
        seen->served++;
    } else if (event->type == EVENT_order_reopened) {
        memset(seen, 0, sizeof *seen);
    }
}

/* One session for each time that the order was completed, of just those who checked in. */
static void see_session(struct seen *seen, const struct dispatch_event *event, int state)
{
    const struct session_held *session = event->data;
    assert_int_equal(state, ORDER_completed);
    assert_int_equal(++seen->sessions, 1);
    assert_int_equal(session->squads.count, seen->served);
    assert_int_equal(session->kind, seen->served > 1 ? SESSION_joint : SESSION_single);
    assert_true(session->started <= session->ended);
}

static void replay(const struct one *one)
{
    int state = ORDER_placed;
    int64_t version = 2;
    struct seen seen = {.served = 0};
    for (size_t i = 0; i < one->event_count; i++) {
        const struct dispatch_event *event = &one->events[i];
        if (event->type == EVENT_session_held) {
            see_session(&seen, event, state);
            continue;
        }
        assert_true(may_follow(state, event));
        assert_int_equal(event->version, version + 1);
        /* What is written is what is meant: through the codec and back. */
        struct refusal refusal;
        void *back = arena_alloc(world.arena, event_types[event->type].size);
        assert_true(
            message_decode(&event_types[event->type],
                           message_encode(&event_types[event->type], event->data, world.arena),
                           world.arena, back, &refusal));
        state = state_of(event);
        version = event->version;
        see(&seen, event, state);
    }
    assert_int_equal(one->order.state, state);
    assert_int_equal(one->order.version, version);
    for (size_t i = 0; i < DISPATCH_SEATS_MAX; i++)
        assert_int_equal(one->order.seats[i].id, seen.seats[i]);
    assert_int_equal(seen.sessions, state == ORDER_completed || state == ORDER_closed);
}

static void check_bookings(void)
{
    static const struct {
        struct text squad;
        int capacity;
    } squads[] = {{{"q1", 2}, 1}, {{"q2", 2}, 2}, {{"q3", 2}, 3}};
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < world.booking_count; i++) {
            const struct dispatch_booking *at = &world.bookings[i];
            int busy = 0;
            if (!text_equal(at->squad, squads[s].squad))
                continue;
            for (size_t k = 0; k < world.booking_count; k++) {
                const struct dispatch_booking *other = &world.bookings[k];
                bool meets = text_equal(other->squad, at->squad) && other->start <= at->start &&
                             at->start < other->end;
                busy += meets ? 1 : 0;
                assert_false(meets && k != i && other->lane == at->lane);
            }
            assert_true(busy <= squads[s].capacity);
        }
}

static void check_queue(void)
{
    size_t open = 0;
    for (size_t i = 0; i < ORDERS; i++)
        for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++) {
            const struct dispatch_assignment *part = &orders[i].order.seats[seat];
            if (part->id == 0 || part->state != ASSIGNMENT_offered)
                continue;
            open++;
            bool found = false;
            for (size_t k = 0; k < queue.count; k++)
                found |= queue.offers[k].offer.id == part->id &&
                         queue.offers[k].order == orders[i].order.id &&
                         text_equal(queue.offers[k].squad, part->squad);
            assert_true(found);
        }
    assert_int_equal(queue.count, open);
}

/* Booked is just what is accepted or was served; what was given back is free. */
static void check_owners(void)
{
    for (size_t b = 0; b < world.booking_count; b++) {
        bool found = false;
        for (size_t i = 0; i < ORDERS; i++)
            for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++) {
                const struct dispatch_assignment *part = &orders[i].order.seats[seat];
                found |=
                    part->id == world.bookings[b].assignment &&
                    (part->state == ASSIGNMENT_accepted || part->state == ASSIGNMENT_in_service ||
                     part->state == ASSIGNMENT_completed);
            }
        assert_true(found);
    }
}

static void test_walks(void **state)
{
    (void)state;
    size_t reached[ORDER_STATE_COUNT] = {0};
    for (uint64_t seed = 1; seed <= WALKS; seed++) {
        random_state = seed * 0x9e3779b97f4a7c15U;
        world_open(&world);
        memset(&queue, 0, sizeof queue);
        for (size_t i = 0; i < ORDERS; i++)
            begin(i);
        for (int i = 0; i < STEPS; i++)
            step();
        for (size_t i = 0; i < ORDERS; i++) {
            replay(&orders[i]);
            reached[orders[i].order.state]++;
        }
        check_bookings();
        check_owners();
        check_queue();
        world_close(&world);
    }
    assert_true(reached[ORDER_closed] > 0 && reached[ORDER_cancelled] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_walks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
