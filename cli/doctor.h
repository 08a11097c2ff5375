/* What ztc doctor looks at, and what it found. Each part looks at one thing and changes nothing. */
#ifndef ZTC_CLI_DOCTOR_H
#define ZTC_CLI_DOCTOR_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "cli/link.h"
#include "records/statement.h"

enum severity {
#define SEVERITY(name, zh, en) SEVERITY_##name,
#include "cli/severity.def"
#undef SEVERITY
    SEVERITY_COUNT
};

enum finding {
#define FINDING(name, severity, zh, en, do_zh, do_en) FINDING_##name,
#include "cli/finding.def"
#undef FINDING
    FINDING_COUNT
};

#define DOCTOR_WAIT_MS     2000  /* for one answer of anything */
#define DOCTOR_LOOK_MS     5000  /* how long what should move is looked at */
#define DOCTOR_PAUSE_MS    250   /* between two looks */
#define DOCTOR_SKEW_MS     2000  /* of clocks; HTTP tells seconds only */
#define DOCTOR_BACKLOG_MAX 10000 /* events */
#define DOCTOR_LONG_S      60    /* of a transaction, by default */
#define DOCTOR_AHEAD_MIN   100000
#define DOCTOR_FREE_MIN_PC 5 /* of the disk, per cent */

struct doctor {
    const struct link_options *link;
    int64_t long_s; /* what counts as long */
    struct arena *arena;
    struct found *found;
    size_t found_count, found_room;
    size_t checks; /* made so far */
    int counts[SEVERITY_COUNT];
};

/* Adds a finding about something ("intake", "ZTC_REDIS"), with what was seen; empty: nothing to
 * add.
 */
void doctor_find(struct doctor *doctor, enum finding finding, const char *about, struct text seen);
/* doctor_find when `wrong`; counts the check either way. */
void doctor_check(struct doctor *doctor, bool wrong, enum finding finding, const char *about,
                  struct text seen);
/* The variable's value, or NULL with setting_missing found. */
const char *doctor_setting(struct doctor *doctor, const char *name);
void doctor_pause(void);
/* doctor->long_s in milliseconds, as a statement takes it. */
const char *doctor_long_ms(struct doctor *doctor);

void doctor_services(struct doctor *doctor); /* HTTP of each service, and the face for queries */
void doctor_records(struct doctor *doctor);  /* PostgreSQL as a server, its roles and migrations */
void doctor_logs(struct doctor *doctor, PGconn *records); /* leases, backlogs, what is set aside */
void doctor_live(struct doctor *doctor, PGconn *records); /* Redis */
void doctor_keys(struct doctor *doctor, PGconn *records);

/* Runs a statement without parameters, or with texts; NULL: records_unreadable was found. */
PGresult *doctor_ask(struct doctor *doctor, PGconn *records, const struct statement *statement,
                     int count, const char *const *values);

#endif
