/* Who a public key is: filled by the desk from the directory, asked by the front. Thread-safe.
 * Keeps the guard in step: registered keys are admitted, revoked ones expelled. */
#ifndef ZTC_RUNTIME_KEYRING_H
#define ZTC_RUNTIME_KEYRING_H

#include "bus/bus.h"
#include "domain/directory.h"
#include "events/envelope.h"

struct keyring;

/* `guard` may be NULL. `operator_key`: Z85 of the deployment's first operator, admitted from the
 * start; "" for none. */
struct keyring *keyring_new(struct bus_guard *guard, const char *operator_key);
void keyring_destroy(struct keyring **keyring);
/* Replaces all registered keys by the directory's. */
void keyring_load(struct keyring *keyring, const struct directory *directory);
/* The caller of a bearer token, which is looked up by its SHA-256. False: not registered, or
 * revoked. */
bool keyring_find_bearer(struct keyring *keyring, struct text token, struct arena *arena,
                         struct caller *caller);
/* The caller of an authenticated key, its texts in the arena. False: not registered, or revoked. */
bool keyring_find(struct keyring *keyring, const char *public_key, struct arena *arena,
                  struct caller *caller);

#endif
