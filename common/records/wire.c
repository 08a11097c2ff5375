#include "records/wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

int64_t wire_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The events that happened; 0 at the deadline, -1 when polling itself fails. */
static int wire_poll(int socket, short events, int64_t deadline_ms)
{
    for (;;) {
        int timeout_ms = -1;
        if (deadline_ms != WIRE_FOREVER) {
            int64_t left = deadline_ms - wire_now_ms();
            timeout_ms = left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
        }
        struct pollfd one = {.fd = socket, .events = events};
        int ready = poll(&one, 1, timeout_ms);
        if (ready > 0)
            return one.revents;
        if (ready == 0 && timeout_ms != INT_MAX)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -1;
    }
}

static int64_t wire_deadline(int64_t silence_ms)
{
    return silence_ms == WIRE_FOREVER ? WIRE_FOREVER : wire_now_ms() + silence_ms;
}

static void wire_ignore_notice(void *argument, const PGresult *result)
{
    (void)argument;
    (void)result;
}

static bool wire_handshake(PGconn *conn, int64_t deadline_ms)
{
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (want != PGRES_POLLING_OK) {
        if (want == PGRES_POLLING_FAILED || PQsocket(conn) < 0)
            return false;
        short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (wire_poll(PQsocket(conn), events, deadline_ms) <= 0)
            return false;
        want = PQconnectPoll(conn);
    }
    return true;
}

PGconn *wire_open(const char *conninfo, const char *application, int64_t deadline_ms)
{
    /* Of a name given twice libpq takes the later one. A server that is gone is noticed within
     * 15 s of sending, or 25 s of waiting for it. */
    const char *names[] = {"dbname",           "application_name", "client_encoding",
                           "keepalives",       "keepalives_idle",  "keepalives_interval",
                           "keepalives_count", "tcp_user_timeout", NULL};
    const char *values[] = {conninfo, application, "UTF8", "1", "10", "5", "3", "15000", NULL};
    PGconn *conn = PQconnectStartParams(names, values, 1);
    if (conn == NULL)
        return NULL;
    PQsetNoticeReceiver(conn, wire_ignore_notice, NULL);
    if (PQstatus(conn) != CONNECTION_BAD && wire_handshake(conn, deadline_ms))
        PQsetnonblocking(conn, 1);
    return conn;
}

bool wire_flush(PGconn *conn, int64_t silence_ms)
{
    for (;;) {
        int state = PQflush(conn);
        if (state <= 0)
            return state == 0;
        int events = wire_poll(PQsocket(conn), POLLIN | POLLOUT, wire_deadline(silence_ms));
        if (events <= 0)
            return false;
        if ((events & ~POLLOUT) != 0 && PQconsumeInput(conn) == 0)
            return false;
    }
}

bool wire_result(PGconn *conn, int64_t silence_ms, PGresult **result)
{
    *result = NULL;
    while (PQisBusy(conn) != 0) {
        int waiting = PQflush(conn);
        if (waiting < 0)
            return false;
        short want = waiting > 0 ? POLLIN | POLLOUT : POLLIN;
        int events = wire_poll(PQsocket(conn), want, wire_deadline(silence_ms));
        if (events <= 0)
            return false;
        if ((events & ~POLLOUT) != 0 && PQconsumeInput(conn) == 0)
            return false;
    }
    *result = PQgetResult(conn);
    return true;
}
