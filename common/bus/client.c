/* A client of the CURVE faces: a blocking DEALER. */
#include "bus/certificate.h"
#include "bus/socket.h"

#include <errno.h>
#include <stdlib.h>

#define CLIENT_QUEUE     1000
#define CLIENT_LINGER_MS 500

struct bus_client {
    zsock_t *socket;
};

static bool client_open(struct bus_client *client, const char *endpoint, const char *server_key,
                        const char *client_certificate)
{
    uint8_t key[BUS_KEY_BYTES];
    struct bus_pair pair;
    const struct bus_limits limits = {ZMQ_DEALER, BUS_FRAME_MAX, CLIENT_QUEUE, CLIENT_QUEUE,
                                      CLIENT_LINGER_MS};
    if (!bus_key_read(server_key, key)) {
        errno = EINVAL;
        return false;
    }
    if (!bus_pair_load(client_certificate, &pair))
        return false;
    client->socket = bus_socket_new(&limits);
    return client->socket != NULL && bus_pair_apply(client->socket, &pair) &&
           zmq_setsockopt(zsock_resolve(client->socket), ZMQ_CURVE_SERVERKEY, key, sizeof key) ==
               0 &&
           bus_socket_set(client->socket, ZMQ_IMMEDIATE, 1) &&
           zmq_connect(zsock_resolve(client->socket), endpoint) == 0;
}

struct bus_client *bus_client_new(const char *endpoint, const char *server_key,
                                  const char *client_certificate)
{
    struct bus_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    if (!client_open(client, endpoint, server_key, client_certificate)) {
        int why = errno;
        bus_client_destroy(&client);
        errno = why;
    }
    return client;
}

void bus_client_destroy(struct bus_client **client)
{
    if (*client == NULL)
        return;
    zsock_destroy(&(*client)->socket);
    free(*client);
    *client = NULL;
}

/* False: errno EAGAIN (the time is over) or EINTR (a signal came). */
static bool wait_for(struct bus_client *client, short events, int timeout_ms)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(client->socket), .events = events};
    int ready = zmq_poll(&item, 1, timeout_ms);
    if (ready == 0)
        errno = EAGAIN;
    return ready > 0;
}

bool bus_client_send(struct bus_client *client, struct bytes frame, int timeout_ms)
{
    if (frame.length > BUS_REFUSED_MAX) {
        errno = EMSGSIZE;
        return false;
    }
    return wait_for(client, ZMQ_POLLOUT, timeout_ms) && bus_message_send(client->socket, &frame, 1);
}

bool bus_client_receive(struct bus_client *client, struct arena *arena, struct bytes *frame,
                        int timeout_ms)
{
    struct bus_message message;
    if (!wait_for(client, ZMQ_POLLIN, timeout_ms) ||
        !bus_message_take(client->socket, arena, NULL, &message))
        return false;
    if (message.count != 1) {
        errno = EPROTO;
        return false;
    }
    *frame = message.parts[0];
    return true;
}
