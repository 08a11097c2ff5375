/* /metrics, /healthz and /readyz over HTTP (libmicrohttpd, a thread of its own; GET and HEAD only,
 * small limits). /healthz: 200 while the process's loops turn (each must have beaten within 10 s),
 * else 503 naming the stuck one. /readyz: 200 when every named condition holds, else 503 with those
 * that do not, one per line. Each answer says the version of this build. */
#ifndef ZTC_RUNTIME_HEALTH_H
#define ZTC_RUNTIME_HEALTH_H

#include <stdbool.h>

#define HEALTH_VERSION_HEADER "Ztc-Version"

enum health_loop { HEALTH_FRONT, HEALTH_WRITER, HEALTH_LOOP_COUNT };
enum health_condition {
    HEALTH_RECORDS,
    HEALTH_LEASE,
    HEALTH_PEERS,
    HEALTH_CAUGHT_UP,
    HEALTH_CONDITION_COUNT
};

struct health;
/* Listens on "address:port", IPv4 in figures; port 0 is a free one. NULL: errno says why. One per
 * process: what is told below is the process's. Each loop is taken to beat at this moment.
 * `service` is kept, not copied. */
struct health *health_new(const char *service, const char *listen_on);
void health_destroy(struct health **health);
int health_port(const struct health *health); /* as bound */
void health_beat(enum health_loop loop);
void health_set(enum health_condition condition, bool holds);
bool health_is_ready(void);

#endif
