/* pg_dump and pg_restore: started without a shell, told of the database through their environment
 * (a password is on no command line), ended with ztc. What they write or read goes through ztc,
 * which so knows about each byte; what they say on stderr is read meanwhile. */
#ifndef ZTC_CLI_TOOL_H
#define ZTC_CLI_TOOL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TOOL_PROBLEM_MAX 512
#define TOOL_LINE_MAX    1024

struct tool {
    pid_t pid;
    int data;   /* its stdout, or its stdin */
    int errors; /* its stderr */
    char line[TOOL_LINE_MAX];
    size_t line_length;
    char problem[TOOL_PROBLEM_MAX];                 /* the first error it told of; empty: none */
    void (*hear)(void *argument, const char *line); /* each line of stderr; may be NULL */
    void *argument;
};

enum tool_way { TOOL_WRITES, TOOL_READS };

/* `arguments` begins with the program's name and ends with NULL. `conninfo`: keywords and values as
 * conninfo_for() makes them, or NULL. False: `problem` says why. Set `hear` before. */
bool tool_start(struct tool *tool, const char *const *arguments, const char *conninfo,
                enum tool_way way);
/* Up to `size` bytes that it wrote; 0: its end; -1: interrupted. */
ssize_t tool_take(struct tool *tool, void *buffer, size_t size);
/* All of these bytes; false: it takes no more, or interrupted. */
bool tool_give(struct tool *tool, const void *bytes, size_t size);
/* Reads what is left of stderr and waits. True: it ended well. */
bool tool_end(struct tool *tool);
/* Ends it now. */
void tool_stop(struct tool *tool);

/* From now on SIGINT, SIGTERM and SIGHUP are only noted, and SIGPIPE ignored. */
void tool_note_signals(void);
bool tool_interrupted(void);

#endif
