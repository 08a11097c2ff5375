#include "edge/frame.h"

#include <jansson.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "events/pack.h"

#define CURSOR_MAX 256

static bool refuse(struct frame_fault *fault, enum refusal_code code, const char *field)
{
    *fault = (struct frame_fault){.refusal = refusal_of(code, field), .detail = TEXT("")};
    return false;
}

/* --- texts that stand for numbers --------------------------------------------------------------
 * What cannot be read as its field's kind stays a text: the decoder refuses it as wrong_type. */

static void pack_time(struct pack *pack, const char *key, struct text value)
{
    int64_t ms;
    if (text_to_int(value, &ms) || instant_parse(value, &ms))
        pack_int(pack, key, ms);
    else
        pack_text(pack, key, value);
}

static void pack_parameter(struct pack *pack, const struct field *field, const char *key,
                           struct text value)
{
    int64_t number;
    switch (field->kind) {
    case FIELD_INT:
        if (text_to_int(value, &number))
            pack_int(pack, key, number);
        else
            pack_text(pack, key, value);
        return;
    case FIELD_TIME:
        pack_time(pack, key, value);
        return;
    case FIELD_FLAG:
        if (text_equal(value, TEXT("true")) || text_equal(value, TEXT("false")))
            pack_flag(pack, key, value.at[0] == 't');
        else
            pack_text(pack, key, value);
        return;
    case FIELD_TEXT:
    case FIELD_CODE:
    case FIELD_WORD:
    case FIELD_TEXTS:
    case FIELD_CODES:
    case FIELD_COUNTS:
    case FIELD_WINDOWS:
    case FIELD_RESOLUTIONS:
        pack_text(pack, key, value);
        return;
    }
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

/* The key of the body under which a byte of it stands; NULL: none. What comes before the byte was
 * read without fault. */
static const char *field_at(struct bytes json, size_t position, struct arena *arena)
{
    size_t depth = 0, key_from = 0, key_length = 0, from = 0;
    bool in_string = false, is_key = false;
    for (size_t i = 0; i < position && i < json.length; i++) {
        uint8_t c = json.at[i];
        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
            if (in_string)
                from = i + 1;
            else if (is_key && depth == 1) {
                key_from = from;
                key_length = i - from;
                is_key = false;
            }
        } else if (!in_string && (c == '{' || c == '[')) {
            is_key |= depth++ == 0;
        } else if (!in_string && (c == '}' || c == ']')) {
            depth -= depth > 0;
        } else if (!in_string && c == ',' && depth == 1) {
            is_key = true;
            key_length = 0;
        }
    }
    struct text key = {(const char *)json.at + key_from, key_length};
    return key_length > 0 && text_is_clean(key) ? arena_string(arena, key) : NULL;
}

static bool refuse_json(struct bytes json, const json_error_t *error, struct arena *arena,
                        struct frame_fault *fault)
{
    enum json_error_code why = json_error_code(error);
    enum refusal_code code = REFUSAL_malformed;
    if (why == json_error_null_character || why == json_error_null_byte_in_key ||
        why == json_error_invalid_utf8)
        code = REFUSAL_bad_text;
    else if (why == json_error_numeric_overflow)
        code = REFUSAL_wrong_type;
    bool names_field = code != REFUSAL_malformed || why == json_error_duplicate_key;
    size_t position = error->position > 0 ? (size_t)error->position : 0;
    *fault = (struct frame_fault){
        .refusal = refusal_of(code, names_field ? field_at(json, position, arena) : NULL),
        .detail = arena_text(arena, text_of(error->text)),
        .line = error->line,
        .column = error->column,
        .position = (int64_t)position,
    };
    return false;
}

/* Not a number of ours: any other type does, since the decoder has to say so. */
static void pack_fraction(struct pack *pack, const char *key)
{
    static const uint8_t float32[] = {0xca, 0, 0, 0, 0};
    pack_object(pack, key, (struct bytes){float32, sizeof float32});
}

