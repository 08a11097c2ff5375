/* board and counts. */
#include "reporting_sql.h"
#include "services/reporting/shell.h"

enum board_column { BOARD_LEVEL, BOARD_CODE, BOARD_EXTERNAL, BOARD_STATE, BOARD_ORDERS };
/* grouping(town, squad) of board.sql: a bit is set for what was not grouped by. */
enum board_level { LEVEL_TOWN = 1, LEVEL_SQUAD = 2, LEVEL_WHOLE = 3 };

/* Rows [first, last) are one group: how many wait in each state, and how many of other systems are
 * open. */
static void pack_waiting(struct asking *asking, const struct rows *rows, size_t first, size_t last)
{
    struct pack *pack = asking->pack;
    int64_t waiting = 0, external_open = 0;
    pack_map(pack, "states");
    for (size_t i = first; i < last; i++) {
        if (rows_flag(rows, i, BOARD_EXTERNAL)) {
            external_open += rows_int(rows, i, BOARD_ORDERS);
            continue;
        }
        waiting += rows_int(rows, i, BOARD_ORDERS);
        pack_int(pack, arena_string(asking->arena, rows_text(rows, i, BOARD_STATE)),
                 rows_int(rows, i, BOARD_ORDERS));
    }
    pack_end(pack);
    pack_int(pack, "waiting", waiting);
    pack_int(pack, "external_open", external_open);
}

/* The end of the group that begins at `first`. */
static size_t group_end(const struct rows *rows, size_t first)
{
    size_t last = first + 1;
    while (last < rows_count(rows) &&
           rows_int(rows, last, BOARD_LEVEL) == rows_int(rows, first, BOARD_LEVEL) &&
           text_equal(rows_text(rows, last, BOARD_CODE), rows_text(rows, first, BOARD_CODE)))
        last++;
    return last;
}

static void pack_groups(struct asking *asking, const struct rows *rows, enum board_level level,
                        const char *list, const char *key)
{
    pack_list(asking->pack, list);
    for (size_t first = 0, last; first < rows_count(rows); first = last) {
        last = group_end(rows, first);
        struct text code = rows_text(rows, first, BOARD_CODE);
        /* Orders that wait for no squad are counted by their states alone. */
        if (rows_int(rows, first, BOARD_LEVEL) != (int64_t)level || code.length == 0)
            continue;
        pack_map(asking->pack, NULL);
        asking_pack_organisation(asking, key, code);
        pack_waiting(asking, rows, first, last);
        pack_end(asking->pack);
    }
    pack_end(asking->pack);
}

