/* An event as other systems read it: CloudEvents 1.0. */
#ifndef ZTC_EVENTS_CLOUD_H
#define ZTC_EVENTS_CLOUD_H

#include "events/envelope.h"

#define CLOUD_EVENT_TYPE "application/cloudevents+json"

/* One CloudEvent in structured JSON, in the arena: `id`, `source`, `type`, `subject` and `time` as
 * our own envelope has them, `data` the event's fields by name (times in ms), and the registered
 * extensions `sequence` (the order's version, as text), `recordedtime`, `traceparent`. */
struct text cloud_event(const struct event *event, struct arena *arena);

#endif
