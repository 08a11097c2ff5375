/* One command or query: options to message, message to answer, answer to screen. */
#ifndef ZTC_CLI_ASK_H
#define ZTC_CLI_ASK_H

#include "cli/link.h"
#include "cli/verb.h"

/* The command as typed, sent with the key that `link` or the role names; prints the answer and
 * returns the exit code. */
struct ask_command {
    enum command_type type;
    const void *body;
    const char *id;           /* NULL: a random one */
    const char *on_behalf_of; /* NULL: nobody */
    int64_t time;             /* INSTANT_ABSENT: not stated */
    const char *role;         /* whose key when none is named; NULL: complain */
};
int ask_command(const struct link_options *link, const struct ask_command *ask,
                struct arena *arena);

/* The query, asked with the key that `link` or `role` (NULL: nobody's) names; prints the answer and
 * returns the exit code. */
int ask_query(const struct link_options *link, const struct query *query, const char *role,
              struct arena *arena);

struct text ask_random_id(struct arena *arena);

/* The encoded command, for senders of their own. */
struct bytes ask_encode(enum command_type type, struct text id, struct text on_behalf_of,
                        int64_t time, const void *body, struct arena *arena);

/* "intake:12", "dispatch:7,intake:12" */
bool ask_positions(const char *text, struct position_list *positions);

#endif
