/* Rows that were lately read or written, so that they need not be read again: by district and
 * number one value of bytes each. Bounded in count and bytes; what was not touched for longest is
 * forgotten first. A memo is never the truth: its owner clears it whenever the records may read
 * otherwise than it remembers. */
#ifndef ZTC_BASE_MEMO_H
#define ZTC_BASE_MEMO_H

#include "base/arena.h"

struct memo;

/* count_max: a power of two. */
struct memo *memo_new(size_t count_max, size_t bytes_max);
void memo_destroy(struct memo **memo);
/* Forgets everything. */
void memo_clear(struct memo *memo);

/* Remembers a copy of the value, in place of the one before. */
void memo_put(struct memo *memo, struct text district, int64_t id, struct bytes value);
/* A copy of the value, in the arena and aligned for any type; false: not remembered. */
bool memo_get(struct memo *memo, struct text district, int64_t id, struct arena *arena,
              struct bytes *value);
void memo_drop(struct memo *memo, struct text district, int64_t id);

/* A struct in one piece with its texts, and back; the struct's texts are then those in the piece.
 */
struct memo_shape {
    size_t size;
    const size_t *texts; /* offsets of each struct text or struct bytes */
    size_t text_count;
};
struct bytes memo_pack(const struct memo_shape *shape, const void *row, struct arena *arena);
void memo_unpack(const struct memo_shape *shape, struct bytes packed, void *row);

size_t memo_count(const struct memo *memo);
size_t memo_bytes(const struct memo *memo); /* that its rows take, all told */

#endif
