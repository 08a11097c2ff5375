/* A precise refusal: what is wrong, in which field, and for steps the present state and the legal
 * next ones. */
#ifndef ZTC_DOMAIN_REFUSAL_H
#define ZTC_DOMAIN_REFUSAL_H

#include <stdbool.h>

#include "base/text.h"

enum refusal_code {
    REFUSAL_NONE,
#define REFUSAL(code, kept, zh, en) REFUSAL_##code,
#include "domain/refusal.def"
#undef REFUSAL
    REFUSAL_COUNT
};

#define REFUSAL_ALLOWED_MAX 16

struct refusal {
    enum refusal_code code;
    const char *field; /* NULL: no single field; static or in the message's arena */
    const char *state; /* NULL unless illegal_step: the present state's name */
    const char *allowed[REFUSAL_ALLOWED_MAX]; /* commands that are legal now; static */
    int allowed_count;
    int64_t order;      /* with `exists`: the order that is there already; else 0 */
    struct text detail; /* what the code alone does not say, as a squad's hours; language-free */
};

const char *refusal_name(enum refusal_code code); /* "illegal_step" */
int refusal_find(struct text name);               /* -1: none of that name */
const char *refusal_text(enum refusal_code code, bool zh);
/* Decided from state, so that it is stored with the command's id and replayed. */
bool refusal_is_kept(enum refusal_code code);
/* Passing trouble: the answer's status is `retry`, not `refused`. */
bool refusal_is_retry(enum refusal_code code);

static inline struct refusal refusal_of(enum refusal_code code, const char *field)
{
    return (struct refusal){.code = code, .field = field};
}

#endif
