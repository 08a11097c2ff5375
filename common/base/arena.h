/* Memory that is given out piece by piece and released at once: one arena per batch or message.
 * Allocation aborts the process only when the system itself has no memory (crash-only; the
 * supervisor restarts it): every length that comes from outside is bounded before it gets here. */
#ifndef ZTC_BASE_ARENA_H
#define ZTC_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/text.h"

struct arena;

struct arena *arena_new(void);
void arena_destroy(struct arena **arena);
void arena_reset(struct arena *arena); /* keeps the first block for reuse */

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
/* count × size with the product checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
struct text arena_text(struct arena *arena, struct text t);    /* a copy, NUL-terminated */
struct bytes arena_bytes(struct arena *arena, struct bytes b); /* a copy */
const char *arena_string(struct arena *arena, struct text t);  /* a NUL-terminated copy */
struct text arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct text arena_vformat(struct arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
size_t arena_used(const struct arena *arena); /* bytes given out since the last reset */

#endif
