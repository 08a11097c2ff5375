/* The rulebook: whose rule counts, what it selects, since when; to which endpoints an event goes;
 * and what the commands about it decide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "services/notification/core_command.h"
#include "services/notification/core_telling.h"
#include "tests/unit/life.h"

#define NOON   1772348400000
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

struct fixture {
    struct arena *arena;
    struct directory *directory;
    struct rulebook *book;
    struct life life;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.arena = arena_new();
    fixture.directory = life_directory();
    fixture.book = rulebook_new();
    life_begin(&fixture.life, fixture.arena, 12, NOON);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    directory_destroy(&fixture->directory);
    rulebook_destroy(&fixture->book);
    arena_destroy(&fixture->arena);
    return 0;
}

static struct text_list one(struct fixture *f, const char *name)
{
    struct text *items = arena_array(f->arena, 1, sizeof *items);
    items[0] = text_of(name);
    return (struct text_list){items, 1};
}

/* A rule of this owner about one type of event, as the test then changes it. */
static struct subscription_registered *fact_of(struct fixture *f, const char *owner,
                                               const char *code, const char *event)
{
    struct subscription_registered *fact = arena_alloc(f->arena, sizeof *fact);
    message_clear(&event_types[EVENT_subscription_registered], fact);
    fact->rule = text_of(code);
    fact->organisation = text_of(owner);
    fact->events = one(f, event);
    return fact;
}

static void put(struct fixture *f, const struct subscription_registered *fact, int64_t version)
{
    rulebook_put_rule(f->book, TEXT(LIFE_DISTRICT), fact, version);
}

static void put_endpoint(struct fixture *f, const char *owner, const char *code, bool by_rules)
{
    struct webhook_registered fact;
    message_clear(&event_types[EVENT_webhook_registered], &fact);
    fact.endpoint = text_of(code);
    fact.organisation = text_of(owner);
    fact.url = TEXT("https://example.org/");
    fact.by_rules = by_rules;
    rulebook_put_endpoint(f->book, TEXT(LIFE_DISTRICT), &fact, 1);
}

static const char *told_urgent(struct fixture *f, const struct event *event, enum urgency urgency)
{
    struct happening happening = {.urgency = urgency};
    struct notice notices[SIDE_COUNT];
    struct text all = TEXT("");
    assert_true(happening_read(event, &happening));
    size_t count = notices_of(&happening, f->book, f->directory, notices);
    for (size_t i = 0; i < count; i++)
        all = arena_format(f->arena, "%.*s%s%s", TEXT_ARG(all), i > 0 ? " " : "",
                           words_name(&words_side, (int)notices[i].side));
    return arena_string(f->arena, all);
}

static const char *told(struct fixture *f, const struct event *event)
{
    return told_urgent(f, event, URGENCY_normal);
}

/* "organisation/endpoint@side …" */
static const char *sent(struct fixture *f, const struct event *event, const char *feed)
{
    struct happening happening = {.urgency = URGENCY_normal, .feed = text_of(feed)};
    struct delivery deliveries[DELIVERIES_MAX];
    struct text all = TEXT("");
    assert_true(happening_read(event, &happening));
    size_t count = deliveries_of(&happening, f->book, f->directory, deliveries);
    for (size_t i = 0; i < count; i++)
        all = arena_format(f->arena, "%.*s%s%.*s/%.*s@%s", TEXT_ARG(all), i > 0 ? " " : "",
                           TEXT_ARG(deliveries[i].organisation), TEXT_ARG(deliveries[i].endpoint),
                           words_name(&words_side, (int)deliveries[i].side));
    return arena_string(f->arena, all);
}

static void a_muted_rule_silences_its_owner_alone(void **state)
{
    struct fixture *f = *state;
    struct subscription_registered *fact = fact_of(f, LIFE_TOWN, "r", "assignment_accepted");
    fact->muted = true;
    put(f, fact, 1);
    assert_string_equal(told(f, life_accepted(&f->life)), "place");
    fact->organisation = TEXT(LIFE_PLACE);
    put(f, fact, 1);
    assert_string_equal(told(f, life_accepted(&f->life)), "");
    fact->enabled = false;
    put(f, fact, 2);
    assert_string_equal(told(f, life_accepted(&f->life)), "place");
}

static void its_own_rules_come_before_the_districts(void **state)
{
    struct fixture *f = *state;
    struct subscription_registered *district = fact_of(f, "", "r", "assignment_accepted");
    district->muted = true;
    put(f, district, 1);
    assert_string_equal(told(f, life_accepted(&f->life)), "");
    put(f, fact_of(f, LIFE_TOWN, "r", "assignment_accepted"), 1);
    assert_string_equal(told(f, life_accepted(&f->life)), "town");
    district->sides = one(f, "place");
    put(f, district, 2);
    assert_string_equal(told(f, life_accepted(&f->life)), "town");
}

