/* The front's face over HTTP: REST with JSON (routes.def) on the loop that owns the sockets. A
 * request that came this way is a frame like any other once it is inside; its answer comes back
 * through front_http_reply. What HTTP itself asks for (paths, methods, bearer tokens, limits,
 * Idempotency-Key, conditional GET, pages) is settled here. */
#ifndef ZTC_RUNTIME_FRONT_HTTP_H
#define ZTC_RUNTIME_FRONT_HTTP_H

#include <czmq.h>

#include "runtime/config.h"
#include "runtime/keyring.h"
#include "runtime/request.h"

struct front_http;

struct front_http_options {
    const struct config *config; /* api, api_connections_max, api_request_ms, lang */
    bool is_query;               /* serves the queries of routes.def; else its commands */
    struct keyring *keyring;
    zloop_t *loop;
    void *argument;
    /* Takes a request whose frame and caller are filled; it comes back by front_http_reply, perhaps
     * at once. */
    void (*take)(void *argument, struct request *request, bool is_query);
};

/* NULL: errno says why it cannot listen. */
struct front_http *front_http_open(const struct front_http_options *options);
void front_http_destroy(struct front_http **http);
int front_http_port(const struct front_http *http);
/* From now on everything new is answered with 503. */
void front_http_stop(struct front_http *http);
/* Sends request->reply; the request stays the caller's. */
void front_http_reply(struct front_http *http, struct request *request);

#endif
