#include "bus/certificate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool bus_key_read(const char *z85, uint8_t *key)
{
    char again[BUS_KEY_TEXT + 1];
    return z85 != NULL && strlen(z85) == BUS_KEY_TEXT && zmq_z85_decode(key, z85) != NULL &&
           zmq_z85_encode(again, key, BUS_KEY_BYTES) != NULL && strcmp(z85, again) == 0;
}

/* zcert_load takes a missing or unreadable secret key for one of zeroes; a server or client of ours
 * has one. */
static bool has_pair(const zcert_t *certificate)
{
    static const uint8_t zeroes[BUS_KEY_BYTES];
    return memcmp(zcert_public_key((zcert_t *)(uintptr_t)certificate), zeroes, sizeof zeroes) !=
               0 &&
           memcmp(zcert_secret_key((zcert_t *)(uintptr_t)certificate), zeroes, sizeof zeroes) != 0;
}

bool bus_certificate_apply(zsock_t *socket, const char *path)
{
    if (access(path, R_OK) != 0)
        return false;
    zcert_t *certificate = zcert_load(path);
    if (certificate == NULL || !has_pair(certificate)) {
        zcert_destroy(&certificate);
        errno = EINVAL;
        return false;
    }
    zcert_apply(certificate, socket);
    zcert_destroy(&certificate);
    return true;
}
