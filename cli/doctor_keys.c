/* The keys of this environment: readable by their owner alone, registered, not revoked, not at
 * their end. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/instant.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/env.h"
#include "cli/keys.h"
#include "domain/directory.h"
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

/* A registered key as its fact tells it; false: it cannot be read. */
static bool key_read(PGresult *facts, int row, struct key *key, struct arena *arena)
{
    size_t length = 0;
    unsigned char *raw = PQunescapeBytea((unsigned char *)PQgetvalue(facts, row, 1), &length);
    struct key_registered fact;
    struct refusal refusal;
    message_clear(&event_types[EVENT_key_registered], &fact);
    bool is_read = raw != NULL && message_decode(&event_types[EVENT_key_registered],
                                                 arena_bytes(arena, (struct bytes){raw, length}),
                                                 arena, &fact, &refusal);
    PQfreemem(raw);
    *key = (struct key){.revoked = fact.revoked,
                        .expires = fact.expires == INSTANT_ABSENT ? 0 : fact.expires};
    return is_read;
}

static bool key_find(PGresult *facts, const char *public_key, struct key *key, struct arena *arena)
{
    int row = 0;
    while (row < PQntuples(facts) && strcmp(PQgetvalue(facts, row, 0), public_key) != 0)
        row++;
    return row < PQntuples(facts) && key_read(facts, row, key, arena);
}

/* When a key ends, for people. */
static struct text end_of(const struct key *key, struct arena *arena)
{
    char at[INSTANT_TEXT_MAX];
    instant_format(key->expires, at);
    return arena_text(arena, text_of(at));
}

/* A key in its place that is not, or will soon no longer be, admitted. */
static void standing_check(struct doctor *doctor, const struct key *key, const char *path,
                           const char *role)
{
    enum key_state state = key_state_at(key, cli_now_ms());
    struct text end = key->expires == 0 ? TEXT("") : end_of(key, doctor->arena);
    struct text seen = arena_format(doctor->arena, "%s, %.*s", role, TEXT_ARG(end));
    doctor_check(doctor, state == KEY_revoked, FINDING_key_revoked, path, text_of(role));
    doctor_check(doctor, state == KEY_expired, FINDING_key_expired, path, seen);
    doctor_check(doctor, state == KEY_expiring, FINDING_key_expiring, path, seen);
}

/* Of all registered keys those that were replaced and are not over yet. */
static void ending_check(struct doctor *doctor, PGresult *facts)
{
    int64_t now = cli_now_ms();
    struct key first = {0}, key;
    int count = 0;
    for (int row = 0; row < PQntuples(facts); row++) {
        if (!key_read(facts, row, &key, doctor->arena) || key_state_at(&key, now) != KEY_expiring)
            continue;
        if (count++ == 0 || key.expires < first.expires)
            first = key;
    }
    struct text end = count > 0 ? end_of(&first, doctor->arena) : TEXT("");
    doctor_check(doctor, count > 0, FINDING_keys_ending, "ztc keys list --state expiring",
                 arena_format(doctor->arena, "%d, %.*s", count, TEXT_ARG(end)));
}

/* The operator's own may work before it is registered; the others of ZTC_KEY_<ROLE> do not. */
static void role_check(struct doctor *doctor, PGresult *facts, const char *role)
{
    const char *path = env_role_key(role);
    char public_key[KEYS_PUBLIC_SIZE];
    struct key key = {0};
    if (path == NULL)
        return;
    file_check(doctor, path);
    if (facts == NULL || !keys_public(path, public_key))
        return;
    bool is_there = key_find(facts, public_key, &key, doctor->arena);
    doctor_check(doctor, !is_there && strcmp(role, "operator") != 0, FINDING_key_unregistered, path,
                 text_of(role));
    if (is_there)
        standing_check(doctor, &key, path, role);
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
    if (facts != NULL)
        ending_check(doctor, facts);
    PQclear(facts);
}
