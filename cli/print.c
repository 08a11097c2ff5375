#include "cli/print.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/verb.h"
#include "cli/width.h"

#define CELL_WIDTH_MAX 48
#define LAST_WIDTH_MAX 400 /* the last column may run on */
#define COLUMNS_MAX    24
#define TIME_FROM_MS   1000000000000LL /* no count of ours is so large: it is a time (after 2001) */

static const struct label {
    const char *key, *zh, *en;
} labels[] = {
#define LABEL(key, zh, en) {#key, zh, en},
#include "cli/labels.def"
#undef LABEL
};

const char *print_label(const char *key)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strcmp(labels[i].key, key) == 0)
            return SAY(labels[i].zh, labels[i].en);
    return key;
}

/* --- values ----------------------------------------------------------------------------------- */

static const struct words *words_of_key(const char *key)
{
#define VOCABULARY(name, prefix)                                                                   \
    if (strcmp(key, #name) == 0)                                                                   \
        return &words_##name;
    VOCABULARIES(VOCABULARY)
#undef VOCABULARY
    if (strcmp(key, "state") == 0)
        return &words_order_state;
    if (strcmp(key, "kind") == 0)
        return &words_organisation_kind;
    if (strcmp(key, "producer") == 0)
        return &words_service;
    return NULL;
}

/* A word of a vocabulary, a type of event or command, in the user's language; else the text itself.
 */
static const char *word_said(const char *key, const char *value)
{
    const struct words *words = words_of_key(key);
    int number = words != NULL ? words_find(words, text_of(value)) : -1;
    if (number >= 0)
        return SAY(words->zh[number], words->en[number]);
    if (!cli_chinese() || (strcmp(key, "type") != 0 && strcmp(key, "event") != 0))
        return value;
    number = event_find(text_of(value));
    if (number >= 0)
        return event_types[number].zh;
    number = command_find(text_of(value));
    return number >= 0 ? command_types[number].zh : value;
}

static bool key_is_time(const char *key)
{
    static const char *const envelope[] = {"time", "recorded"};
    for (size_t i = 0; i < sizeof envelope / sizeof *envelope; i++)
        if (strcmp(key, envelope[i]) == 0)
            return true;
    for (int t = 0; t < EVENT_COUNT; t++)
        for (size_t f = 0; f < event_types[t].field_count; f++)
            if (event_types[t].fields[f].kind == FIELD_TIME &&
                strcmp(event_types[t].fields[f].name, key) == 0)
                return true;
    return false;
}

static const char *integer_said(const char *key, json_int_t value, struct text zone,
                                struct arena *arena)
{
    char local[INSTANT_TEXT_MAX];
    bool is_time = value >= TIME_FROM_MS || key_is_time(key);
    if (is_time && value >= INSTANT_MIN && value <= INSTANT_MAX)
        return arena_format(arena, "%s", instant_format_local(value, zone, local)).at;
    return arena_format(arena, "%" JSON_INTEGER_FORMAT, value).at;
}

static const char *value_said(const char *key, json_t *value, struct text zone,
                              struct arena *arena);

/* What an event's data repeat of the order whose page they stand on. */
static bool is_said_before(const char *key)
{
    static const char *const said[] = {
        "order",           "state",    "by",   "place",     "town",
        "assignment",      "activity", "need", "squads",    "category",
        "expected_people", "urgency",  "mode", "resources", "attachments"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (strcmp(key, said[i]) == 0)
            return true;
    return false;
}

static const char *object_said(json_t *object, struct text zone, struct arena *arena)
{
    struct text all = TEXT("");
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        if (!is_said_before(key))
            all = arena_format(arena, "%.*s%s%s %s", TEXT_ARG(all), all.length > 0 ? ", " : "",
                               print_label(key), value_said(key, value, zone, arena));
    }
    return all.length > 0 ? all.at : SAY("无", "none");
}

static const char *array_said(const char *key, json_t *array, struct text zone, struct arena *arena)
{
    struct text all = TEXT("");
    for (size_t i = 0; i < json_array_size(array); i++)
        all = arena_format(arena, "%.*s%s%s", TEXT_ARG(all), i > 0 ? ", " : "",
                           value_said(key, json_array_get(array, i), zone, arena));
    return all.length > 0 ? all.at : SAY("无", "none");
}

static const char *value_said(const char *key, json_t *value, struct text zone, struct arena *arena)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_said(value, zone, arena);
    case JSON_ARRAY:
        return array_said(key, value, zone, arena);
    case JSON_STRING:
        return word_said(key, json_string_value(value));
    case JSON_INTEGER:
        return integer_said(key, json_integer_value(value), zone, arena);
    case JSON_REAL:
        return arena_format(arena, "%.6g", json_real_value(value)).at;
    case JSON_TRUE:
        return SAY("是", "yes");
    case JSON_FALSE:
        return SAY("否", "no");
    case JSON_NULL:
        return "";
    }
    return ""; /* not reached: the switch is complete */
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool is_number(const char *cell)
{
    if (*cell == '-')
        cell++;
    if (*cell == '\0')
        return false;
    for (; *cell != '\0'; cell++)
        if (!isdigit((unsigned char)*cell) && *cell != ',' && *cell != '.')
            return false;
    return true;
}

/* Line ends and tabs would break the table: blanks instead. */
static void cell_put(const char *cell, size_t width, bool last, FILE *out)
{
    struct text t = text_of(cell);
    size_t max = last ? LAST_WIDTH_MAX : CELL_WIDTH_MAX;
    bool clipped = width_of(t) > max;
    if (clipped)
        t = width_clip(t, max - 1);
    size_t wide = width_of(t) + clipped;
    int pad = width > wide ? (int)(width - wide) : 0;
    bool right = is_number(cell);
    if (right)
        fprintf(out, "%*s", pad, "");
    for (size_t i = 0; i < t.length; i++)
        fputc((unsigned char)t.at[i] < 0x20 ? ' ' : t.at[i], out);
    if (clipped)
        fputs("…", out);
    if (!right && !last)
        fprintf(out, "%*s", pad, "");
    fputs(last ? "\n" : "  ", out);
}

void print_table(const struct print_table *table, FILE *out)
{
    size_t widths[COLUMNS_MAX];
    size_t columns = table->columns < COLUMNS_MAX ? table->columns : COLUMNS_MAX;
    for (size_t c = 0; c < columns; c++) {
        widths[c] = width_of(text_of(table->headings[c]));
        for (size_t r = 0; r < table->rows; r++) {
            size_t width = width_of(text_of(table->cells[r * table->columns + c]));
            width = width < CELL_WIDTH_MAX ? width : CELL_WIDTH_MAX;
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t c = 0; c < columns; c++) {
        bool last = c + 1 == columns;
        bool number = table->rows > 0 && is_number(table->cells[c]);
        size_t wide = width_of(text_of(table->headings[c]));
        int pad = (int)(widths[c] - (wide < widths[c] ? wide : widths[c]));
        fprintf(out, "%*s%s%*s%s", number ? pad : 0, "", table->headings[c],
                number || last ? 0 : pad, "", last ? "\n" : "  ");
    }
    for (size_t r = 0; r < table->rows; r++)
        for (size_t c = 0; c < columns; c++)
            cell_put(table->cells[r * table->columns + c], widths[c], c + 1 == columns, out);
}

/* --- what is shown of an answer ----------------------------------------------------------------
 */

/* Answers say names in both languages, beside their code: place, place_zh, place_en. Shown is one:
 * "回龙村 (330212106209)". Thousandths are shown as what they are; what only traces are made of is
 * left to --json. */
#define SUFFIX_LENGTH 3 /* of _zh and _en */
#define KEY_SIZE      128

static bool is_hidden(const char *key)
{
    static const char *const hidden[] = {"part", "trace", "traceparent", "recorded", "v"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(key, hidden[i]) == 0)
            return true;
    return false;
}

static bool ends_with(const char *key, const char *suffix)
{
    size_t length = strlen(key), more = strlen(suffix);
    return length > more && strcmp(key + length - more, suffix) == 0;
}

/* The text of KEY_zh or KEY_en, as the user reads; NULL: the object has not both. */
static const char *name_said(json_t *object, const char *base)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s_zh", base);
    const char *zh = json_string_value(json_object_get(object, key));
    snprintf(key, sizeof key, "%s_en", base);
    const char *en = json_string_value(json_object_get(object, key));
    if (zh == NULL || en == NULL)
        return NULL;
    const char *said = SAY(zh, en), *other = SAY(en, zh);
    return said[0] != '\0' ? said : other;
}

static bool is_word_key(const char *key)
{
    return words_of_key(key) != NULL || strcmp(key, "type") == 0;
}

static json_t *shown(json_t *value);

/* A value that has names: the name, and the code unless it is a word whose name says all. */
static json_t *shown_named(const char *key, const char *code, const char *name)
{
    if (is_word_key(key) || code[0] == '\0' || strcmp(code, name) == 0)
        return json_string(name);
    return json_sprintf("%s (%s)", name, code);
}

static void shown_put(json_t *out, json_t *object, const char *key, json_t *value)
{
    char base[KEY_SIZE];
    const char *name = name_said(object, key);
    if (is_hidden(key) || strlen(key) >= sizeof base)
        return;
    if (name != NULL && json_is_string(value)) {
        json_object_set_new(out, key, shown_named(key, json_string_value(value), name));
        return;
    }
    if (ends_with(key, "_zh") || ends_with(key, "_en")) {
        snprintf(base, sizeof base, "%.*s", (int)(strlen(key) - SUFFIX_LENGTH), key);
        name = name_said(object, base);
        if (name != NULL) {
            if (json_object_get(object, base) == NULL)
                json_object_set_new(out, base, json_string(name));
            return;
        }
    }
    if (ends_with(key, "_milli") && json_is_integer(value)) {
        snprintf(base, sizeof base, "%.*s", (int)(strlen(key) - strlen("_milli")), key);
        json_object_set_new(out, base, json_real((double)json_integer_value(value) / 1000.0));
        return;
    }
    json_object_set_new(out, key, shown(value));
}

/* A copy as it is shown. */
static json_t *shown(json_t *value)
{
    const char *key;
    json_t *item, *out;
    size_t i;
    if (json_is_object(value)) {
        out = json_object();
        json_object_foreach (value, key, item) {
            shown_put(out, value, key, item);
        }
        return out;
    }
    if (json_is_array(value)) {
        out = json_array();
        json_array_foreach (value, i, item) {
            json_array_append_new(out, shown(item));
        }
        return out;
    }
    return json_incref(value);
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool is_rows(json_t *value)
{
    return json_is_array(value) && json_array_size(value) > 0 &&
           json_is_object(json_array_get(value, 0));
}

/* Printed under a heading of its own. */
static bool is_section(json_t *value)
{
    return is_rows(value) || (json_is_object(value) && json_object_size(value) > 0);
}

/* Rows that hold rows of their own are no table: each is printed as an object. */
static bool is_nested(json_t *rows)
{
    const char *key;
    json_t *item, *value;
    size_t i;
    json_array_foreach (rows, i, item) {
        json_object_foreach (item, key, value) {
            if (is_rows(value))
                return true;
        }
    }
    return false;
}

/* When an order was in between: on its page, but too much for a table. */
static bool is_between(const char *key, json_t *value)
{
    static const char *const times[] = {"placed",     "offered",   "accepted",
                                        "checked_in", "completed", "ended"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(key, times[i]) == 0)
            return json_integer_value(value) >= TIME_FROM_MS;
    return false;
}

/* The columns of a list of maps: their keys, as first seen. */
static size_t columns_of(json_t *rows, const char *keys[COLUMNS_MAX])
{
    size_t count = 0, row;
    json_t *item, *value;
    const char *key;
    json_array_foreach (rows, row, item) {
        json_object_foreach (item, key, value) {
            size_t at = 0;
            while (at < count && strcmp(keys[at], key) != 0)
                at++;
            if (at == count && count < COLUMNS_MAX && !is_between(key, value))
                keys[count++] = key;
        }
    }
    return count;
}

static void rows_print(json_t *rows, struct text zone, FILE *out)
{
    struct arena *arena = arena_new();
    const char *keys[COLUMNS_MAX], *headings[COLUMNS_MAX];
    size_t columns = columns_of(rows, keys), count = json_array_size(rows);
    const char **cells = arena_array(arena, count * columns + 1, sizeof *cells);
    for (size_t c = 0; c < columns; c++)
        headings[c] = print_label(keys[c]);
    for (size_t r = 0; r < count; r++)
        for (size_t c = 0; c < columns; c++) {
            json_t *value = json_object_get(json_array_get(rows, r), keys[c]);
            cells[r * columns + c] = value != NULL ? value_said(keys[c], value, zone, arena) : "";
        }
    print_table(&(struct print_table){headings, columns, cells, count}, out);
    arena_destroy(&arena);
}

static void list_print(json_t *rows, struct text zone, int indent, FILE *out);

static size_t label_width(json_t *object)
{
    size_t widest = 0;
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        size_t width = is_section(value) ? 0 : width_of(text_of(print_label(key)));
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void object_print(json_t *object, struct text zone, int indent, FILE *out)
{
    struct arena *arena = arena_new();
    size_t widest = label_width(object);
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        if (is_section(value))
            continue;
        const char *label = print_label(key);
        fprintf(out, "%*s%s%*s  %s\n", indent, "", label, (int)(widest - width_of(text_of(label))),
                "", value_said(key, value, zone, arena));
    }
    json_object_foreach (object, key, value) {
        if (!is_section(value))
            continue;
        fprintf(out, "\n%*s%s\n", indent, "", print_label(key));
        if (json_is_object(value))
            object_print(value, zone, indent + 2, out);
        else
            list_print(value, zone, indent + 2, out);
    }
    arena_destroy(&arena);
}

static void list_print(json_t *rows, struct text zone, int indent, FILE *out)
{
    json_t *item;
    size_t i;
    if (!is_nested(rows)) {
        rows_print(rows, zone, out);
        return;
    }
    json_array_foreach (rows, i, item) {
        if (i > 0)
            fputc('\n', out);
        object_print(item, zone, indent, out);
    }
}

void print_json_value(json_t *value, struct text zone, FILE *out)
{
    json_t *view = shown(value);
    if (json_is_object(view)) {
        object_print(view, zone, 0, out);
    } else if (is_rows(view)) {
        list_print(view, zone, 0, out);
    } else {
        struct arena *arena = arena_new();
        fprintf(out, "%s\n", value_said("", view, zone, arena));
        arena_destroy(&arena);
    }
    json_decref(view);
}

void print_object(struct bytes object, struct text zone, FILE *out)
{
    struct arena *arena = arena_new();
    struct text said = msgpack_to_json(object, arena);
    json_t *json = json_loadb(said.at, said.length, JSON_DECODE_ANY, NULL);
    if (json != NULL)
        print_json_value(json, zone, out);
    json_decref(json);
    arena_destroy(&arena);
}

void print_json(struct bytes object, FILE *out)
{
    struct arena *arena = arena_new();
    struct text said = msgpack_to_json(object, arena);
    fprintf(out, "%.*s\n", TEXT_ARG(said));
    arena_destroy(&arena);
}

/* --- answers ---------------------------------------------------------------------------------- */

const char *print_advice(enum refusal_code code, bool in_chinese)
{
    switch (code) {
#define ADVICE(name, zh, en)                                                                       \
    case REFUSAL_##name:                                                                           \
        return in_chinese ? (zh) : (en);
#include "cli/advice.def"
#undef ADVICE
    case REFUSAL_NONE:
    case REFUSAL_COUNT:
        break;
    }
    return "";
}

struct text print_positions(const struct position_list *positions, struct arena *arena)
{
    struct text all = TEXT("");
    for (size_t i = 0; i < positions->count; i++)
        all = arena_format(arena, "%.*s%s%s:%" PRId64, TEXT_ARG(all), i > 0 ? " " : "",
                           words_name(&words_service, positions->items[i].producer),
                           positions->items[i].offset);
    return all;
}

static void allowed_print(const struct refusal *refusal, FILE *out)
{
    fprintf(out, "  %s", SAY("允许的操作：", "allowed: "));
    for (int i = 0; i < refusal->allowed_count; i++) {
        int type = command_find(text_of(refusal->allowed[i]));
        const char *verb = type >= 0 ? verb_of_command((enum command_type)type) : NULL;
        fprintf(out, "%s%s", i > 0 ? SAY("、", ", ") : "", refusal->allowed[i]);
        if (verb != NULL)
            fprintf(out, SAY("（ztc %s）", " (ztc %s)"), verb);
    }
    fprintf(out, "%s\n", refusal->allowed_count == 0 ? SAY("无", "nothing") : "");
}

void print_refusal(const struct answer *answer, FILE *out)
{
    const struct refusal *refusal = &answer->refusal;
    fprintf(out, SAY("%s：%s（%s）\n", "%s: %s (%s)\n"),
            answer->status == ANSWER_RETRY ? SAY("未完成", "not done") : SAY("被拒绝", "refused"),
            refusal_text(refusal->code, cli_chinese()), refusal_name(refusal->code));
    if (refusal->field != NULL)
        fprintf(out, SAY("  字段：%s\n", "  field: %s\n"), refusal->field);
    if (refusal->state != NULL)
        fprintf(out, SAY("  当前状态：%s\n", "  state: %s\n"), word_said("state", refusal->state));
    if (refusal->detail.length > 0)
        fprintf(out, SAY("  补充：%.*s\n", "  detail: %.*s\n"), TEXT_ARG(refusal->detail));
    if (refusal->state != NULL || refusal->allowed_count > 0)
        allowed_print(refusal, out);
    if (refusal->order > 0)
        fprintf(out, SAY("  已有订单：%" PRId64 "\n", "  order that is there: %" PRId64 "\n"),
                refusal->order);
    fprintf(out, SAY("  处理办法：%s\n", "  what to do: %s\n"),
            print_advice(refusal->code, cli_chinese()));
}

static void result_print(const struct answer *answer, FILE *out)
{
    const struct result *result = &answer->result;
    if (result->subject.length > 0) {
        fprintf(
            out,
            SAY("已记录：%.*s（第 %" PRId64 " 版）\n", "recorded: %.*s (version %" PRId64 ")\n"),
            TEXT_ARG(result->subject), result->version);
        return;
    }
    if (result->version == 0) { /* nothing that an order's life knows of */
        fprintf(out, SAY("订单 %" PRId64 "：已办\n", "order %" PRId64 ": done\n"), result->order);
        return;
    }
    fprintf(out,
            SAY("订单 %" PRId64 "：%s（第 %" PRId64 " 版）\n",
                "order %" PRId64 ": %s (version %" PRId64 ")\n"),
            result->order, word_said("state", words_name(&words_order_state, result->state)),
            result->version);
    if (result->assignment > 0)
        fprintf(out, SAY("派单 %" PRId64 "\n", "assignment %" PRId64 "\n"), result->assignment);
}

void print_answer(const struct answer *answer, struct text id, bool verbose, FILE *out)
{
    struct arena *arena = arena_new();
    if (answer->status == ANSWER_OK)
        result_print(answer, out);
    else
        print_refusal(answer, stderr);
    if (verbose && answer->status == ANSWER_OK && answer->events.count > 0) {
        struct text positions = print_positions(&answer->events, arena);
        fprintf(out, SAY("位置：%.*s\n", "position: %.*s\n"), TEXT_ARG(positions));
    }
    if (verbose || answer->status == ANSWER_RETRY)
        fprintf(stderr, SAY("编号：%.*s\n", "id: %.*s\n"), TEXT_ARG(id));
    arena_destroy(&arena);
}
