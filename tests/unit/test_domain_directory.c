#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/directory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif
#ifdef UNDER_ASAN
/* Of the sanitizers' runtime; gcc 12 brings no header for it. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define DISTRICT TEXT("330212")
#define LIST_MAX 64

static struct directory *directory;

static void put(const char *code, enum organisation_kind kind, const char *parent)
{
    directory_put_organisation(directory, &(struct organisation){.district = DISTRICT,
                                                                 .code = text_of(code),
                                                                 .kind = kind,
                                                                 .name_zh = text_of(code),
                                                                 .parent = text_of(parent),
                                                                 .version = 1});
}

static void put_site(const char *code, enum site_kind site_kind, const char *parent)
{
    directory_put_organisation(directory, &(struct organisation){.district = DISTRICT,
                                                                 .code = text_of(code),
                                                                 .kind = KIND_site,
                                                                 .site_kind = site_kind,
                                                                 .parent = text_of(parent)});
}

static void put_squad(const char *code, const char *department, const char *first,
                      const char *second)
{
    struct text categories[] = {text_of(first), text_of(second)};
    size_t count = (first != NULL) + (size_t)(second != NULL);
    directory_put_organisation(directory, &(struct organisation){.district = DISTRICT,
                                                                 .code = text_of(code),
                                                                 .kind = KIND_squad,
                                                                 .parent = text_of(department),
                                                                 .categories = categories,
                                                                 .category_count = count});
}

static void put_key(const char *public_key, const char *organisation, enum role role, bool revoked)
{
    directory_put_key(directory, &(struct key){.public_key = text_of(public_key),
                                               .district = DISTRICT,
                                               .organisation = text_of(organisation),
                                               .role = role,
                                               .revoked = revoked});
}

static const struct organisation *found(const char *code)
{
    return directory_organisation(directory, DISTRICT, text_of(code));
}

static int setup(void **state)
{
    (void)state;
    directory = directory_new();
    directory_put_district(directory, &(struct district){.code = DISTRICT,
                                                         .name_zh = TEXT("鄞州区"),
                                                         .time_zone = TEXT("Asia/Shanghai"),
                                                         .version = 1});
    put("committee", KIND_committee, NULL);
    put("town", KIND_town, NULL);
    put("town2", KIND_town, NULL);
    put("village", KIND_village, "town");
    put("village2", KIND_village, "town2");
    put_site("park", SITE_park, NULL);
    put_site("works", SITE_worksite, "village");
    put_site("tower", SITE_building, "town");
    put_site("firm", SITE_enterprise, "park");
    put("hr", KIND_department, NULL);
    put("court", KIND_department, NULL);
    put_squad("hr_social", "hr", "social", "jobs");
    put_squad("hr_jobs", "hr", "jobs", NULL);
    put_squad("judges", "court", "law", NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    directory_destroy(&directory);
    assert_null(directory);
    directory_destroy(&directory);
    return 0;
}

/* The codes, joined, so that a test reads as what it expects. */
static const char *joined(const struct organisation *const *list, size_t count)
{
    static char text[1024];
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i == 0 ? "" : " ",
                 TEXT_ARG(list[i]->code));
    return text;
}

static const char *squads(const char *category)
{
    const struct organisation *list[LIST_MAX];
    return joined(
        list, directory_squads_of_category(directory, DISTRICT, text_of(category), list, LIST_MAX));
}

static const char *organisations(int kind, const char *after, size_t max)
{
    const struct organisation *list[LIST_MAX];
    return joined(list,
                  directory_organisations(directory, DISTRICT, kind, text_of(after), list, max));
}

static void facts_are_found_by_district_and_code(void **state)
{
    (void)state;
    assert_true(
        text_equal(directory_district(directory, DISTRICT)->time_zone, TEXT("Asia/Shanghai")));
    assert_null(directory_district(directory, TEXT("330299")));
    assert_true(text_equal(found("village")->parent, TEXT("town")));
    assert_true(text_equal(found("village")->district, DISTRICT));
    assert_null(found("nowhere"));
    assert_null(directory_organisation(directory, TEXT("330299"), TEXT("village")));
    directory_put_category(directory, &(struct category){.district = DISTRICT,
                                                         .code = TEXT("social"),
                                                         .name_zh = TEXT("社会保险")});
    assert_true(text_equal(directory_category(directory, DISTRICT, TEXT("social"))->name_zh,
                           TEXT("社会保险")));
    assert_null(directory_category(directory, DISTRICT, TEXT("jobs")));
    put_key("0123456789012345678901234567890123456789", "village", ROLE_village, false);
    assert_int_equal(
        directory_key(directory, TEXT("0123456789012345678901234567890123456789"))->role,
        ROLE_village);
    assert_null(directory_key(directory, TEXT("x")));
}

