/* Redis: whether it keeps what it is given while it runs, and holds the same queue positions as the
 * records. Nothing is written to it, not even the functions. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "dispatch_sql.h"

#define HOST_MAX    128
#define COMMAND_MAX 4 /* words of a command */

static redisReply *redis_ask(redisContext *redis, const char *const *words, int count)
{
    const char *arguments[COMMAND_MAX];
    size_t lengths[COMMAND_MAX];
    for (int i = 0; i < count; i++) {
        arguments[i] = words[i];
        lengths[i] = strlen(words[i]);
    }
    return redis->err != 0 ? NULL : redisCommandArgv(redis, count, arguments, lengths);
}

static redisContext *redis_open(const char *address)
{
    char host[HOST_MAX];
    const char *colon = strrchr(address, ':');
    int64_t port;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host ||
        !text_to_int(text_of(colon + 1), &port) || port <= 0 || port > UINT16_MAX)
        return NULL;
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    struct timeval wait = {.tv_sec = DOCTOR_WAIT_MS / 1000,
                           .tv_usec = DOCTOR_WAIT_MS % 1000 * 1000};
    redisContext *redis = redisConnectWithTimeout(host, (int)port, wait);
    if (redis != NULL && redis->err == 0)
        redisSetTimeout(redis, wait);
    return redis;
}

/* The value of a setting, in the arena; "" when it cannot be had. */
static const char *redis_setting(struct doctor *doctor, redisContext *redis, const char *name)
{
    redisReply *reply = redis_ask(redis, (const char *const[]){"CONFIG", "GET", name}, 3);
    const char *value = "";
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->type == REDIS_REPLY_STRING)
        value =
            arena_text(doctor->arena, (struct text){reply->element[1]->str, reply->element[1]->len})
                .at;
    freeReplyObject(reply);
    return value;
}

/* The position that Redis has of a squad's queue; 0: none. */
static int64_t redis_position(redisContext *redis, const char *district, const char *squad,
                              struct arena *arena)
{
    const char *key = arena_format(arena, "ztc:{%s/%s}:versions", district, squad).at;
    redisReply *reply = redis_ask(redis, (const char *const[]){"HGET", key, "position"}, 3);
    int64_t position = 0;
    if (reply != NULL && reply->type == REDIS_REPLY_STRING)
        position = strtoll(reply->str, NULL, 10);
    freeReplyObject(reply);
    return position;
}

/* How many squads' positions differ; `one` names one of them. */
static int positions_differ(redisContext *redis, PGresult *rows, struct text *one,
                            struct arena *arena)
{
    int differ = 0;
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *district = PQgetvalue(rows, i, 0), *squad = PQgetvalue(rows, i, 1);
        int64_t position = redis_position(redis, district, squad, arena);
        if (position == strtoll(PQgetvalue(rows, i, 2), NULL, 10))
            continue;
        *one = arena_format(arena, "%s/%s: %s, Redis %" PRId64, district, squad,
                            PQgetvalue(rows, i, 2), position);
        differ++;
    }
    return differ;
}

/* Changes are written to Redis right after their commit: equal at some look is equal. */
static void positions_check(struct doctor *doctor, redisContext *redis, PGconn *records)
{
    int64_t until = cli_monotonic_ms() + DOCTOR_LOOK_MS;
    struct text one = TEXT("");
    int differ = 0;
    PQclear(PQexec(records, "SET search_path = dispatch"));
    do {
        PGresult *rows = doctor_ask(doctor, records, &dispatch_sql_queue_positions_read, 0, NULL);
        if (rows == NULL)
            return;
        differ = positions_differ(redis, rows, &one, doctor->arena);
        PQclear(rows);
        if (differ > 0)
            doctor_pause();
    } while (differ > 0 && cli_monotonic_ms() < until);
    doctor_check(doctor, differ > 0, FINDING_live_differs, "Redis", one);
}

void doctor_live(struct doctor *doctor, PGconn *records)
{
    const char *address = doctor_setting(doctor, "ZTC_REDIS");
    if (address == NULL)
        return;
    redisContext *redis = redis_open(address);
    redisReply *pong = redis == NULL ? NULL : redis_ask(redis, (const char *const[]){"PING"}, 1);
    bool is_there = pong != NULL && pong->type == REDIS_REPLY_STATUS;
    doctor_check(doctor, !is_there, FINDING_live_silent, "Redis",
                 arena_format(doctor->arena, "%s%s%s", address,
                              redis != NULL && redis->err != 0 ? ": " : "",
                              redis != NULL && redis->err != 0 ? redis->errstr : ""));
    freeReplyObject(pong);
    if (is_there) {
        const char *policy = redis_setting(doctor, redis, "maxmemory-policy");
        doctor_check(doctor, strcmp(policy, "noeviction") != 0, FINDING_live_evicts, "Redis",
                     text_of(policy));
        bool is_kept = strcmp(redis_setting(doctor, redis, "appendonly"), "yes") == 0 ||
                       redis_setting(doctor, redis, "save")[0] != '\0';
        doctor_check(doctor, !is_kept, FINDING_live_volatile, "Redis", TEXT(""));
    }
    if (is_there && records != NULL)
        positions_check(doctor, redis, records);
    if (redis != NULL)
        redisFree(redis);
}
