/* The directory's events applied to a directory in memory. Every service feeds its own from
 * intake's log. */
#ifndef ZTC_EVENTS_FACTS_H
#define ZTC_EVENTS_FACTS_H

#include "domain/directory.h"
#include "events/envelope.h"

/* district_registered, category_registered, organisation_registered, key_registered,
 * bearer_registered; the last two are about who may call. */
bool event_is_key(enum event_type type);
bool event_is_fact(enum event_type type);

/* Puts the fact of a decoded event (event->data) into the directory, which copies it. False: not a
 * directory event, nothing was done. Events are applied in log order; a later one of the same key
 * replaces the earlier. */
bool fact_apply(struct directory *directory, const struct event *event);

#endif
