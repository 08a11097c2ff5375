/* What stands in the records: who holds the leases and whether they beat, who is how far behind,
 * what was set aside. What should move is looked at twice. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "records_sql.h"

/* A row of the second look: the same of the first, or -1. */
static int row_like(PGresult *first, PGresult *second, int row, int key_columns)
{
    for (int i = 0; i < PQntuples(first); i++) {
        bool same = true;
        for (int c = 0; c < key_columns; c++)
            same &= strcmp(PQgetvalue(first, i, c), PQgetvalue(second, row, c)) == 0;
        if (same)
            return i;
    }
    return -1;
}

static int64_t number_at(PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

/* --- leases ----------------------------------------------------------------------------------- */

enum { LEASE_SERVICE, LEASE_HOLDER, LEASE_EPOCH, LEASE_BEAT };

static bool lease_moved(PGresult *first, PGresult *now, int row)
{
    int before = row_like(first, now, row, 1);
    return before < 0 ||
           number_at(first, before, LEASE_EPOCH) != number_at(now, row, LEASE_EPOCH) ||
           number_at(first, before, LEASE_BEAT) != number_at(now, row, LEASE_BEAT);
}

static int row_of_service(PGresult *rows, const char *service)
{
    for (int i = 0; i < PQntuples(rows); i++)
        if (strcmp(PQgetvalue(rows, i, LEASE_SERVICE), service) == 0)
            return i;
    return -1;
}

static bool all_moved(PGresult *first, PGresult *now)
{
    for (int i = 0; i < PQntuples(now); i++)
        if (!lease_moved(first, now, i))
            return false;
    return true;
}

static void leases_tell(struct doctor *doctor, PGresult *first, PGresult *now)
{
    for (int s = 0; s < SERVICE_COUNT; s++) {
        const char *service = words_name(&words_service, s);
        int row = row_of_service(now, service);
        doctor_check(doctor, row < 0, FINDING_lease_missing, service, TEXT(""));
        if (row >= 0)
            doctor_check(doctor, !lease_moved(first, now, row), FINDING_lease_still, service,
                         text_of(PQgetvalue(now, row, LEASE_HOLDER)));
    }
}

/* --- backlogs --------------------------------------------------------------------------------- */

enum { BACKLOG_CONSUMER, BACKLOG_PRODUCER, BACKLOG_APPLIED, BACKLOG_HEAD };

static int64_t backlog_of(PGresult *rows, int row)
{
    return number_at(rows, row, BACKLOG_HEAD) - number_at(rows, row, BACKLOG_APPLIED);
}

/* There was something to apply at the first look, and still it is not applied. */
static bool is_still(PGresult *first, PGresult *now, int row)
{
    int before = row_like(first, now, row, 2);
    return before >= 0 && backlog_of(first, before) > 0 &&
           number_at(first, before, BACKLOG_APPLIED) == number_at(now, row, BACKLOG_APPLIED);
}

static bool any_still(PGresult *first, PGresult *now)
{
    for (int i = 0; i < PQntuples(now); i++)
        if (is_still(first, now, i))
            return true;
    return false;
}

static void backlogs_tell(struct doctor *doctor, PGresult *first, PGresult *now)
{
    for (int i = 0; i < PQntuples(now); i++) {
        const char *about =
            arena_format(doctor->arena, "%s ← %s", PQgetvalue(now, i, BACKLOG_CONSUMER),
                         PQgetvalue(now, i, BACKLOG_PRODUCER))
                .at;
        struct text seen = arena_format(doctor->arena, "%" PRId64, backlog_of(now, i));
        bool still = is_still(first, now, i);
        doctor_check(doctor, still, FINDING_backlog_still, about, seen);
        doctor_check(doctor, !still && backlog_of(now, i) > DOCTOR_BACKLOG_MAX,
                     FINDING_backlog_large, about, seen);
    }
}

/* Looks until all has moved, or long enough. */
static void moving_check(struct doctor *doctor, PGconn *records)
{
    PGresult *leases = doctor_ask(doctor, records, &records_sql_doctor_leases, 0, NULL);
    PGresult *backlogs = doctor_ask(doctor, records, &records_sql_doctor_backlogs, 0, NULL);
    int64_t until = cli_monotonic_ms() + DOCTOR_LOOK_MS;
    bool moves = false;
    PGresult *leases_now = NULL, *backlogs_now = NULL;
    while (leases != NULL && backlogs != NULL && !moves && cli_monotonic_ms() < until) {
        doctor_pause();
        PQclear(leases_now);
        PQclear(backlogs_now);
        leases_now = doctor_ask(doctor, records, &records_sql_doctor_leases, 0, NULL);
        backlogs_now = doctor_ask(doctor, records, &records_sql_doctor_backlogs, 0, NULL);
        if (leases_now == NULL || backlogs_now == NULL)
            break;
        moves = all_moved(leases, leases_now) && !any_still(backlogs, backlogs_now);
    }
    if (leases_now != NULL && backlogs_now != NULL) {
        leases_tell(doctor, leases, leases_now);
        backlogs_tell(doctor, backlogs, backlogs_now);
    }
    PQclear(leases_now);
    PQclear(backlogs_now);
    PQclear(leases);
    PQclear(backlogs);
}

/* --- set aside -------------------------------------------------------------------------------- */

static void aside_check(struct doctor *doctor, PGconn *records)
{
    PGresult *rows = doctor_ask(doctor, records, &records_sql_doctor_poison, 0, NULL);
    for (int i = 0; rows != NULL && i < PQntuples(rows); i++)
        doctor_find(
            doctor, FINDING_event_poisoned, PQgetvalue(rows, i, 0),
            arena_format(doctor->arena, "%s: %s", PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 2)));
    PQclear(rows);
}

static void partitions_check(struct doctor *doctor, PGconn *records)
{
    PGresult *rows = doctor_ask(doctor, records, &records_sql_doctor_partitions, 0, NULL);
    for (int i = 0; rows != NULL && i < PQntuples(rows); i++)
        doctor_check(doctor, number_at(rows, i, 1) < DOCTOR_AHEAD_MIN, FINDING_partition_short,
                     PQgetvalue(rows, i, 0), text_of(PQgetvalue(rows, i, 1)));
    PQclear(rows);
}

void doctor_logs(struct doctor *doctor, PGconn *records)
{
    moving_check(doctor, records);
    aside_check(doctor, records);
    partitions_check(doctor, records);
}
