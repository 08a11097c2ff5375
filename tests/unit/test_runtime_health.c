/* The figures, and the pages over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/health.h"
#include "runtime/metrics.h"

static struct health *health;
static char answer[65536];

static int setup(void **state)
{
    (void)state;
    for (int c = 0; c < HEALTH_CONDITION_COUNT; c++)
        health_set((enum health_condition)c, true);
    health = health_new("dispatch", "127.0.0.1:0");
    return health == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    health_destroy(&health);
    return 0;
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(made >= 0);
    assert_int_equal(connect(made, (struct sockaddr *)&address, sizeof address), 0);
    return made;
}

/* Sends the bytes and reads until the other side closes. */
static const char *ask_raw(const char *request)
{
    int made = connect_to(health_port(health));
    assert_int_equal(send(made, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    size_t used = 0;
    ssize_t got;
    while ((got = recv(made, answer + used, sizeof answer - used - 1, 0)) > 0)
        used += (size_t)got;
    answer[used] = '\0';
    close(made);
    return answer;
}

static int ask(const char *method, const char *path)
{
    char request[256];
    int status = 0;
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
             method, path);
    assert_int_equal(sscanf(ask_raw(request), "HTTP/1.1 %d ", &status), 1);
    return status;
}

static const char *body(void)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end == NULL ? "" : end + 4;
}

static void figures(void **state)
{
    (void)state;
    metric_add(METRIC_commands_total, 3);
    metric_add(METRIC_commands_total, 4);
    metric_set(METRIC_log_head, INT64_MAX);
    metric_set(METRIC_backlog, -1);
    assert_int_equal(metric_get(METRIC_commands_total), 7);
    size_t length = 0;
    char *page = metrics_print("intake", &length);
    assert_int_equal(strlen(page), length);
    assert_non_null(strstr(
        page, "# HELP ztc_commands_total commands taken up\n# TYPE ztc_commands_total counter\n"
              "ztc_commands_total{service=\"intake\"} 7\n"));
    assert_non_null(strstr(
        page, "# TYPE ztc_log_head gauge\nztc_log_head{service=\"intake\"} 9223372036854775807\n"));
    assert_non_null(strstr(page, "ztc_backlog{service=\"intake\"} -1\n"));
    size_t lines = 0;
    for (const char *c = page; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3 * METRIC_COUNT);
    free(page);
    assert_int_equal(ask("GET", "/metrics"), 200);
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(body(), "ztc_commands_total{service=\"dispatch\"} 7\n"));
}

static void alive(void **state)
{
    (void)state;
    health_beat(HEALTH_FRONT);
    assert_int_equal(ask("GET", "/healthz"), 200);
    assert_string_equal(body(), "ok\n");
    assert_int_equal(ask("HEAD", "/healthz"), 200);
    assert_string_equal(body(), "");
}

static void ready(void **state)
{
    (void)state;
    assert_true(health_is_ready());
    assert_int_equal(ask("GET", "/readyz?verbose"), 200);
    health_set(HEALTH_LEASE, false);
    health_set(HEALTH_CAUGHT_UP, false);
    assert_false(health_is_ready());
    assert_int_equal(ask("GET", "/readyz"), 503);
    assert_string_equal(body(), "lease\ncaught_up\n");
    health_set(HEALTH_LEASE, true);
    health_set(HEALTH_CAUGHT_UP, true);
    assert_int_equal(ask("GET", "/readyz"), 200);
}

static void requests_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/"), 404);
    assert_int_equal(ask("GET", "/metrics/"), 404);
    assert_int_equal(ask("POST", "/nothing"), 404);
    assert_int_equal(ask("POST", "/metrics"), 405);
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    assert_int_equal(ask("DELETE", "/healthz"), 405);
    ask_raw(
        "POST /readyz HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody");
    assert_non_null(strstr(answer, " 405 "));
    ask_raw("no HTTP at all\r\n\r\n");
    char large[20000];
    int used = snprintf(large, sizeof large, "GET /metrics HTTP/1.1\r\nHost: h\r\nX: ");
    memset(large + used, 'x', sizeof large - (size_t)used - 1);
    large[sizeof large - 1] = '\0';
    /* May be cut off while it still sends. */
    int made = connect_to(health_port(health));
    send(made, large, strlen(large), MSG_NOSIGNAL);
    close(made);
    assert_int_equal(ask("GET", "/healthz"), 200);
}

/* Those past the limit wait or are turned away; once others leave, there is room again. */
static void many_connections(void **state)
{
    (void)state;
    int made[100];
    for (int i = 0; i < 100; i++)
        made[i] = connect_to(health_port(health));
    for (int i = 0; i < 100; i++)
        close(made[i]);
    assert_int_equal(ask("GET", "/healthz"), 200);
}

static void addresses_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        ":9101",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:http",
        "localhost:1",
        "127.0.0.256:1",
        "[::1]:1",
        "0000000000000000000000000000000000000000000000000000000000000000000000:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        errno = 0;
        assert_null(health_new("dispatch", wrong[i]));
        assert_int_equal(errno, EINVAL);
    }
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", health_port(health));
    assert_null(health_new("dispatch", taken));
    assert_int_equal(errno, EADDRINUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures, setup, teardown),
        cmocka_unit_test_setup_teardown(alive, setup, teardown),
        cmocka_unit_test_setup_teardown(ready, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(many_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
