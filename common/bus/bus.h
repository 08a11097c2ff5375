/* ZeroMQ: publish, subscribe, ask, answer. Bytes in, bytes out; no message is understood here.
 *
 * All sockets of one process's front are used by one thread. Every socket is CURVE, has MAXMSGSIZE
 * (of what it may receive), a bounded LINGER, HANDSHAKE_IVL 1 s and bounded high-water marks, for
 * each peer; ZeroMQ's own heartbeats are never set (libzmq 4.3.4 aborts with them). Those that bind
 * have a ZAP domain and ZAP_ENFORCE_DOMAIN, so that without a guard nobody gets in.
 *
 * Whoever runs main calls zsys_handler_set(NULL) first, or czmq takes SIGINT and SIGTERM. The _new
 * functions return NULL with errno when the endpoint, certificate or system will not have it. A
 * frame over its bound is never sent: it would end the connection at the other side. */
#ifndef ZTC_BUS_BUS_H
#define ZTC_BUS_BUS_H

#include <czmq.h>

#include "base/arena.h"

/* Bytes of one frame that is answered or published: an answer to a query may be large. */
#define BUS_FRAME_MAX (4 * 1024 * 1024)
/* Bytes of one frame that is asked between services: a command with what its forwarder adds. */
#define BUS_ASK_MAX (BUS_COMMAND_MAX + 4096)
/* Bytes of one frame from outside (MESSAGE_BYTES_MAX). A quarter more arrives all the same, so that
 * it can be refused in words; beyond that the connection ends. What a socket may receive is what an
 * unknown peer can make it hold during a handshake, a hundred of them a hundred times. */
#define BUS_COMMAND_MAX  65536
#define BUS_REFUSED_MAX  (BUS_COMMAND_MAX + BUS_COMMAND_MAX / 4)
#define BUS_KEY_TEXT     40 /* characters of a key in Z85 */
#define BUS_IDENTITY_MAX 255
#define BUS_ENDPOINT_MAX 256

/* --- the badge: what the services of a deployment know each other by -----------------------------
 * One certificate for all of them, with its secret. While it is rotated, the public key of a second
 * one is known too (docs/decisions/0010): a process shows its own to those it connects to and to
 * those that connect to it, and knows both. */

struct bus_badge;
/* `other`: a certificate, public part or whole; NULL or "": none. */
struct bus_badge *bus_badge_new(const char *certificate, const char *other);
void bus_badge_destroy(struct bus_badge **badge);
/* The own public key in Z85, to be announced beside the endpoints. */
const char *bus_badge_key(const struct bus_badge *badge);
bool bus_badge_knows(const struct bus_badge *badge, const char *public_key);

/* The public key in a file's certificate, public part or whole, in Z85. False: errno says why. */
bool bus_certificate_key(const char *path, char key[BUS_KEY_TEXT + 1]);

/* --- where others reach a bound endpoint -------------------------------------------------------
 */

/* `bound` ("tcp://0.0.0.0:41000") with another host, if one is given, in `announced`. False with
 * errno: it would be no endpoint, or is bound to every address and no host is given, so that a peer
 * would take it for itself. */
bool bus_announce(const char *bound, const char *host, char announced[BUS_ENDPOINT_MAX]);

/* --- publish / subscribe ------------------------------------------------------------------------
 * One: [type][part, offset: 4 + 8 bytes big endian][body]. Several: [part, a bundle (bundle.h)
 * whose numbers are offsets]. */

struct bus_hint {
    struct text type; /* not of one that came with others: the body has it */
    int32_t part;
    int64_t offset;
    struct bytes body; /* empty in a "heartbeat", which names the head */
};

struct bus_publisher;
/* Binds to address:free port ("tcp://127.0.0.1"), for who has the badge. */
struct bus_publisher *bus_publisher_new(const char *address, const struct bus_badge *badge);
void bus_publisher_destroy(struct bus_publisher **publisher);
const char *bus_publisher_endpoint(const struct bus_publisher *publisher);
/* In as few messages as they fit in. May drop when a subscriber is slow: hints only. */
void bus_publish(struct bus_publisher *publisher, const struct bus_hint *hints, size_t count);

struct bus_subscriber;
/* The badge lives longer than the subscriber. */
struct bus_subscriber *bus_subscriber_new(const struct bus_badge *badge);
void bus_subscriber_destroy(struct bus_subscriber **subscriber);
/* Connects to this endpoint, whose server has this key, instead of the one before. The same:
 * nothing happens; NULL, "" or what is no endpoint or key: only disconnects. */
void bus_subscriber_follow(struct bus_subscriber *subscriber, const char *endpoint,
                           const char *server_key);
/* Connects to the same once more, on a new socket: for when nothing is heard. libzmq gives a
 * connection up for good when the other side answered something it does not understand. False: no
 * socket to be had, the old one stays; else the loop must be given the new one. */
bool bus_subscriber_renew(struct bus_subscriber *subscriber);
zsock_t *bus_subscriber_socket(struct bus_subscriber *subscriber); /* for the loop */
/* Takes one message without waiting; how many hints it had, 0: there is none. Malformed ones are
 * dropped whole and counted in *malformed. The hints live in the arena. */
