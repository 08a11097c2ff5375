#include "cli/seed_rows.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define LIST_MAX 1000

/* The columns that are used, and must be there; others are for people. */
static const struct {
    const char *name;
    const char *columns;
} files[SEED_FILE_COUNT] = {
    [SEED_DISTRICT] = {"district", "code name_zh name_en time_zone"},
    [SEED_CATEGORIES] = {"categories", "code name_zh name_en"},
    [SEED_ORGANISATIONS] =
        {"organisations",
         "code kind name_zh name_en short_zh parent site_kind sample commands places"},
    [SEED_SQUADS] = {"squads", "code department name_zh name_en brand categories capacity sample"},
};

const char *seed_file_name(enum seed_file file)
{
    return files[file].name;
}

static int column_find(const struct seed_header *header, struct text name)
{
    for (size_t i = 0; i < header->count; i++)
        if (text_equal(header->names[i], name))
            return (int)i;
    return -1;
}

bool seed_header_read(enum seed_file file, const struct csv_row *row, struct arena *arena,
                      struct seed_header *header, char *problem, size_t size)
{
    *header = (struct seed_header){.file = file, .count = row->count};
    if (row->trouble != CSV_FINE || row->count > SEED_COLUMNS_MAX) {
        snprintf(problem, size, "%s", SAY("表头有误", "the header cannot be read"));
        return false;
    }
    for (size_t i = 0; i < row->count; i++)
        header->names[i] = arena_text(arena, row->fields[i]);
    for (const char *at = files[file].columns; *at != '\0';) {
        size_t length = strcspn(at, " ");
        if (column_find(header, (struct text){at, length}) < 0) {
            snprintf(problem, size, SAY("缺少列 %.*s", "the column %.*s is missing"), (int)length,
                     at);
            return false;
        }
        at += length + (at[length] == ' ');
    }
    return true;
}

/* A row being turned into a command. */
struct seed_row {
    const struct seed_header *header;
    const struct csv_row *row;
    struct arena *arena;
    char *problem;
    size_t size;
};

static struct text cell(const struct seed_row *seed, const char *name)
{
    int column = column_find(seed->header, text_of(name));
    return column >= 0 ? arena_text(seed->arena, seed->row->fields[column]) : TEXT("");
}

/* a|b|c */
static struct text_list cell_list(const struct seed_row *seed, const char *name)
{
    struct text rest = cell(seed, name);
    struct text *items = arena_array(seed->arena, LIST_MAX, sizeof *items);
    size_t count = 0;
    while (rest.length > 0 && count < LIST_MAX) {
        const char *bar = memchr(rest.at, '|', rest.length);
        size_t length = bar != NULL ? (size_t)(bar - rest.at) : rest.length;
        items[count++] = (struct text){rest.at, length};
        length += bar != NULL;
        rest = (struct text){rest.at + length, rest.length - length};
    }
    return (struct text_list){items, count};
}

static bool cell_word(const struct seed_row *seed, const char *name, const struct words *words,
                      int *word)
{
    struct text t = cell(seed, name);
    if (t.length == 0)
        return true;
    *word = words_find(words, t);
    if (*word < 0)
        snprintf(seed->problem, seed->size,
                 SAY("%s 列的“%.*s”不在词表中", "%s: no such word: %.*s"), name, TEXT_ARG(t));
    return *word >= 0;
}

static bool district_read(const struct seed_row *seed, struct district_register *body)
{
    body->district = cell(seed, "code");
    body->name_zh = cell(seed, "name_zh");
    body->name_en = cell(seed, "name_en");
    body->time_zone = cell(seed, "time_zone");
    return true;
}

static bool category_read(const struct seed_row *seed, struct text district,
                          struct category_register *body)
{
    body->district = district;
    body->code = cell(seed, "code");
    body->name_zh = cell(seed, "name_zh");
    body->name_en = cell(seed, "name_en");
    return true;
}

