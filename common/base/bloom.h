/* A set that forgets nothing and may take one for a member that is none (Bloom, CACM 13(7), 1970):
 * what it does not have was never added. For members given by a good 64-bit hash; double hashing as
 * Kirsch and Mitzenmacher (ESA 2006). Not thread-safe. */
#ifndef ZTC_BASE_BLOOM_H
#define ZTC_BASE_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOOM_HASHES 5

struct bloom;
/* 2^log2_bits bits, from 6 to 32. Of n members some (1 - e^(-5 n / bits))^5 of all strangers are
 * taken for one: with 2^25 bits (4 MiB) and 3,000,000 members 1 in 160. Pages that nothing was
 * added to take no memory. */
struct bloom *bloom_new(unsigned log2_bits);
void bloom_destroy(struct bloom **bloom);
void bloom_clear(struct bloom *bloom);
void bloom_add(struct bloom *bloom, uint64_t hash);
bool bloom_may_have(const struct bloom *bloom, uint64_t hash);

#endif
