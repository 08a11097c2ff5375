#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

#define NOT_STARTED 127

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void tool_note_signals(void)
{
    struct sigaction note = {.sa_handler = note_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &note, NULL);
    sigaction(SIGTERM, &note, NULL);
    sigaction(SIGHUP, &note, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool tool_interrupted(void)
{
    return interrupted != 0;
}

/* --- the child -------------------------------------------------------------------------------- */

/* libpq reads its settings from these variables; a password so stands on no command line. */
static void tell_connection(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
        if (option->val != NULL && option->envvar != NULL)
            setenv(option->envvar, option->val, 1);
    PQconninfoFree(options);
}

_Noreturn static void become(const char *const *arguments, const char *conninfo, int in, int out,
                             int errors, pid_t parent)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    /* Killed with its parent, so that nothing goes on unseen. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(NOT_STARTED);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0)
        _exit(NOT_STARTED);
    setenv("LC_ALL", "C", 1); /* what it says is looked at by tool_hear() */
    if (conninfo != NULL)
        tell_connection(conninfo);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    fprintf(stderr, "error: %s: %s\n", arguments[0], strerror(errno));
    _exit(NOT_STARTED);
}

static void close_all(const int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
}

bool tool_start(struct tool *tool, const char *const *arguments, const char *conninfo,
                enum tool_way way)
{
    enum { DATA_READ, DATA_WRITE, ERRORS_READ, ERRORS_WRITE, NOWHERE, COUNT };
    int d[COUNT] = {-1, -1, -1, -1, -1};
    pid_t parent = getpid();
    bool open_all = pipe2(d, O_CLOEXEC) == 0 && pipe2(d + ERRORS_READ, O_CLOEXEC) == 0 &&
                    (d[NOWHERE] = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0;
    fflush(NULL);
    tool->problem[0] = '\0';
    tool->line_length = 0;
    tool->pid = open_all ? fork() : -1;
    if (tool->pid == 0)
        become(arguments, conninfo, way == TOOL_READS ? d[DATA_READ] : d[NOWHERE],
               way == TOOL_READS ? d[NOWHERE] : d[DATA_WRITE], d[ERRORS_WRITE], parent);
    if (tool->pid < 0) {
        snprintf(tool->problem, sizeof tool->problem, "%s: %s", arguments[0], strerror(errno));
        close_all(d, COUNT);
        return false;
    }
    tool->data = way == TOOL_READS ? d[DATA_WRITE] : d[DATA_READ];
    tool->errors = d[ERRORS_READ];
    close_all((const int[]){way == TOOL_READS ? d[DATA_READ] : d[DATA_WRITE], d[ERRORS_WRITE],
                            d[NOWHERE]},
              3);
    fcntl(tool->data, F_SETFL, fcntl(tool->data, F_GETFL) | O_NONBLOCK);
    fcntl(tool->errors, F_SETFL, fcntl(tool->errors, F_GETFL) | O_NONBLOCK);
    return true;
}

/* --- what it says ----------------------------------------------------------------------------- */

static void tool_hear(struct tool *tool)
{
    tool->line[tool->line_length] = '\0';
    tool->line_length = 0;
    const char *error = strstr(tool->line, "error: ");
    if (error != NULL && tool->problem[0] == '\0')
        snprintf(tool->problem, sizeof tool->problem, "%s", error + sizeof "error: " - 1);
    if (tool->hear != NULL)
        tool->hear(tool->argument, tool->line);
}

/* Reads what is there; false: its end. */
static bool errors_read(struct tool *tool)
{
    char some[TOOL_LINE_MAX];
    ssize_t got = read(tool->errors, some, sizeof some);
    for (ssize_t i = 0; i < got; i++) {
        if (some[i] == '\n')
            tool_hear(tool);
        else if (tool->line_length < sizeof tool->line - 1) /* the rest of a long line is let go */
            tool->line[tool->line_length++] = some[i];
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Waits until data can be moved, listening meanwhile; false: interrupted. */
static bool data_await(struct tool *tool, short events)
{
    while (!tool_interrupted()) {
        struct pollfd ends[] = {{.fd = tool->data, .events = events},
                                {.fd = tool->errors, .events = POLLIN}};
        if (poll(ends, 2, -1) < 0)
            continue;
        if (ends[1].revents != 0 && !errors_read(tool)) {
            close(tool->errors);
            tool->errors = -1; /* poll passes it over */
        }
        if (ends[0].revents != 0)
            return true;
    }
    return false;
}

ssize_t tool_take(struct tool *tool, void *buffer, size_t size)
{
    while (data_await(tool, POLLIN)) {
        ssize_t got = read(tool->data, buffer, size);
        if (got >= 0)
            return got;
        if (errno != EAGAIN && errno != EINTR)
            return 0;
    }
    return -1;
}

bool tool_give(struct tool *tool, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0 && data_await(tool, POLLOUT)) {
        ssize_t took = write(tool->data, at, size);
        if (took < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (took > 0) {
            at += took;
            size -= (size_t)took;
        }
    }
    return size == 0;
}

bool tool_end(struct tool *tool)
{
    close(tool->data);
    while (tool->errors >= 0) {
        struct pollfd end = {.fd = tool->errors, .events = POLLIN};
        if (poll(&end, 1, -1) < 0 && tool_interrupted())
            kill(tool->pid, SIGTERM);
        else if (!errors_read(tool)) {
            close(tool->errors);
            tool->errors = -1;
        }
    }
    int status = 0;
    while (waitpid(tool->pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!fine && tool->problem[0] == '\0')
        snprintf(tool->problem, sizeof tool->problem, SAY("以状态 %d 结束", "ended with status %d"),
                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fine;
}

void tool_stop(struct tool *tool)
{
    kill(tool->pid, SIGTERM);
    tool_end(tool);
}
