#include "cli/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/width.h"

#define LIST_ITEMS_MAX 1000
#define NAME_COLUMN    30

/* What a getopt_long value stands for: HELP, then rows, then fields. */
enum { VALUE_HELP = 'h', VALUE_ROW = 1000, VALUE_FIELD = 2000 };

static bool wrong(struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool wrong(struct options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(options->problem, sizeof options->problem, format, arguments);
    va_end(arguments);
    return false;
}

static const char *kind_name(enum field_kind kind)
{
    switch (kind) {
    case FIELD_TEXT:
        return "text";
    case FIELD_CODE:
        return "code";
    case FIELD_INT:
        return "number";
    case FIELD_TIME:
        return "time";
    case FIELD_FLAG:
        return "flag";
    case FIELD_WORD:
        return "word";
    case FIELD_TEXTS:
    case FIELD_CODES:
        return "list";
    case FIELD_COUNTS:
        return "counts";
    case FIELD_WINDOWS:
        return "windows";
    case FIELD_RESOLUTIONS:
        return "resolutions";
    }
    return "?"; /* not reached: the switch is complete */
}

/* The number of the row of this name over all tables, or -1; *row receives it. */
static int row_find(const struct options *options, const char *name, const struct option_row **row)
{
    int number = 0;
    for (size_t t = 0; options->tables[t] != NULL; t++)
        for (const struct option_row *at = options->tables[t]; at->name != NULL; at++, number++)
            if (strcmp(at->name, name) == 0) {
                *row = at;
                return number;
            }
    return -1;
}

static const struct option_row *row_at(const struct options *options, int number)
{
    for (size_t t = 0; options->tables[t] != NULL; t++)
        for (const struct option_row *at = options->tables[t]; at->name != NULL; at++)
            if (number-- == 0)
                return at;
    return NULL;
}

const char *options_field_name(const struct options *options, const struct field *field,
                               struct arena *arena)
{
    const struct option_row *row;
    char *name = arena_alloc(arena, field->name_length + 1);
    for (size_t i = 0; i < field->name_length; i++)
        name[i] = field->name[i] == '_' ? '-' : field->name[i];
    if (row_find(options, name, &row) < 0)
        return name;
    return arena_format(arena, "%s-%s", name, kind_name(field->kind)).at;
}

static const struct field *field_find(const struct options *options, const char *name)
{
    for (size_t i = 0; options->type != NULL && i < options->type->field_count; i++)
        if (strcmp(options->type->fields[i].name, name) == 0)
            return &options->type->fields[i];
    return NULL;
}

/* getopt_long's table: help, the rows, the fields. */
static struct option *long_options(const struct options *options, struct arena *arena)
{
    struct option *table = arena_array(arena, OPTIONS_MAX + 2, sizeof *table);
    size_t count = 0;
    int number = 0;
    table[count++] = (struct option){"help", no_argument, NULL, VALUE_HELP};
    for (size_t t = 0; options->tables[t] != NULL; t++)
        for (const struct option_row *row = options->tables[t];
             row->name != NULL && count < OPTIONS_MAX; row++, number++)
            table[count++] = (struct option){
                row->name, row->kind == OPTION_FLAG ? no_argument : required_argument, NULL,
                VALUE_ROW + number};
    for (size_t i = 0; options->type != NULL && i < options->type->field_count; i++) {
        const struct field *field = &options->type->fields[i];
        if (count < OPTIONS_MAX)
            table[count++] =
                (struct option){options_field_name(options, field, arena),
                                field->kind == FIELD_FLAG ? optional_argument : required_argument,
                                NULL, VALUE_FIELD + (int)i};
    }
    return table;
}

static bool row_take(struct options *options, const struct option_row *row, const char *argument)
{
    int64_t number;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->value = true;
        return true;
    case OPTION_STRING:
        *(const char **)row->value = argument;
        return true;
    case OPTION_NUMBER:
        if (!text_to_int(text_of(argument), &number) || number < row->min || number > row->max)
            return wrong(options,
                         SAY("--%s 须为 %lld 至 %lld 之间的整数，而不是“%s”",
                             "--%s takes a whole number of %lld to %lld, not '%s'"),
                         row->name, (long long)row->min, (long long)row->max, argument);
        *(int64_t *)row->value = number;
        return true;
    }
    return false; /* not reached: the switch is complete */
}

static bool field_given(struct options *options, const struct field *field, const char *argument)
{
    if (options->given_count == OPTIONS_GIVEN_MAX)
        return wrong(options, "%s", SAY("选项过多", "too many options"));
    options->given[options->given_count++] = (struct option_given){field, argument};
    return true;
}

