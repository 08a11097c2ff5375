/* Secrets at rest: AES-256-GCM (libcrypto) under one key, each bound to the names of the endpoint
 * it is of, so that a row put under other names does not open. Thread-safe once open. */
#ifndef ZTC_NOTIFICATION_SHELL_SEAL_H
#define ZTC_NOTIFICATION_SHELL_SEAL_H

#include "base/arena.h"

struct seal;
/* The key file holds 64 hexadecimal digits and perhaps a line end, and may be read by its owner
 * alone. NULL: *problem says why. */
struct seal *seal_open(const char *path, const char **problem);
void seal_close(struct seal **seal);

struct seal_names {
    struct text district, organisation, endpoint;
};
struct bytes seal_put(const struct seal *seal, const struct seal_names *names, struct bytes secret,
                      struct arena *arena);
/* False: another key, other names, or changed bytes. */
bool seal_get(const struct seal *seal, const struct seal_names *names, struct bytes sealed,
              struct arena *arena, struct bytes *secret);

#endif
