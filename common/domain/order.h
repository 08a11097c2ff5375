/* The life cycles of order.def and assignment.def as functions. Nothing else decides what is legal.
 */
#ifndef ZTC_DOMAIN_ORDER_H
#define ZTC_DOMAIN_ORDER_H

#include "domain/refusal.h"
#include "domain/words.h"

/* What moves an order: commands (same names as commands.def) and dispatch's own steps. */
enum step {
    STEP_order_submit,
    STEP_order_open_external,
    STEP_order_return,
    STEP_order_resubmit,
    STEP_order_withdraw,
    STEP_order_place,
    STEP_order_cancel,
    STEP_order_assign,
    STEP_assignment_accept,
    STEP_assignment_decline,
    STEP_assignment_check_in,
    STEP_assignment_complete,
    STEP_order_confirm,
    STEP_order_reopen,
    STEP_order_close_external,
    STEP_auto_offer,
    STEP_auto_escalate,
    STEP_auto_end,
    STEP_COUNT
};

struct order_step {
    enum order_state from;
    enum step step;
    enum order_state to;
    unsigned roles; /* bit 1u << role */
    const char *event;
    enum service owner;
};
extern const struct order_step order_steps[];
extern const size_t order_step_count;

const char *step_name(enum step step);
/* The step of a command's name; -1 for commands that do not move an order. */
int step_find(struct text command_name);
/* True when some row lets the role do the step, whatever the state: the front door's check. */
bool step_role_may(enum step step, enum role role);
/* The first row of (from, step), or NULL; all rows of the two have the same roles, event and owner.
 */
const struct order_step *order_step_find(enum order_state from, enum step step);
/* The row of (from, step, to), or NULL. */
const struct order_step *order_step_to(enum order_state from, enum step step, enum order_state to);
/* The owner of orders in this state: intake until placed, then dispatch. What intake holds as
 * cancelled was never placed and stays its own; dispatch does not ask about what it cancelled
 * itself. */
enum service order_state_owner(enum order_state state);
/* Checks role, then state: NULL with *refusal filled (forbidden, or illegal_step with state and
 * allowed), or the row. */
const struct order_step *order_step_check(enum order_state from, enum step step, enum role role,
                                          struct refusal *refusal);
/* Fills refusal with illegal_step, the state's name and the commands that are legal from it, each
 * once. */
void order_refuse_step(enum order_state from, struct refusal *refusal);

struct assignment_step {
    enum assignment_state from;
    enum step step;
    enum assignment_state to;
    unsigned roles;
};
extern const struct assignment_step assignment_steps[];
extern const size_t assignment_step_count;
const struct assignment_step *assignment_step_find(enum assignment_state from, enum step step);

#endif
