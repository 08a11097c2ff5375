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

void *dispatch_move(struct dispatch_work *w, enum step step, int64_t time)
{
    struct dispatch_decision *d = w->d;
    const struct order_step *row = order_step_find(d->order.state, step);
    assert(row != NULL && row->owner == SERVICE_dispatch && d->event_count < DISPATCH_EVENTS_MAX);
    int type = event_find(text_of(row->event));
    assert(type >= 0);
    d->order.state = row->to;
    d->order.version++;
    void *data = arena_alloc(w->c->arena, event_types[type].size);
    message_clear(&event_types[type], data);
    d->events[d->event_count++] = (struct dispatch_event){
        .type = (enum event_type)type, .version = d->order.version, .time = time, .data = data};
    return data;
}

void dispatch_move_live(struct dispatch_work *w, enum step step)
{
    struct dispatch_assignment *live = &w->d->order.live;
    const struct assignment_step *row = assignment_step_find(live->state, step);
    assert(row != NULL);
    live->state = row->to;
    w->d->moved = *live;
}

void dispatch_leave_queue(struct dispatch_work *w)
{
    struct dispatch_decision *d = w->d;
    assert(d->event_count > 0 && d->change_count < DISPATCH_CHANGES_MAX);
    d->changes[d->change_count++] = (struct dispatch_change){
        .squad = d->order.live.squad,
        .position = w->c->next_offset + (int64_t)d->event_count - 1,
        .order = d->order.id,
        .offer = d->order.live,
    };
}

/* Each state of an order says how its live part stands (order.def, assignment.def). */
static bool live_fits(const struct dispatch_order *order)
{
    const struct dispatch_assignment *live = &order->live;
    enum assignment_state part = live->id == 0 ? ASSIGNMENT_none : live->state;
    switch (order->state) {
    case ORDER_placed:
        return part == ASSIGNMENT_none && order->external;
    case ORDER_escalated:
        return part == ASSIGNMENT_none;
    case ORDER_offered:
        return part == ASSIGNMENT_offered;
    case ORDER_scheduled:
        return part == ASSIGNMENT_accepted;
    case ORDER_in_service:
        return part == ASSIGNMENT_in_service;
    case ORDER_completed:
        return part == ASSIGNMENT_completed;
    case ORDER_closed:
        return part == (order->external ? ASSIGNMENT_none : ASSIGNMENT_completed);
    case ORDER_cancelled:
        return part == ASSIGNMENT_none || part == ASSIGNMENT_cancelled;
    case ORDER_reopened: /* offered again in the same decision */
    case ORDER_none:     /* the others are intake's */
    case ORDER_submitted:
    case ORDER_returned:
    case ORDER_withdrawn:
    case ORDER_STATE_COUNT:
        break;
    }
    return false;
}

bool dispatch_order_is_sound(const struct dispatch_order *order)
{
    bool fits = order->id > 0 && order->version > 0 && live_fits(order);
    if (order->external)
        return fits && order->asked == 0 && order->candidates.count == 1;
    bool asked_in_list = false;
    for (int64_t i = 0; i < order->asked; i++)
        asked_in_list |= text_equal(order->candidates.items[i], order->live.squad);
    return fits && order->asked >= 0 && order->asked <= (int64_t)order->candidates.count &&
           (order->live.id == 0 || asked_in_list);
}

static struct dispatch_decision finished(struct dispatch_decision *d)
{
    assert(dispatch_order_is_sound(&d->order));
    d->result.order = d->order.id;
    d->result.version = d->order.version;
    d->result.state = (int)d->order.state;
    if (d->result.assignment == 0)
        d->result.assignment = d->order.live.id;
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
        .candidates = dispatch_candidates(c, event->district, data->squads, data->category),
        .state = ORDER_placed,
        .version = event->version,
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
    dispatch_offer_next(&w);
    return finished(&d);
}

/* Whose the order is for a role (product.md §2): the place's, its placing body's, the squad's that
 * has the live part, its department's, the feed's that sent it, the committee's of its district. */
static bool is_theirs(const struct dispatch_case *c, const struct dispatch_order *order,
                      const struct acting *acting)
{
    struct text code = acting->organisation->code;
    struct text squad = order->external ? order->candidates.items[0] : order->live.squad;
    switch (acting->role) {
    case ROLE_village:
    case ROLE_site:
        return text_equal(order->place, code);
    case ROLE_town:
        return text_equal(order->town, code);
    case ROLE_squad:
        return squad.length > 0 && text_equal(squad, code);
    case ROLE_department: {
        const struct organisation *found =
            directory_organisation(c->directory, order->district, squad);
        return found != NULL && text_equal(found->parent, code);
    }
    case ROLE_feed:
        return text_equal(order->feed, code);
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

/* An assignment that the command names must be the order's, and its live one. */
static bool check_named_part(struct dispatch_work *w)
{
    const int64_t *named = int_field(w->c->command, "assignment");
    const struct dispatch_order *order = &w->d->order;
    if (named == NULL || *named == 0 || *named == order->live.id)
        return true;
    for (size_t i = 0; i < order->past_count; i++)
        if (order->past[i] == *named) {
            order_refuse_step(order->state, &w->d->refusal);
            return false;
        }
    return dispatch_refuse(w, REFUSAL_unknown_assignment, "assignment");
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
    if (!is_theirs(c, c->order, &acting))
        return dispatch_refuse(w, REFUSAL_not_yours, "order");
    if (acting.role == ROLE_feed &&
        !directory_feed_may(c->directory, acting.organisation, COMMAND_TEXT(c->command->type),
                            c->order->place))
        return dispatch_refuse(w, REFUSAL_forbidden, NULL);
    if (order_step_check(c->order->state, step, acting.role, &w->d->refusal) == NULL)
        return false;
    w->actor = acting.organisation;
    w->time = INSTANT_IS_ABSENT(c->command->time) ? c->now : c->command->time;
    return check_named_part(w);
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
    case STEP_COUNT:
        break;
    }
    assert(false);
    return false;
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
