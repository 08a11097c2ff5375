/* Lanes: a squad's parallel capacity. Two bookings that meet are never in the same lane. A new one
 * takes the lowest lane that is free over its whole time. When there is none although the capacity
 * is not used up at any moment of it (first fit alone wrongly refuses 1 % at capacity 3), those
 * that have not started yet are put into lanes anew: in the order of their starts each keeps its
 * lane if it can, else takes the lowest one free. Whatever meets it then and is placed already
 * holds its first moment too, so they are fewer than the capacity there, and a lane is left: a
 * colouring of intervals in the order of their starts needs no more colours than meet at a moment.
 * Those that have started contain this moment, are in lanes of their own, and stay in them. */
#include <assert.h>
#include <stdlib.h>

#include "services/dispatch/core_private.h"

static bool meets(const struct dispatch_booking *a, const struct dispatch_booking *b)
{
    return a->start < b->end && b->start < a->end;
}

/* How many are there at most at a moment of the last one's time, itself not counted. */
static int64_t busiest(const struct dispatch_lanes *lanes)
{
    const struct dispatch_booking *wanted = &lanes->bookings[lanes->count - 1];
    int64_t most = 0;
    for (size_t i = 0; i < lanes->count; i++) {
        const struct dispatch_booking *at = &lanes->bookings[i];
        int64_t moment = at->start > wanted->start ? at->start : wanted->start, busy = 0;
        if (i + 1 < lanes->count && !meets(at, wanted))
            continue;
        for (size_t k = 0; k + 1 < lanes->count; k++)
            busy += lanes->bookings[k].start <= moment && moment < lanes->bookings[k].end;
        most = busy > most ? busy : most;
    }
    return most;
}

/* Lanes of those in the set that meet a booking. */
static uint64_t lanes_taken(struct dispatch_booking *const *set, size_t count,
                            const struct dispatch_booking *booking)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < count; i++)
        if (set[i] != booking && meets(set[i], booking)) {
            assert(set[i]->lane >= 0 && set[i]->lane < DISPATCH_LANES_MAX);
            taken |= UINT64_C(1) << set[i]->lane;
        }
    return taken;
}

static int lowest_free(uint64_t taken)
{
    return taken == UINT64_MAX ? -1 : __builtin_ctzll(~taken);
}

static int by_start(const void *a, const void *b)
{
    const struct dispatch_booking *left = *(struct dispatch_booking *const *)a;
    const struct dispatch_booking *right = *(struct dispatch_booking *const *)b;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (left->assignment != right->assignment)
        return left->assignment < right->assignment ? -1 : 1;
    return left->ordinal - right->ordinal;
}

/* Those connected with the last one by meetings, in the order of their starts; it included. */
static size_t connected(const struct dispatch_lanes *lanes, struct dispatch_booking **set)
{
    struct dispatch_booking span = lanes->bookings[lanes->count - 1];
    size_t count = 0, before;
    do {
        before = count;
        count = 0;
        for (size_t i = 0; i < lanes->count; i++) {
            struct dispatch_booking *at = &lanes->bookings[i];
            if (!meets(at, &span))
                continue;
            span.start = at->start < span.start ? at->start : span.start;
            span.end = at->end > span.end ? at->end : span.end;
            set[count++] = at;
        }
    } while (count != before);
    qsort(set, count, sizeof(struct dispatch_booking *), by_start);
    return count;
}

/* Puts all that have not started, and the last one, into lanes anew. False: the last one has begun
 * already, and those that run leave it no lane. */
static bool rearrange(struct dispatch_lanes *lanes, struct dispatch_booking **set,
                      struct dispatch_booking **placed)
{
    struct dispatch_booking *wanted = &lanes->bookings[lanes->count - 1];
    size_t count = connected(lanes, set), placed_count = 0;
    for (size_t i = 0; i < count; i++)
        if (set[i] != wanted && set[i]->start <= lanes->now)
            placed[placed_count++] = set[i];
    for (size_t i = 0; i < count; i++) {
        if (set[i] != wanted && set[i]->start <= lanes->now)
            continue;
        uint64_t taken = lanes_taken(placed, placed_count, set[i]);
        bool keeps = set[i] != wanted && (taken >> set[i]->lane & 1) == 0;
        int lane = keeps ? set[i]->lane : lowest_free(taken);
        if (lane < 0 || (set[i] == wanted && lane >= lanes->capacity))
            return false;
        set[i]->lane = lane;
        placed[placed_count++] = set[i];
    }
    return true;
}

bool dispatch_lanes_place(struct dispatch_lanes *lanes)
{
    struct dispatch_booking *wanted = &lanes->bookings[lanes->count - 1];
    if (busiest(lanes) >= lanes->capacity)
        return false;
    struct dispatch_booking **set =
        arena_array(lanes->arena, 2 * lanes->count, sizeof(struct dispatch_booking *));
    for (size_t i = 0; i < lanes->count; i++)
        set[i] = &lanes->bookings[i];
    uint64_t taken = lanes_taken(set, lanes->count, wanted);
    /* A lane beyond a capacity that was lowered since still counts as one in use. */
    if (__builtin_popcountll(taken) >= lanes->capacity)
        return rearrange(lanes, set, set + lanes->count);
    wanted->lane = lowest_free(taken);
    return true;
}
