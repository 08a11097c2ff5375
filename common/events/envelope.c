/* Envelopes: a head of fields (envelope.def) beside a body, a result or positions that are
 * captured. */
#include "events/envelope.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "events/codec.h"

#define SPECVERSION "1.0"

static const char *const status_names[] = {"ok", "refused", "retry"};
static const char *const status_zh[] = {"成功", "拒绝", "请重试"};
static const char *const status_en[] = {"done", "refused", "retry"};
static const struct words words_answer_status = {"answer_status", status_names, status_zh,
                                                 status_en, 3};

#define MESSAGE(name, version, zh, en)                                      struct name {
#define FIELD(message, kind, name, since, need, fallback, min, max, zh, en) C_OF_##kind name;
#define MESSAGE_END(name)                                                                          \
    }                                                                                              \
    ;
#include "events/envelope.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#define MESSAGE(name, version, zh, en) static const struct field fields_of_##name[] = {
#define FIELD                          FIELD_ROW
#define MESSAGE_END(name)                                                                          \
    }                                                                                              \
    ;
#include "events/envelope.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#define FIELD(message, kind, name, since, need, fallback, min, max, zh, en)
#define MESSAGE_END(name)
#define MESSAGE(name, version, zh, en)                                                             \
    static const struct message_type type_of_##name = MESSAGE_ROW(name, version, zh, en);
#include "events/envelope.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#define CAPTURE(literal)                                                                           \
    {                                                                                              \
        .name = "" literal, .name_length = sizeof(literal) - 1                                     \
    }
#define CAPTURES(array) (array), sizeof(array) / sizeof *(array)

static bool refuse(struct refusal *refusal, enum refusal_code code, const char *field)
{
    *refusal = refusal_of(code, field);
    return false;
}

/* A frame copied to the arena, scanned and unpacked. */
struct opened {
    struct bytes bytes;
    const uint8_t *end;
    const msgpack_object *map;
};

static bool frame_open(struct bytes frame, size_t max, struct arena *arena, struct opened *opened,
                       struct refusal *refusal)
{
    if (frame.length > max)
        return refuse(refusal, REFUSAL_oversize, NULL);
    if (!msgpack_is_sound(frame))
        return refuse(refusal, REFUSAL_malformed, NULL);
    opened->bytes = arena_bytes(arena, frame);
    opened->end = opened->bytes.at + opened->bytes.length;
    opened->map = codec_unpack(opened->bytes);
    if (opened->map == NULL || opened->map->type != MSGPACK_OBJECT_MAP)
        return refuse(refusal, REFUSAL_malformed, NULL);
    return true;
}

/* A capture that must be there and be a map. */
static bool map_check(const struct capture *capture, struct refusal *refusal)
{
    if (capture->value == NULL)
        return refuse(refusal, REFUSAL_missing_field, capture->name);
    if (capture->value->type != MSGPACK_OBJECT_MAP)
        return refuse(refusal, REFUSAL_wrong_type, capture->name);
    return true;
}

/* The id of a frame whatever else is wrong with it, so that the refusal can name it. */
static struct text id_peek(const msgpack_object *map)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *key = &map->via.map.ptr[i].key, *value = &map->via.map.ptr[i].val;
        if (key->type != MSGPACK_OBJECT_STR || key->via.str.size != 2 ||
            memcmp(key->via.str.ptr, "id", 2) != 0)
            continue;
        struct text id = TEXT("");
        if (value->type == MSGPACK_OBJECT_STR)
            id = codec_text(&value->via.str);
        return id.length <= COMMAND_ID_MAX && text_is_clean(id) ? id : TEXT("");
    }
    return TEXT("");
}

/* --- positions -------------------------------------------------------------------------------- */

