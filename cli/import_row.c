#include "cli/import_row.h"

#include <string.h>
#include <time.h>

#include "base/instant.h"
#include "cli/cli.h"
#include "events/message.h"

#define TIME_TEXT_MAX 64

/* Limits of the fields the cells go into, from commands.def. */
static size_t field_max(const struct message_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return (size_t)type->fields[i].max;
    return 0;
}

static struct text cell_of(const struct csv_row *cells, const struct import_column *column)
{
    return column->index >= 0 ? cells->fields[column->index] : TEXT("");
}

static struct text clip_to(struct text t, const struct message_type *type, const char *field,
                           struct import_row *row)
{
    struct text clipped = cli_clip(t, field_max(type, field));
    row->clipped += clipped.length < t.length;
    return clipped;
}

static bool civil_of(const struct tm *broken, struct text zone, int64_t *instant)
{
    struct civil civil = {.year = broken->tm_year + 1900,
                          .month = broken->tm_mon + 1,
                          .day = broken->tm_mday,
                          .hour = broken->tm_hour,
                          .minute = broken->tm_min,
                          .second = broken->tm_sec};
    return instant_from_civil(zone, civil, instant);
}

static bool time_read(const struct import_map *map, const struct import_time *time,
                      struct text cell, int64_t *instant)
{
    char buffer[TIME_TEXT_MAX];
    struct tm broken = {.tm_mday = 1};
    if (strcmp(time->format, "rfc3339") == 0)
        return instant_parse(cell, instant);
    if (cell.length >= sizeof buffer)
        return false;
    memcpy(buffer, cell.at, cell.length);
    buffer[cell.length] = '\0';
    const char *end = strptime(buffer, time->format, &broken);
    return end != NULL && *end == '\0' && civil_of(&broken, map->time_zone, instant);
}

static bool is_word(struct text t, const struct text *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(t, words[i]))
            return true;
    return false;
}

static bool times_read(const struct import_map *map, const struct csv_row *cells,
                       struct import_row *row, enum import_trouble *trouble, const char **column)
{
    struct text state = cell_of(cells, &map->state), closed = cell_of(cells, &map->closed.column);
    bool is_closed = closed.length > 0;
    if (map->state.name != NULL) {
        is_closed = is_word(state, map->closed_words, map->closed_count);
        *column = map->state.name;
        *trouble = IMPORT_UNKNOWN_STATE;
        if (!is_closed && !is_word(state, map->open_words, map->open_count))
            return false;
    }
    *trouble = IMPORT_BAD_TIME;
    *column = map->opened.column.name;
    if (!time_read(map, &map->opened, cell_of(cells, &map->opened.column), &row->opened))
        return false;
    row->closed = INSTANT_ABSENT;
    if (!is_closed)
        return true;
    *column = map->closed.column.name != NULL ? map->closed.column.name : map->state.name;
    *trouble = closed.length == 0 ? IMPORT_NO_CLOSING_TIME : IMPORT_BAD_TIME;
    return closed.length > 0 && time_read(map, &map->closed, closed, &row->closed);
}

/* The cells that are not empty, joined. */
static struct text need_join(const struct import_map *map, const struct csv_row *cells,
                             struct arena *arena)
{
    struct text need = TEXT("");
    for (size_t i = 0; i < map->need_count; i++) {
        struct text cell = cell_of(cells, &map->need[i]);
        if (cell.length > 0)
            need = arena_format(arena, "%.*s%.*s%.*s", TEXT_ARG(need),
                                need.length > 0 ? (int)map->join.length : 0, map->join.at,
                                TEXT_ARG(cell));
    }
    return need;
}

static bool code_check(const struct import_code *code, struct text cell,
                       enum import_trouble *trouble, const char **column)
{
    if (cell.length > 0 || code->has_empty || code->column.name == NULL)
        return true;
    *trouble = IMPORT_EMPTY;
    *column = code->column.name;
    return false;
}

