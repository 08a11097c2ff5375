/* Contact data (product.md §2): which is taken, who may delete it, who sees it whole, and what
 * dispatch's events make of the assignments that this depends on. Pure.
 *
 * The two sides of an order are the place that ordered (or who enters for it) and the squad that
 * serves it (or its department); its town is a side only where it enters for a site. Its assignment
 * is live from the squad's acceptance until the service is completed or the order ends: whoever is
 * merely asked does not need to call anybody yet. Outside that even the two sides see it masked. */
#ifndef ZTC_INTAKE_CORE_CONTACT_H
#define ZTC_INTAKE_CORE_CONTACT_H

#include "domain/directory.h"
#include "events/envelope.h"

/* What a command gives; texts that are not given are empty. False: *refusal says which is unsound.
 */
bool contact_check(struct text name, struct text phone, struct refusal *refusal);

/* What becomes of an assignment; the names are those of the column contact_part.standing. */
enum contact_standing { CONTACT_ASKED, CONTACT_LIVE, CONTACT_OVER };
const char *contact_standing_name(enum contact_standing standing);

/* What one event of dispatch does to the assignments of its order. */
struct contact_turn {
    enum { TURN_NONE, TURN_ONE, TURN_ALL } scope; /* ALL: every one of the order is over */
    int64_t order, assignment;
    struct text squad;
    enum contact_standing standing;
    bool is_ended; /* the order will not come back: what is kept for it has its time from now */
};
struct contact_turn contact_turn_of(const struct event *event);

/* What a caller's right follows from. */
struct contact_facts {
    struct text district, place, town, feed;
    const struct text *asked; /* squads that were ever asked */
    size_t asked_count;
    const struct text *live; /* squads whose assignment is live */
    size_t live_count;
};
enum contact_right { CONTACT_REFUSED, CONTACT_MASKED, CONTACT_WHOLE };
/* CONTACT_REFUSED: *refusal says why. */
enum contact_right contact_right_of(const struct directory *directory, const struct caller *caller,
                                    const struct contact_facts *facts, struct refusal *refusal);
/* Who may read the record of reads: the committee and the operator of a district. */
bool contact_audit_may(const struct caller *caller, struct refusal *refusal);

#endif
