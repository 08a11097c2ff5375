#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "domain/order.h"
#include "events/message.h"

#define MAY(role) (1U << ROLE_##role)

/* Names alone: the tables of messages are another room's. */
#define FIELD(message, kind, name, since, need, fallback, min, max, zh, en)
#define MESSAGE_END(name)
#define MESSAGE(name, version, zh, en) #name,
static const char *const command_names[] = {
#include "events/commands.def"
};
static const char *const event_names[] = {
#include "events/events.def"
};
#undef FIELD
#undef MESSAGE_END
#undef MESSAGE

static bool is_one_of(const char *const *names, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], wanted) == 0)
            return true;
    return false;
}

static bool is_auto(enum step step)
{
    return strncmp(step_name(step), "auto_", 5) == 0;
}

static bool is_terminal(enum order_state state)
{
    return state == ORDER_withdrawn || state == ORDER_closed || state == ORDER_cancelled;
}

static void every_step_has_its_command_and_event(void **state)
{
    (void)state;
    bool used[STEP_COUNT] = {false};
    for (size_t i = 0; i < order_step_count; i++) {
        const struct order_step *row = &order_steps[i];
        used[row->step] = true;
        assert_true(is_one_of(event_names, EVENT_COUNT, row->event));
        assert_int_equal(is_auto(row->step), row->roles == 0);
        assert_int_equal(row->roles >> ROLE_COUNT, 0);
    }
    for (int i = 0; i < STEP_COUNT; i++) {
        enum step step = (enum step)i;
        assert_true(used[step]);
        assert_int_equal(is_one_of(command_names, COMMAND_COUNT, step_name(step)), !is_auto(step));
        assert_int_equal(step_find(text_of(step_name(step))), is_auto(step) ? -1 : i);
    }
    assert_int_equal(step_find(TEXT("key_register")), -1);
    assert_int_equal(step_find(TEXT("")), -1);
    assert_string_equal(step_name(STEP_COUNT), "?");
}

static void every_move_has_one_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < order_step_count; i++)
        assert_ptr_equal(order_step_to(order_steps[i].from, order_steps[i].step, order_steps[i].to),
                         &order_steps[i]);
    /* Where a step may lead to several states, all else is the same. */
    for (size_t i = 0; i < order_step_count; i++) {
        const struct order_step *first = order_step_find(order_steps[i].from, order_steps[i].step);
        assert_true(first <= &order_steps[i] && first->roles == order_steps[i].roles);
        assert_true(first->owner == order_steps[i].owner);
        assert_string_equal(first->event, order_steps[i].event);
    }
    for (size_t i = 0; i < assignment_step_count; i++)
        assert_ptr_equal(assignment_step_find(assignment_steps[i].from, assignment_steps[i].step),
                         &assignment_steps[i]);
    assert_null(order_step_find(ORDER_closed, STEP_order_cancel));
    assert_null(assignment_step_find(ASSIGNMENT_completed, STEP_order_cancel));
}

static void every_row_is_decided_by_the_owner_of_its_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < order_step_count; i++)
        if (order_steps[i].step != STEP_auto_end) /* within the decision that cancelled it */
            assert_int_equal(order_steps[i].owner, order_state_owner(order_steps[i].from));
}

static void orders_end_only_as_withdrawn_closed_or_cancelled(void **state)
{
    (void)state;
    for (int from = 0; from < ORDER_STATE_COUNT; from++) {
        bool way_on = false;
        for (size_t i = 0; i < order_step_count; i++)
            way_on |= order_steps[i].from == (enum order_state)from &&
                      order_steps[i].to != order_steps[i].from;
        assert_int_equal(way_on, !is_terminal((enum order_state)from));
    }
}

static void every_state_is_reached_and_none_is_left_for_ever(void **state)
{
    (void)state;
    bool reached[ORDER_STATE_COUNT] = {[ORDER_none] = true};
    for (int round = 0; round < ORDER_STATE_COUNT; round++)
        for (size_t i = 0; i < order_step_count; i++)
            if (reached[order_steps[i].from])
                reached[order_steps[i].to] = true;
    for (int i = 0; i < ORDER_STATE_COUNT; i++)
        assert_true(reached[i]);
    for (size_t i = 0; i < order_step_count; i++)
        assert_int_not_equal(order_steps[i].to, ORDER_none);
}

