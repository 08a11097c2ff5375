/* A hash table of entries by two texts, for the directory: entries are added, changed in place,
 * never taken out. It owns neither the entries nor their texts. */
#ifndef ZTC_DOMAIN_TABLE_H
#define ZTC_DOMAIN_TABLE_H

#include "base/text.h"

/* An entry begins with one, so that a pointer to it is a pointer to the entry. */
struct table_key {
    struct text first, second;
};

/* All zero: empty. */
struct table {
    struct table_key **entries; /* in the order they were added */
    size_t count, room;
    uint32_t *slots; /* index of an entry + 1, 0 free; linear probing, at most half full */
    size_t slot_count;
};

/* NULL: not there. */
void *table_find(const struct table *table, struct text first, struct text second);
/* Its key must not be there yet. */
void table_add(struct table *table, struct table_key *entry);
void table_clear(struct table *table); /* gives its memory back */

#endif
