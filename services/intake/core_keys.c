#include "services/intake/core.h"

#include <string.h>

/* CURVE keys and bearer tokens: whose they are, and how one follows another. A key is bound to one
 * organisation and role and never changes hands; one that is revoked or past its time never comes
 * back. (docs/decisions/0006, docs/decisions/0010) */

/* The 85 printable characters of ZeroMQ RFC 32. */
static bool is_z85(struct text key)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    for (size_t i = 0; i < key.length; i++)
        if (memchr(alphabet, key.at[i], sizeof alphabet - 1) == NULL)
            return false;
    return key.length == 40;
}

static struct text key_of_key(const struct intake_case *c, struct text public_key)
{
    return arena_format(c->arena, "key/%.*s", TEXT_ARG(public_key));
}

static int64_t time_or_absent(int64_t time)
{
    return time == 0 ? INSTANT_ABSENT : time;
}

static struct key_registered *key_as_event(const struct intake_case *c, const struct key *from)
{
    struct key_registered *event = intake_event_new(c, EVENT_key_registered);
    *event = (struct key_registered){
        .public_key = from->public_key,
        .organisation = from->organisation,
        .role = (int)from->role,
        .name = from->name,
        .revoked = from->revoked,
        .registered = time_or_absent(from->registered),
        .rotated = time_or_absent(from->rotated),
        .expires = time_or_absent(from->expires),
        .replaces = from->replaces,
    };
    return event;
}

/* For whom a key or a bearer token is. */
struct holder {
    struct text district, organisation;
    int role;
};

/* An operator of the whole deployment has no district and no organisation; every other holder has
 * both. */
static bool holder_is_deployment(const struct intake_case *c, const struct holder *holder)
{
    return c->caller->district.length == 0 && holder->district.length == 0 &&
           holder->role == ROLE_operator && holder->organisation.length == 0;
}

/* The district it belongs to, then whether what is registered (`field`) is sound, then the
 * organisation and role. */
static bool holder_fits(const struct intake_case *c, const struct holder *holder, bool is_sound,
                        const char *field, struct text *district, struct refusal *refusal)
{
    bool deployment = holder_is_deployment(c, holder);
    *district = (struct text){"", 0};
    if (!deployment && !intake_district_of(c, holder->district, district, refusal))
        return false;
    if (!is_sound) {
        *refusal = refusal_of(REFUSAL_out_of_range, field);
        return false;
    }
    if (deployment)
        return true;
    const struct organisation *organisation =
        directory_organisation(c->directory, *district, holder->organisation);
    if (organisation == NULL) {
        *refusal = refusal_of(holder->organisation.length == 0 ? REFUSAL_missing_field
                                                               : REFUSAL_unknown_organisation,
                              "organisation");
        return false;
    }
    if (!role_suits((enum role)holder->role, organisation)) {
        *refusal = refusal_of(REFUSAL_unfit, "role");
        return false;
    }
    return true;
}

/* Whether what is registered already is valid and the same holder's. */
static bool key_stays(const struct intake_case *c, const struct key *old, struct text district,
                      const struct holder *holder)
{
    return key_is_valid(old, c->now) && text_equal(old->district, district) &&
           text_equal(old->organisation, holder->organisation) && (int)old->role == holder->role;
}

struct intake_decision intake_decide_key_register(const struct intake_case *c)
{
    const struct key_register *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct text district;
    struct holder holder = {body->district, body->organisation, body->role};
    if (!holder_fits(c, &holder, is_z85(body->public_key), "public_key", &district,
                     &refused.refusal))
        return refused;
    const struct key *old = directory_key(c->directory, body->public_key);
    if (old != NULL && !key_stays(c, old, district, &holder))
        return intake_refuse(REFUSAL_exists, "public_key");
    struct key key = {.public_key = body->public_key,
                      .organisation = body->organisation,
                      .role = (enum role)body->role,
                      .registered = c->now};
    if (old != NULL)
        key = *old;
    key.name = body->name;
    return intake_fact_decide(c, EVENT_key_registered, district, key_of_key(c, body->public_key),
                              key_as_event(c, &key), old == NULL ? NULL : key_as_event(c, old),
                              old == NULL ? 0 : old->version);
}

/* A registered key in the caller's reach; NULL: there is none such. */
static const struct key *key_in_reach(const struct intake_case *c, struct text public_key)
{
    const struct key *key = directory_key(c->directory, public_key);
    bool within = key != NULL && (c->caller->district.length == 0 ||
                                  text_equal(key->district, c->caller->district));
    return within ? key : NULL;
}

