/* order_show and order_list. */
#include <string.h>

#include "reporting_sql.h"
#include "services/reporting/shell.h"

static void pack_row(struct asking *asking, const struct order_row *row)
{
    struct pack *pack = asking->pack;
    pack_int(pack, "order", row->order);
    pack_int(pack, "version", row->version);
    pack_string(pack, "state", words_name(&words_order_state, row->state));
    pack_string(pack, "state_zh", words_order_state.zh[row->state]);
    pack_string(pack, "state_en", words_order_state.en[row->state]);
    pack_flag(pack, "external", row->external);
    asking_pack_organisation(asking, "place", row->place);
    asking_pack_organisation(asking, "town", row->town);
    asking_pack_organisation(asking, "squad", row->squad);
    asking_pack_organisation(asking, "feed", row->feed);
    pack_text_given(pack, "external_id", row->external_id);
    asking_pack_category(asking, row->category);
    pack_string(pack, "urgency", words_name(&words_urgency, row->urgency));
    pack_text_given(pack, "activity", row->activity);
    pack_time_given(pack, "opened", row->opened);
    pack_time_given(pack, "placed", row->placed);
    pack_time_given(pack, "offered", row->offered);
    pack_time_given(pack, "accepted", row->accepted);
    pack_time_given(pack, "checked_in", row->checked_in);
    pack_time_given(pack, "completed", row->completed);
    pack_time_given(pack, "ended", row->ended);
    pack_time_given(pack, "changed", row->changed);
    if (row->satisfaction > 0)
        pack_int(pack, "satisfaction", row->satisfaction);
    pack_int(pack, "people_served", row->people_served);
}

enum history_column {
    HISTORY_VERSION,
    HISTORY_TYPE,
    HISTORY_TIME,
    HISTORY_RECORDED,
    HISTORY_PRODUCER,
    HISTORY_PART,
    HISTORY_OFFSET,
    HISTORY_BY,
    HISTORY_TRACE,
    HISTORY_BODY
};

/* What the stored bodies say beside the row; one that is of no type known here is left to the
 * reader. */
static struct order_page page_of(const struct rows *history, struct arena *arena)
{
    struct order_page page;
    order_page_clear(&page);
    for (size_t i = 0; i < rows_count(history); i++) {
        int type = event_find(rows_text(history, i, HISTORY_TYPE));
        struct event event = {.body = rows_bytes(history, i, HISTORY_BODY)};
        struct refusal refusal;
        if (type < 0)
            continue;
        event.type = (enum event_type)type;
        if (event_decode_data(&event, arena, &refusal))
            order_page_apply(&page, &event);
    }
    return page;
}

static void pack_codes(struct pack *pack, const char *key, const struct text_list *codes)
{
    if (codes->count == 0)
        return;
    pack_list(pack, key);
    for (size_t i = 0; i < codes->count; i++)
        pack_text(pack, NULL, codes->items[i]);
    pack_end(pack);
}

static void pack_counts(struct asking *asking, const char *key, const struct count_list *counts)
{
    struct pack *pack = asking->pack;
    if (counts->count == 0)
        return;
    pack_map(pack, key);
    for (size_t i = 0; i < counts->count; i++)
        pack_int(pack, arena_string(asking->arena, counts->items[i].name), counts->items[i].value);
    pack_end(pack);
}

static void pack_windows(struct pack *pack, const struct page_assignment *part)
{
    const struct window_list windows =
        part->windows.count > 0 ? part->windows : (struct window_list){&part->first, 1};
    if (part->first.start == INSTANT_ABSENT)
        return;
    pack_list(pack, "windows");
    for (size_t i = 0; i < windows.count; i++) {
        pack_map(pack, NULL);
        pack_time_given(pack, "window_start", windows.items[i].start);
        pack_time_given(pack, "window_end", windows.items[i].end);
        pack_end(pack);
    }
    pack_end(pack);
}

