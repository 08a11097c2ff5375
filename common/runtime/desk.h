/* The desk: the one thread of a service that writes. It gathers what has arrived (commands from the
 * front, events from the other services' logs), and does each batch in one transaction:
 *
 *   load(), with it the lease locked and repeats looked for ─▶ decide() ─▶ write() ─▶ events,
 *   answers, cursors, facts ─▶ COMMIT ─▶ answers and publications go out, committed()
 *
 * A service fills in struct desk_service; everything else (repeats by id, cause before
 * effect, poison, halving, repeating, leases, numbering of events, the directory) is done here,
 * once for all five. */
#ifndef ZTC_RUNTIME_DESK_H
#define ZTC_RUNTIME_DESK_H

#include "domain/directory.h"
#include "events/envelope.h"
#include "records/records.h"

enum input_kind { INPUT_COMMAND, INPUT_EVENT };

/* One thing to be decided. Commands and events are decoded; texts live at least as long as the
 * batch. */
struct input {
    enum input_kind kind;
    struct text traceparent;

    /* a command */
    struct caller caller;
    struct command command; /* command.body: its struct */
    int64_t resolved_order; /* an order that intake resolved an external id to; 0: none */
    /* an event; event.data: its struct */
    struct event event;

    void *slot; /* the service's own, from load to write */

    /* set through batch_ok / batch_refuse / batch_forward, by decide() */
    bool decided;
    bool is_forward;
    enum service forward_to;
    int64_t forward_after; /* last own offset of the order's key */
    int64_t forward_order;
    struct answer answer;
};

struct batch {
    struct arena *arena; /* lives until the batch is done */
    struct records *records;
    int64_t now; /* one instant for the whole batch, ms */
    /* Those to be decided: events first, in log order per producer and in version order per key;
     * then commands as they came. Repeats and refused ones are not among them, but in load()
     * repeats still are. */
    struct input **inputs;
    size_t count;
    const struct directory
        *directory; /* as of the inputs decided so far; facts apply as they are emitted or arrive */
    struct desk *desk;
};

struct desk_service {
    enum service service;
    /* Producers whose logs are applied, each after those that it follows from: intake, dispatch,
     * evaluation. */
    const enum service *consumes;
    size_t consume_count;
    /* False: an event of this type changes nothing here, whatever it says. NULL: any may. A batch
     * of nothing else needs no transaction; only the position goes on. */
    bool (*concerns)(enum event_type type);
    void *state;
    /* Sends the statements that lock (ORDER BY key FOR UPDATE) and read what the inputs touch; the
     * desk runs them. Keep the rows in state; they are readable in decide(). */
    void (*load)(void *state, struct batch *batch);
    /* Reads the rows, runs the core on each input in order, calls batch_emit and batch_ok /
     * batch_refuse / batch_forward. Every command must be decided. Directory facts among the inputs
     * are applied by the desk itself just before its service sees them. */
    void (*decide)(void *state, struct batch *batch);
    /* Sends the statements that write; the desk runs them with its own, up to the commit. */
    void (*write)(void *state, struct batch *batch);
    /* Names of constraints that refuse a row only when another writer was there meanwhile, ended by
     * NULL: the whole batch is done again from load(). May be NULL. */
    const char *const *races;
    /* After the commit; on the desk's thread, must not block. May be NULL. */
    void (*committed)(void *state, struct batch *batch);
    /* Every ten seconds or so, between batches: sends statements, each a transaction of its own,
     * that forget what need not be kept longer; the desk runs them. May be NULL. */
    void (*tidy)(void *state, struct records *records, int64_t now, struct arena *arena);
    /* After a lease was gained and the directory loaded, before the first batch; and before the
     * next one after an attempt that failed or a connection that was lost. What state remembers of
     * the records is then no longer sure. On the desk's thread. May be NULL. */
    void (*opened)(void *state, struct records *records, struct arena *arena);
};

/* The offset that the next emitted event will have; an id made of it is unique in this log. */
int64_t batch_next_offset(const struct batch *batch);
/* Adds an event to this service's log, in the transaction. `cause`: the input it follows from (its
 * trace, and its answer names the event). `data`: the type's struct; texts live until the batch is
 * done. */
int64_t batch_emit(struct batch *batch, struct input *cause, enum event_type type,
                   struct text district, struct text key, int64_t version, int64_t time,
                   const void *data);
void batch_ok(struct input *input, struct result result);
void batch_refuse(struct input *input, struct refusal refusal);
void batch_forward(struct input *input, enum service to, int64_t after, int64_t order);
/* The last offset of a consumed log that is applied once the batch is done: what a command of this
 * batch is decided after. */
int64_t batch_position(const struct batch *batch, enum service producer);

/* For other threads: how far a producer's log has been applied here. */
bool desk_has_applied(struct desk *desk, const struct position *position);

#endif
