/* Counters and gauges of metrics.def, as process-wide atomics. */
#ifndef ZTC_RUNTIME_METRICS_H
#define ZTC_RUNTIME_METRICS_H

#include <stddef.h>
#include <stdint.h>

enum metric {
#define METRIC(name, kind, zh, en) METRIC_##name,
#include "runtime/metrics.def"
#undef METRIC
    METRIC_COUNT
};

void metric_add(enum metric metric, int64_t amount);
void metric_set(enum metric metric, int64_t value);
int64_t metric_get(enum metric metric);
/* Prometheus' text format into a malloc'ed string. NULL: no memory. */
char *metrics_print(const char *service, size_t *length);

#endif
