#include "services/intake/core.h"

#include <assert.h>

#include "services/intake/core_contact.h"

#define ABSENT(t) ((t) == INSTANT_ABSENT)

/* The wish of order_submit and order_resubmit as one struct; both messages list the same fields
 * (commands.def, ORDER_WISH). */
#define COPY_WISH(to, from)                                                                        \
    do {                                                                                           \
        (to)->urgency = (from)->urgency;                                                           \
        (to)->mode = (from)->mode;                                                                 \
        (to)->activity = (from)->activity;                                                         \
        (to)->need = (from)->need;                                                                 \
        (to)->squads = (from)->squads;                                                             \
        (to)->category = (from)->category;                                                         \
        (to)->window_start = (from)->window_start;                                                 \
        (to)->window_end = (from)->window_end;                                                     \
        (to)->expected_people = (from)->expected_people;                                           \
        (to)->resources = (from)->resources;                                                       \
        (to)->attachments = (from)->attachments;                                                   \
        (to)->required = (from)->required;                                                         \
        (to)->optional = (from)->optional;                                                         \
        (to)->lead = (from)->lead;                                                                 \
    } while (0)

#define HEAD_AND_PARTIES(event, o, acting)                                                         \
    do {                                                                                           \
        (event)->order = (o)->id;                                                                  \
        (event)->state = (int)(o)->state;                                                          \
        (event)->by = (acting)->organisation->code;                                                \
        (event)->place = (o)->place;                                                               \
        (event)->town = (o)->town;                                                                 \
    } while (0)

static void *event_new(const struct intake_case *c, enum event_type type)
{
    void *event = arena_alloc(c->arena, event_types[type].size);
    message_clear(&event_types[type], event);
    return event;
}

static bool list_has(const struct text_list *list, size_t count, struct text wanted)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(list->items[i], wanted))
            return true;
    return false;
}

/* Squads that are there, each named once. */
static bool check_list(const struct intake_case *c, const struct text_list *list, const char *field,
                       struct refusal *refusal)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct organisation *squad =
            directory_organisation(c->directory, c->caller->district, list->items[i]);
        if (squad == NULL || squad->kind != KIND_squad) {
            *refusal = refusal_of(REFUSAL_unknown_squad, field);
            return false;
        }
        if (list_has(list, i, list->items[i])) {
            *refusal = refusal_of(REFUSAL_unfit, field);
            return false;
        }
    }
    return true;
}

/* Several squads on one order: a squad has one seat, and the lead is one that must come. */
static bool check_seats(const struct intake_case *c, const struct order_resubmit *wish,
                        struct refusal *refusal)
{
    if (!check_list(c, &wish->required, "required", refusal) ||
        !check_list(c, &wish->optional, "optional", refusal))
        return false;
    if (wish->required.count == 0 && wish->optional.count > 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "required");
        return false;
    }
    for (size_t i = 0; i < wish->optional.count; i++)
        if (list_has(&wish->required, wish->required.count, wish->optional.items[i])) {
            *refusal = refusal_of(REFUSAL_unfit, "optional");
            return false;
        }
    if (wish->lead.length > 0 && !list_has(&wish->required, wish->required.count, wish->lead)) {
        *refusal = refusal_of(REFUSAL_unfit, "lead");
        return false;
    }
    return true;
}

static bool check_squads(const struct intake_case *c, const struct order_resubmit *wish,
                         struct refusal *refusal)
{
    struct text district = c->caller->district;
    if (!check_list(c, &wish->squads, "squads", refusal) || !check_seats(c, wish, refusal))
        return false;
    if (wish->category.length > 0 &&
        directory_category(c->directory, district, wish->category) == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_category, "category");
        return false;
    }
    if (wish->squads.count == 0 && wish->category.length == 0 && wish->required.count == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "squads");
        return false;
    }
    return true;
}

static bool check_wish(const struct intake_case *c, const struct order_resubmit *wish,
                       struct refusal *refusal)
{
    if (!check_squads(c, wish, refusal))
        return false;
    if (ABSENT(wish->window_start) != ABSENT(wish->window_end)) {
        *refusal = refusal_of(REFUSAL_missing_field,
                              ABSENT(wish->window_start) ? "window_start" : "window_end");
        return false;
    }
    if (!ABSENT(wish->window_start) &&
        (wish->window_end <= wish->window_start || wish->window_end <= c->now)) {
        *refusal = refusal_of(REFUSAL_window_unfit, "window_end");
        return false;
    }
    return true;
}

