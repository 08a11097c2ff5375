/* What every socket of this room has in common, and whole messages of a few frames. Inside the room
 * only. */
#ifndef ZTC_BUS_SOCKET_H
#define ZTC_BUS_SOCKET_H

#include "bus/bundle.h"
#include "bus/certificate.h"

/* Of a message in CURVE: command's name, nonce, authenticator and flags, rounded up. MAXMSGSIZE
 * counts them. */
#define BUS_CURVE_SLACK    256
#define BUS_SEQUENCE_BYTES 8
#define BUS_PARTS_MAX      7 /* frames of a message that are kept, without the identity */

struct bus_limits {
    int type;            /* ZMQ_ROUTER … */
    int64_t message_max; /* of a frame that is received: MAXMSGSIZE is this and CURVE's part */
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

/* Makes the socket, not bound yet, a server with this pair; the guard is asked about the domain. */
bool bus_socket_serve(zsock_t *socket, const struct bus_pair *pair, enum bus_domain domain);
extern const char *const bus_domain_names[BUS_DOMAIN_COUNT];

/* Whom a socket is connected to. */
struct bus_followed {
    char endpoint[BUS_ENDPOINT_MAX]; /* "": nobody */
    char server_key[BUS_KEY_TEXT + 1];
};
/* Leaves `followed` for this endpoint and key, unless they are the same. After it nothing is sent
 * to the one left, at the price of a moment's wait (50 ms at most, 0.1 ms as a rule). */
void bus_socket_follow(zsock_t *socket, struct bus_followed *followed, const char *endpoint,
                       const char *server_key);
/* Connects a new socket to whom the old one followed, and puts it in its place. */
void bus_socket_replace(zsock_t **socket, zsock_t *fresh, const struct bus_followed *followed);

/* A message as it came: its first BUS_PARTS_MAX frames, copied into the arena. */
struct bus_message {
    struct bytes parts[BUS_PARTS_MAX];
    size_t count; /* of all its frames */
    char user[BUS_KEY_TEXT + 1];
};
/* Takes one message without waiting; false: none. With `identity` the first frame is put there and
 * not counted. */
bool bus_message_take(zsock_t *socket, struct arena *arena, struct bytes *identity,
                      struct bus_message *message);
/* [sequence][frame], or [a bundle]. False: it is neither. */
bool bus_run_read(const struct bus_message *message, struct bus_run *run);
/* Never waits. False: not sent, errno says why. */
bool bus_message_send(zsock_t *socket, const struct bytes *parts, size_t count);

#endif