static bool positions_read(const struct capture *capture, const uint8_t *end, struct arena *arena,
                           struct position_list *out, struct refusal *refusal)
{
    out->count = 0;
    if (capture->value == NULL)
        return true;
    if (capture->value->type != MSGPACK_OBJECT_ARRAY)
        return refuse(refusal, REFUSAL_wrong_type, capture->name);
    const msgpack_object_array *array = &capture->value->via.array;
    if (array->size > POSITIONS_MAX)
        return refuse(refusal, REFUSAL_too_long, capture->name);
    for (uint32_t i = 0; i < array->size; i++) {
        struct position_head head;
        if (array->ptr[i].type != MSGPACK_OBJECT_MAP)
            return refuse(refusal, REFUSAL_wrong_type, capture->name);
        if (!codec_read(&type_of_position_head, &array->ptr[i], end, arena, &head, NULL, 0,
                        refusal))
            return refuse(refusal, refusal->code, capture->name);
        out->items[out->count++] =
            (struct position){head.producer, (int32_t)head.part, head.offset};
    }
    return true;
}

/* Bytes of a key of the envelope beside its head, its value not counted. */
#define KEY_MAX ((size_t)32)

/* Bytes of a position: its map, three names and three values, of which the longest name of a
 * service is 12 bytes. */
#define POSITION_BYTES_MAX ((size_t)64)

static void positions_write(struct wire *wire, const struct position_list *list)
{
    assert(list->count <= POSITIONS_MAX);
    msgpack_pack_array(&wire->packer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct position *position = &list->items[i];
        struct position_head head = {
            .producer = position->producer, .part = position->part, .offset = position->offset};
        msgpack_pack_map(&wire->packer, codec_count(&type_of_position_head, &head));
        codec_write(wire, &type_of_position_head, &head);
    }
}

/* --- command ---------------------------------------------------------------------------------- */

static struct digest command_digest(const struct command *command, struct bytes body)
{
    const struct message_type *type = &command_types[command->type];
    uint8_t time[8];
    for (int i = 0; i < 8; i++)
        time[i] = (uint8_t)((uint64_t)command->time >> (56 - 8 * i));
    struct bytes parts[] = {
        {(const uint8_t *)type->name, type->name_length},
        {(const uint8_t *)command->on_behalf_of.at, command->on_behalf_of.length},
        {time, sizeof time},
        body,
    };
    return digest_of(parts, sizeof parts / sizeof *parts);
}

bool command_decode(struct bytes frame, struct arena *arena, struct command *out,
                    struct refusal *refusal)
{
    struct opened opened;
    struct command_head head;
    struct capture body[] = {CAPTURE("body")};
    *out = (struct command){.id = TEXT("")};
    if (!frame_open(frame, MESSAGE_BYTES_MAX, arena, &opened, refusal))
        return false;
    out->id = id_peek(opened.map);
    if (!codec_read(&type_of_command_head, opened.map, opened.end, arena, &head, CAPTURES(body),
                    refusal))
        return false;
    int type = command_find(head.type);
    if (type < 0)
        return refuse(refusal, REFUSAL_unknown_type, "type");
    if (!map_check(body, refusal))
        return false;
    out->type = (enum command_type)type;
    out->on_behalf_of = head.on_behalf_of;
    out->time = head.time;
    out->body = arena_alloc(arena, command_types[type].size);
    out->digest = command_digest(out, body->raw);
    return codec_read(&command_types[type], body->value, opened.end, arena, out->body, NULL, 0,
                      refusal);
}

struct bytes command_encode(const struct command *command, struct arena *arena)
{
    const struct message_type *type = &command_types[command->type];
    struct command_head head = {.id = command->id,
                                .type = {type->name, type->name_length},
                                .on_behalf_of = command->on_behalf_of,
                                .time = command->time};
    struct bytes body = message_encode(type, command->body, arena);
    struct wire wire;
    writer_open(&wire, arena, codec_bound(&type_of_command_head, &head) + KEY_MAX + body.length);
    msgpack_pack_map(&wire.packer, codec_count(&type_of_command_head, &head) + 1);
    codec_write(&wire, &type_of_command_head, &head);
    writer_name(&wire, "body", 4);
    writer_raw(&wire, body);
    return writer_bytes(&wire);
}