static bool operand_take(struct options *options, const char *argument)
{
    int number = options->operand_count;
    if (number >= OPTIONS_OPERAND_MAX || options->operands == NULL ||
        options->operands[number] == NULL)
        return wrong(options, SAY("多余的参数“%s”", "unexpected argument '%s'"), argument);
    options->operand[options->operand_count++] = argument;
    if (options->type == NULL)
        return true;
    const struct field *field = field_find(options, options->operands[number]);
    return field == NULL || field_given(options, field, argument);
}

bool options_parse(struct options *options, int argc, char **argv, struct arena *arena)
{
    struct option *table = long_options(options, arena);
    options->help = false;
    options->operand_count = 0;
    options->given = arena_array(arena, OPTIONS_GIVEN_MAX, sizeof *options->given);
    options->given_count = 0;
    options->problem[0] = '\0';
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    int value;
    while ((value = getopt_long(argc, argv, "-:h", table, NULL)) != -1) {
        bool fine = true;
        if (value == VALUE_HELP)
            options->help = true;
        else if (value == 1)
            fine = operand_take(options, optarg);
        else if (value == ':')
            fine = wrong(options, SAY("选项 %s 需要取值", "option %s needs a value"),
                         argv[optind - 1]);
        else if (value == '?')
            fine = wrong(options, SAY("未知或不明确的选项 %s", "unknown or ambiguous option %s"),
                         argv[optind - 1]);
        else if (value >= VALUE_FIELD)
            fine = field_given(options, &options->type->fields[value - VALUE_FIELD], optarg);
        else
            fine = row_take(options, row_at(options, value - VALUE_ROW), optarg);
        if (!fine)
            return false;
    }
    for (; optind < argc; optind++) /* after "--" */
        if (!operand_take(options, argv[optind]))
            return false;
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

/* Civil time without an offset. */
static bool civil_read(struct text t, struct civil *civil)
{
    static const char *const formats[] = {"%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"};
    char buffer[INSTANT_TEXT_MAX];
    if (t.length >= sizeof buffer || !text_is_clean(t))
        return false;
    memcpy(buffer, t.at, t.length);
    buffer[t.length] = '\0';
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm broken = {.tm_mday = 0};
        const char *end = strptime(buffer, formats[i], &broken);
        *civil = (struct civil){broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday,
                                broken.tm_hour,        broken.tm_min,     broken.tm_sec};
        if (end != NULL && *end == '\0')
            return true;
    }
    return false;
}

bool options_time(struct text t, struct text zone, int64_t *instant)
{
    struct civil civil;
    if (instant_parse(t, instant))
        return true;
    return civil_read(t, &civil) && instant_from_civil(zone, civil, instant);
}

static void list_add(struct text_list *list, struct text item, struct arena *arena)
{
    struct text *items = arena_array(arena, list->count + 1, sizeof *items);
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = item;
    *list = (struct text_list){items, list->count + 1};
}

static struct text piece_of(struct text *rest)
{
    const char *comma = memchr(rest->at, ',', rest->length);
    struct text piece = *rest;
    if (comma == NULL) {
        *rest = (struct text){rest->at + rest->length, 0};
        return piece;
    }
    piece.length = (size_t)(comma - rest->at);
    *rest = (struct text){comma + 1, rest->length - piece.length - 1};
    return piece;
}

/* a,b: a URL keeps its commas. */
static bool list_take(struct options *options, const struct field *field, struct text argument,
                      struct arena *arena, struct text_list *list)
{
    if (field->kind == FIELD_TEXTS && strstr(argument.at, "://") != NULL) {
        list_add(list, argument, arena);
        return true;
    }
    while (argument.length > 0) {
        if (list->count >= LIST_ITEMS_MAX)
            return wrong(options, SAY("%s 项数过多", "%s: too many items"), field->name);
        list_add(list, piece_of(&argument), arena);
    }
    return true;
}

/* NAME=NUMBER; the name may hold '='. */
static bool counts_take(struct options *options, const struct field *field, struct text argument,
                        struct arena *arena, struct count_list *list)
{
    while (argument.length > 0) {
        struct text piece = piece_of(&argument);
        const char *equals = piece.length > 0 ? memrchr(piece.at, '=', piece.length) : NULL;
        struct count *items = arena_array(arena, list->count + 1, sizeof *items);
        if (equals == NULL || list->count >= LIST_ITEMS_MAX)
            return wrong(options, SAY("%s 的写法是 名称=数量", "%s is written NAME=NUMBER"),
                         field->name);
        size_t name = (size_t)(equals - piece.at);
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        items[list->count].name = (struct text){piece.at, name};
        if (!text_to_int((struct text){equals + 1, piece.length - name - 1},
                         &items[list->count].value))
            return wrong(options, SAY("%s 的数量不是整数：%.*s", "%s: not a whole number: %.*s"),
                         field->name, TEXT_ARG(piece));
        *list = (struct count_list){items, list->count + 1};
    }
    return true;
}

