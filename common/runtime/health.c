#include "runtime/health.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/version.h"
#include "edge/listen.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

#define HEALTH_SILENCE_MAX_MS    10000
#define HEALTH_CONNECTIONS_MAX   64
#define HEALTH_CONNECTION_SECS   5
#define HEALTH_CONNECTION_MEMORY 8192
#define HEALTH_PAGE_MAX          512 /* bytes of a page other than /metrics */
#define HEALTH_TYPE_TEXT         "text/plain; charset=utf-8"
#define HEALTH_TYPE_METRICS      "text/plain; version=0.0.4; charset=utf-8"

struct health {
    struct MHD_Daemon *daemon;
    const char *service;
    int port;
};

static const char *const loop_names[HEALTH_LOOP_COUNT] = {
    [HEALTH_FRONT] = "front",
    [HEALTH_WRITER] = "writer",
};
static const char *const condition_names[HEALTH_CONDITION_COUNT] = {
    [HEALTH_RECORDS] = "records",
    [HEALTH_LEASE] = "lease",
    [HEALTH_PEERS] = "peers",
    [HEALTH_CAUGHT_UP] = "caught_up",
};

static atomic_int_least64_t beats[HEALTH_LOOP_COUNT]; /* monotonic ms of each loop's last one */
static atomic_bool conditions[HEALTH_CONDITION_COUNT];

void health_beat(enum health_loop loop)
{
    atomic_store_explicit(&beats[loop], clock_monotonic_ms(), memory_order_relaxed);
}

void health_set(enum health_condition condition, bool holds)
{
    atomic_store_explicit(&conditions[condition], holds, memory_order_relaxed);
}

bool health_is_ready(void)
{
    for (int c = 0; c < HEALTH_CONDITION_COUNT; c++)
        if (!atomic_load_explicit(&conditions[c], memory_order_relaxed))
            return false;
    return true;
}

/* --- pages: each writes its text and returns the HTTP status ---------------------------------- */

static unsigned page_healthz(FILE *out)
{
    unsigned status = MHD_HTTP_OK;
    int64_t now = clock_monotonic_ms();
    for (int l = 0; l < HEALTH_LOOP_COUNT; l++) {
        int64_t silence = now - atomic_load_explicit(&beats[l], memory_order_relaxed);
        if (silence > HEALTH_SILENCE_MAX_MS) {
            fprintf(out, "%s: no beat for %" PRId64 " ms\n", loop_names[l], silence);
            status = MHD_HTTP_SERVICE_UNAVAILABLE;
        }
    }
    if (status == MHD_HTTP_OK)
        fputs("ok\n", out);
    return status;
}

static unsigned page_readyz(FILE *out)
{
    unsigned status = MHD_HTTP_OK;
    for (int c = 0; c < HEALTH_CONDITION_COUNT; c++) {
        if (!atomic_load_explicit(&conditions[c], memory_order_relaxed)) {
            fprintf(out, "%s\n", condition_names[c]);
            status = MHD_HTTP_SERVICE_UNAVAILABLE;
        }
    }
    if (status == MHD_HTTP_OK)
        fputs("ok\n", out);
    return status;
}

static enum MHD_Result send_page(struct MHD_Connection *connection, unsigned status,
                                 const char *type, struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, HEALTH_VERSION_HEADER, ZTC_VERSION);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_metrics(struct MHD_Connection *connection, const char *service)
{
    size_t length = 0;
    char *page = metrics_print(service, &length);
    if (page == NULL)
        return MHD_NO;
    return send_page(connection, MHD_HTTP_OK, HEALTH_TYPE_METRICS,
                     MHD_create_response_from_buffer(length, page, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result on_request(void *argument, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **request)
{
    (void)version, (void)upload, (void)upload_size, (void)request;
    const struct health *health = argument;
    bool known =
        strcmp(url, "/healthz") == 0 || strcmp(url, "/readyz") == 0 || strcmp(url, "/metrics") == 0;
    bool allowed = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (known && allowed && url[1] == 'm')
        return send_metrics(connection, health->service);
    char page[HEALTH_PAGE_MAX] = "";
    FILE *out = fmemopen(page, sizeof page, "w");
    if (out == NULL)
        return MHD_NO;
    unsigned status;
    if (!known) {
        status = MHD_HTTP_NOT_FOUND;
        fputs("/metrics, /healthz, /readyz\n", out);
    } else if (!allowed) {
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
        fputs("GET or HEAD\n", out);
    } else {
        status = url[1] == 'h' ? page_healthz(out) : page_readyz(out);
    }
    fclose(out);
    return send_page(connection, status, HEALTH_TYPE_TEXT,
                     MHD_create_response_from_buffer(strlen(page), page, MHD_RESPMEM_MUST_COPY));
}

/* --- listening -------------------------------------------------------------------------------- */

/* What clients do wrong is no happening of ours. */
__attribute__((format(printf, 2, 0))) static void say_nothing(void *argument, const char *format,
                                                              va_list arguments)
{
    (void)argument, (void)format, (void)arguments;
}

struct health *health_new(const char *service, const char *listen_on)
{
    int port = 0;
    int made = listen_open(listen_on, HEALTH_CONNECTIONS_MAX, &port);
    if (made < 0)
        return NULL;
    for (int l = 0; l < HEALTH_LOOP_COUNT; l++)
        health_beat((enum health_loop)l);
    struct health *health = calloc(1, sizeof *health);
    if (health == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    health->service = service;
    health->port = port;
    health->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, health,
        MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, made,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HEALTH_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HEALTH_CONNECTION_SECS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEALTH_CONNECTION_MEMORY, MHD_OPTION_END);
    if (health->daemon == NULL) {
        int why = errno;
        close(made);
        free(health);
        errno = why;
        return NULL;
    }
    return health;
}

void health_destroy(struct health **health)
{
    if (*health == NULL)
        return;
    MHD_stop_daemon((*health)->daemon); /* closes the socket, ends the thread */
    free(*health);
    *health = NULL;
}

int health_port(const struct health *health)
{
    return health->port;
}
