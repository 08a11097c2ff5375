/* What the files of the core share. */
#ifndef ZTC_DISPATCH_CORE_PRIVATE_H
#define ZTC_DISPATCH_CORE_PRIVATE_H

#include "services/dispatch/core.h"

/* One decision being made. `d->order` is the order as it is so far. */
struct dispatch_work {
    const struct dispatch_case *c;
    const struct organisation *actor; /* NULL: dispatch itself */
    enum role role;                   /* the actor's */
    int seat;                         /* which a command about a part is about; else 0 */
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
/* Refuses as illegal_step; of the commands about a part those are named as legal that the actor's
 * own parts may do, or anybody's when it has none. */
bool dispatch_refuse_step(struct dispatch_work *w);
/* The code of who acts; empty: dispatch itself. */
struct text dispatch_actor(const struct dispatch_work *w);
bool dispatch_is_squad(const struct dispatch_case *c, struct text district, struct text code);

/* core_seats.c */
/* The part of a seat; its id is 0 when the seat is empty. */
struct dispatch_assignment *dispatch_part(struct dispatch_work *w, int seat);
/* Adds an event of a key, cleared, for the caller to fill. */
void *dispatch_emit(struct dispatch_work *w, enum event_type type, struct text key, int64_t version,
                    int64_t time);
/* Moves the order to `to` by a row of order.def that must be there, and adds its event. */
void *dispatch_move_to(struct dispatch_work *w, enum step step, enum order_state to, int64_t time);
/* The same by the first row of the present state. */
void *dispatch_move(struct dispatch_work *w, enum step step, int64_t time);
/* Moves a seat's part by a row of assignment.def that must be there. */
void dispatch_move_part(struct dispatch_work *w, int seat, enum step step);
/* A seat's part is another than it was: it is to be written. */
void dispatch_note_part(struct dispatch_work *w, const struct dispatch_assignment *part);
void dispatch_begin_part(struct dispatch_work *w, const struct dispatch_assignment *part);
/* The seat's part joins the past ones; the seat is empty. */
void dispatch_retire(struct dispatch_work *w, int seat);
/* The part joins or leaves its squad's queue by the event just added. */
void dispatch_change_queue(struct dispatch_work *w, int seat, bool add);
void dispatch_release(struct dispatch_work *w, int seat);
/* Ends a part that is not needed any more, by an event of its own. */
void dispatch_end_part(struct dispatch_work *w, int seat, enum step step);
bool dispatch_required_all(const struct dispatch_order *order, enum assignment_state state);
bool dispatch_required_lacks(const struct dispatch_order *order); /* some required seat is empty */

/* core_offer.c */
struct text_list dispatch_candidates(const struct dispatch_case *c, struct text district,
                                     const struct order_placed *wish);
void dispatch_offer_round(struct dispatch_work *w, int seats);
bool dispatch_decline(struct dispatch_work *w, const struct assignment_decline *body);
bool dispatch_assign(struct dispatch_work *w, const struct order_assign *body);
bool dispatch_reopen(struct dispatch_work *w, const struct order_reopen *body);

/* core_booking.c */
bool dispatch_accept(struct dispatch_work *w, const struct assignment_accept *body);

/* core_lanes.c: bookings of one squad, as they come to stand. */
struct dispatch_lanes {
    struct dispatch_booking *bookings; /* those of the case first, then the new ones */
    size_t count;
    int64_t capacity, now;
    struct arena *arena;
};
/* Finds a lane for a new booking at the end of the list (counted already), moving others that have
 * not started yet when there is no other way. False: the capacity is used up somewhere in its time.
 */
bool dispatch_lanes_place(struct dispatch_lanes *lanes);

/* core_session.c */
/* Whether the session has room for what this completion adds; else refused. */
bool dispatch_session_has_room(struct dispatch_work *w, const struct assignment_complete *body);
/* Adds the event of the session that the completed order's squads held. */
void dispatch_hold_session(struct dispatch_work *w);

/* core_steps.c */
bool dispatch_check_in(struct dispatch_work *w, const struct assignment_check_in *body);
bool dispatch_complete(struct dispatch_work *w, const struct assignment_complete *body);
bool dispatch_confirm(struct dispatch_work *w, const struct order_confirm *body);
bool dispatch_cancel(struct dispatch_work *w, const struct order_cancel *body);
bool dispatch_close_external(struct dispatch_work *w, const struct order_close_external *body);

#endif