/* --- query ------------------------------------------------------------------------------------ */

bool query_decode(struct bytes frame, struct arena *arena, struct query *out,
                  struct refusal *refusal)
{
    struct opened opened;
    struct query_head head;
    struct capture captures[] = {CAPTURE("after"), CAPTURE("body")};
    *out = (struct query){.id = TEXT("")};
    if (!frame_open(frame, MESSAGE_BYTES_MAX, arena, &opened, refusal))
        return false;
    out->id = id_peek(opened.map);
    if (!codec_read(&type_of_query_head, opened.map, opened.end, arena, &head, CAPTURES(captures),
                    refusal))
        return false;
    int type = query_find(head.type);
    if (type < 0)
        return refuse(refusal, REFUSAL_unknown_type, "type");
    if (!positions_read(&captures[0], opened.end, arena, &out->after, refusal) ||
        !map_check(&captures[1], refusal))
        return false;
    out->type = (enum query_type)type;
    out->body = arena_alloc(arena, query_types[type].size);
    return codec_read(&query_types[type], captures[1].value, opened.end, arena, out->body, NULL, 0,
                      refusal);
}

struct bytes query_encode(const struct query *query, struct arena *arena)
{
    const struct message_type *type = &query_types[query->type];
    struct query_head head = {.id = query->id, .type = {type->name, type->name_length}};
    struct bytes body = message_encode(type, query->body, arena);
    struct wire wire;
    size_t extras = query->after.count > 0 ? 2 : 1;
    writer_open(&wire, arena,
                codec_bound(&type_of_query_head, &head) + 2 * KEY_MAX +
                    query->after.count * POSITION_BYTES_MAX + body.length);
    msgpack_pack_map(&wire.packer, codec_count(&type_of_query_head, &head) + extras);
    codec_write(&wire, &type_of_query_head, &head);
    if (query->after.count > 0) {
        writer_name(&wire, "after", 5);
        positions_write(&wire, &query->after);
    }
    writer_name(&wire, "body", 4);
    writer_raw(&wire, body);
    return writer_bytes(&wire);
}

/* --- answer ----------------------------------------------------------------------------------- */

static bool error_read(const struct capture *capture, const uint8_t *end, struct arena *arena,
                       struct refusal *out)
{
    struct answer_error error;
    struct refusal refusal;
    if (!map_check(capture, &refusal) ||
        !codec_read(&type_of_answer_error, capture->value, end, arena, &error, NULL, 0, &refusal))
        return false;
    int code = refusal_find(error.code);
    if (code <= REFUSAL_NONE)
        return false;
    *out = refusal_of((enum refusal_code)code, NULL);
    if (error.field.length > 0)
        out->field = arena_string(arena, error.field);
    if (error.state.length > 0)
        out->state = arena_string(arena, error.state);
    for (size_t i = 0; i < error.allowed.count; i++)
        out->allowed[out->allowed_count++] = arena_string(arena, error.allowed.items[i]);
    out->order = error.order;
    out->detail = error.detail;
    return true;
}

/* A query's result may be any map: what does not read as a command's leaves this empty. */
static void result_read(const struct capture *capture, const uint8_t *end, struct arena *arena,
                        struct result *out)
{
    struct answer_result result;
    struct refusal refusal;
    if (capture->value == NULL ||
        !codec_read(&type_of_answer_result, capture->value, end, arena, &result, NULL, 0, &refusal))
        return;
    *out = (struct result){.order = result.order,
                           .version = result.version,
                           .assignment = result.assignment,
                           .state = result.state,
                           .subject = result.subject};
}

