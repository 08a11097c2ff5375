/* The desk's side: events into projections. */
#include "services/reporting/shell.h"

#include <stdlib.h>

#include "base/memo.h"
#include "events/parties.h"
#include "reporting_sql.h"

/* Rows that are remembered from one batch to the next: of a life's events nearly all come soon
 * after one another. */
#define MEMO_ROWS  16384
#define MEMO_BYTES (8 << 20)

struct applied {
    const struct event *event;
    struct parties parties;
};
struct shell {
    struct memo *memo; /* orders' rows as committed; made when the lease is gained */
    /* of the present batch, in its arena */
    struct shelf *shelf;
    const struct rows *loaded; /* NULL: no row was asked for */
    struct applied *orders;    /* events of orders, in order of applying */
    size_t order_count;
    const struct event **scores; /* score_counted */
    size_t score_count;
    const struct event **ratings; /* squad_rated */
    size_t rating_count;
    const struct event **squads; /* organisation_registered of squads */
    size_t squad_count;
    const struct event **sessions; /* session_held */
    size_t session_count;
};
static struct shell shell;

void order_row_read(struct order_row *row, const struct rows *rows, size_t number)
{
    *row = (struct order_row){
        .district = rows_text(rows, number, COLUMN_district),
        .order = rows_int(rows, number, COLUMN_order),
        .version = rows_int(rows, number, COLUMN_version),
        .state = words_find(&words_order_state, rows_text(rows, number, COLUMN_state)),
        .external = rows_flag(rows, number, COLUMN_external),
        .place = rows_text(rows, number, COLUMN_place),
        .town = rows_text(rows, number, COLUMN_town),
        .feed = rows_text(rows, number, COLUMN_feed),
        .external_id = rows_text(rows, number, COLUMN_external_id),
        .category = rows_text(rows, number, COLUMN_category),
        .urgency = words_find(&words_urgency, rows_text(rows, number, COLUMN_urgency)),
        .activity = rows_text(rows, number, COLUMN_activity),
        .squad = rows_text(rows, number, COLUMN_squad),
        .squad_recorded = rows_time(rows, number, COLUMN_squad_recorded),
        .opened = rows_time(rows, number, COLUMN_opened),
        .placed = rows_time(rows, number, COLUMN_placed),
        .offered = rows_time(rows, number, COLUMN_offered),
        .accepted = rows_time(rows, number, COLUMN_accepted),
        .checked_in = rows_time(rows, number, COLUMN_checked_in),
        .completed = rows_time(rows, number, COLUMN_completed),
        .ended = rows_time(rows, number, COLUMN_ended),
        .changed = rows_time(rows, number, COLUMN_changed),
        .satisfaction = rows_int(rows, number, COLUMN_satisfaction),
        .people_served = rows_int(rows, number, COLUMN_people_served),
    };
}

/* Puts each event with its kind. An order of which the first event is here is new: it need not be
 * looked for. */
static void sort_events(struct shell *self, struct batch *batch)
{
    self->orders = arena_array(batch->arena, batch->count + 1, sizeof *self->orders);
    self->scores = arena_array(batch->arena, batch->count + 1, sizeof *self->scores);
    self->ratings = arena_array(batch->arena, batch->count + 1, sizeof *self->ratings);
    self->squads = arena_array(batch->arena, batch->count + 1, sizeof *self->squads);
    self->sessions = arena_array(batch->arena, batch->count + 1, sizeof *self->sessions);
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = &batch->inputs[i]->event;
        struct applied *applied = &self->orders[self->order_count];
        if (batch->inputs[i]->kind != INPUT_EVENT)
            continue;
        if (event_parties(event, &applied->parties)) {
            applied->event = event;
            self->order_count++;
        } else if (event->type == EVENT_score_counted) {
            self->scores[self->score_count++] = event;
        } else if (event->type == EVENT_squad_rated) {
            self->ratings[self->rating_count++] = event;
        } else if (event->type == EVENT_session_held) {
            self->sessions[self->session_count++] = event;
        } else if (event->type == EVENT_organisation_registered &&
                   ((const struct organisation_registered *)event->data)->kind == KIND_squad) {
            self->squads[self->squad_count++] = event;
        }
    }
}

