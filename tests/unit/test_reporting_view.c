/* Reporting: what each of the ten roles sees, and what it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "services/reporting/core_view.h"
#include "tests/unit/life.h"

struct fixture {
    struct arena *arena;
    struct directory *directory;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.arena = arena_new();
    fixture.directory = life_directory();
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    directory_destroy(&fixture->directory);
    arena_destroy(&fixture->arena);
    return 0;
}

/* Four orders: of the village by its town and squad; of the worksite; of another town's village,
 * declined by the squad and then served by the other one; of the feed, attributed to the squad. */
enum { VILLAGE_ORDER, SITE_ORDER, FAR_ORDER, FEED_ORDER, ORDER_COUNT };
static const struct {
    const char *place, *town, *squad, *feed;
    const char *asked[2];
} orders[ORDER_COUNT] = {
    {LIFE_PLACE, LIFE_TOWN, LIFE_SQUAD, "", {LIFE_SQUAD, ""}},
    {"worksite-1", LIFE_TOWN, "", "", {"", ""}},
    {"330212008006", "330212008", "rencai", "", {LIFE_SQUAD, "rencai"}},
    {"330212008006", "330212008", LIFE_SQUAD, "feed-12345", {LIFE_SQUAD, ""}},
};

static bool view_has(const struct view *view, const char *code)
{
    for (size_t i = 0; i < view->count; i++)
        if (code[0] != '\0' && text_equal(view->codes[i], text_of(code)))
            return true;
    return false;
}

/* Which orders a caller sees, as "1010"; or its refusal. */
static const char *seen(struct fixture *f, enum role role, const char *organisation,
                        const char *district)
{
    static char bits[ORDER_COUNT + 1];
    const struct caller caller = {text_of(district), text_of(organisation), (int)role};
    struct view view;
    struct refusal refusal = {0};
    if (!view_orders(f->directory, &caller, f->arena, &view, &refusal))
        return arena_format(f->arena, "%s %s", refusal_name(refusal.code),
                            refusal.field == NULL ? "-" : refusal.field)
            .at;
    for (int i = 0; i < ORDER_COUNT; i++) {
        struct order_row row;
        order_row_clear(&row);
        row.district = TEXT(LIFE_DISTRICT);
        row.place = text_of(orders[i].place);
        row.town = text_of(orders[i].town);
        row.squad = text_of(orders[i].squad);
        row.feed = text_of(orders[i].feed);
        /* As order_asked.sql answers for the view's codes. */
        bool asked = view_has(&view, orders[i].asked[0]) || view_has(&view, orders[i].asked[1]);
        bits[i] = view_shows(&view, &row, asked) ? '1' : '0';
    }
    return bits;
}

static void ten_roles(void **state)
{
    struct fixture *f = *state;
    const char *district = LIFE_DISTRICT;
    assert_string_equal(seen(f, ROLE_committee, "committee", district), "1111");
    assert_string_equal(seen(f, ROLE_operator, "", district), "1111");
    assert_string_equal(seen(f, ROLE_town, LIFE_TOWN, district), "1100");
    assert_string_equal(seen(f, ROLE_town, "330212008", district), "0011");
    assert_string_equal(seen(f, ROLE_village, LIFE_PLACE, district), "1100");
    assert_string_equal(seen(f, ROLE_village, "330212008006", district), "0011");
    assert_string_equal(seen(f, ROLE_site, "worksite-1", district), "0100");
    assert_string_equal(seen(f, ROLE_squad, LIFE_SQUAD, district), "1011");
    assert_string_equal(seen(f, ROLE_squad, "rencai", district), "0010");
    assert_string_equal(seen(f, ROLE_department, "hrss", district), "1011");
    assert_string_equal(seen(f, ROLE_department, "court", district), "0000");
    assert_string_equal(seen(f, ROLE_feed, "feed-12345", district), "0001");
    assert_string_equal(seen(f, ROLE_surveyor, "surveyor-1", district), "forbidden -");
    assert_string_equal(seen(f, ROLE_resident, LIFE_PLACE, district), "forbidden -");
}

