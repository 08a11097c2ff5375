#include "domain/directory.h"

/* What follows from the directory: who places for whom, who acts for whom. */

#define PARENTS_MAX                                                                                \
    8 /* a site's village, its town, what is above: a longer chain would be a ring */

static const struct organisation *parent_of(const struct directory *directory,
                                            const struct organisation *organisation)
{
    return organisation->parent.length == 0
               ? NULL
               : directory_organisation(directory, organisation->district, organisation->parent);
}

const struct organisation *directory_placing_body(const struct directory *directory,
                                                  struct text district, struct text place)
{
    const struct organisation *at = directory_organisation(directory, district, place);
    for (int i = 0; i < PARENTS_MAX && at != NULL; i++) {
        if (at->kind == KIND_town || (at->kind == KIND_site && at->site_kind == SITE_park))
            return at;
        if (at->kind != KIND_village && at->kind != KIND_site)
            return NULL; /* no place at all */
        at = parent_of(directory, at);
    }
    return NULL;
}

/* True when the one is somewhere above the other. */
static bool is_above(const struct directory *directory, const struct organisation *upper,
                     const struct organisation *lower)
{
    const struct organisation *at = parent_of(directory, lower);
    for (int i = 0; i < PARENTS_MAX && at != NULL; i++) {
        if (at == upper)
            return true;
        at = parent_of(directory, at);
    }
    return false;
}

/* Whether the caller, not its target, may act for the target; then the role it does so in. */
static bool may_act_for(const struct directory *directory, const struct organisation *caller,
                        enum role caller_role, const struct organisation *target, enum role *role)
{
    switch (caller_role) {
    case ROLE_department:
        *role = ROLE_squad;
        return caller->kind == KIND_department && target->kind == KIND_squad &&
               text_equal(target->parent, caller->code);
    case ROLE_village:
    case ROLE_site:
    case ROLE_town:
        *role = ROLE_site;
        return target->kind == KIND_site && is_above(directory, caller, target) &&
               !directory_has_key(directory, target->district, target->code);
    case ROLE_resident:
    case ROLE_squad:
    case ROLE_surveyor:
    case ROLE_committee:
    case ROLE_feed:
    case ROLE_operator:
    case ROLE_COUNT:
        break;
    }
    return false;
}

bool directory_acting(const struct directory *directory, struct text district,
                      struct text caller_organisation, enum role caller_role,
                      struct text on_behalf_of, struct acting *acting, struct refusal *refusal)
{
    bool of_deployment = caller_role == ROLE_operator && caller_organisation.length == 0;
    const struct organisation *caller =
        directory_organisation(directory, district, caller_organisation);
    if (caller == NULL && !of_deployment) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, NULL);
        return false;
    }
    *acting = (struct acting){.organisation = caller, .role = caller_role};
    if (on_behalf_of.length == 0 || text_equal(on_behalf_of, caller_organisation))
        return true;
    const struct organisation *target = directory_organisation(directory, district, on_behalf_of);
    if (target == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, "on_behalf_of");
        return false;
    }
    if (caller == NULL || !may_act_for(directory, caller, caller_role, target, &acting->role)) {
        *refusal = refusal_of(REFUSAL_not_yours, "on_behalf_of");
        return false;
    }
    acting->organisation = target;
    return true;
}

static bool list_has(const struct text *items, size_t count, struct text wanted)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(items[i], wanted))
            return true;
    return false;
}

bool directory_feed_may(const struct directory *directory, const struct organisation *feed,
                        struct text command, struct text place)
{
    if (feed->kind != KIND_feed || !list_has(feed->commands, feed->command_count, command))
        return false;
    if (list_has(feed->places, feed->place_count, feed->district))
        return true;
    const struct organisation *at = directory_organisation(directory, feed->district, place);
    for (int i = 0; i < PARENTS_MAX && at != NULL; i++) {
        if (list_has(feed->places, feed->place_count, at->code))
            return true;
        at = parent_of(directory, at);
    }
    return false;
}

enum key_state key_state_at(const struct key *key, int64_t now)
{
    if (key->revoked)
        return KEY_revoked;
    if (key->expires == 0)
        return KEY_active;
    return now < key->expires ? KEY_expiring : KEY_expired;
}

bool key_is_valid(const struct key *key, int64_t now)
{
    enum key_state state = key_state_at(key, now);
    return state == KEY_active || state == KEY_expiring;
}

bool role_suits(enum role role, const struct organisation *organisation)
{
    if (organisation == NULL)
        return role == ROLE_operator;
    switch (role) {
    case ROLE_resident:
    case ROLE_village:
        return organisation->kind == KIND_village;
    case ROLE_site:
        return organisation->kind == KIND_site;
    case ROLE_town:
        return organisation->kind == KIND_town ||
               (organisation->kind == KIND_site && organisation->site_kind == SITE_park);
    case ROLE_squad:
        return organisation->kind == KIND_squad;
    case ROLE_department:
        return organisation->kind == KIND_department;
    case ROLE_surveyor:
        return organisation->kind == KIND_surveyor;
    case ROLE_operator:
    case ROLE_committee:
        return organisation->kind == KIND_committee;
    case ROLE_feed:
        return organisation->kind == KIND_feed;
    case ROLE_COUNT:
        break;
    }
    return false;
}