static bool remembered(struct shell *self, struct order_row *row, struct arena *arena)
{
    struct bytes packed;
    if (!memo_get(self->memo, row->district, row->order, arena, &packed))
        return false;
    order_row_unpack(row, packed);
    return true;
}

static void reporting_load(void *state, struct batch *batch)
{
    struct shell *self = state;
    *self = (struct shell){.memo = self->memo, .shelf = shelf_new(batch->arena)};
    sort_events(self, batch);
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *order = params_column(params, COLUMN_INT8);
    size_t wanted = 0;
    for (size_t i = 0; i < self->order_count; i++) {
        const struct applied *applied = &self->orders[i];
        struct shelf_row *row =
            shelf_order(self->shelf, applied->event->district, applied->parties.order);
        if (row->is_touched)
            continue;
        row->is_touched = true;
        bool wants_row = applied->event->version > 1;
        if (wants_row)
            row->is_stored = remembered(self, &row->row, batch->arena);
        if (!wants_row || row->is_stored)
            continue;
        column_text(district, applied->event->district);
        column_int(order, applied->parties.order);
        wanted++;
    }
    if (wanted > 0)
        self->loaded = records_send(batch->records, &reporting_sql_orders_read, params);
}

static void reporting_decide(void *state, struct batch *batch)
{
    struct shell *self = state;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->inputs[i]->kind == INPUT_COMMAND)
            batch_refuse(batch->inputs[i], refusal_of(REFUSAL_unknown_type, "type"));
    for (size_t i = 0; self->loaded != NULL && i < rows_count(self->loaded); i++) {
        struct order_row row;
        order_row_read(&row, self->loaded, i);
        struct shelf_row *shelved = shelf_order(self->shelf, row.district, row.order);
        shelved->row = row;
        shelved->is_stored = true;
    }
    for (size_t i = 0; i < self->order_count; i++) {
        const struct applied *applied = &self->orders[i];
        struct shelf_row *row =
            shelf_order(self->shelf, applied->event->district, applied->parties.order);
        row->is_rewished |= order_row_apply(&row->row, applied->event);
    }
}

static struct text state_text(const struct order_row *row)
{
    return text_of(words_name(&words_order_state, row->state));
}

static struct text urgency_text(const struct order_row *row)
{
    return text_of(words_name(&words_urgency, row->urgency));
}

static void send_new(struct shell *self, struct batch *batch)
{
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *order = params_column(p, COLUMN_INT8);
    struct column *version = params_column(p, COLUMN_INT8), *status = params_column(p, COLUMN_TEXT);
    struct column *external = params_column(p, COLUMN_BOOL);
    struct column *place = params_column(p, COLUMN_TEXT), *town = params_column(p, COLUMN_TEXT);
    struct column *feed = params_column(p, COLUMN_TEXT);
    struct column *external_id = params_column(p, COLUMN_TEXT);
    struct column *category = params_column(p, COLUMN_TEXT);
    struct column *urgency = params_column(p, COLUMN_TEXT);
    struct column *activity = params_column(p, COLUMN_TEXT);
    struct column *squad = params_column(p, COLUMN_TEXT);
    struct column *times[9];
    for (int t = 0; t < 9; t++)
        times[t] = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *satisfaction = params_column(p, COLUMN_INT4);
    struct column *people_served = params_column(p, COLUMN_INT8);
    struct shelf_row *const *rows;
    size_t count = shelf_rows(self->shelf, &rows), sent = 0;
    for (size_t i = 0; i < count; i++) {
        const struct order_row *row = &rows[i]->row;
        if (rows[i]->is_stored)
            continue;
        column_text(district, row->district);
        column_int(order, row->order);
        column_int(version, row->version);
        column_text(status, state_text(row));
        column_flag(external, row->external);
        column_text(place, row->place);
        column_text(town, row->town);
        column_text(feed, row->feed);
        column_text(external_id, row->external_id);
        column_text(category, row->category);
        column_text(urgency, urgency_text(row));
        column_text(activity, row->activity);
        column_text(squad, row->squad);
        const int64_t values[9] = {row->squad_recorded, row->opened,   row->placed,
                                   row->offered,        row->accepted, row->checked_in,
                                   row->completed,      row->ended,    row->changed};
        for (int t = 0; t < 9; t++)
            column_time(times[t], values[t]);
        column_int(satisfaction, row->satisfaction);
        column_int(people_served, row->people_served);
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &reporting_sql_orders_insert, p);
}