static void one_that_tells_is_enough(void **state)
{
    struct fixture *f = *state;
    struct subscription_registered *all = fact_of(f, LIFE_TOWN, "all", "order_placed");
    all->events = (struct text_list){NULL, 0};
    all->muted = true;
    put(f, all, 1);
    assert_string_equal(told(f, life_submitted(&f->life)), "");
    put(f, fact_of(f, LIFE_TOWN, "but", "order_submitted"), 1);
    assert_string_equal(told(f, life_submitted(&f->life)), "town");
    assert_string_equal(told(f, life_accepted(&f->life)), "place");
}

static void what_is_no_default_may_be_subscribed_to(void **state)
{
    struct fixture *f = *state;
    struct subscription_registered *fact = fact_of(f, "", "r", "order_submitted");
    fact->sides = one(f, "committee");
    put(f, fact, 1);
    assert_string_equal(told(f, life_submitted(&f->life)), "town committee");
}

static void from_its_lowest_urgency_on(void **state)
{
    struct fixture *f = *state;
    struct subscription_registered *fact = fact_of(f, LIFE_TOWN, "r", "assignment_accepted");
    fact->urgency = URGENCY_urgent;
    put(f, fact, 1);
    assert_string_equal(told_urgent(f, life_accepted(&f->life), URGENCY_normal), "place");
    assert_string_equal(told_urgent(f, life_accepted(&f->life), URGENCY_urgent), "place town");
    assert_string_equal(told_urgent(f, life_accepted(&f->life), URGENCY_critical), "place town");
}

/* Each version holds for the events after its positions, whenever it is looked at. */
static void each_version_since_its_positions(void **state)
{
    struct fixture *f = *state;
    struct event *first = life_accepted(&f->life), *second = life_accepted(&f->life),
                 *third = life_accepted(&f->life);
    struct subscription_registered *fact = fact_of(f, LIFE_TOWN, "r", "assignment_accepted");
    fact->muted = true;
    fact->dispatch = first->offset;
    put(f, fact, 1);
    fact->removed = true;
    fact->dispatch = second->offset;
    put(f, fact, 2);
    assert_string_equal(told(f, third), "place town");
    assert_string_equal(told(f, second), "place");
    assert_string_equal(told(f, first), "place town");
    struct event *of_intake = life_submitted(&f->life);
    assert_true(of_intake->producer == SERVICE_intake);
    assert_string_equal(told(f, of_intake), "town");
}

static void a_departments_rule_is_by_whose_squad_it_is(void **state)
{
    struct fixture *f = *state;
    struct subscription_registered *fact = fact_of(f, "hrss", "r", "order_offered");
    fact->muted = true;
    put(f, fact, 1);
    assert_string_equal(told(f, life_offered(&f->life, LIFE_SQUAD)), "squad");
}

static void endpoints_of_the_sides_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const owners[] = {LIFE_PLACE,  LIFE_TOWN,    LIFE_SQUAD, "hrss",
                                         "committee", "feed-12345", "rencai",   "330212008006"};
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        put_endpoint(f, owners[i], "e", false);
    assert_string_equal(sent(f, life_submitted(&f->life), ""),
                        LIFE_PLACE "/e@place " LIFE_TOWN "/e@town committee/e@committee");
    assert_string_equal(sent(f, life_accepted(&f->life), "feed-12345"),
                        LIFE_PLACE "/e@place " LIFE_TOWN "/e@town " LIFE_SQUAD
                                   "/e@squad hrss/e@department feed-12345/e@feed "
                                   "committee/e@committee");
    f->life.place = TEXT(LIFE_TOWN); /* place and town in one: once */
    assert_string_equal(sent(f, life_submitted(&f->life), ""),
                        LIFE_TOWN "/e@place committee/e@committee");
}

static void endpoints_that_go_by_rules(void **state)
{
    struct fixture *f = *state;
    put_endpoint(f, LIFE_TOWN, "e", true);
    assert_string_equal(sent(f, life_submitted(&f->life), ""), "");
    struct subscription_registered *fact = fact_of(f, LIFE_TOWN, "r", "order_submitted");
    fact->channel = CHANNEL_webhook;
    fact->endpoint = TEXT("e");
    put(f, fact, 1);
    assert_string_equal(sent(f, life_submitted(&f->life), ""), LIFE_TOWN "/e@town");
    assert_string_equal(told(f, life_submitted(&f->life)), "town"); /* the inbox is untouched */
    put_endpoint(f, LIFE_PLACE, "e", true); /* of the same code, but another's */
    assert_string_equal(sent(f, life_submitted(&f->life), ""), LIFE_TOWN "/e@town");
    put_endpoint(f, LIFE_TOWN, "e", false);
    fact->muted = true;
    put(f, fact, 2);
    assert_string_equal(sent(f, life_submitted(&f->life), ""), "");
    assert_string_equal(sent(f, life_returned(&f->life), ""), LIFE_TOWN "/e@town");
}