static void pack_assignment(struct asking *asking, const struct page_assignment *part)
{
    struct pack *pack = asking->pack;
    pack_map(pack, NULL);
    pack_int(pack, "assignment", part->assignment);
    pack_int(pack, "seat", part->seat);
    pack_flag(pack, "lead", part->seat == 1);
    pack_flag(pack, "optional", part->optional);
    asking_pack_organisation(asking, "squad", part->squad);
    pack_string(pack, "state", words_name(&words_assignment_state, part->state));
    pack_string(pack, "state_zh", words_assignment_state.zh[part->state]);
    pack_string(pack, "state_en", words_assignment_state.en[part->state]);
    pack_time_given(pack, "respond_by", part->respond_by);
    pack_windows(pack, part);
    if (part->state == ASSIGNMENT_completed)
        pack_int(pack, "people_served", part->people_served);
    pack_text_given(pack, "outcome", part->outcome);
    pack_text_given(pack, "reason", part->reason);
    pack_end(pack);
}

static void pack_assignments(struct asking *asking, const struct order_page *page)
{
    if (page->assignment_count == 0)
        return;
    pack_list(asking->pack, "assignments");
    for (size_t i = 0; i < page->assignment_count; i++)
        pack_assignment(asking, &page->assignments[i]);
    pack_end(asking->pack);
    if (page->assignments_are_cut)
        pack_flag(asking->pack, "assignments_are_cut", true);
}

static void pack_page(struct asking *asking, const struct order_page *page, bool external)
{
    struct pack *pack = asking->pack;
    pack_text_given(pack, "need", page->need);
    if (!external)
        pack_string(pack, "mode", words_name(&words_mode, page->mode));
    pack_codes(pack, "squads_wanted", &page->squads);
    pack_codes(pack, "squads_required", &page->required);
    pack_codes(pack, "squads_optional", &page->optional);
    pack_time_given(pack, "window_start", page->window_start);
    pack_time_given(pack, "window_end", page->window_end);
    if (page->expected_people > 0)
        pack_int(pack, "expected_people", page->expected_people);
    pack_text_given(pack, "note", page->note);
    if (page->assignment > 0)
        pack_int(pack, "assignment", page->assignment);
    pack_time_given(pack, "respond_by", page->respond_by);
    pack_time_given(pack, "booked_start", page->booked_start);
    pack_time_given(pack, "booked_end", page->booked_end);
    pack_text_given(pack, "outcome", page->outcome);
    pack_counts(asking, "items", &page->items);
    pack_text_given(pack, "reason", page->reason);
    pack_text_given(pack, "comment", page->comment);
    pack_assignments(asking, page);
}

static void pack_resolutions(struct asking *asking, const struct resolution_list *resolutions)
{
    struct pack *pack = asking->pack;
    if (resolutions->count == 0)
        return;
    pack_list(pack, "resolutions");
    for (size_t i = 0; i < resolutions->count; i++) {
        pack_map(pack, NULL);
        pack_text(pack, "text", resolutions->items[i].text);
        asking_pack_organisation(asking, "owner", resolutions->items[i].owner);
        pack_text(pack, "due", resolutions->items[i].due);
        pack_end(pack);
    }
    pack_end(pack);
}

static void pack_session(struct asking *asking, const struct session_held *session)
{
    struct pack *pack = asking->pack;
    pack_map(pack, NULL);
    pack_int(pack, "session", session->session);
    pack_string(pack, "kind", words_name(&words_session_kind, session->kind));
    pack_string(pack, "kind_zh", words_session_kind.zh[session->kind]);
    pack_string(pack, "kind_en", words_session_kind.en[session->kind]);
    pack_codes(pack, "squads", &session->squads);
    pack_time_given(pack, "started", session->started);
    pack_time_given(pack, "ended", session->ended);
    pack_int(pack, "people_served", session->people_served);
    pack_counts(asking, "items", &session->items);
    pack_int(pack, "viewers", session->viewers);
    pack_int(pack, "minutes", session->minutes);
    pack_int(pack, "issues_found", session->issues_found);
    pack_resolutions(asking, &session->resolutions);
    pack_end(pack);
}

