/* The ask side: a DEALER to another service, [sequence][frame] or a bundle, as it comes in reverse
 * in answer.c. */
#include "bus/socket.h"

#include <errno.h>
#include <stdlib.h>

#define ASK_QUEUE 10000

struct bus_asker {
    zsock_t *socket;
    const struct bus_badge *badge;
    struct bus_followed followed;
    struct bus_bundle bundle; /* that waits to be sent */
};

/* NULL: errno says why. */
static zsock_t *asker_socket(const struct bus_badge *badge)
{
    /* No linger: what the peer that is left did not get is dropped, and asked again with the same
     * id. */
    const struct bus_limits limits = {ZMQ_DEALER, BUS_FRAME_MAX, ASK_QUEUE, ASK_QUEUE, 0};
    zsock_t *socket = bus_socket_new(&limits);
    /* IMMEDIATE: nothing is queued for a peer that is not there. */
    if (socket != NULL &&
        (!bus_socket_set(socket, ZMQ_IMMEDIATE, 1) || !bus_pair_apply(socket, &badge->own))) {
        int why = errno;
        zsock_destroy(&socket);
        errno = why;
    }
    return socket;
}

struct bus_asker *bus_asker_new(const struct bus_badge *badge)
{
    struct bus_asker *asker = calloc(1, sizeof *asker);
    if (asker == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    asker->badge = badge;
    asker->socket = asker_socket(badge);
    if (asker->socket == NULL) {
        int why = errno;
        bus_asker_destroy(&asker);
        errno = why;
    }
    return asker;
}

void bus_asker_destroy(struct bus_asker **asker)
{
    if (*asker == NULL)
        return;
    zsock_destroy(&(*asker)->socket);
    free(*asker);
    *asker = NULL;
}

void bus_asker_follow(struct bus_asker *asker, const char *endpoint, const char *server_key)
{
    bus_asker_flush(asker);
    bus_socket_follow(asker->socket, &asker->followed, endpoint, server_key);
}

bool bus_asker_renew(struct bus_asker *asker)
{
    zsock_t *fresh = asker_socket(asker->badge);
    if (fresh != NULL)
        bus_socket_replace(&asker->socket, fresh, &asker->followed);
    return fresh != NULL;
}

zsock_t *bus_asker_socket(struct bus_asker *asker)
{
    return asker->socket;
}

bool bus_asker_ask(struct bus_asker *asker, uint64_t sequence, struct bytes frame)
{
    uint8_t head[8];
    bus_put_uint64(head, sequence);
    if (frame.length > BUS_ASK_MAX) {
        errno = EMSGSIZE;
        return false;
    }
    const struct bytes parts[] = {{head, sizeof head}, frame};
    return bus_message_send(asker->socket, parts, 2);
}

bool bus_asker_ask_bundled(struct bus_asker *asker, uint64_t sequence, struct bytes frame)
{
    struct bus_bundle *bundle = &asker->bundle;
    if (bundle->count > 0 && bus_bundle_add(bundle, sequence, frame))
        return true;
    bus_asker_flush(asker);
    /* Whether the peer takes it is asked when a bundle is begun, so that nothing waits in vain. */
    if ((zsock_events(asker->socket) & ZMQ_POLLOUT) == 0)
        return false;
    return bus_bundle_add(bundle, sequence, frame) || bus_asker_ask(asker, sequence, frame);
}

void bus_asker_flush(struct bus_asker *asker)
{
    struct bus_bundle *bundle = &asker->bundle;
    if (bundle->count > 0)
        bus_message_send(asker->socket, &(struct bytes){bundle->at, bundle->length}, 1);
    bundle->length = bundle->count = 0;
}

bool bus_asker_take(struct bus_asker *asker, struct arena *arena, struct bus_run *answers)
{
    struct bus_message message;
    while (bus_message_take(asker->socket, arena, NULL, &message))
        if (bus_run_read(&message, answers))
            return true;
    /* What is neither is not of a service of ours: its asker's time will run out. */
    return false;
}
