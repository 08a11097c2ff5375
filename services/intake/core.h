/* Intake decides: orders until they are placed, their contact data, and the directory. Pure: the
 * directory, the order and the command in, an event or a refusal out. Order of the checks: who acts
 * → may the role → is the order there → is it theirs → does the state allow it → the details.
 * (product.md §2, §3; docs/decisions/0002-one-order-one-owner.md) */
#ifndef ZTC_INTAKE_CORE_H
#define ZTC_INTAKE_CORE_H

#include "domain/directory.h"
#include "domain/order.h"
#include "events/envelope.h"

/* An order as intake keeps it. Once it is placed it is dispatch's: the row stays as it was handed
 * over. */
struct intake_order {
    struct text district;
    int64_t id; /* intake's log offset of its first event */
    struct text place, town;
    struct text feed, external_id; /* empty: from no feed */
    enum order_state state;
    int64_t version;
    int64_t last_offset; /* of its last event in intake's log */
    struct bytes wish;   /* order_resubmit as encoded: what is asked for, as it now reads */
};

/* An order in one piece, and back; the order's texts are then those in the piece. */
struct bytes intake_order_pack(const struct intake_order *order, struct arena *arena);
void intake_order_unpack(struct intake_order *order, struct bytes packed);

struct intake_case {
    const struct directory *directory;
    int64_t now;
    int64_t next_offset; /* an order begun now gets it as its id */
    const struct caller *caller;
    const struct command *command;
    struct intake_order
        *order; /* which the command names, in the caller's district; NULL: none such */
    struct intake_order *twin; /* which has the same feed and external id; NULL: none */
    struct arena *arena;
};

enum intake_verdict {
    INTAKE_REFUSED,
    INTAKE_DONE,    /* `event` is to be written; `order`, if not NULL, is the order as it now is */
    INTAKE_SAME,    /* it is so already: ok, nothing to write */
    INTAKE_FORWARD, /* dispatch decides; `order` is the one */
};

/* A fact that is written with the first one. */
struct intake_fact {
    enum event_type event;
    struct text key;
    int64_t version;
    const void *data;
};

/* What a decision does to the order's contact data, which is kept apart from all that events say.
 */
enum intake_contact {
    CONTACT_LEFT, /* as it was */
    CONTACT_GIVEN,
    CONTACT_ERASED,
};

struct intake_decision {
    enum intake_verdict verdict;
    struct refusal refusal;
    enum event_type event;
    struct text district, key;
    int64_t version, time;
    const void *data;
    const struct intake_fact *also; /* NULL: `event` is all there is */
    struct intake_order *order;     /* changed in place, or new in the arena */
    enum intake_contact contact;
    struct text contact_name, contact_phone; /* CONTACT_GIVEN: in place of what was there */
    struct result result;
};

struct intake_decision intake_decide(const struct intake_case *c);

/* The parts, by topic. */
struct intake_decision intake_decide_order(const struct intake_case *c);
struct intake_decision intake_decide_directory(const struct intake_case *c);
struct intake_decision intake_decide_contact(const struct intake_case *c); /* core_contact.h */
struct intake_decision intake_decide_key_register(const struct intake_case *c);
struct intake_decision intake_decide_key_rotate(const struct intake_case *c);
struct intake_decision intake_decide_key_revoke(const struct intake_case *c);
struct intake_decision intake_decide_bearer_register(const struct intake_case *c);
struct intake_decision intake_decide_bearer_revoke(const struct intake_case *c);

/* What the facts have in common; core_directory.c. */
void *intake_event_new(const struct intake_case *c, enum event_type type);
/* The district a directory command is about: the caller's own, or for an operator of the whole
 * deployment the one it names. */
bool intake_district_of(const struct intake_case *c, struct text named, struct text *district,
                        struct refusal *refusal);
/* Writes the fact unless it equals the one before (version 0: there was none). */
struct intake_decision intake_fact_decide(const struct intake_case *c, enum event_type type,
                                          struct text district, struct text key, const void *data,
                                          const void *before, int64_t version_before);

static inline struct intake_decision intake_refuse(enum refusal_code code, const char *field)
{
    return (struct intake_decision){.verdict = INTAKE_REFUSED, .refusal = refusal_of(code, field)};
}

#endif
