#include "runtime/outbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct outbox {
    pthread_mutex_t mutex;
    struct outbox_item *head, *tail;
    bool held;
    int descriptor;
};

struct outbox *outbox_new(void)
{
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        abort();
    pthread_mutex_init(&outbox->mutex, NULL);
    outbox->descriptor = descriptor;
    return outbox;
}

void outbox_destroy(struct outbox **outbox)
{
    if (*outbox == NULL)
        return;
    struct outbox_item *item = outbox_take(*outbox);
    while (item != NULL) {
        struct outbox_item *next = item->next;
        request_destroy(&item->request);
        outbox_item_destroy(&item);
        item = next;
    }
    close((*outbox)->descriptor);
    pthread_mutex_destroy(&(*outbox)->mutex);
    free(*outbox);
    *outbox = NULL;
}

int outbox_descriptor(const struct outbox *outbox)
{
    return outbox->descriptor;
}

static struct outbox_item *item_new(enum outbox_kind kind)
{
    struct outbox_item *item = calloc(1, sizeof *item);
    if (item == NULL)
        abort();
    item->kind = kind;
    return item;
}

static void wake(struct outbox *outbox)
{
    uint64_t one = 1;
    /* An eventfd that is full is readable already: nothing is lost when this fails. */
    ssize_t written = write(outbox->descriptor, &one, sizeof one);
    (void)written;
}

static void push(struct outbox *outbox, struct outbox_item *item)
{
    pthread_mutex_lock(&outbox->mutex);
    bool is_first = outbox->head == NULL;
    if (is_first)
        outbox->head = item;
    else
        outbox->tail->next = item;
    outbox->tail = item;
    bool held = outbox->held;
    pthread_mutex_unlock(&outbox->mutex);
    if (is_first && !held)
        wake(outbox);
}

void outbox_hold(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->held = true;
    pthread_mutex_unlock(&outbox->mutex);
}

void outbox_release(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->held = false;
    bool is_waiting = outbox->head != NULL;
    pthread_mutex_unlock(&outbox->mutex);
    if (is_waiting)
        wake(outbox);
}

void outbox_answer(struct outbox *outbox, struct request *request)
{
    struct outbox_item *item = item_new(OUTBOX_ANSWER);
    item->request = request;
    push(outbox, item);
}

void outbox_forward(struct outbox *outbox, struct request *request)
{
    struct outbox_item *item = item_new(OUTBOX_FORWARD);
    item->request = request;
    push(outbox, item);
}

void outbox_publish(struct outbox *outbox, struct arena *arena, struct bus_hint *publications,
                    size_t count)
{
    struct outbox_item *item = item_new(OUTBOX_PUBLISH);
    item->arena = arena;
    item->publications = publications;
    item->publication_count = count;
    push(outbox, item);
}

void outbox_peer(struct outbox *outbox, enum service peer, const char *publisher,
                 const char *router, const char *key)
{
    struct outbox_item *item = item_new(OUTBOX_PEER);
    item->peer = peer;
    snprintf(item->publisher, sizeof item->publisher, "%s", publisher);
    snprintf(item->router, sizeof item->router, "%s", router);
    snprintf(item->key, sizeof item->key, "%s", key);
    push(outbox, item);
}

void outbox_open(struct outbox *outbox)
{
    push(outbox, item_new(OUTBOX_OPEN));
}

struct outbox_item *outbox_take(struct outbox *outbox)
{
    uint64_t count;
    ssize_t got = read(outbox->descriptor, &count, sizeof count);
    (void)got; /* EAGAIN: somebody took it before */
    pthread_mutex_lock(&outbox->mutex);
    struct outbox_item *items = outbox->head;
    outbox->head = outbox->tail = NULL;
    pthread_mutex_unlock(&outbox->mutex);
    return items;
}

void outbox_item_destroy(struct outbox_item **item)
{
    if (*item == NULL)
        return;
    if ((*item)->arena != NULL)
        arena_destroy(&(*item)->arena);
    free(*item);
    *item = NULL;
}