static bool texts_read(const struct import_map *map, const struct csv_row *cells,
                       struct arena *arena, struct import_row *row, enum import_trouble *trouble,
                       const char **column)
{
    const struct message_type *open = &command_types[COMMAND_order_open_external];
    const struct message_type *close = &command_types[COMMAND_order_close_external];
    row->town = cell_of(cells, &map->town.column);
    row->squad = cell_of(cells, &map->squad.column);
    row->department = cell_of(cells, &map->department);
    if (row->department.length == 0)
        row->department = row->squad;
    row->category = cell_of(cells, &map->category.column);
    if (!code_check(&map->town, row->town, trouble, column) ||
        !code_check(&map->squad, row->squad, trouble, column))
        return false;
    struct text activity = cell_of(cells, &map->activity);
    row->activity = clip_to(activity.length > 0 ? activity : row->category, open, "activity", row);
    row->need = clip_to(need_join(map, cells, arena), open, "need", row);
    row->outcome = clip_to(cell_of(cells, &map->outcome), close, "outcome", row);
    if (row->need.length == 0)
        row->need = row->activity;
    *trouble = IMPORT_EMPTY;
    *column = map->need[0].name;
    return row->need.length > 0;
}

static enum import_trouble shape_check(const struct csv_row *cells, size_t columns)
{
    switch (cells->trouble) {
    case CSV_FINE:
        break;
    case CSV_QUOTE_OPEN:
        return IMPORT_QUOTE_OPEN;
    case CSV_TOO_LONG:
        return IMPORT_LINE_TOO_LONG;
    case CSV_TOO_MANY_FIELDS:
        return IMPORT_FIELD_COUNT;
    }
    if (cells->count != columns)
        return IMPORT_FIELD_COUNT;
    return text_is_clean(cells->raw) ? IMPORT_FINE : IMPORT_BAD_TEXT;
}

bool import_row_read(const struct import_map *map, const struct csv_row *cells, size_t columns,
                     struct arena *arena, struct import_row *row, enum import_trouble *trouble,
                     const char **column)
{
    *row = (struct import_row){.id = TEXT("")};
    *column = NULL;
    *trouble = shape_check(cells, columns);
    if (*trouble == IMPORT_QUOTE_OPEN || *trouble == IMPORT_FIELD_COUNT)
        return false;
    if ((size_t)map->id.index < cells->count)
        row->id = cell_of(cells, &map->id);
    if (*trouble != IMPORT_FINE)
        return false;
    *column = map->id.name;
    *trouble = row->id.length == 0 ? IMPORT_NO_ID : IMPORT_LONG_ID;
    if (row->id.length == 0 ||
        row->id.length > field_max(&command_types[COMMAND_order_open_external], "external_id"))
        return false;
    return times_read(map, cells, row, trouble, column) &&
           texts_read(map, cells, arena, row, trouble, column);
}

static const struct {
    const char *name, *zh, *en;
} troubles[] = {
    [IMPORT_FINE] = {"fine", "无误", "fine"},
    [IMPORT_QUOTE_OPEN] = {"quote_open", "引号没有结束", "a quote is never closed"},
    [IMPORT_LINE_TOO_LONG] = {"too_long", "行过长", "the line is too long"},
    [IMPORT_FIELD_COUNT] = {"field_count", "列数与表头不符", "not as many fields as the header"},
    [IMPORT_BAD_TEXT] = {"bad_text", "含有 NUL 或非法 UTF-8", "holds NUL or is not UTF-8"},
    [IMPORT_NO_ID] = {"missing_field", "没有编号", "has no id"},
    [IMPORT_LONG_ID] = {"too_long", "编号过长", "the id is too long"},
    [IMPORT_BAD_TIME] = {"bad_time", "时间无法按格式读出",
                         "the time does not have the mapping's format"},
    [IMPORT_NO_CLOSING_TIME] = {"bad_time", "已办结却没有办结时间",
                                "closed without a closing time"},
    [IMPORT_UNKNOWN_STATE] = {"unknown_word", "映射未列出的状态",
                              "a state the mapping does not list"},
    [IMPORT_EMPTY] = {"missing_field", "不得为空", "must not be empty"},
};

const char *import_trouble_name(enum import_trouble trouble)
{
    return troubles[trouble].name;
}

const char *import_trouble_text(enum import_trouble trouble, bool zh)
{
    return zh ? troubles[trouble].zh : troubles[trouble].en;
}
