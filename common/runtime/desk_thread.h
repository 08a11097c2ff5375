/* The desk as its process sees it: started, fed and stopped by the front. */
#ifndef ZTC_RUNTIME_DESK_THREAD_H
#define ZTC_RUNTIME_DESK_THREAD_H

#include "runtime/config.h"
#include "runtime/desk.h"
#include "runtime/keyring.h"
#include "runtime/outbox.h"
#include "runtime/reader_thread.h"

struct desk_options {
    const struct desk_service *service;
    const struct config *config;
    struct outbox *outbox;
    struct keyring *keyring; /* kept equal to the directory's keys; may be NULL */
    const char *publisher;   /* endpoints to announce */
    const char *router;
    const char *bus_key; /* of both endpoints */
};

struct desk *desk_new(const struct desk_options *options);
void desk_destroy(struct desk **desk); /* after desk_stop */
bool desk_start(struct desk *desk);
/* Ends after the batch that is under way; what waits is answered retry. Blocks until the thread has
 * ended. */
void desk_stop(struct desk *desk);
/* Takes the request, to come back through the outbox. False: the queue is full, the request stays
 * the caller's. */
bool desk_submit(struct desk *desk, struct request *request);
/* A producer published events (bytes copied; empty body: a heartbeat naming its head). */
void desk_hint(struct desk *desk, enum service producer, const struct bus_hint *hints,
               size_t count);
/* The reader that is to be told of facts, and woken when the desk has applied something; may be
 * NULL. */
void desk_set_reader(struct desk *desk, struct reader *reader);
/* The last offset of this service's own log, as far as committed; for heartbeats. */
int64_t desk_head(struct desk *desk);
/* Whether the lease is held. Without it nothing is applied here any more: what this process knows
 * of keys and organisations grows old. */
bool desk_owns(struct desk *desk);

#endif
