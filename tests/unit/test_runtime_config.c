#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/config.h"

#define Z85_KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static struct config config;
static char problem[512];

static int setup(void **state)
{
    (void)state;
    clearenv();
    problem[0] = '\0';
    return setenv("ZTC_DSN", "host=/run dbname=ztc password=hunter2", 1) +
           setenv("ZTC_BUS_CURVE", "/run/keys/bus.key_secret", 1);
}

static void assert_refused(enum service service, const char *variable, const char *value,
                           const char *said)
{
    setenv(variable, value, 1);
    assert_false(config_read(service, &config, problem, sizeof problem));
    assert_non_null(strstr(problem, variable));
    assert_non_null(strstr(problem, said));
    assert_non_null(strstr(problem, "应为"));
    assert_non_null(strstr(problem, "must be"));
    assert_null(strchr(problem, '\n'));
    assert_true(text_is_clean(text_of(problem)));
    unsetenv(variable);
}

static void defaults(void **state)
{
    (void)state;
    assert_true(config_read(SERVICE_dispatch, &config, problem, sizeof problem));
    assert_string_equal(config.dsn, "host=/run dbname=ztc password=hunter2");
    assert_string_equal(config.instance, "dispatch-1");
    assert_string_equal(config.http, "127.0.0.1:9102");
    assert_string_equal(config.bus, "tcp://127.0.0.1");
    assert_string_equal(config.feed, "tcp://127.0.0.1:5550");
    assert_string_equal(config.log_level, "info");
    assert_string_equal(config.operator_key, "");
    assert_int_equal(config.lease_ttl_ms, 3000);
    static const char *const https[SERVICE_COUNT] = {
        "127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.1:9103", "127.0.0.1:9104", "127.0.0.1:9105"};
    for (int s = 0; s < SERVICE_COUNT; s++) {
        assert_true(config_read((enum service)s, &config, problem, sizeof problem));
        assert_string_equal(config.http, https[s]);
    }
}

static void given(void **state)
{
    (void)state;
    setenv("ZTC_INSTANCE", "intake-2", 1);
    setenv("ZTC_HTTP", "", 1); /* as if not set */
    setenv("ZTC_LOG_LEVEL", "error", 1);
    setenv("ZTC_LANG", "zh", 1);
    setenv("ZTC_BATCH_MAX", "4096", 1);
    setenv("ZTC_POSITION_WAIT_MS", "0", 1);
    setenv("ZTC_OPERATOR_KEY", Z85_KEY, 1);
    setenv("ZTC_NO_SUCH_SETTING", "is nobody's business", 1);
    setenv("ZTC_WINDOW_MAX_H", "nor is dispatch's intake's", 1);
    assert_true(config_read(SERVICE_intake, &config, problem, sizeof problem));
    assert_string_equal(config.instance, "intake-2");
    assert_string_equal(config.http, "127.0.0.1:9101");
    assert_string_equal(config.log_level, "error");
    assert_string_equal(config.lang, "zh");
    assert_int_equal(config.batch_max, 4096);
    assert_int_equal(config.position_wait_ms, 0);
    assert_int_equal(config.window_max_h, 744);
    assert_string_equal(config.operator_key, Z85_KEY);
}

static void numbers_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0",  "4097", "-1",   "1.5",  "1e3",
                                        " 5", "5 ",   "0x10", "many", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_refused(SERVICE_intake, "ZTC_BATCH_MAX", wrong[i], "a whole number from 1 to 4096");
        assert_non_null(strstr(problem, wrong[i]));
    }
    assert_refused(SERVICE_dispatch, "ZTC_WINDOW_MAX_H", "0", "1 到 8784 的整数");
}

static void words_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"INFO", "inf", "infos", "info|warn", "|"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(SERVICE_intake, "ZTC_LOG_LEVEL", wrong[i],
                       "one of debug, info, warn, error");
}

static void texts_refused(void **state)
{
    (void)state;
    char endless[4096];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_refused(SERVICE_intake, "ZTC_INSTANCE", endless, "1 to 64 bytes");
    assert_true(strlen(problem) < 300);
    assert_refused(SERVICE_intake, "ZTC_INSTANCE", "\xFF\xFE", "\"??\"");
    assert_refused(SERVICE_intake, "ZTC_FEED", "tcp", "6 to 128 bytes");
    assert_refused(SERVICE_reporting, "ZTC_OPERATOR_KEY", "tooshort", "40 bytes of Z85");
    /* 59 bytes and a character of three: clipped before it. */
    char across[200];
    memset(across, 'a', 59);
    strcpy(across + 59, "中中中中中中中中中中");
    assert_refused(SERVICE_intake, "ZTC_INSTANCE", across, "aaa…");
    assert_refused(SERVICE_intake, "ZTC_LOG_FORMAT", "a\nb\x1B[2J", "a?b?[2J");
}

static void secrets_not_shown(void **state)
{
    (void)state;
    char endless[2000];
    memset(endless, 's', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    setenv("ZTC_DSN", endless, 1);
    assert_false(config_read(SERVICE_intake, &config, problem, sizeof problem));
    assert_non_null(strstr(problem, "ZTC_DSN"));
    assert_null(strstr(problem, "sss"));
    unsetenv("ZTC_DSN");
    assert_false(config_read(SERVICE_intake, &config, problem, sizeof problem));
    assert_non_null(strstr(problem, "ZTC_DSN is not set"));
}

static void short_of_room(void **state)
{
    (void)state;
    char few[12];
    setenv("ZTC_BATCH_MAX", "0", 1);
    assert_false(config_read(SERVICE_intake, &config, few, sizeof few));
    assert_memory_equal(few, "ZTC_", 4);
    assert_true(strlen(few) < sizeof few);
}

static char *printed(bool markdown, enum service service, bool zh)
{
    char *page = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&page, &length);
    if (markdown)
        config_print_markdown(zh, out);
    else
        config_print_help(service, zh, out);
    fclose(out);
    return page;
}

static void pages(void **state)
{
    (void)state;
    char *help = printed(false, SERVICE_dispatch, false);
    assert_non_null(strstr(help, "  ZTC_REDIS\n      Redis, host:port\n"));
    assert_non_null(strstr(help, "default: dispatch-1"));
    assert_non_null(strstr(help, "default: must be set"));
    assert_null(strstr(help, "ZTC_FEED"));
    free(help);
    help = printed(false, SERVICE_intake, true);
    assert_non_null(strstr(help, "ZTC_FEED"));
    assert_non_null(strstr(help, "默认：127.0.0.1:9101"));
    free(help);
    for (int zh = 0; zh < 2; zh++) {
        char *page = printed(true, SERVICE_intake, zh);
        size_t rows = 0;
        for (const char *line = page; line != NULL && *line != '\0';
             line = strchr(line, '\n'), line += line != NULL) {
            size_t bars = 0;
            for (const char *c = line; *c != '\n'; c++)
                bars += *c == '|';
            assert_true(bars == 0 || bars == 6); /* no cell breaks the table */
            rows += bars == 6;
        }
        assert_true(rows > 20);
        assert_non_null(strstr(page, "| `ZTC_BATCH_MAX` | 512 |"));
        free(page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults, setup),
        cmocka_unit_test_setup(given, setup),
        cmocka_unit_test_setup(numbers_refused, setup),
        cmocka_unit_test_setup(words_refused, setup),
        cmocka_unit_test_setup(texts_refused, setup),
        cmocka_unit_test_setup(secrets_not_shown, setup),
        cmocka_unit_test_setup(short_of_room, setup),
        cmocka_unit_test_setup(pages, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
