#include "runtime/front.h"

#include <stdlib.h>
#include <string.h>

#include "events/door.h"
#include "runtime/clock.h"
#include "runtime/front_http.h"
#include "runtime/health.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define FRONT_TAKE_MAX   256 /* requests taken from a socket before the loop looks at the others */
#define FRONT_RELAYS_MAX 16384 /* requests that may be with another service at a time */
#define FRONT_BEAT_MS    1000
#define FRONT_SWEEP_MS   200
#define FRONT_DRAIN_MS   3000 /* how long a stop waits for answers that are under way */
/* Without a word from a peer for so long, it is connected to anew. */
#define FRONT_SILENCE_MS 5000
/* Answers that wait for a caller that does not read them: of commands they are small, of queries
 * they may be large. */
#define FRONT_FEED_ANSWERS_MAX  4096 /* README.md tells callers */
#define FRONT_QUERY_ANSWERS_MAX 256

/* Between services a frame begins with what it is. */
#define RELAY_COMMAND 'C'
#define RELAY_QUERY   'Q'
#define RELAY_BEAT    'B' /* asks for nothing but its return, under sequence 0 */
/* Behind a beat that returns: who gives it back understands bundles. A build that does not returns
 * the beat alone. */
#define RELAY_BUNDLES 'b'

struct peer {
    struct front *front;
    enum service service;
    struct bus_subscriber *subscriber; /* when its log is consumed */
    struct bus_asker *asker;           /* when requests are relayed to it */
    bool is_known;                     /* its endpoints were announced, with a key we know */
    bool takes_bundles;                /* its last beat said so */
    int64_t hint_ms, answer_ms;        /* monotonic: when it was last heard, or connected to anew */
    bool silence_logged;
};

struct relay {
    struct relay *next; /* in its hash slot */
    uint64_t sequence;
    struct request *request;
    int64_t sent_ms;
};

struct front {
    const struct service_definition *definition;
    const struct config *config;
    enum service service;
    zloop_t *loop;
    struct bus_publisher *publisher;
    struct bus_router *inner; /* from our own services */
    char publisher_announced[BUS_ENDPOINT_MAX], inner_announced[BUS_ENDPOINT_MAX];
    struct bus_router *outer; /* from outside: intake's feed, reporting's queries */
    struct bus_badge *badge;
    struct front_http *http; /* the same over HTTP; NULL: off */
    struct bus_guard *guard;
    uint64_t denied[BUS_DOMAIN_COUNT]; /* handshakes, as far as told */
    int64_t beat_ms;                   /* monotonic: the last beat */
    struct keyring *keyring;
    struct outbox *outbox;
    struct desk *desk;
    struct reader *reader;
    struct peer peers[SERVICE_COUNT];
    struct arena *scratch;
    struct relay *relays[1024];
    size_t relay_count;
    uint64_t sequence;
    bool stopping;
    bool failed; /* the outer face cannot be opened: the process ends, for its supervisor to see */
    int64_t stop_by_ms;
};

