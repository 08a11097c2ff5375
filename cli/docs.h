/* The documentation that is printed from the tables: one page a topic, in two languages. */
#ifndef ZTC_CLI_DOCS_H
#define ZTC_CLI_DOCS_H

#include <stdio.h>

#include "events/message.h"

struct docs_page {
    const char *name; /* commands -> commands.md, commands.zh-CN.md */
    void (*print)(FILE *out);
};

extern const struct docs_page
    docs_pages[]; /* ends with a NULL name; they print in the language that is set */

void docs_states(FILE *out);   /* life cycles: docs_states.c */
void docs_commands(FILE *out); /* messages: docs_messages.c */
void docs_queries(FILE *out);
void docs_events(FILE *out);
void docs_rest(FILE *out);    /* routes and problems: docs_rest.c */
void docs_metrics(FILE *out); /* for who runs it: docs_operator.c */
void docs_findings(FILE *out);
void docs_happenings(FILE *out);

/* A cell of a Markdown table: '|' escaped. */
void docs_cell(FILE *out, const char *text);
void docs_title(FILE *out, const char *zh, const char *en);

#endif
