/* Lines as they reach stderr, which is a pipe or file of the test's own meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/log.h"

#define PREFIX "service=intake instance=intake-1 "

static int real_stderr, sink;
static char *content; /* of the sink, as last read */

static int setup(void **state)
{
    (void)state;
    log_open("intake", "intake-1", "info", "logfmt");
    real_stderr = dup(STDERR_FILENO);
    sink = memfd_create("log", MFD_CLOEXEC);
    return sink < 0 || dup2(sink, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(sink);
    free(content);
    content = NULL;
    return 0;
}

/* All that was written since the last call. */
static const char *written(void)
{
    off_t size = lseek(sink, 0, SEEK_END);
    free(content);
    content = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(sink, content, (size_t)size, 0), size);
    assert_int_equal(ftruncate(sink, 0), 0);
    lseek(sink, 0, SEEK_SET);
    return content;
}

/* What comes after msg=… of the one line written. */
static void assert_rest(const char *wanted)
{
    const char *line = written();
    const char *rest = strstr(line, "msg=e");
    assert_non_null(rest);
    assert_non_null(strstr(line, PREFIX));
    assert_int_equal(strncmp(line, "time=20", 7), 0);
    assert_string_equal(rest + strlen("msg=e"), wanted);
}

static struct log_value value(const char *bytes, size_t length)
{
    return log_text((struct text){bytes, length});
}

static void plain(void **state)
{
    (void)state;
    log_line(LEVEL_INFO, "e", {"order", log_int(12)}, {"squad", log_string("A-7_电工")});
    assert_rest(" order=12 squad=A-7_电工\n");
    log_line(LEVEL_WARN, "e", {"n", log_int(INT64_MIN)});
    assert_non_null(strstr(written(), " level=warn " PREFIX "msg=e n=-9223372036854775808\n"));
    log_line(LEVEL_ERROR, "two words");
    assert_non_null(strstr(written(), "msg=\"two words\"\n"));
    log_line(LEVEL_DEBUG, "e", {"k", log_int(1)});
    assert_string_equal(written(), "");
    assert_false(log_is_on(LEVEL_DEBUG));
}

static void escapes(void **state)
{
    (void)state;
    log_line(LEVEL_INFO, "e", {"k", log_string("")});
    assert_rest(" k=\"\"\n");
    log_line(LEVEL_INFO, "e", {"k", log_string("a=b")}, {"l", log_string("say \"hi\" \\o/\n")});
    assert_rest(" k=\"a=b\" l=\"say \\\"hi\\\" \\\\o/\\n\"\n");
    log_line(LEVEL_INFO, "e", {"k", log_string("\x1B[2J\r\t\x7F\xC2\x9B")});
    assert_rest(" k=\"\\u001b[2J\\u000d\\u0009\\u007f\\u009b\"\n");
    log_line(LEVEL_INFO, "e", {"k", value("a\0b", 3)});
    assert_rest(" k=\"a\\u0000b\"\n");
    /* Not UTF-8: a lone lead, a surrogate, an overlong slash, one cut short. */
    log_line(LEVEL_INFO, "e", {"k", log_string("\xE4")}, {"l", log_string("\xED\xA0\x80")},
             {"m", log_string("\xC0\xAF!")}, {"n", value("中", 2)});
    assert_rest(" k=� l=��� m=��! n=��\n");
}

static void telephones(void **state)
{
    (void)state;
    log_line(LEVEL_INFO, "e", {"k", log_string("13812341234")},
             {"l", log_string("+8613812341234,")},
             {"m", log_string("call 19900001111 or 008613812341234")});
    assert_rest(" k=138****1234 l=+86138****1234, m=\"call 199****1111 or 0086138****1234\"\n");
    log_line(LEVEL_INFO, "e", {"k", log_string("23812341234")}, {"l", log_string("138123412345")},
             {"m", log_string("1381234123")}, {"n", log_int(13812341234)});
    assert_rest(" k=23812341234 l=138123412345 m=1381234123 n=13812341234\n");
    log_line(LEVEL_INFO, "e13812341234");
    assert_rest("138****1234\n");
}

