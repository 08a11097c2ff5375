/* The guard: this process's answer to libzmq's question of who may connect (ZAP, RFC 27). There is
 * one place in a context where it is asked, for all its sockets, so that one thread answers for
 * both kinds of them and tells them apart by their domain (docs/decisions/0010). It keeps no keys
 * of its own: outside it asks whoever keeps them, inside it looks at the badge. */
#include "bus/certificate.h"
#include "bus/socket.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ZAP_ENDPOINT  "inproc://zeromq.zap.01"
#define ZAP_VERSION   "1.0"
#define ZAP_FRAME_MAX 512 /* bytes of a frame of a request */
#define ZAP_PARTS     7   /* version, id, domain, address, identity, mechanism, credentials */
#define ZAP_QUEUE     10000

struct bus_guard {
    const struct bus_badge *badge;
    bus_admits *admits;
    void *argument;
    _Atomic uint64_t denied[BUS_DOMAIN_COUNT];
    zactor_t *actor;
    bool open; /* set by the actor before it says that it runs, as the next */
    int why;   /* errno */
};

/* One place in the context, so one guard. */
static atomic_bool guarding;

struct zap_request {
    struct bytes parts[ZAP_PARTS];
    bool sound;
};

static bool part_is(struct bytes part, const char *wanted)
{
    return part.length == strlen(wanted) && memcmp(part.at, wanted, part.length) == 0;
}

/* Z85 of the client's key; "" when it is no request of a CURVE handshake. */
static void zap_key(const struct zap_request *request, char *public_key)
{
    struct bytes credentials = request->parts[6];
    public_key[0] = '\0';
    if (request->sound && part_is(request->parts[0], ZAP_VERSION) &&
        part_is(request->parts[5], "CURVE") && credentials.length == BUS_KEY_BYTES)
        zmq_z85_encode(public_key, credentials.at, BUS_KEY_BYTES);
}

/* Who is outside and not admitted is told so for good: its libzmq gives up, as it should. A service
 * of ours that is not known yet comes again by itself (300: a passing trouble). */
static const char *decide(struct bus_guard *guard, const struct zap_request *request,
                          const char *public_key)
{
    struct bytes domain = request->parts[2];
    bool inside = request->sound && part_is(domain, bus_domain_names[BUS_INSIDE]);
    bool outside = request->sound && part_is(domain, bus_domain_names[BUS_OUTSIDE]);
    if (public_key[0] != '\0' && inside && guard->badge != NULL &&
        bus_badge_knows(guard->badge, public_key))
        return "200";
    if (public_key[0] != '\0' && outside && guard->admits != NULL &&
        guard->admits(guard->argument, public_key))
        return "200";
    atomic_fetch_add(&guard->denied[inside ? BUS_INSIDE : BUS_OUTSIDE], 1);
    return inside ? "300" : "400";
}

/* Takes one request, all its frames; false: none is there. */
static bool zap_take(zsock_t *socket, struct arena *arena, struct zap_request *request)
{
    struct bus_message message;
    if (!bus_message_take(socket, arena, NULL, &message))
        return false;
    request->sound = message.count == ZAP_PARTS;
    for (size_t i = 0; i < ZAP_PARTS; i++) {
        request->parts[i] = message.parts[i];
        request->sound = request->sound && message.parts[i].length <= ZAP_FRAME_MAX;
    }
    return true;
}

static struct bytes bytes_of(const char *string)
{
    return (struct bytes){(const uint8_t *)string, strlen(string)};
}

static void zap_answer(struct bus_guard *guard, zsock_t *socket, const struct zap_request *request)
{
    char public_key[BUS_KEY_TEXT + 1];
    zap_key(request, public_key);
    const char *status = decide(guard, request, public_key);
    bool admitted = status[0] == '2';
    const struct bytes parts[] = {bytes_of(ZAP_VERSION),
                                  request->parts[1],
                                  bytes_of(status),
                                  bytes_of(admitted ? "OK" : "not admitted"),
                                  bytes_of(admitted ? public_key : ""),
                                  bytes_of("")};
    bus_message_send(socket, parts, sizeof parts / sizeof *parts);
}

/* False: the guard is to end; the only word on the pipe is czmq's $TERM. */
static bool wait_for(zmq_pollitem_t *items, int count)
{
    int ready;
    do
        ready = zmq_poll(items, count, -1);
    while (ready < 0 && errno == EINTR);
    return ready >= 0 && (items[0].revents & ZMQ_POLLIN) == 0;
}

static void guard_run(zsock_t *pipe, void *argument)
{
    struct bus_guard *guard = argument;
    const struct bus_limits limits = {ZMQ_REP, ZAP_FRAME_MAX, ZAP_QUEUE, ZAP_QUEUE, 0};
    char bound[BUS_ENDPOINT_MAX];
    zsock_t *socket = bus_socket_new(&limits);
    struct arena *arena = arena_new();
    guard->open = socket != NULL && bus_socket_bind(socket, ZAP_ENDPOINT, bound);
    if (!guard->open)
        guard->why = errno;
    zsock_signal(pipe, 0);
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
        {.socket = guard->open ? zsock_resolve(socket) : NULL, .events = ZMQ_POLLIN}};
    struct zap_request request;
    while (wait_for(items, guard->open ? 2 : 1))
        while (guard->open && zap_take(socket, arena, &request)) {
            zap_answer(guard, socket, &request);
            arena_reset(arena);
        }
    /* At once, not when the socket's end gets round to it: the next guard binds the same place. */
    if (guard->open)
        zmq_unbind(zsock_resolve(socket), ZAP_ENDPOINT);
    zsock_destroy(&socket);
    arena_destroy(&arena);
}

struct bus_guard *bus_guard_new(const struct bus_badge *badge, bus_admits *admits, void *argument)
{
    if (atomic_exchange(&guarding, true)) {
        errno = EBUSY;
        return NULL;
    }
    struct bus_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    guard->badge = badge;
    guard->admits = admits;
    guard->argument = argument;
    guard->actor = zactor_new(guard_run, guard);
    if (guard->actor == NULL || !guard->open) {
        int why = guard->actor == NULL ? errno : guard->why;
        bus_guard_destroy(&guard);
        errno = why;
    }
    return guard;
}

void bus_guard_destroy(struct bus_guard **guard)
{
    if (*guard == NULL)
        return;
    zactor_destroy(&(*guard)->actor);
    free(*guard);
    *guard = NULL;
    atomic_store(&guarding, false);
}

uint64_t bus_guard_denied(const struct bus_guard *guard, enum bus_domain domain)
{
    return atomic_load(&guard->denied[domain]);
}
