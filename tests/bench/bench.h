/* What the programs of `make bench` share. */
#ifndef ZTC_TESTS_BENCH_BENCH_H
#define ZTC_TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t bench_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int bench_by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorts the samples; of none it is 0. */
static inline uint32_t bench_quantile(uint32_t *samples, size_t count, unsigned percent)
{
    qsort(samples, count, sizeof *samples, bench_by_size);
    return count == 0 ? 0 : samples[count * percent / 100];
}

#endif
