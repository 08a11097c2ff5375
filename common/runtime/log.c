#include "runtime/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "runtime/clock.h"

#define LOG_BUFFER_BYTES 65536
#define LOG_TAIL_BYTES   24 /* room kept for the end of a line: cut=true, brace, newline */
#define LOG_HEAD_MAX     1024
#define LOG_WAIT_MS      100
#define LOG_WAITS_MAX    10 /* a stderr that takes nothing for a second loses the lines */

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    const char *service, *instance;
    int times_opened;
    enum log_level level;
    bool json;
} settings = {.level = LEVEL_INFO};

/* This thread's lines that are not written yet. */
static _Thread_local struct {
    char at[LOG_BUFFER_BYTES];
    size_t used;
    unsigned holds;
} kept;

/* A line being made in the buffer; `limit` leaves room for its tail. */
struct line {
    char *at;
    size_t used, limit;
    bool full;
};

void log_open(const char *service, const char *instance, const char *level, const char *format)
{
    settings.service = service;
    settings.instance = instance;
    settings.times_opened++;
    settings.json = strcmp(format, "json") == 0;
    settings.level = LEVEL_INFO;
    for (int l = LEVEL_DEBUG; l <= LEVEL_ERROR; l++)
        if (strcmp(level, level_names[l]) == 0)
            settings.level = (enum log_level)l;
}

