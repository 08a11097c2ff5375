/* The answer side: a ROUTER. Its kind tells the framing: plain ones are asked by our own services,
 * CURVE ones by outsiders. */
#include "bus/certificate.h"
#include "bus/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_QUEUE 10000 /* for each peer, as the next two */
/* An outsider's frames may each have four times BUS_COMMAND_MAX: 256 MiB at most wait for a front
 * that always takes them. */
#define OUTSIDE_RECEIVE_QUEUE 1024
#define OUTSIDE_SEND_QUEUE    4096 /* README.md tells callers */
#define ANSWER_LINGER_MS      500
#define SEQUENCE_BYTES        8
#define ZAP_DOMAIN            "zhitongche"
/* The header has its name only with the draft options, but the library has the option. */
#define ZAP_ENFORCE_DOMAIN 93

struct bus_router {
    zsock_t *socket;
    bool outside;
    char endpoint[BUS_ENDPOINT_MAX];
};

/* A frame somewhat too large arrives, so that it can be refused in words; one beyond that ends its
 * connection. */
static const struct bus_limits outside_limits = {ZMQ_ROUTER, 4 * BUS_COMMAND_MAX + BUS_CURVE_SLACK,
                                                 OUTSIDE_RECEIVE_QUEUE, OUTSIDE_SEND_QUEUE,
                                                 ANSWER_LINGER_MS};
static const struct bus_limits inside_limits = {ZMQ_ROUTER, BUS_FRAME_MAX, ANSWER_QUEUE,
                                                ANSWER_QUEUE, ANSWER_LINGER_MS};

static struct bus_router *router_new(bool outside)
{
    struct bus_router *router = calloc(1, sizeof *router);
    if (router == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    router->outside = outside;
    router->socket = bus_socket_new(outside ? &outside_limits : &inside_limits);
    return router;
}

static struct bus_router *router_or_destroy(struct bus_router *router, bool made)
{
    if (!made) {
        int why = errno;
        bus_router_destroy(&router);
        errno = why;
    }
    return router;
}

struct bus_router *bus_router_new(const char *address)
{
    struct bus_router *router = router_new(false);
    bool made = router->socket != NULL && bus_socket_set(router->socket, ZMQ_ROUTER_MANDATORY, 1) &&
                bus_socket_bind_free(router->socket, address, router->endpoint);
    return router_or_destroy(router, made);
}

struct bus_router *bus_router_new_curve(const char *endpoint, const char *secret_certificate)
{
    struct bus_router *router = router_new(true);
    zsock_t *socket = router->socket;
    bool made = socket != NULL && bus_socket_set(socket, ZMQ_ROUTER_MANDATORY, 1) &&
                bus_certificate_apply(socket, secret_certificate) &&
                bus_socket_set(socket, ZMQ_CURVE_SERVER, 1) &&
                zmq_setsockopt(zsock_resolve(socket), ZMQ_ZAP_DOMAIN, ZAP_DOMAIN,
                               strlen(ZAP_DOMAIN)) == 0 &&
                bus_socket_set(socket, ZAP_ENFORCE_DOMAIN, 1) &&
                bus_socket_bind(socket, endpoint, router->endpoint);
    return router_or_destroy(router, made);
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

/* [sequence][frame] */
static void read_inside(const struct bus_message *message, struct bus_caller *caller,
                        struct bytes *frame)
{
    if (message->count < 2 || message->parts[0].length != SEQUENCE_BYTES)
        return;
    caller->has_sequence = true;
    caller->sequence = bus_get_uint64(message->parts[0].at);
    if (message->count == 2)
        *frame = message->parts[1];
}

bool bus_router_take(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                     struct bytes *frame)
{
    struct bytes identity;
    struct bus_message message;
    if (!bus_message_take(router->socket, arena, &identity, &message))
        return false;
    *caller = (struct bus_caller){.identity_length = 0};
    *frame = (struct bytes){NULL, 0};
    caller->identity_length = (uint8_t)identity.length; /* ZeroMQ allows 255 */
    memcpy(caller->identity, identity.at, caller->identity_length);
    memcpy(caller->user, message.user, sizeof caller->user);
    if (router->outside)
        read_outside(&message, caller, frame);
    else
        read_inside(&message, caller, frame);
    return true;
}

bool bus_router_answer(struct bus_router *router, const struct bus_caller *caller,
                       struct bytes frame)
{
    uint8_t sequence[SEQUENCE_BYTES];
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
