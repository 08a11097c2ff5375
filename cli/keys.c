#include "cli/keys.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

bool keys_secret_path(const char *dir, const char *name, char path[KEYS_PATH_MAX])
{
    int length = snprintf(path, KEYS_PATH_MAX, "%s/%s.key_secret", dir, name);
    return length > 0 && length < KEYS_PATH_MAX;
}

static bool name_fine(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* zcert_save() writes both files; they exist already, empty and 0600, so that the secret is never
 * open to others. */
static bool file_reserve(const char *path, char *problem, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) {
        snprintf(problem, size, "%s: %s", path, strerror(errno));
        return false;
    }
    close(descriptor);
    return true;
}

bool keys_make(const char *dir, const char *name, bool force, char *problem, size_t size)
{
    char secret[KEYS_PATH_MAX], public_path[KEYS_PATH_MAX];
    if (!name_fine(name) || !keys_secret_path(dir, name, secret)) {
        snprintf(problem, size, SAY("名称“%s”不能作文件名", "'%s' cannot be a file's name"), name);
        return false;
    }
    snprintf(public_path, sizeof public_path, "%.*s", (int)(strlen(secret) - strlen("_secret")),
             secret);
    if (mkdir(dir, S_IRWXU) != 0 && errno != EEXIST) {
        snprintf(problem, size, "%s: %s", dir, strerror(errno));
        return false;
    }
    if (force) {
        unlink(secret);
        unlink(public_path);
    }
    if (!file_reserve(secret, problem, size))
        return false;
    if (!file_reserve(public_path, problem, size)) {
        unlink(secret);
        return false;
    }
    zcert_t *certificate = zcert_new();
    zcert_set_meta(certificate, "name", "%s", name);
    bool saved = zcert_save(certificate, public_path) == 0;
    if (!saved)
        snprintf(problem, size, "%s: %s", public_path, strerror(errno));
    zcert_destroy(&certificate);
    return saved && chmod(secret, S_IRUSR | S_IWUSR) == 0 &&
           chmod(public_path, S_IRUSR | S_IWUSR) == 0;
}

bool keys_public(const char *file, char public_key[KEYS_PUBLIC_SIZE])
{
    zcert_t *certificate = zcert_load(file);
    if (certificate == NULL)
        return false;
    snprintf(public_key, KEYS_PUBLIC_SIZE, "%s", zcert_public_txt(certificate));
    zcert_destroy(&certificate);
    return strlen(public_key) == KEYS_PUBLIC_SIZE - 1;
}

bool keys_overlap(const char *said, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    struct text all = text_of(said);
    int64_t number;
    if (all.length < 2 || !text_to_int((struct text){said, all.length - 1}, &number) ||
        number < 0 || number > INT64_MAX / 604800)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (said[all.length - 1] == units[i].unit) {
            *seconds = number * units[i].seconds;
            return true;
        }
    return false;
}