static bool pack_json(struct pack *pack, const char *key, const json_t *json, int depth)
{
    static const uint8_t nil[] = {0xc0};
    size_t index;
    const char *name;
    json_t *value;
    if (depth == 0)
        return false;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        pack_map(pack, key);
        json_object_foreach ((json_t *)(uintptr_t)json, name, value)
            if (!pack_json(pack, name, value, depth - 1))
                return false;
        pack_end(pack);
        return true;
    case JSON_ARRAY:
        pack_list(pack, key);
        json_array_foreach (json, index, value)
            if (!pack_json(pack, NULL, value, depth - 1))
                return false;
        pack_end(pack);
        return true;
    case JSON_STRING:
        pack_text(pack, key, (struct text){json_string_value(json), json_string_length(json)});
        return true;
    case JSON_INTEGER:
        pack_int(pack, key, json_integer_value(json));
        return true;
    case JSON_REAL:
        pack_fraction(pack, key);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        pack_flag(pack, key, json_is_true(json));
        return true;
    case JSON_NULL:
        pack_object(pack, key, (struct bytes){nil, sizeof nil});
        return true;
    }
    return false;
}

static bool pack_window(struct pack *pack, const json_t *window)
{
    size_t index;
    json_t *time;
    if (!json_is_array(window))
        return pack_json(pack, NULL, window, FRAME_DEPTH_MAX);
    pack_list(pack, NULL);
    json_array_foreach ((json_t *)(uintptr_t)window, index, time) {
        if (json_is_string(time))
            pack_time(pack, NULL, (struct text){json_string_value(time), json_string_length(time)});
        else if (!pack_json(pack, NULL, time, FRAME_DEPTH_MAX))
            return false;
    }
    pack_end(pack);
    return true;
}

/* Times stand in windows as they do by themselves. */
static bool pack_windows(struct pack *pack, const char *key, const json_t *windows)
{
    size_t index;
    json_t *window;
    pack_list(pack, key);
    json_array_foreach ((json_t *)(uintptr_t)windows, index, window)
        if (!pack_window(pack, window))
            return false;
    pack_end(pack);
    return true;
}

static bool pack_field(struct pack *pack, const struct field *field, const char *name,
                       const json_t *value)
{
    if (field != NULL && field->kind == FIELD_WINDOWS && json_is_array(value))
        return pack_windows(pack, name, value);
    if (field == NULL || field->kind != FIELD_TIME || !json_is_string(value))
        return pack_json(pack, name, value, FRAME_DEPTH_MAX);
    pack_time(pack, name, (struct text){json_string_value(value), json_string_length(value)});
    return true;
}

static bool pack_body(struct pack *pack, const struct route *route, const json_t *json,
                      struct arena *arena, struct frame_fault *fault)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)json, name, value) {
        const struct field *field = route_field_named(route, text_of(name));
        if (!pack_field(pack, field, name, value))
            return refuse(fault, REFUSAL_malformed, arena_string(arena, text_of(name)));
    }
    return true;
}

/* The body as it was sent; the caller gives it back. NULL: *fault. */
static json_t *json_read(struct bytes body, struct arena *arena, struct frame_fault *fault)
{
    json_error_t error;
    if (body.length == 0)
        return json_object();
    json_t *json = json_loadb((const char *)body.at, body.length, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        refuse_json(body, &error, arena, fault);
        return NULL;
    }
    if (json_is_object(json))
        return json;
    json_decref(json);
    refuse(fault, REFUSAL_malformed, NULL);
    fault->detail = TEXT("the body must be a JSON object");
    return NULL;
}

/* The same in as few bytes as msgpack can, as every client's library writes it: what repeats a
 * command is known by its bytes, whichever face they came through. */
