#include "base/bloom.h"

#include <assert.h>
#include <stdlib.h>

struct bloom {
    uint64_t mask; /* of bit numbers */
    uint64_t *words;
};

static uint64_t *words_new(uint64_t mask)
{
    uint64_t *words = calloc((size_t)(mask + 1) / 64, sizeof *words);
    if (words == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    return words;
}

struct bloom *bloom_new(unsigned log2_bits)
{
    assert(log2_bits >= 6 && log2_bits <= 32);
    struct bloom *bloom = malloc(sizeof *bloom);
    if (bloom == NULL)
        abort();
    bloom->mask = ((uint64_t)1 << log2_bits) - 1;
    bloom->words = words_new(bloom->mask);
    return bloom;
}

void bloom_destroy(struct bloom **bloom)
{
    if (*bloom == NULL)
        return;
    free((*bloom)->words);
    free(*bloom);
    *bloom = NULL;
}

void bloom_clear(struct bloom *bloom)
{
    free(bloom->words); /* gives its pages back */
    bloom->words = words_new(bloom->mask);
}

/* The finisher of MurmurHash3: the two halves of a weak hash resemble each other. */
static uint64_t mixed(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdU;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53U;
    return hash ^ hash >> 33;
}

static uint64_t bit_of(const struct bloom *bloom, uint64_t hash, unsigned number)
{
    return (hash + number * (hash >> 32 | 1)) & bloom->mask;
}

void bloom_add(struct bloom *bloom, uint64_t hash)
{
    hash = mixed(hash);
    for (unsigned i = 0; i < BLOOM_HASHES; i++) {
        uint64_t bit = bit_of(bloom, hash, i);
        bloom->words[bit / 64] |= (uint64_t)1 << bit % 64;
    }
}

bool bloom_may_have(const struct bloom *bloom, uint64_t hash)
{
    hash = mixed(hash);
    for (unsigned i = 0; i < BLOOM_HASHES; i++) {
        uint64_t bit = bit_of(bloom, hash, i);
        if ((bloom->words[bit / 64] >> bit % 64 & 1) == 0)
            return false;
    }
    return true;
}
