/* The live queue against a real Redis, given by ZTC_TEST_REDIS (host:port). Without it the program
 * fails: a test that did not run has not passed. Its keys are of a district of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "live/live.h"

static const char *address;
static char district[32];
static redisContext *raw; /* a second connection, to look and to break things */
static struct live *live;
static struct arena *arena;

static redisReply *ask(const char *const *words, int count)
{
    const char *arguments[8];
    size_t lengths[8];
    for (int i = 0; i < count; i++) {
        arguments[i] = words[i];
        lengths[i] = strlen(words[i]);
    }
    redisReply *reply = redisCommandArgv(raw, count, arguments, lengths);
    assert_non_null(reply);
    return reply;
}
#define ASK(...)                                                                                   \
    ask((const char *const[]){__VA_ARGS__},                                                        \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)))
#define TELL(...) freeReplyObject(ASK(__VA_ARGS__))

static const char *key(const char *squad, const char *suffix)
{
    static char buffers[4][128];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, sizeof buffers[0], "ztc:{%s/%s}:%s", district, squad, suffix);
    return buffer;
}

static struct live_squad squad_of(const char *code)
{
    return (struct live_squad){text_of(district), text_of(code)};
}

static int open_live(void **state)
{
    (void)state;
    static const char *const squads[] = {"a", "b", "c"};
    static const char *const suffixes[] = {"offers", "notbefore", "versions", "details"};
    arena = arena_new();
    live = live_new(address, 1000);
    assert_int_equal(live_connect(live), LIVE_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 4; k++)
            TELL("DEL", key(squads[i], suffixes[k]));
    return 0;
}

static int close_live(void **state)
{
    (void)state;
    live_destroy(&live);
    arena_destroy(&arena);
    return 0;
}

static struct live_entry entry_of(int64_t assignment)
{
    return (struct live_entry){.assignment = assignment,
                               .order = assignment + 1,
                               .version = 3,
                               .deadline = 1767225600000 + assignment,
                               .score = 1767225600000 - assignment,
                               .not_before = 1000 * assignment};
}

static struct live_change change_of(const char *squad, int64_t previous, int64_t position, bool add,
                                    int64_t assignment)
{
    return (struct live_change){.squad = squad_of(squad),
                                .previous = previous,
                                .position = position,
                                .add = add,
                                .entry = entry_of(assignment)};
}

static int64_t position_of(const char *squad)
{
    struct live_squad asked = squad_of(squad);
    int64_t position = -1;
    assert_int_equal(live_positions(live, &asked, 1, &position), LIVE_OK);
    return position;
}

static size_t peek(const char *squad, int64_t now, size_t limit, struct live_entry **entries,
                   int64_t *position)
{
    struct live_squad asked = squad_of(squad);
    size_t count = 0;
    assert_int_equal(live_peek(live, &asked, now, limit, arena, entries, &count, position),
                     LIVE_OK);
    return count;
}

static void assert_entry(const struct live_entry *entry, int64_t assignment)
{
    struct live_entry wanted = entry_of(assignment);
    assert_memory_equal(entry, &wanted, sizeof wanted);
}

static void test_changes_and_peek(void **state)
{
    (void)state;
    const struct live_change changes[] = {
        change_of("a", 0, 10, true, 10), change_of("b", 0, 11, true, 11),
        change_of("a", 10, 12, true, 12), change_of("a", 12, 13, true, 13),
        change_of("a", 13, 14, false, 12)};
    enum live_outcome outcomes[5];
    assert_int_equal(live_apply(live, changes, 5, outcomes), LIVE_OK);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(outcomes[i], LIVE_OK);
    assert_int_equal(position_of("a"), 14);
    assert_int_equal(position_of("b"), 11);
    assert_int_equal(position_of("c"), 0);
    struct live_entry *entries;
    int64_t position;
    assert_int_equal(peek("a", 20000, 10, &entries, &position), 2);
    assert_int_equal(position, 14);
    assert_entry(&entries[0], 13); /* the smaller score is the more pressing one */
    assert_entry(&entries[1], 10);
    assert_int_equal(peek("a", 12999, 10, &entries, &position), 1); /* 13's time has not come */
    assert_entry(&entries[0], 10);
    assert_int_equal(peek("a", 20000, 1, &entries, &position), 1);
    assert_entry(&entries[0], 13);
    assert_int_equal(peek("c", 20000, 10, &entries, &position), 0);
    assert_int_equal(position, 0);
    /* The layout that others are promised (live.h). */
    redisReply *reply = ASK("HGET", key("a", "versions"), "13");
    assert_string_equal(reply->str, "3");
    freeReplyObject(reply);
    reply = ASK("ZSCORE", key("a", "offers"), "13");
    assert_string_equal(reply->str, "1767225599987");
    freeReplyObject(reply);
}

