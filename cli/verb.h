/* The verbs of ztc: one table in main.c; each runs with the rest of the command line and returns an
 * exit code of cli.h. */
#ifndef ZTC_CLI_VERB_H
#define ZTC_CLI_VERB_H

#include "cli/options.h"

enum verb_group { VERB_ORDERS, VERB_QUERIES, VERB_SUBSCRIPTIONS, VERB_DIRECTORY, VERB_OPERATION };

struct verb {
    const char *name;
    enum verb_group group;
    int (*run)(const struct verb *verb, int argc, char **argv); /* argv[0] is the verb */
    int message; /* verb_command: enum command_type; verb_query: enum query_type; else -1 */
    const char *const *operands; /* as struct options; NULL: none */
    const char *usage;           /* operands, for help */
    const char *zh, *en;
};

extern const struct verb verbs[]; /* ends with a NULL name */

int verb_command(const struct verb *verb, int argc, char **argv);
int verb_query(const struct verb *verb, int argc, char **argv);
int verb_contact(const struct verb *verb, int argc, char **argv);
int verb_watch(const struct verb *verb, int argc, char **argv);
int verb_ready(const struct verb *verb, int argc, char **argv);
int verb_doctor(const struct verb *verb, int argc, char **argv);
int verb_keys(const struct verb *verb, int argc, char **argv);
int verb_migrate(const struct verb *verb, int argc, char **argv);
int verb_seed(const struct verb *verb, int argc, char **argv);
int verb_import(const struct verb *verb, int argc, char **argv);
int verb_play(const struct verb *verb, int argc, char **argv);
int verb_backup(const struct verb *verb, int argc, char **argv);
int verb_restore(const struct verb *verb, int argc, char **argv);
int verb_poison(const struct verb *verb, int argc, char **argv);
int verb_docs(const struct verb *verb, int argc, char **argv);

/* The name by which a command is typed ("keys register" for key_register); NULL: none. */
const char *verb_of_command(enum command_type type);
const struct verb *verb_find(const char *name);
/* The verb at the head of the words, of two ("webhooks register") rather than of one; *used: how
 * many it took. */
const struct verb *verb_find_words(int argc, char **argv, int *used);
/* The verb whose name is nearest to what was typed, or NULL when nothing is near. */
const struct verb *verb_nearest(const char *name);

/* Parses with the verb's help: returns true to go on, else *exit_code is the code to end with. */
bool verb_options(const struct verb *verb, struct options *options, int argc, char **argv,
                  struct arena *arena, int *exit_code);
/* The help of a verb, its options included. */
void verb_help(const struct verb *verb, const struct options *options, FILE *out);

#endif
