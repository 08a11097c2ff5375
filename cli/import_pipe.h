/* Rows on their way through the feed: each opens an order and, when its case is closed, closes it
 * once the opening was answered. Rows are settled in the order of the file: counted, put into the
 * rejects, and passed by the resume file. */
#ifndef ZTC_CLI_IMPORT_PIPE_H
#define ZTC_CLI_IMPORT_PIPE_H

#include <stdio.h>

#include "cli/import_codes.h"
#include "cli/import_resume.h"
#include "cli/session.h"

struct import_pipe_settings {
    const struct import_map *map;
    struct session *feed;        /* NULL: a rehearsal, nothing is sent */
    const char *rejects_path;    /* opened with the first reject */
    const char *resume_path;     /* NULL: none */
    struct import_resume resume; /* where to begin: run and header set, line 0 for a fresh run */
};

struct import_pipe;
struct import_work;

struct import_pipe *import_pipe_new(const struct import_pipe_settings *settings);
/* Forgets what is not settled. False: the rejects could not be written. */
bool import_pipe_destroy(struct import_pipe **pipe);

/* Takes a row in; each is then sent, rejected or dropped. The raw row is copied. May wait for
 * others to be settled. */
struct import_work *import_pipe_take(struct import_pipe *pipe, const struct csv_row *cells);
struct arena *import_work_arena(struct import_work *work); /* lives until the work is settled */

void import_pipe_send(struct import_pipe *pipe, struct import_work *work,
                      const struct import_row *row, const struct import_row_facts *facts);
void import_pipe_reject(struct import_pipe *pipe, struct import_work *work, struct text id,
                        const char *code, const char *field, const char *reason);
/* The last one taken, not settled ever: the import stops before it. */
void import_pipe_drop(struct import_pipe *pipe, struct import_work *work);

void import_pipe_drain(struct import_pipe *pipe);
/* Writes the resume file: at most once a second unless `now`. False: errno says why. */
bool import_pipe_save(struct import_pipe *pipe, bool now);

/* An order was not answered for so long that the import must stop. */
bool import_pipe_is_broken(const struct import_pipe *pipe);
const struct import_totals *import_pipe_totals(const struct import_pipe *pipe);

#endif
