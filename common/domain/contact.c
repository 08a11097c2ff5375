#include "domain/contact.h"

#include <string.h>

#define DIGITS_ROOM  (CONTACT_DIGITS_MAX + 2) /* with 00 in front of the country's code */
#define MOBILE       11
#define LANDLINE_MIN 11

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_between(char c)
{
    return c == ' ' || c == '-';
}

/* A number taken apart. */
struct number {
    char digits[DIGITS_ROOM + 1];
    size_t count;
    bool plus;
};

/* The length of what announces an extension at the beginning of t, blanks before it included; 0:
 * nothing does. */
static size_t extension_mark(struct text t)
{
    static const char *const marks[] = {"转", "ext.", "ext", "x", "#", "-"};
    size_t blanks = 0;
    while (blanks < t.length && t.at[blanks] == ' ')
        blanks++;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t length = strlen(marks[i]);
        if (t.length - blanks > length && memcmp(t.at + blanks, marks[i], length) == 0)
            return blanks + length;
    }
    return 0;
}

static bool extension_is_sound(struct text t)
{
    size_t i = 0, digits = 0;
    while (i < t.length && t.at[i] == ' ')
        i++;
    for (; i < t.length && is_digit(t.at[i]); i++)
        digits++;
    return i == t.length && digits >= 1 && digits <= CONTACT_EXTENSION_MAX;
}

/* A landline with its area's code is whole with eleven digits; what a hyphen sets apart from it
 * then is an extension. */
static bool is_whole_landline(const struct number *number)
{
    return number->count >= LANDLINE_MIN && number->digits[0] == '0' && number->digits[1] != '0';
}

/* Digits in groups with one blank or hyphen between; returns the bytes it took. */
static size_t digits_take(struct text t, struct number *number)
{
    size_t i = 0;
    while (i < t.length) {
        bool next = i + 1 < t.length && is_digit(t.at[i + 1]);
        if (is_digit(t.at[i]) && number->count < DIGITS_ROOM)
            number->digits[number->count++] = t.at[i];
        else if (!is_between(t.at[i]) || number->count == 0 || !next ||
                 (t.at[i] == '-' && is_whole_landline(number)))
            break;
        i++;
    }
    return i;
}

/* False: it is no number. */
static bool number_take(struct text t, struct number *number)
{
    *number = (struct number){.plus = t.length > 0 && t.at[0] == '+'};
    size_t taken = number->plus;
    taken += digits_take((struct text){t.at + taken, t.length - taken}, number);
    bool dialled = number->count > 2 && memcmp(number->digits, "00", 2) == 0;
    if (number->count < CONTACT_DIGITS_MIN ||
        number->count > (dialled ? DIGITS_ROOM : CONTACT_DIGITS_MAX))
        return false;
    struct text rest = {t.at + taken, t.length - taken};
    size_t mark = extension_mark(rest);
    return rest.length == 0 ||
           (mark > 0 && extension_is_sound((struct text){rest.at + mark, rest.length - mark}));
}

bool contact_phone_is_sound(struct text phone)
{
    struct number number;
    return number_take(phone, &number);
}

bool contact_name_is_sound(struct text name)
{
    bool visible = false;
    for (size_t i = 0; i < name.length; i++) {
        unsigned char c = (unsigned char)name.at[i];
        /* The second block of control characters is C2 80 to C2 9F in UTF-8. */
        if (c < 0x20 || c == 0x7F ||
            (c == 0xC2 && i + 1 < name.length && (unsigned char)name.at[i + 1] < 0xA0))
            return false;
        visible |= c != ' ';
    }
    return visible;
}

/* China's code in front of a mobile number says nothing that the number does not. */
static size_t code_of_china(const struct number *number)
{
    static const char *const codes[] = {"0086", "86"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t length = strlen(codes[i]);
        if (number->count == MOBILE + length && memcmp(number->digits, codes[i], length) == 0 &&
            number->digits[length] == '1')
            return length;
    }
    return 0;
}

struct text contact_phone_masked(struct text phone, struct arena *arena)
{
    struct number number;
    if (!number_take(phone, &number))
        return TEXT("****");
    size_t code = code_of_china(&number), count = number.count - code;
    size_t head = count >= MOBILE - 1 ? 3 : count >= 7 ? 2 : 1;
    size_t tail = count >= MOBILE - 1 ? 4 : count >= 7 ? 2 : 0;
    return arena_format(arena, "%s%.*s****%.*s", number.plus && code == 0 ? "+" : "", (int)head,
                        number.digits + code, (int)tail, number.digits + number.count - tail);
}

/* Bytes of the character that begins with this one. */
static size_t character_length(char lead)
{
    unsigned char c = (unsigned char)lead;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

struct text contact_name_masked(struct text name, struct arena *arena)
{
    while (name.length > 0 && name.at[0] == ' ')
        name = (struct text){name.at + 1, name.length - 1};
    while (name.length > 0 && name.at[name.length - 1] == ' ')
        name.length--;
    if (name.length == 0)
        return TEXT("");
    size_t first = character_length(name.at[0]);
    if (first >= name.length)
        return TEXT("**");
    return arena_format(arena, "%.*s**", (int)first, name.at);
}
