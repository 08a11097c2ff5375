/* What the working threads hand back to the front, which alone owns the sockets. Thread-safe; the
 * front polls its descriptor. */
#ifndef ZTC_RUNTIME_OUTBOX_H
#define ZTC_RUNTIME_OUTBOX_H

#include "runtime/request.h"

enum outbox_kind {
    OUTBOX_ANSWER,  /* request->reply is to be sent, the request then destroyed */
    OUTBOX_FORWARD, /* request is to be forwarded as its input says */
    OUTBOX_PUBLISH, /* events were committed */
    OUTBOX_PEER,    /* a service's owner announced other endpoints */
    OUTBOX_OPEN     /* the directory is loaded: callers from outside can be told apart */
};

struct outbox_item {
    struct outbox_item *next;
    enum outbox_kind kind;
    struct request *request;
    struct arena *arena; /* of the publications */
    struct bus_hint *publications;
    size_t publication_count;
    enum service peer;
    char publisher[BUS_ENDPOINT_MAX];
    char router[BUS_ENDPOINT_MAX];
    char key[BUS_KEY_TEXT + 1]; /* of both */
};

struct outbox;
struct outbox *outbox_new(void); /* NULL: no descriptor to be had */
void outbox_destroy(struct outbox **outbox);
int outbox_descriptor(const struct outbox *outbox); /* readable while something may be there */
void outbox_answer(struct outbox *outbox, struct request *request);
void outbox_forward(struct outbox *outbox, struct request *request);
/* Takes the arena. */
void outbox_publish(struct outbox *outbox, struct arena *arena, struct bus_hint *publications,
                    size_t count);
void outbox_peer(struct outbox *outbox, enum service peer, const char *publisher,
                 const char *router, const char *key);
void outbox_open(struct outbox *outbox);
/* What is put in between is taken as one when it is released, so that it travels together. Of one
 * thread only. */
void outbox_hold(struct outbox *outbox);
void outbox_release(struct outbox *outbox);
/* All that is there, in order, as a linked list; the caller frees each item with
 * outbox_item_destroy. */
struct outbox_item *outbox_take(struct outbox *outbox);
void outbox_item_destroy(struct outbox_item **item); /* not the request */

#endif