static struct bytes shortest(struct bytes frame, struct arena *arena)
{
    msgpack_unpacked unpacked;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    if (msgpack_unpack_next(&unpacked, (const char *)frame.at, frame.length, NULL) !=
            MSGPACK_UNPACK_SUCCESS ||
        msgpack_pack_object(&packer, unpacked.data) != 0)
        abort(); /* out of memory: the frame is our own */
    struct bytes out = arena_bytes(arena, (struct bytes){(uint8_t *)buffer.data, buffer.size});
    msgpack_sbuffer_destroy(&buffer);
    msgpack_unpacked_destroy(&unpacked);
    return out;
}

bool frame_of_command(const struct frame_command *from, struct arena *arena, struct bytes *frame,
                      struct frame_fault *fault)
{
    const struct message_type *type = route_type(from->route);
    const struct field *path_field = route_field(from->route);
    json_t *json = json_read(from->body, arena, fault);
    if (json == NULL)
        return false;
    struct pack *pack = pack_new(arena);
    pack_map(pack, NULL);
    pack_text(pack, "id", from->id);
    pack_string(pack, "type", type->name);
    pack_text_given(pack, "on_behalf_of", from->on_behalf_of);
    if (from->time.length > 0)
        pack_time(pack, "time", from->time);
    pack_map(pack, "body");
    if (path_field != NULL)
        pack_parameter(pack, path_field, path_field->name, from->path_value);
    bool fine = pack_body(pack, from->route, json, arena, fault);
    json_decref(json);
    if (!fine)
        return false;
    pack_end(pack);
    pack_end(pack);
    *frame = shortest(pack_done(pack), arena);
    return true;
}

/* --- positions ----------------------------------------------------------------------------------
 */

struct text positions_format(const struct position_list *positions, struct arena *arena)
{
    struct text out = TEXT("");
    for (size_t i = 0; i < positions->count; i++)
        out = arena_format(arena, "%.*s%s%s/%d/%lld", TEXT_ARG(out), i == 0 ? "" : ", ",
                           words_name(&words_service, positions->items[i].producer),
                           (int)positions->items[i].part, (long long)positions->items[i].offset);
    return out;
}

static struct text cut(struct text *rest, char at)
{
    const char *found = rest->length == 0 ? NULL : memchr(rest->at, at, rest->length);
    struct text head = *rest;
    if (found != NULL)
        head.length = (size_t)(found - rest->at);
    size_t taken = found == NULL ? rest->length : head.length + 1;
    *rest = (struct text){rest->at + taken, rest->length - taken};
    return head;
}

static struct text trimmed(struct text t)
{
    while (t.length > 0 && (t.at[0] == ' ' || t.at[0] == '\t'))
        t = (struct text){t.at + 1, t.length - 1};
    while (t.length > 0 && (t.at[t.length - 1] == ' ' || t.at[t.length - 1] == '\t'))
        t.length--;
    return t;
}

bool positions_parse(struct text t, struct position_list *positions)
{
    positions->count = 0;
    while (t.length > 0) {
        struct text one = trimmed(cut(&t, ','));
        int producer = words_find(&words_service, cut(&one, '/'));
        int64_t part, offset;
        if (producer < 0 || !text_to_int(cut(&one, '/'), &part) || !text_to_int(one, &offset) ||
            part < 0 || part > PART_MAX || offset < 0 || positions->count == POSITIONS_MAX)
            return false;
        positions->items[positions->count++] = (struct position){producer, (int32_t)part, offset};
    }
    return true;
}

static void pack_positions(struct pack *pack, const struct position_list *positions)
{
    pack_list(pack, "after");
    for (size_t i = 0; i < positions->count; i++) {
        pack_map(pack, NULL);
        pack_string(pack, "producer", words_name(&words_service, positions->items[i].producer));
        pack_int(pack, "part", positions->items[i].part);
        pack_int(pack, "offset", positions->items[i].offset);
        pack_end(pack);
    }
    pack_end(pack);
}

/* --- cursors ------------------------------------------------------------------------------------
 */

