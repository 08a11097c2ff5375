/* The inside of the desk, shared by its files: desk.c (thread, queues), desk_lease.c (who owns the
 * log), desk_gather.c (what goes into a batch), desk_batch.c (one batch in one transaction),
 * desk_write.c (what the desk itself writes in it). */
#ifndef ZTC_RUNTIME_DESK_PRIVATE_H
#define ZTC_RUNTIME_DESK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/clock.h"
#include "runtime/desk_thread.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define DESK_PART      0    /* one part per service; see docs/decisions/0001 */
#define DESK_TICK_MS   1000 /* beats, peers and catch-up reads */
#define DESK_HINTS_MAX 8192 /* published events kept until their turn, per producer */
#define DESK_REPEAT_MAX                                                                            \
    50 /* tries of a batch that lost a race, before its inputs are tried one by one */
#define DESK_BACKOFF_MIN_MS 50
#define DESK_BACKOFF_MAX_MS 2000
#define DESK_CURSOR_KEEP    64     /* cursor rows left when older ones are pruned */
#define DESK_LOG_AHEAD      500000 /* offsets for which partitions are made ahead of the head */
#define DESK_RETRY_MAX      64 /* events that were set aside, read at a time to be tried again */
#define DESK_LOG_SPARE      100000  /* offsets that must be left when no partition can be made */
#define DESK_PRUNE_MAX      2000    /* answers deleted at a time */
#define DESK_ANSWERS_MS     3600000 /* between two looks for answers past their time */
#define DESK_PLANS_FIRST    1000    /* events, after which plans are made anew for the first time */
#define DESK_PARTITION_MS   5000    /* between two tries to make one while there is room */
/* A position that went on over what changes nothing is stored with the next batch that has an
 * effect, when nothing came for a moment, and after a second at last. */
#define DESK_STORE_IDLE_MS 20
#define DESK_STORE_MAX_MS  1000

struct hint {
    struct hint *next;
    int64_t offset;
    size_t length;
    uint8_t body[];
};

/* One producer whose log this desk applies. */
struct feedline {
    enum service producer;
    const struct statement *read;
    /* under desk->mutex */
    struct hint *hints, *hints_last;
    size_t hint_count;
    int64_t known_head; /* as far as hints, heartbeats and the logs themselves told */
    /* the desk thread's own */
    int64_t cursor;    /* last offset applied */
    int64_t stored;    /* the same as committed: behind it when what came since changed nothing */
    int64_t gathered;  /* last offset in the batch that is being made */
    int64_t seen_head; /* where its log ended when all logs were last looked at */
    int64_t opening_head; /* and when the lease was gained */
    int64_t cursor_rows_since_prune;
    _Atomic int64_t applied; /* == cursor, for the readers */
};

enum gate { GATE_DELIVER, GATE_ANSWERED, GATE_PASSED, GATE_POISON };

/* An input with what the desk knows of it. */
struct entry {
    struct input *input;
    struct request *request; /* of a command */
    enum gate gate;
    const char *poison; /* why, for GATE_POISON */
    bool condemned;     /* the records refused it when alone: refuse or set aside */
    bool keep;          /* its answer is stored */
    bool waits;         /* set aside for no fault of its own: an earlier event of its key is */
    bool from_aside;    /* it was set aside in an earlier batch and is tried again */
    struct bytes reply; /* encoded, in the batch arena or (for a repeat) as stored */
};

/* One attempt at a batch. */
struct attempt {
    struct batch batch; /* first: the service sees this */
    struct entry *entries;
    size_t entry_count;
    struct entry *source; /* as they were gathered; `entries` is a copy of them */
    struct event *emitted;
    size_t emitted_count, emitted_room;
    const struct rows *seen_rows, *lease_rows, *aside_rows;
    struct entry **asked; /* commands whose ids are looked for, numbered from 1 as the rows are */
    size_t asked_count;
    const struct event **facts; /* that the directory took, in their order */
    size_t fact_count, fact_room;
    bool keys_changed;
};

struct desk {
    struct desk_options options;
    const struct desk_service *service;
    struct records *records;
    struct directory *directory; /* the thread's own, as the reader has one of its own */
    struct reader *reader;

    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
    struct request_list arrived; /* under mutex */

    struct feedline feeds[SERVICE_COUNT];
    size_t feed_count;

