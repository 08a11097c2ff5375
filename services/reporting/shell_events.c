/* event_list: the events of orders as they happened, from a position on. */
#include "events/parties.h"
#include "reporting_sql.h"
#include "services/reporting/shell.h"

/* Offsets looked through for one answer: who may see little of a long log gets it in pieces. */
#define EVENTS_SPAN_MAX 50000

enum event_column {
    EVENT_ORDER,
    EVENT_VERSION,
    EVENT_TYPE,
    EVENT_TIME,
    EVENT_RECORDED,
    EVENT_OFFSET,
    EVENT_BY,
    EVENT_TRACE,
    EVENT_BODY,
    EVENT_PLACE
};

/* One log's part of the answer. */
struct stretch {
    enum service producer;
    int64_t after, upto; /* to be looked through: after < offset <= upto */
    int64_t horizon;
    const struct rows *rows; /* NULL: none were asked for */
    size_t shown;
};
enum { STRETCH_COUNT = 2 };

static bool events_are_sound(struct asking *asking, const struct event_list *asked,
                             struct refusal *refusal)
{
    if (!view_orders(asking->directory, &asking->inquiry->caller, asking->arena, &asking->view,
                     refusal) ||
        !view_check_squad(asking->directory, asking->view.district, asked->squad, refusal) ||
        !view_check_organisation(asking->directory, &asking->view, asked->town, "town", refusal))
        return false;
    if (asked->type.length == 0 || event_find(asked->type) >= 0)
        return true;
    *refusal = refusal_of(REFUSAL_unknown_word, "type");
    return false;
}

static enum records_outcome read_horizon(struct asking *asking, struct stretch *stretches)
{
    const struct rows *rows = records_send(asking->records, &reporting_sql_event_horizon, NULL);
    enum records_outcome outcome = records_run(asking->records);
    for (size_t i = 0; outcome == RECORDS_OK && i < rows_count(rows); i++)
        for (size_t s = 0; s < STRETCH_COUNT; s++)
            if (words_find(&words_service, rows_text(rows, i, 0)) == (int)stretches[s].producer)
                stretches[s].horizon = rows_int(rows, i, 1);
    return outcome;
}

/* What is applied up to the horizon stays as it is, so that the rows may be read after it. */
static void send_stretch(struct asking *asking, const struct event_list *asked,
                         struct stretch *stretch)
{
    if (stretch->after < 0)
        stretch->after = stretch->horizon; /* from now on */
    stretch->upto = stretch->horizon - stretch->after > EVENTS_SPAN_MAX
                        ? stretch->after + EVENTS_SPAN_MAX
                        : stretch->horizon;
    if (stretch->upto <= stretch->after)
        return;
    struct params *params = asking_params(asking);
    params_text(params, text_of(words_name(&words_service, (int)stretch->producer)));
    params_int(params, stretch->after);
    params_int(params, stretch->upto);
    params_int(params, asked->order);
    params_text(params, asked->squad);
    params_text(params, asked->town);
    params_text(params, asked->type);
    params_int(params, asked->limit);
    stretch->rows = records_send(asking->records, &reporting_sql_event_list, params);
}

/* What the body says of who it is about; nothing when it is of no type known here. */
static bool parties_of_row(const struct rows *rows, size_t row, struct arena *arena,
                           struct parties *parties)
{
    int type = event_find(rows_text(rows, row, EVENT_TYPE));
    struct event event = {.body = rows_bytes(rows, row, EVENT_BODY)};
    struct refusal refusal;
    if (type < 0)
        return false;
    event.type = (enum event_type)type;
    return event_decode_data(&event, arena, &refusal) && event_parties(&event, parties);
}