static void send_moved(struct shell *self, struct batch *batch)
{
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *order = params_column(p, COLUMN_INT8);
    struct column *version = params_column(p, COLUMN_INT8), *status = params_column(p, COLUMN_TEXT);
    struct column *squad = params_column(p, COLUMN_TEXT);
    struct column *times[8];
    for (int t = 0; t < 8; t++)
        times[t] = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *satisfaction = params_column(p, COLUMN_INT4);
    struct column *people_served = params_column(p, COLUMN_INT8);
    struct shelf_row *const *rows;
    size_t count = shelf_rows(self->shelf, &rows), sent = 0;
    for (size_t i = 0; i < count; i++) {
        const struct order_row *row = &rows[i]->row;
        if (!rows[i]->is_stored)
            continue;
        column_text(district, row->district);
        column_int(order, row->order);
        column_int(version, row->version);
        column_text(status, state_text(row));
        column_text(squad, row->squad);
        const int64_t values[8] = {row->squad_recorded, row->placed,    row->offered, row->accepted,
                                   row->checked_in,     row->completed, row->ended,   row->changed};
        for (int t = 0; t < 8; t++)
            column_time(times[t], values[t]);
        column_int(satisfaction, row->satisfaction);
        column_int(people_served, row->people_served);
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &reporting_sql_orders_update, p);
}

static void send_rewished(struct shell *self, struct batch *batch)
{
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *order = params_column(p, COLUMN_INT8);
    struct column *town = params_column(p, COLUMN_TEXT);
    struct column *category = params_column(p, COLUMN_TEXT);
    struct column *urgency = params_column(p, COLUMN_TEXT);
    struct column *activity = params_column(p, COLUMN_TEXT);
    struct shelf_row *const *rows;
    size_t count = shelf_rows(self->shelf, &rows), sent = 0;
    for (size_t i = 0; i < count; i++) {
        const struct order_row *row = &rows[i]->row;
        if (!rows[i]->is_stored || !rows[i]->is_rewished)
            continue;
        column_text(district, row->district);
        column_int(order, row->order);
        column_text(town, row->town);
        column_text(category, row->category);
        column_text(urgency, urgency_text(row));
        column_text(activity, row->activity);
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &reporting_sql_orders_rewish, p);
}

static void send_history(struct shell *self, struct batch *batch)
{
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *order = params_column(p, COLUMN_INT8);
    struct column *version = params_column(p, COLUMN_INT8), *type = params_column(p, COLUMN_TEXT);
    struct column *time = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *recorded = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *producer = params_column(p, COLUMN_TEXT), *part = params_column(p, COLUMN_INT4);
    struct column *offset = params_column(p, COLUMN_INT8), *by = params_column(p, COLUMN_TEXT);
    struct column *trace = params_column(p, COLUMN_TEXT), *body = params_column(p, COLUMN_BYTEA);
    for (size_t i = 0; i < self->order_count; i++) {
        const struct event *event = self->orders[i].event;
        column_text(district, event->district);
        column_int(order, self->orders[i].parties.order);
        column_int(version, event->version);
        column_text(type, text_of(event_types[event->type].name));
        column_time(time, event->time);
        column_time(recorded, event->recorded);
        column_text(producer, text_of(words_name(&words_service, event->producer)));
        column_int(part, event->part);
        column_int(offset, event->offset);
        column_text(by, self->orders[i].parties.by);
        column_text(trace, event->traceparent);
        column_bytes(body, event->body);
    }
    if (self->order_count > 0)
        records_send(batch->records, &reporting_sql_history_insert, p);
}

static void send_asked(struct shell *self, struct batch *batch)
{
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *squad = params_column(p, COLUMN_TEXT);
    struct column *order = params_column(p, COLUMN_INT8);
    size_t sent = 0;
    for (size_t i = 0; i < self->order_count; i++) {
        struct text asked = event_asks(self->orders[i].event);
        if (asked.length == 0)
            continue;
        column_text(district, self->orders[i].event->district);
        column_text(squad, asked);
        column_int(order, self->orders[i].parties.order);
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &reporting_sql_asked_insert, p);
}