static void pack_sessions(struct asking *asking, const struct rows *sessions)
{
    if (rows_count(sessions) == 0)
        return;
    pack_list(asking->pack, "sessions");
    for (size_t i = 0; i < rows_count(sessions); i++) {
        struct session_held session;
        struct refusal refusal;
        if (message_decode(&event_types[EVENT_session_held], rows_bytes(sessions, i, 0),
                           asking->arena, &session, &refusal))
            pack_session(asking, &session);
    }
    pack_end(asking->pack);
}

static void pack_event(struct asking *asking, const struct rows *history, size_t row)
{
    struct pack *pack = asking->pack;
    struct text type = rows_text(history, row, HISTORY_TYPE);
    int number = event_find(type);
    pack_map(pack, NULL);
    pack_int(pack, "version", rows_int(history, row, HISTORY_VERSION));
    pack_text(pack, "type", type);
    if (number >= 0) {
        pack_string(pack, "type_zh", event_types[number].zh);
        pack_string(pack, "type_en", event_types[number].en);
    }
    pack_time_given(pack, "time", rows_time(history, row, HISTORY_TIME));
    pack_time_given(pack, "recorded", rows_time(history, row, HISTORY_RECORDED));
    pack_text(pack, "producer", rows_text(history, row, HISTORY_PRODUCER));
    pack_int(pack, "part", rows_int(history, row, HISTORY_PART));
    pack_int(pack, "offset", rows_int(history, row, HISTORY_OFFSET));
    asking_pack_organisation(asking, "by", rows_text(history, row, HISTORY_BY));
    pack_text_given(pack, "trace", rows_text(history, row, HISTORY_TRACE));
    pack_object(pack, "data", rows_bytes(history, row, HISTORY_BODY));
    pack_end(pack);
}

static void pack_history(struct asking *asking, const struct rows *history)
{
    struct pack *pack = asking->pack;
    size_t begin = pack_length(pack), shown = 0;
    pack_list(pack, "history");
    while (shown < rows_count(history) && pack_length(pack) - begin < HISTORY_BYTES_MAX)
        pack_event(asking, history, shown++);
    pack_end(pack);
    if (shown < rows_count(history) || rows_count(history) == HISTORY_MAX)
        pack_flag(pack, "history_is_cut", true);
}

static enum records_outcome show_order(struct asking *asking, int64_t order)
{
    struct params *key = params_new(asking->arena);
    params_text(key, asking->view.district);
    params_int(key, order);
    struct params *asked = params_new(asking->arena);
    params_text(asked, asking->view.district);
    params_int(asked, order);
    params_texts(asked, asking->view.codes, asking->view.count);
    struct params *past = params_new(asking->arena);
    params_text(past, asking->view.district);
    params_int(past, order);
    params_int(past, HISTORY_MAX);
    const struct rows *found = records_send(asking->records, &reporting_sql_order_find, key);
    const struct rows *squads = records_send(asking->records, &reporting_sql_order_asked, asked);
    const struct rows *history = records_send(asking->records, &reporting_sql_order_history, past);
    struct params *of_order = params_new(asking->arena);
    params_text(of_order, asking->view.district);
    params_int(of_order, order);
    params_int(of_order, SESSIONS_MAX);
    const struct rows *sessions =
        records_send(asking->records, &reporting_sql_order_sessions, of_order);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    if (rows_count(found) == 0)
        return asking_refuse(asking, refusal_of(REFUSAL_unknown_order, "order"));
    struct order_row row;
    order_row_read(&row, found, 0);
    if (!view_shows(&asking->view, &row, rows_count(squads) > 0))
        return asking_refuse(asking, refusal_of(REFUSAL_not_yours, "order"));
    struct order_page page = page_of(history, asking->arena);
    pack_map(asking->pack, NULL);
    pack_text(asking->pack, "district", row.district);
    pack_row(asking, &row);
    asking_pack_organisation(asking, "department", rows_text(found, 0, COLUMN_department));
    pack_page(asking, &page, row.external);
    pack_sessions(asking, sessions);
    pack_history(asking, history);
    pack_end(asking->pack);
    return asking_done(asking);
}

