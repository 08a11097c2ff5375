#include "runtime/front_http.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edge/http.h"
#include "edge/openapi.h"
#include "edge/problem.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define HEADER_BYTES_MAX 16384
#define HEADER_COUNT_MAX 64
#define IN_FLIGHT_SLOTS  1024
#define SOON_MS          1
#define JSON_TYPE        "application/json"
#define OPENAPI_PATH     "/v1/openapi.json"
#define METHODS_MAX      32

/* One request on its way, in its exchange's slot. */
struct call {
    struct call *next; /* in its slot of those in flight */
    struct http_exchange *exchange;
    const struct route *route;
    struct text path_value;
    struct caller caller;
    struct text id; /* of a command */
    bool zh;
};

struct front_http {
    struct front_http_options options;
    struct http *http;
    struct arena *arena; /* of what does not change */
    struct text openapi;
    struct text late;
    bool running, stopping;
    bool soon;                               /* a timer is armed for what is left to run */
    struct call *in_flight[IN_FLIGHT_SLOTS]; /* commands with the desk or another service */
};

/* --- commands in flight: the same id may not be asked a second time meanwhile -------------------
 */

static struct call **in_flight_slot(struct front_http *self, const struct call *call)
{
    uint64_t hash = text_hash(call->id) ^ (text_hash(call->caller.organisation) * 31) ^
                    (text_hash(call->caller.district) * 131);
    return &self->in_flight[hash % IN_FLIGHT_SLOTS];
}

static bool is_same_command(const struct call *a, const struct call *b)
{
    return text_equal(a->id, b->id) && text_equal(a->caller.organisation, b->caller.organisation) &&
           text_equal(a->caller.district, b->caller.district);
}

static bool in_flight_add(struct front_http *self, struct call *call)
{
    struct call **slot = in_flight_slot(self, call);
    for (const struct call *other = *slot; other != NULL; other = other->next)
        if (is_same_command(other, call))
            return false;
    call->next = *slot;
    *slot = call;
    return true;
}

