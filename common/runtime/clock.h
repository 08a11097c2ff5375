/* The clock that everything asks: the system's, or a virtual one for tests (ZTC_CLOCK). Thread-safe
 * once open. */
#ifndef ZTC_RUNTIME_CLOCK_H
#define ZTC_RUNTIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* "system"; an RFC 3339 instant, where the clock starts and then runs; or the absolute path of a
 * file whose content is the time in ms since the epoch, read anew at each call. The file stays
 * open: it is to be written in place, not replaced; while it holds no number, the last one stands.
 * False: the setting is none of these, and the clock is as it was. Not to be called while other
 * threads ask. */
bool clock_open(const char *setting);
int64_t clock_now_ms(void);       /* business time, ms since the epoch */
int64_t clock_monotonic_ms(void); /* for waiting and measuring; always the system's */
int64_t clock_monotonic_us(void);

#endif
