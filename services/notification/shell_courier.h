/* The courier: one thread with a connection of its own that sends what is due to endpoints (libcurl
 * multi) and records what became of it. The desk writes deliveries; the courier takes them from
 * there, so that a kill between the two loses nothing: what was sent and not yet recorded is sent
 * again under the same webhook-id.
 *
 * So many transfers at a time, few of them to one endpoint, and one to an endpoint that failed
 * last: a slow or dead one holds its own places only. Times are the runtime's clock's; timeouts of
 * a transfer are real time. It works only while this process holds the lease. */
#ifndef ZTC_NOTIFICATION_SHELL_COURIER_H
#define ZTC_NOTIFICATION_SHELL_COURIER_H

#include "base/url.h"
#include "runtime/config.h"
#include "services/notification/shell_seal.h"

struct courier;
/* Keeps `config` and `seal`. */
struct courier *courier_new(const struct config *config, const struct seal *seal,
                            const struct url_policy *urls);
void courier_destroy(struct courier **courier); /* stops it first */
bool courier_start(struct courier *courier);
/* Thread-safe. */
void courier_own(struct courier *courier, int64_t epoch); /* the lease that is held by now */
void courier_wake(struct courier *courier);               /* something new may be due */

#endif
