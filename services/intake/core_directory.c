#include "services/intake/core.h"

#include <string.h>

#include "domain/hours.h"
#include "events/door.h"

/* Registering says how a fact is to be; when it is so already, nothing happens. */

void *intake_event_new(const struct intake_case *c, enum event_type type)
{
    void *event = arena_alloc(c->arena, event_types[type].size);
    message_clear(&event_types[type], event);
    return event;
}

bool intake_district_of(const struct intake_case *c, struct text named, struct text *district,
                        struct refusal *refusal)
{
    struct text own = c->caller->district;
    if (own.length > 0 && named.length > 0 && !text_equal(own, named)) {
        *refusal = refusal_of(REFUSAL_other_district, "district");
        return false;
    }
    *district = own.length > 0 ? own : named;
    if (district->length == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "district");
        return false;
    }
    if (c->command->type != COMMAND_district_register &&
        directory_district(c->directory, *district) == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_district, "district");
        return false;
    }
    return true;
}

struct intake_decision intake_fact_decide(const struct intake_case *c, enum event_type type,
                                          struct text district, struct text key, const void *data,
                                          const void *before, int64_t version_before)
{
    struct intake_decision decision = {
        .verdict = INTAKE_DONE,
        .event = type,
        .district = district,
        .key = key,
        .version = version_before + 1,
        .time = c->now,
        .data = data,
        .result = {.subject = key, .version = version_before + 1},
    };
    if (version_before == 0)
        return decision;
    struct bytes a = message_encode(&event_types[type], data, c->arena);
    struct bytes b = message_encode(&event_types[type], before, c->arena);
    if (a.length == b.length && memcmp(a.at, b.at, a.length) == 0) {
        decision.verdict = INTAKE_SAME;
        decision.version = decision.result.version = version_before;
    }
    return decision;
}

static struct intake_decision district_decide(const struct intake_case *c)
{
    const struct district_register *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct text district;
    if (!intake_district_of(c, body->district, &district, &refused.refusal))
        return refused;
    if (!instant_zone_known(body->time_zone))
        return intake_refuse(REFUSAL_out_of_range, "time_zone");
    struct district_registered *event = intake_event_new(c, EVENT_district_registered);
    *event = (struct district_registered){district, body->name_zh, body->name_en, body->time_zone};
    struct district_registered *before = intake_event_new(c, EVENT_district_registered);
    const struct district *old = directory_district(c->directory, district);
    if (old != NULL)
        *before =
            (struct district_registered){old->code, old->name_zh, old->name_en, old->time_zone};
    /* Quarters already counted are of the old zone. */
    if (old != NULL && !text_equal(old->time_zone, body->time_zone))
        return intake_refuse(REFUSAL_unfit, "time_zone");
    struct text key = arena_format(c->arena, "district/%.*s", TEXT_ARG(district));
    return intake_fact_decide(c, EVENT_district_registered, district, key, event, before,
                              old == NULL ? 0 : old->version);
}

static struct intake_decision category_decide(const struct intake_case *c)
{
    const struct category_register *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct text district;
    if (!intake_district_of(c, body->district, &district, &refused.refusal))
        return refused;
    struct category_registered *event = intake_event_new(c, EVENT_category_registered);
    *event = (struct category_registered){body->code, body->name_zh, body->name_en};
    struct category_registered *before = intake_event_new(c, EVENT_category_registered);
    const struct category *old = directory_category(c->directory, district, body->code);
    if (old != NULL)
        *before = (struct category_registered){old->code, old->name_zh, old->name_en};
    struct text key = arena_format(c->arena, "category/%.*s", TEXT_ARG(body->code));
    return intake_fact_decide(c, EVENT_category_registered, district, key, event, before,
                              old == NULL ? 0 : old->version);
}

static const struct organisation *parent_of(const struct intake_case *c, struct text district,
                                            struct text code)
{
    return code.length == 0 ? NULL : directory_organisation(c->directory, district, code);
}

/* Villages belong to a town, squads to a department, sites to a town, a village or a park (and a
 * park to no park, so that no ring can form); a park may stand alone, being its own placing body.
 */
static bool parent_fits(const struct organisation_register *body, const struct organisation *parent)
{
    switch ((enum organisation_kind)body->kind) {
    case KIND_village:
        return parent != NULL && parent->kind == KIND_town;
    case KIND_squad:
        return parent != NULL && parent->kind == KIND_department;
    case KIND_site:
        if (parent == NULL)
            return body->site_kind == SITE_park;
        return parent->kind == KIND_town || parent->kind == KIND_village ||
               (parent->kind == KIND_site && parent->site_kind == SITE_park &&
                body->site_kind != SITE_park);
    case KIND_committee:
    case KIND_town:
    case KIND_department:
    case KIND_surveyor:
    case KIND_feed:
        return parent == NULL || parent->kind == KIND_committee || parent->kind == KIND_department;
    case KIND_COUNT:
        break;
    }
    return false;
}

