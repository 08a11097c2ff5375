/* ZeroMQ: publish, subscribe, ask, answer. Bytes in, bytes out; no message is understood here.
 *
 * All sockets of one process's front are used by one thread. Every socket has MAXMSGSIZE, a bounded
 * LINGER, HANDSHAKE_IVL 1 s and bounded high-water marks, for each peer; ZeroMQ's own heartbeats
 * are never set (libzmq 4.3.4 aborts with them).
 *
 * Whoever runs main calls zsys_handler_set(NULL) first, or czmq takes SIGINT and SIGTERM. The _new
 * functions return NULL with errno when the endpoint, certificate or system will not have it. A
 * frame over BUS_FRAME_MAX is never sent: it would end the connection at the other side. */
#ifndef ZTC_BUS_BUS_H
#define ZTC_BUS_BUS_H

#include <czmq.h>

#include "base/arena.h"

/* Bytes of one internal frame: an answer to a query may be large. */
#define BUS_FRAME_MAX (4 * 1024 * 1024)
/* Bytes of one frame from outside (MESSAGE_BYTES_MAX). Up to four times as many arrive all the
 * same, so that they can be refused in words; more end the connection. */
#define BUS_COMMAND_MAX  65536
#define BUS_IDENTITY_MAX 255
#define BUS_ENDPOINT_MAX 256

/* --- publish / subscribe: [type][part, offset: 4 + 8 bytes big endian][body] ------------------ */

struct bus_publisher;
/* Binds to address:free port ("tcp://127.0.0.1"). */
struct bus_publisher *bus_publisher_new(const char *address);
void bus_publisher_destroy(struct bus_publisher **publisher);
const char *bus_publisher_endpoint(const struct bus_publisher *publisher);
/* May drop when a subscriber is slow: a hint only. Type "heartbeat" with an empty body names the
 * head. */
void bus_publish(struct bus_publisher *publisher, const char *type, int32_t part, int64_t offset,
                 struct bytes body);

struct bus_hint {
    struct text type;
    int32_t part;
    int64_t offset;
    struct bytes body;
};
struct bus_subscriber;
struct bus_subscriber *bus_subscriber_new(void);
void bus_subscriber_destroy(struct bus_subscriber **subscriber);
/* Connects to this endpoint instead of the one before. The same: nothing happens; NULL, "" or what
 * is no endpoint: only disconnects. */
void bus_subscriber_follow(struct bus_subscriber *subscriber, const char *endpoint);
zsock_t *bus_subscriber_socket(struct bus_subscriber *subscriber); /* for the loop */
/* Takes one message without waiting; false: none. Malformed ones are dropped and counted in
 * *malformed. The hint lives in the arena. */
bool bus_subscriber_take(struct bus_subscriber *subscriber, struct arena *arena,
                         struct bus_hint *hint, uint64_t *malformed);

/* --- answer side: a ROUTER ----------------------------------------------------------------------
 * From outside: DEALER or REQ clients, [identity][""?][frame]; between services:
 * [identity][sequence: 8 bytes big endian][frame]. Which of them is the router's kind. */

struct bus_caller {
    uint8_t identity[BUS_IDENTITY_MAX];
    uint8_t identity_length;
    bool delimiter; /* a REQ's empty frame, given back in the answer */
    bool has_sequence;
    uint64_t sequence; /* of an asker between services */
    char user[41];     /* CURVE public key in Z85, as authenticated; "" on plain sockets */
};
struct bus_router;
/* A plain ROUTER for our own services, on address:free port. */
struct bus_router *bus_router_new(const char *address);
/* The CURVE face for outsiders: binds `endpoint` (port * is a free one), with the server's
 * certificate file and ZAP domain "zhitongche"; option ZAP_ENFORCE_DOMAIN set, so that a missing
 * guard fails closed. */
struct bus_router *bus_router_new_curve(const char *endpoint, const char *secret_certificate);
void bus_router_destroy(struct bus_router **router);
const char *bus_router_endpoint(const struct bus_router *router); /* as bound, with the real port */
zsock_t *bus_router_socket(struct bus_router *router);
/* Takes one request without waiting; false: none. *frame is empty (length 0) when the request had
 * not exactly the expected frames; it is to be refused as malformed. */
bool bus_router_take(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                     struct bytes *frame);
/* Never blocks. False: dropped, the peer being gone or stuck (it will ask again with the
 * same id). */
bool bus_router_answer(struct bus_router *router, const struct bus_caller *caller,
                       struct bytes frame);

/* --- ask side: a DEALER to another service ---------------------------------------------------- */

struct bus_asker;
struct bus_asker *bus_asker_new(void);
void bus_asker_destroy(struct bus_asker **asker);
/* As bus_subscriber_follow. What the peer before was not sent yet, and answers of it that were not
 * taken, are dropped; nothing is sent to it any more. Takes a moment (0.1 ms, at most 50 ms). */
void bus_asker_follow(struct bus_asker *asker, const char *endpoint);
zsock_t *bus_asker_socket(struct bus_asker *asker);
/* False: not connected, its queue is full, or the frame too large; nothing was sent. */
bool bus_asker_ask(struct bus_asker *asker, uint64_t sequence, struct bytes frame);
bool bus_asker_take(struct bus_asker *asker, struct arena *arena, uint64_t *sequence,
                    struct bytes *frame);

/* --- a client of the CURVE faces, blocking; used by ztc -----------------------------------------
 * server_key: Z85; client_certificate: a file with both keys. A client that was denied stays so:
 * make a new one. False: errno EAGAIN (the time is over; below 0 there is no end of it), EINTR (a
 * signal came), EMSGSIZE (such a frame would not arrive), EPROTO (not an answer of ours). */

struct bus_client;
struct bus_client *bus_client_new(const char *endpoint, const char *server_key,
                                  const char *client_certificate);
void bus_client_destroy(struct bus_client **client);
/* Waits until it is connected and admitted, and there is room. */
bool bus_client_send(struct bus_client *client, struct bytes frame, int timeout_ms);
/* One answer. */
bool bus_client_receive(struct bus_client *client, struct arena *arena, struct bytes *frame,
                        int timeout_ms);

/* --- the guard: zauth ---------------------------------------------------------------------------
 * One per process (a second is refused: EBUSY), made before the CURVE routers. Only public keys
 * that are admitted may connect; others are denied in the handshake. Any thread may call. A
 * connection that stands is not ended when its key is expelled, so `user` is to be looked up for
 * each request. */

struct bus_guard;
struct bus_guard *bus_guard_new(void);
void bus_guard_destroy(struct bus_guard **guard);
/* Idempotent. False: not 40 characters of Z85. */
bool bus_guard_admit(struct bus_guard *guard, const char *public_key);
void bus_guard_expel(struct bus_guard *guard, const char *public_key);
/* Makes what was admitted and expelled effective, for every handshake after it; to be called once
 * for a batch of changes. Does nothing when nothing changed. */
void bus_guard_apply(struct bus_guard *guard);

#endif
