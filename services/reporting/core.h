/* Reporting's projections: what each event makes of an order's row. Pure; a row depends on its own
 * order's events alone, taken in the order of their versions, however they were cut into batches.
 */
#ifndef ZTC_REPORTING_CORE_H
#define ZTC_REPORTING_CORE_H

#include "base/arena.h"
#include "events/envelope.h"

/* An order as it now is. Times are INSTANT_ABSENT until they come. */
struct order_row {
    struct text district;
    int64_t order;
    int64_t version; /* 0: nothing was applied yet */
    int state;       /* enum order_state */
    bool external;   /* another system runs its case; never scored */
    struct text place, town, feed, external_id, category;
    int urgency; /* enum urgency */
    struct text activity;
    struct text squad;      /* who is to serve or served, of several the lead; empty: nobody now */
    int64_t squad_recorded; /* when that squad was given, in the log's time */
    int64_t opened, placed, offered, accepted, checked_in, completed;
    int64_t ended; /* closed, cancelled or withdrawn */
    int64_t changed;
    int64_t satisfaction;  /* 1–5; 0: not scored */
    int64_t people_served; /* of all its services, one that was reopened included */
};

void order_row_clear(struct order_row *row);
/* Applies one event of the order; its texts are shared with the event. True: the wish (town,
 * category, urgency, activity) reads otherwise than before. */
bool order_row_apply(struct order_row *row, const struct event *event);

/* A row in one piece, and back; the texts of the row are then those in the piece. */
struct bytes order_row_pack(const struct order_row *row, struct arena *arena);
void order_row_unpack(struct order_row *row, struct bytes packed);

/* The squad that an event asks to serve the order (offered, or attributed by another system);
 * empty: none. */
struct text event_asks(const struct event *event);

#define PAGE_ASSIGNMENTS_MAX 64

/* One squad's part in an order. */
struct page_assignment {
    int64_t assignment, seat;
    bool optional;
    struct text squad;
    int state; /* enum assignment_state */
    int64_t respond_by;
    struct window first;
    struct window_list windows; /* of a stay; none: the first is all */
    int64_t people_served;
    struct text outcome, reason;
};

/* What an order's page shows beside its row, gathered from its history. Of several squads, what is
 * not among the assignments is the lead's. */
struct order_page {
    struct text need, note;
    struct text_list squads;                           /* wished for, in order of preference */
    struct text_list required, optional;               /* the same, of several squads */
    int mode;                                          /* enum mode */
    int64_t window_start, window_end, expected_people; /* wished for */
    int64_t assignment;                                /* the newest; 0: none */
    int64_t respond_by;                                /* of its offer */
    int64_t booked_start, booked_end;
    struct text outcome, reason; /* of the completion or closing; of the last return, decline,
                                    reopening, cancelling … */
    struct count_list items;
    struct text comment;
    struct page_assignment assignments[PAGE_ASSIGNMENTS_MAX]; /* in the order of the offers */
    size_t assignment_count;
    bool assignments_are_cut; /* there were more */
};
void order_page_clear(struct order_page *page);
void order_page_apply(struct order_page *page, const struct event *event);

/* The rows that one batch touches, each once. */
struct shelf_row {
    struct order_row row;
    bool is_stored;  /* in the records before this batch */
    bool is_touched; /* an event was applied */
    bool is_rewished;
};
struct shelf;
struct shelf *shelf_new(struct arena *arena);
/* The row of an order, made when it is not there yet. */
struct shelf_row *shelf_order(struct shelf *shelf, struct text district, int64_t order);
size_t shelf_rows(const struct shelf *shelf, struct shelf_row *const **rows); /* as they came */

/* The mean in thousandths, rounded half up; of nothing 3,000, which the provisional scheme starts
 * from. */
int64_t mean_milli(int64_t counted, int64_t total);
/* How a squad's stars came about, as one sentence. */
struct star_sums {
    struct text quarter;
    int stars;
    int64_t counted, total, district_counted, district_total;
};
struct text stars_sentence(const struct star_sums *sums, bool zh, struct arena *arena);

#endif
