#include "edge/http.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "edge/listen.h"

#define RUNS_MAX          64 /* turns of the daemon before the loop looks at the others */
#define CONNECTIONS_SPARE 64 /* beyond the limit, so that they can be told of it */
#define DRAINED_MAX       16 /* times body_max that is read of a body which is too large */
#define SILENCE_MAX_S     30 /* of a peer that does not take its answer */
#define LATE_MAX          1024
/* Of libmicrohttpd, for a connection: what does not fit at all it answers itself, with 431. */
#define CONNECTION_MEMORY ((size_t)64 * 1024)

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_TAKEN, STAGE_SENT };

struct peer {
    struct peer *next, *previous;
    struct http *http;
    struct MHD_Connection *connection;
    struct http_exchange *exchange; /* NULL: between two requests */
    bool is_reading;                /* its next request has not come whole */
    int64_t since_ms;               /* it began to come */
    uint64_t received;              /* bytes that had come before it */
};

struct http_exchange {
    struct http *http;
    struct peer *peer;
    struct MHD_Connection *connection;
    struct arena *arena;
    struct text path, query;
    const char *method;
    enum stage stage;
    bool is_suspended, is_too_large;
    uint8_t *body;
    size_t body_length, body_room, body_seen;
    struct MHD_Response *response;
    unsigned status;
    void *slot;
};

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    int descriptor, port;
    struct peer *peers;
    size_t peer_count;
    int64_t swept_ms;
    char late[LATE_MAX];
    size_t late_length;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *allocated(void *memory)
{
    if (memory == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    return memory;
}

/* --- connections ------------------------------------------------------------------------------ */

static void on_connection(void *argument, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = argument;
    struct peer *peer = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        peer = allocated(calloc(1, sizeof *peer));
        *peer = (struct peer){.next = http->peers,
                              .http = http,
                              .connection = connection,
                              .is_reading = true,
                              .since_ms = now_ms()};
        if (http->peers != NULL)
            http->peers->previous = peer;
        http->peers = peer;
        http->peer_count++;
        *context = peer;
        return;
    }
    if (peer->previous != NULL)
        peer->previous->next = peer->next;
    else
        http->peers = peer->next;
    if (peer->next != NULL)
        peer->next->previous = peer->previous;
    http->peer_count--;
    free(peer);
}

static int descriptor_of(const struct peer *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

/* Bytes that the kernel has received of a connection: libmicrohttpd does not tell whether a part of
 * a request has come. */
static uint64_t bytes_received(const struct peer *peer)
{
    struct tcp_info tcp;
    socklen_t size = sizeof tcp;
    memset(&tcp, 0, sizeof tcp);
    if (getsockopt(descriptor_of(peer), IPPROTO_TCP, TCP_INFO, &tcp, &size) != 0)
        return 0;
    return tcp.tcpi_bytes_received;
}

/* The answer goes past libmicrohttpd, which has none for half a request, and has written nothing to
 * this one. */
static void tell_late(struct peer *peer)
{
    int descriptor = descriptor_of(peer);
    peer->is_reading = false;
    /* A peer that takes nothing loses the answer, not we our time. */
    if (send(descriptor, peer->http->late, peer->http->late_length, MSG_DONTWAIT | MSG_NOSIGNAL) <
        0)
        errno = 0;
    shutdown(descriptor, SHUT_RDWR);
}

static void sweep(struct http *http)
{
    int64_t now = now_ms();
    if (now - http->swept_ms < HTTP_TICK_MS)
        return;
    http->swept_ms = now;
    for (struct peer *peer = http->peers; peer != NULL; peer = peer->next) {
        if (!peer->is_reading)
            continue;
        if (bytes_received(peer) == peer->received)
            peer->since_ms = now; /* idle between two requests: SILENCE_MAX_S ends that */
        else if (now - peer->since_ms > http->options.request_ms)
            tell_late(peer);
    }
}

/* --- exchanges -------------------------------------------------------------------------------- */

/* Called with the request line, before anything is decoded; what it returns is the request's
 * context. */
static void *on_target(void *argument, const char *target, struct MHD_Connection *connection)
{
    struct http_exchange *exchange = allocated(calloc(1, sizeof *exchange));
    exchange->http = argument;
    exchange->connection = connection;
    exchange->peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    exchange->peer->exchange = exchange;
    exchange->arena = arena_new();
    size_t path = strcspn(target, "?#");
    exchange->path = arena_text(exchange->arena, (struct text){target, path});
    exchange->query = TEXT("");
    if (target[path] == '?')
        exchange->query = arena_text(exchange->arena, text_of(target + path + 1));
    return exchange;
}

static void on_completed(void *argument, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)argument, (void)connection, (void)code;
    struct http_exchange *exchange = *context;
    if (exchange == NULL)
        return;
    exchange->peer->exchange = NULL;
    exchange->peer->is_reading = true;
    exchange->peer->since_ms = now_ms();
    exchange->peer->received = bytes_received(exchange->peer);
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
    arena_destroy(&exchange->arena);
    free(exchange->body);
    free(exchange);
    *context = NULL;
}

