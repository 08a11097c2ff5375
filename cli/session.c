#include "cli/session.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/bus.h"
#include "cli/cli.h"

#define SEND_WAIT_MS       200
#define DRAIN_STEP_MS      50
#define ANSWER_WAIT_MIN_MS 2000 /* before a request is sent again */
#define ANSWER_WAIT_MAX_MS 10000
#define BACKOFF_MIN_MS     50 /* after the answer `retry` */
#define BACKOFF_MAX_MS     2000

/* A connection that says nothing for so long is made anew: a key that was registered a moment ago
 * may have been denied, and libzmq does not try again by itself after that. */
#define SILENCE_MS 3000

struct slot {
    bool used, waits; /* waits: for its time to be sent again, not for an answer */
    uint64_t hash;
    struct text id;
    struct bytes frame;
    int64_t deadline_ms, due_ms;
    int tries;
    struct refusal last;
    session_done *done;
    void *context;
};

struct session {
    struct session_settings settings;
    struct bus_client *client;
    int64_t heard_ms; /* last answer, or the connection */
    struct slot *slots;
    size_t in_flight;
    size_t cursor; /* where a free place is looked for first */
    uint64_t repeats;
    struct arena *arena;
    int depth; /* pumps within pumps would reset the arena under their caller */
};

static bool connection_open(struct session *session)
{
    const struct session_settings *settings = &session->settings;
    bus_client_destroy(&session->client);
    session->client =
        bus_client_new(settings->endpoint, settings->server_key, settings->certificate);
    session->heard_ms = cli_monotonic_ms();
    return session->client != NULL;
}

struct session *session_new(const struct session_settings *settings)
{
    assert(settings->in_flight > 0 && settings->in_flight <= SESSION_IN_FLIGHT_MAX);
    struct session *session = calloc(1, sizeof *session);
    struct slot *slots = calloc(settings->in_flight, sizeof *slots);
    if (session == NULL || slots == NULL)
        abort();
    session->settings = *settings;
    session->slots = slots;
    session->arena = arena_new();
    if (!connection_open(session))
        session_destroy(&session);
    return session;
}

void session_destroy(struct session **session)
{
    if (*session == NULL)
        return;
    bus_client_destroy(&(*session)->client);
    arena_destroy(&(*session)->arena);
    free((*session)->slots);
    free(*session);
    *session = NULL;
}

size_t session_in_flight(const struct session *session)
{
    return session->in_flight;
}

uint64_t session_repeats(const struct session *session)
{
    return session->repeats;
}

static int64_t doubled(int64_t first, int times, int64_t max)
{
    while (times-- > 0 && first < max)
        first *= 2;
    return first < max ? first : max;
}

static void slot_send(struct session *session, struct slot *slot)
{
    int64_t now = cli_monotonic_ms();
    slot->waits = false;
    slot->due_ms = now + doubled(ANSWER_WAIT_MIN_MS, slot->tries, ANSWER_WAIT_MAX_MS);
    slot->tries++;
    session->repeats += slot->tries > 1;
    /* A frame that cannot be sent now is as one that was lost: it is sent again when due. */
    if (session->client != NULL)
        bus_client_send(session->client, slot->frame, SEND_WAIT_MS);
}

/* The place is free before the callback runs, so that the callback may send one request without
 * waiting. */
static void slot_end(struct session *session, struct slot *slot, const struct answer *answer,
                     struct bytes frame)
{
    session_done *done = slot->done;
    void *context = slot->context;
    slot->used = false;
    session->in_flight--;
    session->cursor = (size_t)(slot - session->slots);
    done(context, answer, frame);
}

static void slot_give_up(struct session *session, struct slot *slot)
{
    struct answer answer = {.id = slot->id, .status = ANSWER_RETRY, .refusal = slot->last};
    if (answer.refusal.code == REFUSAL_NONE)
        answer.refusal = refusal_of(REFUSAL_unanswered, NULL);
    slot_end(session, slot, &answer, (struct bytes){NULL, 0});
}

