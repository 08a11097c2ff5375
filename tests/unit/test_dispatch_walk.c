/* Random walks: many orders share the squads' time; anybody sends anything. After each walk an
 * order's events, replayed by somebody who knows nothing of the core, end in its row; no squad is
 * booked beyond its capacity; the queue holds just the open offers. */
#include "dispatch_world.h"

#define ORDERS 12
#define STEPS  1500
#define WALKS  40

struct one {
    struct dispatch_order order;
    struct dispatch_event events[STEPS * 2];
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
    struct dispatch_change offers[ORDERS];
    size_t count;
    int64_t last_position;
} queue;

static void queue_change(const struct dispatch_change *change)
{
    assert_true(change->position > queue.last_position);
    queue.last_position = change->position;
    if (change->add) {
        assert_true(queue.count < ORDERS);
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
    if (random_below(2) == 0) {
        placed.window_start = NOW + random_below(10) * HOUR;
        placed.window_end = placed.window_start + (1 + random_below(10)) * HOUR;
    }
    orders[number].event_count = 0;
    struct event event = {
        .type = EVENT_order_placed, .district = DISTRICT, .version = 2, .data = &placed};
    struct dispatch_case c = world_case(&world);
    c.order = NULL;
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
    if (type == COMMAND_assignment_accept) {
        struct assignment_accept *accept = body;
        accept->window_start = world.now + random_below(8) * HOUR;
        accept->window_end = accept->window_start + (1 + random_below(3)) * HOUR;
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

static void replay(const struct one *one)
{
    int state = ORDER_placed;
    int64_t version = 2, live = 0;
    for (size_t i = 0; i < one->event_count; i++) {
        const struct dispatch_event *event = &one->events[i];
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
        if (event->type == EVENT_order_offered)
            live = ((const struct order_offered *)event->data)->assignment;
        else if (event->type == EVENT_order_escalated)
            live = 0;
    }
    assert_int_equal(one->order.state, state);
    assert_int_equal(one->order.version, version);
    assert_int_equal(one->order.live.id, live);
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
    for (size_t i = 0; i < ORDERS; i++) {
        if (orders[i].order.state != ORDER_offered)
            continue;
        open++;
        bool found = false;
        for (size_t k = 0; k < queue.count; k++)
            found |= queue.offers[k].offer.id == orders[i].order.live.id &&
                     queue.offers[k].order == orders[i].order.id &&
                     text_equal(queue.offers[k].squad, orders[i].order.live.squad);
        assert_true(found);
    }
    assert_int_equal(queue.count, open);
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
