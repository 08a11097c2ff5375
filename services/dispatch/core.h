/* Dispatch decides: everything about an order after it was placed (product.md §3). Pure: the order
 * as it is, the directory, an instant and a command in; the order as it then is, the events that
 * say so, or a refusal out. No clock, no I/O; memory from the caller's arena only.
 *
 * Order of the checks: who acts → may the role at all → is the order there → is it theirs → does
 * its state allow it → its part's → the details. Whatever has no row in order.def and
 * assignment.def is refused as illegal_step, naming the state and what is legal from it.
 *
 * Files: core.c checks; core_seats.c moves orders and parts; core_offer.c whom the order is offered
 * to; core_booking.c windows; core_lanes.c lanes; core_session.c what took place; core_steps.c the
 * other steps; core_memo.c an order in one piece. */
#ifndef ZTC_DISPATCH_CORE_H
#define ZTC_DISPATCH_CORE_H

#include "domain/directory.h"
#include "domain/order.h"
#include "events/envelope.h"

#define DISPATCH_CANDIDATES_MAX 256  /* squads of a category that an order is offered to */
#define DISPATCH_RANK_MAX       1000 /* events.def: rank, tried */
#define DISPATCH_REQUIRED_MAX   8    /* commands.def: required */
#define DISPATCH_SEATS_MAX      16   /* commands.def: required and optional */
/* Of one decision: a step, what dispatch does at once with each seat, a session. */
#define DISPATCH_EVENTS_MAX     (DISPATCH_SEATS_MAX + 2)
#define DISPATCH_MOVED_MAX      (DISPATCH_SEATS_MAX + 1)
#define DISPATCH_CHANGES_MAX    (DISPATCH_SEATS_MAX + 1) /* of the live queue, by one decision */
#define DISPATCH_LANES_MAX      64                       /* commands.def: capacity */
#define DISPATCH_WINDOWS_MAX    60                       /* commands.def: windows */
#define SESSION_ITEMS_MAX       50                       /* events.def: session_held */
#define SESSION_RESOLUTIONS_MAX 50

/* The settings that decide (common/runtime/config.def). */
struct dispatch_limits {
    int64_t offer_ms[URGENCY_COUNT]; /* time a squad has to answer */
    int64_t window_max_ms;           /* longest booking */
};

/* One squad's part in an order. */
struct dispatch_assignment {
    int64_t id; /* dispatch's log offset of the event that offered it; 0: none */
    struct text squad;
    enum assignment_state state;
    int64_t rank;    /* which squad asked, from 1, since the order was placed or reopened */
    int64_t version; /* the order's, when it was offered */
    int64_t respond_by;
    int64_t press_by; /* respond_by less the urgency's boost: what the live queue is sorted by */
    int64_t not_before;
    int seat;             /* whose it is, from 1; 0: it is past, and no seat's any more */
    int64_t checked_in;   /* INSTANT_ABSENT: not yet */
    int64_t completed;    /* the same */
    struct bytes outcome; /* assignment_completed as encoded, until the order is completed */
};

/* An order as dispatch keeps it. `candidates` are all squads of its round, in the order in which
 * they are asked; the first `asked` were. Of an external order: the one squad it is attributed to,
 * and no seats.
 *
 * Seat n is seats[n - 1]: the first `required` ones must be filled, and the first of all leads;
 * those after them are optional. A seat whose part has id 0 is empty: a required one until somebody
 * takes it, an optional one for good. */
struct dispatch_order {
    struct text district;
    int64_t id;
    struct text place, town, feed;
    bool external;
    enum urgency urgency;
    int64_t window_start, window_end; /* wanted; INSTANT_ABSENT: as soon as possible */
    struct text_list candidates;
    int64_t asked;
    enum order_state state;
    int64_t version;
    int required;
    const int64_t *past; /* ids of the parts that no seat has any more */
    size_t past_count;
    struct dispatch_assignment seats[DISPATCH_SEATS_MAX];
};

/* A squad's time taken: [start, end) in one of its lanes. */
struct dispatch_booking {
    int64_t assignment;
    int ordinal; /* which of the assignment's windows, from 0 in the order of time */
    int64_t order;
    struct text squad;
    int lane;
    int64_t start, end;
};

struct dispatch_event {
    enum event_type type;
    struct text key;
    int64_t version; /* the key's */
    int64_t time;
    const void *data; /* the type's struct */
};

/* A squad's queue gains or loses an offer by the event at `position` of dispatch's log. */
struct dispatch_change {
    struct text squad;
    int64_t position;
    bool add;
    int64_t order;
    struct dispatch_assignment offer;
};

struct dispatch_case {
    const struct directory *directory;
    const struct dispatch_limits *limits;
    int64_t now;
    int64_t next_offset;                /* dispatch's log offset of the first event decided */
    const struct caller *caller;        /* of a command */
    const struct command *command;      /* which names an order (dispatch_order_named) */
    const struct dispatch_order *order; /* in the caller's district; NULL: there is none such */
    /* The bookings of the squad that accepts (dispatch_accepting), at least those that overlap the
     * windows which it asks for, those that overlap these, and so on; looked at by nothing else. */
    const struct dispatch_booking *bookings;
    size_t booking_count;
    struct arena *arena;
};

struct dispatch_decision {
    struct refusal refusal; /* REFUSAL_NONE: done, and what follows holds */
    struct dispatch_order order;
    struct dispatch_event events[DISPATCH_EVENTS_MAX];
    size_t event_count;
    struct dispatch_assignment *moved; /* parts that moved, as they now are; at most one each */
    size_t moved_count;
    struct dispatch_assignment *begun; /* new parts */
    size_t begun_count;
    const struct dispatch_booking *booked; /* new */
    size_t booked_count;
    const struct dispatch_booking *shifted; /* of the case's bookings: those in another lane now */
    size_t shifted_count;
    struct dispatch_assignment *released; /* parts whose bookings are given back */
    size_t released_count;
    struct dispatch_change *changes;
    size_t change_count;
    bool round_changed; /* order.candidates are others than before */
    struct result result;
};

/* True for the two events of intake that begin an order here. */
bool dispatch_begins_order(enum event_type type);
/* Takes an order over from intake and offers it at once (case.order, caller and command unused).
 * Never refused: an order with no squad to ask is escalated. */
struct dispatch_decision dispatch_take(const struct dispatch_case *c, const struct event *event);
/* Decides a command that moves an order; any other is refused as unknown_type. */
struct dispatch_decision dispatch_decide(const struct dispatch_case *c);

/* The order that a command is about: its body's, else the one that intake resolved an external id
 * to; 0: none. */
int64_t dispatch_order_named(const struct command *command, int64_t resolved_order);
/* The windows that an accept would book: given, else the wanted one; none when there is none. Not
 * checked. The list may point to *one. */
struct window_list dispatch_windows_asked(const struct assignment_accept *body,
                                          int64_t wanted_start, int64_t wanted_end,
                                          struct window *one);
/* The squad whose part the command of c is about: what c's bookings must be of; empty: none. */
struct text dispatch_accepting(const struct dispatch_case *c);

/* An order in one piece, and back; the order's texts are then those in the piece. */
struct bytes dispatch_order_pack(const struct dispatch_order *order, struct arena *arena);
void dispatch_order_unpack(struct dispatch_order *order, struct bytes packed, struct arena *arena);

/* True when state, seats and candidates fit each other; asserted after each decision. */
bool dispatch_order_is_sound(const struct dispatch_order *order);

#endif
