/* Notification decides its commands: subscription rules, endpoints, dead letters. Pure. Order of
 * the checks: who acts → may the role → whose is it → is it there → the details. */
#ifndef ZTC_NOTIFICATION_CORE_COMMAND_H
#define ZTC_NOTIFICATION_CORE_COMMAND_H

#include "services/notification/core_webhook.h"

#define ROTATE_DEFAULT_MS (INT64_C(24) * 3600 * 1000)

struct command_limits {
    struct url_policy urls;
    int64_t rotate_max_ms;
};

struct command_case {
    const struct directory *directory;
    const struct rulebook *book;
    const struct command_limits *limits;
    int64_t now;
    int64_t after_intake, after_dispatch; /* what is applied before the command */
    const struct caller *caller;
    const struct command *command;
    bool letter_found; /* dead_letter_resend of one: it is there, and dead */
    struct arena *arena;
};

/* What becomes of an endpoint's secrets; they are in no event. */
enum secret_step {
    SECRET_keep,
    SECRET_replace, /* the new one alone */
    SECRET_rotate,  /* the new one beside the present one, which goes at `until` */
    SECRET_drop
};

struct command_decision {
    struct refusal refusal; /* code REFUSAL_NONE: done */
    bool changed;           /* false: it is so already; nothing to write */
    enum event_type event;
    struct text district, key;
    int64_t version;
    const void *data;                          /* of the event */
    const struct webhook_registered *standing; /* the endpoint as it then is; NULL: about a rule */
    struct result result;
    /* about an endpoint */
    struct text organisation, endpoint;
    enum secret_step secret_step;
    struct bytes secret;
    int64_t until;
    bool revives;       /* what was noted of its answers (gone, slow) is forgotten */
    bool resends;       /* dead letters are due again: all of it, or the one */
    struct text letter; /* the one's event id; empty: all */
};

struct command_decision command_decide(const struct command_case *c);

/* Whose endpoint a command names, where its letter is looked for before command_decide();
 * false: command_decide() will refuse it. */
bool resend_names(const struct command_case *c, struct text *district, struct text *organisation);

/* Whose endpoints and letters a query is about: `organisation` empty is all of the district. */
struct owner_scope {
    struct text district, organisation;
};
bool query_scope(const struct directory *directory, const struct caller *caller,
                 struct text district, struct text organisation, struct owner_scope *scope,
                 struct refusal *refusal);

#endif
