#include "services/intake/core_contact.h"

#include "domain/contact.h"
#include "events/parties.h"
#include "services/intake/core.h"

bool contact_check(struct text name, struct text phone, struct refusal *refusal)
{
    if (name.length > 0 && !contact_name_is_sound(name)) {
        *refusal = refusal_of(REFUSAL_out_of_range, "contact_name");
        return false;
    }
    if (phone.length > 0 && !contact_phone_is_sound(phone)) {
        *refusal = refusal_of(REFUSAL_out_of_range, "contact_phone");
        return false;
    }
    return true;
}

const char *contact_standing_name(enum contact_standing standing)
{
    switch (standing) {
    case CONTACT_ASKED:
        return "asked";
    case CONTACT_LIVE:
        return "live";
    case CONTACT_OVER:
        return "over";
    }
    return "";
}

/* --- what dispatch's events say --------------------------------------------------------------- */

static struct contact_turn turn_one(const struct parties *parties, enum contact_standing standing)
{
    return (struct contact_turn){.scope = TURN_ONE,
                                 .order = parties->order,
                                 .assignment = parties->assignment,
                                 .squad = parties->squad,
                                 .standing = standing};
}

static struct contact_turn turn_all(const struct parties *parties, bool is_ended)
{
    return (struct contact_turn){.scope = TURN_ALL,
                                 .order = parties->order,
                                 .squad = TEXT(""),
                                 .standing = CONTACT_OVER,
                                 .is_ended = is_ended};
}

struct contact_turn contact_turn_of(const struct event *event)
{
    static const struct contact_turn none = {.scope = TURN_NONE};
    struct parties parties;
    if (!event_parties(event, &parties))
        return none;
    switch (event->type) {
    case EVENT_order_offered:
        return turn_one(&parties, CONTACT_ASKED);
    case EVENT_assignment_accepted:
        return turn_one(&parties, CONTACT_LIVE);
    case EVENT_assignment_declined:
    case EVENT_assignment_completed:
    case EVENT_assignment_ended:
        return turn_one(&parties, CONTACT_OVER);
    case EVENT_order_reopened:
        return turn_all(&parties, false);
    case EVENT_order_confirmed:
    case EVENT_order_cancelled:
    case EVENT_order_closed_external:
        return turn_all(&parties, true);
    case EVENT_order_escalated:       /* who declined was over before; other squads' parts go on */
    case EVENT_assignment_checked_in: /* live since it was accepted */
    case EVENT_session_held:
    /* Intake's own, and those of no order. */
    case EVENT_order_submitted:
    case EVENT_order_returned:
    case EVENT_order_resubmitted:
    case EVENT_order_withdrawn:
    case EVENT_order_placed:
    case EVENT_order_opened_external:
    case EVENT_district_registered:
    case EVENT_category_registered:
    case EVENT_organisation_registered:
    case EVENT_key_registered:
    case EVENT_bearer_registered:
    case EVENT_subscription_registered:
    case EVENT_webhook_registered:
    case EVENT_dead_letters_resent:
    case EVENT_score_counted:
    case EVENT_squad_rated:
    case EVENT_COUNT:
        break;
    }
    return none;
}

/* --- who may see ------------------------------------------------------------------------------ */

/* Whether the caller is the place, or enters for it. */
static bool is_place(const struct directory *directory, const struct caller *caller,
                     struct text place)
{
    struct acting acting;
    struct refusal ignored;
    return directory_acting(directory, caller->district, caller->organisation,
                            (enum role)caller->role, place, &acting, &ignored) &&
           acting.organisation != NULL && text_equal(acting.organisation->code, place) &&
           (acting.role == ROLE_village || acting.role == ROLE_site);
}

/* Whether one of the squads is the caller, or a department's own. */
static bool has_squad(const struct directory *directory, const struct caller *caller,
                      const struct text *squads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct organisation *squad =
            directory_organisation(directory, caller->district, squads[i]);
        struct text whose = caller->role == ROLE_squad ? squads[i]
                            : squad == NULL            ? TEXT("")
                                                       : squad->parent;
        if (text_equal(whose, caller->organisation))
            return true;
    }
    return false;
}

static enum contact_right right_of_place(const struct directory *directory,
                                         const struct caller *caller,
                                         const struct contact_facts *facts)
{
    if (is_place(directory, caller, facts->place))
        return facts->live_count > 0 ? CONTACT_WHOLE : CONTACT_MASKED;
    if (caller->role == ROLE_town && text_equal(caller->organisation, facts->town))
        return CONTACT_MASKED;
    return CONTACT_REFUSED;
}

enum contact_right contact_right_of(const struct directory *directory, const struct caller *caller,
                                    const struct contact_facts *facts, struct refusal *refusal)
{
    enum contact_right right = CONTACT_REFUSED;
    *refusal = refusal_of(REFUSAL_not_yours, "order");
    switch ((enum role)caller->role) {
    case ROLE_village:
    case ROLE_site:
    case ROLE_town:
        right = right_of_place(directory, caller, facts);
        break;
    case ROLE_squad:
    case ROLE_department:
        if (has_squad(directory, caller, facts->live, facts->live_count))
            right = CONTACT_WHOLE;
        else if (has_squad(directory, caller, facts->asked, facts->asked_count))
            right = CONTACT_MASKED;
        break;
    case ROLE_committee:
        right = CONTACT_MASKED;
        break;
    case ROLE_feed:
        if (text_equal(caller->organisation, facts->feed))
            right = CONTACT_MASKED;
        break;
    /* No contact data at all for these (product.md §2). */
    case ROLE_resident:
    case ROLE_surveyor:
    case ROLE_operator:
    case ROLE_COUNT:
        *refusal = refusal_of(REFUSAL_forbidden, NULL);
        break;
    }
    return right;
}

bool contact_audit_may(const struct caller *caller, struct refusal *refusal)
{
    if (caller->district.length == 0) {
        *refusal = refusal_of(REFUSAL_forbidden, "district");
        return false;
    }
    if (caller->role == ROLE_committee || caller->role == ROLE_operator)
        return true;
    *refusal = refusal_of(REFUSAL_forbidden, NULL);
    return false;
}

/* --- deleting --------------------------------------------------------------------------------- */

static bool may_erase(const struct intake_case *c)
{
    const struct caller *caller = c->caller;
    return is_place(c->directory, caller, c->order->place) ||
           (caller->role == ROLE_town && text_equal(caller->organisation, c->order->town)) ||
           caller->role == ROLE_committee;
}

struct intake_decision intake_decide_contact(const struct intake_case *c)
{
    struct intake_decision refused = {.verdict = INTAKE_REFUSED};
    struct acting acting;
    if (!directory_acting(c->directory, c->caller->district, c->caller->organisation,
                          (enum role)c->caller->role, c->command->on_behalf_of, &acting,
                          &refused.refusal))
        return refused;
    /* Who may enter for the place may delete for it; nobody else deletes on another's behalf. */
    if (acting.role != ROLE_village && acting.role != ROLE_site && acting.role != ROLE_town &&
        acting.role != ROLE_committee)
        return intake_refuse(REFUSAL_forbidden, NULL);
    if (c->command->time != INSTANT_ABSENT)
        return intake_refuse(REFUSAL_forbidden, "time");
    if (c->order == NULL)
        return intake_refuse(REFUSAL_unknown_order, "order");
    if (!may_erase(c))
        return intake_refuse(REFUSAL_not_yours, "order");
    return (struct intake_decision){.verdict = INTAKE_SAME,
                                    .contact = CONTACT_ERASED,
                                    .order = c->order,
                                    .result = {.order = c->order->id}};
}
