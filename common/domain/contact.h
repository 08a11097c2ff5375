/* Contact data: a person's name and telephone number, given with an order. What is sound, and what
 * may be shown of it to who is not one of the two sides of a live assignment (product.md §2). */
#ifndef ZTC_DOMAIN_CONTACT_H
#define ZTC_DOMAIN_CONTACT_H

#include "base/arena.h"

#define CONTACT_DIGITS_MIN    3  /* 110 */
#define CONTACT_DIGITS_MAX    15 /* E.164; with 00 in front it is two more */
#define CONTACT_EXTENSION_MAX 6

/* "13857421234", "+86 138-5742-1234", "0574-87654321 转 8001", "12345": digits, of which single
 * blanks and hyphens may keep groups apart, perhaps a plus in front, perhaps an extension behind
 * 转, ext, ext., x or #, or behind a hyphen after a landline with its area's code. */
bool contact_phone_is_sound(struct text phone);
/* At least one character that is not blank, and none that is a control character. */
bool contact_name_is_sound(struct text name);

/* Of a sound number, without its extension: 138****1234 (the country's code left out); of a number
 * of seven digits or more the first two or three and the last two or four; of a shorter one the
 * first alone. */
struct text contact_phone_masked(struct text phone, struct arena *arena);
/* The first character and two stars, however long the name is: 王**. A name of one character shows
 * nothing. */
struct text contact_name_masked(struct text name, struct arena *arena);

#endif