struct weight {
    size_t bytes, count;
};

static enum MHD_Result weigh(void *argument, enum MHD_ValueKind kind, const char *key,
                             size_t key_size, const char *value, size_t value_size)
{
    (void)kind, (void)key, (void)value;
    struct weight *weight = argument;
    weight->bytes += key_size + value_size + 4; /* ": " and the line's end */
    weight->count++;
    return MHD_YES;
}

static bool body_is_too_large(const struct http_exchange *exchange)
{
    struct text length = http_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t announced;
    return length.length > 0 && text_to_int(length, &announced) &&
           announced > (int64_t)exchange->http->options.body_max;
}

static void take_head(struct http_exchange *exchange)
{
    const struct http_options *options = &exchange->http->options;
    struct weight weight = {0, 0};
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, weigh, &weight);
    weight.bytes += exchange->path.length + exchange->query.length;
    if (weight.bytes > options->header_bytes_max || weight.count > options->header_count_max)
        options->excess(options->argument, exchange, HTTP_HEADERS_TOO_LARGE);
    else if (exchange->http->peer_count > options->connections_max)
        options->excess(options->argument, exchange, HTTP_CONNECTIONS_FULL);
    else
        options->head(options->argument, exchange);
    if (exchange->response == NULL && body_is_too_large(exchange))
        options->excess(options->argument, exchange, HTTP_BODY_TOO_LARGE);
}

/* False: more of a body came than anyone reads to its end. */
static bool take_body(struct http_exchange *exchange, const char *at, size_t length)
{
    size_t max = exchange->http->options.body_max;
    exchange->body_seen += length;
    exchange->is_too_large |= exchange->body_seen > max;
    if (exchange->is_too_large)
        return exchange->body_seen <= DRAINED_MAX * max;
    if (exchange->body_length + length > exchange->body_room) {
        size_t room = exchange->body_room == 0 ? 1024 : exchange->body_room;
        while (room < exchange->body_length + length)
            room *= 2;
        exchange->body = allocated(realloc(exchange->body, room));
        exchange->body_room = room;
    }
    memcpy(exchange->body + exchange->body_length, at, length);
    exchange->body_length += length;
    return true;
}

static enum MHD_Result queue_answer(struct http_exchange *exchange)
{
    exchange->stage = STAGE_SENT;
    exchange->peer->is_reading = false;
    return MHD_queue_response(exchange->connection, exchange->status, exchange->response);
}

