#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/text.h"
#include "runtime/clock.h"

static char file[] = "/tmp/test_runtime_clock.XXXXXX";
static int descriptor;

static int setup(void **state)
{
    (void)state;
    descriptor = mkstemp(file);
    return descriptor < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    close(descriptor);
    return unlink(file);
}

static void write_file(const char *content)
{
    assert_int_equal(ftruncate(descriptor, 0), 0);
    assert_int_equal(pwrite(descriptor, content, strlen(content), 0), (ssize_t)strlen(content));
}

static void of_the_system(void **state)
{
    (void)state;
    assert_true(clock_open("system"));
    int64_t before = (int64_t)time(NULL) * 1000 - 1000;
    assert_in_range(clock_now_ms(), before, before + 60000);
}

static void of_an_instant(void **state)
{
    (void)state;
    int64_t start;
    assert_true(instant_parse(TEXT("2026-03-01T09:00:00Z"), &start));
    assert_true(clock_open("2026-03-01T17:00:00+08:00"));
    assert_in_range(clock_now_ms(), start, start + 60000);
    int64_t first = clock_now_ms();
    for (int64_t from = clock_monotonic_ms(); clock_monotonic_ms() < from + 2;)
        ; /* it runs */
    assert_true(clock_now_ms() > first);
    assert_true(clock_monotonic_us() / 1000 >= clock_monotonic_ms() - 1);
}

static void of_a_file(void **state)
{
    (void)state;
    write_file("1772355600000\n");
    assert_true(clock_open(file));
    assert_true(clock_now_ms() == 1772355600000);
    write_file("1772355600001");
    assert_true(clock_now_ms() == 1772355600001);
    static const char *const wrong[] = {
        "", "\n", "soon", "1772355600002 or so", "99999999999999999999", "9000000000000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_file(wrong[i]);
        assert_true(clock_now_ms() == 1772355600001);
    }
    write_file("-1 \r\n");
    assert_true(clock_now_ms() == -1);
}

/* The clock is as it was. */
static void refused(void **state)
{
    (void)state;
    write_file("5");
    assert_true(clock_open(file));
    assert_false(clock_open(""));
    assert_false(clock_open("System"));
    assert_false(clock_open("2026-03-01"));
    assert_false(clock_open("relative/path"));
    assert_false(clock_open("/nonexistent/file"));
    assert_true(clock_now_ms() == 5);
    write_file("no number");
    assert_false(clock_open(file));
    assert_true(clock_now_ms() == 5);
    assert_true(clock_open("system")); /* closes the file */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_the_system),
        cmocka_unit_test(of_an_instant),
        cmocka_unit_test(of_a_file),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
