/* Evaluation: what counts, in which quarter, and that the stars are those of the sums however the
 * batches are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "domain/rating.h"
#include "services/evaluation/core.h"
#include "tests/unit/life.h"

#define SHANGHAI TEXT("Asia/Shanghai")

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    struct arena *arena = *state;
    arena_destroy(&arena);
    return 0;
}

static int64_t at(struct text rfc3339)
{
    int64_t instant;
    assert_true(instant_parse(rfc3339, &instant));
    return instant;
}

static struct score found[SCORES_MAX];

static struct score score_at(struct arena *arena, struct text when, struct text zone)
{
    struct life *life = arena_alloc(arena, sizeof *life);
    struct score score;
    life_begin(life, arena, 7, at(when));
    assert_int_equal(scores_of(life_confirmed(life, 4), zone, found), 1);
    score = found[0];
    return score;
}

static void only_confirmations_count(void **state)
{
    struct life life;
    struct score score;
    life_begin(&life, *state, 12, at(TEXT("2026-03-01T09:00:00Z")));
    life_submitted(&life);
    life_placed(&life);
    life_offered(&life, LIFE_SQUAD);
    life_accepted(&life);
    life_checked_in(&life);
    life_completed(&life, 1000);
    life_reopened(&life);
    life_cancelled(&life, LIFE_TOWN);
    life_closed_external(&life);
    for (size_t i = 0; i < life.count; i++)
        assert_int_equal(scores_of(&life.events[i], SHANGHAI, found), 0);
    const struct event *confirmed = life_confirmed(&life, 5);
    assert_int_equal(scores_of(confirmed, SHANGHAI, found), 1);
    score = found[0];
    assert_true(text_equal(score.district, TEXT(LIFE_DISTRICT)));
    assert_true(text_equal(score.squad, TEXT(LIFE_SQUAD)));
    assert_true(text_equal(score.place, TEXT(LIFE_PLACE)));
    assert_int_equal(score.order, 12);
    assert_int_equal(score.satisfaction, 5);
    assert_int_equal(score.offset, confirmed->offset);
    assert_int_equal(score.time, confirmed->time);
}

/* A joint session's confirmation counts for each squad that served, once however often it is named.
 */
static void each_squad_that_served_counts_once(void **state)
{
    static const struct text squads[] = {
        {LIFE_SQUAD, sizeof LIFE_SQUAD - 1}, {"rencai", 6}, {LIFE_SQUAD, sizeof LIFE_SQUAD - 1}};
    struct life life;
    life_begin(&life, *state, 12, at(TEXT("2026-03-01T09:00:00Z")));
    struct event *event = life_confirmed(&life, 4);
    ((struct order_confirmed *)event->data)->squads = (struct text_list){squads, 3};
    assert_int_equal(scores_of(event, SHANGHAI, found), 2);
    assert_true(text_equal(found[0].squad, squads[0]));
    assert_true(text_equal(found[1].squad, squads[1]));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(found[i].satisfaction, 4);
        assert_int_equal(found[i].offset, event->offset);
    }
}

/* The quarter turns at the district's own midnight. */
static void quarters_are_local(void **state)
{
    struct arena *arena = *state;
    const int32_t q4 = quarter_parse(TEXT("2025Q4")), q1 = quarter_parse(TEXT("2026Q1"));
    assert_int_equal(score_at(arena, TEXT("2025-12-31T15:59:59.999Z"), SHANGHAI).quarter, q4);
    assert_int_equal(score_at(arena, TEXT("2025-12-31T16:00:00.000Z"), SHANGHAI).quarter, q1);
    const struct text boston = TEXT("America/New_York");
    assert_int_equal(score_at(arena, TEXT("2026-01-01T04:59:59.999Z"), boston).quarter, q4);
    assert_int_equal(score_at(arena, TEXT("2026-01-01T05:00:00.000Z"), boston).quarter, q1);
    assert_int_equal(score_at(arena, TEXT("2025-12-31T23:59:59.999Z"), TEXT("no/zone")).quarter,
                     q4);
}

