/* The guard: czmq's zauth over a store of certificates in memory. A store over a directory reads it
 * anew only when its time (in seconds), count or size of files changed: of one key expelled and
 * another admitted within a second it sees nothing; and it looks at every file for every handshake.
 * A store in memory is only ever filled by one thread and then zauth's, so a change of keys is a
 * new store with a new actor. In the moment between the two, handshakes fail, and their clients try
 * again. */
#include "bus/certificate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct bus_guard {
    pthread_mutex_t mutex; /* of all of it */
    zactor_t *actor;
    zhashx_t *admitted; /* by key in Z85 */
    bool changed;       /* since the actor's store was filled */
};

/* A second actor would abort the process: there is one endpoint for it. */
static atomic_bool guarding;

static zcertstore_t *store_new(zhashx_t *admitted)
{
    static const uint8_t no_secret[BUS_KEY_BYTES];
    uint8_t key[BUS_KEY_BYTES];
    zcertstore_t *store = zcertstore_new(NULL);
    for (void *item = zhashx_first(admitted); item != NULL; item = zhashx_next(admitted)) {
        if (!bus_key_read(zhashx_cursor(admitted), key))
            continue;
        zcert_t *certificate = zcert_new_from(key, no_secret);
        zcertstore_insert(store, &certificate);
    }
    return store;
}

struct bus_guard *bus_guard_new(void)
{
    if (atomic_exchange(&guarding, true)) {
        errno = EBUSY;
        return NULL;
    }
    struct bus_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    pthread_mutex_init(&guard->mutex, NULL);
    guard->admitted = zhashx_new();
    guard->actor = zactor_new(zauth, store_new(guard->admitted)); /* the store is the actor's */
    return guard;
}

void bus_guard_destroy(struct bus_guard **guard)
{
    if (*guard == NULL)
        return;
    zactor_destroy(&(*guard)->actor);
    zhashx_destroy(&(*guard)->admitted);
    pthread_mutex_destroy(&(*guard)->mutex);
    free(*guard);
    *guard = NULL;
    atomic_store(&guarding, false);
}

bool bus_guard_admit(struct bus_guard *guard, const char *public_key)
{
    uint8_t key[BUS_KEY_BYTES];
    if (!bus_key_read(public_key, key))
        return false;
    pthread_mutex_lock(&guard->mutex);
    if (zhashx_insert(guard->admitted, public_key, guard) == 0)
        guard->changed = true;
    pthread_mutex_unlock(&guard->mutex);
    return true;
}

void bus_guard_expel(struct bus_guard *guard, const char *public_key)
{
    pthread_mutex_lock(&guard->mutex);
    if (zhashx_lookup(guard->admitted, public_key) != NULL) {
        zhashx_delete(guard->admitted, public_key);
        guard->changed = true;
    }
    pthread_mutex_unlock(&guard->mutex);
}

void bus_guard_apply(struct bus_guard *guard)
{
    pthread_mutex_lock(&guard->mutex);
    if (guard->changed) {
        zcertstore_t *store = store_new(guard->admitted);
        zactor_destroy(&guard->actor);
        guard->actor = zactor_new(zauth, store);
        guard->changed = false;
    }
    pthread_mutex_unlock(&guard->mutex);
}
