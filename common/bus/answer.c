/* The answer side: a ROUTER. Its kind tells the framing: some are asked by our own services, some
 * by outsiders. */
#include "bus/certificate.h"
#include "bus/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INSIDE_QUEUE 10000 /* for each peer, as the next */
/* 80 MiB at most wait for a front that always takes them. */
#define OUTSIDE_RECEIVE_QUEUE 1024
#define ANSWER_LINGER_MS      500

struct bus_router {
    zsock_t *socket;
    bool outside;
    char endpoint[BUS_ENDPOINT_MAX];
    struct bus_bundle bundle; /* of answers that wait to be sent to this peer: */
    uint8_t identity[BUS_IDENTITY_MAX];
    uint8_t identity_length;
    size_t lost;
};

/* Binds to `endpoint`, or to any free port of `address`. */
static bool router_open(struct bus_router *router, const struct bus_limits *limits,
                        const struct bus_pair *pair, const char *endpoint)
{
    router->socket = bus_socket_new(limits);
    return router->socket != NULL && bus_socket_set(router->socket, ZMQ_ROUTER_MANDATORY, 1) &&
           bus_socket_serve(router->socket, pair, router->outside ? BUS_OUTSIDE : BUS_INSIDE) &&
           (router->outside ? bus_socket_bind(router->socket, endpoint, router->endpoint)
                            : bus_socket_bind_free(router->socket, endpoint, router->endpoint));
}

static struct bus_router *router_new(bool outside, const struct bus_limits *limits,
                                     const struct bus_pair *pair, const char *endpoint)
{
    struct bus_router *router = calloc(1, sizeof *router);
    if (router == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    router->outside = outside;
    if (!router_open(router, limits, pair, endpoint)) {
        int why = errno;
        bus_router_destroy(&router);
        errno = why;
    }
    return router;
}

struct bus_router *bus_router_new(const char *address, const struct bus_badge *badge)
{
    const struct bus_limits limits = {ZMQ_ROUTER, BUS_ASK_MAX, INSIDE_QUEUE, INSIDE_QUEUE,
                                      ANSWER_LINGER_MS};
    return router_new(false, &limits, &badge->own, address);
}

struct bus_router *bus_router_new_outside(const char *endpoint, const char *secret_certificate,
                                          int answers_max)
{
    const struct bus_limits limits = {ZMQ_ROUTER, BUS_REFUSED_MAX, OUTSIDE_RECEIVE_QUEUE,
                                      answers_max, ANSWER_LINGER_MS};
    struct bus_pair pair;
    if (!bus_pair_load(secret_certificate, &pair))
        return NULL;
    return router_new(true, &limits, &pair, endpoint);
}

void bus_router_destroy(struct bus_router **router)
{
    if (*router == NULL)
        return;
    zsock_destroy(&(*router)->socket);
    free(*router);
    *router = NULL;
}

const char *bus_router_endpoint(const struct bus_router *router)
{
    return router->endpoint;
}

zsock_t *bus_router_socket(struct bus_router *router)
{
    return router->socket;
}

/* [frame] or ["", frame]; anything else leaves the frame empty. */
static void read_outside(const struct bus_message *message, struct bus_caller *caller,
                         struct bytes *frame)
{
    caller->delimiter = message->count > 1 && message->parts[0].length == 0;
    if (message->count == 1)
        *frame = message->parts[0];
    else if (message->count == 2 && caller->delimiter)
        *frame = message->parts[1];
}

static bool take(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                 struct bus_message *message)
{
    struct bytes identity;
    if (!bus_message_take(router->socket, arena, &identity, message))
        return false;
    *caller = (struct bus_caller){.identity_length = (uint8_t)identity.length}; /* 255 at most */
    memcpy(caller->identity, identity.at, caller->identity_length);
    memcpy(caller->user, message->user, sizeof caller->user);
    return true;
}

bool bus_router_take(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                     struct bytes *frame)
{
    struct bus_message message;
    if (!take(router, arena, caller, &message))
        return false;
    *frame = (struct bytes){NULL, 0};
    read_outside(&message, caller, frame);
    return true;
}

bool bus_router_take_run(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                         struct bus_run *run)
{
    struct bus_message message;
    if (!take(router, arena, caller, &message))
        return false;
    if (bus_run_read(&message, run)) {
        caller->has_sequence = true;
        caller->in_bundle = run->is_bundle;
        return true;
    }
    /* To be refused: one empty frame, under its sequence if there is one. */
    caller->has_sequence = message.count > 1 && message.parts[0].length == BUS_SEQUENCE_BYTES;
    *run = (struct bus_run){.left = 1};
    if (caller->has_sequence)
        run->sequence = bus_get_uint64(message.parts[0].at);
    return true;
}

static bool answer_alone(struct bus_router *router, const struct bus_caller *caller,
                         struct bytes frame)
{
    uint8_t sequence[BUS_SEQUENCE_BYTES];
    struct bytes parts[3] = {{caller->identity, caller->identity_length}};
    size_t count = 1;
    if (frame.length > BUS_FRAME_MAX)
        return false; /* would end the connection at the other side */
    if (caller->has_sequence) {
        bus_put_uint64(sequence, caller->sequence);
        parts[count++] = (struct bytes){sequence, sizeof sequence};
    } else if (caller->delimiter) {
        parts[count++] = (struct bytes){NULL, 0};
    }
    parts[count++] = frame;
    return bus_message_send(router->socket, parts, count);
}

static void send_waiting(struct bus_router *router)
{
    struct bus_bundle *bundle = &router->bundle;
    const struct bytes parts[] = {{router->identity, router->identity_length},
                                  {bundle->at, bundle->length}};
    if (bundle->count > 0 && !bus_message_send(router->socket, parts, 2))
        router->lost += bundle->count;
    bundle->length = bundle->count = 0;
}

bool bus_router_answer(struct bus_router *router, const struct bus_caller *caller,
                       struct bytes frame)
{
    struct bus_bundle *bundle = &router->bundle;
    if (!caller->in_bundle)
        return answer_alone(router, caller, frame);
    bool same = caller->identity_length == router->identity_length &&
                memcmp(caller->identity, router->identity, caller->identity_length) == 0;
    if (same && bus_bundle_add(bundle, caller->sequence, frame))
        return true;
    send_waiting(router);
    memcpy(router->identity, caller->identity, caller->identity_length);
    router->identity_length = caller->identity_length;
    return bus_bundle_add(bundle, caller->sequence, frame) || answer_alone(router, caller, frame);
}

size_t bus_router_flush(struct bus_router *router)
{
    send_waiting(router);
    size_t lost = router->lost;
    router->lost = 0;
    return lost;
}
