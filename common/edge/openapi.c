#include "edge/openapi.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "edge/problem.h"

#define CODE_PATTERN "^[a-z0-9][a-z0-9_.-]*$"
#define STATUS_MIN   400
#define STATUS_MAX   599

static const struct {
    int query;
    const char *key, *type;
} answers[] = {
#define ANSWER(query, key, type) {QUERY_##query, #key, #type},
#include "edge/answers.def"
#undef ANSWER
};

/* What cannot fail but for memory: crash-only, as arena.h says. */
static json_t *made(json_t *json)
{
    if (json == NULL)
        abort();
    return json;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        abort();
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        abort();
}

/* English for developers in OpenAPI's own member, Chinese beside it. */
static void describe(json_t *object, const char *key, const char *zh, const char *en)
{
    char beside[64];
    snprintf(beside, sizeof beside, "x-%s-zh", key);
    set(object, key, json_string(en));
    set(object, beside, json_string(zh));
}

static json_t *reference(const char *where, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "#/components/%s/%s", where, name);
    return made(json_pack("{s:s}", "$ref", path));
}

/* --- fields -------------------------------------------------------------------------------------
 */

static json_t *words_schema(const struct words *words)
{
    json_t *names = json_array();
    for (int i = 0; i < words->count; i++)
        append(names, json_string(words->names[i]));
    return made(json_pack("{s:s, s:o}", "type", "string", "enum", names));
}

/* Bounds are bytes of UTF-8, which JSON Schema cannot say: as many characters are the most that can
 * fit. */
static json_t *text_schema(const struct field *field)
{
    json_t *schema = made(json_pack("{s:s, s:I, s:I}", "type", "string", "maxLength",
                                    (json_int_t)field->max, "x-maxBytes", (json_int_t)field->max));
    if (field->min > 0)
        set(schema, "minLength", json_integer((json_int_t)field->min));
    return schema;
}

static json_t *code_schema(void)
{
    return made(json_pack("{s:s, s:i, s:s}", "type", "string", "maxLength", CODE_MAX, "pattern",
                          CODE_PATTERN));
}

static json_t *list_schema(const struct field *field, json_t *items)
{
    return made(json_pack("{s:s, s:o, s:I, s:I}", "type", "array", "items", items, "minItems",
                          (json_int_t)field->min, "maxItems", (json_int_t)field->max));
}

static json_t *time_schema(void)
{
    return made(json_pack("{s:[{s:s, s:I, s:I}, {s:s, s:s}]}", "anyOf", "type", "integer",
                          "minimum", (json_int_t)INSTANT_MIN, "maximum", (json_int_t)INSTANT_MAX,
                          "type", "string", "format", "date-time"));
}

static json_t *resolution_schema(void)
{
    json_t *properties =
        made(json_pack("{s:{s:s, s:i, s:i}, s:o, s:{s:s, s:s}}", "text", "type", "string",
                       "minLength", 1, "maxLength", TEXTS_ITEM_MAX, "owner", code_schema(), "due",
                       "type", "string", "format", "date"));
    return made(json_pack("{s:s, s:o, s:[s, s, s]}", "type", "object", "properties", properties,
                          "required", "text", "owner", "due"));
}

static json_t *kind_schema(const struct field *field)
{
    switch (field->kind) {
    case FIELD_TEXT:
        return text_schema(field);
    case FIELD_CODE:
        return code_schema();
    case FIELD_INT:
        return made(json_pack("{s:s, s:s, s:I, s:I}", "type", "integer", "format", "int64",
                              "minimum", (json_int_t)field->min, "maximum",
                              (json_int_t)field->max));
    case FIELD_TIME:
        return time_schema();
    case FIELD_FLAG:
        return made(json_pack("{s:s}", "type", "boolean"));
    case FIELD_WORD:
        return words_schema(field->words);
    case FIELD_TEXTS:
        return list_schema(field, made(json_pack("{s:s, s:i, s:i}", "type", "string", "minLength",
                                                 1, "maxLength", TEXTS_ITEM_MAX)));
    case FIELD_CODES:
        return list_schema(field, code_schema());
    case FIELD_WINDOWS:
        return list_schema(field, made(json_pack("{s:s, s:o, s:i, s:i}", "type", "array", "items",
                                                 time_schema(), "minItems", 2, "maxItems", 2)));
    case FIELD_RESOLUTIONS:
        return list_schema(field, resolution_schema());
    case FIELD_COUNTS:
        return made(json_pack("{s:s, s:I, s:{s:s, s:i, s:i}}", "type", "object", "maxProperties",
                              (json_int_t)field->max, "additionalProperties", "type", "integer",
                              "minimum", 0, "maximum", COUNTS_VALUE_MAX));
    }
    abort(); /* not reached: the switch is complete */
}