static void what_is_put_is_copied(void **state)
{
    (void)state;
    char code[] = "feed", command[] = "order_submit", place[] = "town", name[] = "12345 hotline";
    struct text commands[] = {text_of(command)}, places[] = {text_of(place)};
    directory_put_organisation(directory, &(struct organisation){.district = DISTRICT,
                                                                 .code = text_of(code),
                                                                 .kind = KIND_feed,
                                                                 .name_zh = text_of(name),
                                                                 .commands = commands,
                                                                 .command_count = 1,
                                                                 .places = places,
                                                                 .place_count = 1});
    memset(code, 'x', 4);
    memset(command, 'x', 4);
    memset(place, 'x', 4);
    memset(name, 'x', 4);
    commands[0] = places[0] = TEXT("x");
    const struct organisation *feed = found("feed");
    assert_true(text_equal(feed->code, TEXT("feed")));
    assert_true(text_equal(feed->name_zh, TEXT("12345 hotline")));
    assert_true(text_equal(feed->commands[0], TEXT("order_submit")));
    assert_true(text_equal(feed->places[0], TEXT("town")));
}

static void a_fact_is_replaced_in_place(void **state)
{
    (void)state;
    const struct organisation *before = found("village");
    struct text old_name = before->name_zh;
    struct organisation next = *before;
    next.name_zh = TEXT("回龙村村委会");
    next.version = 2;
    directory_put_organisation(directory, &next);
    assert_ptr_equal(found("village"), before);
    assert_true(text_equal(before->name_zh, TEXT("回龙村村委会")));
    assert_int_equal(before->version, 2);
    assert_true(text_equal(old_name, TEXT("village")));
    assert_string_equal(organisations(KIND_village, "", LIST_MAX), "village village2");
    directory_put_organisation(directory, before); /* itself */
    assert_true(text_equal(before->name_zh, TEXT("回龙村村委会")));
}

static void organisations_are_walked_in_code_order(void **state)
{
    (void)state;
    assert_string_equal(organisations(-1, "", LIST_MAX),
                        "committee court firm hr hr_jobs hr_social judges park tower town town2 "
                        "village village2 works");
    assert_string_equal(organisations(KIND_site, "", LIST_MAX), "firm park tower works");
    assert_string_equal(organisations(KIND_site, "", 2), "firm park");
    assert_string_equal(organisations(KIND_site, "park", 2), "tower works");
    assert_string_equal(organisations(KIND_site, "q", 2), "tower works");
    assert_string_equal(organisations(KIND_site, "works", 2), "");
    assert_string_equal(organisations(-1, "", 0), "");
    const struct organisation *list[1];
    assert_int_equal(directory_organisations(directory, TEXT("330299"), -1, TEXT(""), list, 1), 0);
}

static void squads_of_a_category_follow_what_is_registered(void **state)
{
    (void)state;
    assert_string_equal(squads("jobs"), "hr_jobs hr_social");
    assert_string_equal(squads("law"), "judges");
    assert_string_equal(squads("tax"), "");
    put_squad("a_new_one", "hr", "jobs", "jobs");
    assert_string_equal(squads("jobs"), "a_new_one hr_jobs hr_social");
    put_squad("hr_jobs", "hr", "law", NULL);
    assert_string_equal(squads("jobs"), "a_new_one hr_social");
    assert_string_equal(squads("law"), "hr_jobs judges");
    put("judges", KIND_department, NULL);
    assert_string_equal(squads("law"), "hr_jobs");
    const struct organisation *list[1] = {NULL};
    assert_int_equal(directory_squads_of_category(directory, DISTRICT, TEXT("jobs"), list, 1), 2);
    assert_string_equal(joined(list, 1), "a_new_one");
    assert_int_equal(directory_squads_of_category(directory, DISTRICT, TEXT("jobs"), NULL, 0), 2);
}

static void keys_are_counted_by_organisation(void **state)
{
    (void)state;
    const struct key *list[LIST_MAX];
    assert_false(directory_has_key(directory, DISTRICT, TEXT("tower")));
    put_key("one", "tower", ROLE_site, false);
    put_key("two", "tower", ROLE_site, false);
    put_key("one", "tower", ROLE_site, true);
    assert_true(directory_has_key(directory, DISTRICT, TEXT("tower")));
    put_key("two", "works", ROLE_site, false); /* moves */
    assert_false(directory_has_key(directory, DISTRICT, TEXT("tower")));
    assert_true(directory_has_key(directory, DISTRICT, TEXT("works")));
    put_key("two", "works", ROLE_site, true);
    put_key("two", "works", ROLE_site, true);
    assert_false(directory_has_key(directory, DISTRICT, TEXT("works")));
    assert_int_equal(directory_keys(directory, list, LIST_MAX), 2);
    assert_true(text_equal(list[0]->public_key, TEXT("one")) && list[0]->revoked);
    assert_int_equal(directory_keys(directory, list, 1), 2);
}

