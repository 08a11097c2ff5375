/* Who may see what (product.md §2). Pure. Always the caller's own district only:
 *
 *   committee, operator of the district   all its orders
 *   town                                  the orders it places
 *   village, site                         its own orders; a village also those of sites it enters
 * for squad, department                     orders ever offered or attributed to it, or to one of
 * its squads feed                                  the orders it sent resident, surveyor no orders;
 * the stars and the directory operator of the whole deployment      nothing of business
 */
#ifndef ZTC_REPORTING_CORE_VIEW_H
#define ZTC_REPORTING_CORE_VIEW_H

#include "base/arena.h"
#include "domain/directory.h"
#include "services/reporting/core.h"

enum view_kind { VIEW_all, VIEW_town, VIEW_feed, VIEW_place, VIEW_squad };

/* What is passed to SQL: `kind` by name, `code` for town and feed, `codes` for place and squad. */
struct view {
    enum view_kind kind;
    struct text district;
    struct text code;
    const struct text *codes;
    size_t count;
};
const char *view_name(enum view_kind kind);

/* The district whose stars and directory the caller may see; false: of the whole deployment, none.
 */
bool view_district(const struct caller *caller, struct refusal *refusal);
/* The orders that the caller may see. */
bool view_orders(const struct directory *directory, const struct caller *caller,
                 struct arena *arena, struct view *view, struct refusal *refusal);
/* Whether one order is among them; `was_asked`: one of the view's squads was asked to serve it. */
bool view_shows(const struct view *view, const struct order_row *row, bool was_asked);

/* Codes that a query names must be in the directory; empty ones are not named. */
bool view_check_organisation(const struct directory *directory, const struct view *view,
                             struct text code, const char *field, struct refusal *refusal);
bool view_check_squad(const struct directory *directory, struct text district, struct text code,
                      struct refusal *refusal);

/* What counts may be counted by. */
enum counts_by {
    BY_squad,
    BY_department,
    BY_town,
    BY_category,
    BY_state,
    BY_day,
    BY_month,
    BY_quarter,
    BY_year,
    BY_feed,
    BY_COUNT
};
/* False: unknown_word. */
bool counts_by_find(struct text name, enum counts_by *by, struct refusal *refusal);

#endif
