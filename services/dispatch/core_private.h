/* What the files of the core share. */
#ifndef ZTC_DISPATCH_CORE_PRIVATE_H
#define ZTC_DISPATCH_CORE_PRIVATE_H

#include "services/dispatch/core.h"

/* One decision being made. `d->order` is the order as it is so far. */
struct dispatch_work {
    const struct dispatch_case *c;
    const struct organisation *actor; /* NULL: dispatch itself */
    int64_t time;                     /* when the caller's step happened */
    struct dispatch_decision *d;
};

#define INSTANT_IS_ABSENT(instant) ((instant) == INSTANT_ABSENT)

/* The fields that events.def gives to all events of an order, to those about a part, and to those
 * about an order that may have one. */
#define FILL_ORDER(event, w, who)                                                                  \
    do {                                                                                           \
        (event)->order = (w)->d->order.id;                                                         \
        (event)->state = (int)(w)->d->order.state;                                                 \
        (event)->by = (who);                                                                       \
        (event)->place = (w)->d->order.place;                                                      \
        (event)->town = (w)->d->order.town;                                                        \
    } while (0)
#define FILL_PART(event, part)                                                                     \
    do {                                                                                           \
        (event)->assignment = (part)->id;                                                          \
        (event)->squad = (part)->squad;                                                            \
    } while (0)

bool dispatch_refuse(struct dispatch_work *w, enum refusal_code code, const char *field);
/* Moves the order by a row of order.def that must be there, and adds its event with time `time`,
 * cleared, for the caller to fill. */
void *dispatch_move(struct dispatch_work *w, enum step step, int64_t time);
/* Moves the live part by a row of assignment.def that must be there. */
void dispatch_move_live(struct dispatch_work *w, enum step step);
/* The live part leaves its squad's queue by the event just added. */
void dispatch_leave_queue(struct dispatch_work *w);
/* The code of who acts; empty: dispatch itself. */
struct text dispatch_actor(const struct dispatch_work *w);
bool dispatch_is_squad(const struct dispatch_case *c, struct text district, struct text code);

/* core_offer.c */
struct text_list dispatch_candidates(const struct dispatch_case *c, struct text district,
                                     struct text_list named, struct text category);
void dispatch_offer_next(struct dispatch_work *w);
bool dispatch_decline(struct dispatch_work *w, const struct assignment_decline *body);
bool dispatch_assign(struct dispatch_work *w, const struct order_assign *body);
bool dispatch_reopen(struct dispatch_work *w, const struct order_reopen *body);

/* core_booking.c */
bool dispatch_accept(struct dispatch_work *w, const struct assignment_accept *body);

/* core_steps.c */
bool dispatch_check_in(struct dispatch_work *w, const struct assignment_check_in *body);
bool dispatch_complete(struct dispatch_work *w, const struct assignment_complete *body);
bool dispatch_confirm(struct dispatch_work *w, const struct order_confirm *body);
bool dispatch_cancel(struct dispatch_work *w, const struct order_cancel *body);
bool dispatch_close_external(struct dispatch_work *w, const struct order_close_external *body);

#endif
