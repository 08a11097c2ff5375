#include "events/pack.h"

#include <assert.h>
#include <msgpack.h>
#include <string.h>

#include "base/instant.h"

#define PACK_FIRST_BYTES 1024

#define HEADER_MAP16     0xde
#define HEADER_LIST16    0xdc
#define HEADER_BYTES     3 /* the header and its 16-bit count */

struct level {
    size_t header; /* where its header stands */
    size_t count;
    bool is_map;
};

struct pack {
    struct arena *arena;
    uint8_t *at;
    size_t length, capacity;
    msgpack_packer packer;
    struct level levels[PACK_DEPTH_MAX];
    size_t depth;
    bool has_object;
};

static int pack_write(void *data, const char *bytes, size_t length)
{
    struct pack *pack = data;
    if (length > pack->capacity - pack->length) {
        size_t capacity = pack->capacity * 2;
        while (length > capacity - pack->length)
            capacity *= 2;
        uint8_t *at = arena_alloc(pack->arena, capacity);
        memcpy(at, pack->at, pack->length);
        pack->at = at;
        pack->capacity = capacity;
    }
    if (length > 0)
        memcpy(pack->at + pack->length, bytes, length);
    pack->length += length;
    return 0;
}

static void pack_str(struct pack *pack, const char *at, size_t length)
{
    msgpack_pack_str(&pack->packer, length);
    msgpack_pack_str_body(&pack->packer, at, length);
}

/* One more entry of the innermost map or list, or the one object at the top. */
static void pack_entry(struct pack *pack, const char *key)
{
    if (pack->depth == 0) {
        assert(!pack->has_object && key == NULL);
        pack->has_object = true;
        return;
    }
    struct level *level = &pack->levels[pack->depth - 1];
    assert(level->is_map == (key != NULL) && level->count < PACK_ITEMS_MAX);
    level->count++;
    if (key != NULL)
        pack_str(pack, key, strlen(key));
}

static void pack_open(struct pack *pack, const char *key, bool is_map)
{
    pack_entry(pack, key);
    assert(pack->depth < PACK_DEPTH_MAX);
    pack->levels[pack->depth++] = (struct level){.header = pack->length, .is_map = is_map};
    const uint8_t header[HEADER_BYTES] = {is_map ? HEADER_MAP16 : HEADER_LIST16, 0, 0};
    pack_write(pack, (const char *)header, sizeof header);
}

struct pack *pack_new(struct arena *arena)
{
    struct pack *pack = arena_alloc(arena, sizeof *pack);
    pack->arena = arena;
    pack->capacity = PACK_FIRST_BYTES;
    pack->at = arena_alloc(arena, pack->capacity);
    msgpack_packer_init(&pack->packer, pack, pack_write);
    return pack;
}

struct bytes pack_done(const struct pack *pack)
{
    assert(pack->depth == 0 && pack->has_object);
    return (struct bytes){pack->at, pack->length};
}

size_t pack_length(const struct pack *pack)
{
    return pack->length;
}

void pack_map(struct pack *pack, const char *key)
{
    pack_open(pack, key, true);
}

void pack_list(struct pack *pack, const char *key)
{
    pack_open(pack, key, false);
}

void pack_end(struct pack *pack)
{
    assert(pack->depth > 0);
    const struct level *level = &pack->levels[--pack->depth];
    pack->at[level->header + 1] = (uint8_t)(level->count >> 8);
    pack->at[level->header + 2] = (uint8_t)(level->count & 0xff);
}

void pack_text(struct pack *pack, const char *key, struct text value)
{
    pack_entry(pack, key);
    pack_str(pack, value.at, value.length);
}

void pack_string(struct pack *pack, const char *key, const char *value)
{
    pack_text(pack, key, text_of(value));
}

void pack_int(struct pack *pack, const char *key, int64_t value)
{
    pack_entry(pack, key);
    msgpack_pack_int64(&pack->packer, value);
}

void pack_flag(struct pack *pack, const char *key, bool value)
{
    pack_entry(pack, key);
    if (value)
        msgpack_pack_true(&pack->packer);
    else
        msgpack_pack_false(&pack->packer);
}

void pack_object(struct pack *pack, const char *key, struct bytes object)
{
    assert(object.length > 0);
    pack_entry(pack, key);
    pack_write(pack, (const char *)object.at, object.length);
}

void pack_text_given(struct pack *pack, const char *key, struct text value)
{
    if (value.length > 0)
        pack_text(pack, key, value);
}

void pack_time_given(struct pack *pack, const char *key, int64_t ms)
{
    if (ms != INSTANT_ABSENT)
        pack_int(pack, key, ms);
}
