#include "runtime/request.h"

#include <stdlib.h>

struct request *request_new(void)
{
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    request->arena = arena_new();
    return request;
}

void request_destroy(struct request **request)
{
    if (*request == NULL)
        return;
    arena_destroy(&(*request)->arena);
    free(*request);
    *request = NULL;
}

void request_list_push(struct request_list *list, struct request *request)
{
    request->next = NULL;
    if (list->tail == NULL)
        list->head = request;
    else
        list->tail->next = request;
    list->tail = request;
    list->count++;
}

struct request *request_list_pop(struct request_list *list)
{
    struct request *request = list->head;
    if (request == NULL)
        return NULL;
    list->head = request->next;
    if (list->head == NULL)
        list->tail = NULL;
    list->count--;
    request->next = NULL;
    return request;
}
