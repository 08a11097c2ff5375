#include "edge/problem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REFUSAL_ROWS (REFUSAL_COUNT - REFUSAL_NONE - 1)

static const struct problem_row http_rows[HTTP_PROBLEM_COUNT] = {
#define PROBLEM(code, status, zh, en) [HTTP_PROBLEM_##code] = {#code, status, zh, en},
#include "edge/problem.def"
#undef PROBLEM
};

unsigned problem_status(enum refusal_code code)
{
    switch (code) {
#define STATUS(code, status)                                                                       \
    case REFUSAL_##code:                                                                           \
        return status;
#include "edge/status.def"
#undef STATUS
    case REFUSAL_NONE:
    case REFUSAL_COUNT:
        break;
    }
    return 500; /* not reached: a refusal has a code */
}

int problem_count(void)
{
    return REFUSAL_ROWS + HTTP_PROBLEM_COUNT;
}

struct problem_row problem_row(int number)
{
    if (number >= REFUSAL_ROWS)
        return http_rows[number - REFUSAL_ROWS];
    enum refusal_code code = (enum refusal_code)(REFUSAL_NONE + 1 + number);
    return (struct problem_row){refusal_name(code), problem_status(code), refusal_text(code, true),
                                refusal_text(code, false)};
}

bool problem_find(struct text code, struct problem_row *row)
{
    for (int i = 0; i < problem_count(); i++) {
        *row = problem_row(i);
        if (text_equal(code, text_of(row->code)))
            return true;
    }
    return false;
}

static struct text dumped(json_t *json, struct arena *arena)
{
    char *dump = json_dumps(json, JSON_COMPACT);
    if (dump == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    struct text text = arena_text(arena, text_of(dump));
    free(dump);
    json_decref(json);
    return text;
}

struct text problem_row_json(const struct problem_row *row, struct arena *arena)
{
    return dumped(json_pack("{s:s, s:i, s:s, s:s}", "code", row->code, "status", (int)row->status,
                            "title_zh", row->zh, "title_en", row->en),
                  arena);
}

static json_t *problem_begin(const struct problem_row *row, bool zh, struct arena *arena)
{
    return json_pack("{s:s, s:s, s:i, s:s}", "type",
                     arena_format(arena, PROBLEM_PATH "%s", row->code).at, "title",
                     zh ? row->zh : row->en, "status", (int)row->status, "code", row->code);
}

/* What is wrong here, beside what such a problem is in general. */
static struct text detail_of(const struct frame_fault *fault, const struct problem_row *row,
                             bool zh, struct arena *arena)
{
    const struct refusal *refusal = &fault->refusal;
    if (fault->line > 0)
        return arena_format(arena, zh ? "第 %d 行第 %d 列：%.*s" : "line %d, column %d: %.*s",
                            fault->line, fault->column, TEXT_ARG(fault->detail));
    if (fault->detail.length > 0)
        return fault->detail;
    if (refusal->state != NULL && refusal->state[0] != '\0')
        return arena_format(arena, zh ? "%s（当前状态：%s）" : "%s (the state is %s)",
                            zh ? row->zh : row->en, refusal->state);
    if (refusal->field != NULL && refusal->field[0] != '\0')
        return arena_format(arena, zh ? "%s：%s" : "%s: %s", refusal->field,
                            zh ? row->zh : row->en);
    return text_of(zh ? row->zh : row->en);
}

static void set_string(json_t *json, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_object_set_new(json, key, json_string(value));
}

struct problem_text problem_of_fault(const struct frame_fault *fault, bool zh, struct arena *arena)
{
    const struct refusal *refusal = &fault->refusal;
    struct problem_row row = problem_row((int)refusal->code - REFUSAL_NONE - 1);
    /* A key that a command names, not the caller's own. */
    if (refusal->code == REFUSAL_unknown_key && refusal->field != NULL)
        row.status = 404;
    json_t *json = problem_begin(&row, zh, arena);
    set_string(json, "detail", detail_of(fault, &row, zh, arena).at);
    set_string(json, "field", refusal->field);
    set_string(json, "state", refusal->state);
    if (refusal->allowed_count > 0) {
        json_t *allowed = json_array();
        for (int i = 0; i < refusal->allowed_count; i++)
            json_array_append_new(allowed, json_string(refusal->allowed[i]));
        json_object_set_new(json, "allowed", allowed);
    }
    if (refusal->order > 0)
        json_object_set_new(json, "order", json_integer(refusal->order));
    if (fault->line > 0) {
        json_object_set_new(json, "line", json_integer(fault->line));
        json_object_set_new(json, "column", json_integer(fault->column));
        json_object_set_new(json, "position", json_integer(fault->position));
    }
    return (struct problem_text){row.status, dumped(json, arena)};
}

struct problem_text problem_of_http(enum http_problem problem, bool zh, struct arena *arena)
{
    const struct problem_row *row = &http_rows[problem];
    json_t *json = problem_begin(row, zh, arena);
    set_string(json, "detail", zh ? row->zh : row->en);
    return (struct problem_text){row->status, dumped(json, arena)};
}

/* The weight of one range of Accept-Language, 1 without `q=`. */
static double quality(struct text range)
{
    char number[8] = "1";
    for (size_t i = 0; i + 2 < range.length; i++)
        if ((range.at[i] == 'q' || range.at[i] == 'Q') && range.at[i + 1] == '=') {
            size_t length = range.length - i - 2;
            if (length >= sizeof number)
                length = sizeof number - 1;
            memcpy(number, range.at + i + 2, length);
            number[length] = '\0';
            break;
        }
    return strtod(number, NULL);
}

bool language_is_chinese(struct text accept_language, bool fallback)
{
    double zh = 0, en = 0;
    size_t at = 0;
    while (at < accept_language.length) {
        size_t from = at;
        while (at < accept_language.length && accept_language.at[at] != ',')
            at++;
        while (from < at && accept_language.at[from] == ' ')
            from++;
        struct text range = {accept_language.at + from, at - from};
        double weight = quality(range);
        if (range.length >= 2 && strncasecmp(range.at, "zh", 2) == 0 && weight > zh)
            zh = weight;
        if (range.length >= 2 && strncasecmp(range.at, "en", 2) == 0 && weight > en)
            en = weight;
        at++;
    }
    return zh == en ? fallback : zh > en;
}
