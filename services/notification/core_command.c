#include "services/notification/core_command.h"

#include <string.h>

#include "events/door.h"

static struct command_decision refuse(enum refusal_code code, const char *field)
{
    return (struct command_decision){.refusal = refusal_of(code, field)};
}

/* Who acts, and whose the thing is that the command names. */
struct owned {
    struct text district, organisation; /* the district's rules: organisation is empty */
    struct text by;
};

/* The district of a command: the caller's own; an operator of the whole deployment names one. */
static bool district_of(const struct directory *directory, const struct caller *caller,
                        struct text named, struct text *district, struct refusal *refusal)
{
    struct text own = caller->district;
    if (own.length > 0 && named.length > 0 && !text_equal(own, named)) {
        *refusal = refusal_of(REFUSAL_other_district, "district");
        return false;
    }
    *district = own.length > 0 ? own : named;
    if (district->length == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "district");
        return false;
    }
    if (directory_district(directory, *district) == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_district, "district");
        return false;
    }
    return true;
}

static bool acting_for(const struct command_case *c, struct acting *acting, struct refusal *refusal)
{
    if (!directory_acting(c->directory, c->caller->district, c->caller->organisation,
                          (enum role)c->caller->role, c->command->on_behalf_of, acting, refusal))
        return false;
    if (!command_role_may(c->command->type, acting->role)) {
        *refusal = refusal_of(REFUSAL_forbidden, NULL);
        return false;
    }
    if (c->command->time != INSTANT_ABSENT) {
        *refusal = refusal_of(REFUSAL_forbidden, "time");
        return false;
    }
    return true;
}

/* An endpoint's owner: the acting organisation; committee and operator may name another where
 * `of_others` says so. */
static bool endpoint_owner(const struct command_case *c, struct text named_district,
                           struct text organisation, bool of_others, struct owned *owned,
                           struct refusal *refusal)
{
    struct acting acting;
    if (!acting_for(c, &acting, refusal) ||
        !district_of(c->directory, c->caller, named_district, &owned->district, refusal))
        return false;
    struct text own = acting.organisation == NULL || acting.role == ROLE_operator
                          ? TEXT("")
                          : acting.organisation->code;
    owned->by = own;
    owned->organisation = organisation.length > 0 ? organisation : own;
    if (owned->organisation.length == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "organisation");
        return false;
    }
    if (text_equal(owned->organisation, own))
        return true;
    if (directory_organisation(c->directory, owned->district, owned->organisation) == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, "organisation");
        return false;
    }
    if (of_others && (acting.role == ROLE_committee || acting.role == ROLE_operator))
        return true;
    *refusal = refusal_of(REFUSAL_not_yours, "organisation");
    return false;
}

/* A rule's owner: the acting organisation; of the committee, the district. */
static bool rule_owner(const struct command_case *c, struct text organisation, struct owned *owned,
                       struct acting *acting, struct refusal *refusal)
{
    if (!acting_for(c, acting, refusal))
        return false;
    struct text own = acting->organisation->code;
    if (organisation.length > 0 && !text_equal(organisation, own)) {
        bool there =
            directory_organisation(c->directory, c->caller->district, organisation) != NULL;
        *refusal =
            refusal_of(there ? REFUSAL_not_yours : REFUSAL_unknown_organisation, "organisation");
        return false;
    }
    owned->district = c->caller->district;
    owned->by = own;
    owned->organisation = acting->role == ROLE_committee ? TEXT("") : own;
    return true;
}

static void *event_new(const struct command_case *c, enum event_type type)
{
    void *event = arena_alloc(c->arena, event_types[type].size);
    message_clear(&event_types[type], event);
    return event;
}

static struct command_decision decided(const struct owned *owned, enum event_type event,
                                       struct text key, int64_t version, const void *data)
{
    return (struct command_decision){
        .changed = true,
        .event = event,
        .district = owned->district,
        .key = key,
        .version = version,
        .data = data,
        .result = {.subject = key, .version = version},
        .organisation = owned->organisation,
        .until = INSTANT_ABSENT,
    };
}

/* --- rules ------------------------------------------------------------------------------------ */

