#include "runtime/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNTER "counter"
#define GAUGE   "gauge"

static const struct row {
    const char *name, *kind, *en;
} rows[METRIC_COUNT] = {
#define METRIC(name, kind, zh, en) {"ztc_" #name, kind, en},
#include "runtime/metrics.def"
#undef METRIC
};

static atomic_int_least64_t values[METRIC_COUNT];

void metric_add(enum metric metric, int64_t amount)
{
    atomic_fetch_add_explicit(&values[metric], amount, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

int64_t metric_get(enum metric metric)
{
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

char *metrics_print(const char *service, size_t *length)
{
    char *page = NULL;
    FILE *out = open_memstream(&page, length);
    if (out == NULL)
        return NULL;
    for (int m = 0; m < METRIC_COUNT; m++)
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s{service=\"%s\"} %" PRId64 "\n", rows[m].name,
                rows[m].en, rows[m].name, rows[m].kind, rows[m].name, service,
                metric_get((enum metric)m));
    if (fclose(out) == 0)
        return page;
    free(page);
    return NULL;
}
