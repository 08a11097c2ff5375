/* Answers to queries, built piece by piece with msgpack-c's packer into the arena. Maps and lists
 * need no count beforehand: their headers have 16-bit counts which are filled in at pack_end. `key`
 * is the entry's name inside a map and NULL inside a list or at the top. Our own bugs (a key in a
 * list, a map left open) are assertions. */
#ifndef ZTC_EVENTS_PACK_H
#define ZTC_EVENTS_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

#define PACK_DEPTH_MAX 12
#define PACK_ITEMS_MAX 65535 /* entries of one map or list */

struct pack;

struct pack *pack_new(struct arena *arena);
/* The bytes of the one object that was packed; they live in the arena. */
struct bytes pack_done(const struct pack *pack);
/* Bytes so far, so that an answer can be kept within a frame. */
size_t pack_length(const struct pack *pack);

void pack_map(struct pack *pack, const char *key);
void pack_list(struct pack *pack, const char *key);
void pack_end(struct pack *pack); /* ends the innermost map or list */

void pack_text(struct pack *pack, const char *key, struct text value);
void pack_string(struct pack *pack, const char *key, const char *value);
void pack_int(struct pack *pack, const char *key, int64_t value);
void pack_flag(struct pack *pack, const char *key, bool value);
/* Bytes that are one msgpack object already, put in as they are. */
void pack_object(struct pack *pack, const char *key, struct bytes object);

/* These leave the entry out when there is nothing to say: an empty text, INSTANT_ABSENT. */
void pack_text_given(struct pack *pack, const char *key, struct text value);
void pack_time_given(struct pack *pack, const char *key, int64_t ms);

#endif