static void test_once_only(void **state)
{
    (void)state;
    struct live_change changes[] = {change_of("a", 0, 10, true, 10),
                                    change_of("a", 10, 20, false, 10)};
    enum live_outcome outcomes[2];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(live_apply(live, changes, 2, outcomes), LIVE_OK);
        assert_int_equal(outcomes[0], LIVE_OK);
        assert_int_equal(outcomes[1], LIVE_OK);
        struct live_entry *entries;
        int64_t position;
        assert_int_equal(peek("a", 20000, 10, &entries, &position), 0);
        assert_int_equal(position, 20);
    }
}

static void test_gap_and_rebuild(void **state)
{
    (void)state;
    struct live_change changes[] = {
        change_of("a", 0, 10, true, 10), change_of("a", 11, 12, true, 12),
        change_of("a", 12, 13, true, 13), change_of("b", 0, 14, true, 14)};
    enum live_outcome outcomes[4];
    assert_int_equal(live_apply(live, changes, 4, outcomes), LIVE_OK);
    assert_int_equal(outcomes[0], LIVE_OK);
    assert_int_equal(outcomes[1], LIVE_GAP);
    assert_int_equal(outcomes[2], LIVE_GAP);
    assert_int_equal(outcomes[3], LIVE_OK); /* the others are not held up */
    assert_int_equal(position_of("a"), 10);
    const struct live_entry entries[] = {entry_of(11), entry_of(12), entry_of(13)};
    struct live_squad squad = squad_of("a");
    assert_int_equal(live_rebuild(live, &squad, 13, entries, 3), LIVE_OK);
    assert_int_equal(position_of("a"), 13);
    struct live_entry *found;
    int64_t position;
    assert_int_equal(peek("a", 20000, 10, &found, &position), 3);
    for (int64_t i = 0; i < 3; i++)
        assert_entry(&found[i], 13 - i);
    assert_int_equal(live_rebuild(live, &squad, 12, NULL, 0), LIVE_OK);
    assert_int_equal(position_of("a"), 13); /* it was past that already */
    assert_int_equal(live_rebuild(live, &squad, 13, NULL, 0), LIVE_OK);
    assert_int_equal(peek("a", 20000, 10, &found, &position), 0);
    assert_int_equal(position, 13);
    assert_int_equal(live_forget(live, &squad), LIVE_OK);
    assert_int_equal(position_of("a"), 0);
    assert_int_equal(live_rebuild(live, &squad, 5, entries, 1), LIVE_OK);
    assert_int_equal(position_of("a"), 5);
}

static void test_wiped(void **state)
{
    (void)state;
    struct live_change changes[] = {change_of("a", 0, 10, true, 10),
                                    change_of("a", 10, 11, true, 11)};
    enum live_outcome outcomes[2];
    assert_int_equal(live_apply(live, changes, 1, outcomes), LIVE_OK);
    TELL("DEL", key("a", "versions"));
    assert_int_equal(live_apply(live, changes + 1, 1, outcomes), LIVE_OK);
    assert_int_equal(outcomes[0], LIVE_GAP);
}

static void test_foreign_keys(void **state)
{
    (void)state;
    struct live_change change = change_of("a", 0, 10, true, 10);
    struct live_squad squad = squad_of("a");
    enum live_outcome outcome;
    TELL("SET", key("a", "offers"), "somebody else's");
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_OK);
    assert_int_equal(outcome, LIVE_GAP);
    struct live_entry *entries;
    size_t count;
    int64_t position;
    TELL("SET", key("a", "versions"), "somebody else's");
    assert_int_equal(live_peek(live, &squad, 0, 10, arena, &entries, &count, &position), LIVE_GAP);
    assert_int_equal(position_of("a"), 0);
    struct live_entry entry = entry_of(10);
    assert_int_equal(live_rebuild(live, &squad, 10, &entry, 1), LIVE_OK);
    assert_int_equal(peek("a", 20000, 10, &entries, &position), 1);
    assert_entry(&entries[0], 10);
    assert_int_equal(position, 10);
}

/* Whatever does not follow these records goes; that it was another history is said only where one
 * is named. */
static void test_histories(void **state)
{
    (void)state;
    struct live_change change = change_of("a", 0, 10, true, 10);
    enum live_outcome outcome;
    bool anew = true;
    TELL("DEL", "ztc:history");
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_OK);
    assert_int_equal(live_follow(live, 1, &anew), LIVE_OK);
    assert_false(anew);
    assert_int_equal(position_of("a"), 0);
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_OK);
    assert_int_equal(live_follow(live, 1, &anew), LIVE_OK);
    assert_false(anew);
    assert_int_equal(position_of("a"), 10);
    assert_int_equal(live_follow(live, 2, &anew), LIVE_OK);
    assert_true(anew);
    assert_int_equal(position_of("a"), 0);
}