static void send_squads(struct shell *self, struct batch *batch)
{
    if (self->squad_count == 0)
        return;
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *squad = params_column(p, COLUMN_TEXT);
    struct column *version = params_column(p, COLUMN_INT8);
    struct column *recorded = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *department = params_column(p, COLUMN_TEXT);
    for (size_t i = 0; i < self->squad_count; i++) {
        const struct event *event = self->squads[i];
        const struct organisation_registered *fact = event->data;
        column_text(district, event->district);
        column_text(squad, fact->code);
        column_int(version, event->version);
        column_time(recorded, event->recorded);
        column_text(department, fact->parent);
    }
    records_send(batch->records, &reporting_sql_squad_department_insert, p);
}

static void send_scores(struct shell *self, struct batch *batch)
{
    if (self->score_count == 0)
        return;
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *squad = params_column(p, COLUMN_TEXT);
    struct column *quarter = params_column(p, COLUMN_TEXT);
    struct column *offset = params_column(p, COLUMN_INT8), *order = params_column(p, COLUMN_INT8);
    struct column *place = params_column(p, COLUMN_TEXT);
    struct column *satisfaction = params_column(p, COLUMN_INT4);
    struct column *time = params_column(p, COLUMN_TIMESTAMPTZ);
    for (size_t i = 0; i < self->score_count; i++) {
        const struct event *event = self->scores[i];
        const struct score_counted *score = event->data;
        column_text(district, event->district);
        column_text(squad, score->squad);
        column_text(quarter, score->quarter);
        column_int(offset, score->offset);
        column_int(order, score->order);
        column_text(place, score->place);
        column_int(satisfaction, score->satisfaction);
        column_time(time, event->time);
    }
    records_send(batch->records, &reporting_sql_counted_insert, p);
}

static int rating_compare(const void *a, const void *b)
{
    const struct event *left = *(const struct event *const *)a;
    const struct event *right = *(const struct event *const *)b;
    int order = text_compare(left->district, right->district);
    if (order == 0)
        order = text_compare(left->key, right->key);
    if (order == 0)
        order = left->version < right->version ? -1 : left->version > right->version;
    return order;
}

/* Only the last word on each squad's quarter is kept: one row may not be written twice in a
 * statement. */
static bool rating_is_last(const struct event *event, const struct event *next)
{
    return !text_equal(next->key, event->key) || !text_equal(next->district, event->district);
}

static void send_ratings(struct shell *self, struct batch *batch)
{
    if (self->rating_count == 0)
        return;
    qsort(self->ratings, self->rating_count, sizeof *self->ratings, rating_compare);
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT);
    struct column *quarter = params_column(p, COLUMN_TEXT), *squad = params_column(p, COLUMN_TEXT);
    struct column *version = params_column(p, COLUMN_INT8), *scheme = params_column(p, COLUMN_TEXT);
    struct column *stars = params_column(p, COLUMN_INT4), *counted = params_column(p, COLUMN_INT8);
    struct column *total = params_column(p, COLUMN_INT8);
    struct column *rated = params_column(p, COLUMN_TIMESTAMPTZ);
    for (size_t i = 0; i < self->rating_count; i++) {
        const struct event *event = self->ratings[i];
        if (i + 1 < self->rating_count && !rating_is_last(event, self->ratings[i + 1]))
            continue;
        const struct squad_rated *rating = event->data;
        column_text(district, event->district);
        column_text(quarter, rating->quarter);
        column_text(squad, rating->squad);
        column_int(version, event->version);
        column_text(scheme, rating->scheme);
        column_int(stars, rating->stars);
        column_int(counted, rating->counted);
        column_int(total, rating->total);
        column_time(rated, event->time);
    }
    records_send(batch->records, &reporting_sql_stars_write, p);
}