/* FROM/UNTIL, each as options_time reads it. */
static bool windows_take(struct options *options, const struct field *field, struct text argument,
                         struct text zone, struct arena *arena, struct window_list *list)
{
    while (argument.length > 0) {
        struct text piece = piece_of(&argument);
        const char *slash = piece.length > 0 ? memchr(piece.at, '/', piece.length) : NULL;
        struct window *items = arena_array(arena, list->count + 1, sizeof *items);
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        size_t first = slash == NULL ? 0 : (size_t)(slash - piece.at);
        if (slash == NULL || list->count >= LIST_ITEMS_MAX ||
            !options_time(arena_text(arena, (struct text){piece.at, first}), zone,
                          &items[list->count].start) ||
            !options_time(arena_text(arena, (struct text){slash + 1, piece.length - first - 1}),
                          zone, &items[list->count].end))
            return wrong(options,
                         SAY("%s 的写法是 开始/结束（例：2026-03-01 09:00/2026-03-01 11:00）",
                             "%s is written FROM/UNTIL (as 2026-03-01 09:00/2026-03-01 11:00)"),
                         field->name);
        *list = (struct window_list){items, list->count + 1};
    }
    return true;
}

/* TEXT;OWNER;DATE: one resolution, since its text may hold anything; the option may be repeated. */
static bool resolution_take(struct options *options, const struct field *field,
                            struct text argument, struct arena *arena, struct resolution_list *list)
{
    const char *due = argument.length > 0 ? memrchr(argument.at, ';', argument.length) : NULL;
    size_t before = due == NULL ? 0 : (size_t)(due - argument.at);
    const char *owner = before > 0 ? memrchr(argument.at, ';', before) : NULL;
    if (owner == NULL || list->count >= LIST_ITEMS_MAX)
        return wrong(options,
                     SAY("%s 的写法是 内容;责任单位;期限（例：设立窗口;ndrc;2026-03-31）",
                         "%s is written TEXT;OWNER;DATE (as open a desk;ndrc;2026-03-31)"),
                     field->name);
    struct resolution *items = arena_array(arena, list->count + 1, sizeof *items);
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = (struct resolution){
        .text = {argument.at, (size_t)(owner - argument.at)},
        .owner = {owner + 1, (size_t)(due - owner - 1)},
        .due = {due + 1, argument.length - before - 1},
    };
    *list = (struct resolution_list){items, list->count + 1};
    return true;
}

static bool flag_take(struct options *options, const struct field *field, const char *argument,
                      bool *flag)
{
    if (argument == NULL || strcmp(argument, "yes") == 0 || strcmp(argument, "true") == 0)
        *flag = true;
    else if (strcmp(argument, "no") == 0 || strcmp(argument, "false") == 0)
        *flag = false;
    else
        return wrong(options, SAY("%s 只能是 yes 或 no", "%s is yes or no"), field->name);
    return true;
}

static void words_print(const struct words *words, char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (int i = 0; i < words->count && length < size; i++) {
        int n = snprintf(buffer + length, size - length, "%s%s", i > 0 ? "|" : "", words->names[i]);
        length += n > 0 ? (size_t)n : 0;
    }
}

static bool word_take(struct options *options, const struct field *field, struct text argument,
                      int *word)
{
    char all[OPTIONS_PROBLEM_MAX / 2];
    *word = words_find(field->words, argument);
    if (*word >= 0)
        return true;
    words_print(field->words, all, sizeof all);
    return wrong(options, SAY("%s 没有“%.*s”这个取值；可用 %s", "%s has no word '%.*s'; it is %s"),
                 field->name, TEXT_ARG(argument), all);
}

static bool value_take(struct options *options, const struct option_given *given, struct text zone,
                       struct arena *arena, void *at)
{
    const struct field *field = given->field;
    struct text argument = text_of(given->argument);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        *(struct text *)at = argument;
        return true;
    case FIELD_INT:
        return text_to_int(argument, at) ||
               wrong(options, SAY("%s 不是整数：%s", "%s: not a whole number: %s"), field->name,
                     argument.at);
    case FIELD_TIME:
        return options_time(argument, zone, at) ||
               wrong(options,
                     SAY("%s 不是时间：%s（例：2026-03-01 09:00 或 2026-03-01T01:00:00Z）",
                         "%s: not a time: %s (as 2026-03-01 09:00 or 2026-03-01T01:00:00Z)"),
                     field->name, argument.at);
    case FIELD_FLAG:
        return flag_take(options, field, given->argument, at);
    case FIELD_WORD:
        return word_take(options, field, argument, at);
    case FIELD_TEXTS:
    case FIELD_CODES:
        return list_take(options, field, argument, arena, at);
    case FIELD_COUNTS:
        return counts_take(options, field, argument, arena, at);
    case FIELD_WINDOWS:
        return windows_take(options, field, argument, zone, arena, at);
    case FIELD_RESOLUTIONS:
        return resolution_take(options, field, argument, arena, at);
    }
    return false; /* not reached: the switch is complete */
}

