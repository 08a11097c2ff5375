#include "bus/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HINT_QUEUE       10000 /* past it hints are dropped; the log has them */
#define HINT_HEAD_BYTES  12    /* part and offset */
#define HINT_PART_BYTES  4     /* before a bundle, whose numbers are offsets */
#define HINT_TYPE_MAX    64
#define SUBSCRIPTION_MAX 256 /* bytes of what a publisher receives */

struct bus_publisher {
    zsock_t *socket;
    char endpoint[BUS_ENDPOINT_MAX];
    struct bus_bundle bundle; /* of the message that is being made */
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

static void publish_one(struct bus_publisher *publisher, const struct bus_hint *hint)
{
    uint8_t head[HINT_HEAD_BYTES];
    bus_put_uint32(head, (uint32_t)hint->part);
    bus_put_uint64(head + HINT_PART_BYTES, (uint64_t)hint->offset);
    if (hint->body.length > BUS_FRAME_MAX)
        return; /* would end the connection at the other side */
    const struct bytes parts[] = {
        {(const uint8_t *)hint->type.at, hint->type.length}, {head, sizeof head}, hint->body};
    bus_message_send(publisher->socket, parts, 3);
}

/* As many of them as go into one message; how many that was. */
static size_t publish_some(struct bus_publisher *publisher, const struct bus_hint *hints,
                           size_t count)
{
    struct bus_bundle *bundle = &publisher->bundle;
    bus_put_uint32(bundle->at, (uint32_t)hints->part);
    bundle->length = HINT_PART_BYTES;
    bundle->count = 0;
    while (bundle->count < count && hints[bundle->count].part == hints->part &&
           bus_bundle_add(bundle, (uint64_t)hints[bundle->count].offset, hints[bundle->count].body))
        ;
    if (bundle->count < 2) {
        publish_one(publisher, hints);
        return 1;
    }
    bus_message_send(publisher->socket, &(struct bytes){bundle->at, bundle->length}, 1);
    return bundle->count;
}

void bus_publish(struct bus_publisher *publisher, const struct bus_hint *hints, size_t count)
{
    for (size_t done = 0; done < count;)
        done += publish_some(publisher, hints + done, count - done);
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

/* [type][part, offset][body] */
static bool read_one(const struct bus_message *message, struct bus_hint *hint)
{
    struct bytes type = message->parts[0], head = message->parts[1];
    if (message->count != 3 || type.length == 0 || type.length > HINT_TYPE_MAX ||
        head.length != HINT_HEAD_BYTES)
        return false;
    uint32_t part = bus_get_uint32(head.at);
    uint64_t offset = bus_get_uint64(head.at + HINT_PART_BYTES);
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

/* [part, bundle]; how many, 0 when it is malformed. */
static size_t read_bundle(struct bytes frame, struct arena *arena, struct bus_hint **hints)
{
    if (frame.length < HINT_PART_BYTES)
        return 0;
    uint32_t part = bus_get_uint32(frame.at);
    struct bytes rest = {frame.at + HINT_PART_BYTES, frame.length - HINT_PART_BYTES};
    size_t count = part > INT32_MAX ? 0 : bus_bundle_count(rest);
    *hints = arena_array(arena, count, sizeof **hints);
    for (size_t i = 0; i < count; i++) {
        uint64_t offset;
        struct bus_hint *hint = *hints + i;
        bus_bundle_next(&rest, &offset, &hint->body);
        if (offset > INT64_MAX)
            return 0;
        hint->part = (int32_t)part;
        hint->offset = (int64_t)offset;
    }
    return count;
}

size_t bus_subscriber_take(struct bus_subscriber *subscriber, struct arena *arena,
                           struct bus_hint **hints, uint64_t *malformed)
{
    struct bus_message message;
    while (bus_message_take(subscriber->socket, arena, NULL, &message)) {
        if (message.count == 1) {
            size_t count = read_bundle(message.parts[0], arena, hints);
            if (count > 0)
                return count;
        } else {
            *hints = arena_alloc(arena, sizeof **hints);
            if (read_one(&message, *hints))
                return 1;
        }
        ++*malformed;
    }
    return 0;
}
