#include "services/dispatch/core_private.h"

#include <assert.h>
#include <string.h>

#define COMMAND_TEXT(type) text_of(command_types[type].name)

bool dispatch_refuse(struct dispatch_work *w, enum refusal_code code, const char *field)
{
    w->d->refusal = refusal_of(code, field);
    return false;
}

struct text dispatch_actor(const struct dispatch_work *w)
{
    return w->actor == NULL ? (struct text){"", 0} : w->actor->code;
}

bool dispatch_is_squad(const struct dispatch_case *c, struct text district, struct text code)
{
    const struct organisation *found = directory_organisation(c->directory, district, code);
    return found != NULL && found->kind == KIND_squad;
}

/* --- Soundness -------------------------------------------------------------------------------- */

#define IN(state) (1U << ASSIGNMENT_##state) /* `none`: the seat is empty */

/* In which states the parts of an order's seats may be; product.md §3, docs/decisions/0011. */
static const struct {
    unsigned required, optional;
    unsigned some_required; /* of which at least one required seat is in one; 0: no such rule */
} seats_of_state[ORDER_STATE_COUNT] = {
    [ORDER_offered] = {IN(offered) | IN(accepted), IN(none) | IN(offered) | IN(accepted),
                       IN(offered)},
    [ORDER_escalated] = {IN(none) | IN(offered) | IN(accepted),
                         IN(none) | IN(offered) | IN(accepted), IN(none)},
    [ORDER_scheduled] = {IN(accepted), IN(none) | IN(offered) | IN(accepted), 0},
    [ORDER_in_service] = {IN(accepted) | IN(in_service) | IN(completed),
                          IN(none) | IN(offered) | IN(accepted) | IN(in_service) | IN(completed),
                          0},
    [ORDER_completed] = {IN(completed), IN(none) | IN(completed), 0},
    [ORDER_closed] = {IN(completed), IN(none) | IN(completed), 0},
    [ORDER_cancelled] = {IN(none) | IN(cancelled), IN(none) | IN(cancelled), 0},
    /* `reopened` is left in the same decision; the others are intake's, or external orders'. */
};

static enum assignment_state part_state(const struct dispatch_order *order, int seat)
{
    const struct dispatch_assignment *part = &order->seats[seat - 1];
    return part->id == 0 ? ASSIGNMENT_none : part->state;
}

static bool was_asked(const struct dispatch_order *order, struct text squad)
{
    for (int64_t i = 0; i < order->asked; i++)
        if (text_equal(order->candidates.items[i], squad))
            return true;
    return false;
}

/* A squad sits once, knows its seat, and was asked in this round. */
static bool part_is_sound(const struct dispatch_order *order, int seat)
{
    const struct dispatch_assignment *part = &order->seats[seat - 1];
    if (part->id == 0)
        return true;
    for (int other = 1; other < seat; other++)
        if (order->seats[other - 1].id != 0 &&
            text_equal(order->seats[other - 1].squad, part->squad))
            return false;
    return part->seat == seat && was_asked(order, part->squad);
}

static bool seats_fit(const struct dispatch_order *order)
{
    unsigned seen_required = 0, seen = 0;
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        bool is_required = seat <= order->required;
        unsigned state = 1U << part_state(order, seat);
        unsigned may = is_required ? seats_of_state[order->state].required
                                   : seats_of_state[order->state].optional;
        if ((state & may) == 0 || !part_is_sound(order, seat))
            return false;
        seen |= state;
        seen_required |= is_required ? state : 0;
    }
    unsigned some = seats_of_state[order->state].some_required;
    if (some != 0 && (seen_required & some) == 0)
        return false;
    if (order->state != ORDER_in_service)
        return true;
    /* Somebody came, and somebody that must or came has not completed yet. */
    return (seen & (IN(in_service) | IN(completed))) != 0 &&
           ((seen_required & ~IN(completed)) != 0 || (seen & IN(in_service)) != 0);
}

