#include "bus/certificate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint8_t zeroes[BUS_KEY_BYTES];

bool bus_key_read(const char *z85, uint8_t *key)
{
    char again[BUS_KEY_TEXT + 1];
    return z85 != NULL && strlen(z85) == BUS_KEY_TEXT && zmq_z85_decode(key, z85) != NULL &&
           zmq_z85_encode(again, key, BUS_KEY_BYTES) != NULL && strcmp(z85, again) == 0;
}

/* NULL: errno says why. */
static zcert_t *load(const char *path)
{
    if (access(path, R_OK) != 0)
        return NULL;
    zcert_t *certificate = zcert_load(path);
    if (certificate != NULL && memcmp(zcert_public_key(certificate), zeroes, sizeof zeroes) == 0)
        zcert_destroy(&certificate);
    if (certificate == NULL)
        errno = EINVAL;
    return certificate;
}

bool bus_pair_load(const char *path, struct bus_pair *pair)
{
    zcert_t *certificate = load(path);
    if (certificate == NULL)
        return false;
    memcpy(pair->public_key, zcert_public_key(certificate), BUS_KEY_BYTES);
    memcpy(pair->secret_key, zcert_secret_key(certificate), BUS_KEY_BYTES);
    zcert_destroy(&certificate);
    /* zcert_load takes a missing or unreadable secret key for one of zeroes. */
    if (memcmp(pair->secret_key, zeroes, sizeof zeroes) != 0)
        return true;
    errno = EINVAL;
    return false;
}

bool bus_pair_apply(zsock_t *socket, const struct bus_pair *pair)
{
    void *handle = zsock_resolve(socket);
    return zmq_setsockopt(handle, ZMQ_CURVE_PUBLICKEY, pair->public_key, BUS_KEY_BYTES) == 0 &&
           zmq_setsockopt(handle, ZMQ_CURVE_SECRETKEY, pair->secret_key, BUS_KEY_BYTES) == 0;
}

bool bus_certificate_key(const char *path, char key[BUS_KEY_TEXT + 1])
{
    zcert_t *certificate = load(path);
    if (certificate == NULL)
        return false;
    zmq_z85_encode(key, zcert_public_key(certificate), BUS_KEY_BYTES);
    zcert_destroy(&certificate);
    return true;
}

/* --- badges ----------------------------------------------------------------------------------- */

static bool badge_read(struct bus_badge *badge, const char *certificate, const char *other)
{
    if (!bus_pair_load(certificate, &badge->own))
        return false;
    zmq_z85_encode(badge->known[0], badge->own.public_key, BUS_KEY_BYTES);
    if (other == NULL || other[0] == '\0')
        return true;
    zcert_t *second = load(other);
    if (second == NULL)
        return false;
    zmq_z85_encode(badge->known[1], zcert_public_key(second), BUS_KEY_BYTES);
    zcert_destroy(&second);
    return true;
}

struct bus_badge *bus_badge_new(const char *certificate, const char *other)
{
    struct bus_badge *badge = calloc(1, sizeof *badge);
    if (badge == NULL)
        abort(); /* out of memory: crash-only, as arena.h says */
    if (!badge_read(badge, certificate, other)) {
        int why = errno;
        bus_badge_destroy(&badge);
        errno = why;
    }
    return badge;
}

void bus_badge_destroy(struct bus_badge **badge)
{
    free(*badge);
    *badge = NULL;
}

const char *bus_badge_key(const struct bus_badge *badge)
{
    return badge->known[0];
}

bool bus_badge_knows(const struct bus_badge *badge, const char *public_key)
{
    return public_key[0] != '\0' &&
           (strcmp(public_key, badge->known[0]) == 0 || strcmp(public_key, badge->known[1]) == 0);
}
