/* What the files of the shell share. The desk's thread owns everything here but `queries`, which is
 * the reader's. */
#ifndef ZTC_DISPATCH_SHELL_PRIVATE_H
#define ZTC_DISPATCH_SHELL_PRIVATE_H

#include "base/memo.h"
#include "live/live.h"
#include "services/dispatch/core.h"
#include "services/dispatch/shell.h"
#include "services/dispatch/shell_keeper.h"
#include "services/dispatch/shell_positions.h"
#include "services/dispatch/shell_query.h"

#define HELD_SLOTS 2048 /* chains of the batch's tables; a batch is 4,096 inputs at most */

/* A part that the batch changes. */
struct held_part {
    struct held_part *next;
    struct dispatch_assignment part;
    bool begun; /* in this batch: to be inserted */
};

/* An order in the batch: as remembered, loaded, or begun in it. */
struct held {
    struct held *next;
    struct dispatch_order order;
    bool begun, changed, round_changed;
    struct held_part *parts;
    int64_t *past; /* while rows are read */
};

#define LANE_UNSTORED (-1)

/* A squad's bookings as far as this batch may touch them, as they stand after what it decided so
 * far; beside each the lane it has in the records. */
struct booked_squad {
    struct booked_squad *next;     /* in its chain */
    struct booked_squad *next_all; /* of all */
    struct text district, code;
    struct dispatch_booking *bookings;
    int *stored_lanes; /* LANE_UNSTORED: made in this batch */
    size_t count, room;
};

/* A part whose bookings are given back. */
struct released {
    struct text district;
    int64_t assignment;
};

struct dispatch_shell {
    struct dispatch_limits limits;
    struct positions *positions; /* of all squads' queues, as of the last decision */
    struct memo *memo;           /* orders with their parts, as committed */
    struct queue_keeper *keeper;
    struct queue_reader *queries;

    /* of the present batch, in its arena */
    const struct rows *orders, *parts, *bookings;
    struct held *held[HELD_SLOTS];
    struct held **touched; /* all held, in the order they came */
    size_t touched_count;
    struct booked_squad *booked_squads[HELD_SLOTS], *all_booked_squads;
    struct released *released;
    size_t released_count, released_room;
    struct live_change *changes;
    size_t change_count, change_room;
};

struct held *shell_find(struct dispatch_shell *shell, struct text district, int64_t id);
struct booked_squad *shell_booked_squad(struct dispatch_shell *shell, struct arena *arena,
                                        struct text district, struct text code);
void shell_book(struct booked_squad *squad, struct arena *arena,
                const struct dispatch_booking *booking, int stored_lane);

/* Empties the batch's tables. */
void shell_tables_begin(struct dispatch_shell *shell, struct batch *batch);

/* shell_load.c */
void shell_read_rows(struct dispatch_shell *shell, struct batch *batch);
struct held *shell_hold(struct dispatch_shell *shell, struct arena *arena,
                        const struct dispatch_order *order);

#endif