/* The number of the order that a feed knows by its own id; 0: there is none. */
static enum records_outcome resolve(struct asking *asking, struct text feed,
                                    struct text external_id, int64_t *order)
{
    struct params *params = params_new(asking->arena);
    params_text(params, asking->view.district);
    params_text(params, feed);
    params_text(params, external_id);
    const struct rows *rows = records_send(asking->records, &reporting_sql_order_resolve, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome == RECORDS_OK)
        *order = rows_count(rows) == 0 ? 0 : rows_int(rows, 0, 0);
    return outcome;
}

enum records_outcome answer_order_show(struct asking *asking)
{
    const struct order_show *asked = asking->inquiry->query.body;
    const struct caller *caller = &asking->inquiry->caller;
    struct refusal refusal;
    if (!view_orders(asking->directory, caller, asking->arena, &asking->view, &refusal))
        return asking_refuse(asking, refusal);
    if (asked->order > 0)
        return show_order(asking, asked->order);
    if (asked->external_id.length == 0)
        return asking_refuse(asking, refusal_of(REFUSAL_missing_field, "order"));
    struct text feed = asked->feed;
    if (feed.length == 0 && asking->view.kind == VIEW_feed)
        feed = asking->view.code;
    if (feed.length == 0)
        return asking_refuse(asking, refusal_of(REFUSAL_missing_field, "feed"));
    if (asking->view.kind == VIEW_feed && !text_equal(feed, asking->view.code))
        return asking_refuse(asking, refusal_of(REFUSAL_not_yours, "feed"));
    int64_t order = 0;
    enum records_outcome outcome = resolve(asking, feed, asked->external_id, &order);
    if (outcome != RECORDS_OK)
        return outcome;
    if (order == 0)
        return asking_refuse(asking, refusal_of(REFUSAL_unknown_order, "external_id"));
    return show_order(asking, order);
}

static bool list_is_sound(struct asking *asking, const struct order_list *asked,
                          struct refusal *refusal)
{
    const struct directory *directory = asking->directory;
    return view_orders(directory, &asking->inquiry->caller, asking->arena, &asking->view,
                       refusal) &&
           view_check_squad(directory, asking->view.district, asked->squad, refusal) &&
           view_check_organisation(directory, &asking->view, asked->town, "town", refusal) &&
           view_check_organisation(directory, &asking->view, asked->place, "place", refusal);
}

enum records_outcome answer_order_list(struct asking *asking)
{
    const struct order_list *asked = asking->inquiry->query.body;
    struct refusal refusal;
    if (!list_is_sound(asking, asked, &refusal))
        return asking_refuse(asking, refusal);
    struct params *params = asking_params(asking);
    params_text(params, asked->state == ORDER_none
                            ? TEXT("")
                            : text_of(words_name(&words_order_state, asked->state)));
    params_text(params, asked->squad);
    params_text(params, asked->town);
    params_text(params, asked->place);
    params_int(params, asked->before > 0 ? asked->before : INT64_MAX);
    params_int(params, asked->limit);
    const struct rows *rows = records_send(asking->records, &reporting_sql_order_list, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    size_t count = rows_count(rows);
    struct order_row row;
    pack_map(asking->pack, NULL);
    pack_list(asking->pack, "orders");
    for (size_t i = 0; i < count; i++) {
        order_row_read(&row, rows, i);
        pack_map(asking->pack, NULL);
        pack_row(asking, &row);
        pack_end(asking->pack);
    }
    pack_end(asking->pack);
    if (count > 0 && (int64_t)count == asked->limit)
        pack_int(asking->pack, "next", row.order);
    pack_end(asking->pack);
    return asking_done(asking);
}