static const char *placing(const char *place)
{
    const struct organisation *body = directory_placing_body(directory, DISTRICT, text_of(place));
    return joined(&body, body == NULL ? 0 : 1);
}

static void every_place_has_its_placing_body(void **state)
{
    (void)state;
    assert_string_equal(placing("town"), "town");
    assert_string_equal(placing("village"), "town");
    assert_string_equal(placing("works"), "town");
    assert_string_equal(placing("tower"), "town");
    assert_string_equal(placing("park"), "park");
    assert_string_equal(placing("firm"), "park");
    assert_string_equal(placing("hr_social"), "");
    assert_string_equal(placing("committee"), "");
    assert_string_equal(placing("nowhere"), "");
    assert_string_equal(placing(""), "");
}

static void a_ring_of_parents_ends(void **state)
{
    (void)state;
    struct acting acting;
    struct refusal refusal;
    put_site("ring1", SITE_building, "ring2");
    put_site("ring2", SITE_building, "ring1");
    put_site("self", SITE_building, "self");
    put_site("orphan", SITE_building, "not_there");
    assert_string_equal(placing("ring1"), "");
    assert_string_equal(placing("self"), "");
    assert_string_equal(placing("orphan"), "");
    assert_false(directory_acting(directory, DISTRICT, TEXT("town"), ROLE_town, TEXT("ring1"),
                                  &acting, &refusal));
    put("feed", KIND_feed, NULL);
    assert_false(directory_feed_may(directory, found("feed"), TEXT("order_submit"), TEXT("ring1")));
}

/* "CODE as ROLE", or the refusal. */
static const char *acts(const char *caller, enum role role, const char *on_behalf_of)
{
    static char text[128];
    struct acting acting;
    struct refusal refusal = {0};
    if (directory_acting(directory, DISTRICT, text_of(caller), role, text_of(on_behalf_of), &acting,
                         &refusal))
        snprintf(text, sizeof text, "%.*s as %s", TEXT_ARG(acting.organisation->code),
                 words_name(&words_role, (int)acting.role));
    else
        snprintf(text, sizeof text, "%s %s", refusal_name(refusal.code),
                 refusal.field == NULL ? "-" : refusal.field);
    return text;
}

static void callers_act_for_their_own(void **state)
{
    (void)state;
    assert_string_equal(acts("village", ROLE_village, ""), "village as village");
    assert_string_equal(acts("village", ROLE_village, "village"), "village as village");
    assert_string_equal(acts("village", ROLE_resident, ""), "village as resident");
    assert_string_equal(acts("hr", ROLE_department, "hr_social"), "hr_social as squad");
    assert_string_equal(acts("village", ROLE_village, "works"), "works as site");
    assert_string_equal(acts("town", ROLE_town, "works"), "works as site");
    assert_string_equal(acts("town", ROLE_town, "tower"), "tower as site");
    assert_string_equal(acts("park", ROLE_town, "firm"), "firm as site");
    assert_string_equal(acts("park", ROLE_site, "firm"), "firm as site");
}

static void acting_for_another_is_refused(void **state)
{
    (void)state;
    assert_string_equal(acts("village", ROLE_village, "village2"), "not_yours on_behalf_of");
    assert_string_equal(acts("village2", ROLE_village, "works"), "not_yours on_behalf_of");
    assert_string_equal(acts("village", ROLE_resident, "works"), "not_yours on_behalf_of");
    assert_string_equal(acts("town", ROLE_town, "village"),
                        "not_yours on_behalf_of"); /* it has its own account */
    assert_string_equal(acts("town2", ROLE_town, "tower"), "not_yours on_behalf_of");
    assert_string_equal(acts("court", ROLE_department, "hr_social"), "not_yours on_behalf_of");
    assert_string_equal(acts("hr_social", ROLE_squad, "hr_jobs"), "not_yours on_behalf_of");
    assert_string_equal(acts("hr_social", ROLE_squad, "hr"), "not_yours on_behalf_of");
    assert_string_equal(acts("committee", ROLE_committee, "village"), "not_yours on_behalf_of");
    assert_string_equal(acts("committee", ROLE_operator, "village"), "not_yours on_behalf_of");
    assert_string_equal(acts("village", ROLE_village, "nowhere"),
                        "unknown_organisation on_behalf_of");
    assert_string_equal(acts("nowhere", ROLE_village, ""), "unknown_organisation -");
    assert_string_equal(acts("", ROLE_village, ""), "unknown_organisation -");
}

