/* Options of a verb by getopt_long: rows of its own, and one option for each field of the message
 * it sends. A field `window_start` is --window-start. Lists are given as a,b or by repeating the
 * option; counts as NAME=NUMBER; times in RFC 3339, or as "2026-03-01 09:00" in the zone; a flag
 * alone means yes, or takes =yes or =no. A field named as a row has its kind appended:
 * --after-code. */
#ifndef ZTC_CLI_OPTIONS_H
#define ZTC_CLI_OPTIONS_H

#include <stdio.h>

#include "events/message.h"

#define OPTIONS_MAX         (MESSAGE_FIELDS_MAX + 40)
#define OPTIONS_GIVEN_MAX   4096 /* options of fields on one command line */
#define OPTIONS_PROBLEM_MAX 512
#define OPTIONS_OPERAND_MAX 3

enum option_kind {
    OPTION_FLAG,   /* value: bool * */
    OPTION_STRING, /* value: const char ** */
    OPTION_NUMBER, /* value: int64_t *, within min..max */
};

struct option_row {
    const char *name;
    enum option_kind kind;
    void *value;
    int64_t min, max; /* numbers */
    const char *metavar;
    const char *zh, *en;
};

/* One --field VALUE, kept until the zone is known. */
struct option_given {
    const struct field *field;
    const char *argument; /* NULL: a flag alone */
};

struct options {
    /* Filled in by the caller. */
    const struct option_row *const
        *tables; /* tables of rows, each ending with a NULL name; ends with NULL */
    const struct message_type *type; /* NULL: the verb sends no message */
    const char *const *operands; /* fields that may stand without their option, or for verbs without
                                  * a message names of operands; ends with NULL */
    /* Filled in by options_parse. */
    bool help;
    int operand_count;
    const char *operand[OPTIONS_OPERAND_MAX]; /* verbs without a message */
    struct option_given *given;
    size_t given_count;
    char problem[OPTIONS_PROBLEM_MAX];
};

/* Reads the command line; argv[0] is the verb. False: `problem` says what is wrong. The argument
 * vector is reordered. */
bool options_parse(struct options *options, int argc, char **argv, struct arena *arena);

/* Sets the message's fields (cleared first) from what was given. False: `problem`. Bounds are those
 * of the field table: the message is encoded and decoded once, so that what passes here is
 * well-formed for the services too. */
bool options_fill(struct options *options, struct text zone, struct arena *arena, void *message);

/* A time as options take it. */
bool options_time(struct text t, struct text zone, int64_t *instant);

/* The option's name of a field: dashes for underscores. */
const char *options_field_name(const struct options *options, const struct field *field,
                               struct arena *arena);

/* The tables as text for --help. */
void options_print(const struct options *options, FILE *out);

#endif
