/* The keeper of the live queue: a thread of its own that brings committed changes to Redis, with
 * its own connections. Whatever happens to Redis, the desk only appends to a bounded queue here and
 * goes on. What did not fit, or finds a gap in Redis, is rebuilt from the records; every few
 * seconds, and after each reconnect, all squads' positions are compared. */
#ifndef ZTC_DISPATCH_SHELL_KEEPER_H
#define ZTC_DISPATCH_SHELL_KEEPER_H

#include "live/live.h"
#include "runtime/config.h"

#define LIVE_TIMEOUT_MS 1000

struct queue_keeper;

/* The settings' texts must outlive it. */
struct queue_keeper *queue_keeper_new(const struct config *config);
bool queue_keeper_start(struct queue_keeper *keeper);
/* Stops the thread if it was started. What is not yet in Redis is found by the next start's
 * comparison. */
void queue_keeper_destroy(struct queue_keeper **keeper);

/* The lease is this process's: from now on the keeper works, beginning with a comparison. */
void queue_keeper_open(struct queue_keeper *keeper);
/* Committed changes, in the order of their positions; copied. Never blocks for long. */
void queue_keeper_push(struct queue_keeper *keeper, const struct live_change *changes,
                       size_t count);

#endif