/* Names and numbers go beside the decision, never into its event or the wish. */
static struct intake_decision with_contact(struct intake_decision decision, struct text name,
                                           struct text phone)
{
    if (name.length > 0 || phone.length > 0) {
        decision.contact = CONTACT_GIVEN;
        decision.contact_name = name;
        decision.contact_phone = phone;
    }
    return decision;
}

static struct bytes wish_encode(const struct intake_case *c, const struct order_resubmit *wish)
{
    return message_encode(&command_types[COMMAND_order_resubmit], wish, c->arena);
}

static struct intake_decision done(const struct intake_case *c, struct intake_order *order,
                                   enum event_type event, const void *data)
{
    order->version++;
    order->last_offset = c->next_offset;
    return (struct intake_decision){
        .verdict = INTAKE_DONE,
        .event = event,
        .district = order->district,
        .key = key_of_order(order->id, c->arena),
        .version = order->version,
        .time = ABSENT(c->command->time) ? c->now : c->command->time,
        .data = data,
        .order = order,
        .result = {.order = order->id, .version = order->version, .state = (int)order->state},
    };
}

/* Where a new order is for: the acting place's own, or where its feed may speak for. */
static const struct organisation *place_of(const struct intake_case *c, const struct acting *acting,
                                           struct text place, struct refusal *refusal)
{
    struct text command = text_of(command_types[c->command->type].name);
    if (acting->role != ROLE_feed) {
        if (place.length > 0 && !text_equal(place, acting->organisation->code)) {
            *refusal = refusal_of(REFUSAL_not_yours, "place");
            return NULL;
        }
        return acting->organisation;
    }
    if (place.length == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "place");
        return NULL;
    }
    const struct organisation *found =
        directory_organisation(c->directory, c->caller->district, place);
    if (found == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, "place");
        return NULL;
    }
    bool is_place = found->kind == KIND_village || found->kind == KIND_site ||
                    (found->kind == KIND_town && c->command->type == COMMAND_order_open_external);
    if (!is_place) {
        *refusal = refusal_of(REFUSAL_unfit, "place");
        return NULL;
    }
    if (!directory_feed_may(c->directory, acting->organisation, command, place)) {
        *refusal = refusal_of(REFUSAL_forbidden, "place");
        return NULL;
    }
    return found;
}

static struct intake_order *order_new(const struct intake_case *c, const struct acting *acting,
                                      const struct organisation *place, struct text external_id,
                                      struct refusal *refusal)
{
    const struct organisation *town =
        directory_placing_body(c->directory, c->caller->district, place->code);
    if (town == NULL) {
        *refusal = refusal_of(REFUSAL_unfit, "place");
        return NULL;
    }
    if (external_id.length > 0 && acting->role != ROLE_feed) {
        *refusal = refusal_of(REFUSAL_forbidden, "external_id");
        return NULL;
    }
    if (c->twin != NULL) {
        *refusal = refusal_of(REFUSAL_exists, "external_id");
        refusal->order = c->twin->id;
        return NULL;
    }
    struct intake_order *order = arena_alloc(c->arena, sizeof *order);
    *order = (struct intake_order){.district = c->caller->district,
                                   .id = c->next_offset,
                                   .place = place->code,
                                   .town = town->code,
                                   .feed = acting->role == ROLE_feed ? acting->organisation->code
                                                                     : (struct text){"", 0},
                                   .external_id = external_id};
    return order;
}

static struct intake_decision submit(const struct intake_case *c, const struct acting *acting)
{
    const struct order_submit *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct order_resubmit wish;
    message_clear(&command_types[COMMAND_order_resubmit], &wish);
    COPY_WISH(&wish, body);
    const struct organisation *place = place_of(c, acting, body->place, &refused.refusal);
    if (place == NULL || !check_wish(c, &wish, &refused.refusal) ||
        !contact_check(body->contact_name, body->contact_phone, &refused.refusal))
        return refused;
    struct intake_order *order = order_new(c, acting, place, body->external_id, &refused.refusal);
    if (order == NULL)
        return refused;
    wish.order = order->id;
    order->state = ORDER_submitted;
    order->wish = wish_encode(c, &wish);
    struct order_submitted *event = event_new(c, EVENT_order_submitted);
    HEAD_AND_PARTIES(event, order, acting);
    event->feed = order->feed;
    event->external_id = order->external_id;
    COPY_WISH(event, body);
    return with_contact(done(c, order, EVENT_order_submitted, event), body->contact_name,
                        body->contact_phone);
}