static struct text rule_key(const struct command_case *c, const struct owned *owned,
                            struct text code)
{
    if (owned->organisation.length == 0)
        return arena_format(c->arena, "subscription/%.*s", TEXT_ARG(code));
    return arena_format(c->arena, "subscription/%.*s/%.*s", TEXT_ARG(owned->organisation),
                        TEXT_ARG(code));
}

static size_t rules_in_force(const struct shelf *shelf)
{
    size_t count = 0;
    for (size_t i = 0; shelf != NULL && i < shelf->rule_count; i++)
        count += !shelf->rules[i]->removed;
    return count;
}

/* Both or neither, and some time between them. */
static bool quiet_fits(const struct subscription_set *body, struct refusal *refusal)
{
    const struct text bounds[] = {body->quiet_from, body->quiet_to};
    static const char *const names[] = {"quiet_from", "quiet_to"};
    for (size_t i = 0; i < 2; i++) {
        if (bounds[i].length == 0 && bounds[1 - i].length > 0) {
            *refusal = refusal_of(REFUSAL_missing_field, names[i]);
            return false;
        }
        if (bounds[i].length > 0 && minutes_read(bounds[i]) == QUIET_NONE) {
            *refusal = refusal_of(REFUSAL_out_of_range, names[i]);
            return false;
        }
    }
    if (bounds[0].length > 0 && text_equal(bounds[0], bounds[1])) {
        *refusal = refusal_of(REFUSAL_unfit, "quiet_to");
        return false;
    }
    return true;
}

/* The channel goes with its endpoint; quiet hours are for what is sent, an inbox waits by itself.
 */
static bool channel_fits(const struct command_case *c, const struct subscription_set *body,
                         const struct acting *acting, struct refusal *refusal)
{
    *refusal = refusal_of(REFUSAL_NONE, NULL);
    const struct shelf *shelf =
        rulebook_shelf(c->book, c->caller->district, acting->organisation->code);
    const struct endpoint *endpoint = shelf_endpoint(shelf, body->endpoint);
    if (body->channel == CHANNEL_inbox) {
        if (body->endpoint.length > 0)
            *refusal = refusal_of(REFUSAL_unfit, "endpoint");
        else if (body->quiet_from.length > 0)
            *refusal = refusal_of(REFUSAL_unfit, "quiet_from");
        else if (acting->role == ROLE_feed) /* has no inbox */
            *refusal = refusal_of(REFUSAL_unfit, "channel");
    } else if (body->endpoint.length == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "endpoint");
    } else if (endpoint == NULL || endpoint->removed) {
        *refusal = refusal_of(REFUSAL_unknown_webhook, "endpoint");
    }
    return refusal->code == REFUSAL_NONE;
}

/* The same rule but for since when: setting it again changes nothing. */
static bool same_rule(const struct command_case *c, const struct subscription *rule,
                      const struct subscription_registered *fact)
{
    struct rulebook *other = rulebook_new();
    rulebook_put_rule(other, c->caller->district, fact, rule->version);
    const struct subscription *now =
        shelf_rule(rulebook_shelf(other, c->caller->district, fact->organisation), fact->rule);
    bool same = now->sides == rule->sides && now->events == rule->events &&
                now->channel == rule->channel && text_equal(now->endpoint, rule->endpoint) &&
                now->urgency == rule->urgency && now->quiet_from == rule->quiet_from &&
                now->quiet_to == rule->quiet_to && now->muted == rule->muted &&
                now->enabled == rule->enabled && now->removed == rule->removed;
    rulebook_destroy(&other);
    return same;
}

static struct command_decision rule_decided(const struct command_case *c, const struct owned *owned,
                                            const struct subscription *before,
                                            const struct subscription_registered *fact)
{
    int64_t version = before == NULL ? 0 : before->version;
    bool same = before != NULL && same_rule(c, before, fact);
    struct command_decision decision =
        decided(owned, EVENT_subscription_registered, rule_key(c, owned, fact->rule),
                same ? version : version + 1, fact);
    decision.changed = !same;
    return decision;
}