static void pack_row(struct asking *asking, const struct stretch *stretch, size_t row)
{
    struct pack *pack = asking->pack;
    const struct rows *rows = stretch->rows;
    struct parties parties;
    int type = event_find(rows_text(rows, row, EVENT_TYPE));
    pack_map(pack, NULL);
    pack_time_given(pack, "time", rows_time(rows, row, EVENT_TIME));
    pack_int(pack, "order", rows_int(rows, row, EVENT_ORDER));
    pack_int(pack, "version", rows_int(rows, row, EVENT_VERSION));
    pack_text(pack, "type", rows_text(rows, row, EVENT_TYPE));
    if (type >= 0) {
        pack_string(pack, "type_zh", event_types[type].zh);
        pack_string(pack, "type_en", event_types[type].en);
    }
    asking_pack_organisation(asking, "place", rows_text(rows, row, EVENT_PLACE));
    if (parties_of_row(rows, row, asking->arena, &parties)) {
        pack_string(pack, "state", words_name(&words_order_state, parties.state));
        pack_string(pack, "state_zh", words_order_state.zh[parties.state]);
        pack_string(pack, "state_en", words_order_state.en[parties.state]);
        asking_pack_organisation(asking, "squad", parties.squad);
        if (parties.assignment > 0)
            pack_int(pack, "assignment", parties.assignment);
    }
    asking_pack_organisation(asking, "by", rows_text(rows, row, EVENT_BY));
    pack_time_given(pack, "recorded", rows_time(rows, row, EVENT_RECORDED));
    pack_string(pack, "producer", words_name(&words_service, (int)stretch->producer));
    pack_int(pack, "offset", rows_int(rows, row, EVENT_OFFSET));
    pack_text_given(pack, "trace", rows_text(rows, row, EVENT_TRACE));
    pack_object(pack, "data", rows_bytes(rows, row, EVENT_BODY));
    pack_end(pack);
}

static bool has_more(const struct stretch *stretch)
{
    return stretch->rows != NULL && stretch->shown < rows_count(stretch->rows);
}

static int64_t next_recorded(const struct stretch *stretch)
{
    return rows_time(stretch->rows, stretch->shown, EVENT_RECORDED);
}

/* Of two logs the event that was recorded first; of the same instant intake's, which caused
 * dispatch's. */
static struct stretch *next_of(struct stretch *stretches)
{
    struct stretch *next = NULL;
    for (size_t s = 0; s < STRETCH_COUNT; s++)
        if (has_more(&stretches[s]) &&
            (next == NULL || next_recorded(&stretches[s]) < next_recorded(next)))
            next = &stretches[s];
    return next;
}

/* From where the next question goes on: what was looked through and may not be seen is passed. */
static int64_t position_after(const struct stretch *stretch, int64_t limit)
{
    if (stretch->rows == NULL)
        return stretch->after;
    if (!has_more(stretch) && (int64_t)rows_count(stretch->rows) < limit)
        return stretch->upto;
    return stretch->shown == 0 ? stretch->after
                               : rows_int(stretch->rows, stretch->shown - 1, EVENT_OFFSET);
}

static void pack_events(struct asking *asking, struct stretch *stretches, int64_t limit)
{
    struct pack *pack = asking->pack;
    struct stretch *next;
    pack_map(pack, NULL);
    pack_list(pack, "events");
    for (int64_t shown = 0; shown < limit && pack_length(pack) < HISTORY_BYTES_MAX &&
                            (next = next_of(stretches)) != NULL;
         shown++)
        pack_row(asking, next, next->shown++);
    pack_end(pack);
    bool more = false;
    pack_map(pack, "positions");
    for (size_t s = 0; s < STRETCH_COUNT; s++) {
        int64_t position = position_after(&stretches[s], limit);
        pack_int(pack, words_name(&words_service, (int)stretches[s].producer), position);
        more |= position < stretches[s].horizon;
    }
    pack_end(pack);
    pack_flag(pack, "more", more);
    pack_end(pack);
}

enum records_outcome answer_event_list(struct asking *asking)
{
    const struct event_list *asked = asking->inquiry->query.body;
    struct refusal refusal;
    if (!events_are_sound(asking, asked, &refusal))
        return asking_refuse(asking, refusal);
    struct stretch stretches[STRETCH_COUNT] = {
        {.producer = SERVICE_intake, .after = asked->intake},
        {.producer = SERVICE_dispatch, .after = asked->dispatch},
    };
    enum records_outcome outcome = read_horizon(asking, stretches);
    if (outcome != RECORDS_OK)
        return outcome;
    for (size_t s = 0; s < STRETCH_COUNT; s++)
        send_stretch(asking, asked, &stretches[s]);
    outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    pack_events(asking, stretches, asked->limit);
    return asking_done(asking);
}
