#include "domain/order.h"

#include <assert.h>

#define MAY(role)       (1U << ROLE_##role)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const struct order_step order_steps[] = {
#define STEP(from, step, to, roles, event, owner)                                                  \
    {ORDER_##from, STEP_##step, ORDER_##to, roles, #event, SERVICE_##owner},
#include "domain/order.def"
#undef STEP
};
const size_t order_step_count = COUNT_OF(order_steps);

const struct assignment_step assignment_steps[] = {
#define ASSIGNMENT_STEP(from, step, to, roles)                                                     \
    {ASSIGNMENT_##from, STEP_##step, ASSIGNMENT_##to, roles},
#include "domain/assignment.def"
#undef ASSIGNMENT_STEP
};
const size_t assignment_step_count = COUNT_OF(assignment_steps);

/* In the order of enum step. */
static const char *const step_names[] = {
#define NAMED(step) [STEP_##step] = #step
    NAMED(order_submit),       NAMED(order_open_external), NAMED(order_return),
    NAMED(order_resubmit),     NAMED(order_withdraw),      NAMED(order_place),
    NAMED(order_cancel),       NAMED(order_assign),        NAMED(assignment_accept),
    NAMED(assignment_decline), NAMED(assignment_check_in), NAMED(assignment_complete),
    NAMED(order_confirm),      NAMED(order_reopen),        NAMED(order_close_external),
    NAMED(auto_offer),         NAMED(auto_escalate),       NAMED(auto_end),
#undef NAMED
};
static_assert(COUNT_OF(step_names) == STEP_COUNT, "every step has a name");

const char *step_name(enum step step)
{
    return step < STEP_COUNT ? step_names[step] : "?";
}

/* Dispatch's own steps are no command's. */
static bool step_is_auto(enum step step)
{
    return step == STEP_auto_offer || step == STEP_auto_escalate || step == STEP_auto_end;
}

int step_find(struct text command_name)
{
    for (int step = 0; step < STEP_COUNT; step++)
        if (!step_is_auto((enum step)step) &&
            text_equal(command_name, text_of(step_name((enum step)step))))
            return step;
    return -1;
}

bool step_role_may(enum step step, enum role role)
{
    for (size_t i = 0; i < order_step_count; i++)
        if (order_steps[i].step == step && (order_steps[i].roles & (1U << role)) != 0)
            return true;
    return false;
}

const struct order_step *order_step_find(enum order_state from, enum step step)
{
    for (size_t i = 0; i < order_step_count; i++)
        if (order_steps[i].from == from && order_steps[i].step == step)
            return &order_steps[i];
    return NULL;
}

const struct order_step *order_step_to(enum order_state from, enum step step, enum order_state to)
{
    for (size_t i = 0; i < order_step_count; i++)
        if (order_steps[i].from == from && order_steps[i].step == step && order_steps[i].to == to)
            return &order_steps[i];
    return NULL;
}

enum service order_state_owner(enum order_state state)
{
    switch (state) {
    case ORDER_none:
    case ORDER_submitted:
    case ORDER_returned:
    case ORDER_withdrawn:
    case ORDER_cancelled:
        return SERVICE_intake;
    case ORDER_placed:
    case ORDER_offered:
    case ORDER_escalated:
    case ORDER_scheduled:
    case ORDER_in_service:
    case ORDER_completed:
    case ORDER_reopened:
    case ORDER_closed:
    case ORDER_STATE_COUNT:
        break;
    }
    return SERVICE_dispatch;
}

const struct order_step *order_step_check(enum order_state from, enum step step, enum role role,
                                          struct refusal *refusal)
{
    const struct order_step *row = order_step_find(from, step);
    bool may = row != NULL ? (row->roles & (1U << role)) != 0 : step_role_may(step, role);
    if (!may) {
        *refusal = refusal_of(REFUSAL_forbidden, NULL);
        return NULL;
    }
    if (row == NULL)
        order_refuse_step(from, refusal);
    return row;
}

void order_refuse_step(enum order_state from, struct refusal *refusal)
{
    *refusal = refusal_of(REFUSAL_illegal_step, NULL);
    refusal->state = words_name(&words_order_state, (int)from);
    for (size_t i = 0; i < order_step_count; i++)
        if (order_steps[i].from == from && !step_is_auto(order_steps[i].step) &&
            order_step_find(from, order_steps[i].step) == &order_steps[i]) {
            assert(refusal->allowed_count < REFUSAL_ALLOWED_MAX);
            refusal->allowed[refusal->allowed_count++] = step_name(order_steps[i].step);
        }
}

const struct assignment_step *assignment_step_find(enum assignment_state from, enum step step)
{
    for (size_t i = 0; i < assignment_step_count; i++)
        if (assignment_steps[i].from == from && assignment_steps[i].step == step)
            return &assignment_steps[i];
    return NULL;
}
