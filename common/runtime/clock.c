#include "runtime/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/text.h"

#define CLOCK_FILE_BYTES 32 /* sign, 19 digits, a newline and some room */

static enum { FROM_SYSTEM, FROM_INSTANT, FROM_FILE } source;
static int64_t start_ms;           /* FROM_INSTANT: business time less monotonic time */
static int descriptor = -1;        /* FROM_FILE */
static atomic_int_least64_t known; /* FROM_FILE: the last number read */

static int64_t read_us(clockid_t id)
{
    struct timespec now = {0, 0};
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* False: the file does not hold a number, as while somebody writes it. */
static bool read_file(int file, int64_t *instant)
{
    char content[CLOCK_FILE_BYTES];
    ssize_t length = pread(file, content, sizeof content, 0);
    if (length <= 0)
        return false;
    struct text t = {content, (size_t)length};
    while (t.length > 0 && strchr(" \t\r\n", t.at[t.length - 1]) != NULL)
        t.length--;
    int64_t value;
    if (!text_to_int(t, &value) || value < INSTANT_MIN || value > INSTANT_MAX)
        return false;
    *instant = value;
    return true;
}

static bool open_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    int64_t instant;
    if (!read_file(file, &instant)) {
        close(file);
        return false;
    }
    if (descriptor >= 0)
        close(descriptor);
    descriptor = file;
    atomic_store(&known, instant);
    source = FROM_FILE;
    return true;
}

bool clock_open(const char *setting)
{
    if (setting[0] == '/')
        return open_file(setting);
    int64_t instant = 0;
    bool system = strcmp(setting, "system") == 0;
    if (!system && !instant_parse(text_of(setting), &instant))
        return false;
    start_ms = instant - clock_monotonic_ms();
    source = system ? FROM_SYSTEM : FROM_INSTANT;
    if (descriptor >= 0)
        close(descriptor);
    descriptor = -1;
    return true;
}

int64_t clock_now_ms(void)
{
    int64_t instant;
    switch (source) {
    case FROM_SYSTEM:
        return read_us(CLOCK_REALTIME) / 1000;
    case FROM_INSTANT:
        return start_ms + clock_monotonic_ms();
    case FROM_FILE:
        break;
    }
    if (!read_file(descriptor, &instant))
        return atomic_load_explicit(&known, memory_order_relaxed);
    atomic_store_explicit(&known, instant, memory_order_relaxed);
    return instant;
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}