bool log_is_on(enum log_level level)
{
    return level >= settings.level;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_all(const char *at, size_t length)
{
    int waits = 0;
    while (length > 0 && waits < LOG_WAITS_MAX) {
        ssize_t done = write(STDERR_FILENO, at, length);
        if (done >= 0) {
            at += done;
            length -= (size_t)done;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd stderr_ready = {.fd = STDERR_FILENO, .events = POLLOUT};
            poll(&stderr_ready, 1, LOG_WAIT_MS);
            waits++;
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* One thread at a time: a pipe takes no more than 4 KiB whole. */
static void flush(void)
{
    static pthread_mutex_t one_writer = PTHREAD_MUTEX_INITIALIZER;
    if (kept.used == 0)
        return;
    int before = errno;
    pthread_mutex_lock(&one_writer);
    write_all(kept.at, kept.used);
    pthread_mutex_unlock(&one_writer);
    kept.used = 0;
    errno = before;
}

void log_hold(void)
{
    kept.holds++;
}

void log_release(void)
{
    if (kept.holds > 0 && --kept.holds == 0)
        flush();
}

/* --- making a line ---------------------------------------------------------------------------- */

static void put(struct line *line, const char *at, size_t length)
{
    if (line->full || length > line->limit - line->used) {
        line->full = true;
        return;
    }
    memcpy(line->at + line->used, at, length);
    line->used += length;
}

static void put_string(struct line *line, const char *string)
{
    put(line, string, strlen(string));
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the well-formed UTF-8 character at the beginning of t; 0: none. */
static size_t character_length(struct text t)
{
    unsigned char lead = (unsigned char)t.at[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    return length > 0 && length <= t.length && text_is_clean((struct text){t.at, length}) ? length
                                                                                          : 0;
}

/* The digits of a telephone number that begin at `from`, of a run of digits `run` long: a mobile
 * number of eleven, perhaps after the country's code. Returns where its eleven digits begin, or
 * `run` when it is none. */
static size_t telephone_at(const char *from, size_t run)
{
    size_t before = run >= 11 ? run - 11 : run;
    bool prefix = before == 0 || (before == 2 && memcmp(from, "86", 2) == 0) ||
                  (before == 4 && memcmp(from, "0086", 4) == 0);
    return run >= 11 && prefix && from[before] == '1' ? before : run;
}

/* The length of a number in groups at `from`, as people write it: 138 5742 1234, 138-5742-1234,
 * 0574-87654321; 0: there is none. No digit stands before it. */
static size_t grouped_length(struct text t, size_t from)
{
    static const struct {
        const char *beginning;
        size_t groups[3]; /* digits of each; 0: no more */
    } shapes[] = {{"1", {3, 4, 4}}, {"0", {3, 8, 0}}, {"0", {4, 8, 0}}, {"0", {4, 7, 0}}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t at = from;
        bool fits = t.at[from] == shapes[s].beginning[0];
        for (size_t g = 0; fits && g < 3 && shapes[s].groups[g] > 0; g++) {
            if (g > 0)
                fits = at < t.length && (t.at[at] == ' ' || t.at[at] == '-');
            at += g > 0;
            size_t end = at + shapes[s].groups[g];
            while (fits && at < end)
                fits = at < t.length && is_digit(t.at[at++]);
            fits = fits && (at == t.length || !is_digit(t.at[at]));
        }
        if (fits)
            return at - from;
    }
    return 0;
}

static void put_masked(struct line *line, const char *digits, size_t length)
{
    put(line, digits, 3);
    put_string(line, "****");
    put(line, digits + length - 4, 4);
}

static size_t put_digits(struct line *line, struct text t, size_t from)
{
    size_t run = 0, grouped = grouped_length(t, from);
    if (grouped > 0) {
        put_masked(line, t.at + from, grouped);
        return grouped;
    }
    while (from + run < t.length && is_digit(t.at[from + run]))
        run++;
    size_t telephone = telephone_at(t.at + from, run);
    if (telephone == run) {
        put(line, t.at + from, run < LOG_VALUE_MAX ? run : LOG_VALUE_MAX);
    } else {
        put(line, t.at + from, telephone);
        put_masked(line, t.at + from + telephone, run - telephone);
    }
    return run;
}

/* Control characters of both blocks: the second moves a terminal's cursor just as well. */
static bool is_control(const char *at, size_t length)
{
    unsigned char first = (unsigned char)at[0];
    return first < 0x20 || first == 0x7F ||
           (length == 2 && first == 0xC2 && (unsigned char)at[1] < 0xA0);
}

static void put_escaped(struct line *line, const char *at, size_t length)
{
    char escape[8];
    if (at[0] == '"' || at[0] == '\\') {
        put(line, (char[]){'\\', at[0]}, 2);
    } else if (at[0] == '\n') {
        put_string(line, "\\n");
    } else if (is_control(at, length)) {
        unsigned code = (unsigned char)at[length - 1];
        snprintf(escape, sizeof escape, "\\u%04x", code);
        put_string(line, escape);
    } else {
        put(line, at, length);
    }
}

static bool needs_quotes(struct text t)
{
    if (settings.json || t.length == 0)
        return true;
    for (size_t i = 0; i < t.length && i < LOG_VALUE_MAX; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F || c == 0xC2)
            return true;
    }
    return false;
}

/* What goes in as it is, as nearly all values do: no quote, no control character, nothing that a
 * telephone number could be in. */
static bool is_plain(struct text t)
{
    size_t run = 0;
    for (size_t i = 0; i < t.length; i++) {
        unsigned char c = (unsigned char)t.at[i];
        run = is_digit(t.at[i]) ? run + 1 : 0;
        if (run >= 11 || c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\' || c == '-')
            return false;
    }
    return t.length > 0 && t.length <= LOG_VALUE_MAX && !settings.json;
}

static void put_value(struct line *line, struct text t)
{
    if (is_plain(t)) {
        put(line, t.at, t.length);
        return;
    }
    bool quotes = needs_quotes(t);
    if (quotes)
        put(line, "\"", 1);
    for (size_t i = 0; i < t.length;) {
        if (i >= LOG_VALUE_MAX) {
            put_string(line, "…");
            break;
        }
        if (is_digit(t.at[i])) {
            i += put_digits(line, t, i);
            continue;
        }
        size_t length = character_length((struct text){t.at + i, t.length - i});
        if (length > 0)
            put_escaped(line, t.at + i, length);
        else
            put_string(line, "\uFFFD");
        i += length > 0 ? length : 1;
    }
    if (quotes)
        put(line, "\"", 1);
}

static void put_key(struct line *line, const char *key)
{
    if (settings.json) {
        put_string(line, line->used == 0 ? "{\"" : ",\"");
        put_string(line, key);
        put_string(line, "\":");
    } else {
        if (line->used > 0)
            put(line, " ", 1);
        put_string(line, key);
        put(line, "=", 1);
    }
}

/* A pair goes in whole or not at all. */
static void put_pair(struct line *line, const char *key, const struct log_value *value)
{
    size_t before = line->used;
    char number[24];
    put_key(line, key);
    if (value->kind == 1) {
        snprintf(number, sizeof number, "%" PRId64, value->number);
        put_string(line, number);
    } else {
        put_value(line, value->text);
    }
    if (line->full)
        line->used = before;
}

static void put_text_pair(struct line *line, const char *key, struct text value)
{
    struct log_value v = log_text(value);
    put_pair(line, key, &v);
}

/* When, how grave, whose: many lines have the same millisecond. */
static void put_head(struct line *line, enum log_level level)
{
    static _Thread_local char head[LOG_HEAD_MAX];
    static _Thread_local size_t length;
    static _Thread_local int64_t of_ms = INSTANT_ABSENT;
    static _Thread_local enum log_level of_level;
    static _Thread_local int of_times;
    int64_t now = clock_now_ms();
    if (now != of_ms || level != of_level || settings.times_opened != of_times) {
        char time[INSTANT_TEXT_MAX];
        struct line made = {head, 0, sizeof head, false};
        instant_format(now, time);
        put_text_pair(&made, "time", text_of(time));
        put_text_pair(&made, "level", text_of(level_names[level]));
        if (settings.service != NULL)
            put_text_pair(&made, "service", text_of(settings.service));
        if (settings.instance != NULL)
            put_text_pair(&made, "instance", text_of(settings.instance));
        length = made.used;
        of_ms = now;
        of_level = level;
        of_times = settings.times_opened;
    }
    put(line, head, length);
}

void log_pairs(enum log_level level, const char *message, const struct log_pair *pairs,
               size_t count)
{
    if (!log_is_on(level))
        return;
    if (kept.used > sizeof kept.at - LOG_LINE_MAX)
        flush();
    struct line line = {kept.at + kept.used, 0, LOG_LINE_MAX - LOG_TAIL_BYTES, false};
    put_head(&line, level);
    put_text_pair(&line, "msg", text_of(message));
    for (size_t i = 0; i < count; i++)
        put_pair(&line, pairs[i].key, &pairs[i].value);
    if (line.full) {
        line.full = false;
        line.limit = LOG_LINE_MAX;
        put_string(&line, settings.json ? ",\"cut\":true" : " cut=true");
    }
    put_string(&line, settings.json ? "}\n" : "\n");
    kept.used += line.used;
    if (kept.holds == 0)
        flush();
}
