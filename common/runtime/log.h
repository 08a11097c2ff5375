/* One line per happening on stderr, logfmt or JSON:
 *
 *   time=2026-03-01T09:00:00.123Z level=info service=dispatch instance=dispatch-1 msg=written
 *
 * No contact data and no message bodies ever go in. Lines are whole: one write each, or one write
 * for a batch of lines. Thread-safe once open. What stderr refuses is dropped: a log never stops
 * its process (SIGPIPE is the program's to ignore). */
#ifndef ZTC_RUNTIME_LOG_H
#define ZTC_RUNTIME_LOG_H

#include <stdbool.h>

#include "base/text.h"

enum log_level {
    LEVEL_DEBUG,
    LEVEL_INFO,
    LEVEL_WARN,
    LEVEL_ERROR
}; /* not LOG_…: those are syslog.h's */

/* Before this: level info, logfmt, no service. The names are kept, not copied; `level` and `format`
 * are words of config.def. Not to be called while other threads log. */
void log_open(const char *service, const char *instance, const char *level, const char *format);
bool log_is_on(enum log_level level);

/* log_line(LEVEL_INFO, "booked", {"order", log_int(12)}, {"squad", log_text(squad)}): pairs of key
 * and value. Values are quoted and escaped as needed and clipped at LOG_VALUE_MAX bytes; telephone
 * numbers in them (11 digits 1xxxxxxxxxx, also after 86 or 0086, also in groups; landlines with
 * their area's code apart) are masked 138****1234; what is not UTF-8 becomes U+FFFD. Numbers go as
 * they are. Pairs that do not fit in LOG_LINE_MAX are left out, and cut=true says so. */
#define LOG_VALUE_MAX 512
#define LOG_LINE_MAX  8192
struct log_value {
    int kind; /* 0 text, 1 int */
    struct text text;
    int64_t number;
};
struct log_pair {
    const char *key;
    struct log_value value;
};
static inline struct log_value log_text(struct text t)
{
    return (struct log_value){.kind = 0, .text = t};
}
static inline struct log_value log_string(const char *s)
{
    return (struct log_value){.kind = 0, .text = text_of(s)};
}
static inline struct log_value log_int(int64_t n)
{
    return (struct log_value){.kind = 1, .number = n};
}
void log_pairs(enum log_level level, const char *message, const struct log_pair *pairs,
               size_t count);
#define log_line(level, message, ...)                                                              \
    do {                                                                                           \
        if (log_is_on(level)) {                                                                    \
            const struct log_pair log_pairs_[] = {{NULL, {0, {NULL, 0}, 0}}, __VA_ARGS__};         \
            log_pairs(level, message, log_pairs_ + 1, sizeof log_pairs_ / sizeof *log_pairs_ - 1); \
        }                                                                                          \
    } while (0)

/* Between these, this thread's lines are kept and then written at once (a batch writes once); 64
 * KiB at a time when they are more. They nest. */
void log_hold(void);
void log_release(void);

#endif