bool dispatch_order_is_sound(const struct dispatch_order *order)
{
    if (order->id <= 0 || order->version <= 0)
        return false;
    if (order->external) {
        for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
            if (order->seats[seat].id != 0)
                return false;
        return order->asked == 0 && order->candidates.count == 1 &&
               (order->state == ORDER_placed || order->state == ORDER_closed ||
                order->state == ORDER_cancelled);
    }
    return order->asked >= 0 && order->asked <= (int64_t)order->candidates.count &&
           order->required >= 1 && order->required <= DISPATCH_SEATS_MAX && seats_fit(order);
}

/* --- Beginning -------------------------------------------------------------------------------- */

static struct dispatch_decision finished(struct dispatch_decision *d)
{
    assert(dispatch_order_is_sound(&d->order));
    d->result.order = d->order.id;
    d->result.version = d->order.version;
    d->result.state = (int)d->order.state;
    if (d->result.assignment == 0)
        d->result.assignment = d->order.seats[0].id;
    return *d;
}

bool dispatch_begins_order(enum event_type type)
{
    return type == EVENT_order_placed || type == EVENT_order_opened_external;
}

static struct dispatch_order order_of_placed(const struct dispatch_case *c,
                                             const struct event *event)
{
    const struct order_placed *data = event->data;
    return (struct dispatch_order){
        .district = event->district,
        .id = data->order,
        .place = data->place,
        .town = data->town,
        .feed = data->feed,
        .urgency = (enum urgency)data->urgency,
        .window_start = data->window_start,
        .window_end = data->window_end,
        .candidates = dispatch_candidates(c, event->district, data),
        .state = ORDER_placed,
        .version = event->version,
        .required = data->required.count == 0 ? 1 : (int)data->required.count,
    };
}

static struct dispatch_order order_of_external(const struct dispatch_case *c,
                                               const struct event *event)
{
    const struct order_opened_external *data = event->data;
    struct text *squad = arena_array(c->arena, 1, sizeof *squad);
    *squad = data->squad;
    return (struct dispatch_order){
        .district = event->district,
        .id = data->order,
        .place = data->place,
        .town = data->town,
        .feed = data->feed,
        .external = true,
        .window_start = INSTANT_ABSENT,
        .window_end = INSTANT_ABSENT,
        .candidates = {squad, 1},
        .state = ORDER_placed,
        .version = event->version,
        .required = 1,
    };
}

struct dispatch_decision dispatch_take(const struct dispatch_case *c, const struct event *event)
{
    struct dispatch_decision d = {.round_changed = true};
    struct dispatch_work w = {.c = c, .time = c->now, .d = &d};
    assert(dispatch_begins_order(event->type));
    if (event->type == EVENT_order_opened_external) {
        d.order = order_of_external(c, event);
        return finished(&d);
    }
    d.order = order_of_placed(c, event);
    const struct order_placed *placed = event->data;
    dispatch_offer_round(&w, d.order.required + (int)placed->optional.count);
    return finished(&d);
}

/* --- Checks ----------------------------------------------------------------------------------- */

/* The squad itself, or its department. */
static bool is_squad_of(const struct dispatch_case *c, struct text squad, enum role role,
                        struct text code)
{
    if (squad.length == 0)
        return false;
    if (role == ROLE_squad)
        return text_equal(squad, code);
    const struct organisation *found =
        directory_organisation(c->directory, c->order->district, squad);
    return role == ROLE_department && found != NULL && text_equal(found->parent, code);
}

static bool has_seat(const struct dispatch_case *c, enum role role, struct text code)
{
    const struct dispatch_order *order = c->order;
    if (order->external)
        return is_squad_of(c, order->candidates.items[0], role, code);
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (order->seats[seat].id != 0 && is_squad_of(c, order->seats[seat].squad, role, code))
            return true;
    return false;
}

/* Whose the order is for a role (product.md §2): the place's, its placing body's, the squads' that
 * have a seat, their departments', the feed's that sent it, the committee's of its district. */
static bool is_theirs(const struct dispatch_case *c, const struct acting *acting)
{
    struct text code = acting->organisation->code;
    switch (acting->role) {
    case ROLE_village:
    case ROLE_site:
        return text_equal(c->order->place, code);
    case ROLE_town:
        return text_equal(c->order->town, code);
    case ROLE_squad:
    case ROLE_department:
        return has_seat(c, acting->role, code);
    case ROLE_feed:
        return text_equal(c->order->feed, code);
    case ROLE_committee:
        return true;
    case ROLE_resident:
    case ROLE_surveyor:
    case ROLE_operator:
    case ROLE_COUNT:
        break;
    }
    return false;
}