static void set_default(json_t *schema, const struct field *field)
{
    if (field->required)
        return;
    if (field->kind == FIELD_INT)
        set(schema, "default", json_integer((json_int_t)field->fallback));
    else if (field->kind == FIELD_FLAG)
        set(schema, "default", json_boolean(field->fallback != 0));
    else if (field->kind == FIELD_WORD)
        set(schema, "default", json_string(words_name(field->words, (int)field->fallback)));
}

/* Codes that an event leaves empty are not there at all. */
static json_t *field_schema(const struct field *field)
{
    json_t *schema = kind_schema(field);
    set_default(schema, field);
    describe(schema, "description", field->zh, field->en);
    return schema;
}

/* A message's fields, without the one that stands in the path. */
static json_t *message_schema(const struct message_type *type, const struct field *left_out)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field == left_out)
            continue;
        set(properties, field->name, field_schema(field));
        if (field->required)
            append(required, json_string(field->name));
    }
    json_t *schema = made(json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties,
                                    "required", required));
    describe(schema, "description", type->zh, type->en);
    return schema;
}

/* --- components ---------------------------------------------------------------------------------
 */

static json_t *problem_schema(void)
{
    json_t *codes = json_array();
    for (int i = 0; i < problem_count(); i++)
        append(codes, json_string(problem_row(i).code));
    return made(json_pack(
        "{s:s, s:[s, s, s, s, s], s:{s:{s:s, s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:o}, "
        "s:{s:s}, s:{s:s}, s:{s:s, s:{s:s}}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}",
        "type", "object", "required", "type", "title", "status", "detail", "code", "properties",
        "type", "type", "string", "format", "uri-reference", "title", "type", "string", "status",
        "type", "integer", "detail", "type", "string", "code", "type", "string", "enum", codes,
        "field", "type", "string", "state", "type", "string", "allowed", "type", "array", "items",
        "type", "string", "order", "type", "integer", "line", "type", "integer", "column", "type",
        "integer", "position", "type", "integer"));
}

static json_t *result_schema(void)
{
    json_t *schema = made(json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:o, s:{s:s}}}", "type",
                                    "object", "properties", "order", "type", "integer", "version",
                                    "type", "integer", "assignment", "type", "integer", "state",
                                    words_schema(&words_order_state), "subject", "type", "string"));
    describe(schema, "description", "命令的结果；没有的项不出现",
             "what a command brought about; what does not apply is left out");
    return schema;
}

/* One entry of an order's history: its data is an event's, by its type. */
static json_t *history_schema(void)
{
    json_t *cases = json_array();
    for (int i = 0; i < EVENT_COUNT; i++) {
        char name[96];
        snprintf(name, sizeof name, "event_%s", event_types[i].name);
        append(cases, json_pack("{s:{s:{s:{s:s}}}, s:{s:{s:o}}}", "if", "properties", "type",
                                "const", event_types[i].name, "then", "properties", "data",
                                reference("schemas", name)));
    }
    return made(json_pack("{s:s, s:[s, s, s], s:o}", "type", "object", "required", "version",
                          "type", "data", "allOf", cases));
}

static json_t *answer_schema(int query)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (answers[i].query != query)
            continue;
        json_t *schema = made(json_pack("{s:s}", "type", answers[i].type));
        if (strcmp(answers[i].key, "history") == 0)
            set(schema, "items", reference("schemas", "HistoryEntry"));
        set(properties, answers[i].key, schema);
        append(required, json_string(answers[i].key));
    }
    return made(json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                          required));
}

