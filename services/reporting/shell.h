/* Reporting as a service: the desk's and the reader's tables of what it does, and what its shell
 * files share. */
#ifndef ZTC_REPORTING_SHELL_H
#define ZTC_REPORTING_SHELL_H

#include "events/pack.h"
#include "runtime/service.h"
#include "services/reporting/core_view.h"

extern const struct service_definition reporting_definition;

#define HISTORY_MAX       500               /* events shown on an order's page */
#define HISTORY_BYTES_MAX (2 * 1024 * 1024) /* and bytes of them */
#define GROUPS_MAX        5000              /* groups of counts */
#define BOARD_ROWS_MAX    20000             /* (town or squad) × state */
#define SESSIONS_MAX      100               /* sessions on an order's page */
#define STARS_MAX         2000              /* squads of a quarter */
#define COUNTED_MAX       1000              /* counted events shown with one squad's stars */

/* Columns of an order's row, the same in orders_read.sql, order_find.sql and order_list.sql. */
enum order_column {
    COLUMN_district,
    COLUMN_order,
    COLUMN_version,
    COLUMN_state,
    COLUMN_external,
    COLUMN_place,
    COLUMN_town,
    COLUMN_feed,
    COLUMN_external_id,
    COLUMN_category,
    COLUMN_urgency,
    COLUMN_activity,
    COLUMN_squad,
    COLUMN_squad_recorded,
    COLUMN_opened,
    COLUMN_placed,
    COLUMN_offered,
    COLUMN_accepted,
    COLUMN_checked_in,
    COLUMN_completed,
    COLUMN_ended,
    COLUMN_changed,
    COLUMN_satisfaction,
    COLUMN_people_served,
    COLUMN_department /* order_find.sql only */
};
/* Texts are the records', until they are cleared. */
void order_row_read(struct order_row *row, const struct rows *rows, size_t number);

/* One query being answered. */
struct asking {
    struct records *records;
    const struct directory *directory;
    struct inquiry *inquiry;
    struct arena *arena;
    struct view view;
    struct pack *pack;
};

/* Ends the query with a refusal. */
enum records_outcome asking_refuse(struct asking *asking, struct refusal refusal);
/* Ends the answer: what was packed is its body. */
enum records_outcome asking_done(struct asking *asking);
/* The first parameters of every statement that is restricted to a view: $1 to $4. */
struct params *asking_params(struct asking *asking);

/* What a code is called; the code itself when the directory does not have it. */
struct names {
    struct text zh, en;
};
struct names asking_organisation(const struct asking *asking, struct text code);
struct names asking_category(const struct asking *asking, struct text code);
/* A code with its names, as KEY, KEY_zh and KEY_en; nothing when the code is empty. */
void asking_pack_organisation(struct asking *asking, const char *key, struct text code);
void asking_pack_category(struct asking *asking, struct text code);

enum records_outcome answer_order_show(struct asking *asking);
enum records_outcome answer_order_list(struct asking *asking);
enum records_outcome answer_board(struct asking *asking);
enum records_outcome answer_counts(struct asking *asking);
enum records_outcome answer_stars(struct asking *asking);
enum records_outcome answer_directory_list(struct asking *asking);
enum records_outcome answer_key_list(struct asking *asking);
enum records_outcome answer_event_list(struct asking *asking);

#endif