static void telephones_in_groups(void **state)
{
    (void)state;
    log_line(LEVEL_INFO, "e", {"k", log_string("138-1234-1234")},
             {"l", log_string("+86 138 1234 1234.")}, {"m", log_string("0574-87654321")},
             {"n", log_string("010-12345678,")}, {"o", log_string("0574-8765432")});
    assert_rest(
        " k=138****1234 l=\"+86 138****1234.\" m=057****4321 n=010****5678, o=057****5432\n");
    log_line(LEVEL_INFO, "e", {"k", log_string("138-1234-12345")},
             {"l", log_string("2138-1234-1234")}, {"m", log_string("138-1234")},
             {"n", log_string("138_1234_1234")}, {"o", log_string("0574-876543210")},
             {"p", log_string("0574-")}, {"q", log_string("1")});
    assert_rest(" k=138-1234-12345 l=2138-1234-1234 m=138-1234 n=138_1234_1234 o=0574-876543210 "
                "p=0574- q=1\n");
}

static void clipping(void **state)
{
    (void)state;
    char endless[2000], wanted[LOG_VALUE_MAX + 32];
    memset(endless, 'x', sizeof endless);
    snprintf(wanted, sizeof wanted, " k=%.*s…\n", LOG_VALUE_MAX, endless);
    log_line(LEVEL_INFO, "e", {"k", value(endless, sizeof endless)});
    assert_rest(wanted);
    /* A number that begins before the end is masked whole. */
    memcpy(endless + LOG_VALUE_MAX - 2, "13812341234", 11);
    log_line(LEVEL_INFO, "e", {"k", value(endless, sizeof endless)});
    const char *line = written();
    assert_non_null(strstr(line, "x138****1234…\n"));
    memset(endless, '7', sizeof endless);
    log_line(LEVEL_INFO, "e", {"k", value(endless, sizeof endless)});
    assert_true(strlen(written()) < 700);
}

/* More than a line holds: what fits is whole, and the line says that it is not all. */
static void long_lines(void **state)
{
    (void)state;
    static const char *const formats[] = {"logfmt", "json"};
    char worst[LOG_VALUE_MAX];
    memset(worst, 1, sizeof worst);
    for (int f = 0; f < 2; f++) {
        log_open("intake", "intake-1", "info", formats[f]);
        log_line(LEVEL_INFO, "e", {"a", value(worst, sizeof worst)},
                 {"b", value(worst, sizeof worst)}, {"c", value(worst, sizeof worst)},
                 {"d", log_int(1)});
        const char *line = written();
        assert_in_range(strlen(line), LOG_VALUE_MAX * 6 * 2, LOG_LINE_MAX);
        assert_non_null(strstr(line, f == 0 ? "\" cut=true\n" : "\",\"cut\":true}\n"));
        assert_int_equal(strcspn(line, "\n") + 1, strlen(line));
    }
}

static void as_json(void **state)
{
    (void)state;
    log_open("intake", "intake-1", "debug", "json");
    char all[256];
    size_t length = 0;
    for (int c = 0; c < 0x80; c++)
        all[length++] = (char)c;
    log_line(LEVEL_DEBUG, "it \"happened\"", {"all", value(all, length)}, {"n", log_int(-5)},
             {"zh", log_string("直通车 13812341234 \xFF")});
    json_error_t error;
    json_t *line = json_loads(written(), JSON_ALLOW_NUL, &error);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(line, "service")), "intake");
    assert_string_equal(json_string_value(json_object_get(line, "msg")), "it \"happened\"");
    assert_string_equal(json_string_value(json_object_get(line, "zh")), "直通车 138****1234 �");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), -5);
    const json_t *found = json_object_get(line, "all");
    assert_int_equal(json_string_length(found), length);
    assert_memory_equal(json_string_value(found), all, length);
    json_decref(line);
}