    /* the desk thread's own */
    struct request_list
        waiting; /* their position is not reached, or their id is in the present batch */
    struct arena *gather_arena, *batch_arena;
    struct ids *ids; /* of commands that were answered */
    struct attempt attempt;
    int64_t epoch;         /* of the lease held; 0: none */
    bool loaded;           /* head, cursors, directory are as in the records */
    bool once_held;        /* a lease was held before in this process */
    int64_t head;          /* last offset of the own log */
    int64_t partitions_to; /* partitions exist below this */
    int64_t plans_at;      /* how far all logs were when statements were last planned */
    bool partitions_logged;
    int64_t tick_due_ms, look_due_ms, prune_due_ms, partitions_due_ms; /* monotonic */
    int64_t store_idle_ms,
        store_due_ms;       /* when a position that is not stored will be; 0: all are */
    int64_t answers_due_ms; /* by the clock: when answers past their time are looked for */
    int64_t backoff_ms;
    bool trouble_logged;
    int64_t set_aside;                            /* events that stand aside, as last looked at */
    bool retry_asked;                             /* some of them are to be tried again */
    int64_t seen_epoch, seen_beat, seen_since_ms; /* another holder's lease as last looked at */
    char peer_publisher[SERVICE_COUNT][BUS_ENDPOINT_MAX];
    char peer_key[SERVICE_COUNT][BUS_KEY_TEXT + 1];
    _Atomic int64_t head_shared;
    atomic_bool owns; /* the lease is held and what belongs to it was loaded */
};

/* What became of one attempt. */
enum attempt_outcome {
    ATTEMPT_DONE,
    ATTEMPT_AGAIN,   /* lost a race: the same once more */
    ATTEMPT_CULPRIT, /* some row is at fault */
    ATTEMPT_LOST,    /* the records are away or in trouble: wait */
    ATTEMPT_STALE    /* the lease is another's */
};

/* desk.c. What was published before says nothing of records that are looked at anew: they may have
 * been restored to an earlier day. */
void desk_hints_clear(struct desk *desk, struct feedline *feed);

/* desk_lease.c. Both say false when the records are in trouble (the connection then is dropped and
 * the trouble logged once). */
bool desk_hold_lease(struct desk *desk); /* true with epoch > 0: held and loaded; true with epoch 0:
                                            another holds it */
bool desk_tick(struct desk *desk);
void desk_lose_lease(struct desk *desk, const char *why);
void desk_trouble(struct desk *desk, const char *what);

/* desk_gather.c. Fills attempt.entries; false: the records are in trouble. */
bool desk_gather(struct desk *desk);
/* Looks where all consumed logs end, in one snapshot. False: the records are in trouble. */
bool desk_look(struct desk *desk);
bool desk_answer_retry(struct desk *desk, struct request *request, enum refusal_code code);
/* Puts an event read from a row (columns as log_read_*.sql, from `column`) into an input in the
 * arena. */
struct input *desk_input_of_row(struct arena *arena, enum service producer, const struct rows *rows,
                                size_t row, int column, const char **poison);
/* Those set aside that are to be tried again, the first of each key, in the gather arena. False:
 * the records are in trouble. */
bool desk_gather_set_aside(struct desk *desk, struct entry **entries, size_t *count);

/* desk_batch.c */
enum attempt_outcome desk_attempt(struct desk *desk, struct entry *entries, size_t count);
void desk_finish(struct desk *desk); /* after ATTEMPT_DONE: answers, publications, log lines */
/* Goes on over what was gathered without a transaction, if all of it changes nothing. */
bool desk_pass(struct desk *desk);

/* desk_ids.c. Which commands are surely new. */
struct ids *ids_new(void);
void ids_destroy(struct ids **ids);
bool desk_read_ids(struct desk *desk); /* some more of them; false: the records are in trouble */
void desk_note_id(struct desk *desk, const struct input *input); /* it is about to be written */
bool desk_may_know_id(const struct desk *desk, const struct input *input);

/* desk_write.c. Sends the look for ids that may be known; its rows are readable after the next run.
 */
void desk_ask_repeats(struct desk *desk, struct attempt *attempt);
/* The fence: with what is asked, or, when nothing is, with what is written. */
void desk_send_fence(struct desk *desk, struct attempt *attempt, bool with_writes);
/* Whether it was the fence that made the run with the writes fail. */
bool desk_is_fenced_off(const struct desk *desk);
/* Which events wait because an earlier one of their key is set aside; asks the records only when
 * there is something aside. */
enum records_outcome desk_gate_aside(struct desk *desk, struct attempt *attempt);
/* Commands whose id was used before: the first answer again, or a refusal when the body is another.
 */
void desk_find_repeats(struct desk *desk, struct attempt *attempt);
bool desk_send_writes(struct desk *desk,
                      struct attempt *attempt); /* false: there is nothing to write */
void desk_encode_answers(struct desk *desk, struct attempt *attempt);
/* Applies a fact to the directory; what is no fact does nothing. The event outlives the attempt. */
void desk_apply_fact(struct desk *desk, struct attempt *attempt, const struct event *event);

#endif
