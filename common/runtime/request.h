/* A request on its way through a process: made by the front, handed to the desk or the reader,
 * given back with its reply. */
#ifndef ZTC_RUNTIME_REQUEST_H
#define ZTC_RUNTIME_REQUEST_H

#include "bus/bus.h"
#include "runtime/desk.h"
#include "runtime/reader.h"

struct http_exchange; /* edge/http.h */

struct request {
    struct request *next;
    struct arena *arena; /* everything of it lives here, the request itself not */
    struct bus_router *router;
    struct bus_caller from;
    struct http_exchange *http; /* NULL: it came through `router` */
    struct bytes frame;         /* the command or query as it came, for forwarding */
    struct input input;         /* a command */
    struct inquiry inquiry;     /* a query */
    int64_t after; /* a forwarded command: the offset of its forwarder's log to be applied first */
    enum service after_producer;
    int64_t arrived_ms; /* monotonic */
    struct bytes reply; /* encoded answer */
};

struct request *request_new(void);
void request_destroy(struct request **request);

/* A first-in, first-out list; not thread-safe. */
struct request_list {
    struct request *head, *tail;
    size_t count;
};
void request_list_push(struct request_list *list, struct request *request);
struct request *request_list_pop(struct request_list *list);

#endif
