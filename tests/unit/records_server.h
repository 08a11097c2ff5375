/* A database of a test program's own on the server of ZTC_TEST_DSN (a superuser's), dropped at its
 * end, and a relay in front of the server that can be frozen or cut. Without ZTC_TEST_DSN the
 * program fails: a test that did not run has not passed. */
#ifndef ZTC_TEST_RECORDS_SERVER_H
#define ZTC_TEST_RECORDS_SERVER_H

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "records/records.h"

#define SERVER_DSN_MAX 1024

static inline void server_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline const char *server_base(void)
{
    const char *dsn = getenv("ZTC_TEST_DSN");
    if (dsn == NULL || dsn[0] == '\0')
        server_die("ZTC_TEST_DSN", "not set; it names a PostgreSQL superuser for tests");
    return dsn;
}

/* The test server's conninfo with other settings appended; libpq takes the last of a name. */
static inline const char *server_dsn(char buffer[SERVER_DSN_MAX], const char *more)
{
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(server_base(), &error);
    if (options == NULL)
        server_die("ZTC_TEST_DSN", error);
    size_t used = 0;
    for (PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val != NULL)
            used += (size_t)snprintf(buffer + used, SERVER_DSN_MAX - used, "%s='%s' ", o->keyword,
                                     o->val);
    }
    snprintf(buffer + used, SERVER_DSN_MAX - used, "%s", more);
    PQconninfoFree(options);
    return buffer;
}

static inline PGconn *server_connect(const char *dsn)
{
    PGconn *conn = PQconnectdb(dsn);
    if (PQstatus(conn) != CONNECTION_OK)
        server_die("connect", PQerrorMessage(conn));
    return conn;
}

/* One statement as the superuser; its first value, in `value` when that is not NULL. False: it
 * failed, `value` holding the SQLSTATE. */
static inline bool server_try(const char *dsn, const char *sql, char value[64])
{
    PGconn *conn = server_connect(dsn);
    PGresult *result = PQexec(conn, sql);
    bool done =
        PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    if (value != NULL && done)
        snprintf(value, 64, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    else if (value != NULL)
        snprintf(value, 64, "%s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
    PQclear(result);
    PQfinish(conn);
    return done;
}

static inline void server_do(const char *dsn, const char *sql)
{
    char value[64];
    if (!server_try(dsn, sql, value))
        server_die(sql, value);
}

static inline const char *server_database_new(char dsn[SERVER_DSN_MAX], const char *name)
{
    char text[SERVER_DSN_MAX];
    server_dsn(dsn, "");
    snprintf(text, sizeof text, "CREATE DATABASE %s_%d TEMPLATE template0 ENCODING 'UTF8'", name,
             (int)getpid());
    server_do(dsn, text);
    snprintf(text, sizeof text, "dbname=%s_%d", name, (int)getpid());
    return server_dsn(dsn, text);
}

static inline void server_database_drop(const char *name)
{
    char dsn[SERVER_DSN_MAX];
    char text[SERVER_DSN_MAX];
    snprintf(text, sizeof text, "DROP DATABASE IF EXISTS %s_%d WITH (FORCE)", name, (int)getpid());
    server_do(server_dsn(dsn, ""), text);
}

/* The relay: one connection at a time, from a port of its own to the server. */
struct relay {
    int listener;
    int port;
    char target[SERVER_DSN_MAX];
    _Atomic bool frozen; /* nothing passes, nothing closes */
    _Atomic bool cut;    /* both sides are closed, and each new connection at once */
    _Atomic bool stop;
    pthread_t thread;
};

static inline int relay_dial(const char *dsn)
{
    PGconn *conn = server_connect(dsn);
    const char *host = PQhost(conn);
    int port = atoi(PQport(conn));
    int to = -1;
    if (host[0] == '/') {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%.80s/.s.PGSQL.%d", host, port);
        to = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(to, (struct sockaddr *)&address, sizeof address) != 0)
            server_die("relay", "no connection to the server's socket");
    } else {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        inet_pton(AF_INET, PQhostaddr(conn), &address.sin_addr);
        to = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(to, (struct sockaddr *)&address, sizeof address) != 0)
            server_die("relay", "no connection to the server's port");
    }
    PQfinish(conn);
    return to;
}

static inline bool relay_move(int from, int to)
{
    char buffer[65536];
    ssize_t got = recv(from, buffer, sizeof buffer, 0);
    for (ssize_t done = 0; done < got;) {
        ssize_t sent = send(to, buffer + done, (size_t)(got - done), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        done += sent;
    }
    return got > 0;
}

static inline void relay_pass(struct relay *relay, int client)
{
    int server = relay_dial(relay->target);
    bool open = true;
    while (open && !relay->cut && !relay->stop) {
        struct pollfd both[2] = {{.fd = client, .events = POLLIN},
                                 {.fd = server, .events = POLLIN}};
        if (relay->frozen) {
            poll(NULL, 0, 10);
            continue;
        }
        if (poll(both, 2, 10) <= 0)
            continue;
        if (both[0].revents != 0)
            open = relay_move(client, server);
        if (open && both[1].revents != 0)
            open = relay_move(server, client);
    }
    close(server);
}

static inline void *relay_main(void *argument)
{
    struct relay *relay = argument;
    while (!relay->stop) {
        struct pollfd one = {.fd = relay->listener, .events = POLLIN};
        if (poll(&one, 1, 10) <= 0)
            continue;
        int client = accept(relay->listener, NULL, NULL);
        if (client < 0)
            continue;
        if (!relay->cut)
            relay_pass(relay, client);
        close(client);
    }
    return NULL;
}

static inline struct relay *relay_new(const char *target)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        abort();
    snprintf(relay->target, sizeof relay->target, "%s", target);
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(relay->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(relay->listener, 8) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &length) != 0)
        server_die("relay", "no port to listen on");
    relay->port = ntohs(address.sin_port);
    if (pthread_create(&relay->thread, NULL, relay_main, relay) != 0)
        server_die("relay", "no thread");
    return relay;
}

static inline void relay_destroy(struct relay **relay)
{
    (*relay)->stop = true;
    pthread_join((*relay)->thread, NULL);
    close((*relay)->listener);
    free(*relay);
    *relay = NULL;
}

#endif