static enum MHD_Result take_whole(struct http_exchange *exchange)
{
    const struct http_options *options = &exchange->http->options;
    exchange->stage = STAGE_TAKEN;
    exchange->peer->is_reading = false;
    if (exchange->is_too_large)
        options->excess(options->argument, exchange, HTTP_BODY_TOO_LARGE);
    else
        options->whole(options->argument, exchange);
    if (exchange->response != NULL)
        return queue_answer(exchange);
    exchange->is_suspended = true;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

static enum MHD_Result on_access(void *argument, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **context)
{
    (void)argument, (void)connection, (void)url, (void)version;
    struct http_exchange *exchange = *context;
    switch (exchange->stage) {
    case STAGE_HEAD:
        exchange->stage = STAGE_BODY;
        exchange->method = method;
        take_head(exchange);
        return exchange->response != NULL ? queue_answer(exchange) : MHD_YES;
    case STAGE_BODY:
        if (*upload_size == 0)
            return take_whole(exchange);
        if (!take_body(exchange, upload, *upload_size))
            return MHD_NO;
        *upload_size = 0;
        return MHD_YES;
    case STAGE_TAKEN:
        return exchange->response != NULL ? queue_answer(exchange) : MHD_NO;
    case STAGE_SENT:
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

/* --- the request ------------------------------------------------------------------------------ */

struct arena *http_arena(struct http_exchange *exchange)
{
    return exchange->arena;
}

struct text http_method(const struct http_exchange *exchange)
{
    return text_of(exchange->method);
}

struct text http_path(const struct http_exchange *exchange)
{
    return exchange->path;
}

struct text http_query(const struct http_exchange *exchange)
{
    return exchange->query;
}

struct text http_header(const struct http_exchange *exchange, const char *name)
{
    const char *value = NULL;
    size_t length = 0;
    if (MHD_lookup_connection_value_n(exchange->connection, MHD_HEADER_KIND, name, strlen(name),
                                      &value, &length) != MHD_YES ||
        value == NULL)
        return (struct text){NULL, 0};
    return (struct text){value, length};
}

struct header_count {
    const char *name;
    size_t length, count;
};

static enum MHD_Result count_header(void *argument, enum MHD_ValueKind kind, const char *key,
                                    size_t key_size, const char *value, size_t value_size)
{
    (void)kind, (void)value, (void)value_size;
    struct header_count *wanted = argument;
    wanted->count += key_size == wanted->length && strncasecmp(key, wanted->name, key_size) == 0;
    return MHD_YES;
}

size_t http_header_count(const struct http_exchange *exchange, const char *name)
{
    struct header_count wanted = {name, strlen(name), 0};
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, count_header, &wanted);
    return wanted.count;
}

struct bytes http_body(const struct http_exchange *exchange)
{
    return (struct bytes){exchange->body, exchange->body_length};
}

struct parameter_walk {
    bool (*take)(void *argument, struct text name, struct text value);
    void *argument;
    bool fine;
};

static enum MHD_Result on_parameter(void *argument, enum MHD_ValueKind kind, const char *key,
                                    size_t key_size, const char *value, size_t value_size)
{
    (void)kind;
    struct parameter_walk *walk = argument;
    struct text given = value == NULL ? TEXT("") : (struct text){value, value_size};
    walk->fine = walk->take(walk->argument, (struct text){key, key_size}, given);
    return walk->fine ? MHD_YES : MHD_NO;
}

bool http_parameters(const struct http_exchange *exchange,
                     bool (*take)(void *argument, struct text name, struct text value),
                     void *argument)
{
    struct parameter_walk walk = {take, argument, true};
    MHD_get_connection_values_n(exchange->connection, MHD_GET_ARGUMENT_KIND, on_parameter, &walk);
    return walk.fine;
}

void **http_slot(struct http_exchange *exchange)
{
    return &exchange->slot;
}

/* --- the answer ------------------------------------------------------------------------------- */

void http_reply_header(struct http_reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < HTTP_HEADERS_MAX);
    reply->headers[reply->header_count].name = name;
    reply->headers[reply->header_count].value = value;
    reply->header_count++;
}

void http_answer(struct http_exchange *exchange, const struct http_reply *reply)
{
    assert(exchange->response == NULL);
    struct MHD_Response *response = allocated(MHD_create_response_from_buffer(
        reply->body.length, (void *)(uintptr_t)reply->body.at, MHD_RESPMEM_MUST_COPY));
    if (reply->type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    exchange->response = response;
    exchange->status = reply->status;
    if (!exchange->is_suspended)
        return;
    exchange->is_suspended = false;
    MHD_resume_connection(exchange->connection);
}

/* --- life ------------------------------------------------------------------------------------- */

/* What clients do wrong is no happening of ours. */
__attribute__((format(printf, 2, 0))) static void say_nothing(void *argument, const char *format,
                                                              va_list arguments)
{
    (void)argument, (void)format, (void)arguments;
}

static struct MHD_Daemon *daemon_start(struct http *http, int listening)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access,
        http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, listening,
        MHD_OPTION_CONNECTION_LIMIT, http->options.connections_max + CONNECTIONS_SPARE,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_MAX_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_END);
}

struct http *http_new(const struct http_options *options)
{
    int port = 0;
    int listening =
        listen_open(options->listen_on, (int)options->connections_max + CONNECTIONS_SPARE, &port);
    if (listening < 0)
        return NULL;
    struct http *http = allocated(calloc(1, sizeof *http));
    http->options = *options;
    http->port = port;
    http->daemon = daemon_start(http, listening);
    if (http->daemon == NULL) {
        int why = errno;
        close(listening);
        free(http);
        errno = why;
        return NULL;
    }
    http->descriptor = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int length = snprintf(http->late, sizeof http->late,
                          "HTTP/1.1 408 Request Timeout\r\nContent-Type: %s\r\nContent-Length: "
                          "%zu\r\nConnection: close\r\n\r\n%s",
                          options->late_type, strlen(options->late_body), options->late_body);
    assert(length > 0 && (size_t)length < sizeof http->late);
    http->late_length = (size_t)length;
    return http;
}

void http_destroy(struct http **http)
{
    if (*http == NULL)
        return;
    /* libmicrohttpd will not stop while a connection is suspended. */
    for (struct peer *peer = (*http)->peers; peer != NULL; peer = peer->next)
        if (peer->exchange != NULL && peer->exchange->is_suspended) {
            peer->exchange->is_suspended = false;
            MHD_resume_connection(peer->connection);
        }
    MHD_run((*http)->daemon);
    MHD_stop_daemon((*http)->daemon);
    free(*http);
    *http = NULL;
}

int http_port(const struct http *http)
{
    return http->port;
}

size_t http_connection_count(const struct http *http)
{
    return http->peer_count;
}

int http_descriptor(const struct http *http)
{
    return http->descriptor;
}

/* A resumed connection is not seen in the turn that resumes it, and its descriptor does not become
 * readable either: turn again until nothing is due at once. */
bool http_run(struct http *http)
{
    sweep(http);
    for (int i = 0; i < RUNS_MAX; i++) {
        MHD_UNSIGNED_LONG_LONG due_ms = 0;
        MHD_run(http->daemon);
        if (MHD_get_timeout(http->daemon, &due_ms) != MHD_YES || due_ms > 0)
            return false;
    }
    return true;
}
