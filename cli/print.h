/* Answers for people, in their language, and as JSON. */
#ifndef ZTC_CLI_PRINT_H
#define ZTC_CLI_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "events/envelope.h"

/* Any msgpack object, as headed values and tables; times in the zone. */
void print_object(struct bytes object, struct text zone, FILE *out);
void print_json_value(json_t *value, struct text zone, FILE *out); /* the same of a JSON value */

/* The bytes as one line of JSON. */
void print_json(struct bytes object, FILE *out);

/* A command's answer: what it brought about, or the refusal with what to do. `id` is the command's.
 */
void print_answer(const struct answer *answer, struct text id, bool verbose, FILE *out);
/* The refusal alone: code, sentence, field, state, what is allowed, what to do. */
void print_refusal(const struct answer *answer, FILE *out);

/* "intake:12 dispatch:7" */
struct text print_positions(const struct position_list *positions, struct arena *arena);

const char *print_advice(enum refusal_code code, bool zh);
/* What people call a key of an answer. */
const char *print_label(const char *key);

/* A table of ready texts: `cells` are rows × columns; numbers stand to the right. */
struct print_table {
    const char *const *headings;
    size_t columns;
    const char *const *cells;
    size_t rows;
};
void print_table(const struct print_table *table, FILE *out);

#endif