static bool is_part_step(enum step step)
{
    for (size_t i = 0; i < assignment_step_count; i++)
        if (assignment_steps[i].step == step && assignment_steps[i].from != ASSIGNMENT_none)
            return step != STEP_order_cancel && step != STEP_auto_end;
    return false;
}

/* Whether some part, the actor's own if it has any, may do the step. */
static bool some_part_may(const struct dispatch_work *w, enum step step)
{
    bool has_own = w->actor != NULL && has_seat(w->c, w->role, w->actor->code);
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++) {
        const struct dispatch_assignment *part = &w->c->order->seats[seat];
        if (part->id != 0 && assignment_step_find(part->state, step) != NULL &&
            (!has_own || is_squad_of(w->c, part->squad, w->role, w->actor->code)))
            return true;
    }
    return false;
}

bool dispatch_refuse_step(struct dispatch_work *w)
{
    struct refusal *refusal = &w->d->refusal;
    order_refuse_step(w->c->order->state, refusal);
    int kept = 0;
    for (int i = 0; i < refusal->allowed_count; i++) {
        enum step step = (enum step)step_find(text_of(refusal->allowed[i]));
        if (!is_part_step(step) || some_part_may(w, step))
            refusal->allowed[kept++] = refusal->allowed[i];
    }
    refusal->allowed_count = kept;
    return false;
}

static const int64_t *int_field(const struct command *command, const char *name)
{
    const struct message_type *type = &command_types[command->type];
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].kind == FIELD_INT &&
            text_equal(text_of(type->fields[i].name), text_of(name)))
            return (const int64_t *)(const void *)((const char *)command->body +
                                                   type->fields[i].offset);
    return NULL;
}

int64_t dispatch_order_named(const struct command *command, int64_t resolved_order)
{
    const int64_t *order = int_field(command, "order");
    return order != NULL && *order > 0 ? *order : resolved_order;
}

static bool refuse_unknown_order(struct dispatch_work *w)
{
    if (w->c->command->type != COMMAND_order_close_external)
        return dispatch_refuse(w, REFUSAL_unknown_order, "order");
    const struct order_close_external *body = w->c->command->body;
    if (body->order > 0)
        return dispatch_refuse(w, REFUSAL_unknown_order, "order");
    if (body->external_id.length > 0)
        return dispatch_refuse(w, REFUSAL_unknown_order, "external_id");
    return dispatch_refuse(w, REFUSAL_missing_field, "external_id");
}

/* The seat of the part that the command names; 0: refused. */
static int seat_named(struct dispatch_work *w, int64_t named)
{
    const struct dispatch_order *order = w->c->order;
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        if (order->seats[seat - 1].id != named)
            continue;
        if (is_squad_of(w->c, order->seats[seat - 1].squad, w->role, w->actor->code))
            return seat;
        dispatch_refuse(w, REFUSAL_not_yours, "assignment");
        return 0;
    }
    for (size_t i = 0; i < order->past_count; i++)
        if (order->past[i] == named) {
            dispatch_refuse_step(w);
            return 0;
        }
    dispatch_refuse(w, REFUSAL_unknown_assignment, "assignment");
    return 0;
}

/* The actor's own seat; 0: refused, a department that has several must say which. */
static int seat_own(struct dispatch_work *w)
{
    int own = 0;
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        const struct dispatch_assignment *part = &w->c->order->seats[seat - 1];
        if (part->id == 0 || !is_squad_of(w->c, part->squad, w->role, w->actor->code))
            continue;
        if (own != 0) {
            dispatch_refuse(w, REFUSAL_missing_field, "assignment");
            return 0;
        }
        own = seat;
    }
    assert(own != 0); /* else it is not theirs */
    return own;
}