struct front *front_new(const struct service_definition *definition, const struct config *config)
{
    struct front *front = calloc(1, sizeof *front);
    if (front == NULL)
        abort();
    front->definition = definition;
    front->config = config;
    front->service = definition->desk.service;
    front->scratch = arena_new();
    for (int s = 0; s < SERVICE_COUNT; s++) {
        front->peers[s].front = front;
        front->peers[s].service = (enum service)s;
    }
    return front;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void send_reply(struct front *front, struct request *request)
{
    if (request->http != NULL)
        front_http_reply(front->http, request);
    else if (!bus_router_answer(request->router, &request->from, request->reply))
        metric_add(METRIC_answers_lost_total, 1);
    request_destroy(&request);
}

static void refuse_now(struct front *front, struct request *request, struct text id,
                       struct refusal refusal)
{
    bool retry = refusal_is_retry(refusal.code);
    struct answer answer = {
        .id = id, .status = retry ? ANSWER_RETRY : ANSWER_REFUSED, .refusal = refusal};
    request->reply = answer_encode(&answer, front->config->lang[0] == 'z', request->arena);
    metric_add(retry ? METRIC_answers_retry_total : METRIC_answers_refused_total, 1);
    if (!retry)
        log_line(LEVEL_INFO, "refused at the door",
                 {"code", log_string(refusal_name(refusal.code))},
                 {"field", log_string(refusal.field == NULL ? "" : refusal.field)},
                 {"caller", log_text(request->input.caller.organisation)},
                 {"district", log_text(request->input.caller.district)}, {"id", log_text(id)});
    send_reply(front, request);
}

/* What was said to other services in this turn goes out: every turn that may have said something
 * ends with it. */
static void flush(struct front *front)
{
    for (int s = 0; s < SERVICE_COUNT; s++)
        if (front->peers[s].asker != NULL)
            bus_asker_flush(front->peers[s].asker);
    metric_add(METRIC_answers_lost_total, (int64_t)bus_router_flush(front->inner));
}

/* --- relaying: what another service owns ------------------------------------------------------ */

static struct relay **relay_slot(struct front *front, uint64_t sequence)
{
    return &front->relays[sequence % (sizeof front->relays / sizeof *front->relays)];
}

static void relay(struct front *front, struct request *request, enum service to, char what,
                  int64_t after, int64_t order)
{
    struct text id = what == RELAY_QUERY ? request->inquiry.query.id : request->input.command.id;
    if (front->relay_count >= FRONT_RELAYS_MAX) {
        refuse_now(front, request, id, refusal_of(REFUSAL_busy, NULL));
        return;
    }
    struct forward forward = {.command = request->frame,
                              .caller = what == RELAY_QUERY ? request->inquiry.caller
                                                            : request->input.caller,
                              .after = after,
                              .order = order};
    struct bytes body = forward_encode(&forward, request->arena);
    uint8_t *frame = arena_alloc(request->arena, body.length + 1);
    frame[0] = (uint8_t)what;
    memcpy(frame + 1, body.at, body.length);
    uint64_t sequence = ++front->sequence;
    const struct peer *peer = &front->peers[to];
    bool (*ask)(struct bus_asker *, uint64_t, struct bytes) =
        peer->takes_bundles ? bus_asker_ask_bundled : bus_asker_ask;
    if (peer->asker == NULL ||
        !ask(peer->asker, sequence, (struct bytes){frame, body.length + 1})) {
        refuse_now(front, request, id, refusal_of(REFUSAL_unanswered, NULL));
        return;
    }
    struct relay *entry = arena_alloc(request->arena, sizeof *entry);
    *entry = (struct relay){*relay_slot(front, sequence), sequence, request, clock_monotonic_ms()};
    *relay_slot(front, sequence) = entry;
    front->relay_count++;
}

static struct request *relay_take(struct front *front, uint64_t sequence)
{
    for (struct relay **at = relay_slot(front, sequence); *at != NULL; at = &(*at)->next)
        if ((*at)->sequence == sequence) {
            struct request *request = (*at)->request;
            *at = (*at)->next;
            front->relay_count--;
            return request;
        }
    return NULL; /* answered too late: its caller was told to ask again with the same id */
}

static void take_answer(struct peer *peer, uint64_t sequence, struct bytes frame)
{
    struct front *front = peer->front;
    if (sequence == 0)
        peer->takes_bundles = frame.length == 2 && frame.at[1] == RELAY_BUNDLES;
    struct request *request = relay_take(front, sequence);
    if (request == NULL)
        return;
    request->reply = arena_bytes(request->arena, frame);
    metric_add(METRIC_commands_total, request->inquiry.query.id.at == NULL);
    send_reply(front, request);
}

static int on_relay_answer(zloop_t *loop, zsock_t *socket, void *argument)
{
    (void)loop, (void)socket;
    struct peer *peer = argument;
    struct front *front = peer->front;
    struct bus_run answers;
    uint64_t sequence;
    struct bytes frame;
    peer->answer_ms = clock_monotonic_ms();
    peer->silence_logged = false;
    for (int taken = 0; taken < FRONT_TAKE_MAX;) {
        arena_reset(front->scratch);
        if (!bus_asker_take(peer->asker, front->scratch, &answers))
            break;
        for (; bus_run_next(&answers, &sequence, &frame); taken++)
            take_answer(peer, sequence, frame);
    }
    flush(front);
    return 0;
}

static int on_sweep(zloop_t *loop, int timer, void *argument)
{
    (void)loop, (void)timer;
    struct front *front = argument;
    int64_t overdue = clock_monotonic_ms() - front->config->answer_wait_ms;
    health_beat(HEALTH_FRONT);
    for (size_t slot = 0; slot < sizeof front->relays / sizeof *front->relays; slot++)
        for (struct relay **at = &front->relays[slot]; *at != NULL;) {
            if ((*at)->sent_ms > overdue) {
                at = &(*at)->next;
                continue;
            }
            struct request *request = (*at)->request;
            *at = (*at)->next;
            front->relay_count--;
            struct text id = request->inquiry.query.id.at != NULL ? request->inquiry.query.id
                                                                  : request->input.command.id;
            refuse_now(front, request, id, refusal_of(REFUSAL_unanswered, NULL));
        }
    flush(front);
    if (front->stopping && (front->relay_count == 0 || clock_monotonic_ms() >= front->stop_by_ms))
        return -1;
    return 0;
}

/* --- what comes in ---------------------------------------------------------------------------- */

static void submit(struct front *front, struct request *request, struct text id, bool query)
{
    request->arrived_ms = clock_monotonic_ms();
    bool taken = query ? reader_submit(front->reader, request) : desk_submit(front->desk, request);
    if (!taken)
        refuse_now(front, request, id, refusal_of(REFUSAL_busy, NULL));
}

/* A caller that acts for another organisation takes that one's role: what it may is known only with
 * the directory, at the desk. */
static bool door_lets(const struct command *command, const struct caller *caller)
{
    return command->on_behalf_of.length > 0 ||
           command_role_may(command->type, (enum role)caller->role);
}

static void take_command(struct front *front, struct request *request)
{
    struct refusal refusal;
    struct input *input = &request->input;
    input->kind = INPUT_COMMAND;
    if (!command_decode(request->frame, request->arena, &input->command, &refusal)) {
        metric_add(METRIC_malformed_total, 1);
        refuse_now(front, request, input->command.id, refusal);
        return;
    }
    input->traceparent = traceparent_of_command(&input->caller, input->command.id, request->arena);
    if (!door_lets(&input->command, &input->caller)) {
        metric_add(METRIC_unauthorised_total, 1);
        refuse_now(front, request, input->command.id, refusal_of(REFUSAL_forbidden, NULL));
        return;
    }
    submit(front, request, input->command.id, false);
}

/* Reporting, the one window for reads, asks the others for what is theirs. */
static bool query_is_relayed(const struct front *front, enum query_type type, enum service *to)
{
    *to = query_owner(type);
    return front->service == SERVICE_reporting && *to != SERVICE_reporting;
}

static void take_query(struct front *front, struct request *request)
{
    struct refusal refusal;
    struct query *query = &request->inquiry.query;
    enum service to;
    if (!query_decode(request->frame, request->arena, query, &refusal)) {
        metric_add(METRIC_malformed_total, 1);
        refuse_now(front, request, query->id, refusal);
        return;
    }
    /* Who is not the owner any more would judge by keys and organisations as they once were. */
    if (!desk_owns(front->desk))
        refuse_now(front, request, query->id, refusal_of(REFUSAL_not_owner, NULL));
    else if (query_is_relayed(front, query->type, &to))
        relay(front, request, to, RELAY_QUERY, 0, 0);
    else if (front->reader == NULL)
        refuse_now(front, request, query->id, refusal_of(REFUSAL_unknown_type, "type"));
    else
        submit(front, request, query->id, true);
}

/* The id of a request that is not looked at any further. */
static struct text id_of(const struct front *front, const struct request *request)
{
    struct refusal ignored;
    struct command command = {.id = {"", 0}};
    struct query query = {.id = {"", 0}};
    if (front->service == SERVICE_intake)
        command_decode(request->frame, request->arena, &command, &ignored);
    else
        query_decode(request->frame, request->arena, &query, &ignored);
    return front->service == SERVICE_intake ? command.id : query.id;
}

static int on_outer(zloop_t *loop, zsock_t *socket, void *argument)
{
    (void)loop, (void)socket;
    struct front *front = argument;
    for (int i = 0; i < FRONT_TAKE_MAX && !front->stopping; i++) {
        struct request *request = request_new();
        request->router = front->outer;
        if (!bus_router_take(front->outer, request->arena, &request->from, &request->frame)) {
            request_destroy(&request);
            break;
        }
        struct caller caller;
        if (!keyring_find(front->keyring, request->from.user, request->arena, &caller)) {
            metric_add(METRIC_unauthorised_total, 1);
            refuse_now(front, request, id_of(front, request),
                       refusal_of(REFUSAL_unknown_key, NULL));
            continue;
        }
        request->input.caller = request->inquiry.caller = caller;
        if (request->frame.length == 0) {
            metric_add(METRIC_malformed_total, 1);
            refuse_now(front, request, (struct text){"", 0}, refusal_of(REFUSAL_malformed, NULL));
        } else if (front->service == SERVICE_intake) {
            take_command(front, request);
        } else {
            take_query(front, request);
        }
    }
    flush(front);
    return 0;
}

static void take_relayed(struct front *front, struct request *request)
{
    struct forward forward;
    char what = (char)(request->frame.length > 0 ? request->frame.at[0] : 0);
    if (what == RELAY_BEAT && request->frame.length == 1) {
        static const uint8_t returned[] = {RELAY_BEAT, RELAY_BUNDLES};
        request->reply = (struct bytes){returned, sizeof returned};
        send_reply(front, request);
        return;
    }
    struct bytes body = {request->frame.at + 1,
                         request->frame.length > 0 ? request->frame.length - 1 : 0};
    if ((what != RELAY_COMMAND && what != RELAY_QUERY) ||
        !forward_decode(body, request->arena, &forward)) {
        metric_add(METRIC_malformed_total, 1);
        refuse_now(front, request, (struct text){"", 0}, refusal_of(REFUSAL_malformed, NULL));
        return;
    }
    request->frame = forward.command;
    request->input.caller = request->inquiry.caller = forward.caller;
    request->input.resolved_order = forward.order;
    request->after = forward.after;
    request->after_producer = SERVICE_intake;
    if (what == RELAY_COMMAND)
        take_command(front, request);
    else
        take_query(front, request);
}

static int on_inner(zloop_t *loop, zsock_t *socket, void *argument)
{
    (void)loop, (void)socket;
    struct front *front = argument;
    struct bus_caller caller;
    struct bus_run asked;
    struct bytes frame;
    for (int taken = 0; taken < FRONT_TAKE_MAX && !front->stopping;) {
        arena_reset(front->scratch);
        if (!bus_router_take_run(front->inner, front->scratch, &caller, &asked))
            break;
        for (; bus_run_next(&asked, &caller.sequence, &frame); taken++) {
            struct request *request = request_new();
            request->router = front->inner;
            request->from = caller;
            request->frame = arena_bytes(request->arena, frame);
            take_relayed(front, request);
        }
    }
    flush(front);
    return 0;
}

static int on_hint(zloop_t *loop, zsock_t *socket, void *argument)
{
    (void)loop, (void)socket;
    struct peer *peer = argument;
    struct front *front = peer->front;
    struct bus_hint *hints;
    uint64_t malformed = 0;
    peer->hint_ms = clock_monotonic_ms();
    peer->silence_logged = false;
    /* Hints are drained whole: what the desk has no room for it reads from the log. */
    for (int i = 0; i < 16 * FRONT_TAKE_MAX; i++) {
        arena_reset(front->scratch);
        size_t count = bus_subscriber_take(peer->subscriber, front->scratch, &hints, &malformed);
        if (count == 0)
            break;
        desk_hint(front->desk, peer->service, hints, count);
    }
    metric_add(METRIC_malformed_total, (int64_t)malformed);
    return 0;
}

/* --- the face to the outside ------------------------------------------------------------------ */

static bool say(const char *what, const char *where)
{
    log_line(LEVEL_ERROR, "cannot start", {"because", log_string(what)},
             {"where", log_string(where)}, {"errno", log_string(strerror(errno))});
    return false;
}

static const char *outer_endpoint(const struct front *front)
{
    return front->service == SERVICE_intake      ? front->config->feed
           : front->service == SERVICE_reporting ? front->config->query
                                                 : NULL;
}

/* The badge, and the guard that looks at it and at the keyring. */
static bool open_guard(struct front *front)
{
    const struct config *config = front->config;
    front->badge = bus_badge_new(config->bus_curve, config->bus_curve_other);
    if (front->badge == NULL)
        return say("the certificate between the services cannot be read", config->bus_curve);
    if (outer_endpoint(front) != NULL && config->curve_secret[0] == '\0') {
        errno = EINVAL;
        return say("ZTC_CURVE_SECRET must be set", "environment");
    }
    if (outer_endpoint(front) != NULL) {
        char key[BUS_KEY_TEXT + 1];
        snprintf(key, sizeof key, "%s", config->operator_key);
        if (key[0] == '\0' && config->operator_certificate[0] != '\0' &&
            !bus_certificate_key(config->operator_certificate, key))
            return say("the operator's certificate cannot be read", config->operator_certificate);
        front->keyring = keyring_new(key);
    }
    front->guard =
        bus_guard_new(front->badge, front->keyring == NULL ? NULL : keyring_admits, front->keyring);
    return front->guard != NULL || say("the guard cannot be made", "zap");
}

static void on_http(void *argument, struct request *request, bool is_query)
{
    if (is_query)
        take_query(argument, request);
    else
        take_command(argument, request);
    flush(argument);
}

static bool open_http(struct front *front)
{
    if (strcmp(front->config->api, "off") == 0)
        return true;
    struct front_http_options options = {
        .config = front->config,
        .is_query = front->service == SERVICE_reporting,
        .keyring = front->keyring,
        .loop = front->loop,
        .argument = front,
        .take = on_http,
    };
    front->http = front_http_open(&options);
    if (front->http == NULL)
        return say("the REST endpoint cannot be bound", front->config->api);
    log_line(LEVEL_INFO, "open for callers over HTTP", {"face", log_string(front->config->api)},
             {"port", log_int(front_http_port(front->http))});
    return true;
}

/* Only once the registered keys are known: who is denied in the handshake is not let in again by
 * libzmq's client, ever, so that a start without the records would lock out every honest caller. */
static bool open_outer(struct front *front)
{
    const char *endpoint = outer_endpoint(front);
    if (endpoint == NULL || front->outer != NULL)
        return true;
    front->outer = bus_router_new_outside(
        endpoint, front->config->curve_secret,
        front->service == SERVICE_intake ? FRONT_FEED_ANSWERS_MAX : FRONT_QUERY_ANSWERS_MAX);
    if (front->outer == NULL)
        return say("the CURVE endpoint cannot be bound", endpoint);
    log_line(LEVEL_INFO, "open for callers",
             {"face", log_string(bus_router_endpoint(front->outer))});
    return zloop_reader(front->loop, bus_router_socket(front->outer), on_outer, front) == 0 &&
           open_http(front);
}

/* --- what goes out ---------------------------------------------------------------------------- */

/* Ready when every service this one listens to or asks has said where it is. */
static void tell_peers(const struct front *front)
{
    bool known = true;
    for (int s = 0; s < SERVICE_COUNT; s++) {
        const struct peer *peer = &front->peers[s];
        known &= peer->is_known || (peer->subscriber == NULL && peer->asker == NULL);
    }
    health_set(HEALTH_PEERS, known);
}

/* A key that is not known here is not connected to: an answer would prove nothing about its giver.
 */
static void follow(struct front *front, const struct outbox_item *item)
{
    struct peer *peer = &front->peers[item->peer];
    peer->is_known = bus_badge_knows(front->badge, item->key);
    if (!peer->is_known)
        log_line(LEVEL_WARN, "a peer shows a bus key that is not known here",
                 {"peer", log_string(words_name(&words_service, (int)item->peer))},
                 {"key", log_string(item->key)});
    tell_peers(front);
    peer->hint_ms = peer->answer_ms = clock_monotonic_ms();
    peer->takes_bundles = false;
    if (peer->subscriber != NULL)
        bus_subscriber_follow(peer->subscriber, peer->is_known ? item->publisher : "", item->key);
    if (peer->asker != NULL)
        bus_asker_follow(peer->asker, peer->is_known ? item->router : "", item->key);
}

static int on_outbox(zloop_t *loop, zmq_pollitem_t *poll, void *argument)
{
    (void)loop, (void)poll;
    struct front *front = argument;
    struct outbox_item *item = outbox_take(front->outbox);
    while (item != NULL) {
        struct outbox_item *next = item->next;
        switch (item->kind) {
        case OUTBOX_ANSWER:
            send_reply(front, item->request);
            break;
        case OUTBOX_FORWARD:
            relay(front, item->request, item->request->input.forward_to, RELAY_COMMAND,
                  item->request->input.forward_after, item->request->input.forward_order);
            break;
        case OUTBOX_PUBLISH:
            bus_publish(front->publisher, item->publications, item->publication_count);
            break;
        case OUTBOX_PEER:
            follow(front, item);
            break;
        case OUTBOX_OPEN:
            front->failed |= !open_outer(front);
            break;
        }
        outbox_item_destroy(&item);
        item = next;
    }
    flush(front);
    return front->failed ? -1 : 0;
}

static void log_silence(struct peer *peer, const char *where)
{
    metric_add(METRIC_peers_renewed_total, 1);
    if (!peer->silence_logged)
        log_line(LEVEL_WARN, "a peer is silent; connecting anew",
                 {"peer", log_string(words_name(&words_service, (int)peer->service))},
                 {"at", log_string(where)});
    peer->silence_logged = true;
}

/* Who has not been heard for a while is connected to anew: libzmq itself gives some connections up
 * for good. After this process itself stood still, what they said has yet to be taken. */
static void look_after(struct front *front, struct peer *peer, int64_t now)
{
    const uint8_t beat = RELAY_BEAT;
    if (now - front->beat_ms > FRONT_SILENCE_MS / 2)
        peer->hint_ms = peer->answer_ms = now;
    if (!peer->is_known)
        return;
    if (peer->asker != NULL)
        bus_asker_ask(peer->asker, 0, (struct bytes){&beat, 1});
    if (peer->subscriber != NULL && now - peer->hint_ms > FRONT_SILENCE_MS) {
        log_silence(peer, "pub");
        zloop_reader_end(front->loop, bus_subscriber_socket(peer->subscriber));
        bus_subscriber_renew(peer->subscriber);
        zloop_reader(front->loop, bus_subscriber_socket(peer->subscriber), on_hint, peer);
        peer->hint_ms = now;
    } else if (peer->asker != NULL && now - peer->answer_ms > FRONT_SILENCE_MS) {
        log_silence(peer, "router");
        zloop_reader_end(front->loop, bus_asker_socket(peer->asker));
        bus_asker_renew(peer->asker);
        zloop_reader(front->loop, bus_asker_socket(peer->asker), on_relay_answer, peer);
        peer->answer_ms = now;
    }
}

/* One line a second at most, however many knock. */
static void tell_denied(struct front *front)
{
    for (int domain = 0; domain < BUS_DOMAIN_COUNT; domain++) {
        uint64_t denied = bus_guard_denied(front->guard, (enum bus_domain)domain);
        if (denied == front->denied[domain])
            continue;
        int64_t more = (int64_t)(denied - front->denied[domain]);
        metric_add(METRIC_handshakes_denied_total, more);
        log_line(LEVEL_WARN, "connections denied: their keys may not",
                 {"at", log_string(domain == BUS_INSIDE ? "bus" : "face")},
                 {"count", log_int(more)});
        front->denied[domain] = denied;
    }
}

static int on_beat(zloop_t *loop, int timer, void *argument)
{
    (void)loop, (void)timer;
    struct front *front = argument;
    int64_t now = clock_monotonic_ms();
    const struct bus_hint heartbeat = {.type = TEXT("heartbeat"), .offset = desk_head(front->desk)};
    bus_publish(front->publisher, &heartbeat, 1);
    for (int s = 0; s < SERVICE_COUNT; s++)
        if (!front->stopping)
            look_after(front, &front->peers[s], now);
    front->beat_ms = now;
    tell_denied(front);
    return 0;
}

/* --- open, run, close ------------------------------------------------------------------------- */

static bool open_peers(struct front *front)
{
    for (size_t i = 0; i < front->definition->desk.consume_count; i++) {
        struct peer *peer = &front->peers[front->definition->desk.consumes[i]];
        peer->subscriber = bus_subscriber_new(front->badge);
        if (peer->subscriber == NULL ||
            zloop_reader(front->loop, bus_subscriber_socket(peer->subscriber), on_hint, peer) != 0)
            return say("a subscriber cannot be made",
                       words_name(&words_service, (int)peer->service));
    }
    static const enum service asked[SERVICE_COUNT][4] = {
        [SERVICE_intake] = {SERVICE_dispatch, SERVICE_notification, SERVICE_COUNT},
        [SERVICE_dispatch] = {SERVICE_COUNT},
        [SERVICE_notification] = {SERVICE_COUNT},
        [SERVICE_evaluation] = {SERVICE_COUNT},
        [SERVICE_reporting] = {SERVICE_intake, SERVICE_dispatch, SERVICE_notification,
                               SERVICE_COUNT},
    };
    for (const enum service *to = asked[front->service]; *to != SERVICE_COUNT; to++) {
        struct peer *peer = &front->peers[*to];
        peer->asker = bus_asker_new(front->badge);
        if (peer->asker == NULL ||
            zloop_reader(front->loop, bus_asker_socket(peer->asker), on_relay_answer, peer) != 0)
            return say("an asker cannot be made", words_name(&words_service, (int)peer->service));
    }
    return true;
}

bool front_open(struct front *front)
{
    front->loop = zloop_new();
    front->outbox = outbox_new();
    if (front->outbox == NULL)
        return say("no descriptor to be had", "outbox");
    if (!open_guard(front))
        return false;
    front->publisher = bus_publisher_new(front->config->bus, front->badge);
    front->inner = bus_router_new(front->config->bus, front->badge);
    if (front->publisher == NULL || front->inner == NULL)
        return say("the sockets between services cannot be bound", front->config->bus);
    if (!bus_announce(bus_publisher_endpoint(front->publisher), front->config->bus_announce,
                      front->publisher_announced) ||
        !bus_announce(bus_router_endpoint(front->inner), front->config->bus_announce,
                      front->inner_announced))
        return say("ZTC_BUS_ANNOUNCE must be a host name that the other services reach",
                   front->config->bus);
    if (!open_peers(front))
        return false;
    zmq_pollitem_t poll = {.fd = outbox_descriptor(front->outbox), .events = ZMQ_POLLIN};
    if (zloop_reader(front->loop, bus_router_socket(front->inner), on_inner, front) != 0 ||
        zloop_poller(front->loop, &poll, on_outbox, front) != 0)
        return say("the loop cannot be made", "zloop");
    struct desk_options options = {
        .service = &front->definition->desk,
        .config = front->config,
        .outbox = front->outbox,
        .keyring = front->keyring,
        .publisher = front->publisher_announced,
        .router = front->inner_announced,
        .bus_key = bus_badge_key(front->badge),
    };
    front->desk = desk_new(&options);
    if (front->definition->reader != NULL) {
        front->reader = reader_new(front->definition->reader, front->service, front->config,
                                   front->outbox, front->desk);
        desk_set_reader(front->desk, front->reader);
        if (!reader_start(front->reader))
            return say("no thread to be had", "reader");
    }
    if (!desk_start(front->desk))
        return say("no thread to be had", "desk");
    return true;
}

static int on_stop(zloop_t *loop, zmq_pollitem_t *poll, void *argument)
{
    struct front *front = argument;
    log_line(LEVEL_INFO, "stopping", {"relayed", log_int((int64_t)front->relay_count)});
    zloop_poller_end(loop, poll);
    front->stopping = true;
    if (front->http != NULL)
        front_http_stop(front->http);
    front->stop_by_ms = clock_monotonic_ms() + FRONT_DRAIN_MS;
    /* The desk ends after its batch; what it answers still goes out through the loop, until the
     * sweep ends it. */
    if (front->desk != NULL)
        desk_stop(front->desk);
    if (front->reader != NULL)
        reader_stop(front->reader);
    return 0;
}

bool front_run(struct front *front, int stop_descriptor)
{
    zmq_pollitem_t stop = {.fd = stop_descriptor, .events = ZMQ_POLLIN};
    zloop_poller(front->loop, &stop, on_stop, front);
    zloop_timer(front->loop, FRONT_BEAT_MS, 0, on_beat, front);
    zloop_timer(front->loop, FRONT_SWEEP_MS, 0, on_sweep, front);
    tell_peers(front);
    log_line(LEVEL_INFO, "started", {"pub", log_string(front->publisher_announced)},
             {"router", log_string(front->inner_announced)});
    zloop_start(front->loop);
    on_outbox(front->loop, &stop, front);
    return !front->failed;
}

void front_destroy(struct front **front)
{
    if (*front == NULL)
        return;
    struct front *f = *front;
    if (f->desk != NULL)
        desk_stop(f->desk);
    if (f->reader != NULL)
        reader_stop(f->reader);
    for (size_t slot = 0; slot < sizeof f->relays / sizeof *f->relays; slot++)
        while (f->relays[slot] != NULL) {
            struct request *request = f->relays[slot]->request;
            f->relays[slot] = f->relays[slot]->next;
            request_destroy(&request);
        }
    front_http_destroy(&f->http);
    zloop_destroy(&f->loop);
    for (int s = 0; s < SERVICE_COUNT; s++) {
        bus_subscriber_destroy(&f->peers[s].subscriber);
        bus_asker_destroy(&f->peers[s].asker);
    }
    outbox_destroy(&f->outbox);
    bus_router_destroy(&f->outer);
    bus_router_destroy(&f->inner);
    bus_publisher_destroy(&f->publisher);
    reader_destroy(&f->reader);
    desk_destroy(&f->desk);
    bus_guard_destroy(&f->guard);
    keyring_destroy(&f->keyring);
    bus_badge_destroy(&f->badge);
    arena_destroy(&f->scratch);
    free(f);
    *front = NULL;
}