static struct intake_decision open_external(const struct intake_case *c,
                                            const struct acting *acting)
{
    const struct order_open_external *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    const struct organisation *place = place_of(c, acting, body->place, &refused.refusal);
    if (place == NULL)
        return refused;
    const struct organisation *squad =
        directory_organisation(c->directory, c->caller->district, body->squad);
    if (squad == NULL || squad->kind != KIND_squad)
        return intake_refuse(REFUSAL_unknown_squad, "squad");
    if (body->category.length > 0 &&
        directory_category(c->directory, c->caller->district, body->category) == NULL)
        return intake_refuse(REFUSAL_unknown_category, "category");
    struct intake_order *order = order_new(c, acting, place, body->external_id, &refused.refusal);
    if (order == NULL)
        return refused;
    order->state = ORDER_placed;
    struct order_opened_external *event = event_new(c, EVENT_order_opened_external);
    HEAD_AND_PARTIES(event, order, acting);
    event->feed = order->feed;
    event->external_id = order->external_id;
    event->squad = body->squad;
    event->category = body->category;
    event->activity = body->activity;
    event->need = body->need;
    return done(c, order, EVENT_order_opened_external, event);
}

/* The wish of an order that is already there. It was checked when it came and cannot fail to
 * decode. */
static void wish_decode(const struct intake_case *c, const struct intake_order *order,
                        struct order_resubmit *wish)
{
    struct refusal refusal;
    bool sound = message_decode(&command_types[COMMAND_order_resubmit], order->wish, c->arena, wish,
                                &refusal);
    assert(sound);
    (void)sound;
}

static struct intake_decision resubmit(const struct intake_case *c, const struct acting *acting,
                                       struct intake_order *order)
{
    const struct order_resubmit *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    if (!check_wish(c, body, &refused.refusal) ||
        !contact_check(body->contact_name, body->contact_phone, &refused.refusal))
        return refused;
    struct order_resubmit wish;
    message_clear(&command_types[COMMAND_order_resubmit], &wish);
    COPY_WISH(&wish, body);
    wish.order = order->id;
    order->state = ORDER_submitted;
    order->wish = wish_encode(c, &wish);
    struct order_resubmitted *event = event_new(c, EVENT_order_resubmitted);
    HEAD_AND_PARTIES(event, order, acting);
    event->feed = order->feed;
    event->external_id = order->external_id;
    COPY_WISH(event, body);
    return with_contact(done(c, order, EVENT_order_resubmitted, event), body->contact_name,
                        body->contact_phone);
}

/* The snapshot that hands the order to dispatch. */
static struct intake_decision place(const struct intake_case *c, const struct acting *acting,
                                    struct intake_order *order)
{
    const struct order_place *body = c->command->body;
    struct order_resubmit wish;
    wish_decode(c, order, &wish);
    order->state = ORDER_placed;
    struct order_placed *event = event_new(c, EVENT_order_placed);
    HEAD_AND_PARTIES(event, order, acting);
    event->feed = order->feed;
    event->external_id = order->external_id;
    COPY_WISH(event, &wish);
    event->note = body->note;
    return done(c, order, EVENT_order_placed, event);
}

static struct intake_decision send_back(const struct intake_case *c, const struct acting *acting,
                                        struct intake_order *order)
{
    const struct order_return *body = c->command->body;
    order->state = ORDER_returned;
    struct order_returned *event = event_new(c, EVENT_order_returned);
    HEAD_AND_PARTIES(event, order, acting);
    event->reason = body->reason;
    return done(c, order, EVENT_order_returned, event);
}

static struct intake_decision withdraw(const struct intake_case *c, const struct acting *acting,
                                       struct intake_order *order)
{
    const struct order_withdraw *body = c->command->body;
    order->state = ORDER_withdrawn;
    struct order_withdrawn *event = event_new(c, EVENT_order_withdrawn);
    HEAD_AND_PARTIES(event, order, acting);
    event->reason = body->reason;
    return done(c, order, EVENT_order_withdrawn, event);
}

static struct intake_decision cancel(const struct intake_case *c, const struct acting *acting,
                                     struct intake_order *order)
{
    const struct order_cancel *body = c->command->body;
    order->state = ORDER_cancelled;
    struct order_cancelled *event = event_new(c, EVENT_order_cancelled);
    HEAD_AND_PARTIES(event, order, acting);
    event->reason = body->reason;
    return done(c, order, EVENT_order_cancelled, event);
}

