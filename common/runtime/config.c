#include "runtime/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ONLY(service)       (1U << SERVICE_##service)
#define ALL_SERVICES        ((1U << SERVICE_COUNT) - 1)
#define CONFIG_VARIABLE_MAX 64 /* bytes of a variable's name */
#define CONFIG_CHOICES_MAX  128
#define CONFIG_SHOWN_MAX    60 /* bytes of a wrong value that are shown */
#define KEY_TEXT_BYTES      40 /* of a CURVE key in Z85 */

enum kind { KIND_TEXT, KIND_WORD, KIND_NUMBER };

struct row {
    const char *name;
    enum kind kind;
    size_t at;        /* in struct config */
    const char *text; /* default of a text or word */
    int64_t number;   /* default of a number */
    int64_t min, max;
    const char *choices;
    unsigned services;
    const char *zh, *en;
};

static const struct row rows[] = {
#define CONFIG_TEXT(name, fallback, min, max, services, zh, en)                                    \
    {#name, KIND_TEXT, offsetof(struct config, name), fallback, 0, min, max, NULL, services,       \
     zh,    en},
#define CONFIG_WORD(name, fallback, choices, services, zh, en)                                     \
    {#name, KIND_WORD, offsetof(struct config, name), fallback, 0, 0, 0, choices, services, zh, en},
#define CONFIG_NUMBER(name, fallback, min, max, services, zh, en)                                  \
    {#name, KIND_NUMBER, offsetof(struct config, name), NULL, fallback, min, max, NULL, services,  \
     zh,    en},
#include "runtime/config.def"
#undef CONFIG_TEXT
#undef CONFIG_WORD
#undef CONFIG_NUMBER
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

static const char *const default_instances[SERVICE_COUNT] = {
#define SERVICE(name, zh, en) #name "-1",
#include "domain/service.def"
#undef SERVICE
};

static const char *const default_https[SERVICE_COUNT] = {
    [SERVICE_intake] = "127.0.0.1:9101",       [SERVICE_dispatch] = "127.0.0.1:9102",
    [SERVICE_notification] = "127.0.0.1:9103", [SERVICE_evaluation] = "127.0.0.1:9104",
    [SERVICE_reporting] = "127.0.0.1:9105",
};

static const char *const default_apis[SERVICE_COUNT] = {
    [SERVICE_intake] = "127.0.0.1:8080",
    [SERVICE_dispatch] = "",
    [SERVICE_notification] = "",
    [SERVICE_evaluation] = "",
    [SERVICE_reporting] = "127.0.0.1:8081",
};

/* --- of one row ------------------------------------------------------------------------------- */

static const char **text_at(struct config *config, const struct row *row)
{
    return (const char **)(void *)((char *)config + row->at);
}

static int64_t *number_at(struct config *config, const struct row *row)
{
    return (int64_t *)(void *)((char *)config + row->at);
}

static const char *default_text(const struct row *row, enum service service)
{
    if (row->at == offsetof(struct config, instance))
        return default_instances[service];
    if (row->at == offsetof(struct config, http))
        return default_https[service];
    if (row->at == offsetof(struct config, api))
        return default_apis[service];
    return row->text;
}

static bool is_secret(const struct row *row)
{
    return row->at == offsetof(struct config, dsn);
}

static bool is_required(const struct row *row)
{
    return row->kind == KIND_TEXT && row->text[0] == '\0' && row->min > 0;
}

static const char *variable_name(const struct row *row, char *buffer)
{
    size_t used = (size_t)snprintf(buffer, CONFIG_VARIABLE_MAX, "ZTC_%s", row->name);
    for (size_t i = 0; i < used; i++)
        buffer[i] = (char)toupper((unsigned char)buffer[i]);
    return buffer;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices;; at++) {
        size_t choice = strcspn(at, "|");
        if (choice == length && memcmp(at, value, length) == 0)
            return true;
        at += choice;
        if (*at == '\0')
            return false;
    }
}

static const char *choices_listed(const char *choices, char *buffer)
{
    size_t used = 0;
    for (; *choices != '\0' && used + 3 < CONFIG_CHOICES_MAX; choices++) {
        buffer[used++] = *choices == '|' ? ',' : *choices;
        if (*choices == '|')
            buffer[used++] = ' ';
    }
    buffer[used] = '\0';
    return buffer;
}

/* What may be given, for people: "a number from 1 to 4096". */
static void print_range(const struct row *row, bool zh, FILE *out)
{
    char choices[CONFIG_CHOICES_MAX];
    switch (row->kind) {
    case KIND_TEXT:
        if (row->at == offsetof(struct config, operator_key))
            fprintf(out, zh ? "%d 字节的 Z85 文本" : "%d bytes of Z85", KEY_TEXT_BYTES);
        else
            fprintf(out,
                    zh ? "%" PRId64 " 到 %" PRId64 " 字节的 UTF-8 文本"
                       : "%" PRId64 " to %" PRId64 " bytes of UTF-8 text",
                    row->min > 0 ? row->min : 1, row->max);
        break;
    case KIND_WORD:
        fprintf(out, zh ? "%s 之一" : "one of %s", choices_listed(row->choices, choices));
        break;
    case KIND_NUMBER:
        fprintf(out,
                zh ? "%" PRId64 " 到 %" PRId64 " 的整数"
                   : "a whole number from %" PRId64 " to %" PRId64,
                row->min, row->max);
        break;
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A wrong value as it may be shown on one line: clipped between characters, others' control
 * characters as '?'. */
static void print_shown(const char *value, FILE *out)
{
    size_t length = strlen(value), shown = length < CONFIG_SHOWN_MAX ? length : CONFIG_SHOWN_MAX;
    while (shown > 0 && shown < length && ((unsigned char)value[shown] & 0xC0) == 0x80)
        shown--;
    bool clean = text_is_clean((struct text){value, shown});
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)value[i];
        fputc(c < 0x20 || c == 0x7F || (c >= 0x80 && !clean) ? '?' : c, out);
    }
    if (shown < length)
        fputs("…", out);
}

/* value NULL: not set. */
static void tell(const struct row *row, const char *value, char *problem, size_t size)
{
    char variable[CONFIG_VARIABLE_MAX];
    problem[0] = '\0';
    FILE *out = fmemopen(problem, size, "w");
    if (out == NULL)
        return;
    fprintf(out, "%s", variable_name(row, variable));
    if (value != NULL && !is_secret(row)) {
        fputs("=\"", out);
        print_shown(value, out);
        fputs("\"", out);
    }
    fputs(value == NULL ? " is not set; it must be " : " must be ", out);
    print_range(row, false, out);
    fputs(value == NULL ? " / 未设置，应为 " : " / 应为 ", out);
    print_range(row, true, out);
    fclose(out);
    problem[size - 1] = '\0';
}

static bool text_fits(const struct row *row, const char *value)
{
    struct text t = text_of(value);
    if (row->at == offsetof(struct config, operator_key) && t.length != KEY_TEXT_BYTES)
        return false;
    return (int64_t)t.length >= row->min && (int64_t)t.length <= row->max && text_is_clean(t);
}

static bool read_row(const struct row *row, struct config *config, const char *value)
{
    int64_t number;
    switch (row->kind) {
    case KIND_TEXT:
        if (!text_fits(row, value))
            return false;
        *text_at(config, row) = value;
        return true;
    case KIND_WORD:
        if (!is_choice(row->choices, value))
            return false;
        *text_at(config, row) = value;
        return true;
    case KIND_NUMBER:
        if (!text_to_int(text_of(value), &number) || number < row->min || number > row->max)
            return false;
        *number_at(config, row) = number;
        return true;
    }
    return false;
}

bool config_read(enum service service, struct config *config, char *problem, size_t size)
{
    for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
        if (row->kind == KIND_NUMBER)
            *number_at(config, row) = row->number;
        else
            *text_at(config, row) = default_text(row, service);
        if ((row->services & 1U << service) == 0)
            continue;
        char variable[CONFIG_VARIABLE_MAX];
        const char *value = getenv(variable_name(row, variable));
        bool set = value != NULL && value[0] != '\0';
        if (set ? !read_row(row, config, value) : is_required(row)) {
            tell(row, set ? value : NULL, problem, size);
            return false;
        }
    }
    return true;
}

