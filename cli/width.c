#include "cli/width.h"

#include <unicode/uchar.h>

static size_t width_of_character(UChar32 c)
{
    if (c < 0x20 || c == 0x7f)
        return 0;
    int8_t type = u_charType(c);
    if (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_FORMAT_CHAR ||
        type == U_CONTROL_CHAR)
        return 0;
    int32_t east = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
    return east == U_EA_WIDE || east == U_EA_FULLWIDTH ? 2 : 1;
}

/* One character of clean UTF-8; *at moves past it. A byte that begins none counts as U+FFFD. */
static UChar32 character_next(struct text t, size_t *at)
{
    uint8_t first = (uint8_t)t.at[(*at)++];
    size_t more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    UChar32 c = more == 0 ? first : first & (0x3f >> more);
    if (first >= 0x80 && (more == 0 || t.length - *at < more))
        return 0xfffd;
    while (more-- > 0)
        c = c << 6 | ((uint8_t)t.at[(*at)++] & 0x3f);
    return c;
}

/* Walks until the text ends or the next character would go past `columns`; *at is how far it came,
 * in bytes. */
static size_t width_walk(struct text t, size_t columns, size_t *at)
{
    size_t width = 0, next = 0;
    *at = 0;
    while (next < t.length) {
        size_t step = width_of_character(character_next(t, &next));
        if (width + step > columns)
            break;
        width += step;
        *at = next;
    }
    return width;
}

size_t width_of(struct text t)
{
    size_t at;
    return width_walk(t, SIZE_MAX, &at);
}

struct text width_clip(struct text t, size_t columns)
{
    size_t at;
    width_walk(t, columns, &at);
    return (struct text){t.at, at};
}
