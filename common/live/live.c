/* hiredis 0.14: only the Argv calls, whose arguments carry their lengths. */
#include "live/live.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live_lua.h"

#define HOST_MAX            256
#define KEYS                4
#define KEY_BYTES           (2 * CODE_MAX + 32)
#define ARGUMENTS_MAX       16  /* of a call of fixed length */
#define PIPELINE_MAX        256 /* calls sent before their answers are read */
#define NUMBER_BYTES        24
#define HISTORY_KEY         "ztc:history"
#define PEEK_FIELDS         6
#define REBUILD_A_SECOND    20000 /* offers, for its timeout; measured: three times as many */
#define REBUILD_ENTRY_BYTES (6 * NUMBER_BYTES)

struct live {
    char host[HOST_MAX];
    int port;
    int timeout_ms;
    redisContext *context;
    char message[160];
};

/* A command being put together: arguments with their lengths. */
struct call {
    int count;
    const char *arguments[ARGUMENTS_MAX];
    size_t lengths[ARGUMENTS_MAX];
    char keys[KEYS][KEY_BYTES];
    char numbers[ARGUMENTS_MAX][NUMBER_BYTES];
};

static const char *const key_suffixes[KEYS] = {"offers", "notbefore", "versions", "details"};

struct live *live_new(const char *host_port, int timeout_ms)
{
    struct live *live = calloc(1, sizeof *live);
    if (live == NULL)
        abort();
    const char *colon = strrchr(host_port, ':');
    size_t length = colon == NULL ? strlen(host_port) : (size_t)(colon - host_port);
    if (length >= 2 && host_port[0] == '[' && host_port[length - 1] == ']') { /* [::1]:6379 */
        host_port++;
        length -= 2;
    }
    snprintf(live->host, sizeof live->host, "%.*s", (int)length, host_port);
    int64_t port;
    bool given =
        colon != NULL && text_to_int(text_of(colon + 1), &port) && port > 0 && port < 65536;
    live->port = given ? (int)port : 6379;
    live->timeout_ms = timeout_ms;
    return live;
}

static void drop(struct live *live)
{
    if (live->context != NULL)
        redisFree(live->context);
    live->context = NULL;
}

void live_destroy(struct live **live)
{
    if (*live == NULL)
        return;
    drop(*live);
    free(*live);
    *live = NULL;
}

bool live_is_connected(const struct live *live)
{
    return live->context != NULL;
}

const char *live_message(const struct live *live)
{
    return live->message;
}

static enum live_outcome lost(struct live *live, const char *why)
{
    snprintf(live->message, sizeof live->message, "%s", why);
    drop(live);
    return LIVE_LOST;
}