static struct command_decision set_decide(const struct command_case *c)
{
    const struct subscription_set *body = c->command->body;
    struct owned owned;
    struct acting acting;
    struct refusal refusal;
    uint64_t events;
    unsigned sides;
    if (!rule_owner(c, body->organisation, &owned, &acting, &refusal) ||
        !sides_read(&body->sides, &sides, &refusal) ||
        !events_read(&body->events, &events, &refusal) || !quiet_fits(body, &refusal) ||
        !channel_fits(c, body, &acting, &refusal))
        return (struct command_decision){.refusal = refusal};
    const struct shelf *shelf = rulebook_shelf(c->book, owned.district, owned.organisation);
    const struct subscription *before = shelf_rule(shelf, body->rule);
    if ((before == NULL || before->removed) && rules_in_force(shelf) >= RULES_MAX)
        return refuse(REFUSAL_too_many, "rule");
    struct subscription_registered *fact = event_new(c, EVENT_subscription_registered);
    *fact = (struct subscription_registered){
        .rule = body->rule,
        .organisation = owned.organisation,
        .by = owned.by,
        .sides = body->sides,
        .events = body->events,
        .channel = body->channel,
        .endpoint = body->endpoint,
        .urgency = body->urgency,
        .quiet_from = body->quiet_from,
        .quiet_to = body->quiet_to,
        .muted = body->muted,
        .enabled = body->enabled,
        .intake = c->after_intake,
        .dispatch = c->after_dispatch,
    };
    return rule_decided(c, &owned, before, fact);
}

static struct command_decision unset_decide(const struct command_case *c)
{
    const struct subscription_remove *body = c->command->body;
    struct owned owned;
    struct acting acting;
    struct refusal refusal;
    if (!rule_owner(c, body->organisation, &owned, &acting, &refusal))
        return (struct command_decision){.refusal = refusal};
    const struct subscription *before =
        shelf_rule(rulebook_shelf(c->book, owned.district, owned.organisation), body->rule);
    if (before == NULL || before->removed)
        return refuse(REFUSAL_unknown_rule, "rule");
    struct subscription_registered *fact = event_new(c, EVENT_subscription_registered);
    fact->rule = body->rule;
    fact->organisation = owned.organisation;
    fact->by = owned.by;
    fact->removed = true;
    fact->intake = c->after_intake;
    fact->dispatch = c->after_dispatch;
    return rule_decided(c, &owned, before, fact);
}

/* --- endpoints -------------------------------------------------------------------------------- */

static struct text endpoint_key(const struct command_case *c, const struct owned *owned,
                                struct text code)
{
    return arena_format(c->arena, "webhook/%.*s/%.*s", TEXT_ARG(owned->organisation),
                        TEXT_ARG(code));
}

static size_t endpoints_kept(const struct shelf *shelf)
{
    size_t count = 0;
    for (size_t i = 0; shelf != NULL && i < shelf->endpoint_count; i++)
        count += !shelf->endpoints[i].removed;
    return count;
}

/* The names of a set, as a fact lists them. */
static struct text_list event_names(uint64_t events, struct arena *arena)
{
    struct text *items = arena_array(arena, EVENT_COUNT, sizeof *items);
    size_t count = 0;
    for (int event = 0; event < EVENT_COUNT; event++)
        if ((events & UINT64_C(1) << event) != 0)
            items[count++] = text_of(event_types[event].name);
    return (struct text_list){items, count};
}

/* The fact of an endpoint as it stands, for a step that changes one thing of it. */
static struct webhook_registered *endpoint_fact(const struct command_case *c,
                                                const struct owned *owned,
                                                const struct endpoint *endpoint)
{
    struct webhook_registered *fact = event_new(c, EVENT_webhook_registered);
    fact->endpoint = endpoint->code;
    fact->organisation = owned->organisation;
    fact->by = owned->by;
    fact->url = endpoint->url;
    fact->events = event_names(endpoint->events, c->arena);
    fact->by_rules = endpoint->by_rules;
    fact->enabled = endpoint->enabled;
    return fact;
}

static struct command_decision endpoint_decided(const struct command_case *c,
                                                const struct owned *owned,
                                                const struct webhook_registered *fact,
                                                int64_t version)
{
    struct command_decision decision = decided(
        owned, EVENT_webhook_registered, endpoint_key(c, owned, fact->endpoint), version, fact);
    decision.endpoint = fact->endpoint;
    decision.standing = fact;
    return decision;
}