static void every_order_can_end(void **state)
{
    (void)state;
    bool ends[ORDER_STATE_COUNT] = {
        [ORDER_withdrawn] = true, [ORDER_closed] = true, [ORDER_cancelled] = true};
    for (int round = 0; round < ORDER_STATE_COUNT; round++)
        for (size_t i = 0; i < order_step_count; i++)
            if (ends[order_steps[i].to])
                ends[order_steps[i].from] = true;
    for (int i = 0; i < ORDER_STATE_COUNT; i++)
        assert_true(ends[i]);
}

static void any_state_before_service_can_be_cancelled(void **state)
{
    (void)state;
    for (int i = ORDER_none + 1; i < ORDER_STATE_COUNT; i++) {
        enum order_state from = (enum order_state)i;
        bool before_service =
            !is_terminal(from) && from != ORDER_in_service && from != ORDER_completed;
        assert_int_equal(order_step_find(from, STEP_order_cancel) != NULL, before_service);
    }
}

static enum order_state walk(enum order_state from, const enum step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct order_step *row = order_step_find(from, steps[i]);
        if (row == NULL)
            fail_msg("no %s from %s", step_name(steps[i]),
                     words_name(&words_order_state, (int)from));
        else
            from = row->to;
    }
    return from;
}
#define WALK(...)                                                                                  \
    walk(ORDER_none, (const enum step[]){__VA_ARGS__},                                             \
         sizeof((const enum step[]){__VA_ARGS__}) / sizeof(enum step))

static void the_lives_of_product_3(void **state)
{
    (void)state;
    assert_int_equal(WALK(STEP_order_submit, STEP_order_place, STEP_auto_offer,
                          STEP_assignment_accept, STEP_assignment_check_in,
                          STEP_assignment_complete, STEP_order_confirm),
                     ORDER_closed);
    assert_int_equal(
        WALK(STEP_order_submit, STEP_order_return, STEP_order_resubmit, STEP_order_withdraw),
        ORDER_withdrawn);
    assert_int_equal(WALK(STEP_order_submit, STEP_order_place, STEP_auto_offer,
                          STEP_assignment_decline, STEP_auto_offer, STEP_assignment_decline,
                          STEP_auto_escalate, STEP_order_assign, STEP_assignment_accept),
                     ORDER_scheduled);
    assert_int_equal(WALK(STEP_order_submit, STEP_order_place, STEP_auto_offer,
                          STEP_assignment_accept, STEP_assignment_check_in,
                          STEP_assignment_complete, STEP_order_reopen, STEP_auto_offer),
                     ORDER_offered);
    assert_int_equal(WALK(STEP_order_open_external, STEP_order_close_external), ORDER_closed);
}

static void the_role_is_judged_before_the_state(void **state)
{
    (void)state;
    struct refusal refusal;
    const struct order_step *row =
        order_step_check(ORDER_submitted, STEP_order_place, ROLE_town, &refusal);
    assert_ptr_equal(row, order_step_find(ORDER_submitted, STEP_order_place));
    assert_null(order_step_check(ORDER_closed, STEP_order_place, ROLE_village, &refusal));
    assert_int_equal(refusal.code, REFUSAL_forbidden);
    assert_null(refusal.state);
    assert_null(order_step_check(ORDER_placed, STEP_auto_offer, ROLE_operator, &refusal));
    assert_int_equal(refusal.code, REFUSAL_forbidden);
    assert_null(order_step_check(ORDER_submitted, STEP_order_confirm, ROLE_village, &refusal));
    assert_int_equal(refusal.code, REFUSAL_illegal_step);
    assert_string_equal(refusal.state, "submitted");
}

static void assert_allowed(enum order_state from, const char *wanted)
{
    struct refusal refusal;
    char joined[512] = "";
    order_refuse_step(from, &refusal);
    for (int i = 0; i < refusal.allowed_count; i++) {
        strcat(joined, i == 0 ? "" : " ");
        strcat(joined, refusal.allowed[i]);
    }
    assert_int_equal(refusal.code, REFUSAL_illegal_step);
    assert_string_equal(refusal.state, words_name(&words_order_state, (int)from));
    assert_string_equal(joined, wanted);
}

