/* A run of UTF-8 bytes with its length; not owned, not NUL-terminated unless said so. */
#ifndef ZTC_BASE_TEXT_H
#define ZTC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *at;
    size_t length;
};

/* Raw bytes, of no particular encoding. */
struct bytes {
    const uint8_t *at;
    size_t length;
};

#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
#define TEXT_ARG(t)   (int)(t).length, (t).at /* for "%.*s" */
#define CODE_MAX      64                      /* bytes of an organisation's or category's code */

struct text text_of(const char *string); /* NULL gives the empty text */
bool text_equal(struct text a, struct text b);
int text_compare(struct text a, struct text b); /* by bytes, as PostgreSQL's COLLATE "C" */
uint64_t text_hash(struct text t);              /* FNV-1a; for in-memory tables only */

/* True when every byte is part of well-formed UTF-8 and none is NUL (PostgreSQL stores neither). */
bool text_is_clean(struct text t);

/* True for 1..CODE_MAX bytes of [a-z0-9_.-] that begin with a letter or digit. */
bool text_is_code(struct text t);

/* True for a date of the calendar as YYYY-MM-DD, of the years 1900 to 2200. */
#define DATE_LENGTH 10
bool text_is_date(struct text t);

/* Decimal text to number; false when it is not exactly one, or does not fit. */
bool text_to_int(struct text t, int64_t *value);

#endif