static void in_flight_remove(struct front_http *self, const struct call *call)
{
    for (struct call **at = in_flight_slot(self, call); *at != NULL; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            return;
        }
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool wants_chinese(const struct front_http *self, const struct http_exchange *exchange)
{
    return language_is_chinese(http_header(exchange, "Accept-Language"),
                               self->options.config->lang[0] == 'z');
}

static struct http_reply reply_of_problem(const struct problem_text *problem, bool zh)
{
    struct http_reply reply = {
        .status = problem->status, .type = PROBLEM_TYPE, .body = problem->json};
    http_reply_header(&reply, "Content-Language", zh ? "zh-CN" : "en");
    http_reply_header(&reply, "Cache-Control", "no-store");
    http_reply_header(&reply, "Vary", "Authorization, Accept-Language");
    if (problem->status == 503 || problem->status == 409)
        http_reply_header(&reply, "Retry-After", "1");
    return reply;
}

/* `header` and `value`: one more header, if any. */
static void refuse_http(struct front_http *self, struct http_exchange *exchange,
                        enum http_problem problem, const char *header, const char *value)
{
    bool zh = wants_chinese(self, exchange);
    struct problem_text text = problem_of_http(problem, zh, http_arena(exchange));
    struct http_reply reply = reply_of_problem(&text, zh);
    if (header != NULL)
        http_reply_header(&reply, header, value);
    http_answer(exchange, &reply);
}

static void refuse_fault(struct front_http *self, struct http_exchange *exchange,
                         const struct frame_fault *fault, const char *header, const char *value)
{
    bool zh = wants_chinese(self, exchange);
    struct problem_text text = problem_of_fault(fault, zh, http_arena(exchange));
    struct http_reply reply = reply_of_problem(&text, zh);
    if (header != NULL)
        http_reply_header(&reply, header, value);
    http_answer(exchange, &reply);
}

static void refuse_code(struct front_http *self, struct http_exchange *exchange,
                        enum refusal_code code, const char *field)
{
    struct frame_fault fault = {.refusal = refusal_of(code, field), .detail = TEXT("")};
    refuse_fault(self, exchange, &fault, NULL, NULL);
}

/* --- answers to what the desk or the reader did -------------------------------------------------
 */

/* The next page's path: this one's parameters with another cursor. NULL: a parameter is not fit for
 * a header. */
static const char *next_link(const struct call *call, struct text cursor, struct arena *arena)
{
    struct text query = http_query(call->exchange);
    const char *page = route_page_field(call->route)->name;
    struct text kept = TEXT("");
    for (size_t at = 0; at < query.length;) {
        struct text rest = {query.at + at, query.length - at};
        const char *end = memchr(rest.at, '&', rest.length);
        struct text one = {rest.at, end == NULL ? rest.length : (size_t)(end - rest.at)};
        struct text name = {one.at, strcspn(one.at, "=&")};
        at += one.length + 1;
        if (!text_equal(name, TEXT("cursor")) && !text_equal(name, text_of(page)))
            kept = arena_format(arena, "%.*s%.*s&", TEXT_ARG(kept), TEXT_ARG(one));
    }
    if (strpbrk(arena_string(arena, kept), "<>\"\\") != NULL)
        return NULL;
    return arena_format(arena, "<%.*s?%.*scursor=%.*s>; rel=\"next\"",
                        TEXT_ARG(http_path(call->exchange)), TEXT_ARG(kept), TEXT_ARG(cursor))
        .at;
}

static struct text dumped(const json_t *json, struct arena *arena)
{
    char *dump = json_dumps(json, JSON_COMPACT);
    if (dump == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    struct text text = arena_text(arena, text_of(dump));
    free(dump);
    return text;
}

/* Where the answer says how the next page goes on, it gets a cursor that says so opaquely. */
static void reply_page(const struct call *call, json_t *json, struct http_reply *reply,
                       struct arena *arena)
{
    const json_t *next = json_object_get(json, "next");
    struct text value;
    if (route_page_field(call->route) == NULL || next == NULL)
        return;
    if (json_is_integer(next))
        value = arena_format(arena, "%lld", (long long)json_integer_value(next));
    else
        value = arena_text(arena, text_of(json_string_value(next)));
    struct text cursor = cursor_format(call->route, value, arena);
    json_object_set_new(json, "next", json_stringn(cursor.at, cursor.length));
    reply->body = dumped(json, arena);
    const char *link = next_link(call, cursor, arena);
    if (link != NULL)
        http_reply_header(reply, "Link", link);
}

static bool tag_is_among(struct text list, const char *tag)
{
    size_t length = strlen(tag);
    if (text_equal(list, TEXT("*")))
        return true;
    for (size_t i = 0; i + length <= list.length; i++)
        if (memcmp(list.at + i, tag, length) == 0)
            return true;
    return false;
}

/* An order's version is its entity tag: weak, since names of organisations may change without it.
 */
static void reply_tag(const struct call *call, const json_t *json, struct http_reply *reply,
                      struct arena *arena)
{
    const json_t *version = json_object_get(json, "version");
    if (call->route->type != QUERY_order_show || !json_is_integer(version))
        return;
    const char *tag = arena_format(arena, "\"%lld\"", (long long)json_integer_value(version)).at;
    http_reply_header(reply, "ETag", arena_format(arena, "W/%s", tag).at);
    struct text known = http_header(call->exchange, "If-None-Match");
    if (known.at == NULL || !tag_is_among(known, tag))
        return;
    reply->status = 304;
    reply->type = NULL;
    reply->body = TEXT("");
}

static void reply_query(const struct call *call, const struct answer *answer,
                        struct http_reply *reply, struct arena *arena)
{
    reply->body = msgpack_to_json(answer->result_body, arena);
    http_reply_header(reply, "Cache-Control", "private, no-cache");
    if (route_page_field(call->route) == NULL && call->route->type != QUERY_order_show)
        return;
    json_t *json = json_loadb(reply->body.at, reply->body.length, 0, NULL);
    reply_page(call, json, reply, arena);
    reply_tag(call, json, reply, arena);
    json_decref(json);
}

/* True for a command that begins an order: it names none. */
static bool begins_order(const struct route *route)
{
    return route_field_named(route, TEXT("order")) == NULL;
}

static void reply_command(const struct call *call, const struct answer *answer,
                          struct http_reply *reply, struct arena *arena)
{
    if (answer->result_body.length > 0)
        reply->body = msgpack_to_json(answer->result_body, arena);
    else
        reply->body = TEXT("{}");
    http_reply_header(reply, "Cache-Control", "no-store");
    if (answer->events.count > 0)
        http_reply_header(reply, "Ztc-Position", positions_format(&answer->events, arena).at);
    if (answer->result.order > 0 && begins_order(call->route)) {
        reply->status = 201;
        http_reply_header(
            reply, "Location",
            arena_format(arena, "/v1/orders/%lld", (long long)answer->result.order).at);
    }
}

static void reply_answer(struct front_http *self, const struct call *call, struct bytes frame)
{
    struct http_exchange *exchange = call->exchange;
    struct arena *arena = http_arena(exchange);
    struct answer answer;
    if (!answer_decode(frame, arena, &answer)) {
        /* Its owner answered what this build does not know. */
        refuse_code(self, exchange, REFUSAL_unanswered, NULL);
        return;
    }
    if (answer.status != ANSWER_OK) {
        struct frame_fault fault = {.refusal = answer.refusal, .detail = TEXT("")};
        refuse_fault(self, exchange, &fault, NULL, NULL);
        return;
    }
    struct http_reply reply = {.status = 200, .type = JSON_TYPE};
    http_reply_header(&reply, "Vary", "Authorization, Accept-Language");
    if (call->route->is_query)
        reply_query(call, &answer, &reply, arena);
    else
        reply_command(call, &answer, &reply, arena);
    http_answer(exchange, &reply);
}

/* --- running ---------------------------------------------------------------------------------- */

static int on_soon(zloop_t *loop, int timer, void *argument);

static void run(struct front_http *self)
{
    self->running = true;
    bool more = http_run(self->http);
    self->running = false;
    if (more && !self->soon)
        self->soon = zloop_timer(self->options.loop, SOON_MS, 1, on_soon, self) >= 0;
}

static int on_soon(zloop_t *loop, int timer, void *argument)
{
    (void)loop, (void)timer;
    struct front_http *self = argument;
    self->soon = false;
    run(self);
    return 0;
}

static int on_tick(zloop_t *loop, int timer, void *argument)
{
    (void)loop, (void)timer;
    struct front_http *self = argument;
    run(self);
    metric_set(METRIC_http_connections, (int64_t)http_connection_count(self->http));
    return 0;
}

static int on_readable(zloop_t *loop, zmq_pollitem_t *poll, void *argument)
{
    (void)loop, (void)poll;
    run(argument);
    return 0;
}

void front_http_reply(struct front_http *self, struct request *request)
{
    const struct call *call = *http_slot(request->http);
    if (!call->route->is_query)
        in_flight_remove(self, call);
    reply_answer(self, call, request->reply);
    /* Inside a handler the daemon is running already. */
    if (!self->running)
        run(self);
}

/* --- what comes in ---------------------------------------------------------------------------- */

static void answer_page(struct front_http *self, struct http_exchange *exchange, struct text page)
{
    (void)self;
    struct http_reply reply = {.status = 200, .type = JSON_TYPE, .body = page};
    http_reply_header(&reply, "Cache-Control", "public, max-age=300");
    http_answer(exchange, &reply);
}

static bool is_reading(const struct http_exchange *exchange)
{
    struct text method = http_method(exchange);
    return text_equal(method, TEXT("GET")) || text_equal(method, TEXT("HEAD"));
}

/* The documents: for everybody, without a token. True: that is what was asked for. */
static bool take_document(struct front_http *self, struct http_exchange *exchange)
{
    struct text path = http_path(exchange), prefix = TEXT(PROBLEM_PATH);
    bool is_openapi = text_equal(path, TEXT(OPENAPI_PATH));
    struct problem_row row;
    bool is_problem =
        path.length > prefix.length && memcmp(path.at, prefix.at, prefix.length) == 0 &&
        problem_find((struct text){path.at + prefix.length, path.length - prefix.length}, &row);
    if (!is_openapi && !is_problem)
        return false;
    if (!is_reading(exchange))
        refuse_http(self, exchange, HTTP_PROBLEM_method_not_allowed, "Allow", "GET, HEAD");
    else if (is_openapi)
        answer_page(self, exchange, self->openapi);
    else
        answer_page(self, exchange, problem_row_json(&row, http_arena(exchange)));
    return true;
}

/* The token of "Bearer TOKEN"; empty: there is none. */
static struct text bearer_of(const struct http_exchange *exchange)
{
    struct text given = http_header(exchange, "Authorization");
    struct text scheme = TEXT("Bearer ");
    if (given.length <= scheme.length || strncasecmp(given.at, scheme.at, scheme.length) != 0)
        return TEXT("");
    return (struct text){given.at + scheme.length, given.length - scheme.length};
}

static bool admit(struct front_http *self, struct http_exchange *exchange, struct call *call)
{
    struct text token = bearer_of(exchange);
    if (token.length > 0 &&
        keyring_find_bearer(self->options.keyring, token, http_arena(exchange), &call->caller))
        return true;
    metric_add(METRIC_unauthorised_total, 1);
    if (token.length == 0) {
        refuse_http(self, exchange, HTTP_PROBLEM_bearer_required, "WWW-Authenticate",
                    "Bearer realm=\"zhitongche\"");
        return false;
    }
    struct frame_fault fault = {.refusal = refusal_of(REFUSAL_unknown_key, NULL),
                                .detail = TEXT("")};
    refuse_fault(self, exchange, &fault, "WWW-Authenticate",
                 "Bearer realm=\"zhitongche\", error=\"invalid_token\"");
    return false;
}

static bool is_json(struct text type)
{
    size_t length = sizeof JSON_TYPE - 1;
    return type.length >= length && strncasecmp(type.at, JSON_TYPE, length) == 0 &&
           (type.length == length || type.at[length] == ';' || type.at[length] == ' ');
}

/* Where two readers could understand two things, a proxy in front one and this server another: a
 * header that stands for one value given twice, and more than one word about where the body ends.
 */
static bool headers_are_ambiguous(const struct http_exchange *exchange)
{
    static const char *const single[] = {
        "Host",         "Content-Length",   "Transfer-Encoding", "Authorization", "Idempotency-Key",
        "Content-Type", "Ztc-On-Behalf-Of", "Ztc-Time",          "Ztc-Position"};
    struct text coding = http_header(exchange, "Transfer-Encoding");
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (http_header_count(exchange, single[i]) > 1)
            return true;
    return coding.at != NULL && (http_header_count(exchange, "Content-Length") > 0 ||
                                 coding.length != sizeof "chunked" - 1 ||
                                 strncasecmp(coding.at, "chunked", coding.length) != 0);
}

/* What a command's headers must say. */
static bool command_head_fits(struct front_http *self, struct http_exchange *exchange,
                              struct call *call)
{
    struct text length = http_header(exchange, "Content-Length");
    bool has_body = (length.length > 0 && !text_equal(length, TEXT("0"))) ||
                    http_header(exchange, "Transfer-Encoding").at != NULL;
    call->id = http_header(exchange, "Idempotency-Key");
    if (call->id.length == 0)
        refuse_code(self, exchange, REFUSAL_missing_field, "Idempotency-Key");
    else if (http_header(exchange, "If-Match").at != NULL)
        refuse_http(self, exchange, HTTP_PROBLEM_no_preconditions, NULL, NULL);
    else if (has_body && !is_json(http_header(exchange, "Content-Type")))
        refuse_http(self, exchange, HTTP_PROBLEM_unsupported_media_type, "Accept-Post", JSON_TYPE);
    else
        return true;
    return false;
}

static void on_head(void *argument, struct http_exchange *exchange)
{
    struct front_http *self = argument;
    metric_add(METRIC_http_requests_total, 1);
    if (headers_are_ambiguous(exchange)) {
        metric_add(METRIC_malformed_total, 1);
        refuse_http(self, exchange, HTTP_PROBLEM_ambiguous_headers, "Connection", "close");
        return;
    }
    if (take_document(self, exchange))
        return;
    struct call *call = arena_alloc(http_arena(exchange), sizeof *call);
    *call = (struct call){.exchange = exchange, .zh = wants_chinese(self, exchange)};
    bool is_query = self->options.is_query;
    call->route = route_find(is_query, http_path(exchange), &call->path_value);
    if (call->route == NULL)
        refuse_http(self, exchange, HTTP_PROBLEM_no_such_path, NULL, NULL);
    else if (is_query ? !is_reading(exchange) : !text_equal(http_method(exchange), TEXT("POST")))
        refuse_http(self, exchange, HTTP_PROBLEM_method_not_allowed, "Allow",
                    is_query ? "GET, HEAD" : "POST");
    else if (self->stopping)
        refuse_code(self, exchange, REFUSAL_not_ready, NULL);
    else if (admit(self, exchange, call) && (is_query || command_head_fits(self, exchange, call)))
        *http_slot(exchange) = call;
}

static bool add_parameter(void *argument, struct text name, struct text value)
{
    struct frame_query *query = argument;
    if (query->parameter_count == FRAME_PARAMETERS_MAX)
        return false;
    query->parameters[query->parameter_count++] = (struct frame_parameter){name, value};
    return true;
}

static bool frame_query(const struct call *call, struct request *request, struct frame_fault *fault)
{
    struct frame_query *from = arena_alloc(request->arena, sizeof *from);
    from->route = call->route;
    from->path_value = call->path_value;
    from->positions = http_header(call->exchange, "Ztc-Position");
    if (http_parameters(call->exchange, add_parameter, from))
        return frame_of_query(from, request->arena, &request->frame, fault);
    *fault =
        (struct frame_fault){.refusal = refusal_of(REFUSAL_oversize, NULL), .detail = TEXT("")};
    return false;
}

static bool frame_command(const struct call *call, struct request *request,
                          struct frame_fault *fault)
{
    struct frame_command from = {
        .route = call->route,
        .path_value = call->path_value,
        .id = call->id,
        .on_behalf_of = http_header(call->exchange, "Ztc-On-Behalf-Of"),
        .time = http_header(call->exchange, "Ztc-Time"),
        .body = http_body(call->exchange),
    };
    return frame_of_command(&from, request->arena, &request->frame, fault);
}

static void refuse_call(struct front_http *self, const struct call *call,
                        const struct frame_fault *fault)
{
    metric_add(METRIC_malformed_total, 1);
    log_line(LEVEL_INFO, "refused at the door",
             {"code", log_string(refusal_name(fault->refusal.code))},
             {"field", log_string(fault->refusal.field == NULL ? "" : fault->refusal.field)},
             {"caller", log_text(call->caller.organisation)},
             {"district", log_text(call->caller.district)}, {"id", log_text(call->id)});
    refuse_fault(self, call->exchange, fault, NULL, NULL);
}

static void on_whole(void *argument, struct http_exchange *exchange)
{
    struct front_http *self = argument;
    struct call *call = *http_slot(exchange);
    struct frame_fault fault = {.detail = TEXT("")};
    struct request *request = request_new();
    request->http = exchange;
    if (call->route->is_query ? !frame_query(call, request, &fault)
                              : !frame_command(call, request, &fault)) {
        /* The fault may point into the request's arena: first the answer, then the end. */
        refuse_call(self, call, &fault);
        request_destroy(&request);
        return;
    }
    if (!call->route->is_query && !in_flight_add(self, call)) {
        request_destroy(&request);
        refuse_http(self, exchange, HTTP_PROBLEM_in_flight, NULL, NULL);
        return;
    }
    request->input.caller = request->inquiry.caller =
        (struct caller){arena_text(request->arena, call->caller.district),
                        arena_text(request->arena, call->caller.organisation), call->caller.role};
    self->options.take(self->options.argument, request, call->route->is_query);
}

static void on_excess(void *argument, struct http_exchange *exchange, enum http_excess excess)
{
    struct front_http *self = argument;
    struct frame_fault fault = {.detail = TEXT("")};
    metric_add(METRIC_malformed_total, 1);
    switch (excess) {
    case HTTP_HEADERS_TOO_LARGE:
        refuse_http(self, exchange, HTTP_PROBLEM_too_many_headers, "Connection", "close");
        return;
    case HTTP_BODY_TOO_LARGE:
        fault.refusal = refusal_of(REFUSAL_oversize, NULL);
        break;
    case HTTP_CONNECTIONS_FULL:
        fault.refusal = refusal_of(REFUSAL_busy, NULL);
        break;
    }
    refuse_fault(self, exchange, &fault, "Connection", "close");
}

/* --- life ------------------------------------------------------------------------------------- */

struct front_http *front_http_open(const struct front_http_options *options)
{
    struct front_http *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    self->options = *options;
    self->arena = arena_new();
    self->openapi = openapi_json(self->arena);
    self->late =
        problem_of_http(HTTP_PROBLEM_too_late, options->config->lang[0] == 'z', self->arena).json;
    struct http_options http = {
        .listen_on = options->config->api,
        .body_max = MESSAGE_BYTES_MAX,
        .header_bytes_max = HEADER_BYTES_MAX,
        .header_count_max = HEADER_COUNT_MAX,
        .connections_max = (unsigned)options->config->api_connections_max,
        .request_ms = options->config->api_request_ms,
        .late_type = PROBLEM_TYPE,
        .late_body = self->late.at,
        .argument = self,
        .head = on_head,
        .whole = on_whole,
        .excess = on_excess,
    };
    self->http = http_new(&http);
    zmq_pollitem_t poll = {.events = ZMQ_POLLIN};
    if (self->http != NULL)
        poll.fd = http_descriptor(self->http);
    if (self->http == NULL || zloop_poller(options->loop, &poll, on_readable, self) != 0 ||
        zloop_timer(options->loop, HTTP_TICK_MS, 0, on_tick, self) < 0) {
        int why = errno;
        front_http_destroy(&self);
        errno = why;
    }
    return self;
}

void front_http_destroy(struct front_http **self)
{
    if (*self == NULL)
        return;
    http_destroy(&(*self)->http);
    arena_destroy(&(*self)->arena);
    free(*self);
    *self = NULL;
}

int front_http_port(const struct front_http *self)
{
    return http_port(self->http);
}

void front_http_stop(struct front_http *self)
{
    self->stopping = true;
}
