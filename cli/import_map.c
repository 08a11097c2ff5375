#include "cli/import_map.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/instant.h"
#include "cli/cli.h"

#define FORMAT         1
#define SLUG_MAX       40
#define SLUG_HEX_BYTES 4

struct reading {
    struct arena *arena;
    char *problem;
    size_t size;
    bool failed;
};

static void fail(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first problem is the one told. */
static void fail(struct reading *reading, const char *format, ...)
{
    if (reading->failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reading->problem, reading->size, format, arguments);
    va_end(arguments);
    reading->failed = true;
}

/* --- pieces of JSON --------------------------------------------------------------------------- */

static const char *string_of(struct reading *reading, json_t *object, const char *where,
                             const char *key, bool required)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL && !required)
        return NULL;
    if (!json_is_string(value) || json_string_length(value) == 0) {
        fail(reading, SAY("%s.%s 须为非空文本", "%s.%s must be a text that is not empty"), where,
             key);
        return NULL;
    }
    return arena_string(reading->arena, text_of(json_string_value(value)));
}

static json_t *object_of(struct reading *reading, json_t *root, const char *key, bool required)
{
    json_t *value = json_object_get(root, key);
    if (json_is_object(value) || (value == NULL && !required))
        return value;
    fail(reading, SAY("%s 须为对象", "%s must be an object"), key);
    return NULL;
}

static struct import_column column_of(struct reading *reading, json_t *object, const char *where,
                                      const char *key, bool required)
{
    const char *name = object != NULL ? string_of(reading, object, where, key, required) : NULL;
    return (struct import_column){name, -1};
}

/* The English name stands in for a missing Chinese one, and the code for both. */
static struct import_names names_of(struct reading *reading, json_t *object, const char *where)
{
    struct import_names names = {TEXT(""), TEXT(""), TEXT("")};
    if (object == NULL)
        return names;
    names.code = text_of(string_of(reading, object, where, "code", true));
    names.name_en = text_of(string_of(reading, object, where, "name_en", false));
    names.name_zh = text_of(string_of(reading, object, where, "name_zh", false));
    if (names.name_zh.length == 0)
        names.name_zh = names.name_en.length > 0 ? names.name_en : names.code;
    if (!text_is_code(names.code))
        fail(reading,
             SAY("%s.code 须为 1 至 64 个 a-z 0-9 _ . -，以字母或数字开头",
                 "%s.code must be 1 to 64 of a-z 0-9 _ . - and begin with a letter or digit"),
             where);
    return names;
}

static struct import_time time_of(struct reading *reading, json_t *root, const char *key,
                                  bool required)
{
    json_t *object = object_of(reading, root, key, required);
    struct import_time time = {.column = column_of(reading, object, key, "column", true)};
    if (object != NULL)
        time.format = string_of(reading, object, key, "format", true);
    return time;
}

static struct import_code code_of(struct reading *reading, json_t *root, const char *key,
                                  bool required)
{
    json_t *object = object_of(reading, root, key, required);
    struct import_code code = {.column = column_of(reading, object, key, "column", true)};
    json_t *empty = object != NULL ? json_object_get(object, "empty") : NULL;
    code.has_empty = empty != NULL;
    if (empty != NULL)
        code.empty = names_of(reading, empty, "empty");
    return code;
}

static size_t words_of(struct reading *reading, json_t *object, const char *key,
                       struct text words[IMPORT_WORDS_MAX])
{
    json_t *array = json_object_get(object, key);
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count == 0 || count > IMPORT_WORDS_MAX) {
        fail(reading,
             SAY("state.%s 须为 1 至 %d 个文本", "state.%s must be a list of 1 to %d texts"), key,
             IMPORT_WORDS_MAX);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *word = json_array_get(array, i);
        if (!json_is_string(word)) {
            fail(reading, SAY("state.%s 须为文本", "state.%s must be texts"), key);
            return 0;
        }
        words[i] = arena_text(reading->arena, text_of(json_string_value(word)));
    }
    return count;
}

static void state_of(struct reading *reading, json_t *root, struct import_map *map)
{
    json_t *object = object_of(reading, root, "state", false);
    map->state = column_of(reading, object, "state", "column", true);
    if (object == NULL)
        return;
    map->closed_count = words_of(reading, object, "closed", map->closed_words);
    map->open_count = words_of(reading, object, "open", map->open_words);
}

static void need_of(struct reading *reading, json_t *root, struct import_map *map)
{
    json_t *object = object_of(reading, root, "need", true);
    json_t *columns = json_object_get(object, "columns");
    map->need_count = json_array_size(columns);
    if (map->need_count == 0 || map->need_count > IMPORT_COLUMNS_MAX) {
        map->need_count = 0;
        fail(reading,
             SAY("need.columns 须为 1 至 %d 个列名",
                 "need.columns must be 1 to %d names of columns"),
             IMPORT_COLUMNS_MAX);
        return;
    }
    for (size_t i = 0; i < map->need_count; i++) {
        json_t *name = json_array_get(columns, i);
        if (!json_is_string(name)) {
            fail(reading, "%s",
                 SAY("need.columns 须为列名", "need.columns must be names of columns"));
            return;
        }
        const char *copy = arena_string(reading->arena, text_of(json_string_value(name)));
        map->need[i] = (struct import_column){copy, -1};
    }
    const char *join = string_of(reading, object, "need", "join", false);
    map->join = join != NULL ? text_of(join) : TEXT(" ");
}