static json_t *schemas(void)
{
    json_t *all = json_object();
    char name[96];
    set(all, "Problem", problem_schema());
    set(all, "Result", result_schema());
    set(all, "HistoryEntry", history_schema());
    for (int i = 0; i < QUERY_COUNT; i++) {
        snprintf(name, sizeof name, "answer_%s", query_types[i].name);
        set(all, name, answer_schema(i));
    }
    for (int i = 0; i < EVENT_COUNT; i++) {
        snprintf(name, sizeof name, "event_%s", event_types[i].name);
        set(all, name, message_schema(&event_types[i], NULL));
    }
    return all;
}

static json_t *parameter(const char *name, const char *in, bool required, json_t *schema,
                         const char *zh, const char *en)
{
    json_t *parameter = made(json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in, "required",
                                       (int)required, "schema", schema));
    describe(parameter, "description", zh, en);
    return parameter;
}

static json_t *string_of(int length)
{
    return made(json_pack("{s:s, s:i}", "type", "string", "maxLength", length));
}

static json_t *parameters(void)
{
    json_t *all = json_object();
    json_t *id = string_of(COMMAND_ID_MAX);
    set(id, "minLength", json_integer(1));
    set(all, "IdempotencyKey",
        parameter("Idempotency-Key", "header", true, id,
                  "命令编号：同一编号只做一次，重发得到首次答复",
                  "the command's id: it is done once; a repeat gets the first answer again"));
    set(all, "OnBehalfOf",
        parameter("Ztc-On-Behalf-Of", "header", false, code_schema(), "代表的单位",
                  "organisation acted for"));
    set(all, "Time",
        parameter("Ztc-Time", "header", false, time_schema(), "发生时间；仅限获准的接入系统",
                  "when it happened; only from feeds that may state it"));
    set(all, "Position",
        parameter("Ztc-Position", "header", false, string_of(1024),
                  "先等到这些位置再答复，取自命令答复的同名头",
                  "positions that must have been seen first: the header of that name in the answer "
                  "to a command"));
    set(all, "IfNoneMatch",
        parameter("If-None-Match", "header", false, string_of(1024), "已有的 ETag；未变则答复 304",
                  "ETag already held: 304 when nothing changed"));
    set(all, "Cursor",
        parameter("cursor", "query", false, string_of(256), "上一页答复中的 next",
                  "`next` of the page before"));
    return all;
}

static json_t *responses_of_problems(void)
{
    json_t *problem = made(json_pack("{s:{s:{s:o}}}", "content", PROBLEM_TYPE, "schema",
                                     reference("schemas", "Problem")));
    describe(problem, "description", "被拒绝；code 说明原因", "refused: `code` says why");
    return made(json_pack("{s:o}", "Problem", problem));
}

/* --- paths --------------------------------------------------------------------------------------
 */

static void set_problems(json_t *responses)
{
    for (unsigned status = STATUS_MIN; status <= STATUS_MAX; status++)
        for (int i = 0; i < problem_count(); i++)
            if (problem_row(i).status == status) {
                char key[8];
                snprintf(key, sizeof key, "%u", status);
                set(responses, key, reference("responses", "Problem"));
                break;
            }
}

static json_t *response(const char *zh, const char *en, json_t *schema)
{
    json_t *response =
        made(json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema));
    describe(response, "description", zh, en);
    return response;
}

static json_t *position_header(void)
{
    json_t *header = made(json_pack("{s:{s:s}}", "schema", "type", "string"));
    describe(header, "description", "所生事件的位置", "positions of its events");
    return made(json_pack("{s:o}", "Ztc-Position", header));
}

static json_t *responses_of(const struct route *route)
{
    json_t *responses = json_object();
    char name[96];
    if (route->is_query) {
        snprintf(name, sizeof name, "answer_%s", query_types[route->type].name);
        set(responses, "200", response("答复", "the answer", reference("schemas", name)));
        if (route->type == QUERY_order_show) {
            json_t *unchanged = json_object();
            describe(unchanged, "description", "未变", "not changed");
            set(responses, "304", unchanged);
        }
    } else {
        json_t *done = response("已办", "done", reference("schemas", "Result"));
        json_t *begun =
            response("已新建订单", "an order was begun", reference("schemas", "Result"));
        set(done, "headers", position_header());
        set(begun, "headers", position_header());
        set(responses, "200", done);
        set(responses, "201", begun);
    }
    set_problems(responses);
    return responses;
}

