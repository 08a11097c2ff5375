/* The keys of this environment: readable by their owner alone, registered, not revoked. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/env.h"
#include "cli/keys.h"
#include "events/envelope.h"
#include "records_sql.h"

#define SUFFIX ".key_secret"

static void file_check(struct doctor *doctor, const char *path)
{
    struct stat file;
    bool is_there = stat(path, &file) == 0;
    char public_key[KEYS_PUBLIC_SIZE];
    doctor_check(doctor, !is_there || !keys_public(path, public_key), FINDING_key_unreadable, path,
                 text_of(is_there ? "" : strerror(errno)));
    if (is_there)
        doctor_check(doctor, (file.st_mode & (S_IRWXG | S_IRWXO)) != 0, FINDING_key_open, path,
                     arena_format(doctor->arena, "%03o", (unsigned)(file.st_mode & 0777)));
}

static int is_secret(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > strlen(SUFFIX) && strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static void directory_check(struct doctor *doctor, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_secret, alphasort);
    doctor_check(doctor, count < 0, FINDING_key_unreadable, directory,
                 text_of(count < 0 ? strerror(errno) : ""));
    for (int i = 0; i < count; i++) {
        file_check(doctor, arena_format(doctor->arena, "%s/%s", directory, entries[i]->d_name).at);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* The fact of a public key; false: there is none. */
static bool fact_of(PGresult *facts, const char *public_key, bool *is_revoked, struct arena *arena)
{
    int row = 0;
    while (row < PQntuples(facts) && strcmp(PQgetvalue(facts, row, 0), public_key) != 0)
        row++;
    if (row == PQntuples(facts))
        return false;
    size_t length = 0;
    unsigned char *raw = PQunescapeBytea((unsigned char *)PQgetvalue(facts, row, 1), &length);
    struct key_registered key;
    struct refusal refusal;
    message_clear(&event_types[EVENT_key_registered], &key);
    bool is_read = raw != NULL && message_decode(&event_types[EVENT_key_registered],
                                                 arena_bytes(arena, (struct bytes){raw, length}),
                                                 arena, &key, &refusal);
    PQfreemem(raw);
    *is_revoked = is_read && key.revoked;
    return is_read;
}

/* The operator's own may work before it is registered; the others of ZTC_KEY_<ROLE> do not. */
static void role_check(struct doctor *doctor, PGresult *facts, const char *role)
{
    const char *path = env_role_key(role);
    char public_key[KEYS_PUBLIC_SIZE];
    bool is_revoked = false;
    if (path == NULL)
        return;
    file_check(doctor, path);
    if (facts == NULL || !keys_public(path, public_key))
        return;
    bool is_there = fact_of(facts, public_key, &is_revoked, doctor->arena);
    doctor_check(doctor, !is_there && strcmp(role, "operator") != 0, FINDING_key_unregistered, path,
                 text_of(role));
    doctor_check(doctor, is_revoked, FINDING_key_revoked, path, text_of(role));
}

void doctor_keys(struct doctor *doctor, PGconn *records)
{
    PGresult *facts =
        records == NULL ? NULL : doctor_ask(doctor, records, &records_sql_doctor_keys, 0, NULL);
    const char *directory = env_get("ZTC_KEY_DIR"), *own = env_get("ZTC_KEY");
    for (int role = 0; role < ROLE_COUNT; role++)
        role_check(doctor, facts, words_name(&words_role, role));
    if (own != NULL)
        file_check(doctor, own);
    if (directory != NULL)
        directory_check(doctor, directory);
    PQclear(facts);
}