/* Weekly hours and days off are a squad's. */
static bool hours_are_sound(const struct organisation_register *body, struct refusal *refusal)
{
    struct hours hours;
    const char *field = body->hours.length > 0 ? "hours" : "days_off";
    if (body->kind != KIND_squad && (body->hours.length > 0 || body->days_off.count > 0)) {
        *refusal = refusal_of(REFUSAL_unfit, field);
        return false;
    }
    if (!hours_parse(body->hours, &hours)) {
        *refusal = refusal_of(REFUSAL_out_of_range, "hours");
        return false;
    }
    for (size_t i = 0; i < body->days_off.count; i++)
        if (!text_is_date(body->days_off.items[i])) {
            *refusal = refusal_of(REFUSAL_out_of_range, "days_off");
            return false;
        }
    return true;
}

static bool organisation_fits(const struct intake_case *c, struct text district,
                              const struct organisation_register *body, struct refusal *refusal)
{
    const struct organisation *parent = parent_of(c, district, body->parent);
    if (body->parent.length > 0 && parent == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, "parent");
        return false;
    }
    if (!parent_fits(body, parent) || text_equal(body->parent, body->code)) {
        *refusal =
            refusal_of(body->parent.length == 0 ? REFUSAL_missing_field : REFUSAL_unfit, "parent");
        return false;
    }
    if ((body->kind == KIND_site) != (body->site_kind != SITE_none)) {
        *refusal = refusal_of(REFUSAL_unfit, "site_kind");
        return false;
    }
    for (size_t i = 0; i < body->categories.count; i++)
        if (directory_category(c->directory, district, body->categories.items[i]) == NULL) {
            *refusal = refusal_of(REFUSAL_unknown_category, "categories");
            return false;
        }
    for (size_t i = 0; i < body->commands.count; i++) {
        int step = step_find(body->commands.items[i]);
        if (step < 0 || !step_role_may((enum step)step, ROLE_feed)) {
            *refusal = refusal_of(REFUSAL_unknown_word, "commands");
            return false;
        }
    }
    for (size_t i = 0; i < body->places.count; i++)
        if (!text_equal(body->places.items[i], district) &&
            directory_organisation(c->directory, district, body->places.items[i]) == NULL) {
            *refusal = refusal_of(REFUSAL_unknown_organisation, "places");
            return false;
        }
    return hours_are_sound(body, refusal);
}

static void organisation_as_event(const struct organisation *from,
                                  struct organisation_registered *to)
{
    *to = (struct organisation_registered){
        .code = from->code,
        .kind = (int)from->kind,
        .name_zh = from->name_zh,
        .name_en = from->name_en,
        .short_zh = from->short_zh,
        .parent = from->parent,
        .site_kind = (int)from->site_kind,
        .brand = from->brand,
        .categories = {from->categories, from->category_count},
        .capacity = from->capacity,
        .sample = from->sample,
        .commands = {from->commands, from->command_count},
        .places = {from->places, from->place_count},
        .hours = from->hours,
        .days_off = {from->days_off, from->day_off_count},
    };
}

static struct intake_decision organisation_decide(const struct intake_case *c)
{
    const struct organisation_register *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct text district;
    if (!intake_district_of(c, body->district, &district, &refused.refusal) ||
        !organisation_fits(c, district, body, &refused.refusal))
        return refused;
    struct organisation_registered *event = intake_event_new(c, EVENT_organisation_registered);
    *event = (struct organisation_registered){
        .code = body->code,
        .kind = body->kind,
        .name_zh = body->name_zh,
        .name_en = body->name_en,
        .short_zh = body->short_zh,
        .parent = body->parent,
        .site_kind = body->site_kind,
        .brand = body->brand,
        .categories = body->categories,
        .capacity = body->capacity,
        .sample = body->sample,
        .commands = body->commands,
        .places = body->places,
        .hours = body->hours,
        .days_off = body->days_off,
    };
    struct organisation_registered *before = intake_event_new(c, EVENT_organisation_registered);
    const struct organisation *old = directory_organisation(c->directory, district, body->code);
    if (old != NULL)
        organisation_as_event(old, before);
    if (old != NULL && (int)old->kind != body->kind)
        return intake_refuse(REFUSAL_unfit, "kind");
    struct text key = arena_format(c->arena, "organisation/%.*s", TEXT_ARG(body->code));
    return intake_fact_decide(c, EVENT_organisation_registered, district, key, event, before,
                              old == NULL ? 0 : old->version);
}

struct intake_decision intake_decide_directory(const struct intake_case *c)
{
    if (c->command->on_behalf_of.length > 0)
        return intake_refuse(REFUSAL_forbidden, "on_behalf_of");
    if (!command_role_may(c->command->type, (enum role)c->caller->role))
        return intake_refuse(REFUSAL_forbidden, NULL);
    if (c->command->time != INSTANT_ABSENT)
        return intake_refuse(REFUSAL_forbidden, "time");
    static struct intake_decision (*const deciders[COMMAND_COUNT])(const struct intake_case *) = {
        [COMMAND_district_register] = district_decide,
        [COMMAND_category_register] = category_decide,
        [COMMAND_organisation_register] = organisation_decide,
        [COMMAND_key_register] = intake_decide_key_register,
        [COMMAND_key_revoke] = intake_decide_key_revoke,
        [COMMAND_key_rotate] = intake_decide_key_rotate,
        [COMMAND_bearer_register] = intake_decide_bearer_register,
        [COMMAND_bearer_revoke] = intake_decide_bearer_revoke,
    };
    if (deciders[c->command->type] == NULL)
        return intake_refuse(REFUSAL_unknown_type, "type");
    return deciders[c->command->type](c);
}