static json_t *query_parameters(const struct route *route, const struct field *in_path)
{
    json_t *list = json_array();
    const struct message_type *type = route_type(route);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field != in_path)
            append(list, parameter(field->name, "query", field->required, field_schema(field),
                                   field->zh, field->en));
    }
    if (route_page_field(route) != NULL)
        append(list, reference("parameters", "Cursor"));
    if (route->type == QUERY_order_show)
        append(list, reference("parameters", "IfNoneMatch"));
    append(list, reference("parameters", "Position"));
    return list;
}

static json_t *command_parameters(void)
{
    return made(json_pack("[o, o, o]", reference("parameters", "IdempotencyKey"),
                          reference("parameters", "OnBehalfOf"), reference("parameters", "Time")));
}

/* The first route of a message bears its name, a further one a number too. */
static json_t *operation_name(const struct route *route)
{
    int number = 1;
    char name[96];
    for (const struct route *other = routes; other < route; other++)
        number += other->is_query == route->is_query && other->type == route->type;
    if (number == 1)
        snprintf(name, sizeof name, "%s", route_type(route)->name);
    else
        snprintf(name, sizeof name, "%s_%d", route_type(route)->name, number);
    return json_string(name);
}

static json_t *operation(const struct route *route)
{
    const struct field *in_path = route_field(route);
    const struct message_type *type = route_type(route);
    json_t *operation = json_object(), *list;
    set(operation, "operationId", operation_name(route));
    describe(operation, "summary", type->zh, type->en);
    set(operation, "x-served-by", json_string(route->is_query ? "reporting" : "intake"));
    list = route->is_query ? query_parameters(route, in_path) : command_parameters();
    if (in_path != NULL)
        append(list, parameter(in_path->name, "path", true, field_schema(in_path), in_path->zh,
                               in_path->en));
    set(operation, "parameters", list);
    if (!route->is_query) {
        json_t *schema = message_schema(type, in_path);
        bool required = json_array_size(json_object_get(schema, "required")) > 0;
        set(operation, "requestBody",
            json_pack("{s:b, s:{s:{s:o}}}", "required", (int)required, "content",
                      "application/json", "schema", schema));
    }
    set(operation, "responses", responses_of(route));
    return operation;
}

static json_t *paths(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < route_count; i++) {
        json_t *item = json_object_get(all, routes[i].path);
        if (item == NULL) {
            set(all, routes[i].path, json_object());
            item = json_object_get(all, routes[i].path);
        }
        set(item, routes[i].is_query ? "get" : "post", operation(&routes[i]));
    }
    return all;
}

static json_t *info(void)
{
    json_t *info =
        made(json_pack("{s:s, s:s}", "title", "Zhitongche 直通车", "version", ZTC_VERSION));
    describe(info, "description",
             "命令发往受理服务，查询发往报表服务。未知的键略过，null 即未填。时间可写 RFC 3339 "
             "文本或毫秒，答复中一律为毫秒。",
             "Commands go to intake, queries to reporting. Unknown keys are skipped, null is an "
             "absent value. Times may be RFC 3339 text or milliseconds; answers have "
             "milliseconds.");
    return info;
}

static json_t *security_scheme(void)
{
    json_t *bearer = made(json_pack("{s:s, s:s}", "type", "http", "scheme", "bearer"));
    describe(bearer, "description", "ztc keys bearer 所制的令牌；登记的只有其 SHA-256",
             "a token made by `ztc keys bearer`; only its SHA-256 is registered");
    return made(json_pack("{s:o}", "bearer", bearer));
}

struct text openapi_json(struct arena *arena)
{
    json_t *document = made(json_pack(
        "{s:s, s:o, s:[{s:[]}], s:o, s:{s:o, s:o, s:o, s:o}}", "openapi", "3.1.0", "info", info(),
        "security", "bearer", "paths", paths(), "components", "securitySchemes", security_scheme(),
        "parameters", parameters(), "responses", responses_of_problems(), "schemas", schemas()));
    char *dump = json_dumps(document, JSON_INDENT(1));
    if (dump == NULL)
        abort();
    struct text text = arena_text(arena, text_of(dump));
    free(dump);
    json_decref(document);
    return text;
}
