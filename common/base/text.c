#include "base/text.h"

#include <string.h>

struct text text_of(const char *string)
{
    return string == NULL ? (struct text){"", 0} : (struct text){string, strlen(string)};
}

bool text_equal(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

int text_compare(struct text a, struct text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.at, b.at, shorter);
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.length > b.length) - (a.length < b.length);
}

uint64_t text_hash(struct text t)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < t.length; i++) {
        hash ^= (uint8_t)t.at[i];
        hash *= 0x100000001b3U;
    }
    return hash;
}

/* The length of the well-formed sequence that begins here (the Unicode Standard, table 3-7); 0:
 * none does. */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    size_t length;
    uint8_t low = 0x80,
            high = 0xBF; /* of the second byte: excludes overlong forms, surrogates, > U+10FFFF */
    if (first < 0x80)
        return first == 0 ? 0 : 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first < 0xE0) {
        length = 2;
    } else if (first < 0xF0) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else {
        length = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    }
    if (left < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool text_is_clean(struct text t)
{
    const uint8_t *at = (const uint8_t *)t.at;
    size_t i = 0;
    while (i < t.length) {
        uint64_t eight;
        if (t.length - i >= sizeof eight) { /* mostly ASCII: eight at a time */
            memcpy(&eight, at + i, sizeof eight);
            if (((eight | (eight - 0x0101010101010101U)) & 0x8080808080808080U) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        size_t length = utf8_sequence(at + i, t.length - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool text_is_code(struct text t)
{
    if (t.length == 0 || t.length > CODE_MAX || !is_letter_or_digit(t.at[0]))
        return false;
    for (size_t i = 1; i < t.length; i++) {
        char c = t.at[i];
        if (!is_letter_or_digit(c) && c != '_' && c != '.' && c != '-')
            return false;
    }
    return true;
}

bool text_to_int(struct text t, int64_t *value)
{
    bool negative = t.length > 0 && t.at[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t sum = 0; /* of digits taken off, since the negative side reaches one further */
    if (i == t.length)
        return false;
    for (; i < t.length; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, t.at[i] - '0', &sum))
            return false;
    }
    if (!negative && sum == INT64_MIN)
        return false;
    *value = negative ? sum : -sum;
    return true;
}

static bool digits_read(const char *at, size_t count, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *value = *value * 10 + (at[i] - '0');
    }
    return true;
}

bool text_is_date(struct text t)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (t.length != DATE_LENGTH || t.at[4] != '-' || t.at[7] != '-' ||
        !digits_read(t.at, 4, &year) || !digits_read(t.at + 5, 2, &month) ||
        !digits_read(t.at + 8, 2, &day))
        return false;
    if (year < 1900 || year > 2200 || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && is_leap);
}
