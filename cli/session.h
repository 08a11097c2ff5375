/* One connection to a CURVE face, intake's feed or reporting's queries: a bounded number of
 * requests in flight, each repeated with the same id until it has an answer that is not `retry`, or
 * its time is over. Answers are matched by id and may come in any order. One thread. */
#ifndef ZTC_CLI_SESSION_H
#define ZTC_CLI_SESSION_H

#include "events/envelope.h"

#define SESSION_IN_FLIGHT_MAX 4096

struct session;

/* The last word on a request. `frame` are the answer's bytes; empty when there was none: then
 * answer->status is ANSWER_RETRY and the refusal the last one told, or `unanswered`. What both
 * point to lives until the callback returns. It may send. */
typedef void session_done(void *context, const struct answer *answer, struct bytes frame);

struct session_settings {
    const char *endpoint;
    const char *server_key;  /* Z85 */
    const char *certificate; /* file of the caller's secret certificate */
    int64_t timeout_ms;      /* for one request, all its repeats included */
    size_t in_flight;        /* 1..SESSION_IN_FLIGHT_MAX */
};

/* Texts must outlive the session. NULL: the endpoint or the certificate cannot be used. */
struct session *session_new(const struct session_settings *settings);
void session_destroy(struct session **session); /* what is in flight is forgotten */

/* Sends, after waiting for a free place; `id` and `frame` must live until `done` was called. */
void session_send(struct session *session, struct text id, struct bytes frame, session_done *done,
                  void *context);
/* Takes what comes within wait_ms and repeats what is due. */
void session_pump(struct session *session, int wait_ms);
/* Until nothing is in flight. */
void session_drain(struct session *session);

/* One request and its answer, both in the arena. Waits only for this one. */
void session_ask(struct session *session, struct text id, struct bytes frame, struct arena *arena,
                 struct answer *answer, struct bytes *answer_frame);

size_t session_in_flight(const struct session *session);
uint64_t session_repeats(const struct session *session); /* sent again so far */

#endif