static void a_refusal_names_the_legal_commands(void **state)
{
    (void)state;
    assert_allowed(ORDER_submitted, "order_return order_place order_withdraw order_cancel");
    assert_allowed(ORDER_returned, "order_resubmit order_withdraw order_cancel");
    assert_allowed(ORDER_placed, "order_cancel order_close_external");
    assert_allowed(ORDER_offered, "assignment_accept assignment_decline order_cancel");
    assert_allowed(ORDER_escalated,
                   "order_assign assignment_accept assignment_decline order_cancel");
    assert_allowed(ORDER_completed, "order_confirm order_reopen");
    assert_allowed(ORDER_closed, "");
    assert_allowed(ORDER_withdrawn, "");
    assert_allowed(ORDER_cancelled, "");
}

/* product.md §2: who may do what at all. */
static void roles_may_what_the_table_says(void **state)
{
    (void)state;
    assert_true(step_role_may(STEP_order_submit, ROLE_village));
    assert_true(step_role_may(STEP_order_submit, ROLE_feed));
    assert_true(step_role_may(STEP_assignment_accept, ROLE_department));
    assert_true(step_role_may(STEP_order_assign, ROLE_committee));
    assert_false(step_role_may(STEP_order_place, ROLE_village));
    assert_false(step_role_may(STEP_order_confirm, ROLE_town));
    assert_false(step_role_may(STEP_auto_offer, ROLE_operator));
    for (int step = 0; step < STEP_COUNT; step++) {
        assert_false(step_role_may((enum step)step, ROLE_operator)); /* no business decisions */
        assert_false(step_role_may((enum step)step, ROLE_surveyor));
        assert_false(step_role_may((enum step)step, ROLE_resident));
    }
}

static void assignments_are_reached_and_end(void **state)
{
    (void)state;
    bool reached[ASSIGNMENT_STATE_COUNT] = {[ASSIGNMENT_none] = true};
    for (int round = 0; round < ASSIGNMENT_STATE_COUNT; round++)
        for (size_t i = 0; i < assignment_step_count; i++)
            if (reached[assignment_steps[i].from])
                reached[assignment_steps[i].to] = true;
    for (int from = 0; from < ASSIGNMENT_STATE_COUNT; from++) {
        bool way_on = false;
        bool terminal = from == ASSIGNMENT_declined || from == ASSIGNMENT_completed ||
                        from == ASSIGNMENT_cancelled || from == ASSIGNMENT_expired ||
                        from == ASSIGNMENT_no_show;
        for (size_t i = 0; i < assignment_step_count; i++)
            way_on |= assignment_steps[i].from == (enum assignment_state)from;
        assert_true(reached[from]);
        assert_int_equal(way_on, !terminal);
    }
}

/* A step that moves both is open to the same roles in both. */
static void assignments_move_with_their_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < assignment_step_count; i++) {
        const struct assignment_step *row = &assignment_steps[i];
        bool found = false;
        for (size_t k = 0; k < order_step_count; k++)
            if (order_steps[k].step == row->step) {
                found = true;
                assert_int_equal(order_steps[k].roles, row->roles);
            }
        assert_true(found);
    }
    assert_int_equal(assignment_step_find(ASSIGNMENT_offered, STEP_assignment_accept)->roles,
                     MAY(squad) | MAY(department));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_has_its_command_and_event),
        cmocka_unit_test(every_move_has_one_row),
        cmocka_unit_test(every_row_is_decided_by_the_owner_of_its_state),
        cmocka_unit_test(orders_end_only_as_withdrawn_closed_or_cancelled),
        cmocka_unit_test(every_state_is_reached_and_none_is_left_for_ever),
        cmocka_unit_test(every_order_can_end),
        cmocka_unit_test(any_state_before_service_can_be_cancelled),
        cmocka_unit_test(the_lives_of_product_3),
        cmocka_unit_test(the_role_is_judged_before_the_state),
        cmocka_unit_test(a_refusal_names_the_legal_commands),
        cmocka_unit_test(roles_may_what_the_table_says),
        cmocka_unit_test(assignments_are_reached_and_end),
        cmocka_unit_test(assignments_move_with_their_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
