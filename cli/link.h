/* From settings to sessions: who calls, where to, how long; the common options of all verbs that
 * connect. */
#ifndef ZTC_CLI_LINK_H
#define ZTC_CLI_LINK_H

#include "cli/options.h"
#include "cli/session.h"

#define LINK_TIMEOUT_MS        30000
#define LINK_IMPORT_TIMEOUT_MS 300000

/* What the common options say; zero-initialise by link_defaults(). */
struct link_options {
    const char *env_file;
    const char *key_file;
    const char *role;
    const char *zone;
    int64_t timeout_s;
    bool json;
    bool verbose;
};

#define LINK_ROW_COUNT 8 /* with the end */
/* Fills the rows that put their values into `link`. */
void link_rows(struct link_options *link, struct option_row rows[LINK_ROW_COUNT]);

/* After parsing: reads the environment file and settles the zone. False: complained. */
bool link_settle(struct link_options *link);
struct text link_zone(const struct link_options *link);

enum link_face { LINK_FEED, LINK_QUERY };

/* The secret certificate that --key, --as, ZTC_KEY or the fallback role name; NULL: complained. */
const char *link_key(const struct link_options *link, const char *fallback_role);

/* Connects; NULL: complained. */
struct session *link_open(const struct link_options *link, enum link_face face, const char *key,
                          size_t in_flight);

/* Exit code of an answer. */
int link_exit(const struct answer *answer);

#endif
