/* The directory's events, from their bytes into a directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "events/facts.h"
#include "tests/golden/sample.h"

static const char public_key[] = "abcdefghijabcdefghijabcdefghijabcdefghij";

static struct arena *arena;
static struct directory *directory;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    directory = directory_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    directory_destroy(&directory);
    arena_destroy(&arena);
    return 0;
}

/* Through the wire, in memory that is gone afterwards: the directory must have copied. */
static bool apply(enum event_type type, struct text district, int64_t version, const void *data)
{
    struct refusal refusal = {0};
    struct arena *own = arena_new();
    struct event event = {.type = type,
                          .district = district,
                          .version = version,
                          .body = message_encode(&event_types[type], data, own)};
    assert_true(event_decode_data(&event, own, &refusal));
    bool applied = fact_apply(directory, &event);
    assert_int_equal(applied, event_is_fact(type));
    arena_destroy(&own);
    return applied;
}

static void districts(void **state)
{
    (void)state;
    struct district_registered data;
    message_clear(&event_types[EVENT_district_registered], &data);
    data.code = TEXT("330212");
    data.name_zh = TEXT("鄞州区");
    data.time_zone = TEXT("Asia/Shanghai");
    assert_true(apply(EVENT_district_registered, data.code, 1, &data));
    data.name_en = TEXT("Yinzhou");
    assert_true(apply(EVENT_district_registered, data.code, 2, &data));
    const struct district *district = directory_district(directory, TEXT("330212"));
    assert_non_null(district);
    assert_true(text_equal(district->name_zh, TEXT("鄞州区")));
    assert_true(text_equal(district->name_en, TEXT("Yinzhou")));
    assert_true(text_equal(district->time_zone, TEXT("Asia/Shanghai")));
    assert_int_equal(district->version, 2);
}

static void categories(void **state)
{
    (void)state;
    struct category_registered data;
    message_clear(&event_types[EVENT_category_registered], &data);
    data.code = TEXT("social_insurance");
    data.name_zh = TEXT("社会保险");
    assert_true(apply(EVENT_category_registered, TEXT("330212"), 1, &data));
    const struct category *category =
        directory_category(directory, TEXT("330212"), TEXT("social_insurance"));
    assert_non_null(category);
    assert_true(text_equal(category->name_zh, TEXT("社会保险")));
    assert_true(text_equal(category->district, TEXT("330212")));
    assert_null(directory_category(directory, TEXT("demo2"), TEXT("social_insurance")));
}

static void organisations(void **state)
{
    (void)state;
    struct organisation_registered data;
    message_clear(&event_types[EVENT_organisation_registered], &data);
    data.code = TEXT("rsj-shebao");
    data.kind = KIND_squad;
    data.name_zh = TEXT("区人社局社会保险店小二");
    data.short_zh = TEXT("店小二");
    data.parent = TEXT("rsj");
    data.brand = TEXT("人社店小二");
    data.categories =
        (struct text_list){(struct text[]){TEXT("jobs"), TEXT("social_insurance")}, 2};
    data.capacity = 3;
    data.sample = true;
    data.commands = (struct text_list){(struct text[]){TEXT("order_submit")}, 1};
    data.places = (struct text_list){(struct text[]){TEXT("330212"), TEXT("x"), TEXT("y")}, 3};
    assert_true(apply(EVENT_organisation_registered, TEXT("330212"), 4, &data));
    const struct organisation *squad =
        directory_organisation(directory, TEXT("330212"), TEXT("rsj-shebao"));
    assert_non_null(squad);
    assert_int_equal(squad->kind, KIND_squad);
    assert_true(text_equal(squad->name_zh, data.name_zh));
    assert_int_equal(squad->name_en.length, 0);
    assert_true(text_equal(squad->short_zh, data.short_zh));
    assert_true(text_equal(squad->parent, TEXT("rsj")));
    assert_int_equal(squad->site_kind, SITE_none);
    assert_true(text_equal(squad->brand, data.brand));
    assert_int_equal(squad->category_count, 2);
    assert_true(text_equal(squad->categories[1], TEXT("social_insurance")));
    assert_int_equal(squad->capacity, 3);
    assert_true(squad->sample);
    assert_int_equal(squad->command_count, 1);
    assert_int_equal(squad->place_count, 3);
    assert_true(text_equal(squad->places[2], TEXT("y")));
    assert_int_equal(squad->version, 4);
}

static void keys(void **state)
{
    (void)state;
    struct key_registered data;
    message_clear(&event_types[EVENT_key_registered], &data);
    data.public_key = text_of(public_key);
    data.role = ROLE_operator;
    data.name = TEXT("first operator");
    assert_true(apply(EVENT_key_registered, TEXT(""), 1, &data));
    const struct key *key = directory_key(directory, text_of(public_key));
    assert_non_null(key);
    assert_int_equal(key->role, ROLE_operator);
    assert_int_equal(key->district.length, 0);
    assert_false(key->revoked);
    assert_true(key->registered == 0 && key->rotated == 0 && key->expires == 0);
    assert_int_equal(key_state_at(key, INT64_MAX), KEY_active);
    data.registered = 1;
    data.rotated = 2;
    data.expires = 3;
    data.replaces = TEXT("another");
    assert_true(apply(EVENT_key_registered, TEXT(""), 2, &data));
    assert_true(key->registered == 1 && key->rotated == 2 && key->expires == 3);
    assert_true(text_equal(key->replaces, TEXT("another")));
    assert_int_equal(key_state_at(key, 2), KEY_expiring);
    assert_true(key_is_valid(key, 2));
    assert_int_equal(key_state_at(key, 3), KEY_expired);
    assert_false(key_is_valid(key, 3));
    data.revoked = true;
    assert_true(apply(EVENT_key_registered, TEXT(""), 3, &data));
    key = directory_key(directory, text_of(public_key));
    assert_true(key->revoked);
    assert_int_equal(key_state_at(key, 2), KEY_revoked);
    assert_int_equal(key->version, 3);
}

static void other_events_are_left_alone(void **state)
{
    (void)state;
    struct sample sample = {.state = 7, .arena = arena};
    for (int type = 0; type < EVENT_COUNT; type++) {
        bool fact = type == EVENT_district_registered || type == EVENT_category_registered ||
                    type == EVENT_organisation_registered || event_is_key((enum event_type)type);
        assert_int_equal(event_is_fact((enum event_type)type), fact);
        if (!fact)
            assert_false(apply((enum event_type)type, TEXT("330212"), 1,
                               sample_message(&sample, &event_types[type])));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(districts),
        TEST(categories),
        TEST(organisations),
        TEST(keys),
        TEST(other_events_are_left_alone),
    };
    return cmocka_run_group_tests_name("events: facts", tests, NULL, NULL);
}