/* What is loaded before the zone is known holds the quarter of every zone. */
static void loaded_quarters_hold_every_zone(void **state)
{
    struct arena *arena = *state;
    static const struct text zones[] = {
        {"Asia/Shanghai", 13}, {"America/New_York", 16}, {"Pacific/Kiritimati", 18},
        {"Pacific/Niue", 12},  {"Asia/Kathmandu", 14},   {"Pacific/Auckland", 16},
    };
    for (int64_t hour = -40; hour <= 40; hour++)
        for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
            struct life *life = arena_alloc(arena, sizeof *life);
            struct score score;
            int32_t quarters[SCORE_QUARTERS_MAX];
            life_begin(life, arena, 1, at(TEXT("2026-04-01T00:00:00Z")) + hour * 3600000);
            const struct event *event = life_confirmed(life, 3);
            assert_int_equal(scores_of(event, zones[z], found), 1);
            score = found[0];
            size_t count = score_quarters(event->time, quarters);
            assert_true(score.quarter == quarters[0] ||
                        (count == 2 && score.quarter == quarters[1]));
        }
    int32_t quarters[SCORE_QUARTERS_MAX];
    assert_int_equal(score_quarters(at(TEXT("2026-02-01T00:00:00Z")), quarters), 1);
}

/* --- books ---------------------------------------------------------------------------------------
 */

static const struct text squads[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}};
#define SQUADS (sizeof squads / sizeof *squads)

/* What the records would hold between batches. */
struct stored {
    struct quarter_sums entries[256];
    size_t count;
};

static struct quarter_sums *stored_find(struct stored *stored, const struct quarter_sums *entry)
{
    for (size_t i = 0; i < stored->count; i++)
        if (stored->entries[i].quarter == entry->quarter &&
            text_equal(stored->entries[i].squad, entry->squad) &&
            text_equal(stored->entries[i].district, entry->district))
            return &stored->entries[i];
    assert_true(stored->count < sizeof stored->entries / sizeof *stored->entries);
    return &stored->entries[stored->count++];
}

static void batch(struct stored *stored, const struct score *scores, size_t count)
{
    struct arena *arena = arena_new();
    struct book *book = book_new(arena);
    for (size_t i = 0; i < stored->count; i++)
        book_put(book, &stored->entries[i]);
    for (size_t i = 0; i < count; i++)
        book_count(book, &scores[i], i);
    book_rate(book);
    const struct quarter_sums *const *entries;
    size_t entry_count = book_entries(book, &entries);
    for (size_t i = 0; i < entry_count; i++) {
        struct quarter_sums kept = *entries[i];
        assert_true(kept.has_scores || kept.is_rated ||
                    stored_find(stored, &kept)->counted == kept.counted);
        kept.has_scores = kept.is_rated = false;
        kept.last = 0;
        *stored_find(stored, entries[i]) = kept;
    }
    arena_destroy(&arena);
}

static void stars_equal_the_sums(struct stored *stored)
{
    for (size_t i = 0; i < stored->count; i++) {
        struct quarter_sums *squad = &stored->entries[i];
        if (squad->squad.length == 0)
            continue;
        struct quarter_sums key = {
            .district = squad->district, .squad = TEXT(""), .quarter = squad->quarter};
        const struct quarter_sums *district = stored_find(stored, &key);
        assert_int_equal(squad->stars,
                         rating_stars(&(struct rating_sums){squad->counted, squad->total,
                                                            district->counted, district->total}));
    }
}

static size_t random_scores(struct score *scores, size_t count, unsigned seed)
{
    srand(seed);
    for (size_t i = 0; i < count; i++)
        scores[i] = (struct score){
            .district = rand() % 4 == 0 ? TEXT("demo2") : TEXT(LIFE_DISTRICT),
            .squad = squads[(size_t)rand() % SQUADS],
            .quarter = quarter_parse(TEXT("2026Q1")) + rand() % 2,
            .order = (int64_t)i + 1,
            .satisfaction = 1 + rand() % 5,
            .offset = (int64_t)i + 1,
        };
    return count;
}

/* Other cuts leave the same sums and stars; only the versions count what was said in between. */
static void cuts_do_not_matter(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static struct score scores[COUNT];
    for (unsigned seed = 1; seed <= 20; seed++) {
        random_scores(scores, COUNT, seed);
        static struct stored whole, cut;
        whole.count = cut.count = 0;
        batch(&whole, scores, COUNT);
        stars_equal_the_sums(&whole);
        for (size_t done = 0; done < COUNT;) {
            size_t size = 1 + (size_t)rand() % 40;
            if (size > COUNT - done)
                size = COUNT - done;
            batch(&cut, scores + done, size);
            stars_equal_the_sums(&cut);
            done += size;
        }
        assert_int_equal(whole.count, cut.count);
        for (size_t i = 0; i < whole.count; i++) {
            const struct quarter_sums *other = stored_find(&cut, &whole.entries[i]);
            assert_int_equal(whole.entries[i].counted, other->counted);
            assert_int_equal(whole.entries[i].total, other->total);
            assert_int_equal(whole.entries[i].stars, other->stars);
        }
    }
}