static struct timeval timeout_of(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

enum live_outcome live_connect(struct live *live)
{
    if (live->context != NULL)
        return LIVE_OK;
    live->context = redisConnectWithTimeout(live->host, live->port, timeout_of(live->timeout_ms));
    if (live->context == NULL)
        return lost(live, "no memory");
    if (live->context->err != 0)
        return lost(live, live->context->errstr);
    if (redisSetTimeout(live->context, timeout_of(live->timeout_ms)) != REDIS_OK ||
        redisEnableKeepAlive(live->context) != REDIS_OK)
        return lost(live, "the socket's options");
    const char *arguments[] = {"FUNCTION", "LOAD", "REPLACE", live_lua_queue};
    const size_t lengths[] = {8, 4, 7, strlen(live_lua_queue)};
    redisReply *reply = redisCommandArgv(live->context, 4, arguments, lengths);
    if (reply == NULL)
        return lost(live, live->context->errstr);
    bool loaded = reply->type != REDIS_REPLY_ERROR;
    if (!loaded)
        lost(live, reply->str);
    freeReplyObject(reply);
    return loaded ? LIVE_OK : LIVE_LOST;
}

static void call_add(struct call *call, const char *argument, size_t length)
{
    call->arguments[call->count] = argument;
    call->lengths[call->count] = length;
    call->count++;
}

static void call_word(struct call *call, const char *word)
{
    call_add(call, word, strlen(word));
}

static void call_number(struct call *call, int64_t value)
{
    char *at = call->numbers[call->count];
    call_add(call, at, (size_t)snprintf(at, NUMBER_BYTES, "%" PRId64, value));
}

static void call_key(struct call *call, const struct live_squad *squad, int key)
{
    int length = snprintf(call->keys[key], KEY_BYTES, "ztc:{%.*s/%.*s}:%s",
                          TEXT_ARG(squad->district), TEXT_ARG(squad->code), key_suffixes[key]);
    call_add(call, call->keys[key], length < KEY_BYTES ? (size_t)length : KEY_BYTES - 1);
}

static void call_keys(struct call *call, const struct live_squad *squad)
{
    for (int key = 0; key < KEYS; key++)
        call_key(call, squad, key);
}

/* A function of queue.lua with a squad's keys. */
static void call_function(struct call *call, const char *name, const struct live_squad *squad)
{
    call->count = 0;
    call_word(call, "FCALL");
    call_word(call, name);
    call_word(call, "4");
    call_keys(call, squad);
}

static bool call_append(struct live *live, const struct call *call)
{
    return redisAppendCommandArgv(live->context, call->count, (const char **)call->arguments,
                                  call->lengths) == REDIS_OK;
}

static redisReply *reply_read(struct live *live)
{
    void *reply = NULL;
    if (redisGetReply(live->context, &reply) != REDIS_OK) {
        lost(live, live->context->errstr);
        return NULL;
    }
    return reply;
}

/* A key of another type than ours concerns its squad alone, which a rebuild puts right; any other
 * error is the server's. */
static enum live_outcome outcome_of_error(struct live *live, const redisReply *reply)
{
    if (strstr(reply->str, "WRONGTYPE") != NULL)
        return LIVE_GAP;
    return lost(live, reply->str);
}

static enum live_outcome reply_outcome(struct live *live)
{
    redisReply *reply = reply_read(live);
    if (reply == NULL)
        return LIVE_LOST;
    enum live_outcome outcome;
    if (reply->type == REDIS_REPLY_ERROR)
        outcome = outcome_of_error(live, reply);
    else
        outcome = reply->type == REDIS_REPLY_INTEGER && reply->integer == 0 ? LIVE_OK : LIVE_GAP;
    freeReplyObject(reply);
    return outcome;
}

static bool append_change(struct live *live, const struct live_change *change)
{
    struct call call;
    call_function(&call, "ztc_queue_apply", &change->squad);
    call_number(&call, change->previous);
    call_number(&call, change->position);
    call_word(&call, change->add ? "add" : "remove");
    call_number(&call, change->entry.assignment);
    if (change->add) {
        call_number(&call, change->entry.order);
        call_number(&call, change->entry.version);
        call_number(&call, change->entry.deadline);
        call_number(&call, change->entry.score);
        call_number(&call, change->entry.not_before);
    }
    return call_append(live, &call);
}

enum live_outcome live_apply(struct live *live, const struct live_change *changes, size_t count,
                             enum live_outcome *outcomes)
{
    for (size_t done = 0; done < count;) {
        size_t upto = count - done < PIPELINE_MAX ? count : done + PIPELINE_MAX;
        for (size_t i = done; i < upto; i++)
            if (!append_change(live, &changes[i]))
                return lost(live, "no memory");
        for (; done < upto; done++) {
            outcomes[done] = reply_outcome(live);
            if (outcomes[done] == LIVE_LOST)
                return LIVE_LOST;
        }
    }
    return LIVE_OK;
}

/* One text an offer, so that a long queue stays within the arguments Redis takes. */
static void entry_print(const struct live_entry *entry, char buffer[REBUILD_ENTRY_BYTES])
{
    snprintf(buffer, REBUILD_ENTRY_BYTES,
             "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
             entry->assignment, entry->order, entry->version, entry->deadline, entry->score,
             entry->not_before);
}

static bool append_rebuild(struct live *live, const struct live_squad *squad, int64_t position,
                           const struct live_entry *entries, size_t count)
{
    struct call head;
    call_function(&head, "ztc_queue_rebuild", squad);
    call_number(&head, position);
    size_t total = (size_t)head.count + count;
    const char **arguments = calloc(total, sizeof *arguments);
    size_t *lengths = calloc(total, sizeof *lengths);
    char(*texts)[REBUILD_ENTRY_BYTES] = calloc(count + 1, sizeof *texts);
    if (arguments == NULL || lengths == NULL || texts == NULL)
        abort();
    memcpy(arguments, head.arguments, (size_t)head.count * sizeof *arguments);
    memcpy(lengths, head.lengths, (size_t)head.count * sizeof *lengths);
    for (size_t i = 0; i < count; i++) {
        entry_print(&entries[i], texts[i]);
        arguments[(size_t)head.count + i] = texts[i];
        lengths[(size_t)head.count + i] = strlen(texts[i]);
    }
    bool appended =
        redisAppendCommandArgv(live->context, (int)total, arguments, lengths) == REDIS_OK;
    free(arguments);
    free(lengths);
    free(texts);
    return appended;
}

enum live_outcome live_rebuild(struct live *live, const struct live_squad *squad, int64_t position,
                               const struct live_entry *entries, size_t count)
{
    int64_t patience_ms = live->timeout_ms + (int64_t)count * 1000 / REBUILD_A_SECOND;
    if (!append_rebuild(live, squad, position, entries, count) ||
        redisSetTimeout(live->context, timeout_of(patience_ms)) != REDIS_OK)
        return lost(live, "no memory");
    enum live_outcome outcome = reply_outcome(live);
    if (outcome != LIVE_LOST &&
        redisSetTimeout(live->context, timeout_of(live->timeout_ms)) != REDIS_OK)
        return lost(live, "the socket's options");
    return outcome;
}

enum live_outcome live_forget(struct live *live, const struct live_squad *squad)
{
    struct call call = {.count = 0};
    call_word(&call, "DEL");
    call_keys(&call, squad);
    if (!call_append(live, &call))
        return lost(live, "no memory");
    redisReply *reply = reply_read(live);
    if (reply == NULL)
        return LIVE_LOST;
    bool failed = reply->type == REDIS_REPLY_ERROR;
    if (failed)
        lost(live, reply->str);
    freeReplyObject(reply);
    return failed ? LIVE_LOST : LIVE_OK;
}

/* A call and its reply; NULL: lost. The caller frees it. */
static redisReply *ask(struct live *live, const struct call *call)
{
    if (!call_append(live, call)) {
        lost(live, "no memory");
        return NULL;
    }
    redisReply *reply = reply_read(live);
    if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
        return reply;
    lost(live, reply->str);
    freeReplyObject(reply);
    return NULL;
}

static int64_t number_of(const redisReply *reply)
{
    int64_t value = 0;
    if (reply->type != REDIS_REPLY_STRING ||
        !text_to_int((struct text){reply->str, reply->len}, &value))
        return 0;
    return value;
}

/* Removes the keys of one page of SCAN. */
static bool page_remove(struct live *live, const redisReply *keys)
{
    struct call call;
    for (size_t i = 0; i < keys->elements; i++) {
        call.count = 0;
        call_word(&call, "DEL");
        call_add(&call, keys->element[i]->str, (size_t)keys->element[i]->len);
        redisReply *reply = ask(live, &call);
        if (reply == NULL)
            return false;
        freeReplyObject(reply);
    }
    return true;
}

/* All squads' keys, those too that the records know nothing of. */
static bool queues_remove(struct live *live)
{
    char cursor[NUMBER_BYTES] = "0";
    do {
        struct call call = {.count = 0};
        call_word(&call, "SCAN");
        call_word(&call, cursor);
        call_word(&call, "MATCH");
        call_word(&call, "ztc:{*");
        call_word(&call, "COUNT");
        call_word(&call, "1000");
        redisReply *reply = ask(live, &call);
        if (reply == NULL)
            return false;
        bool fine = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                    reply->element[0]->type == REDIS_REPLY_STRING &&
                    reply->element[1]->type == REDIS_REPLY_ARRAY;
        if (fine)
            snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        else
            lost(live, "an answer to SCAN that is none");
        fine = fine && page_remove(live, reply->element[1]);
        freeReplyObject(reply);
        if (!fine)
            return false;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

enum live_outcome live_follow(struct live *live, int64_t history, bool *anew)
{
    struct call call = {.count = 0};
    call_word(&call, "GET");
    call_word(&call, HISTORY_KEY);
    redisReply *reply = ask(live, &call);
    if (reply == NULL)
        return LIVE_LOST;
    bool follows = number_of(reply) == history;
    *anew = !follows && reply->type != REDIS_REPLY_NIL;
    freeReplyObject(reply);
    if (follows)
        return LIVE_OK;
    /* Its name is written when all of it is gone, so that whoever is killed in between begins
     * again. */
    if (!queues_remove(live))
        return LIVE_LOST;
    call.count = 0;
    call_word(&call, "SET");
    call_word(&call, HISTORY_KEY);
    call_number(&call, history);
    reply = ask(live, &call);
    if (reply == NULL)
        return LIVE_LOST;
    freeReplyObject(reply);
    return LIVE_OK;
}

static bool append_position(struct live *live, const struct live_squad *squad)
{
    struct call call = {.count = 0};
    call_word(&call, "HGET");
    call_key(&call, squad, 2);
    call_word(&call, "position");
    return call_append(live, &call);
}

enum live_outcome live_positions(struct live *live, const struct live_squad *squads, size_t count,
                                 int64_t *positions)
{
    for (size_t done = 0; done < count;) {
        size_t upto = count - done < PIPELINE_MAX ? count : done + PIPELINE_MAX;
        for (size_t i = done; i < upto; i++)
            if (!append_position(live, &squads[i]))
                return lost(live, "no memory");
        for (; done < upto; done++) {
            redisReply *reply = reply_read(live);
            if (reply == NULL)
                return LIVE_LOST;
            enum live_outcome outcome = LIVE_OK;
            if (reply->type == REDIS_REPLY_ERROR)
                outcome = outcome_of_error(live, reply);
            positions[done] = number_of(reply);
            freeReplyObject(reply);
            if (outcome == LIVE_LOST)
                return LIVE_LOST;
        }
    }
    return LIVE_OK;
}

static enum live_outcome peek_read(struct live *live, const redisReply *reply, struct arena *arena,
                                   struct live_entry **entries, size_t *count, int64_t *position)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return outcome_of_error(live, reply);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % PEEK_FIELDS != 1)
        return LIVE_GAP;
    *position = number_of(reply->element[0]);
    *count = reply->elements / PEEK_FIELDS;
    *entries = arena_array(arena, *count + 1, sizeof **entries);
    for (size_t i = 0; i < *count; i++) {
        redisReply *const *field = reply->element + 1 + i * PEEK_FIELDS;
        (*entries)[i] = (struct live_entry){
            .assignment = number_of(field[0]),
            .order = number_of(field[1]),
            .version = number_of(field[2]),
            .deadline = number_of(field[3]),
            .score = number_of(field[4]),
            .not_before = number_of(field[5]),
        };
    }
    return LIVE_OK;
}

enum live_outcome live_peek(struct live *live, const struct live_squad *squad, int64_t now,
                            size_t limit, struct arena *arena, struct live_entry **entries,
                            size_t *count, int64_t *position)
{
    struct call call;
    call_function(&call, "ztc_queue_peek", squad);
    call_number(&call, now);
    call_number(&call, (int64_t)limit);
    if (!call_append(live, &call))
        return lost(live, "no memory");
    redisReply *reply = reply_read(live);
    if (reply == NULL)
        return LIVE_LOST;
    enum live_outcome outcome = peek_read(live, reply, arena, entries, count, position);
    freeReplyObject(reply);
    return outcome;
}