static void held(void **state)
{
    (void)state;
    log_hold();
    log_hold();
    log_line(LEVEL_INFO, "first");
    log_release();
    log_line(LEVEL_INFO, "second");
    assert_string_equal(written(), "");
    log_release();
    const char *lines = written();
    assert_non_null(strstr(lines, "msg=first\ntime="));
    assert_non_null(strstr(lines, "msg=second\n"));
    log_release(); /* one too many */
    log_line(LEVEL_INFO, "third");
    assert_non_null(strstr(written(), "msg=third\n"));
    /* More than is kept: nothing is lost. */
    log_hold();
    for (int i = 0; i < 3000; i++)
        log_line(LEVEL_INFO, "many", {"i", log_int(i)});
    log_release();
    lines = written();
    for (int i = 0; i < 3000; i++) {
        char end[32];
        snprintf(end, sizeof end, "msg=many i=%d\n", i);
        lines = strstr(lines, end);
        assert_non_null(lines);
    }
}

static void *log_much(void *argument)
{
    for (int i = 0; i < 500; i++)
        log_line(LEVEL_INFO, "parallel", {"who", log_int((int64_t)(intptr_t)argument)},
                 {"i", log_int(i)});
    return NULL;
}

static void *read_all(void *argument)
{
    int from = *(int *)argument;
    size_t used = 0, room = 1 << 20;
    char *all = calloc(1, room);
    ssize_t got;
    while ((got = read(from, all + used, room - used - 1)) > 0)
        used += (size_t)got;
    return all;
}

/* Into a pipe that does not wait: lines stay whole, and none is lost while somebody reads. */
static void threads(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    pthread_t reader, writers[3];
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    for (int w = 0; w < 3; w++)
        assert_int_equal(pthread_create(&writers[w], NULL, log_much, (void *)(intptr_t)w), 0);
    for (int w = 0; w < 3; w++)
        pthread_join(writers[w], NULL);
    dup2(sink, STDERR_FILENO);
    void *all = NULL;
    pthread_join(reader, &all);
    close(ends[0]);
    int next[3] = {0}, lines = 0, who = 0, i = 0;
    for (char *line = strtok(all, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        assert_int_equal(strncmp(line, "time=", 5), 0);
        const char *end = strstr(line, " who=");
        assert_non_null(end);
        assert_int_equal(sscanf(end, " who=%d i=%d", &who, &i), 2);
        assert_int_equal(i, next[who]++);
    }
    assert_int_equal(lines, 1500);
    free(all);
}

static void no_stderr(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    errno = 7;
    log_line(LEVEL_INFO, "into a broken pipe");
    assert_int_equal(errno, 7);
    close(STDERR_FILENO);
    log_line(LEVEL_INFO, "into nothing");
    dup2(sink, STDERR_FILENO);
    log_line(LEVEL_INFO, "e");
    assert_rest("\n");
}

static void words_unknown(void **state)
{
    (void)state;
    log_open("intake", "intake-1", "loud", "runes");
    assert_true(log_is_on(LEVEL_INFO));
    assert_false(log_is_on(LEVEL_DEBUG));
    log_open(NULL, NULL, "error", "logfmt");
    assert_false(log_is_on(LEVEL_WARN));
    log_line(LEVEL_ERROR, "e");
    assert_non_null(strstr(written(), "Z level=error msg=e\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain, setup, teardown),
        cmocka_unit_test_setup_teardown(escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(telephones, setup, teardown),
        cmocka_unit_test_setup_teardown(telephones_in_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(clipping, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(held, setup, teardown),
        cmocka_unit_test_setup_teardown(threads, setup, teardown),
        cmocka_unit_test_setup_teardown(no_stderr, setup, teardown),
        cmocka_unit_test_setup_teardown(words_unknown, setup, teardown),
    };
    clock_open("system");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
