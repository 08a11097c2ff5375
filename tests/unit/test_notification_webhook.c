/* Signed webhooks: the published vector, secrets, when one is tried again, what answers mean, quiet
 * hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/notification/core_webhook.h"

#define NOON   1772337600000 /* 2026-03-01 12:00 in Shanghai */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static void the_vector_of_standard_webhooks(void **state)
{
    struct bytes secret;
    (void)state;
    assert_true(secret_read(TEXT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), arena, &secret));
    assert_int_equal(secret.length, 24);
    struct text signature = webhook_signature(secret, TEXT("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                                              1614265330, TEXT("{\"test\": 2432232314}"), arena);
    assert_string_equal(arena_string(arena, signature),
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#define SIXTEEN_BYTES "AAAAAAAAAAAAAAAAAAAAAA"

static void what_is_no_secret(void **state)
{
    static const char *const wrong[] = {
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_" SIXTEEN_BYTES "==",              /* 16 bytes */
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* 23 */
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS_",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_ AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
    };
    struct bytes secret;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (secret_read(text_of(wrong[i]), arena, &secret))
            fail_msg("taken: %s", wrong[i]);
    /* 64 bytes are the most: 86 digits and ==; 65 have 87 and =. */
    static const char most[] =
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAA==";
    static const char beyond[] =
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_true(secret_read(text_of(most), arena, &secret));
    assert_int_equal(secret.length, SECRET_BYTES_MAX);
    assert_false(secret_read(text_of(beyond), arena, &secret));
}

/* After each failure, the time that the table says, a tenth more at most; after ten no more. */
static void tried_again_as_the_table_says(void **state)
{
    static const int64_t waits[] = {0,        5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR,
                                    5 * HOUR, 10 * HOUR,  14 * HOUR,  20 * HOUR,   24 * HOUR};
    bool differ = false;
    (void)state;
    for (int tries = 0; tries < ATTEMPTS_MAX; tries++)
        for (uint64_t seed = 0; seed < 1000; seed++) {
            int64_t wait = retry_due(tries, NOON, seed * 7919) - NOON;
            assert_in_range(wait, waits[tries], waits[tries] + waits[tries] / 10);
            differ |= wait != retry_due(tries, NOON, 0) - NOON;
        }
    assert_true(differ);
    assert_true(retry_due(ATTEMPTS_MAX, NOON, 1) == INSTANT_ABSENT);
    assert_true(retry_due(3, NOON, 42) == retry_due(3, NOON, 42));
}

static enum failure judged(int status, enum failure trouble)
{
    return attempt_judge(&(struct attempt_result){.status = status, .trouble = trouble});
}

static void what_answers_mean(void **state)
{
    (void)state;
    assert_int_equal(judged(200, FAILURE_none), FAILURE_none);
    assert_int_equal(judged(204, FAILURE_none), FAILURE_none);
    assert_int_equal(judged(299, FAILURE_none), FAILURE_none);
    assert_int_equal(judged(301, FAILURE_none), FAILURE_redirect);
    assert_int_equal(judged(308, FAILURE_none), FAILURE_redirect);
    assert_int_equal(judged(400, FAILURE_none), FAILURE_status);
    assert_int_equal(judged(410, FAILURE_none), FAILURE_gone);
    assert_int_equal(judged(429, FAILURE_none), FAILURE_slow_down);
    assert_int_equal(judged(500, FAILURE_none), FAILURE_status);
    assert_int_equal(judged(502, FAILURE_none), FAILURE_slow_down);
    assert_int_equal(judged(503, FAILURE_none), FAILURE_status);
    assert_int_equal(judged(504, FAILURE_none), FAILURE_slow_down);
    assert_int_equal(judged(199, FAILURE_none), FAILURE_status);
    assert_int_equal(judged(0, FAILURE_timeout), FAILURE_timeout);
    assert_int_equal(judged(0, FAILURE_none), FAILURE_broken);
}

static int64_t rest(int status, int64_t retry_after_ms)
{
    return slow_down_ms(
        &(struct attempt_result){.status = status, .retry_after_ms = retry_after_ms});
}

static void how_long_an_endpoint_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(rest(429, 0), SLOW_DOWN_MS);
    assert_int_equal(rest(502, 5 * SECOND), 5 * SECOND);
    assert_int_equal(rest(504, 100 * HOUR), RETRY_AFTER_MAX_MS);
    assert_int_equal(rest(503, 5 * SECOND), 0);
    assert_int_equal(rest(200, 5 * SECOND), 0);
}

static int64_t after_quiet(int64_t at, int from, int to)
{
    return quiet_end(at, TEXT("Asia/Shanghai"), from, to) - NOON;
}

static void quiet_hours_end_when_they_end(void **state)
{
    (void)state;
    /* 22:00 to 07:00, over midnight */
    assert_int_equal(after_quiet(NOON, 22 * 60, 7 * 60), 0);
    assert_int_equal(after_quiet(NOON + 10 * HOUR - 1, 22 * 60, 7 * 60), 10 * HOUR - 1);
    assert_int_equal(after_quiet(NOON + 10 * HOUR, 22 * 60, 7 * 60), 19 * HOUR);
    assert_int_equal(after_quiet(NOON + 13 * HOUR, 22 * 60, 7 * 60), 19 * HOUR);
    assert_int_equal(after_quiet(NOON + 19 * HOUR - 1, 22 * 60, 7 * 60), 19 * HOUR);
    assert_int_equal(after_quiet(NOON + 19 * HOUR, 22 * 60, 7 * 60), 19 * HOUR);
    /* 11:30 to 13:00, within a day */
    assert_int_equal(after_quiet(NOON, 11 * 60 + 30, 13 * 60), HOUR);
    assert_int_equal(after_quiet(NOON + HOUR, 11 * 60 + 30, 13 * 60), HOUR);
    /* never */
    assert_int_equal(after_quiet(NOON, QUIET_NONE, QUIET_NONE), 0);
    assert_true(quiet_end(NOON, TEXT("Mars/Olympus"), 0, 23 * 60) == NOON);
    /* into the day on which clocks go forward: the next morning, not the one after it */
    int64_t evening, morning;
    assert_true(instant_parse(TEXT("2026-03-28T23:30:00+01:00"), &evening));
    assert_true(instant_parse(TEXT("2026-03-29T07:00:00+02:00"), &morning));
    assert_true(quiet_end(evening, TEXT("Europe/Berlin"), 22 * 60, 7 * 60) == morning);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_vector_of_standard_webhooks),    TEST(what_is_no_secret),
        TEST(tried_again_as_the_table_says),      TEST(what_answers_mean),
        TEST(how_long_an_endpoint_is_left_alone), TEST(quiet_hours_end_when_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
