#include "bus/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HINT_QUEUE       10000 /* past it hints are dropped; the log has them */
#define HINT_HEAD_BYTES  12    /* part and offset */
#define HINT_TYPE_MAX    64
#define SUBSCRIPTION_MAX 256 /* bytes of what a publisher receives */

struct bus_publisher {
    zsock_t *socket;
    char endpoint[BUS_ENDPOINT_MAX];
};

struct bus_publisher *bus_publisher_new(const char *address, const struct bus_badge *badge)
{
    struct bus_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    const struct bus_limits limits = {ZMQ_PUB, SUBSCRIPTION_MAX, HINT_QUEUE, HINT_QUEUE, 500};
    publisher->socket = bus_socket_new(&limits);
    if (publisher->socket == NULL ||
        !bus_socket_serve(publisher->socket, &badge->own, BUS_INSIDE) ||
        !bus_socket_bind_free(publisher->socket, address, publisher->endpoint)) {
        int why = errno;
        bus_publisher_destroy(&publisher);
        errno = why;
    }
    return publisher;
}

void bus_publisher_destroy(struct bus_publisher **publisher)
{
    if (*publisher == NULL)
        return;
    zsock_destroy(&(*publisher)->socket);
    free(*publisher);
    *publisher = NULL;
}

const char *bus_publisher_endpoint(const struct bus_publisher *publisher)
{
    return publisher->endpoint;
}

void bus_publish(struct bus_publisher *publisher, const char *type, int32_t part, int64_t offset,
                 struct bytes body)
{
    uint8_t head[HINT_HEAD_BYTES];
    for (int i = 0; i < 4; i++)
        head[i] = (uint8_t)((uint32_t)part >> (24 - 8 * i));
    bus_put_uint64(head + 4, (uint64_t)offset);
    if (body.length > BUS_FRAME_MAX)
        return; /* would end the connection at the other side */
    const struct bytes parts[] = {{(const uint8_t *)type, strlen(type)}, {head, sizeof head}, body};
    bus_message_send(publisher->socket, parts, 3);
}

/* --- subscribe -------------------------------------------------------------------------------- */

struct bus_subscriber {
    zsock_t *socket;
    const struct bus_badge *badge;
    struct bus_followed followed;
};

/* NULL: errno says why. */
static zsock_t *subscriber_socket(const struct bus_badge *badge)
{
    const struct bus_limits limits = {ZMQ_SUB, BUS_FRAME_MAX, HINT_QUEUE, HINT_QUEUE, 0};
    zsock_t *socket = bus_socket_new(&limits);
    if (socket != NULL && (zmq_setsockopt(zsock_resolve(socket), ZMQ_SUBSCRIBE, "", 0) != 0 ||
                           !bus_pair_apply(socket, &badge->own))) {
        int why = errno;
        zsock_destroy(&socket);
        errno = why;
    }
    return socket;
}

struct bus_subscriber *bus_subscriber_new(const struct bus_badge *badge)
{
    struct bus_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL)
        abort();
    subscriber->badge = badge;
    subscriber->socket = subscriber_socket(badge);
    if (subscriber->socket == NULL) {
        int why = errno;
        bus_subscriber_destroy(&subscriber);
        errno = why;
    }
    return subscriber;
}

void bus_subscriber_destroy(struct bus_subscriber **subscriber)
{
    if (*subscriber == NULL)
        return;
    zsock_destroy(&(*subscriber)->socket);
    free(*subscriber);
    *subscriber = NULL;
}

void bus_subscriber_follow(struct bus_subscriber *subscriber, const char *endpoint,
                           const char *server_key)
{
    bus_socket_follow(subscriber->socket, &subscriber->followed, endpoint, server_key);
}

bool bus_subscriber_renew(struct bus_subscriber *subscriber)
{
    zsock_t *fresh = subscriber_socket(subscriber->badge);
    if (fresh != NULL)
        bus_socket_replace(&subscriber->socket, fresh, &subscriber->followed);
    return fresh != NULL;
}

zsock_t *bus_subscriber_socket(struct bus_subscriber *subscriber)
{
    return subscriber->socket;
}

static bool hint_read(const struct bus_message *message, struct bus_hint *hint)
{
    struct bytes type = message->parts[0], head = message->parts[1];
    if (message->count != 3 || type.length == 0 || type.length > HINT_TYPE_MAX ||
        head.length != HINT_HEAD_BYTES)
        return false;
    uint32_t part = 0;
    for (int i = 0; i < 4; i++)
        part = part << 8 | head.at[i];
    uint64_t offset = bus_get_uint64(head.at + 4);
    if (part > INT32_MAX || offset > INT64_MAX)
        return false;
    *hint = (struct bus_hint){
        .type = {(const char *)type.at, type.length},
        .part = (int32_t)part,
        .offset = (int64_t)offset,
        .body = message->parts[2],
    };
    return text_is_clean(hint->type);
}

bool bus_subscriber_take(struct bus_subscriber *subscriber, struct arena *arena,
                         struct bus_hint *hint, uint64_t *malformed)
{
    struct bus_message message;
    while (bus_message_take(subscriber->socket, arena, NULL, &message)) {
        if (hint_read(&message, hint))
            return true;
        ++*malformed;
    }
    return false;
}