/* Which part the command is about, and whether the part's state allows it. */
static bool check_part(struct dispatch_work *w, enum step step)
{
    if (!is_part_step(step))
        return true;
    const int64_t *named = int_field(w->c->command, "assignment");
    assert(named != NULL);
    w->seat = *named != 0 ? seat_named(w, *named) : seat_own(w);
    if (w->seat == 0)
        return false;
    if (assignment_step_find(w->c->order->seats[w->seat - 1].state, step) == NULL)
        return dispatch_refuse_step(w);
    return true;
}

static bool check(struct dispatch_work *w, enum step step)
{
    const struct dispatch_case *c = w->c;
    struct acting acting;
    if (!directory_acting(c->directory, c->caller->district, c->caller->organisation,
                          (enum role)c->caller->role, c->command->on_behalf_of, &acting,
                          &w->d->refusal))
        return false;
    if (acting.organisation == NULL || !step_role_may(step, acting.role))
        return dispatch_refuse(w, REFUSAL_forbidden, NULL);
    /* When it happened is for feeds to say; for everybody else it happens now. */
    if (!INSTANT_IS_ABSENT(c->command->time) && acting.role != ROLE_feed)
        return dispatch_refuse(w, REFUSAL_forbidden, "time");
    if (c->order == NULL)
        return refuse_unknown_order(w);
    if (!is_theirs(c, &acting))
        return dispatch_refuse(w, REFUSAL_not_yours, "order");
    if (acting.role == ROLE_feed &&
        !directory_feed_may(c->directory, acting.organisation, COMMAND_TEXT(c->command->type),
                            c->order->place))
        return dispatch_refuse(w, REFUSAL_forbidden, NULL);
    w->actor = acting.organisation;
    w->role = acting.role;
    if (order_step_check(c->order->state, step, acting.role, &w->d->refusal) == NULL)
        return w->d->refusal.code == REFUSAL_illegal_step ? dispatch_refuse_step(w) : false;
    w->time = INSTANT_IS_ABSENT(c->command->time) ? c->now : c->command->time;
    return check_part(w, step);
}

static bool decide_body(struct dispatch_work *w, enum step step)
{
    const void *body = w->c->command->body;
    switch (step) {
    case STEP_assignment_accept:
        return dispatch_accept(w, body);
    case STEP_assignment_decline:
        return dispatch_decline(w, body);
    case STEP_assignment_check_in:
        return dispatch_check_in(w, body);
    case STEP_assignment_complete:
        return dispatch_complete(w, body);
    case STEP_order_confirm:
        return dispatch_confirm(w, body);
    case STEP_order_reopen:
        return dispatch_reopen(w, body);
    case STEP_order_cancel:
        return dispatch_cancel(w, body);
    case STEP_order_assign:
        return dispatch_assign(w, body);
    case STEP_order_close_external:
        return dispatch_close_external(w, body);
    case STEP_order_submit: /* intake's, from intake's states: check() let none through */
    case STEP_order_open_external:
    case STEP_order_return:
    case STEP_order_resubmit:
    case STEP_order_withdraw:
    case STEP_order_place:
    case STEP_auto_offer:
    case STEP_auto_escalate:
    case STEP_auto_end:
    case STEP_COUNT:
        break;
    }
    assert(false);
    return false;
}

struct text dispatch_accepting(const struct dispatch_case *c)
{
    struct dispatch_decision d = {.event_count = 0};
    struct dispatch_work w = {.c = c, .d = &d};
    if (c->command->type != COMMAND_assignment_accept || c->order == NULL ||
        !check(&w, STEP_assignment_accept))
        return (struct text){"", 0};
    return c->order->seats[w.seat - 1].squad;
}

struct dispatch_decision dispatch_decide(const struct dispatch_case *c)
{
    struct dispatch_decision d = {.event_count = 0};
    struct dispatch_work w = {.c = c, .d = &d};
    int step = step_find(COMMAND_TEXT(c->command->type));
    bool begins = step == STEP_order_submit || step == STEP_order_open_external;
    if (step < 0 || begins) {
        d.refusal = refusal_of(REFUSAL_unknown_type, "type");
        return d;
    }
    if (c->order != NULL)
        d.order = *c->order;
    if (!check(&w, (enum step)step) || !decide_body(&w, (enum step)step)) {
        assert(d.refusal.code != REFUSAL_NONE);
        return d;
    }
    return finished(&d);
}
