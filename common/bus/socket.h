/* What every socket of this room has in common, and whole messages of a few frames. Inside the room
 * only. */
#ifndef ZTC_BUS_SOCKET_H
#define ZTC_BUS_SOCKET_H

#include "bus/bus.h"

/* Of a message in CURVE: command's name, nonce, authenticator and flags, rounded up. MAXMSGSIZE
 * counts them. */
#define BUS_CURVE_SLACK 256
#define BUS_PARTS_MAX   3 /* frames of a message that are kept, without the identity */

struct bus_limits {
    int type;            /* ZMQ_ROUTER … */
    int64_t message_max; /* MAXMSGSIZE */
    int receive_queue;   /* messages for each peer */
    int send_queue;
    int linger_ms;
};

/* NULL: errno says why. */
zsock_t *bus_socket_new(const struct bus_limits *limits);
bool bus_socket_set(zsock_t *socket, int option, int value);
/* Binds, and writes the endpoint with its real port into `bound` (BUS_ENDPOINT_MAX bytes). */
bool bus_socket_bind(zsock_t *socket, const char *endpoint, char *bound);
/* "tcp://127.0.0.1" to the same with any free port. */
bool bus_socket_bind_free(zsock_t *socket, const char *address, char *bound);
/* Leaves `followed` (BUS_ENDPOINT_MAX bytes, "" for none) for `endpoint`, unless they are the same.
 * After it nothing is sent to the one left, at the price of a moment's wait (50 ms at most, 0.1 ms
 * as a rule). */
void bus_socket_follow(zsock_t *socket, char *followed, const char *endpoint);

/* A message as it came: its first BUS_PARTS_MAX frames, copied into the arena. */
struct bus_message {
    struct bytes parts[BUS_PARTS_MAX];
    size_t count; /* of all its frames */
    char user[41];
};
/* Takes one message without waiting; false: none. With `identity` the first frame is put there and
 * not counted. */
bool bus_message_take(zsock_t *socket, struct arena *arena, struct bytes *identity,
                      struct bus_message *message);
/* Never waits. False: not sent, errno says why. */
bool bus_message_send(zsock_t *socket, const struct bytes *parts, size_t count);

void bus_put_uint64(uint8_t *at, uint64_t value); /* big endian */
uint64_t bus_get_uint64(const uint8_t *at);

#endif