/* --- showing ---------------------------------------------------------------------------------- */

static void print_default(const struct row *row, const char *text, bool zh, FILE *out)
{
    if (row->kind == KIND_NUMBER)
        fprintf(out, "%" PRId64, row->number);
    else if (is_required(row))
        fputs(zh ? "必填" : "must be set", out);
    else
        fputs(text[0] == '\0' ? (zh ? "空" : "none") : text, out);
}

void config_print_help(enum service service, bool zh, FILE *out)
{
    for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
        char variable[CONFIG_VARIABLE_MAX];
        if ((row->services & 1U << service) == 0)
            continue;
        fprintf(out, "  %s\n      %s\n      ", variable_name(row, variable),
                zh ? row->zh : row->en);
        print_range(row, zh, out);
        fputs(zh ? "；默认：" : "; default: ", out);
        print_default(row, row->kind == KIND_NUMBER ? NULL : default_text(row, service), zh, out);
        fputc('\n', out);
    }
}

static void print_readers(const struct row *row, bool zh, FILE *out)
{
    if (row->services == ALL_SERVICES) {
        fputs(zh ? "全部" : "all", out);
        return;
    }
    const char *between = "";
    for (int s = 0; s < SERVICE_COUNT; s++) {
        if ((row->services & 1U << s) != 0) {
            fprintf(out, "%s%s", between, words_name(&words_service, s));
            between = ", ";
        }
    }
}

/* The default of a row whose default is the service's. */
static const char *default_described(const struct row *row, bool zh)
{
    if (row->at == offsetof(struct config, instance))
        return zh ? "<服务名>-1" : "<service>-1";
    if (row->at == offsetof(struct config, http))
        return "127.0.0.1:9101 … 9105";
    if (row->at == offsetof(struct config, api))
        return "127.0.0.1:8080, 8081";
    return row->text;
}

void config_print_markdown(bool zh, FILE *out)
{
    fputs(zh ? "# 设置\n\n全部设置来自环境变量；空值等于未设置。\n\n| 变量 | 默认 | 可取 | 服务 | "
               "含义 |\n"
             : "# Settings\n\nAll settings are environment variables; an empty one counts as not "
               "set.\n\n"
               "| variable | default | may be | services | meaning |\n",
          out);
    fputs("| --- | --- | --- | --- | --- |\n", out);
    for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
        char variable[CONFIG_VARIABLE_MAX];
        fprintf(out, "| `%s` | ", variable_name(row, variable));
        print_default(row, default_described(row, zh), zh, out);
        fputs(" | ", out);
        print_range(row, zh, out);
        fputs(" | ", out);
        print_readers(row, zh, out);
        fprintf(out, " | %s |\n", zh ? row->zh : row->en);
    }
}