/* The endpoint that a command names, of who may; NULL: *refusal. */
static const struct endpoint *endpoint_named(const struct command_case *c, struct text district,
                                             struct text organisation, struct text code,
                                             bool of_others, struct owned *owned,
                                             struct refusal *refusal)
{
    if (!endpoint_owner(c, district, organisation, of_others, owned, refusal))
        return NULL;
    const struct endpoint *endpoint =
        shelf_endpoint(rulebook_shelf(c->book, owned->district, owned->organisation), code);
    if (endpoint != NULL && !endpoint->removed)
        return endpoint;
    *refusal = refusal_of(REFUSAL_unknown_webhook, "endpoint");
    return NULL;
}

static struct command_decision register_decide(const struct command_case *c)
{
    const struct webhook_register *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    struct bytes secret;
    uint64_t events;
    if (!endpoint_owner(c, TEXT(""), body->organisation, false, &owned, &refusal) ||
        !events_read(&body->events, &events, &refusal))
        return (struct command_decision){.refusal = refusal};
    if (!url_allowed(body->url, &c->limits->urls))
        return refuse(REFUSAL_url_refused, "url");
    if (!secret_read(body->secret, c->arena, &secret))
        return refuse(REFUSAL_out_of_range, "secret");
    const struct shelf *shelf = rulebook_shelf(c->book, owned.district, owned.organisation);
    const struct endpoint *before = shelf_endpoint(shelf, body->endpoint);
    if ((before == NULL || before->removed) && endpoints_kept(shelf) >= ENDPOINTS_MAX)
        return refuse(REFUSAL_too_many, "endpoint");
    struct webhook_registered *fact = event_new(c, EVENT_webhook_registered);
    fact->endpoint = body->endpoint;
    fact->organisation = owned.organisation;
    fact->by = owned.by;
    fact->url = body->url;
    fact->events = body->events;
    fact->by_rules = body->by_rules;
    fact->rotated = c->now;
    struct command_decision decision =
        endpoint_decided(c, &owned, fact, (before == NULL ? 0 : before->version) + 1);
    decision.secret_step = SECRET_replace;
    decision.secret = secret;
    decision.revives = true;
    return decision;
}

static struct command_decision rotate_decide(const struct command_case *c)
{
    const struct webhook_rotate *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    struct bytes secret;
    const struct endpoint *endpoint =
        endpoint_named(c, TEXT(""), body->organisation, body->endpoint, false, &owned, &refusal);
    if (endpoint == NULL)
        return (struct command_decision){.refusal = refusal};
    if (!secret_read(body->secret, c->arena, &secret))
        return refuse(REFUSAL_out_of_range, "secret");
    int64_t until = body->until;
    if (until == INSTANT_ABSENT)
        until = c->now + (ROTATE_DEFAULT_MS < c->limits->rotate_max_ms ? ROTATE_DEFAULT_MS
                                                                       : c->limits->rotate_max_ms);
    if (until < c->now || until > c->now + c->limits->rotate_max_ms)
        return refuse(REFUSAL_out_of_range, "until");
    struct webhook_registered *fact = endpoint_fact(c, &owned, endpoint);
    fact->rotated = c->now;
    fact->until = until;
    struct command_decision decision = endpoint_decided(c, &owned, fact, endpoint->version + 1);
    decision.secret_step = SECRET_rotate;
    decision.secret = secret;
    decision.until = until;
    return decision;
}

static struct command_decision enable_decide(const struct command_case *c)
{
    const struct webhook_enable *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    const struct endpoint *endpoint = endpoint_named(c, body->district, body->organisation,
                                                     body->endpoint, true, &owned, &refusal);
    if (endpoint == NULL)
        return (struct command_decision){.refusal = refusal};
    struct webhook_registered *fact = endpoint_fact(c, &owned, endpoint);
    fact->enabled = true;
    struct command_decision decision = endpoint_decided(c, &owned, fact, endpoint->version + 1);
    decision.revives = true;
    return decision;
}

static struct command_decision disable_decide(const struct command_case *c)
{
    const struct webhook_disable *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    const struct endpoint *endpoint = endpoint_named(c, body->district, body->organisation,
                                                     body->endpoint, true, &owned, &refusal);
    if (endpoint == NULL)
        return (struct command_decision){.refusal = refusal};
    struct webhook_registered *fact = endpoint_fact(c, &owned, endpoint);
    fact->enabled = false;
    struct command_decision decision =
        endpoint_decided(c, &owned, fact, endpoint->version + endpoint->enabled);
    decision.changed = endpoint->enabled;
    return decision;
}