enum records_outcome answer_board(struct asking *asking)
{
    const struct board *asked = asking->inquiry->query.body;
    struct refusal refusal;
    if (!view_orders(asking->directory, &asking->inquiry->caller, asking->arena, &asking->view,
                     &refusal) ||
        !view_check_organisation(asking->directory, &asking->view, asked->town, "town", &refusal))
        return asking_refuse(asking, refusal);
    struct params *params = asking_params(asking);
    params_text(params, asked->town);
    params_int(params, BOARD_ROWS_MAX);
    const struct rows *rows = records_send(asking->records, &reporting_sql_board, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    size_t whole = 0;
    while (whole < rows_count(rows) && rows_int(rows, whole, BOARD_LEVEL) == LEVEL_WHOLE)
        whole++;
    pack_map(asking->pack, NULL);
    pack_text(asking->pack, "district", asking->view.district);
    pack_waiting(asking, rows, 0, whole);
    pack_groups(asking, rows, LEVEL_TOWN, "towns", "town");
    pack_groups(asking, rows, LEVEL_SQUAD, "squads", "squad");
    if (rows_count(rows) == BOARD_ROWS_MAX)
        pack_flag(asking->pack, "is_cut", true);
    pack_end(asking->pack);
    return asking_done(asking);
}

static const char *const figure_names[] = {
    "orders",        "open",          "closed",          "cancelled", "withdrawn",
    "external",      "external_open", "external_closed", "confirmed", "satisfaction_total",
    "people_served", "joint",         "single",
};
#define FIGURE_COUNT (sizeof figure_names / sizeof *figure_names)
enum counts_column { COUNTS_IS_TOTAL, COUNTS_KEY, COUNTS_FIRST_FIGURE };

static void pack_figures(struct pack *pack, const struct rows *rows, size_t row)
{
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        pack_int(pack, figure_names[i], rows_int(rows, row, COUNTS_FIRST_FIGURE + (int)i));
}

static struct names group_names(const struct asking *asking, enum counts_by by, struct text key)
{
    if (key.length == 0) /* no squad, category or feed */
        return (struct names){TEXT("（无）"), TEXT("(none)")};
    switch (by) {
    case BY_squad:
    case BY_department:
    case BY_town:
    case BY_feed:
        return asking_organisation(asking, key);
    case BY_category:
        return asking_category(asking, key);
    case BY_state: {
        int state = words_find(&words_order_state, key);
        if (state >= 0)
            return (struct names){text_of(words_order_state.zh[state]),
                                  text_of(words_order_state.en[state])};
        break;
    }
    case BY_day:
    case BY_month:
    case BY_quarter:
    case BY_year:
    case BY_COUNT:
        break;
    }
    return (struct names){key, key};
}

static void pack_group(struct asking *asking, enum counts_by by, const struct rows *rows,
                       size_t row)
{
    struct text key = rows_text(rows, row, COUNTS_KEY);
    struct names names = group_names(asking, by, key);
    pack_map(asking->pack, NULL);
    pack_text(asking->pack, "key", key);
    pack_text(asking->pack, "name_zh", names.zh);
    pack_text(asking->pack, "name_en", names.en);
    pack_figures(asking->pack, rows, row);
    pack_end(asking->pack);
}

static bool counts_are_sound(struct asking *asking, const struct counts *asked, enum counts_by *by,
                             struct refusal *refusal)
{
    if (!counts_by_find(asked->by, by, refusal) ||
        !view_orders(asking->directory, &asking->inquiry->caller, asking->arena, &asking->view,
                     refusal) ||
        !view_check_organisation(asking->directory, &asking->view, asked->feed, "feed", refusal))
        return false;
    if (asked->from == INSTANT_ABSENT || asked->to == INSTANT_ABSENT || asked->from < asked->to)
        return true;
    *refusal = refusal_of(REFUSAL_unfit, "to");
    return false;
}

enum records_outcome answer_counts(struct asking *asking)
{
    const struct counts *asked = asking->inquiry->query.body;
    struct refusal refusal;
    enum counts_by by;
    if (!counts_are_sound(asking, asked, &by, &refusal))
        return asking_refuse(asking, refusal);
    const struct district *district = directory_district(asking->directory, asking->view.district);
    struct text zone = district == NULL ? TEXT("UTC") : district->time_zone;
    struct params *params = asking_params(asking);
    params_time(params, asked->from);
    params_time(params, asked->to);
    params_text(params, asked->feed);
    params_text(params, asked->by);
    params_text(params, zone);
    params_int(params, GROUPS_MAX + 1);
    const struct rows *rows = records_send(asking->records, &reporting_sql_counts, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct pack *pack = asking->pack;
    pack_map(pack, NULL);
    pack_text(pack, "district", asking->view.district);
    pack_text(pack, "by", asked->by);
    pack_text(pack, "time_zone", zone);
    pack_time_given(pack, "from", asked->from);
    pack_time_given(pack, "to", asked->to);
    pack_text_given(pack, "feed", asked->feed);
    pack_map(pack, "total"); /* the first row, always there */
    pack_figures(pack, rows, 0);
    pack_end(pack);
    pack_list(pack, "groups");
    for (size_t i = 1; i < rows_count(rows); i++)
        pack_group(asking, by, rows, i);
    pack_end(pack);
    if (rows_count(rows) > GROUPS_MAX)
        pack_flag(pack, "is_cut", true);
    pack_end(pack);
    return asking_done(asking);
}