static void district_of(struct reading *reading, json_t *root, struct import_map *map)
{
    json_t *object = object_of(reading, root, "district", true);
    map->district = names_of(reading, object, "district");
    if (object == NULL)
        return;
    map->time_zone = text_of(string_of(reading, object, "district", "time_zone", true));
    if (!reading->failed && !instant_zone_known(map->time_zone))
        fail(reading, SAY("没有时区“%s”", "district.time_zone: no such time zone: %s"),
             map->time_zone.at);
}

static void map_fill(struct reading *reading, json_t *root, struct import_map *map)
{
    if (json_integer_value(json_object_get(root, "format")) != FORMAT)
        fail(reading, SAY("format 须为 %d", "format must be %d"), FORMAT);
    const char *codes = string_of(reading, root, "mapping", "codes", false);
    if (codes != NULL && strcmp(codes, "slug") != 0)
        fail(reading, "%s", SAY("codes 只能是 slug", "codes can only be slug"));
    district_of(reading, root, map);
    map->feed = names_of(reading, object_of(reading, root, "feed", true), "feed");
    map->committee = names_of(reading, object_of(reading, root, "committee", true), "committee");
    map->id = column_of(reading, object_of(reading, root, "id", true), "id", "column", true);
    map->opened = time_of(reading, root, "opened", true);
    map->closed = time_of(reading, root, "closed", false);
    state_of(reading, root, map);
    map->town = code_of(reading, root, "town", true);
    map->squad = code_of(reading, root, "squad", true);
    map->category = code_of(reading, root, "category", false);
    json_t *squad = json_object_get(root, "squad");
    map->department = column_of(reading, squad, "squad", "department", false);
    if (map->department.name != NULL && strcmp(map->department.name, "same") == 0)
        map->department.name = NULL;
    map->activity =
        column_of(reading, object_of(reading, root, "activity", false), "activity", "column", true);
    map->outcome =
        column_of(reading, object_of(reading, root, "outcome", false), "outcome", "column", true);
    need_of(reading, root, map);
}

struct import_map *import_map_read(const char *path, struct arena *arena, char *problem,
                                   size_t size)
{
    struct reading reading = {.arena = arena, .problem = problem, .size = size};
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        if (error.line > 0)
            snprintf(problem, size, SAY("%s 第 %d 行：%s", "%s line %d: %s"), path, error.line,
                     error.text);
        else
            snprintf(problem, size, "%s", error.text);
        return NULL;
    }
    struct import_map *map = arena_alloc(arena, sizeof *map);
    if (json_is_object(root))
        map_fill(&reading, root, map);
    else
        fail(&reading, SAY("%s 须为 JSON 对象", "%s must be a JSON object"), path);
    json_decref(root);
    return reading.failed ? NULL : map;
}

/* --- header ----------------------------------------------------------------------------------- */

static void column_bind(struct reading *reading, struct import_column *column,
                        const struct text *header, size_t count)
{
    column->index = -1;
    if (column->name == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!text_equal(header[i], text_of(column->name)))
            continue;
        if (column->index >= 0)
            fail(reading, SAY("列“%s”出现两次", "the column '%s' is there twice"), column->name);
        column->index = (int)i;
    }
    if (column->index < 0)
        fail(reading, SAY("文件没有列“%s”", "the file has no column '%s'"), column->name);
}

bool import_map_bind(struct import_map *map, const struct text *header, size_t count, char *problem,
                     size_t size)
{
    struct reading reading = {.problem = problem, .size = size};
    struct import_column *columns[] = {
        &map->id,          &map->opened.column, &map->closed.column, &map->state,
        &map->town.column, &map->squad.column,  &map->department,    &map->category.column,
        &map->activity,    &map->outcome,
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        column_bind(&reading, columns[i], header, count);
    for (size_t i = 0; i < map->need_count; i++)
        column_bind(&reading, &map->need[i], header, count);
    return !reading.failed;
}

/* --- codes ------------------------------------------------------------------------------------ */

static char slug_letter(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '\0';
}

struct text import_slug(struct text value, struct arena *arena)
{
    char slug[SLUG_MAX + 1], hex[2 * SLUG_HEX_BYTES + 1];
    size_t length = 0, run = 0;
    bool lost = false;
    for (size_t i = 0; i < value.length; i++) {
        char letter = slug_letter(value.at[i]);
        if (letter == '\0') {
            lost = lost || run > 0 || value.at[i] == '\0' || strchr(" _-./", value.at[i]) == NULL;
            run++;
            continue;
        }
        size_t wanted = length + 1 + (run > 0 && length > 0);
        if (wanted > SLUG_MAX) {
            lost = true;
            break;
        }
        if (wanted > length + 1)
            slug[length++] = '-';
        slug[length++] = letter;
        run = 0;
    }
    if (!lost && length > 0)
        return arena_text(arena, (struct text){slug, length});
    cli_sha256_hex(value, SLUG_HEX_BYTES, hex);
    return arena_format(arena, "%.*s%s%s", (int)length, slug, length > 0 ? "-" : "", hex);
}
