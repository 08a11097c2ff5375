#include "bus/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BUS_HANDSHAKE_MS     1000
#define BUS_RECONNECT_MS     100
#define BUS_RECONNECT_MAX_MS 1000
#define BUS_KEEPALIVE_IDLE_S 30
#define BUS_KEEPALIVE_GAP_S  10
#define BUS_KEEPALIVE_COUNT  3
#define BUS_LEAVE_STEP_NS    50000
#define BUS_LEAVE_STEPS_MAX  1000
/* Connections that the system takes before libzmq does: so that a burst of strangers does not turn
 * honest callers away. */
#define BUS_BACKLOG 1024
/* The header has its name only with the draft options, but the library has the option. */
#define ZAP_ENFORCE_DOMAIN 93

const char *const bus_domain_names[BUS_DOMAIN_COUNT] = {
    [BUS_OUTSIDE] = "zhitongche",
    [BUS_INSIDE] = "zhitongche-bus",
};

bool bus_socket_set(zsock_t *socket, int option, int value)
{
    return zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof value) == 0;
}

zsock_t *bus_socket_new(const struct bus_limits *limits)
{
    zsock_t *socket = zsock_new(limits->type);
    if (socket == NULL)
        return NULL;
    const struct {
        int option, value;
    } options[] = {
        {ZMQ_LINGER, limits->linger_ms},
        {ZMQ_RCVHWM, limits->receive_queue},
        {ZMQ_SNDHWM, limits->send_queue},
        {ZMQ_HANDSHAKE_IVL, BUS_HANDSHAKE_MS},
        {ZMQ_RECONNECT_IVL, BUS_RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, BUS_RECONNECT_MAX_MS},
        {ZMQ_BACKLOG, BUS_BACKLOG},
        {ZMQ_IPV6, 0},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, BUS_KEEPALIVE_IDLE_S},
        {ZMQ_TCP_KEEPALIVE_INTVL, BUS_KEEPALIVE_GAP_S},
        {ZMQ_TCP_KEEPALIVE_CNT, BUS_KEEPALIVE_COUNT},
    };
    const int64_t frame_max = limits->message_max + BUS_CURVE_SLACK;
    bool set =
        zmq_setsockopt(zsock_resolve(socket), ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0;
    for (size_t i = 0; set && i < sizeof options / sizeof *options; i++)
        set = bus_socket_set(socket, options[i].option, options[i].value);
    if (!set) {
        int why = errno;
        zsock_destroy(&socket);
        errno = why;
    }
    return socket;
}

/* zmq_bind and not zsock_bind: the latter takes free ports in sequence, so that a port just given
 * up is soon another's. */
bool bus_socket_bind(zsock_t *socket, const char *endpoint, char *bound)
{
    size_t size = BUS_ENDPOINT_MAX;
    void *handle = zsock_resolve(socket);
    return zmq_bind(handle, endpoint) == 0 &&
           zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, bound, &size) == 0;
}

bool bus_socket_bind_free(zsock_t *socket, const char *address, char *bound)
{
    char endpoint[BUS_ENDPOINT_MAX];
    int length = snprintf(endpoint, sizeof endpoint, "%s:*", address);
    if (length < 0 || (size_t)length >= sizeof endpoint) {
        errno = ENAMETOOLONG;
        return false;
    }
    return bus_socket_bind(socket, endpoint, bound);
}

bool bus_announce(const char *bound, const char *host, char announced[BUS_ENDPOINT_MAX])
{
    static const char scheme[] = "tcp://", every[] = "tcp://0.0.0.0:";
    const char *port = strrchr(bound, ':');
    bool given = host != NULL && host[0] != '\0';
    errno = EINVAL;
    if (strncmp(bound, scheme, strlen(scheme)) != 0 || port < bound + strlen(scheme) ||
        (!given && strncmp(bound, every, strlen(every)) == 0) ||
        (given && strpbrk(host, ":/ ") != NULL))
        return false;
    errno = ENAMETOOLONG;
    int length = given ? snprintf(announced, BUS_ENDPOINT_MAX, "%s%s%s", scheme, host, port)
                       : snprintf(announced, BUS_ENDPOINT_MAX, "%s", bound);
    return length > 0 && length < BUS_ENDPOINT_MAX;
}

/* With ZMQ_IMMEDIATE zmq_disconnect ends a connection in its own time, and takes messages for it
 * until then. */
static void wait_until_left(void *handle)
{
    const struct timespec moment = {.tv_nsec = BUS_LEAVE_STEP_NS};
    for (int step = 0; step < BUS_LEAVE_STEPS_MAX; step++) {
        int events = 0;
        size_t size = sizeof events;
        if (zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size) != 0 || (events & ZMQ_POLLOUT) == 0)
            return;
        nanosleep(&moment, NULL);
    }
}