static struct slot *slot_find(struct session *session, struct text id)
{
    uint64_t hash = text_hash(id);
    for (size_t i = 0; i < session->settings.in_flight; i++) {
        struct slot *slot = &session->slots[i];
        if (slot->used && slot->hash == hash && text_equal(slot->id, id))
            return slot;
    }
    return NULL;
}

/* An answer to a request that was answered before (it had been sent twice) finds no place and is
 * dropped. */
static void answer_take(struct session *session, struct bytes frame)
{
    struct answer answer;
    if (!answer_decode(frame, session->arena, &answer))
        return;
    struct slot *slot = slot_find(session, answer.id);
    if (slot == NULL)
        return;
    if (answer.status != ANSWER_RETRY) {
        slot_end(session, slot, &answer, frame);
        return;
    }
    slot->last = refusal_of(answer.refusal.code, NULL);
    slot->waits = true;
    slot->due_ms = cli_monotonic_ms() + doubled(BACKOFF_MIN_MS, slot->tries - 1, BACKOFF_MAX_MS);
}

static void repeat_due(struct session *session)
{
    int64_t now = cli_monotonic_ms();
    if (session->in_flight > 0 && now - session->heard_ms >= SILENCE_MS)
        connection_open(session);
    for (size_t i = 0; i < session->settings.in_flight; i++) {
        struct slot *slot = &session->slots[i];
        if (!slot->used ||
            now < (slot->due_ms < slot->deadline_ms ? slot->due_ms : slot->deadline_ms))
            continue;
        if (now >= slot->deadline_ms)
            slot_give_up(session, slot);
        else
            slot_send(session, slot);
    }
}

void session_pump(struct session *session, int wait_ms)
{
    struct bytes frame;
    assert(session->depth == 0);
    session->depth++;
    for (;;) {
        arena_reset(session->arena);
        if (session->client == NULL ||
            !bus_client_receive(session->client, session->arena, &frame, wait_ms))
            break;
        session->heard_ms = cli_monotonic_ms();
        wait_ms = 0;
        answer_take(session, frame);
    }
    repeat_due(session);
    session->depth--;
}

static struct slot *slot_take(struct session *session)
{
    for (size_t i = 0; i < session->settings.in_flight; i++) {
        size_t at = (session->cursor + i) % session->settings.in_flight;
        if (!session->slots[at].used) {
            session->cursor = (at + 1) % session->settings.in_flight;
            return &session->slots[at];
        }
    }
    return NULL;
}

void session_send(struct session *session, struct text id, struct bytes frame, session_done *done,
                  void *context)
{
    struct slot *slot;
    while ((slot = slot_take(session)) == NULL)
        session_pump(session, DRAIN_STEP_MS);
    if (session->in_flight == 0)
        session->heard_ms = cli_monotonic_ms(); /* silence counts from when something was asked */
    *slot = (struct slot){.used = true,
                          .hash = text_hash(id),
                          .id = id,
                          .frame = frame,
                          .deadline_ms = cli_monotonic_ms() + session->settings.timeout_ms,
                          .done = done,
                          .context = context};
    session->in_flight++;
    slot_send(session, slot);
}

void session_drain(struct session *session)
{
    while (session->in_flight > 0)
        session_pump(session, DRAIN_STEP_MS);
}

/* --- one at a time ---------------------------------------------------------------------------- */

struct asked {
    struct arena *arena;
    struct answer *answer;
    struct bytes *frame;
    bool answered;
};

static void asked_done(void *context, const struct answer *answer, struct bytes frame)
{
    struct asked *asked = context;
    asked->answered = true;
    *asked->frame = frame.length > 0 ? arena_bytes(asked->arena, frame) : frame;
    /* Decoded again, so that what it points to lives in the caller's arena. */
    if (frame.length == 0 || !answer_decode(*asked->frame, asked->arena, asked->answer))
        *asked->answer = *answer;
}

void session_ask(struct session *session, struct text id, struct bytes frame, struct arena *arena,
                 struct answer *answer, struct bytes *answer_frame)
{
    struct asked asked = {.arena = arena, .answer = answer, .frame = answer_frame};
    session_send(session, id, frame, asked_done, &asked);
    while (!asked.answered)
        session_pump(session, DRAIN_STEP_MS);
}