/* --- commands ------------------------------------------------------------------------------------
 */

static const struct command_limits limits = {{false, false}, INT64_C(168) * 3600 * 1000};

static struct command_decision decide(struct fixture *f, enum role role, const char *organisation,
                                      enum command_type type, void *body)
{
    struct caller *caller = arena_alloc(f->arena, sizeof *caller);
    struct command *command = arena_alloc(f->arena, sizeof *command);
    *caller = (struct caller){TEXT(LIFE_DISTRICT), text_of(organisation), (int)role};
    *command = (struct command){.type = type, .time = INSTANT_ABSENT, .body = body};
    const struct command_case c = {.directory = f->directory,
                                   .book = f->book,
                                   .limits = &limits,
                                   .now = NOON,
                                   .after_intake = 7,
                                   .after_dispatch = 9,
                                   .caller = caller,
                                   .command = command,
                                   .arena = f->arena};
    return command_decide(&c);
}

static void rules_are_facts_with_their_positions(void **state)
{
    struct fixture *f = *state;
    struct subscription_set body;
    message_clear(&command_types[COMMAND_subscription_set], &body);
    body.rule = TEXT("r");
    body.muted = true;
    struct command_decision d = decide(f, ROLE_town, LIFE_TOWN, COMMAND_subscription_set, &body);
    assert_int_equal(d.refusal.code, REFUSAL_NONE);
    assert_int_equal(d.version, 1);
    assert_string_equal(arena_string(f->arena, d.key), "subscription/" LIFE_TOWN "/r");
    const struct subscription_registered *fact = d.data;
    assert_true(fact->muted && fact->enabled && fact->intake == 7 && fact->dispatch == 9);
    put(f, fact, 1);
    d = decide(f, ROLE_town, LIFE_TOWN, COMMAND_subscription_set, &body);
    assert_false(d.changed);
    assert_int_equal(d.result.version, 1);
    d = decide(f, ROLE_committee, "committee", COMMAND_subscription_set, &body);
    assert_string_equal(arena_string(f->arena, d.key), "subscription/r"); /* the district's */
}

static void endpoints_never_carry_their_secret(void **state)
{
    struct fixture *f = *state;
    struct webhook_register body;
    message_clear(&command_types[COMMAND_webhook_register], &body);
    body.endpoint = TEXT("e");
    body.url = TEXT("https://example.org/");
    body.secret = TEXT(SECRET);
    struct command_decision d = decide(f, ROLE_feed, "feed-12345", COMMAND_webhook_register, &body);
    assert_int_equal(d.refusal.code, REFUSAL_NONE);
    assert_int_equal(d.secret_step, SECRET_replace);
    assert_int_equal(d.secret.length, 24);
    struct bytes event = message_encode(&event_types[EVENT_webhook_registered], d.data, f->arena);
    assert_null(memmem(event.at, event.length, SECRET, sizeof SECRET - 1));
    assert_null(memmem(event.at, event.length, d.secret.at, d.secret.length));
    body.url = TEXT("http://example.org/");
    d = decide(f, ROLE_feed, "feed-12345", COMMAND_webhook_register, &body);
    assert_int_equal(d.refusal.code, REFUSAL_url_refused);
}

static void rotation_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct webhook_rotate body;
    put_endpoint(f, LIFE_TOWN, "e", false);
    message_clear(&command_types[COMMAND_webhook_rotate], &body);
    body.endpoint = TEXT("e");
    body.secret = TEXT(SECRET);
    struct command_decision d = decide(f, ROLE_town, LIFE_TOWN, COMMAND_webhook_rotate, &body);
    assert_int_equal(d.refusal.code, REFUSAL_NONE);
    assert_true(d.until == NOON + ROTATE_DEFAULT_MS && d.secret_step == SECRET_rotate);
    body.until = NOON + limits.rotate_max_ms + 1;
    d = decide(f, ROLE_town, LIFE_TOWN, COMMAND_webhook_rotate, &body);
    assert_int_equal(d.refusal.code, REFUSAL_out_of_range);
    body.until = NOON - 1;
    d = decide(f, ROLE_town, LIFE_TOWN, COMMAND_webhook_rotate, &body);
    assert_int_equal(d.refusal.code, REFUSAL_out_of_range);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_muted_rule_silences_its_owner_alone),
        TEST(its_own_rules_come_before_the_districts),
        TEST(one_that_tells_is_enough),
        TEST(what_is_no_default_may_be_subscribed_to),
        TEST(from_its_lowest_urgency_on),
        TEST(each_version_since_its_positions),
        TEST(a_departments_rule_is_by_whose_squad_it_is),
        TEST(endpoints_of_the_sides_alone),
        TEST(endpoints_that_go_by_rules),
        TEST(rules_are_facts_with_their_positions),
        TEST(endpoints_never_carry_their_secret),
        TEST(rotation_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
