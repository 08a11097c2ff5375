/* Reporting: an order's row and page through its whole life, and that cuts into batches do not
 * matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "services/reporting/core.h"
#include "tests/unit/life.h"

#define NOON   1772348400000
#define MINUTE 60000

struct fixture {
    struct arena *arena;
    struct life life;
    struct order_row row;
    struct order_page page;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.arena = arena_new();
    life_begin(&fixture.life, fixture.arena, 12, NOON);
    order_row_clear(&fixture.row);
    order_page_clear(&fixture.page);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_destroy(&fixture->arena);
    return 0;
}

/* Applies to both; true: the wish reads otherwise. */
static bool apply(struct fixture *f, const struct event *event)
{
    order_page_apply(&f->page, event);
    bool rewished = order_row_apply(&f->row, event);
    assert_int_equal(f->row.version, event->version);
    assert_int_equal(f->row.changed, event->time);
    assert_int_equal(f->row.opened, NOON);
    return rewished;
}

static void assert_text(struct text got, struct text wanted)
{
    if (!text_equal(got, wanted))
        fail_msg("got \"%.*s\", wanted \"%.*s\"", TEXT_ARG(got), TEXT_ARG(wanted));
}

static void the_whole_life(void **state)
{
    struct fixture *f = *state;
    struct life *life = &f->life;
    struct order_row *row = &f->row;
    assert_true(apply(f, life_submitted(life)));
    assert_int_equal(row->state, ORDER_submitted);
    assert_text(row->place, TEXT(LIFE_PLACE));
    assert_text(row->town, TEXT(LIFE_TOWN));
    assert_text(row->category, TEXT("social_insurance"));
    assert_text(f->page.need, TEXT("外来务工人员社保咨询"));
    assert_int_equal(row->squad.length, 0);
    assert_false(row->external);

    assert_false(apply(f, life_placed(life)));
    assert_int_equal(row->placed, NOON + MINUTE);
    const struct event *offered = life_offered(life, LIFE_SQUAD);
    assert_false(apply(f, offered));
    assert_text(row->squad, TEXT(LIFE_SQUAD));
    assert_int_equal(row->squad_recorded, offered->recorded);
    assert_int_equal(f->page.assignment, life->assignment);
    assert_int_not_equal(f->page.respond_by, INSTANT_ABSENT);
    apply(f, life_accepted(life));
    assert_int_equal(row->state, ORDER_scheduled);
    assert_int_not_equal(f->page.booked_start, INSTANT_ABSENT);
    assert_int_equal(f->page.respond_by, INSTANT_ABSENT);
    apply(f, life_checked_in(life));
    apply(f, life_completed(life, 1000));
    assert_int_equal(row->people_served, 1000);
    assert_int_equal(f->page.items.count, 1);
    assert_int_equal(row->satisfaction, 0);
    assert_int_equal(row->ended, INSTANT_ABSENT);
    apply(f, life_confirmed(life, 5));
    assert_int_equal(row->state, ORDER_closed);
    assert_int_equal(row->satisfaction, 5);
    assert_int_equal(row->offered, NOON + 2 * MINUTE);
    assert_int_equal(row->accepted, NOON + 3 * MINUTE);
    assert_int_equal(row->checked_in, NOON + 4 * MINUTE);
    assert_int_equal(row->completed, NOON + 5 * MINUTE);
    assert_int_equal(row->ended, NOON + 6 * MINUTE);
    assert_text(f->page.comment, TEXT("很满意"));
}

static void returned_and_submitted_again(void **state)
{
    struct fixture *f = *state;
    apply(f, life_submitted(&f->life));
    assert_false(apply(f, life_returned(&f->life)));
    assert_text(f->page.reason, TEXT("请写明人数"));
    assert_true(apply(f, life_resubmitted(&f->life)));
    assert_text(f->row.category, TEXT("employment"));
    assert_int_equal(f->row.urgency, URGENCY_urgent);
    assert_int_equal(f->row.activity.length, 0);
    assert_int_equal(f->page.expected_people, 1000);
    apply(f, life_withdrawn(&f->life));
    assert_int_equal(f->row.state, ORDER_withdrawn);
    assert_int_equal(f->row.ended, NOON + 3 * MINUTE);
}