struct text cursor_format(const struct route *route, struct text value, struct arena *arena)
{
    struct text plain = arena_format(arena, "%s:%.*s", route_type(route)->name, TEXT_ARG(value));
    char *coded = arena_alloc(arena, plain.length * 2 + 5);
    int length = EVP_EncodeBlock((uint8_t *)coded, (const uint8_t *)plain.at, (int)plain.length);
    while (length > 0 && coded[length - 1] == '=')
        length--;
    for (int i = 0; i < length; i++)
        coded[i] = (char)(coded[i] == '+' ? '-' : coded[i] == '/' ? '_' : coded[i]);
    return (struct text){coded, (size_t)length};
}

bool cursor_parse(const struct route *route, struct text cursor, struct arena *arena,
                  struct text *value)
{
    uint8_t coded[CURSOR_MAX + 4];
    if (cursor.length == 0 || cursor.length > CURSOR_MAX)
        return false;
    memset(coded, '=', sizeof coded);
    for (size_t i = 0; i < cursor.length; i++)
        coded[i] = (uint8_t)(cursor.at[i] == '-' ? '+' : cursor.at[i] == '_' ? '/' : cursor.at[i]);
    size_t whole = (cursor.length + 3) / 4 * 4;
    uint8_t *plain = arena_alloc(arena, whole);
    int length = EVP_DecodeBlock(plain, coded, (int)whole);
    if (length < 0)
        return false;
    *value = (struct text){(const char *)plain, (size_t)length - (whole - cursor.length)};
    return text_is_clean(*value) && text_equal(cut(value, ':'), text_of(route_type(route)->name)) &&
           value->length > 0;
}

/* --- queries ------------------------------------------------------------------------------------
 */

static bool is_list(const struct field *field)
{
    return field->kind == FIELD_TEXTS || field->kind == FIELD_CODES;
}

/* A field that is a list is given by repeating its parameter. */
static void pack_list_of(struct pack *pack, const struct frame_query *from,
                         const struct field *field)
{
    pack_list(pack, field->name);
    for (size_t i = 0; i < from->parameter_count; i++)
        if (text_equal(from->parameters[i].name, text_of(field->name)))
            pack_text(pack, NULL, from->parameters[i].value);
    pack_end(pack);
}

static bool is_repeated(const struct frame_query *from, size_t number)
{
    for (size_t i = 0; i < number; i++)
        if (text_equal(from->parameters[i].name, from->parameters[number].name))
            return true;
    return false;
}

static bool pack_parameters(struct pack *pack, const struct frame_query *from, struct arena *arena,
                            struct frame_fault *fault)
{
    const struct field *page = route_page_field(from->route);
    for (size_t i = 0; i < from->parameter_count; i++) {
        const struct frame_parameter *given = &from->parameters[i];
        const struct field *field = route_field_named(from->route, given->name);
        struct text value;
        if (page != NULL && text_equal(given->name, TEXT("cursor"))) {
            if (!cursor_parse(from->route, given->value, arena, &value))
                return refuse(fault, REFUSAL_out_of_range, "cursor");
            pack_parameter(pack, page, page->name, value);
        } else if (field != NULL && !is_list(field)) {
            pack_parameter(pack, field, field->name, given->value);
        } else if (field != NULL && !is_repeated(from, i)) {
            pack_list_of(pack, from, field);
        }
    }
    return true;
}

bool frame_of_query(const struct frame_query *from, struct arena *arena, struct bytes *frame,
                    struct frame_fault *fault)
{
    const struct field *path_field = route_field(from->route);
    struct position_list positions;
    if (!positions_parse(from->positions, &positions))
        return refuse(fault, REFUSAL_malformed, "Ztc-Position");
    struct pack *pack = pack_new(arena);
    pack_map(pack, NULL);
    pack_string(pack, "id", "http");
    pack_string(pack, "type", route_type(from->route)->name);
    if (positions.count > 0)
        pack_positions(pack, &positions);
    pack_map(pack, "body");
    if (path_field != NULL)
        pack_parameter(pack, path_field, path_field->name, from->path_value);
    if (!pack_parameters(pack, from, arena, fault))
        return false;
    pack_end(pack);
    pack_end(pack);
    *frame = pack_done(pack);
    return true;
}