static bool organisation_read(const struct seed_row *seed, struct text district,
                              struct organisation_register *body)
{
    body->district = district;
    body->code = cell(seed, "code");
    body->name_zh = cell(seed, "name_zh");
    body->name_en = cell(seed, "name_en");
    body->short_zh = cell(seed, "short_zh");
    body->parent = cell(seed, "parent");
    body->sample = text_equal(cell(seed, "sample"), TEXT("yes"));
    body->commands = cell_list(seed, "commands");
    body->places = cell_list(seed, "places");
    return cell_word(seed, "kind", &words_organisation_kind, &body->kind) &&
           cell_word(seed, "site_kind", &words_site_kind, &body->site_kind);
}

static bool squad_read(const struct seed_row *seed, struct text district,
                       struct organisation_register *body)
{
    struct text capacity = cell(seed, "capacity");
    body->district = district;
    body->code = cell(seed, "code");
    body->kind = KIND_squad;
    body->parent = cell(seed, "department");
    body->name_zh = cell(seed, "name_zh");
    body->name_en = cell(seed, "name_en");
    body->brand = cell(seed, "brand");
    body->categories = cell_list(seed, "categories");
    body->sample = text_equal(cell(seed, "sample"), TEXT("yes"));
    body->hours = cell(seed, "hours");
    body->days_off = cell_list(seed, "days_off");
    if (capacity.length == 0 || text_to_int(capacity, &body->capacity))
        return true;
    snprintf(seed->problem, seed->size,
             SAY("capacity 不是整数：%.*s", "capacity: not a whole number: %.*s"),
             TEXT_ARG(capacity));
    return false;
}

static enum command_type type_of(enum seed_file file)
{
    switch (file) {
    case SEED_DISTRICT:
        return COMMAND_district_register;
    case SEED_CATEGORIES:
        return COMMAND_category_register;
    case SEED_ORGANISATIONS:
    case SEED_SQUADS:
    case SEED_FILE_COUNT:
        break;
    }
    return COMMAND_organisation_register;
}

static bool body_read(const struct seed_row *seed, struct text district, void *body)
{
    switch (seed->header->file) {
    case SEED_DISTRICT:
        return district_read(seed, body);
    case SEED_CATEGORIES:
        return category_read(seed, district, body);
    case SEED_ORGANISATIONS:
        return organisation_read(seed, district, body);
    case SEED_SQUADS:
        return squad_read(seed, district, body);
    case SEED_FILE_COUNT:
        break;
    }
    return false;
}

bool seed_row_read(const struct seed_header *header, const struct csv_row *row,
                   struct text district, struct arena *arena, struct fact *fact, char *problem,
                   size_t size)
{
    const struct seed_row seed = {header, row, arena, problem, size};
    const struct message_type *type = &command_types[type_of(header->file)];
    if (row->trouble != CSV_FINE || row->count != header->count || !text_is_clean(row->raw)) {
        snprintf(
            problem, size, "%s",
            SAY("列数与表头不符，或不是 UTF-8", "not as many fields as the header, or not UTF-8"));
        return false;
    }
    void *body = arena_alloc(arena, type->size), *checked = arena_alloc(arena, type->size);
    struct refusal refusal;
    message_clear(type, body);
    if (!body_read(&seed, district, body))
        return false;
    if (!message_decode(type, message_encode(type, body, arena), arena, checked, &refusal)) {
        snprintf(problem, size, "%s: %s", refusal.field != NULL ? refusal.field : "",
                 refusal_text(refusal.code, cli_chinese()));
        return false;
    }
    struct text code = cell(&seed, "code");
    *fact = (struct fact){.prefix = arena_format(arena, "seed:%.*s:%s:%.*s",
                                                 TEXT_ARG(district.length > 0 ? district : code),
                                                 files[header->file].name, TEXT_ARG(code)),
                          .type = type_of(header->file),
                          .body = body};
    return true;
}
