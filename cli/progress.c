#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define BAR_WIDTH        30
#define TERMINAL_STEP_MS 200
#define LINE_STEP_MS     5000
#define NUMBER_SIZE      32
#define LEFT_SIZE        64
#define MEGABYTE         1e6

void progress_begin(struct progress *progress, bool quiet)
{
    int64_t now = cli_monotonic_ms();
    *progress = (struct progress){
        .terminal = isatty(STDERR_FILENO) == 1, .quiet = quiet, .begun_ms = now, .said_ms = now};
}

const char *progress_number(int64_t number, char *buffer)
{
    char digits[NUMBER_SIZE];
    snprintf(digits, sizeof digits, "%lld", (long long)(number < 0 ? -number : number));
    size_t length = strlen(digits), at = 0;
    if (number < 0)
        buffer[at++] = '-';
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    buffer[at] = '\0';
    return buffer;
}

static void time_left(double fraction, int64_t elapsed_ms, char *buffer, size_t size)
{
    buffer[0] = '\0';
    if (fraction <= 0.0 || fraction > 1.0 || elapsed_ms < 1000)
        return;
    int64_t left = (int64_t)((double)elapsed_ms * (1.0 - fraction) / fraction / 1000.0);
    snprintf(buffer, size, SAY("，约剩 %lld:%02lld", ", %lld:%02lld left"), (long long)(left / 60),
             (long long)(left % 60));
}

static void bar_draw(double fraction)
{
    int filled = fraction < 0.0 ? 0 : (int)(fraction * BAR_WIDTH + 0.5);
    fputs("\r[", stderr);
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < filled ? '#' : '.', stderr);
    fputs("] ", stderr);
}

/* Whether it is time to say something; then the bar and the share are there already. */
static bool show_begin(struct progress *progress, double fraction, int64_t count, double *rate,
                       char *left, size_t size)
{
    int64_t now = cli_monotonic_ms(), elapsed = now - progress->begun_ms;
    if (progress->quiet ||
        now - progress->said_ms < (progress->terminal ? TERMINAL_STEP_MS : LINE_STEP_MS))
        return false;
    progress->said_ms = now;
    *rate = elapsed > 0 ? (double)count * 1000.0 / (double)elapsed : 0.0;
    time_left(fraction, elapsed, left, size);
    if (progress->terminal)
        bar_draw(fraction);
    if (fraction >= 0.0)
        fprintf(stderr, "%3.0f%% ", fraction * 100.0);
    return true;
}

static void show_end(struct progress *progress)
{
    fputs(progress->terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
    progress->drawn = progress->terminal;
}

void progress_show(struct progress *progress, double fraction, int64_t rows, int64_t rejected)
{
    char left[LEFT_SIZE], count[NUMBER_SIZE], refused[NUMBER_SIZE];
    double rate;
    if (!show_begin(progress, fraction, rows, &rate, left, sizeof left))
        return;
    fprintf(stderr, SAY("%s 行，%.0f 行/秒%s，未收 %s", "%s rows, %.0f/s%s, rejected %s"),
            progress_number(rows, count), rate, left, progress_number(rejected, refused));
    show_end(progress);
}

void progress_show_bytes(struct progress *progress, double fraction, int64_t bytes)
{
    char left[LEFT_SIZE];
    double rate;
    if (!show_begin(progress, fraction, bytes, &rate, left, sizeof left))
        return;
    fprintf(stderr, SAY("%.1f MB，%.1f MB/秒%s", "%.1f MB, %.1f MB/s%s"), (double)bytes / MEGABYTE,
            rate / MEGABYTE, left);
    show_end(progress);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
