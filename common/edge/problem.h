/* Problems as RFC 9457 has them: application/problem+json with type, title, status, detail, and our
 * own members code, field, state, allowed, order, and line, column and position in a JSON body. */
#ifndef ZTC_EDGE_PROBLEM_H
#define ZTC_EDGE_PROBLEM_H

#include "edge/frame.h"

#define PROBLEM_TYPE "application/problem+json"
#define PROBLEM_PATH "/v1/problems/" /* and the code: where a problem's `type` leads */

enum http_problem {
#define PROBLEM(code, status, zh, en) HTTP_PROBLEM_##code,
#include "edge/problem.def"
#undef PROBLEM
    HTTP_PROBLEM_COUNT
};

/* The status of a refusal over HTTP. */
unsigned problem_status(enum refusal_code code);

/* Codes of both kinds, for documents: numbers from 0 to problem_count() - 1. */
struct problem_row {
    const char *code;
    unsigned status;
    const char *zh, *en;
};
int problem_count(void);
struct problem_row problem_row(int number);
/* False: no such code. */
bool problem_find(struct text code, struct problem_row *row);
/* One row as a JSON object: what `type` leads to. */
struct text problem_row_json(const struct problem_row *row, struct arena *arena);

struct problem_text {
    unsigned status;
    struct text json;
};
struct problem_text problem_of_fault(const struct frame_fault *fault, bool zh, struct arena *arena);
struct problem_text problem_of_http(enum http_problem problem, bool zh, struct arena *arena);

/* Which of the two languages a request wants: Accept-Language, `fallback` when it names neither. */
bool language_is_chinese(struct text accept_language, bool fallback);

#endif