bool answer_decode(struct bytes frame, struct arena *arena, struct answer *out)
{
    struct opened opened;
    struct answer_head head;
    struct refusal refusal;
    struct capture captures[] = {CAPTURE("result"), CAPTURE("error"), CAPTURE("events")};
    *out = (struct answer){.id = TEXT(""), .result.subject = TEXT("")};
    if (!frame_open(frame, ANSWER_MAX, arena, &opened, &refusal) ||
        !codec_read(&type_of_answer_head, opened.map, opened.end, arena, &head, CAPTURES(captures),
                    &refusal) ||
        !positions_read(&captures[2], opened.end, arena, &out->events, &refusal))
        return false;
    out->id = head.id;
    out->status = (enum answer_status)head.status;
    if (out->status != ANSWER_OK)
        return error_read(&captures[1], opened.end, arena, &out->refusal);
    out->result_body = captures[0].raw;
    result_read(&captures[0], opened.end, arena, &out->result);
    return true;
}

static struct answer_error error_of(const struct refusal *refusal, bool zh, struct arena *arena)
{
    assert(refusal->code > REFUSAL_NONE && refusal->code < REFUSAL_COUNT);
    assert(refusal->allowed_count >= 0 && refusal->allowed_count <= REFUSAL_ALLOWED_MAX);
    size_t count = (size_t)refusal->allowed_count;
    struct text *allowed = arena_array(arena, count + 1, sizeof *allowed);
    for (size_t i = 0; i < count; i++)
        allowed[i] = text_of(refusal->allowed[i]);
    return (struct answer_error){.code = text_of(refusal_name(refusal->code)),
                                 .message = text_of(refusal_text(refusal->code, zh)),
                                 .field = text_of(refusal->field),
                                 .state = text_of(refusal->state),
                                 .allowed = {allowed, count},
                                 .order = refusal->order,
                                 .detail = refusal->detail};
}

/* An optional map of fields: written under its name when it has any. */
static void part_write(struct wire *wire, const char *name, const struct message_type *type,
                       const void *message, size_t count)
{
    if (count == 0)
        return;
    writer_name(wire, name, strlen(name));
    msgpack_pack_map(&wire->packer, count);
    codec_write(wire, type, message);
}

struct bytes answer_encode(const struct answer *answer, bool zh, struct arena *arena)
{
    struct answer_head head = {.id = answer->id, .status = (int)answer->status};
    struct answer_result result = {.order = answer->result.order,
                                   .version = answer->result.version,
                                   .assignment = answer->result.assignment,
                                   .state = answer->result.state,
                                   .subject = answer->result.subject};
    struct answer_error error = {.order = 0};
    bool ok = answer->status == ANSWER_OK;
    if (!ok)
        error = error_of(&answer->refusal, zh, arena);
    size_t raw = ok ? answer->result_body.length : 0;
    size_t results = ok && raw == 0 ? codec_count(&type_of_answer_result, &result) : 0;
    size_t errors = ok ? 0 : codec_count(&type_of_answer_error, &error);

    struct wire wire;
    writer_open(&wire, arena,
                codec_bound(&type_of_answer_head, &head) + 3 * KEY_MAX + raw +
                    codec_bound(&type_of_answer_result, &result) +
                    codec_bound(&type_of_answer_error, &error) +
                    answer->events.count * POSITION_BYTES_MAX);
    msgpack_pack_map(&wire.packer, codec_count(&type_of_answer_head, &head) +
                                       (raw > 0 || results > 0) + (errors > 0) + 1);
    codec_write(&wire, &type_of_answer_head, &head);
    if (raw > 0) {
        writer_name(&wire, "result", 6);
        writer_raw(&wire, answer->result_body);
    }
    part_write(&wire, "result", &type_of_answer_result, &result, results);
    part_write(&wire, "error", &type_of_answer_error, &error, errors);
    writer_name(&wire, "events", 6);
    positions_write(&wire, &answer->events);
    return writer_bytes(&wire);
}

