#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer whatever was not given out is poisoned and each piece is followed by a
 * gap, so that running over the end of a piece is found as it is with malloc. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONED 1
#endif
#ifdef ARENA_POISONED
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ARENA_GAP                             0
#endif

#define ARENA_ALIGN       _Alignof(max_align_t)
#define ARENA_BLOCK_FIRST ((size_t)4096)
#define ARENA_BLOCK_MAX   ((size_t)262144)

struct block {
    struct block *next;
    size_t size, taken; /* of `at`, in bytes */
    _Alignas(max_align_t) uint8_t at[];
};

/* The first block stays; the others hang on it, newest first. Pieces come from `current`; a piece
 * too large for a block has one of its own, and `current` goes on being filled. */
struct arena {
    struct block *first, *current;
    size_t block_size; /* of the next one */
    size_t used;
};

static struct block *block_new(size_t size)
{
    struct block *block = size > SIZE_MAX - sizeof *block ? NULL : malloc(sizeof *block + size);
    if (block == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    *block = (struct block){.size = size};
    ASAN_POISON_MEMORY_REGION(block->at, size);
    return block;
}

static void block_free(struct block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->at, block->size);
    free(block);
}

static size_t rounded(size_t size)
{
    return (size + ARENA_GAP + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
}

struct arena *arena_new(void)
{
    struct arena *arena = malloc(sizeof *arena);
    if (arena == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    struct block *first = block_new(ARENA_BLOCK_FIRST);
    *arena = (struct arena){.first = first, .current = first, .block_size = 2 * ARENA_BLOCK_FIRST};
    return arena;
}

void arena_reset(struct arena *arena)
{
    struct block *first = arena->first;
    while (first->next != NULL) {
        struct block *block = first->next;
        first->next = block->next;
        block_free(block);
    }
    first->taken = 0;
    ASAN_POISON_MEMORY_REGION(first->at, first->size);
    *arena = (struct arena){.first = first, .current = first, .block_size = 2 * ARENA_BLOCK_FIRST};
}

void arena_destroy(struct arena **arena)
{
    if (*arena == NULL)
        return;
    arena_reset(*arena);
    block_free((*arena)->first);
    free(*arena);
    *arena = NULL;
}

static struct block *block_add(struct arena *arena, size_t size)
{
    struct block *block = block_new(size);
    block->next = arena->first->next;
    arena->first->next = block;
    return block;
}

/* A block with room for so many rounded bytes. */
static struct block *block_with_room(struct arena *arena, size_t size)
{
    if (size <= arena->current->size - arena->current->taken)
        return arena->current;
    if (size > arena->block_size)
        return block_add(arena, size);
    arena->current = block_add(arena, arena->block_size);
    if (arena->block_size < ARENA_BLOCK_MAX)
        arena->block_size *= 2;
    return arena->current;
}

/* Not zeroed. */
static void *piece_new(struct arena *arena, size_t size)
{
    assert(size <= SIZE_MAX - ARENA_GAP - ARENA_ALIGN);
    size_t taken = rounded(size == 0 ? 1 : size);
    struct block *block = block_with_room(arena, taken);
    uint8_t *piece = block->at + block->taken;
    block->taken += taken;
    arena->used += size;
    ASAN_UNPOISON_MEMORY_REGION(piece, size);
    return piece;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *piece = piece_new(arena, size);
    memset(piece, 0, size);
    return piece;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t product;
    bool overflow = __builtin_mul_overflow(count, size, &product);
    assert(!overflow); /* lengths from outside are bounded before they get here */
    return overflow ? NULL : arena_alloc(arena, product);
}

struct text arena_text(struct arena *arena, struct text t)
{
    char *copy = piece_new(arena, t.length + 1);
    if (t.length > 0)
        memcpy(copy, t.at, t.length);
    copy[t.length] = '\0';
    return (struct text){copy, t.length};
}

struct bytes arena_bytes(struct arena *arena, struct bytes b)
{
    uint8_t *copy = piece_new(arena, b.length);
    if (b.length > 0)
        memcpy(copy, b.at, b.length);
    return (struct bytes){copy, b.length};
}

const char *arena_string(struct arena *arena, struct text t)
{
    return arena_text(arena, t).at;
}

struct text arena_vformat(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    assert(length >= 0);
    char *at = piece_new(arena, (size_t)length + 1);
    vsnprintf(at, (size_t)length + 1, format, again);
    va_end(again);
    return (struct text){at, (size_t)length};
}

struct text arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(arena, format, arguments);
    va_end(arguments);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