static struct command_decision remove_decide(const struct command_case *c)
{
    const struct webhook_remove *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    const struct endpoint *endpoint =
        endpoint_named(c, TEXT(""), body->organisation, body->endpoint, true, &owned, &refusal);
    if (endpoint == NULL)
        return (struct command_decision){.refusal = refusal};
    struct webhook_registered *fact = endpoint_fact(c, &owned, endpoint);
    fact->removed = true;
    struct command_decision decision = endpoint_decided(c, &owned, fact, endpoint->version + 1);
    decision.secret_step = SECRET_drop;
    return decision;
}

/* --- dead letters ----------------------------------------------------------------------------- */

bool resend_names(const struct command_case *c, struct text *district, struct text *organisation)
{
    const struct dead_letter_resend *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    if (c->command->type != COMMAND_dead_letter_resend ||
        !endpoint_owner(c, body->district, body->organisation, true, &owned, &refusal))
        return false;
    *district = owned.district;
    *organisation = owned.organisation;
    return true;
}

static struct command_decision resend_decide(const struct command_case *c)
{
    const struct dead_letter_resend *body = c->command->body;
    struct owned owned;
    struct refusal refusal;
    const struct endpoint *endpoint = endpoint_named(c, body->district, body->organisation,
                                                     body->endpoint, true, &owned, &refusal);
    if (endpoint == NULL)
        return (struct command_decision){.refusal = refusal};
    if (body->event.length > 0 && !c->letter_found)
        return refuse(REFUSAL_unknown_letter, "event");
    struct dead_letters_resent *fact = event_new(c, EVENT_dead_letters_resent);
    *fact = (struct dead_letters_resent){
        .endpoint = endpoint->code,
        .organisation = owned.organisation,
        .by = owned.by,
        .event = body->event,
    };
    /* A version of the endpoint's own line: what it was told by hand stands among its changes. */
    struct command_decision decision =
        decided(&owned, EVENT_dead_letters_resent, endpoint_key(c, &owned, endpoint->code),
                endpoint->version + 1, fact);
    decision.endpoint = endpoint->code;
    decision.standing = endpoint_fact(c, &owned, endpoint);
    decision.resends = true;
    decision.letter = body->event;
    return decision;
}

struct command_decision command_decide(const struct command_case *c)
{
    static struct command_decision (*const deciders[COMMAND_COUNT])(const struct command_case *) = {
        [COMMAND_subscription_set] = set_decide,      [COMMAND_subscription_remove] = unset_decide,
        [COMMAND_webhook_register] = register_decide, [COMMAND_webhook_rotate] = rotate_decide,
        [COMMAND_webhook_enable] = enable_decide,     [COMMAND_webhook_disable] = disable_decide,
        [COMMAND_webhook_remove] = remove_decide,     [COMMAND_dead_letter_resend] = resend_decide,
    };
    if (deciders[c->command->type] == NULL)
        return refuse(REFUSAL_unknown_type, "type");
    return deciders[c->command->type](c);
}

/* --- queries ---------------------------------------------------------------------------------- */

bool query_scope(const struct directory *directory, const struct caller *caller,
                 struct text district, struct text organisation, struct owner_scope *scope,
                 struct refusal *refusal)
{
    enum role role = (enum role)caller->role;
    bool sees_all = role == ROLE_committee || role == ROLE_operator;
    if (role == ROLE_resident || role == ROLE_surveyor) {
        *refusal = refusal_of(REFUSAL_forbidden, NULL);
        return false;
    }
    if (!district_of(directory, caller, district, &scope->district, refusal))
        return false;
    scope->organisation = organisation.length > 0 || sees_all ? organisation : caller->organisation;
    if (scope->organisation.length == 0)
        return true;
    if (directory_organisation(directory, scope->district, scope->organisation) == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, "organisation");
        return false;
    }
    struct acting acting;
    if (sees_all || text_equal(scope->organisation, caller->organisation))
        return true;
    if (directory_acting(directory, scope->district, caller->organisation, role,
                         scope->organisation, &acting, refusal))
        return true;
    refusal->field = "organisation";
    return false;
}
