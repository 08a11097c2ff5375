/* The rulebook: every subscription rule and every endpoint for webhooks, in memory, built from the
 * facts subscription_registered and webhook_registered. Pure.
 *
 * A rule is its owner's: an organisation's, or the district's (owner empty, set by the committee).
 * It *selects* an event by side, type and channel; what it selects it tells, unless it is muted or
 * the order's urgency is below its lowest. Who hears what (product.md §8):
 *
 *   the organisation's own rules that select the event: told if any of them tells;
 *   none selects it: the district's rules, in the same way;
 *   none of these: the default, which is rules.def for the inbox, and for an endpoint what it was
 *   registered for.
 *
 * The order of rules says nothing. Each version of a rule holds for events after the two positions
 * that its fact names, so that a rebuild tells the same, whatever comes when. Endpoints are as they
 * now are: what was sent is no projection. */
#ifndef ZTC_NOTIFICATION_CORE_RULEBOOK_H
#define ZTC_NOTIFICATION_CORE_RULEBOOK_H

#include "services/notification/core.h"

#define RULES_MAX     100 /* of one owner that are not removed */
#define ENDPOINTS_MAX 20  /* of one organisation that are not removed */
#define QUIET_NONE    (-1)

struct subscription {
    struct subscription *older; /* the version before; NULL: none */
    struct text code, by, endpoint;
    int64_t version;
    unsigned sides;  /* 1 << enum side; 0: any */
    uint64_t events; /* 1 << enum event_type; 0: all */
    enum channel channel;
    enum urgency urgency;
    int quiet_from, quiet_to; /* minutes of the local day; QUIET_NONE: never quiet */
    bool muted, enabled, removed;
    int64_t after_intake, after_dispatch;
};

struct endpoint {
    struct text code, url;
    int64_t version;
    uint64_t events; /* sent without a rule; 0: all */
    bool by_rules, enabled, removed;
};

struct shelf { /* of one owner */
    struct shelf *next;
    struct text district, owner;
    struct subscription **rules; /* the latest version of each */
    size_t rule_count;
    struct endpoint *endpoints;
    size_t endpoint_count;
};

struct rulebook;
struct rulebook *rulebook_new(void);
void rulebook_destroy(struct rulebook **book);
void rulebook_clear(struct rulebook *book);

/* Facts, each with its version; both copy what they keep. */
void rulebook_put_rule(struct rulebook *book, struct text district,
                       const struct subscription_registered *fact, int64_t version);
void rulebook_put_endpoint(struct rulebook *book, struct text district,
                           const struct webhook_registered *fact, int64_t version);

/* NULL: nothing was ever set there. */
const struct shelf *rulebook_shelf(const struct rulebook *book, struct text district,
                                   struct text owner);
const struct subscription *shelf_rule(const struct shelf *shelf, struct text code);
const struct endpoint *shelf_endpoint(const struct shelf *shelf, struct text code);
/* False: no rule and no endpoint in this district. */
bool rulebook_concerns(const struct rulebook *book, struct text district);

/* What is to be told of. */
struct matter {
    struct text district;
    enum event_type event;
    int producer; /* enum service */
    int64_t offset;
    enum urgency urgency;
};
enum source {
#define WORD(name, zh, en) SOURCE_##name,
#include "services/notification/source.def"
#undef WORD
    SOURCE_COUNT
};
extern const struct words words_source;
enum verdict { VERDICT_default, VERDICT_told, VERDICT_silenced };
struct telling {
    enum verdict verdict;
    enum source source;       /* whose rules said so; default: none did */
    int quiet_from, quiet_to; /* told, but not at these hours; QUIET_NONE: at any. Of several rules
                                 that tell, one that is never quiet, else the first that was set */
};
/* `endpoint` is empty for the inbox; an endpoint is its owner's, whose rules alone name it. The
 * committee's rules are the district's: its owner is empty. */
struct telling rulebook_tell(const struct rulebook *book, const struct matter *matter,
                             enum side side, struct text owner, enum channel channel,
                             struct text endpoint);

/* Names of event types and sides as sets; false: *refusal names the field. */
bool events_read(const struct text_list *names, uint64_t *events, struct refusal *refusal);
bool sides_read(const struct text_list *names, unsigned *sides, struct refusal *refusal);
/* "22:00" to minutes of the day; -1: not such a time. */
int minutes_read(struct text t);

#endif
