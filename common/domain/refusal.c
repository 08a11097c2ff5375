#include "domain/refusal.h"

/* What REFUSAL_NONE is called and says is never seen: nothing was refused. */
static const struct {
    const char *name, *zh, *en;
    bool kept;
} refusals[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = {"none", "", "", false},
#define REFUSAL(code, is_kept, zh_text, en_text)                                                   \
    [REFUSAL_##code] = {#code, zh_text, en_text, is_kept},
#include "domain/refusal.def"
#undef REFUSAL
};

static bool refusal_is_code(enum refusal_code code)
{
    return code > REFUSAL_NONE && code < REFUSAL_COUNT;
}

const char *refusal_name(enum refusal_code code)
{
    return refusal_is_code(code) ? refusals[code].name : refusals[REFUSAL_NONE].name;
}

int refusal_find(struct text name)
{
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        if (text_equal(name, text_of(refusals[i].name)))
            return i;
    return -1;
}

const char *refusal_text(enum refusal_code code, bool zh)
{
    if (!refusal_is_code(code))
        return "";
    return zh ? refusals[code].zh : refusals[code].en;
}

bool refusal_is_kept(enum refusal_code code)
{
    return refusal_is_code(code) && refusals[code].kept;
}

bool refusal_is_retry(enum refusal_code code)
{
    return code == REFUSAL_busy || code == REFUSAL_not_owner || code == REFUSAL_not_ready ||
           code == REFUSAL_unanswered;
}
