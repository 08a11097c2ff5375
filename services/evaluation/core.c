#include "services/evaluation/core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/rating.h"

#define HOUR_MS          (60LL * 60 * 1000)
#define ZONE_FURTHEST_MS (16 * HOUR_MS) /* no zone was ever further from UTC */

#define BOOK_SLOTS_FIRST 64

struct book {
    struct arena *arena;
    struct quarter_sums **entries; /* sorted when rated; before that as they came */
    size_t count, room;
    struct quarter_sums **slots; /* by hash of the key, linear probing, at most half full */
    size_t slot_count;
};

/* Each squad once, however often it is named. */
static bool is_among(const struct score *scores, size_t count, struct text squad)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(scores[i].squad, squad))
            return true;
    return false;
}

size_t scores_of(const struct event *event, struct text time_zone, struct score scores[SCORES_MAX])
{
    if (event->type != EVENT_order_confirmed)
        return 0;
    const struct order_confirmed *confirmed = event->data;
    const struct text_list one = {&confirmed->squad, 1};
    const struct text_list *squads = confirmed->squads.count > 0 ? &confirmed->squads : &one;
    int32_t quarter = instant_quarter(time_zone, event->time);
    if (quarter < 0)
        quarter = instant_quarter(TEXT("UTC"), event->time);
    size_t count = 0;
    for (size_t i = 0; i < squads->count && count < SCORES_MAX; i++)
        if (!is_among(scores, count, squads->items[i]))
            scores[count++] = (struct score){
                .district = event->district,
                .squad = squads->items[i],
                .place = confirmed->place,
                .quarter = quarter,
                .order = confirmed->order,
                .satisfaction = confirmed->satisfaction,
                .producer = event->producer,
                .part = event->part,
                .offset = event->offset,
                .time = event->time,
            };
    return count;
}

size_t score_quarters(int64_t time, int32_t quarters[SCORE_QUARTERS_MAX])
{
    quarters[0] = instant_quarter(TEXT("UTC"), time - ZONE_FURTHEST_MS);
    quarters[1] = instant_quarter(TEXT("UTC"), time + ZONE_FURTHEST_MS);
    return quarters[0] == quarters[1] ? 1 : 2;
}

struct book *book_new(struct arena *arena)
{
    struct book *book = arena_alloc(arena, sizeof *book);
    book->arena = arena;
    book->room = BOOK_SLOTS_FIRST / 2;
    book->entries = arena_array(arena, book->room, sizeof(struct quarter_sums *));
    book->slot_count = BOOK_SLOTS_FIRST;
    book->slots = arena_array(arena, book->slot_count, sizeof(struct quarter_sums *));
    return book;
}

static uint64_t key_hash(struct text district, struct text squad, int32_t quarter)
{
    return text_hash(district) * 31 + text_hash(squad) * 17 + (uint64_t)(uint32_t)quarter;
}

/* The slot where the key is, or would go. */
static struct quarter_sums **book_slot(const struct book *book, struct text district,
                                       struct text squad, int32_t quarter)
{
    size_t at = (size_t)key_hash(district, squad, quarter) & (book->slot_count - 1);
    for (;; at = (at + 1) & (book->slot_count - 1)) {
        const struct quarter_sums *there = book->slots[at];
        if (there == NULL || (there->quarter == quarter && text_equal(there->squad, squad) &&
                              text_equal(there->district, district)))
            return &book->slots[at];
    }
}

static void book_grow(struct book *book)
{
    struct quarter_sums **entries =
        arena_array(book->arena, 2 * book->room, sizeof(struct quarter_sums *));
    memcpy(entries, book->entries, book->count * sizeof *entries);
    book->entries = entries;
    book->room *= 2;
    book->slot_count *= 2;
    book->slots = arena_array(book->arena, book->slot_count, sizeof(struct quarter_sums *));
    for (size_t i = 0; i < book->count; i++) {
        struct quarter_sums *entry = book->entries[i];
        *book_slot(book, entry->district, entry->squad, entry->quarter) = entry;
    }
}

static struct quarter_sums *book_entry(struct book *book, struct text district, struct text squad,
                                       int32_t quarter)
{
    struct quarter_sums **slot = book_slot(book, district, squad, quarter);
    if (*slot != NULL)
        return *slot;
    if (book->count == book->room) {
        book_grow(book);
        slot = book_slot(book, district, squad, quarter);
    }
    struct quarter_sums *entry = arena_alloc(book->arena, sizeof *entry);
    entry->district = district;
    entry->squad = squad;
    entry->quarter = quarter;
    *slot = entry;
    book->entries[book->count++] = entry;
    return entry;
}

void book_put(struct book *book, const struct quarter_sums *sums)
{
    *book_entry(book, sums->district, sums->squad, sums->quarter) = *sums;
}

static void sums_add(struct quarter_sums *sums, const struct score *score, size_t input)
{
    sums->counted++;
    sums->total += score->satisfaction;
    sums->has_scores = true;
    sums->last = input;
}

const struct quarter_sums *book_count(struct book *book, const struct score *score, size_t input)
{
    assert(score->squad.length > 0 && score->satisfaction >= 1 && score->satisfaction <= 5);
    sums_add(book_entry(book, score->district, (struct text){"", 0}, score->quarter), score, input);
    struct quarter_sums *squad = book_entry(book, score->district, score->squad, score->quarter);
    sums_add(squad, score, input);
    squad->version++;
    return squad;
}

static int entry_compare(const void *a, const void *b)
{
    const struct quarter_sums *left = *(struct quarter_sums *const *)a;
    const struct quarter_sums *right = *(struct quarter_sums *const *)b;
    int order = text_compare(left->district, right->district);
    if (order != 0)
        return order;
    if (left->quarter != right->quarter)
        return left->quarter < right->quarter ? -1 : 1;
    return text_compare(left->squad, right->squad);
}

static void squad_rate(struct quarter_sums *squad, const struct quarter_sums *district)
{
    int stars = rating_stars(&(struct rating_sums){.counted = squad->counted,
                                                   .total = squad->total,
                                                   .district_counted = district->counted,
                                                   .district_total = district->total});
    if (!squad->has_scores && stars == squad->stars)
        return;
    squad->stars = stars;
    squad->version++;
    squad->is_rated = true;
    if (!squad->has_scores)
        squad->last = district->last;
}

void book_rate(struct book *book)
{
    if (book->count > 0)
        qsort(book->entries, book->count, sizeof(struct quarter_sums *), entry_compare);
    const struct quarter_sums *district = NULL;
    for (size_t i = 0; i < book->count; i++) {
        struct quarter_sums *entry = book->entries[i];
        if (entry->squad.length == 0) {
            district = entry;
            continue;
        }
        /* A squad's sums are part of its district's, which therefore are there and stand before it.
         */
        assert(district != NULL && district->quarter == entry->quarter &&
               text_equal(district->district, entry->district));
        if (district->has_scores)
            squad_rate(entry, district);
    }
}

size_t book_entries(const struct book *book, const struct quarter_sums *const **entries)
{
    *entries = (const struct quarter_sums *const *)book->entries;
    return book->count;
}

struct text key_of_squad_quarter(const struct quarter_sums *sums, struct arena *arena)
{
    char quarter[16];
    return arena_format(arena, "squad_quarter/%.*s/%s", TEXT_ARG(sums->squad),
                        quarter_format(sums->quarter, quarter));
}