bool bus_socket_serve(zsock_t *socket, const struct bus_pair *pair, enum bus_domain domain)
{
    const char *name = bus_domain_names[domain];
    return bus_pair_apply(socket, pair) && bus_socket_set(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(zsock_resolve(socket), ZMQ_ZAP_DOMAIN, name, strlen(name)) == 0 &&
           bus_socket_set(socket, ZAP_ENFORCE_DOMAIN, 1);
}

static bool connect_to(void *handle, const char *endpoint, const char *server_key)
{
    uint8_t key[BUS_KEY_BYTES];
    return bus_key_read(server_key, key) &&
           zmq_setsockopt(handle, ZMQ_CURVE_SERVERKEY, key, sizeof key) == 0 &&
           zmq_connect(handle, endpoint) == 0;
}

void bus_socket_follow(zsock_t *socket, struct bus_followed *followed, const char *endpoint,
                       const char *server_key)
{
    const char *wanted = endpoint == NULL || strlen(endpoint) >= BUS_ENDPOINT_MAX ? "" : endpoint;
    void *handle = zsock_resolve(socket);
    if (strcmp(followed->endpoint, wanted) == 0 &&
        (wanted[0] == '\0' || strcmp(followed->server_key, server_key) == 0))
        return;
    if (followed->endpoint[0] != '\0' && zmq_disconnect(handle, followed->endpoint) == 0)
        wait_until_left(handle);
    /* An endpoint that cannot be one is as good as none: its row will be written anew. */
    bool connected = wanted[0] != '\0' && connect_to(handle, wanted, server_key);
    snprintf(followed->endpoint, sizeof followed->endpoint, "%s", connected ? wanted : "");
    snprintf(followed->server_key, sizeof followed->server_key, "%s", connected ? server_key : "");
}

void bus_socket_replace(zsock_t **socket, zsock_t *fresh, const struct bus_followed *followed)
{
    if (followed->endpoint[0] != '\0')
        connect_to(zsock_resolve(fresh), followed->endpoint, followed->server_key);
    zsock_destroy(socket);
    *socket = fresh;
}

/* --- messages --------------------------------------------------------------------------------- */

static bool receive(void *handle, zmq_msg_t *frame, int flags)
{
    int result;
    do
        result = zmq_msg_recv(frame, handle, flags);
    while (result < 0 && errno == EINTR);
    return result >= 0;
}

static struct bytes copied(zmq_msg_t *frame, struct arena *arena)
{
    struct bytes b = {zmq_msg_data(frame), zmq_msg_size(frame)};
    return b.length == 0 ? (struct bytes){NULL, 0} : arena_bytes(arena, b);
}

static void keep_part(struct bus_message *message, zmq_msg_t *frame, struct arena *arena)
{
    if (message->count < BUS_PARTS_MAX)
        message->parts[message->count] = copied(frame, arena);
    message->count++;
    const char *user = zmq_msg_gets(frame, "User-Id");
    if (user != NULL && strlen(user) < sizeof message->user)
        snprintf(message->user, sizeof message->user, "%s", user);
}

bool bus_message_take(zsock_t *socket, struct arena *arena, struct bytes *identity,
                      struct bus_message *message)
{
    void *handle = zsock_resolve(socket);
    zmq_msg_t frame;
    *message = (struct bus_message){.count = 0};
    zmq_msg_init(&frame);
    if (!receive(handle, &frame, ZMQ_DONTWAIT)) {
        zmq_msg_close(&frame);
        return false;
    }
    if (identity != NULL)
        *identity = copied(&frame, arena);
    else
        keep_part(message, &frame, arena);
    /* The rest of a message is there with its first frame. */
    while (zmq_msg_more(&frame) && receive(handle, &frame, ZMQ_DONTWAIT))
        keep_part(message, &frame, arena);
    zmq_msg_close(&frame);
    return true;
}

bool bus_message_send(zsock_t *socket, const struct bytes *parts, size_t count)
{
    void *handle = zsock_resolve(socket);
    for (size_t i = 0; i < count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
        int result;
        do
            result = zmq_send(handle, parts[i].at, parts[i].length, flags);
        while (result < 0 && errno == EINTR);
        /* Whether a peer takes a message is decided at its first frame. */
        if (result < 0)
            return false;
    }
    return true;
}

bool bus_run_read(const struct bus_message *message, struct bus_run *run)
{
    const struct bytes *parts = message->parts;
    *run = (struct bus_run){.is_bundle = message->count == 1};
    if (run->is_bundle) {
        run->bytes = parts[0];
        run->left = bus_bundle_count(parts[0]);
    } else if (message->count == 2 && parts[0].length == BUS_SEQUENCE_BYTES) {
        run->sequence = bus_get_uint64(parts[0].at);
        run->bytes = parts[1];
        run->left = 1;
    }
    return run->left > 0;
}

bool bus_run_next(struct bus_run *run, uint64_t *sequence, struct bytes *frame)
{
    if (run->left == 0)
        return false;
    run->left--;
    if (run->is_bundle) {
        bus_bundle_next(&run->bytes, sequence, frame);
    } else {
        *sequence = run->sequence;
        *frame = run->bytes;
    }
    return true;
}