struct intake_decision intake_decide_key_revoke(const struct intake_case *c)
{
    const struct key_revoke *body = c->command->body;
    const struct key *old = key_in_reach(c, body->public_key);
    if (old == NULL)
        return intake_refuse(REFUSAL_unknown_key, "public_key");
    struct key_registered *event = key_as_event(c, old);
    event->revoked = true;
    return intake_fact_decide(c, EVENT_key_registered, old->district,
                              key_of_key(c, body->public_key), event, key_as_event(c, old),
                              old->version);
}

static struct intake_decision refuse_state(const char *field, enum key_state state)
{
    struct intake_decision refused = intake_refuse(REFUSAL_illegal_step, field);
    refused.refusal.state = words_name(&words_key_state, (int)state);
    return refused;
}

/* The new key, and the old one with its end: both or neither. */
static struct intake_decision rotated(const struct intake_case *c, const struct key *old)
{
    const struct key_rotate *body = c->command->body;
    struct key fresh = *old, ending = *old;
    fresh.public_key = body->public_key;
    fresh.replaces = old->public_key;
    fresh.registered = fresh.rotated = ending.rotated = c->now;
    if (body->name.length > 0)
        fresh.name = body->name;
    ending.revoked = body->overlap_s == 0;
    ending.expires = body->overlap_s == 0 ? 0 : c->now + body->overlap_s * 1000;
    struct intake_fact *also = arena_alloc(c->arena, sizeof *also);
    *also = (struct intake_fact){EVENT_key_registered, key_of_key(c, old->public_key),
                                 old->version + 1, key_as_event(c, &ending)};
    struct intake_decision decision =
        intake_fact_decide(c, EVENT_key_registered, old->district, key_of_key(c, fresh.public_key),
                           key_as_event(c, &fresh), NULL, 0);
    decision.also = also;
    return decision;
}

struct intake_decision intake_decide_key_rotate(const struct intake_case *c)
{
    const struct key_rotate *body = c->command->body;
    const struct key *old = key_in_reach(c, body->replaces);
    const struct key *there = directory_key(c->directory, body->public_key);
    if (old == NULL)
        return intake_refuse(REFUSAL_unknown_key, "replaces");
    if (!is_z85(body->public_key))
        return intake_refuse(REFUSAL_out_of_range, "public_key");
    if (text_equal(body->replaces, body->public_key))
        return intake_refuse(REFUSAL_unfit, "public_key");
    enum key_state state = key_state_at(old, c->now);
    if (state != KEY_active)
        return refuse_state("replaces", state);
    if (there != NULL)
        return intake_refuse(REFUSAL_exists, "public_key");
    return rotated(c, old);
}

/* --- bearer tokens of the REST face, known by their digests ------------------------------------
 */

static bool is_digest(struct text digest)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < digest.length; i++)
        if (memchr(digits, digest.at[i], sizeof digits - 1) == NULL)
            return false;
    return digest.length == KEY_BEARER_BYTES;
}

static struct text key_of_bearer(const struct intake_case *c, struct text digest)
{
    return arena_format(c->arena, "bearer/%.*s", TEXT_ARG(digest));
}

static struct bearer_registered *bearer_as_event(const struct intake_case *c,
                                                 const struct key *from)
{
    struct bearer_registered *event = intake_event_new(c, EVENT_bearer_registered);
    *event = (struct bearer_registered){
        .digest = from->public_key,
        .organisation = from->organisation,
        .role = (int)from->role,
        .name = from->name,
        .revoked = from->revoked,
    };
    return event;
}

struct intake_decision intake_decide_bearer_register(const struct intake_case *c)
{
    const struct bearer_register *body = c->command->body;
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct text district;
    struct holder holder = {body->district, body->organisation, body->role};
    if (!holder_fits(c, &holder, is_digest(body->digest), "digest", &district, &refused.refusal))
        return refused;
    const struct key *old = directory_key(c->directory, body->digest);
    if (old != NULL && !key_stays(c, old, district, &holder))
        return intake_refuse(REFUSAL_exists, "digest");
    struct key bearer = {.public_key = body->digest,
                         .organisation = body->organisation,
                         .role = (enum role)body->role,
                         .name = body->name};
    return intake_fact_decide(c, EVENT_bearer_registered, district, key_of_bearer(c, body->digest),
                              bearer_as_event(c, &bearer),
                              old == NULL ? NULL : bearer_as_event(c, old),
                              old == NULL ? 0 : old->version);
}

struct intake_decision intake_decide_bearer_revoke(const struct intake_case *c)
{
    const struct bearer_revoke *body = c->command->body;
    const struct key *old = key_in_reach(c, body->digest);
    if (old == NULL)
        return intake_refuse(REFUSAL_unknown_key, "digest");
    struct bearer_registered *event = bearer_as_event(c, old);
    event->revoked = true;
    return intake_fact_decide(c, EVENT_bearer_registered, old->district,
                              key_of_bearer(c, body->digest), event, bearer_as_event(c, old),
                              old->version);
}
