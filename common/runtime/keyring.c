#include "runtime/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"

struct keyring {
    pthread_mutex_t mutex;
    char operator_key[BUS_KEY_TEXT + 1];
    struct arena *arena; /* of the entries */
    struct key *keys;    /* sorted by public key */
    size_t count;
};

static int by_public_key(const void *a, const void *b)
{
    return text_compare(((const struct key *)a)->public_key, ((const struct key *)b)->public_key);
}

struct keyring *keyring_new(const char *operator_key)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        abort();
    pthread_mutex_init(&keyring->mutex, NULL);
    keyring->arena = arena_new();
    snprintf(keyring->operator_key, sizeof keyring->operator_key, "%s", operator_key);
    return keyring;
}

void keyring_destroy(struct keyring **keyring)
{
    if (*keyring == NULL)
        return;
    pthread_mutex_destroy(&(*keyring)->mutex);
    arena_destroy(&(*keyring)->arena);
    free(*keyring);
    *keyring = NULL;
}

static struct key *find(const struct keyring *keyring, struct text public_key)
{
    struct key wanted = {.public_key = public_key};
    if (keyring->count == 0)
        return NULL;
    return bsearch(&wanted, keyring->keys, keyring->count, sizeof wanted, by_public_key);
}

void keyring_load(struct keyring *keyring, const struct directory *directory)
{
    struct arena *arena = arena_new();
    size_t count = directory_keys(directory, NULL, 0);
    const struct key **found = arena_array(arena, count + 1, sizeof *found);
    directory_keys(directory, found, count);
    struct key *keys = arena_array(arena, count + 1, sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        keys[i] = *found[i];
        keys[i].public_key = arena_text(arena, found[i]->public_key);
        keys[i].district = arena_text(arena, found[i]->district);
        keys[i].organisation = arena_text(arena, found[i]->organisation);
        keys[i].name = keys[i].replaces = (struct text){"", 0};
    }
    qsort(keys, count, sizeof *keys, by_public_key);

    pthread_mutex_lock(&keyring->mutex);
    struct arena *old_arena = keyring->arena;
    keyring->arena = arena;
    keyring->keys = keys;
    keyring->count = count;
    pthread_mutex_unlock(&keyring->mutex);
    arena_destroy(&old_arena);
}

/* The key that may be used now; NULL: there is none, or it is the first operator's, who is not
 * registered (*is_first). */
static const struct key *valid(const struct keyring *keyring, struct text public_key,
                               bool *is_first)
{
    const struct key *key = find(keyring, public_key);
    *is_first = key == NULL && public_key.length > 0 &&
                text_equal(public_key, text_of(keyring->operator_key));
    return key != NULL && key_is_valid(key, clock_now_ms()) ? key : NULL;
}

bool keyring_admits(void *argument, const char *public_key)
{
    struct keyring *keyring = argument;
    bool is_first;
    pthread_mutex_lock(&keyring->mutex);
    bool admitted = valid(keyring, text_of(public_key), &is_first) != NULL || is_first;
    pthread_mutex_unlock(&keyring->mutex);
    return admitted;
}

/* Under the mutex. */
static struct caller caller_of(const struct key *key, struct arena *arena)
{
    return (struct caller){arena_text(arena, key->district), arena_text(arena, key->organisation),
                           (int)key->role};
}

bool keyring_find_bearer(struct keyring *keyring, struct text token, struct arena *arena,
                         struct caller *caller)
{
    char hex[KEY_BEARER_BYTES + 1];
    bool is_first;
    struct digest digest = digest_plain((struct bytes){(const uint8_t *)token.at, token.length});
    struct text wanted = text_of(digest_hex(&digest, DIGEST_BYTES, hex));
    pthread_mutex_lock(&keyring->mutex);
    const struct key *key = valid(keyring, wanted, &is_first);
    if (key != NULL)
        *caller = caller_of(key, arena);
    pthread_mutex_unlock(&keyring->mutex);
    return key != NULL;
}

bool keyring_find(struct keyring *keyring, const char *public_key, struct arena *arena,
                  struct caller *caller)
{
    bool is_first;
    pthread_mutex_lock(&keyring->mutex);
    const struct key *key = valid(keyring, text_of(public_key), &is_first);
    if (key != NULL)
        *caller = caller_of(key, arena);
    else if (is_first)
        *caller = (struct caller){{"", 0}, {"", 0}, ROLE_operator};
    pthread_mutex_unlock(&keyring->mutex);
    return key != NULL || is_first;
}