/* A broken connection is noticed, and used again after connecting. */
static void test_lost_and_back(void **state)
{
    (void)state;
    struct live_change change = change_of("a", 0, 10, true, 10);
    enum live_outcome outcome;
    TELL("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_LOST);
    assert_false(live_is_connected(live));
    assert_true(strlen(live_message(live)) > 0);
    assert_int_equal(live_connect(live), LIVE_OK);
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_OK);
    assert_int_equal(outcome, LIVE_OK);
}

static void test_functions_flushed(void **state)
{
    (void)state;
    struct live_change change = change_of("a", 0, 10, true, 10);
    enum live_outcome outcome;
    TELL("FUNCTION", "FLUSH");
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_LOST);
    assert_int_equal(live_connect(live), LIVE_OK);
    assert_int_equal(live_apply(live, &change, 1, &outcome), LIVE_OK);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct live *other = live_new("127.0.0.1:1", 300);
    assert_int_equal(live_connect(other), LIVE_LOST);
    assert_false(live_is_connected(other));
    live_destroy(&other);
}

/* One that accepts and says nothing holds us up for the time allowed, no longer. */
static void test_silent(void **state)
{
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    assert_int_equal(bind(listener, (struct sockaddr *)&at, length), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
    char there[32];
    snprintf(there, sizeof there, "127.0.0.1:%d", ntohs(at.sin_port));
    struct live *other = live_new(there, 300);
    int64_t began = monotonic_ms();
    assert_int_equal(live_connect(other), LIVE_LOST);
    int64_t took = monotonic_ms() - began;
    assert_true(took >= 200 && took < 5000);
    live_destroy(&other);
    close(listener);
}

static void test_long_queues(void **state)
{
    (void)state;
    enum { LONG = 30000, PIPELINE = 1000 };
    struct live_entry *entries = arena_array(arena, LONG, sizeof *entries);
    struct live_squad squad = squad_of("a");
    for (int64_t i = 0; i < LONG; i++)
        entries[i] = entry_of(i + 1);
    int64_t began = monotonic_ms();
    assert_int_equal(live_rebuild(live, &squad, LONG, entries, LONG), LIVE_OK);
    print_message("rebuilt %d offers in %d ms\n", LONG, (int)(monotonic_ms() - began));
    struct live_entry *found;
    int64_t position;
    /* Only the least pressing one's time has come: it is found behind all others. */
    assert_int_equal(peek("a", 1000, 50, &found, &position), 1);
    assert_entry(&found[0], 1);
    struct live_change *changes = arena_array(arena, PIPELINE, sizeof *changes);
    enum live_outcome *outcomes = arena_array(arena, PIPELINE, sizeof *outcomes);
    for (int64_t i = 0; i < PIPELINE; i++)
        changes[i] = change_of("a", LONG + i, LONG + i + 1, false, i + 1);
    assert_int_equal(live_apply(live, changes, PIPELINE, outcomes), LIVE_OK);
    for (size_t i = 0; i < PIPELINE; i++)
        assert_int_equal(outcomes[i], LIVE_OK);
    redisReply *reply = ASK("ZCARD", key("a", "offers"));
    assert_int_equal(reply->integer, LONG - PIPELINE);
    freeReplyObject(reply);
    TELL("DEL", key("a", "offers"), key("a", "notbefore"), key("a", "versions"),
         key("a", "details"));
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "[::1]:1", "[::1", "127.0.0.1:x"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct live *other = live_new(odd[i], 100); /* whatever comes of it, nothing breaks */
        live_connect(other);
        live_destroy(&other);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_live, close_live)

int main(void)
{
    address = getenv("ZTC_TEST_REDIS");
    const char *colon = address == NULL ? NULL : strrchr(address, ':');
    if (colon == NULL) {
        fprintf(stderr, "ZTC_TEST_REDIS: not set; it names a Redis for tests, host:port\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    snprintf(district, sizeof district, "test-%d", (int)getpid());
    char host[128];
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    raw = redisConnect(host, (int)strtol(colon + 1, NULL, 10));
    if (raw == NULL || raw->err != 0) {
        fprintf(stderr, "ZTC_TEST_REDIS: no Redis at %s\n", address);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        TEST(test_changes_and_peek), TEST(test_once_only),
        TEST(test_gap_and_rebuild),  TEST(test_wiped),
        TEST(test_foreign_keys),     TEST(test_histories),
        TEST(test_lost_and_back),    TEST(test_functions_flushed),
        TEST(test_nobody_there),     TEST(test_silent),
        TEST(test_long_queues),      TEST(test_addresses),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redisFree(raw);
    return failed;
}
