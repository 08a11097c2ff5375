/* Who a public key is: filled by the desk from the directory, asked by the guard in each handshake
 * and by the front for each request. Thread-safe. A key that is replaced is valid until its time,
 * by the runtime's clock. */
#ifndef ZTC_RUNTIME_KEYRING_H
#define ZTC_RUNTIME_KEYRING_H

#include "bus/bus.h"
#include "domain/directory.h"
#include "events/envelope.h"

struct keyring;

/* `operator_key`: Z85 of the deployment's first operator, admitted from the start; "" for none. */
struct keyring *keyring_new(const char *operator_key);
void keyring_destroy(struct keyring **keyring);
/* Replaces all registered keys by the directory's. */
void keyring_load(struct keyring *keyring, const struct directory *directory);
/* bus_admits: whether this key may connect now. `keyring` is a struct keyring. */
bool keyring_admits(void *keyring, const char *public_key);
/* The caller of a bearer token, which is looked up by its SHA-256, as keyring_find. */
bool keyring_find_bearer(struct keyring *keyring, struct text token, struct arena *arena,
                         struct caller *caller);
/* The caller of an authenticated key, its texts in the arena. False: not registered, revoked or
 * past its time. */
bool keyring_find(struct keyring *keyring, const char *public_key, struct arena *arena,
                  struct caller *caller);

#endif