static void declined_offered_again_escalated_assigned(void **state)
{
    struct fixture *f = *state;
    struct life *life = &f->life;
    apply(f, life_submitted(life));
    apply(f, life_placed(life));
    apply(f, life_offered(life, "rencai"));
    apply(f, life_declined(life));
    assert_int_equal(f->row.squad.length, 0);
    assert_int_equal(f->row.squad_recorded, INSTANT_ABSENT);
    apply(f, life_escalated(life));
    assert_int_equal(f->row.state, ORDER_escalated);
    apply(f, life_offered(life, LIFE_SQUAD));
    assert_text(f->row.squad, TEXT(LIFE_SQUAD));
    assert_int_equal(f->row.offered, NOON + 5 * MINUTE);
    apply(f, life_accepted(life));
    apply(f, life_cancelled(life, LIFE_TOWN));
    assert_int_equal(f->row.state, ORDER_cancelled);
    assert_text(f->row.squad, TEXT(LIFE_SQUAD));
    assert_int_equal(f->page.booked_start, INSTANT_ABSENT);
}

/* The second service counts beside the first: both took place. */
static void reopened_and_served_again(void **state)
{
    struct fixture *f = *state;
    struct life *life = &f->life;
    apply(f, life_submitted(life));
    apply(f, life_placed(life));
    for (int i = 0; i < 2; i++) {
        apply(f, life_offered(life, LIFE_SQUAD));
        apply(f, life_accepted(life));
        apply(f, life_checked_in(life));
        apply(f, life_completed(life, 300));
        if (i == 1)
            break;
        apply(f, life_reopened(life));
        assert_int_equal(f->row.completed, INSTANT_ABSENT);
        assert_int_equal(f->row.accepted, INSTANT_ABSENT);
    }
    apply(f, life_confirmed(life, 3));
    assert_int_equal(f->row.people_served, 600);
    assert_int_equal(f->row.satisfaction, 3);
}

static void of_another_system(void **state)
{
    struct fixture *f = *state;
    const struct event *opened = life_opened_external(&f->life);
    apply(f, opened);
    assert_true(f->row.external);
    assert_text(f->row.feed, TEXT("feed-12345"));
    assert_text(f->row.external_id, TEXT("101001"));
    assert_text(f->row.squad, TEXT(LIFE_SQUAD));
    assert_int_equal(f->row.squad_recorded, opened->recorded);
    assert_int_equal(f->row.state, ORDER_placed);
    apply(f, life_closed_external(&f->life));
    assert_int_equal(f->row.state, ORDER_closed);
    assert_int_equal(f->row.satisfaction, 0);
    assert_int_equal(f->row.ended, NOON + MINUTE);
    assert_text(f->page.outcome, TEXT("已修复"));
}

static void whom_an_event_asks(void **state)
{
    struct fixture *f = *state;
    assert_text(event_asks(life_offered(&f->life, "rencai")), TEXT("rencai"));
    assert_text(event_asks(life_opened_external(&f->life)), TEXT("rencai"));
    assert_int_equal(event_asks(life_accepted(&f->life)).length, 0);
    assert_int_equal(event_asks(life_submitted(&f->life)).length, 0);
}

static void assert_same_row(const struct order_row *a, const struct order_row *b)
{
    assert_text(a->district, b->district);
    assert_int_equal(a->order, b->order);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->external, b->external);
    assert_text(a->place, b->place);
    assert_text(a->town, b->town);
    assert_text(a->feed, b->feed);
    assert_text(a->external_id, b->external_id);
    assert_text(a->category, b->category);
    assert_int_equal(a->urgency, b->urgency);
    assert_text(a->activity, b->activity);
    assert_text(a->squad, b->squad);
    assert_int_equal(a->squad_recorded, b->squad_recorded);
    assert_int_equal(a->opened, b->opened);
    assert_int_equal(a->placed, b->placed);
    assert_int_equal(a->offered, b->offered);
    assert_int_equal(a->accepted, b->accepted);
    assert_int_equal(a->checked_in, b->checked_in);
    assert_int_equal(a->completed, b->completed);
    assert_int_equal(a->ended, b->ended);
    assert_int_equal(a->changed, b->changed);
    assert_int_equal(a->satisfaction, b->satisfaction);
    assert_int_equal(a->people_served, b->people_served);
}

/* 200 orders, their events mixed, cut into batches in random ways, between which the rows are only
 * remembered: the same rows as when each is applied alone. */
