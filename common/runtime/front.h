/* The front: the thread that owns a service's sockets. It takes requests in, checks who asks and
 * what, hands them to the desk or the reader, relays what another service owns, sends answers and
 * publications. One loop, no waiting on anything but the sockets. */
#ifndef ZTC_RUNTIME_FRONT_H
#define ZTC_RUNTIME_FRONT_H

#include "runtime/desk_thread.h"
#include "runtime/service.h"

struct front;

struct front *front_new(const struct service_definition *definition, const struct config *config);
void front_destroy(struct front **front);
/* Opens the sockets and starts the threads. False: `log` says why. */
bool front_open(struct front *front);
/* Runs until SIGINT or SIGTERM (delivered through `stop_descriptor`, readable then), then stops
 * gracefully. False: it ended because its face to the outside could not be opened; `log` says why.
 */
bool front_run(struct front *front, int stop_descriptor);

#endif