static void send_sessions(struct shell *self, struct batch *batch)
{
    if (self->session_count == 0)
        return;
    struct params *p = params_new(batch->arena);
    struct column *district = params_column(p, COLUMN_TEXT), *id = params_column(p, COLUMN_INT8);
    struct column *kind = params_column(p, COLUMN_TEXT), *order = params_column(p, COLUMN_INT8);
    struct column *place = params_column(p, COLUMN_TEXT), *town = params_column(p, COLUMN_TEXT);
    struct column *squads = params_column(p, COLUMN_TEXT);
    struct column *started = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *ended = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *recorded = params_column(p, COLUMN_TIMESTAMPTZ);
    struct column *people = params_column(p, COLUMN_INT8), *viewers = params_column(p, COLUMN_INT8);
    struct column *minutes = params_column(p, COLUMN_INT8), *issues = params_column(p, COLUMN_INT8);
    struct column *body = params_column(p, COLUMN_BYTEA);
    for (size_t i = 0; i < self->session_count; i++) {
        const struct event *event = self->sessions[i];
        const struct session_held *session = event->data;
        column_text(district, event->district);
        column_int(id, session->session);
        column_text(kind, text_of(words_name(&words_session_kind, session->kind)));
        column_int(order, session->order);
        column_text(place, session->place);
        column_text(town, session->town);
        column_texts(squads, session->squads.items, session->squads.count);
        column_time(started, session->started);
        column_time(ended, session->ended);
        column_time(recorded, event->recorded);
        column_int(people, session->people_served);
        column_int(viewers, session->viewers);
        column_int(minutes, session->minutes);
        column_int(issues, session->issues_found);
        column_bytes(body, event->body);
    }
    records_send(batch->records, &reporting_sql_sessions_insert, p);
}

static void reporting_write(void *state, struct batch *batch)
{
    struct shell *self = state;
    send_new(self, batch);
    send_moved(self, batch);
    send_rewished(self, batch);
    send_history(self, batch);
    send_asked(self, batch);
    send_squads(self, batch);
    send_scores(self, batch);
    send_ratings(self, batch);
    send_sessions(self, batch);
}

static void reporting_committed(void *state, struct batch *batch)
{
    struct shell *self = state;
    struct shelf_row *const *rows;
    size_t count = shelf_rows(self->shelf, &rows);
    for (size_t i = 0; i < count; i++)
        memo_put(self->memo, rows[i]->row.district, rows[i]->row.order,
                 order_row_pack(&rows[i]->row, batch->arena));
}

/* What is remembered may not be what the records say: another held the lease, or nobody knows
 * whether a batch was committed. */
static void reporting_opened(void *state, struct records *records, struct arena *arena)
{
    struct shell *self = state;
    (void)records;
    (void)arena;
    if (self->memo == NULL)
        self->memo = memo_new(MEMO_ROWS, MEMO_BYTES);
    memo_clear(self->memo);
}

static enum records_outcome reporting_answer(void *state, struct records *records,
                                             const struct directory *directory,
                                             struct inquiry *inquiry, struct arena *arena)
{
    (void)state;
    struct asking asking = {.records = records,
                            .directory = directory,
                            .inquiry = inquiry,
                            .arena = arena,
                            .pack = pack_new(arena)};
    enum records_outcome outcome = RECORDS_OK;
    switch (inquiry->query.type) {
    case QUERY_order_show:
        outcome = answer_order_show(&asking);
        break;
    case QUERY_order_list:
        outcome = answer_order_list(&asking);
        break;
    case QUERY_board:
        outcome = answer_board(&asking);
        break;
    case QUERY_counts:
        outcome = answer_counts(&asking);
        break;
    case QUERY_stars:
        outcome = answer_stars(&asking);
        break;
    case QUERY_directory_list:
        outcome = answer_directory_list(&asking);
        break;
    case QUERY_key_list:
        outcome = answer_key_list(&asking);
        break;
    case QUERY_event_list:
        outcome = answer_event_list(&asking);
        break;
    case QUERY_queue: /* relayed to their owners before they get here */
    case QUERY_inbox:
    case QUERY_contact_show:
    case QUERY_contact_audit:
    case QUERY_subscriptions:
    case QUERY_webhooks:
    case QUERY_deliveries:
    case QUERY_dead_letters:
    case QUERY_COUNT:
        return asking_refuse(&asking, refusal_of(REFUSAL_unknown_type, "type"));
    }
    records_clear(records);
    return outcome;
}

static const enum service consumed[] = {SERVICE_intake, SERVICE_dispatch, SERVICE_evaluation};
static const struct reader_service reader = {.answer = reporting_answer};

const struct service_definition reporting_definition = {
    .desk =
        {
            .service = SERVICE_reporting,
            .consumes = consumed,
            .consume_count = sizeof consumed / sizeof *consumed,
            .state = &shell,
            .load = reporting_load,
            .decide = reporting_decide,
            .write = reporting_write,
            .committed = reporting_committed,
            .opened = reporting_opened,
        },
    .reader = &reader,
};
