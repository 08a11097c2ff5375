/* Answers packed piece by piece, read back as JSON; and the parties of every type of event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/pack.h"
#include "events/parties.h"

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    struct arena *arena = *state;
    arena_destroy(&arena);
    return 0;
}

static void everything_packed_is_sound(void **state)
{
    struct arena *arena = *state;
    struct pack *inner = pack_new(arena);
    pack_map(inner, NULL);
    pack_flag(inner, "yes", true);
    pack_end(inner);
    struct pack *pack = pack_new(arena);
    pack_map(pack, NULL);
    pack_text(pack, "text", TEXT("鄞州"));
    pack_text(pack, "empty", TEXT(""));
    pack_text_given(pack, "absent", TEXT(""));
    pack_int(pack, "least", INT64_MIN);
    pack_time_given(pack, "time", 0);
    pack_time_given(pack, "never", INSTANT_ABSENT);
    pack_list(pack, "list");
    pack_int(pack, NULL, 1);
    pack_string(pack, NULL, "two");
    pack_flag(pack, NULL, false);
    pack_map(pack, NULL);
    pack_end(pack);
    pack_end(pack);
    pack_object(pack, "inner", pack_done(inner));
    pack_end(pack);
    struct bytes bytes = pack_done(pack);
    assert_int_equal(bytes.length, pack_length(pack));
    assert_true(msgpack_is_sound(bytes));
    assert_string_equal(
        arena_string(arena, msgpack_to_json(bytes, arena)),
        "{\"text\":\"鄞州\",\"empty\":\"\",\"least\":-9223372036854775808,\"time\":0,"
        "\"list\":[1,\"two\",false,{}],\"inner\":{\"yes\":true}}");
}

static void long_lists_grow(void **state)
{
    struct arena *arena = *state;
    struct pack *pack = pack_new(arena);
    pack_list(pack, NULL);
    for (int i = 0; i < 10000; i++)
        pack_string(pack, NULL, "0123456789");
    pack_end(pack);
    struct bytes bytes = pack_done(pack);
    assert_int_equal(bytes.length, 3 + 10000 * 11);
    assert_int_equal(bytes.at[1] << 8 | bytes.at[2], 10000);
    assert_true(msgpack_is_sound(bytes));
}

/* Every type whose key is an order's has its head, a place and a town; no other type is taken for
 * one. */
static void parties_of_every_type(void **state)
{
    struct arena *arena = *state;
    for (int t = 0; t < EVENT_COUNT; t++) {
        struct event event = {.type = (enum event_type)t,
                              .data = arena_alloc(arena, event_types[t].size)};
        message_clear(&event_types[t], event.data);
        struct parties parties;
        const char *name = event_types[t].name;
        bool of_order = strncmp(name, "order_", 6) == 0 || strncmp(name, "assignment_", 11) == 0;
        assert_int_equal(event_parties(&event, &parties), of_order);
    }
    struct assignment_accepted accepted;
    message_clear(&event_types[EVENT_assignment_accepted], &accepted);
    accepted.order = 12;
    accepted.state = ORDER_scheduled;
    accepted.by = accepted.squad = TEXT("s");
    accepted.place = TEXT("p");
    accepted.town = TEXT("t");
    accepted.assignment = 7;
    struct parties parties;
    assert_true(event_parties(&(struct event){.type = EVENT_assignment_accepted, .data = &accepted},
                              &parties));
    assert_int_equal(parties.order, 12);
    assert_int_equal(parties.state, ORDER_scheduled);
    assert_int_equal(parties.assignment, 7);
    assert_true(text_equal(parties.by, TEXT("s")) && text_equal(parties.squad, TEXT("s")));
    assert_true(text_equal(parties.place, TEXT("p")) && text_equal(parties.town, TEXT("t")));
    assert_int_equal(parties.feed.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_packed_is_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lists_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(parties_of_every_type, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