static const struct quarter_sums *entry_of(const struct book *book, struct text squad)
{
    const struct quarter_sums *const *entries;
    size_t count = book_entries(book, &entries);
    for (size_t i = 0; i < count; i++)
        if (text_equal(entries[i]->squad, squad))
            return entries[i];
    return NULL;
}

/* A squad is rated when it got scores, or when the district's mean moved its stars; else it is left
 * alone. */
static void who_is_rated(void **state)
{
    struct arena *arena = *state;
    const int32_t quarter = quarter_parse(TEXT("2026Q1"));
    struct book *book = book_new(arena);
    const struct text district = TEXT(LIFE_DISTRICT);
    /* District: 11 votes, mean 47/11. Squad a: 1 vote of 5 and 4 stars; squad b: 10 votes of 42 and
     * 4 stars. */
    book_put(book, &(struct quarter_sums){.district = district,
                                          .squad = TEXT(""),
                                          .quarter = quarter,
                                          .counted = 11,
                                          .total = 47});
    book_put(book, &(struct quarter_sums){.district = district,
                                          .squad = squads[0],
                                          .quarter = quarter,
                                          .counted = 1,
                                          .total = 5,
                                          .stars = 4,
                                          .version = 2});
    book_put(book, &(struct quarter_sums){.district = district,
                                          .squad = squads[1],
                                          .quarter = quarter,
                                          .counted = 10,
                                          .total = 42,
                                          .stars = 4,
                                          .version = 20});
    const struct score bad = {
        .district = district, .squad = squads[2], .quarter = quarter, .satisfaction = 1};
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(book_count(book, &bad, i)->version, (int64_t)i + 1);
    book_rate(book);
    /* Now 20 votes, mean 2.8: a: (5 + 28) / 11 = 3; b: (42 + 28) / 20 = 3.5, half up 4; c: (9 + 28)
     * / 19 = 1.947, 2. */
    assert_int_equal(entry_of(book, squads[0])->stars, 3);
    assert_true(entry_of(book, squads[0])->is_rated);
    assert_int_equal(entry_of(book, squads[0])->version, 3);
    assert_int_equal(entry_of(book, squads[0])->last, 8);
    assert_int_equal(entry_of(book, squads[1])->stars, 4);
    assert_false(entry_of(book, squads[1])->is_rated);
    assert_int_equal(entry_of(book, squads[1])->version, 20);
    assert_int_equal(entry_of(book, squads[2])->stars, 2);
    assert_int_equal(entry_of(book, squads[2])->version, 10);
    struct text key = key_of_squad_quarter(entry_of(book, squads[2]), arena);
    assert_true(text_equal(key, TEXT("squad_quarter/c/2026Q1")));
}

/* Another quarter, or another district's squad of the same code, is not touched. */
static void quarters_and_districts_do_not_mix(void **state)
{
    struct book *book = book_new(*state);
    const int32_t quarter = quarter_parse(TEXT("2026Q1"));
    const struct score score = {
        .district = TEXT("demo2"), .squad = squads[0], .quarter = quarter, .satisfaction = 5};
    const struct score other = {
        .district = TEXT("demo2"), .squad = squads[0], .quarter = quarter + 1, .satisfaction = 1};
    book_put(book, &(struct quarter_sums){.district = TEXT(LIFE_DISTRICT),
                                          .squad = TEXT(""),
                                          .quarter = quarter,
                                          .counted = 1,
                                          .total = 2});
    book_put(book, &(struct quarter_sums){.district = TEXT(LIFE_DISTRICT),
                                          .squad = squads[0],
                                          .quarter = quarter,
                                          .counted = 1,
                                          .total = 2,
                                          .stars = 2,
                                          .version = 2});
    const struct quarter_sums *first = book_count(book, &score, 0);
    const struct quarter_sums *second = book_count(book, &other, 1);
    assert_ptr_not_equal(first, second);
    book_rate(book);
    assert_int_equal(first->counted, 1);
    assert_int_equal(first->stars, 5);
    assert_int_equal(second->stars, 1);
    const struct quarter_sums *const *entries;
    assert_int_equal(book_entries(book, &entries), 6);
    assert_true(text_equal(entries[0]->district, TEXT(LIFE_DISTRICT)));
    assert_int_equal(entries[0]->squad.length, 0);
    assert_false(entries[1]->is_rated);
    assert_int_equal(entries[1]->version, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_confirmations_count, setup, teardown),
        cmocka_unit_test_setup_teardown(each_squad_that_served_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(quarters_are_local, setup, teardown),
        cmocka_unit_test_setup_teardown(loaded_quarters_hold_every_zone, setup, teardown),
        cmocka_unit_test_setup_teardown(cuts_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_rated, setup, teardown),
        cmocka_unit_test_setup_teardown(quarters_and_districts_do_not_mix, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
