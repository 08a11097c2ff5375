/* Signed webhooks (Standard Webhooks 1.0): how one is signed, when it is tried again, what an
 * answer means. Pure. */
#ifndef ZTC_NOTIFICATION_CORE_WEBHOOK_H
#define ZTC_NOTIFICATION_CORE_WEBHOOK_H

#include "base/url.h"
#include "services/notification/core_rulebook.h"

#define SECRET_PREFIX    "whsec_"
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64

/* "whsec_" and base64 to its bytes, in the arena. False: it is not such a secret. */
bool secret_read(struct text secret, struct arena *arena, struct bytes *bytes);
/* "v1,<base64>": HMAC-SHA256 of `id.seconds.body`. */
struct text webhook_signature(struct bytes secret, struct text id, int64_t seconds,
                              struct text body, struct arena *arena);

/* --- attempts --- */

enum failure {
#define FAILURE(name, zh, en) FAILURE_##name,
#include "services/notification/failure.def"
#undef FAILURE
    FAILURE_COUNT
};
extern const struct words words_failure;

/* Where a delivery stands. */
enum outcome {
#define WORD(name, zh, en) OUTCOME_##name,
#include "services/notification/outcome.def"
#undef WORD
    OUTCOME_COUNT
};
extern const struct words words_outcome;

/* What became of one attempt. */
struct attempt_result {
    int status;             /* HTTP status; 0: none came */
    enum failure trouble;   /* when none came: why */
    int64_t retry_after_ms; /* as the endpoint asked; 0: it did not */
};
enum failure attempt_judge(const struct attempt_result *result);

#define ATTEMPTS_MAX       10
#define RETRY_AFTER_MAX_MS (INT64_C(3600) * 1000)
#define SLOW_DOWN_MS       (INT64_C(60) * 1000) /* when an endpoint asks for less and says no time */
/* When to try again after `tries` failures; INSTANT_ABSENT: no more. `seed`: what the jitter is
 * drawn from, so that many that failed together do not come back together. */
int64_t retry_due(int tries, int64_t now, uint64_t seed);
/* How long an endpoint that asks for less is left alone; 0: it does not ask. */
int64_t slow_down_ms(const struct attempt_result *result);

/* `at`, or the end of the quiet hours that it falls into. */
int64_t quiet_end(int64_t at, struct text zone, int quiet_from, int quiet_to);

#endif