/* The squad that acts, or one of the department that acts. */
static bool is_squad_of(const struct intake_case *c, const struct intake_order *order,
                        struct text code, const struct acting *acting)
{
    if (acting->role == ROLE_squad)
        return text_equal(code, acting->organisation->code);
    const struct organisation *squad = directory_organisation(c->directory, order->district, code);
    return acting->role == ROLE_department && squad != NULL &&
           text_equal(squad->parent, acting->organisation->code);
}

/* While intake owns the order no squad has a part in it; those it names may hear its state, others
 * hear that it is not theirs. */
static bool names_squad(const struct intake_case *c, const struct intake_order *order,
                        const struct acting *acting)
{
    struct order_resubmit wish;
    wish_decode(c, order, &wish);
    const struct text_list *lists[] = {&wish.squads, &wish.required, &wish.optional};
    for (size_t n = 0; n < sizeof lists / sizeof *lists; n++)
        for (size_t i = 0; i < lists[n]->count; i++)
            if (is_squad_of(c, order, lists[n]->items[i], acting))
                return true;
    return false;
}

static bool is_theirs(const struct intake_case *c, const struct intake_order *order,
                      const struct acting *acting)
{
    switch (acting->role) {
    case ROLE_village:
    case ROLE_site:
        return text_equal(order->place, acting->organisation->code);
    case ROLE_town:
        return text_equal(order->town, acting->organisation->code);
    case ROLE_squad:
    case ROLE_department:
        return names_squad(c, order, acting);
    case ROLE_feed:
        return text_equal(order->feed, acting->organisation->code);
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

static struct intake_decision step_existing(const struct intake_case *c,
                                            const struct acting *acting, enum step step)
{
    struct intake_order *order = c->order;
    if (c->command->type == COMMAND_order_close_external) {
        const struct order_close_external *body = c->command->body;
        if (order == NULL && body->order == 0 && body->external_id.length == 0)
            return intake_refuse(REFUSAL_missing_field, "external_id");
    }
    if (order == NULL)
        return intake_refuse(REFUSAL_unknown_order, c->command->type == COMMAND_order_close_external
                                                        ? "external_id"
                                                        : "order");
    if (order_state_owner(order->state) == SERVICE_dispatch)
        return (struct intake_decision){.verdict = INTAKE_FORWARD, .order = order};
    if (!is_theirs(c, order, acting))
        return intake_refuse(REFUSAL_not_yours, "order");
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    if (order_step_check(order->state, step, acting->role, &refused.refusal) == NULL)
        return refused;
    static struct intake_decision (*const deciders[COMMAND_COUNT])(
        const struct intake_case *, const struct acting *, struct intake_order *) = {
        [COMMAND_order_resubmit] = resubmit, [COMMAND_order_place] = place,
        [COMMAND_order_return] = send_back,  [COMMAND_order_withdraw] = withdraw,
        [COMMAND_order_cancel] = cancel,
    };
    assert(deciders[c->command->type] !=
           NULL); /* every row of order.def that intake owns has one */
    return deciders[c->command->type](c, acting, order);
}

struct intake_decision intake_decide_order(const struct intake_case *c)
{
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct acting acting;
    int step = step_find(text_of(command_types[c->command->type].name));
    assert(step >= 0);
    if (!directory_acting(c->directory, c->caller->district, c->caller->organisation,
                          (enum role)c->caller->role, c->command->on_behalf_of, &acting,
                          &refused.refusal))
        return refused;
    if (!step_role_may((enum step)step, acting.role) || acting.organisation == NULL)
        return intake_refuse(REFUSAL_forbidden, NULL);
    /* When it happened is for feeds to say; for everybody else it happens now. */
    if (!ABSENT(c->command->time) && acting.role != ROLE_feed)
        return intake_refuse(REFUSAL_forbidden, "time");
    if (c->command->type == COMMAND_order_submit)
        return submit(c, &acting);
    if (c->command->type == COMMAND_order_open_external)
        return open_external(c, &acting);
    return step_existing(c, &acting, (enum step)step);
}

struct intake_decision intake_decide(const struct intake_case *c)
{
    if (step_find(text_of(command_types[c->command->type].name)) >= 0)
        return intake_decide_order(c);
    if (c->command->type == COMMAND_contact_erase)
        return intake_decide_contact(c);
    return intake_decide_directory(c);
}
