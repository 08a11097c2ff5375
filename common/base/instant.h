/* Instants: milliseconds since 1970-01-01T00:00:00Z. Zones are IANA names, resolved by ICU with its
 * own table of zones. Pure: nothing here reads a clock. */
#ifndef ZTC_BASE_INSTANT_H
#define ZTC_BASE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define INSTANT_ABSENT INT64_MIN
/* Outside these an instant is refused: years 1900 to 2200. */
#define INSTANT_MIN      (-2208988800000LL)
#define INSTANT_MAX      7258118400000LL
#define INSTANT_TEXT_MAX 32

/* True when ICU knows the zone by exactly this name. */
bool instant_zone_known(struct text zone);

/* "2026-03-01T09:00:00.000Z" or with an offset; seconds' fraction optional. */
bool instant_parse(struct text rfc3339, int64_t *instant);
/* Always UTC, millisecond precision, into a buffer of INSTANT_TEXT_MAX bytes; returns it. "-" for
 * an instant outside the bounds, an absent one included; so do the next, for an unknown zone too,
 * and quarter_format. */
const char *instant_format(int64_t instant, char *buffer);
/* "2026-03-01 09:00" in the zone, for people. */
const char *instant_format_local(int64_t instant, struct text zone, char *buffer);

/* A local civil time to its instant. An hour that occurs twice is its first occurrence (product.md,
 * "People's times"); one that is skipped is moved forward by the gap. False: no such date or zone.
 */
struct civil {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};
bool instant_from_civil(struct text zone, struct civil civil, int64_t *instant);
bool instant_to_civil(struct text zone, int64_t instant, struct civil *civil);

/* The calendar quarter of an instant in the zone, as year × 4 + (quarter - 1); -1: unknown zone. */
int32_t instant_quarter(struct text zone, int64_t instant);
/* "2026Q1" into a buffer of at least 16 bytes, and back (-1: not such a text). */
const char *quarter_format(int32_t quarter, char *buffer);
int32_t quarter_parse(struct text t);

#endif
