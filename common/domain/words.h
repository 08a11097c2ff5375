/* Closed vocabularies: each a .def table of rows WORD(name, zh, en); from it the enum, the wire's
 * names and both languages. A word's number is never stored or sent: its name is. */
#ifndef ZTC_DOMAIN_WORDS_H
#define ZTC_DOMAIN_WORDS_H

#include <stdbool.h>

#include "base/text.h"

struct words {
    const char *kind; /* "role", "order_state", … */
    const char *const *names;
    const char *const *zh;
    const char *const *en;
    int count;
};

/* The number of a name, or -1. */
int words_find(const struct words *words, struct text name);
/* The name of a number; "?" outside. */
const char *words_name(const struct words *words, int number);

enum service {
#define SERVICE(name, zh, en) SERVICE_##name,
#include "domain/service.def"
#undef SERVICE
    SERVICE_COUNT
};

#define VOCABULARIES(X)                                                                            \
    X(role, ROLE)                                                                                  \
    X(organisation_kind, KIND)                                                                     \
    X(site_kind, SITE)                                                                             \
    X(order_kind, ORDER_KIND)                                                                      \
    X(urgency, URGENCY)                                                                            \
    X(mode, MODE)                                                                                  \
    X(order_state, ORDER)                                                                          \
    X(assignment_state, ASSIGNMENT)                                                                \
    X(key_state, KEY)                                                                              \
    X(channel, CHANNEL)                                                                            \
    X(session_kind, SESSION)

enum role {
#define WORD(name, zh, en) ROLE_##name,
#include "domain/role.def"
#undef WORD
    ROLE_COUNT
};
enum organisation_kind {
#define WORD(name, zh, en) KIND_##name,
#include "domain/organisation_kind.def"
#undef WORD
    KIND_COUNT
};
enum site_kind {
#define WORD(name, zh, en) SITE_##name,
#include "domain/site_kind.def"
#undef WORD
    SITE_COUNT
};
enum order_kind {
#define WORD(name, zh, en) ORDER_KIND_##name,
#include "domain/order_kind.def"
#undef WORD
    ORDER_KIND_COUNT
};
enum urgency {
#define WORD(name, zh, en) URGENCY_##name,
#include "domain/urgency.def"
#undef WORD
    URGENCY_COUNT
};
enum mode {
#define WORD(name, zh, en) MODE_##name,
#include "domain/mode.def"
#undef WORD
    MODE_COUNT
};
enum order_state {
#define WORD(name, zh, en) ORDER_##name,
#include "domain/order_state.def"
#undef WORD
    ORDER_STATE_COUNT
};
enum assignment_state {
#define WORD(name, zh, en) ASSIGNMENT_##name,
#include "domain/assignment_state.def"
#undef WORD
    ASSIGNMENT_STATE_COUNT
};
enum key_state {
#define WORD(name, zh, en) KEY_##name,
#include "domain/key_state.def"
#undef WORD
    KEY_STATE_COUNT
};
enum channel {
#define WORD(name, zh, en) CHANNEL_##name,
#include "domain/channel.def"
#undef WORD
    CHANNEL_COUNT
};

enum session_kind {
#define WORD(name, zh, en) SESSION_##name,
#include "domain/session_kind.def"
#undef WORD
    SESSION_KIND_COUNT
};

extern const struct words words_service;
extern const struct words words_role;
extern const struct words words_organisation_kind;
extern const struct words words_site_kind;
extern const struct words words_order_kind;
extern const struct words words_urgency;
extern const struct words words_mode;
extern const struct words words_order_state;
extern const struct words words_assignment_state;
extern const struct words words_key_state;
extern const struct words words_channel;
extern const struct words words_session_kind;

#endif