size_t bus_subscriber_take(struct bus_subscriber *subscriber, struct arena *arena,
                           struct bus_hint **hints, uint64_t *malformed);

/* --- answer side: a ROUTER ----------------------------------------------------------------------
 * From outside: DEALER or REQ clients, [identity][""?][frame]; between services:
 * [identity][sequence: 8 bytes big endian][frame], or [identity][a bundle whose numbers are
 * sequences]. Which of them is the router's kind. What was asked in a bundle is answered in one. */

/* The frames of one message between services, in their order. */
struct bus_run {
    size_t left;
    bool is_bundle;
    uint64_t sequence;  /* of the one frame that is no bundle */
    struct bytes bytes; /* it, or the rest of the bundle */
};
/* False: no more. */
bool bus_run_next(struct bus_run *run, uint64_t *sequence, struct bytes *frame);

struct bus_caller {
    uint8_t identity[BUS_IDENTITY_MAX];
    uint8_t identity_length;
    bool delimiter; /* a REQ's empty frame, given back in the answer */
    bool has_sequence;
    bool in_bundle;              /* asked in one, to be answered in one */
    uint64_t sequence;           /* of an asker between services */
    char user[BUS_KEY_TEXT + 1]; /* CURVE public key in Z85, as authenticated */
};
struct bus_router;
/* A ROUTER for our own services, on address:free port. */
struct bus_router *bus_router_new(const char *address, const struct bus_badge *badge);
/* The face for outsiders: binds `endpoint` (port * is a free one), with the server's certificate
 * file. `answers_max`: answers that wait for one peer that does not read them; what comes after is
 * dropped. */
struct bus_router *bus_router_new_outside(const char *endpoint, const char *secret_certificate,
                                          int answers_max);
void bus_router_destroy(struct bus_router **router);
const char *bus_router_endpoint(const struct bus_router *router); /* as bound, with the real port */
zsock_t *bus_router_socket(struct bus_router *router);
/* Takes one request from outside without waiting; false: none. *frame is empty (length 0) when the
 * request had not exactly the expected frames; it is to be refused as malformed. */
bool bus_router_take(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                     struct bytes *frame);
/* The same between services, where a message may have many: caller->sequence is to be set from the
 * run for each. */
bool bus_router_take_run(struct bus_router *router, struct arena *arena, struct bus_caller *caller,
                         struct bus_run *run);
/* Never blocks. False: an answer to a peer that is gone or does not read was dropped (it will ask
 * again with the same id). What goes in a bundle waits for the flush. */
bool bus_router_answer(struct bus_router *router, const struct bus_caller *caller,
                       struct bytes frame);
/* Sends what waits. How many answers were dropped since the last time, as above. */
size_t bus_router_flush(struct bus_router *router);

/* --- ask side: a DEALER to another service ------------------------------------------------------
 * A frame is asked alone, or in a bundle with others until the flush: only of a peer that is known
 * to understand them. */

struct bus_asker;
struct bus_asker *bus_asker_new(const struct bus_badge *badge);
void bus_asker_destroy(struct bus_asker **asker);
/* As bus_subscriber_follow. What the peer before was not sent yet, and answers of it that were not
 * taken, are dropped; nothing is sent to it any more. Takes a moment (0.1 ms, at most 50 ms). */
void bus_asker_follow(struct bus_asker *asker, const char *endpoint, const char *server_key);
/* As bus_subscriber_renew; what is under way is lost. */
bool bus_asker_renew(struct bus_asker *asker);
zsock_t *bus_asker_socket(struct bus_asker *asker);
/* False: not connected, its queue is full, or the frame too large; nothing was sent. */
bool bus_asker_ask(struct bus_asker *asker, uint64_t sequence, struct bytes frame);
/* The same; true may also mean that it was lost under way. */
bool bus_asker_ask_bundled(struct bus_asker *asker, uint64_t sequence, struct bytes frame);
void bus_asker_flush(struct bus_asker *asker); /* sends what waits */
/* Takes one message of answers without waiting; false: none. */
bool bus_asker_take(struct bus_asker *asker, struct arena *arena, struct bus_run *answers);

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

/* --- the guard: who may connect (ZAP) -----------------------------------------------------------
 * One per process (a second is refused: EBUSY), made before the sockets that bind. Outside, those
 * whose key `admits` lets in; between services, those whose key the badge knows; nobody else, and
 * neither kind at the other's sockets. A connection that stands is not ended when its key is not
 * admitted any more, so `user` is to be looked up for each request. */

enum bus_domain { BUS_OUTSIDE, BUS_INSIDE, BUS_DOMAIN_COUNT };

/* Asked in every handshake, on the guard's own thread. */
typedef bool bus_admits(void *argument, const char *public_key);

struct bus_guard;
/* `badge`: may be NULL, nobody inside; `admits`: may be NULL, nobody outside. */
struct bus_guard *bus_guard_new(const struct bus_badge *badge, bus_admits *admits, void *argument);
void bus_guard_destroy(struct bus_guard **guard);
/* Handshakes denied so far. Any thread may ask. */
uint64_t bus_guard_denied(const struct bus_guard *guard, enum bus_domain domain);

#endif
