#include "runtime/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct keyring {
    pthread_mutex_t mutex;
    struct bus_guard *guard;
    char operator_key[41];
    struct arena *arena; /* of the entries */
    struct key *keys;    /* sorted by public key */
    size_t count;
};

static int by_public_key(const void *a, const void *b)
{
    return text_compare(((const struct key *)a)->public_key, ((const struct key *)b)->public_key);
}

struct keyring *keyring_new(struct bus_guard *guard, const char *operator_key)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        abort();
    pthread_mutex_init(&keyring->mutex, NULL);
    keyring->guard = guard;
    keyring->arena = arena_new();
    snprintf(keyring->operator_key, sizeof keyring->operator_key, "%s", operator_key);
    if (guard != NULL && operator_key[0] != '\0') {
        bus_guard_admit(guard, operator_key);
        bus_guard_apply(guard);
    }
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

static void guard_follow(struct keyring *keyring, const struct key *before, size_t before_count,
                         struct arena *arena)
{
    if (keyring->guard == NULL)
        return;
    for (size_t i = 0; i < keyring->count; i++) {
        if (key_is_bearer(&keyring->keys[i]))
            continue;
        const char *name = arena_string(arena, keyring->keys[i].public_key);
        if (keyring->keys[i].revoked)
            bus_guard_expel(keyring->guard, name);
        else
            bus_guard_admit(keyring->guard, name);
    }
    for (size_t i = 0; i < before_count; i++)
        if (find(keyring, before[i].public_key) == NULL && !key_is_bearer(&before[i]) &&
            !text_equal(before[i].public_key, text_of(keyring->operator_key)))
            bus_guard_expel(keyring->guard, arena_string(arena, before[i].public_key));
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
        keys[i].name = (struct text){"", 0};
    }
    qsort(keys, count, sizeof *keys, by_public_key);

    pthread_mutex_lock(&keyring->mutex);
    struct arena *old_arena = keyring->arena;
    const struct key *old_keys = keyring->keys;
    size_t old_count = keyring->count;
    keyring->arena = arena;
    keyring->keys = keys;
    keyring->count = count;
    guard_follow(keyring, old_keys, old_count, arena);
    pthread_mutex_unlock(&keyring->mutex);
    if (keyring->guard != NULL)
        bus_guard_apply(keyring->guard);
    arena_destroy(&old_arena);
}

/* Under the mutex. */
static bool caller_of(const struct key *key, struct arena *arena, struct caller *caller)
{
    if (key == NULL || key->revoked)
        return false;
    *caller = (struct caller){arena_text(arena, key->district),
                              arena_text(arena, key->organisation), (int)key->role};
    return true;
}

bool keyring_find_bearer(struct keyring *keyring, struct text token, struct arena *arena,
                         struct caller *caller)
{
    char hex[KEY_BEARER_BYTES + 1];
    struct digest digest = digest_plain((struct bytes){(const uint8_t *)token.at, token.length});
    struct text wanted = text_of(digest_hex(&digest, DIGEST_BYTES, hex));
    pthread_mutex_lock(&keyring->mutex);
    bool found = caller_of(find(keyring, wanted), arena, caller);
    pthread_mutex_unlock(&keyring->mutex);
    return found;
}

bool keyring_find(struct keyring *keyring, const char *public_key, struct arena *arena,
                  struct caller *caller)
{
    struct text wanted = text_of(public_key);
    bool found = false;
    pthread_mutex_lock(&keyring->mutex);
    const struct key *key = find(keyring, wanted);
    if (caller_of(key, arena, caller)) {
        found = true;
    } else if (key == NULL && wanted.length > 0 &&
               text_equal(wanted, text_of(keyring->operator_key))) {
        *caller = (struct caller){{"", 0}, {"", 0}, ROLE_operator};
        found = true;
    }
    pthread_mutex_unlock(&keyring->mutex);
    return found;
}