static void a_site_with_a_key_speaks_for_itself(void **state)
{
    (void)state;
    put_key("one", "works", ROLE_site, false);
    assert_string_equal(acts("village", ROLE_village, "works"), "not_yours on_behalf_of");
    put_key("one", "works", ROLE_site, true);
    assert_string_equal(acts("village", ROLE_village, "works"), "works as site");
}

static void an_operator_of_the_deployment_has_no_organisation(void **state)
{
    (void)state;
    struct acting acting;
    struct refusal refusal;
    assert_true(directory_acting(directory, TEXT(""), TEXT(""), ROLE_operator, TEXT(""), &acting,
                                 &refusal));
    assert_null(acting.organisation);
    assert_int_equal(acting.role, ROLE_operator);
    assert_false(directory_acting(directory, DISTRICT, TEXT(""), ROLE_operator, TEXT("village"),
                                  &acting, &refusal));
    assert_int_equal(refusal.code, REFUSAL_not_yours);
}

static const struct organisation *put_feed(const char *place)
{
    struct text commands[] = {TEXT("order_submit")}, places[] = {text_of(place)};
    directory_put_organisation(directory, &(struct organisation){.district = DISTRICT,
                                                                 .code = TEXT("feed"),
                                                                 .kind = KIND_feed,
                                                                 .commands = commands,
                                                                 .command_count = 1,
                                                                 .places = places,
                                                                 .place_count = 1});
    return found("feed");
}

static void feeds_send_what_they_were_registered_for(void **state)
{
    (void)state;
    struct text submit = TEXT("order_submit");
    const struct organisation *feed = put_feed("town");
    assert_true(directory_feed_may(directory, feed, submit, TEXT("town")));
    assert_true(directory_feed_may(directory, feed, submit, TEXT("village")));
    assert_true(directory_feed_may(directory, feed, submit, TEXT("works")));
    assert_false(directory_feed_may(directory, feed, submit, TEXT("village2")));
    assert_false(directory_feed_may(directory, feed, submit, TEXT("nowhere")));
    assert_false(directory_feed_may(directory, feed, TEXT("order_open_external"), TEXT("town")));
    assert_false(directory_feed_may(directory, found("town"), submit, TEXT("town")));
    feed = put_feed("330212");
    assert_true(directory_feed_may(directory, feed, submit, TEXT("village2")));
    feed = put_feed("village");
    assert_true(directory_feed_may(directory, feed, submit, TEXT("works")));
    assert_false(directory_feed_may(directory, feed, submit, TEXT("town")));
}

static void roles_suit_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *code, *roles;
    } suits[] = {
        {"committee", "committee operator"},
        {"town", "town"},
        {"village", "resident village"},
        {"park", "site town"},
        {"works", "site"},
        {"hr", "department"},
        {"judges", "squad"},
    };
    for (size_t i = 0; i < sizeof suits / sizeof suits[0]; i++) {
        char text[128] = "";
        for (int role = 0; role < ROLE_COUNT; role++)
            if (role_suits((enum role)role, found(suits[i].code)))
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
                         text[0] == '\0' ? "" : " ", words_name(&words_role, role));
        assert_string_equal(text, suits[i].roles);
    }
    for (int role = 0; role < ROLE_COUNT; role++)
        assert_int_equal(role_suits((enum role)role, NULL), role == ROLE_operator);
}

static void cleared_it_is_empty_and_usable(void **state)
{
    (void)state;
    const struct key *keys[1];
    put_key("one", "works", ROLE_site, false);
    directory_clear(directory);
    assert_null(found("town"));
    assert_null(directory_district(directory, DISTRICT));
    assert_false(directory_has_key(directory, DISTRICT, TEXT("works")));
    assert_int_equal(directory_keys(directory, keys, 1), 0);
    assert_string_equal(squads("jobs"), "");
    assert_string_equal(organisations(-1, "", LIST_MAX), "");
    put_squad("hr_jobs", "hr", "jobs", NULL);
    assert_string_equal(squads("jobs"), "hr_jobs");
}