/* --- event ------------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly as uuid_format() writes it. */
static bool uuid_read(struct text t, struct uuid *out)
{
    size_t at = 0;
    if (t.length != UUID_TEXT_MAX - 1)
        return false;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && t.at[at++] != '-')
            return false;
        int high = hex_digit(t.at[at]), low = hex_digit(t.at[at + 1]);
        if (high < 0 || low < 0)
            return false;
        out->at[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

static struct text source_of(int producer, struct text district, struct arena *arena)
{
    const char *service = words_name(&words_service, producer);
    if (district.length == 0)
        return arena_format(arena, "/%s", service);
    return arena_format(arena, "/%s/%.*s", service, TEXT_ARG(district));
}

/* "/intake/330212" of district 330212 -> intake's number; the two must agree. */
static enum refusal_code source_read(struct text source, struct text district, int *producer)
{
    struct text name = {source.at + 1, source.length - 1};
    if (source.at[0] != '/')
        return REFUSAL_out_of_range;
    const char *slash = memchr(name.at, '/', name.length);
    struct text rest = TEXT("");
    if (slash != NULL) {
        rest = (struct text){slash + 1, name.length - 1 - (size_t)(slash - name.at)};
        name.length = (size_t)(slash - name.at);
        if (rest.length == 0)
            return REFUSAL_out_of_range;
    }
    *producer = words_find(&words_service, name);
    if (*producer < 0)
        return REFUSAL_unknown_word;
    return text_equal(rest, district) ? REFUSAL_NONE : REFUSAL_out_of_range;
}

bool event_decode(struct bytes frame, struct arena *arena, struct event *out,
                  struct refusal *refusal)
{
    struct opened opened;
    struct event_head head;
    struct capture data[] = {CAPTURE("data")};
    *out = (struct event){.key = TEXT("")};
    if (!frame_open(frame, EVENT_BYTES_MAX, arena, &opened, refusal) ||
        !codec_read(&type_of_event_head, opened.map, opened.end, arena, &head, CAPTURES(data),
                    refusal))
        return false;
    if (!text_equal(head.specversion, TEXT(SPECVERSION)))
        return refuse(refusal, REFUSAL_unknown_word, "specversion");
    if (!uuid_read(head.id, &out->id))
        return refuse(refusal, REFUSAL_out_of_range, "id");
    enum refusal_code source = source_read(head.source, head.district, &out->producer);
    if (source != REFUSAL_NONE)
        return refuse(refusal, source, "source");
    int type = event_find(head.type);
    if (type < 0)
        return refuse(refusal, REFUSAL_unknown_type, "type");
    if (!map_check(data, refusal))
        return false;
    out->type = (enum event_type)type;
    out->part = (int32_t)head.part;
    out->offset = head.offset;
    out->district = head.district;
    out->key = head.subject;
    out->version = head.version;
    out->time = head.time;
    out->recorded = head.recorded;
    out->traceparent = head.traceparent;
    out->body = data->raw;
    return true;
}

bool event_decode_data(struct event *event, struct arena *arena, struct refusal *refusal)
{
    const struct message_type *type = &event_types[event->type];
    event->data = arena_alloc(arena, type->size);
    return message_decode(type, event->body, arena, event->data, refusal);
}

struct bytes event_encode(const struct event *event, struct arena *arena)
{
    const struct message_type *type = &event_types[event->type];
    char id[UUID_TEXT_MAX];
    struct event_head head = {.specversion = TEXT(SPECVERSION),
                              .id = text_of(uuid_format(&event->id, id)),
                              .source = source_of(event->producer, event->district, arena),
                              .type = {type->name, type->name_length},
                              .time = event->time,
                              .subject = event->key,
                              .district = event->district,
                              .recorded = event->recorded,
                              .part = event->part,
                              .offset = event->offset,
                              .version = event->version,
                              .traceparent = event->traceparent};
    struct wire wire;
    assert(event->body.length > 0);
    writer_open(&wire, arena,
                codec_bound(&type_of_event_head, &head) + KEY_MAX + event->body.length);
    msgpack_pack_map(&wire.packer, codec_count(&type_of_event_head, &head) + 1);
    codec_write(&wire, &type_of_event_head, &head);
    writer_name(&wire, "data", 4);
    writer_raw(&wire, event->body);
    return writer_bytes(&wire);
}

/* --- forward ---------------------------------------------------------------------------------- */

bool forward_decode(struct bytes frame, struct arena *arena, struct forward *out)
{
    struct opened opened;
    struct forward_head head;
    struct caller_head caller;
    struct refusal refusal;
    struct capture captures[] = {CAPTURE("command"), CAPTURE("caller")};
    const struct capture *command = &captures[0];
    if (!frame_open(frame, FORWARD_MAX, arena, &opened, &refusal) ||
        !codec_read(&type_of_forward_head, opened.map, opened.end, arena, &head, CAPTURES(captures),
                    &refusal) ||
        !map_check(&captures[1], &refusal) ||
        !codec_read(&type_of_caller_head, captures[1].value, opened.end, arena, &caller, NULL, 0,
                    &refusal))
        return false;
    if (command->value == NULL || command->value->type != MSGPACK_OBJECT_BIN)
        return false;
    *out = (struct forward){
        .command = {(const uint8_t *)command->value->via.bin.ptr, command->value->via.bin.size},
        .caller = {caller.district, caller.organisation, caller.role},
        .after = head.after,
        .order = head.order};
    return true;
}

struct bytes forward_encode(const struct forward *forward, struct arena *arena)
{
    struct forward_head head = {.after = forward->after, .order = forward->order};
    struct caller_head caller = {.district = forward->caller.district,
                                 .organisation = forward->caller.organisation,
                                 .role = forward->caller.role};
    struct wire wire;
    writer_open(&wire, arena,
                codec_bound(&type_of_forward_head, &head) +
                    codec_bound(&type_of_caller_head, &caller) + 2 * KEY_MAX +
                    forward->command.length);
    msgpack_pack_map(&wire.packer, codec_count(&type_of_forward_head, &head) + 2);
    codec_write(&wire, &type_of_forward_head, &head);
    writer_name(&wire, "command", 7);
    msgpack_pack_bin(&wire.packer, forward->command.length);
    if (forward->command.length > 0)
        msgpack_pack_bin_body(&wire.packer, forward->command.at, forward->command.length);
    part_write(&wire, "caller", &type_of_caller_head, &caller,
               codec_count(&type_of_caller_head, &caller));
    return writer_bytes(&wire);
}

/* --- trace context and keys ------------------------------------------------------------------- */

/* Hexadecimal digits of a trace id and a parent id (W3C Trace Context, version 00). */
#define TRACE_DIGITS  32
#define PARENT_DIGITS 16

struct text traceparent_of_command(const struct caller *caller, struct text command_id,
                                   struct arena *arena)
{
    struct bytes parts[] = {
        {(const uint8_t *)caller->district.at, caller->district.length},
        {(const uint8_t *)caller->organisation.at, caller->organisation.length},
        {(const uint8_t *)command_id.at, command_id.length},
    };
    struct digest digest = digest_of(parts, sizeof parts / sizeof *parts);
    char hex[TRACE_DIGITS + PARENT_DIGITS + 1];
    digest_hex(&digest, sizeof hex / 2, hex);
    return arena_format(arena, "00-%.*s-%s-01", TRACE_DIGITS, hex, hex + TRACE_DIGITS);
}

#define ORDER_KEY_PREFIX "order/"

struct text key_of_order(int64_t order, struct arena *arena)
{
    return arena_format(arena, ORDER_KEY_PREFIX "%lld", (long long)order);
}

struct text key_of_session(int64_t session, struct arena *arena)
{
    return arena_format(arena, "session/%lld", (long long)session);
}

bool key_to_order(struct text key, int64_t *order)
{
    const size_t prefix = sizeof ORDER_KEY_PREFIX - 1;
    if (key.length <= prefix || memcmp(key.at, ORDER_KEY_PREFIX, prefix) != 0)
        return false;
    struct text digits = {key.at + prefix, key.length - prefix};
    return digits.at[0] >= '1' && digits.at[0] <= '9' && text_to_int(digits, order);
}
