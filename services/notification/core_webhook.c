#include "services/notification/core_webhook.h"

#include <string.h>

#include "base/hmac.h"

static const char *const failure_names[] = {
#define FAILURE(name, zh, en) #name,
#include "services/notification/failure.def"
#undef FAILURE
};
static const char *const failure_zh[] = {
#define FAILURE(name, zh, en) zh,
#include "services/notification/failure.def"
#undef FAILURE
};
static const char *const failure_en[] = {
#define FAILURE(name, zh, en) en,
#include "services/notification/failure.def"
#undef FAILURE
};
const struct words words_failure = {"failure", failure_names, failure_zh, failure_en,
                                    FAILURE_COUNT};

static const char *const outcome_names[] = {
#define WORD(name, zh, en) #name,
#include "services/notification/outcome.def"
#undef WORD
};
static const char *const outcome_zh[] = {
#define WORD(name, zh, en) zh,
#include "services/notification/outcome.def"
#undef WORD
};
static const char *const outcome_en[] = {
#define WORD(name, zh, en) en,
#include "services/notification/outcome.def"
#undef WORD
};
const struct words words_outcome = {"outcome", outcome_names, outcome_zh, outcome_en,
                                    OUTCOME_COUNT};

/* --- secrets and signatures ------------------------------------------------------------------- */

bool secret_read(struct text secret, struct arena *arena, struct bytes *bytes)
{
    const size_t prefix = sizeof SECRET_PREFIX - 1;
    return secret.length > prefix && memcmp(secret.at, SECRET_PREFIX, prefix) == 0 &&
           base64_read((struct text){secret.at + prefix, secret.length - prefix}, arena, bytes) &&
           bytes->length >= SECRET_BYTES_MIN && bytes->length <= SECRET_BYTES_MAX;
}

struct text webhook_signature(struct bytes secret, struct text id, int64_t seconds,
                              struct text body, struct arena *arena)
{
    uint8_t mac[HMAC_SHA256_BYTES];
    struct text content =
        arena_format(arena, "%.*s.%lld.%.*s", TEXT_ARG(id), (long long)seconds, TEXT_ARG(body));
    hmac_sha256(secret, (struct bytes){(const uint8_t *)content.at, content.length}, mac);
    struct text coded = base64_write((struct bytes){mac, sizeof mac}, arena);
    return arena_format(arena, "v1,%.*s", TEXT_ARG(coded));
}

/* --- attempts --------------------------------------------------------------------------------- */

enum failure attempt_judge(const struct attempt_result *result)
{
    int status = result->status;
    if (status == 0)
        return result->trouble == FAILURE_none ? FAILURE_broken : result->trouble;
    if (status >= 200 && status < 300)
        return FAILURE_none;
    if (status >= 300 && status < 400)
        return FAILURE_redirect;
    if (status == 410)
        return FAILURE_gone;
    if (status == 429 || status == 502 || status == 504)
        return FAILURE_slow_down;
    return FAILURE_status;
}

int64_t retry_due(int tries, int64_t now, uint64_t seed)
{
    enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
    static const int64_t waits[ATTEMPTS_MAX] = {
        0,        5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR,
        5 * HOUR, 10 * HOUR,  14 * HOUR,  20 * HOUR,   24 * HOUR,
    };
    if (tries >= ATTEMPTS_MAX)
        return INSTANT_ABSENT;
    /* Up to a tenth later. */
    int64_t wait = waits[tries];
    uint64_t drawn = (seed ^ (uint64_t)tries * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u >> 32;
    return now + wait + (int64_t)(drawn % (uint64_t)(wait / 10 + 1));
}

int64_t slow_down_ms(const struct attempt_result *result)
{
    if (attempt_judge(result) != FAILURE_slow_down)
        return 0;
    int64_t wait = result->retry_after_ms > 0 ? result->retry_after_ms : SLOW_DOWN_MS;
    return wait < RETRY_AFTER_MAX_MS ? wait : RETRY_AFTER_MAX_MS;
}

int64_t quiet_end(int64_t at, struct text zone, int quiet_from, int quiet_to)
{
    const int64_t day_ms = INT64_C(86400) * 1000;
    struct civil local, end;
    if (quiet_from == QUIET_NONE || quiet_to == QUIET_NONE || !instant_to_civil(zone, at, &local))
        return at;
    int minute = 60 * local.hour + local.minute;
    bool overnight = quiet_from > quiet_to;
    bool quiet = overnight ? minute >= quiet_from || minute < quiet_to
                           : minute >= quiet_from && minute < quiet_to;
    if (!quiet)
        return at;
    bool tomorrow = overnight && minute >= quiet_from;
    int64_t until, noon;
    /* A day after noon is the next day, also where that has 23 hours or 25. */
    local.hour = 12;
    local.minute = local.second = 0;
    if (!instant_from_civil(zone, local, &noon) ||
        !instant_to_civil(zone, noon + (tomorrow ? day_ms : 0), &end))
        return at;
    end.hour = quiet_to / 60;
    end.minute = quiet_to % 60;
    end.second = 0;
    return instant_from_civil(zone, end, &until) && until > at ? until : at;
}