/* Thousands in no order, in two districts, changed again and again, held against counting. */
static void many_organisations_keep_their_order(void **state)
{
    (void)state;
    enum { MANY = 4001, PAGE = 100 };
    static unsigned category_of[2][MANY];
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 2 * MANY; i++) {
            unsigned number = i / 2 * 1999 % MANY, district = i % 2;
            char code[16], category[16];
            snprintf(code, sizeof code, "s%05u", number);
            category_of[district][number] = (number * 7 + round * 3 + district) % 5;
            snprintf(category, sizeof category, "c%u", category_of[district][number]);
            struct text categories[] = {text_of(category)};
            directory_put_organisation(
                directory,
                &(struct organisation){.district = district == 0 ? TEXT("d0") : TEXT("d1"),
                                       .code = text_of(code),
                                       .kind = KIND_squad,
                                       .categories = categories,
                                       .category_count = 1,
                                       .version = round + 1});
        }
    for (unsigned district = 0; district < 2; district++) {
        struct text name = district == 0 ? TEXT("d0") : TEXT("d1"), after = TEXT("");
        const struct organisation *page[PAGE], *all[MANY];
        unsigned seen = 0;
        size_t given;
        while ((given = directory_organisations(directory, name, KIND_squad, after, page, PAGE)) >
               0) {
            for (size_t i = 0; i < given; i++) {
                char code[16];
                snprintf(code, sizeof code, "s%05u", seen++);
                assert_true(text_equal(page[i]->code, text_of(code)));
            }
            after = page[given - 1]->code;
        }
        assert_int_equal(seen, MANY);
        for (unsigned c = 0; c < 5; c++) {
            char category[16];
            unsigned wanted = 0;
            snprintf(category, sizeof category, "c%u", c);
            for (unsigned i = 0; i < MANY; i++)
                wanted += category_of[district][i] == c;
            assert_int_equal(
                directory_squads_of_category(directory, name, text_of(category), all, MANY),
                wanted);
            for (unsigned i = 1; i < wanted; i++)
                assert_true(text_compare(all[i - 1]->code, all[i]->code) < 0);
        }
    }
}

static size_t memory_in_use(void)
{
#ifdef UNDER_ASAN
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

/* Replaced texts are given back in the end, yet not while somebody may still hold one. */
static void texts_outlive_being_replaced(void **state)
{
    (void)state;
    enum { NAME = 8000, PUTS = 7000 }; /* some 56 MB of replaced names */
    char *name = malloc(NAME);
    assert_non_null(name);
    struct text held = {"", 0};
    size_t replaced = 0, memory_before = memory_in_use();
    char first = 'x';
    for (unsigned i = 0; i < PUTS; i++) {
        memset(name, 'a' + (int)(i % 26), NAME);
        directory_put_district(directory, &(struct district){.code = DISTRICT,
                                                             .name_zh = {name, NAME},
                                                             .time_zone = TEXT("Asia/Shanghai"),
                                                             .version = i + 1});
        replaced += NAME;
        if (replaced + NAME > DIRECTORY_WASTE_MIN || i == 0) {
            if (held.length > 0)
                assert_true(held.at[0] == first && held.at[NAME - 1] == first);
            held = directory_district(directory, DISTRICT)->name_zh;
            first = held.at[0];
            replaced = 0;
        }
    }
    assert_true(memory_in_use() - memory_before < 5 * DIRECTORY_WASTE_MIN / 2);
    free(name);
    assert_true(text_equal(found("village")->parent, TEXT("town")));
    assert_string_equal(squads("jobs"), "hr_jobs hr_social");
    assert_string_equal(acts("hr", ROLE_department, "hr_social"), "hr_social as squad");
}

int main(void)
{
#define DIRECTORY_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        DIRECTORY_TEST(facts_are_found_by_district_and_code),
        DIRECTORY_TEST(what_is_put_is_copied),
        DIRECTORY_TEST(a_fact_is_replaced_in_place),
        DIRECTORY_TEST(organisations_are_walked_in_code_order),
        DIRECTORY_TEST(squads_of_a_category_follow_what_is_registered),
        DIRECTORY_TEST(keys_are_counted_by_organisation),
        DIRECTORY_TEST(every_place_has_its_placing_body),
        DIRECTORY_TEST(a_ring_of_parents_ends),
        DIRECTORY_TEST(callers_act_for_their_own),
        DIRECTORY_TEST(acting_for_another_is_refused),
        DIRECTORY_TEST(a_site_with_a_key_speaks_for_itself),
        DIRECTORY_TEST(an_operator_of_the_deployment_has_no_organisation),
        DIRECTORY_TEST(feeds_send_what_they_were_registered_for),
        DIRECTORY_TEST(roles_suit_kinds),
        DIRECTORY_TEST(cleared_it_is_empty_and_usable),
        DIRECTORY_TEST(many_organisations_keep_their_order),
        DIRECTORY_TEST(texts_outlive_being_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
