/* What wraps a message on the wire. All are msgpack maps with names as keys.
 * - command {id, type, on_behalf_of?, time?, body}: client -> intake's feed; body is a map
 * - query {id, type, after?: [{producer, part, offset}], body}: client -> reporting
 * - answer {id, status: ok|refused|retry, result?, error?, events: [{producer, part, offset}]},
 *   where error is {code, message, field?, state?, allowed?, order?}
 * - event {specversion, id, source, type, time, subject, district?, recorded, part, offset,
 *   version, traceparent?, data}: times are int ms, source is "/<service>/<district>", or
 *   "/<service>" for facts of the whole deployment
 * - forward {after?, order?, command (its bytes), caller: {district?, organisation?, role}}:
 *   intake -> the owner
 *
 * The fields of each are rows in envelope.def, with the rules of message_decode(). Field names in
 * refusals are the plain names of the level they are found at: "need" of a body, "body" of a
 * command; trouble inside `after` is named "after". */
#ifndef ZTC_EVENTS_ENVELOPE_H
#define ZTC_EVENTS_ENVELOPE_H

#include "base/digest.h"
#include "base/uuid.h"
#include "events/message.h"

#define COMMAND_ID_MAX   128 /* bytes; any clean text */
#define TRACEPARENT_TEXT 55  /* "00-" 32 hex "-" 16 hex "-01" */
#define POSITIONS_MAX    16
#define SUBJECT_MAX      160
#define PART_MAX         255 /* an event id has 8 bits for it */
#define FORWARD_MAX      (MESSAGE_BYTES_MAX + 1024)
#define ANSWER_MAX       ((size_t)4 * 1024 * 1024) /* a query's answer may be large */

/* Who calls: of a registered key. An operator of the whole deployment has an empty district and
 * organisation. */
struct caller {
    struct text district;
    struct text organisation;
    int role; /* enum role */
};

struct position {
    int producer; /* enum service */
    int32_t part;
    int64_t offset;
};
struct position_list {
    struct position items[POSITIONS_MAX];
    size_t count;
};

struct command {
    struct text id;
    enum command_type type;
    struct text on_behalf_of; /* empty: the caller itself */
    int64_t time;             /* INSTANT_ABSENT: not stated */
    void *body;               /* the type's struct */
    struct digest digest;     /* of type, on_behalf_of, time and the body's bytes as sent */
};

struct query {
    struct text id;
    enum query_type type;
    struct position_list after;
    void *body;
};

enum answer_status { ANSWER_OK, ANSWER_REFUSED, ANSWER_RETRY };

/* What a command brought about. Fields that are 0 or empty are left out. */
struct result {
    int64_t order;
    int64_t version;
    int64_t assignment;
    int state;           /* enum order_state; 0: not about an order */
    struct text subject; /* directory commands: the key of the fact */
};

struct answer {
    struct text id;
    enum answer_status status;
    struct result result; /* of a command, when ok */
    struct bytes
        result_body; /* of a query, when ok: one encoded msgpack object, used instead of `result` */
    struct refusal refusal;
    struct position_list events;
};

struct event {
    struct uuid id;
    int producer; /* enum service */
    int32_t part;
    int64_t offset;
    enum event_type type;
    struct text district;
    struct text key;  /* CloudEvents subject: "order/123" */
    int64_t version;  /* of the key, from 1 without a gap */
    int64_t time;     /* when it happened */
    int64_t recorded; /* when it was written */
    struct text traceparent;
    struct bytes body; /* the encoded data */
    void *data;        /* the type's struct, once decoded */
};

/* Each decoder checks soundness and bounds first and leaves *out unspecified when it returns false.
 * A command's `id` is filled in even then, when it could be read, so that the refusal can name it
 * (else it is empty). */
bool command_decode(struct bytes frame, struct arena *arena, struct command *out,
                    struct refusal *refusal);
bool query_decode(struct bytes frame, struct arena *arena, struct query *out,
                  struct refusal *refusal);
bool answer_decode(struct bytes frame, struct arena *arena,
                   struct answer *out); /* result_body: the result's bytes too */
bool event_decode(struct bytes frame, struct arena *arena, struct event *out,
                  struct refusal *refusal);
/* Decodes event->body into event->data; false leaves the reason. */
bool event_decode_data(struct event *event, struct arena *arena, struct refusal *refusal);

struct bytes command_encode(const struct command *command,
                            struct arena *arena); /* body from its struct */
struct bytes query_encode(const struct query *query, struct arena *arena);
/* `zh` picks the language of error.message. */
struct bytes answer_encode(const struct answer *answer, bool zh, struct arena *arena);
struct bytes event_encode(const struct event *event, struct arena *arena);

/* A command on its way from intake to its owner. `after` is the last intake offset of its key (0:
 * none). `order` is what intake resolved an external id to (0: as the body says). */
struct forward {
    struct bytes command;
    struct caller caller;
    int64_t after;
    int64_t order;
};
bool forward_decode(struct bytes frame, struct arena *arena, struct forward *out);
struct bytes forward_encode(const struct forward *forward, struct arena *arena);

/* The W3C trace context of a command: derived from (district, caller, command id), so that a repeat
 * has the same. */
struct text traceparent_of_command(const struct caller *caller, struct text command_id,
                                   struct arena *arena);

/* Keys. */
struct text key_of_order(int64_t order, struct arena *arena);
bool key_to_order(struct text key, int64_t *order);
struct text key_of_session(int64_t session, struct arena *arena);

#endif
