/* The scan that comes before every unpack. msgpack-c reserves what a header claims (155 bytes
 * reserve 254 GB), so a frame is walked once first, without allocating: what is claimed must be
 * there. */
#include "events/codec.h"

struct header {
    size_t length;   /* of the header and the bytes that follow it */
    size_t children; /* objects inside */
    bool container;
};

static uint64_t big_endian(const uint8_t *at, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

/* Header of one to five bytes whose `width` bytes after the first are a count. */
static bool counted_header(const uint8_t *at, size_t left, size_t width, size_t *count)
{
    if (left < 1 + width)
        return false;
    *count = (size_t)big_endian(at + 1, width);
    return true;
}

static bool blob_header(const uint8_t *at, size_t left, size_t width, size_t extra,
                        struct header *header)
{
    size_t count;
    if (!counted_header(at, left, width, &count))
        return false;
    header->length = 1 + width + extra + count;
    return true;
}

static bool list_header(const uint8_t *at, size_t left, size_t width, size_t each,
                        struct header *header)
{
    size_t count;
    if (!counted_header(at, left, width, &count))
        return false;
    header->length = 1 + width;
    header->children = count * each;
    header->container = true;
    return true;
}

/* False: cut off inside the header, or 0xc1, which msgpack never uses. */
static bool header_read(const uint8_t *at, size_t left, struct header *header)
{
    uint8_t first = at[0];
    *header = (struct header){.length = 1};
    if (first <= 0x7f || first >= 0xe0)
        return true;
    if (first <= 0x9f) {
        header->children = (size_t)(first & 0x0f) * (first <= 0x8f ? 2 : 1);
        header->container = true;
        return true;
    }
    if (first <= 0xbf) {
        header->length = 1 + (size_t)(first & 0x1f);
        return true;
    }
    switch (first) {
    case 0xc0: /* nil, false, true */
    case 0xc2:
    case 0xc3:
        return true;
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        return blob_header(at, left, (size_t)1 << (first - 0xc4), 0, header);
    case 0xc7: /* ext 8, 16, 32 and their type's byte */
    case 0xc8:
    case 0xc9:
        return blob_header(at, left, (size_t)1 << (first - 0xc7), 1, header);
    case 0xca: /* float 32, 64 */
    case 0xcb:
        header->length = 1 + ((size_t)4 << (first - 0xca));
        return true;
    case 0xcc: /* uint 8 to 64 */
    case 0xcd:
    case 0xce:
    case 0xcf:
        header->length = 1 + ((size_t)1 << (first - 0xcc));
        return true;
    case 0xd0: /* int 8 to 64 */
    case 0xd1:
    case 0xd2:
    case 0xd3:
        header->length = 1 + ((size_t)1 << (first - 0xd0));
        return true;
    case 0xd4: /* fixext 1 to 16 and their type's byte */
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        header->length = 2 + ((size_t)1 << (first - 0xd4));
        return true;
    case 0xd9: /* str 8, 16, 32 */
    case 0xda:
    case 0xdb:
        return blob_header(at, left, (size_t)1 << (first - 0xd9), 0, header);
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        return list_header(at, left, (size_t)2 << (first - 0xdc), 1, header);
    case 0xde: /* map 16, 32 */
    case 0xdf:
        return list_header(at, left, (size_t)2 << (first - 0xde), 2, header);
    default:
        return false;
    }
}

size_t codec_length(struct bytes bytes)
{
    size_t open[MESSAGE_DEPTH_MAX]; /* objects still to come, per open container */
    size_t depth = 0, at = 0;
    do {
        struct header header;
        size_t left = bytes.length - at;
        if (left == 0 || !header_read(bytes.at + at, left, &header) || header.length > left)
            return 0;
        at += header.length;
        if (header.container) {
            /* Every child takes a byte at least. */
            if (depth == MESSAGE_DEPTH_MAX || header.children > bytes.length - at)
                return 0;
            open[depth++] = header.children;
        } else if (depth > 0) {
            open[depth - 1]--;
        }
        while (depth > 0 && open[depth - 1] == 0)
            if (--depth > 0)
                open[depth - 1]--;
    } while (depth > 0);
    return at;
}

bool msgpack_is_sound(struct bytes bytes)
{
    return bytes.length > 0 && codec_length(bytes) == bytes.length;
}