static bool was_given(const struct options *options, const struct field *field)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (options->given[i].field == field)
            return true;
    return false;
}

static bool bounds_check(struct options *options, const void *message, struct arena *arena)
{
    struct refusal refusal;
    struct bytes encoded = message_encode(options->type, message, arena);
    void *decoded = arena_alloc(arena, options->type->size);
    if (message_decode(options->type, encoded, arena, decoded, &refusal))
        return true;
    const struct field *field = refusal.field != NULL ? field_find(options, refusal.field) : NULL;
    if (field == NULL)
        return wrong(options, "%s", refusal_text(refusal.code, cli_chinese()));
    return wrong(options, SAY("--%s：%s（%lld 至 %lld）", "--%s: %s (%lld to %lld)"),
                 options_field_name(options, field, arena),
                 refusal_text(refusal.code, cli_chinese()), (long long)field->min,
                 (long long)field->max);
}

bool options_fill(struct options *options, struct text zone, struct arena *arena, void *message)
{
    const struct message_type *type = options->type;
    message_clear(type, message);
    for (size_t i = 0; i < options->given_count; i++) {
        const struct option_given *given = &options->given[i];
        if (!value_take(options, given, zone, arena, (char *)message + given->field->offset))
            return false;
    }
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].required && !was_given(options, &type->fields[i]))
            return wrong(options, SAY("缺少 --%s（%s）", "--%s is missing (%s)"),
                         options_field_name(options, &type->fields[i], arena),
                         SAY(type->fields[i].zh, type->fields[i].en));
    return bounds_check(options, message, arena);
}

/* --- help ------------------------------------------------------------------------------------- */

static const char *metavar_of(const struct field *field, char *buffer, size_t size)
{
    switch (field->kind) {
    case FIELD_TEXT:
        return "TEXT";
    case FIELD_CODE:
        return "CODE";
    case FIELD_INT:
        return "N";
    case FIELD_TIME:
        return "TIME";
    case FIELD_FLAG:
        return "yes|no";
    case FIELD_WORD:
        words_print(field->words, buffer, size);
        return buffer;
    case FIELD_TEXTS:
    case FIELD_CODES:
        return "A,B";
    case FIELD_COUNTS:
        return "NAME=N";
    case FIELD_WINDOWS:
        return "FROM/UNTIL,FROM/UNTIL";
    case FIELD_RESOLUTIONS:
        return "TEXT;OWNER;DATE";
    }
    return "?"; /* not reached: the switch is complete */
}

static void line_print(FILE *out, const char *name, const char *metavar, const char *sentence)
{
    char left[OPTIONS_PROBLEM_MAX];
    snprintf(left, sizeof left, "  --%s%s%s", name, metavar != NULL ? " " : "",
             metavar != NULL ? metavar : "");
    int width = (int)width_of(text_of(left));
    if (width >= NAME_COLUMN)
        fprintf(out, "%s\n%*s%s\n", left, NAME_COLUMN, "", sentence);
    else
        fprintf(out, "%s%*s%s\n", left, NAME_COLUMN - width, "", sentence);
}

void options_print(const struct options *options, FILE *out)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; options->type != NULL && i < options->type->field_count; i++) {
        const struct field *field = &options->type->fields[i];
        char buffer[OPTIONS_PROBLEM_MAX / 2];
        struct text sentence = arena_format(arena, "%s%s", SAY(field->zh, field->en),
                                            !field->required ? "" : SAY("（必填）", " (required)"));
        if (i == 0)
            fprintf(out, "\n%s\n", SAY("内容：", "Content:"));
        line_print(out, options_field_name(options, field, arena),
                   metavar_of(field, buffer, sizeof buffer), sentence.at);
    }
    for (size_t t = 0; options->tables[t] != NULL; t++) {
        fprintf(out, "\n%s\n", t == 0 ? SAY("选项：", "Options:") : SAY("通用：", "Common:"));
        for (const struct option_row *row = options->tables[t]; row->name != NULL; row++)
            line_print(out, row->name, row->kind == OPTION_FLAG ? NULL : row->metavar,
                       SAY(row->zh, row->en));
    }
    arena_destroy(&arena);
}
