/* libpq without blocking for ever: every wait has a deadline. Connections are in non-blocking mode,
 * so that sending a big pipeline keeps reading the answers to its beginning; a blocking sender and
 * a server that blocks on its answers would wait for each other. */
#ifndef ZTC_RECORDS_WIRE_H
#define ZTC_RECORDS_WIRE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define WIRE_FOREVER INT64_MAX

int64_t wire_now_ms(void); /* monotonic */

/* A connection that is open, non-blocking and not yet in pipeline mode; or one whose PQstatus is
 * not CONNECTION_OK, holding the message; NULL without memory. conninfo's own settings win only
 * where we have no opinion. */
PGconn *wire_open(const char *conninfo, const char *application, int64_t deadline_ms);

/* Sends what libpq has buffered, reading meanwhile. False: broken, or nothing moved either way for
 * silence_ms (WIRE_FOREVER: no limit). */
bool wire_flush(PGconn *conn, int64_t silence_ms);

/* PQgetResult once it does not block; `*result` may be NULL as PQgetResult's may. False as above.
 */
bool wire_result(PGconn *conn, int64_t silence_ms, PGresult **result);

#endif