static void cuts_do_not_matter(void **state)
{
    struct fixture *f = *state;
    enum { ORDERS = 200 };
    static struct life lives[ORDERS];
    static struct order_row alone[ORDERS], kept[ORDERS];
    srand(11);
    for (int i = 0; i < ORDERS; i++) {
        struct life *life = &lives[i];
        life_begin(life, f->arena, 1000 + i, NOON + i);
        life_submitted(life);
        if (rand() % 3 == 0) {
            life_returned(life);
            life_resubmitted(life);
        }
        life_placed(life);
        life_offered(life, "rencai");
        if (rand() % 2 == 0) {
            life_declined(life);
            life_offered(life, LIFE_SQUAD);
        }
        life_accepted(life);
        life_checked_in(life);
        life_completed(life, i);
        if (rand() % 2 == 0)
            life_confirmed(life, 1 + rand() % 5);
        order_row_clear(&alone[i]);
        order_row_clear(&kept[i]);
        for (size_t e = 0; e < life->count; e++)
            order_row_apply(&alone[i], &life->events[e]);
    }
    static size_t next[ORDERS];
    for (bool more = true; more;) {
        more = false;
        struct shelf *shelf = shelf_new(f->arena); /* one batch: some orders' next events */
        for (int i = 0; i < ORDERS; i++) {
            size_t take = (size_t)rand() % 4;
            for (; take > 0 && next[i] < lives[i].count; take--) {
                struct shelf_row *row = shelf_order(shelf, TEXT(LIFE_DISTRICT), lives[i].order);
                if (!row->is_stored && kept[i].version > 0) {
                    row->row = kept[i];
                    row->is_stored = true;
                }
                order_row_apply(&row->row, &lives[i].events[next[i]++]);
            }
            more |= next[i] < lives[i].count;
        }
        struct shelf_row *const *rows;
        size_t count = shelf_rows(shelf, &rows);
        for (size_t r = 0; r < count; r++)
            order_row_unpack(&kept[rows[r]->row.order - 1000],
                             order_row_pack(&rows[r]->row, f->arena));
    }
    for (int i = 0; i < ORDERS; i++)
        assert_same_row(&kept[i], &alone[i]);
}

/* The same number in two districts is two orders. */
static void a_shelf_keeps_districts_apart(void **state)
{
    struct fixture *f = *state;
    struct shelf *shelf = shelf_new(f->arena);
    for (int64_t order = 1; order <= 500; order++) {
        const struct shelf_row *here = shelf_order(shelf, TEXT("330212"), order);
        assert_ptr_not_equal(here, shelf_order(shelf, TEXT("demo2"), order));
    }
    struct shelf_row *const *rows;
    assert_int_equal(shelf_rows(shelf, &rows), 1000);
    assert_ptr_equal(shelf_order(shelf, TEXT("330212"), 1), rows[0]);
    assert_int_equal(shelf_rows(shelf, &rows), 1000);
}

static void stars_are_explained(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mean_milli(0, 0), 3000);
    assert_int_equal(mean_milli(3, 14), 4667);
    assert_int_equal(mean_milli(2000, 2001), 1001); /* 1.0005, half up */
    const struct star_sums none = {.quarter = TEXT("2026Q1")};
    assert_text(stars_sentence(&none, true, f->arena), TEXT("2026Q1 季度尚无确认评价，未评星。"));
    const struct star_sums one = {.quarter = TEXT("2026Q1"),
                                  .stars = 5,
                                  .counted = 1,
                                  .total = 5,
                                  .district_counted = 1,
                                  .district_total = 5};
    assert_text(stars_sentence(&one, false, f->arena),
                TEXT("2026Q1: 1 confirmation counted, mean 5.000; the whole district 1, mean "
                     "5.000; shrunk to that "
                     "mean with weight 10: 5.000, rounded half up to 5 stars."));
    assert_text(stars_sentence(&one, true, f->arena),
                TEXT("2026Q1 季度计入 1 次确认评价，平均 5.000；全区 1 次，平均 5.000；按权重 10 "
                     "向全区平均收缩得 5.000，四舍五入为 5 星。"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_whole_life, setup, teardown),
        cmocka_unit_test_setup_teardown(returned_and_submitted_again, setup, teardown),
        cmocka_unit_test_setup_teardown(declined_offered_again_escalated_assigned, setup, teardown),
        cmocka_unit_test_setup_teardown(reopened_and_served_again, setup, teardown),
        cmocka_unit_test_setup_teardown(of_another_system, setup, teardown),
        cmocka_unit_test_setup_teardown(whom_an_event_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(cuts_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_shelf_keeps_districts_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(stars_are_explained, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
