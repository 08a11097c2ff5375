/* HTTP/1.1 inside somebody else's loop (libmicrohttpd): requests come in whole and bounded, answers
 * go out when they are there. Bytes in, bytes out: what they mean is the handler's business. One
 * thread calls everything here; handlers are called from http_run only.
 *
 * A request is `head` (its headers have come, nothing of its body), then `whole`. Either may
 * answer; what `whole` leaves unanswered waits, its connection suspended, until http_answer is
 * called. What passes a limit goes to `excess`, which must answer. A request that has not
 * come whole `request_ms` after its first byte gets `late` and is closed, so that one who sends a
 * byte now and then holds nothing for long; a connection without a request is closed after half a
 * minute. */
#ifndef ZTC_EDGE_HTTP_H
#define ZTC_EDGE_HTTP_H

#include <stdbool.h>

#include "base/arena.h"

struct http;
struct http_exchange; /* one request and its answer; ends when the answer is out or the peer gone */

enum http_excess {
    HTTP_HEADERS_TOO_LARGE, /* bytes or number */
    HTTP_BODY_TOO_LARGE,
    HTTP_CONNECTIONS_FULL,
};

struct http_options {
    const char *listen_on; /* IPv4 address:port, port 0 a free one */
    size_t body_max, header_bytes_max, header_count_max;
    unsigned connections_max;
    int64_t request_ms;
    const char *late_type, *late_body; /* the answer 408 */
    void *argument;
    void (*head)(void *argument, struct http_exchange *exchange);
    void (*whole)(void *argument, struct http_exchange *exchange);
    void (*excess)(void *argument, struct http_exchange *exchange, enum http_excess excess);
};

/* NULL: errno says why. The options' texts must outlive it. */
struct http *http_new(const struct http_options *options);
/* Requests that still wait are closed without an answer. */
void http_destroy(struct http **http);
int http_port(const struct http *http);
size_t http_connection_count(const struct http *http);

/* Readable when there is something to do. */
int http_descriptor(const struct http *http);
/* Does what there is to do: to be called when the descriptor is readable, after answers were given
 * outside of a handler, and at least every HTTP_TICK_MS. True: there is more; call again soon. */
#define HTTP_TICK_MS 100
bool http_run(struct http *http);

/* The request. Texts live as long as the exchange. */
struct arena *http_arena(struct http_exchange *exchange);
struct text http_method(const struct http_exchange *exchange);
struct text http_path(const struct http_exchange *exchange);  /* as sent, still %-encoded */
struct text http_query(const struct http_exchange *exchange); /* what follows '?', as sent */
/* The first header of this name; length 0 with `at` NULL: there is none. */
struct text http_header(const struct http_exchange *exchange, const char *name);
/* How often a header of this name was sent. */
size_t http_header_count(const struct http_exchange *exchange, const char *name);
struct bytes http_body(const struct http_exchange *exchange);
/* Calls for every parameter of the query string, decoded; false from `take` ends the walk and is
 * returned. */
bool http_parameters(const struct http_exchange *exchange,
                     bool (*take)(void *argument, struct text name, struct text value),
                     void *argument);
/* Whatever the handler keeps with it; NULL at first. */
void **http_slot(struct http_exchange *exchange);

#define HTTP_HEADERS_MAX 12
struct http_reply {
    unsigned status;
    const char *type; /* NULL: no body */
    struct text body;
    struct {
        const char *name, *value;
    } headers[HTTP_HEADERS_MAX];
    size_t header_count;
};
void http_reply_header(struct http_reply *reply, const char *name, const char *value);
/* Once for each exchange; everything is copied. */
void http_answer(struct http_exchange *exchange, const struct http_reply *reply);

#endif
