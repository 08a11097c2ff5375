/* What a file needs in the directory: its district, committee and feed with their keys
 * (--register), and at first sight its towns, departments, squads and categories. */
#ifndef ZTC_CLI_IMPORT_DIRECTORY_H
#define ZTC_CLI_IMPORT_DIRECTORY_H

#include "cli/import_codes.h"
#include "cli/session.h"

enum import_told { IMPORT_TOLD_OK, IMPORT_TOLD_REFUSED, IMPORT_TOLD_NOTHING };

/* Registers the row's facts that are not yet; *refused is the one that may not be. */
enum import_told import_directory_row(struct session *session, const struct import_map *map,
                                      const struct import_row_facts *facts,
                                      const struct import_fact **refused);

/* District, committee, feed and the public keys of both. Complains. */
enum import_told import_directory_register(struct session *operator_session,
                                           const struct import_map *map, const char *feed_public,
                                           const char *committee_public);

#endif
