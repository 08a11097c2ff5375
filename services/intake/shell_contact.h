/* Contact data: what a batch does to it, what dispatch's events make of it, and the queries about
 * it. */
#ifndef ZTC_INTAKE_SHELL_CONTACT_H
#define ZTC_INTAKE_SHELL_CONTACT_H

#include "runtime/config.h"
#include "runtime/desk.h"
#include "runtime/reader.h"
#include "services/intake/core.h"

/* How far dispatch's log may be ahead of what was applied here for its rest to be searched for an
 * order; past it no contact data is told, and the caller hears `retry`. */
#define CONTACT_BEHIND_MAX 10000

/* What the commands of a batch do to one order's contact data. */
struct contact_change {
    const struct intake_order *order;
    enum intake_contact last;
    struct text name, phone; /* CONTACT_GIVEN */
    bool is_erased;          /* somewhere in the batch, whatever came after */
    struct text erased_by;
    int erased_role; /* enum role */
};
void contact_change_note(struct contact_change *change, const struct intake_decision *decision,
                         const struct caller *caller);
/* Sends what the changes and the batch's events of dispatch make of the tables. */
void contact_send(struct batch *batch, const struct contact_change *changes, size_t count);

/* Forgets what was kept long enough (desk.h). */
void contact_tidy(struct records *records, int64_t now, struct arena *arena);
void contact_configure(const struct config *config);

extern const struct reader_service contact_reader;

#endif