static void other_districts_see_nothing(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(seen(f, ROLE_committee, "committee", "demo2"), "0000");
    assert_string_equal(seen(f, ROLE_operator, "", "demo2"), "0000");
    assert_string_equal(seen(f, ROLE_town, LIFE_TOWN, "demo2"), "0000");
    assert_string_equal(seen(f, ROLE_village, LIFE_PLACE, "demo2"), "0000");
    assert_string_equal(seen(f, ROLE_squad, LIFE_SQUAD, "demo2"), "0000");
    assert_string_equal(seen(f, ROLE_feed, "feed-12345", "demo2"), "0000");
}

static void the_whole_deployment_sees_no_business(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(seen(f, ROLE_operator, "", ""), "forbidden district");
    struct refusal refusal = {0};
    const struct caller operator_of_all = {TEXT(""), TEXT(""), ROLE_operator};
    assert_false(view_district(&operator_of_all, &refusal));
    assert_int_equal(refusal.code, REFUSAL_forbidden);
    for (int role = 0; role < ROLE_COUNT; role++) {
        const struct caller caller = {TEXT(LIFE_DISTRICT), TEXT(LIFE_PLACE), role};
        assert_true(view_district(&caller, &refusal));
    }
}

/* A site with an account of its own speaks for itself. */
static void a_site_with_a_key_is_not_its_villages(void **state)
{
    struct fixture *f = *state;
    directory_put_key(f->directory,
                      &(struct key){.public_key = TEXT("abcdefghijabcdefghijabcdefghijabcdefghij"),
                                    .district = TEXT(LIFE_DISTRICT),
                                    .organisation = TEXT("worksite-1"),
                                    .role = ROLE_site,
                                    .name = TEXT(""),
                                    .version = 1});
    assert_string_equal(seen(f, ROLE_village, LIFE_PLACE, LIFE_DISTRICT), "1000");
    assert_string_equal(seen(f, ROLE_site, "worksite-1", LIFE_DISTRICT), "0100");
}

static void what_a_query_names_must_be_there(void **state)
{
    struct fixture *f = *state;
    struct refusal refusal = {0};
    const struct view view = {.kind = VIEW_all, .district = TEXT(LIFE_DISTRICT)};
    assert_true(view_check_organisation(f->directory, &view, TEXT(""), "town", &refusal));
    assert_true(view_check_organisation(f->directory, &view, TEXT(LIFE_TOWN), "town", &refusal));
    assert_false(view_check_organisation(f->directory, &view, TEXT("nowhere"), "town", &refusal));
    assert_int_equal(refusal.code, REFUSAL_unknown_organisation);
    assert_string_equal(refusal.field, "town");
    assert_true(view_check_squad(f->directory, view.district, TEXT(LIFE_SQUAD), &refusal));
    assert_true(view_check_squad(f->directory, view.district, TEXT(""), &refusal));
    assert_false(view_check_squad(f->directory, view.district, TEXT(LIFE_TOWN), &refusal));
    assert_int_equal(refusal.code, REFUSAL_unknown_squad);
    assert_false(view_check_squad(f->directory, TEXT("demo2"), TEXT(LIFE_SQUAD), &refusal));
}

static void what_is_counted_by(void **state)
{
    (void)state;
    static const char *const names[] = {"squad", "department", "town",    "category", "state",
                                        "day",   "month",      "quarter", "year",     "feed"};
    struct refusal refusal = {0};
    enum counts_by by;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(counts_by_find(text_of(names[i]), &by, &refusal));
        assert_int_equal(by, i);
    }
    assert_false(counts_by_find(TEXT("week"), &by, &refusal));
    assert_int_equal(refusal.code, REFUSAL_unknown_word);
    assert_string_equal(refusal.field, "by");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(other_districts_see_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_whole_deployment_sees_no_business, setup, teardown),
        cmocka_unit_test_setup_teardown(a_site_with_a_key_is_not_its_villages, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_query_names_must_be_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_counted_by, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
