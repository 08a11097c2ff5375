#include "services/evaluation/shell.h"

#include <stdlib.h>
#include <string.h>

#include "domain/rating.h"
#include "evaluation_sql.h"
#include "runtime/log.h"
#include "services/evaluation/core.h"

/* What one batch needs from load to write; all of it lives in the batch's arena. */
struct shell {
    const struct rows *districts, *squads; /* NULL: nothing to be counted */
    struct book *book;
    struct score *scores;
    size_t score_count;
};
static struct shell shell;

struct quarter_name {
    struct text district;
    int32_t quarter;
};

static int quarter_name_compare(const void *a, const void *b)
{
    const struct quarter_name *left = a, *right = b;
    int order = text_compare(left->district, right->district);
    if (order != 0)
        return order;
    return left->quarter < right->quarter ? -1 : left->quarter > right->quarter;
}

static struct text quarter_text(struct arena *arena, int32_t quarter)
{
    char buffer[16];
    return arena_text(arena, text_of(quarter_format(quarter, buffer)));
}

static bool concerns(enum event_type type)
{
    return type == EVENT_order_confirmed;
}

static bool is_confirmation(const struct input *input)
{
    return input->kind == INPUT_EVENT && concerns(input->event.type);
}

/* The quarters that the batch's confirmations may fall in, each once, in order. */
static size_t quarters_of_batch(const struct batch *batch, struct quarter_name **names)
{
    *names = arena_array(batch->arena, SCORE_QUARTERS_MAX * batch->count + 1, sizeof **names);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        if (!is_confirmation(input))
            continue;
        int32_t quarters[SCORE_QUARTERS_MAX];
        size_t quarter_count = score_quarters(input->event.time, quarters);
        for (size_t q = 0; q < quarter_count; q++)
            (*names)[count++] = (struct quarter_name){input->event.district, quarters[q]};
    }
    if (count == 0)
        return 0;
    qsort(*names, count, sizeof **names, quarter_name_compare);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (quarter_name_compare(&(*names)[kept - 1], &(*names)[i]) != 0)
            (*names)[kept++] = (*names)[i];
    return kept;
}

static void evaluation_load(void *state, struct batch *batch)
{
    struct shell *self = state;
    memset(self, 0, sizeof *self);
    struct quarter_name *names;
    size_t count = quarters_of_batch(batch, &names);
    if (count == 0)
        return;
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *quarter = params_column(params, COLUMN_TEXT);
    for (size_t i = 0; i < count; i++) {
        column_text(district, names[i].district);
        column_text(quarter, quarter_text(batch->arena, names[i].quarter));
    }
    self->districts = records_send(batch->records, &evaluation_sql_quarters_lock, params);
    self->squads = records_send(batch->records, &evaluation_sql_squads_read, params);
}

static void book_fill(struct shell *self)
{
    for (size_t i = 0; i < rows_count(self->districts); i++)
        book_put(self->book, &(struct quarter_sums){
                                 .district = rows_text(self->districts, i, 0),
                                 .quarter = quarter_parse(rows_text(self->districts, i, 1)),
                                 .counted = rows_int(self->districts, i, 2),
                                 .total = rows_int(self->districts, i, 3),
                             });
    for (size_t i = 0; i < rows_count(self->squads); i++)
        book_put(self->book, &(struct quarter_sums){
                                 .district = rows_text(self->squads, i, 0),
                                 .quarter = quarter_parse(rows_text(self->squads, i, 1)),
                                 .squad = rows_text(self->squads, i, 2),
                                 .counted = rows_int(self->squads, i, 3),
                                 .total = rows_int(self->squads, i, 4),
                                 .stars = (int)rows_int(self->squads, i, 5),
                                 .version = rows_int(self->squads, i, 6),
                             });
}

static struct text zone_of(const struct batch *batch, const struct event *event)
{
    const struct district *district = directory_district(batch->directory, event->district);
    if (district != NULL)
        return district->time_zone;
    log_line(LEVEL_ERROR, "unknown district: its quarter is taken in UTC",
             {"district", log_text(event->district)}, {"offset", log_int(event->offset)});
    return TEXT("UTC");
}

static void emit_counted(struct batch *batch, struct input *input, const struct score *score,
                         const struct quarter_sums *squad)
{
    const struct score_counted data = {
        .squad = score->squad,
        .quarter = quarter_text(batch->arena, score->quarter),
        .order = score->order,
        .place = score->place,
        .satisfaction = score->satisfaction,
        .offset = score->offset,
    };
    batch_emit(batch, input, EVENT_score_counted, score->district,
               key_of_squad_quarter(squad, batch->arena), squad->version, score->time,
               memcpy(arena_alloc(batch->arena, sizeof data), &data, sizeof data));
}

static void emit_rated(struct batch *batch, const struct quarter_sums *squad,
                       const struct quarter_sums *district)
{
    const struct squad_rated data = {
        .squad = squad->squad,
        .quarter = quarter_text(batch->arena, squad->quarter),
        .scheme = TEXT(RATING_SCHEME),
        .stars = squad->stars,
        .counted = squad->counted,
        .total = squad->total,
        .district_counted = district->counted,
        .district_total = district->total,
    };
    batch_emit(batch, batch->inputs[squad->last], EVENT_squad_rated, squad->district,
               key_of_squad_quarter(squad, batch->arena), squad->version, batch->now,
               memcpy(arena_alloc(batch->arena, sizeof data), &data, sizeof data));
}

static void emit_ratings(struct shell *self, struct batch *batch)
{
    const struct quarter_sums *const *entries;
    size_t count = book_entries(self->book, &entries);
    const struct quarter_sums *district = NULL;
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->squad.length == 0)
            district = entries[i];
        else if (district != NULL && entries[i]->is_rated)
            emit_rated(batch, entries[i], district); /* a district stands before its squads */
    }
}

static void evaluation_decide(void *state, struct batch *batch)
{
    struct shell *self = state;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->inputs[i]->kind == INPUT_COMMAND)
            batch_refuse(batch->inputs[i], refusal_of(REFUSAL_unknown_type, "type"));
    if (self->districts == NULL)
        return;
    self->book = book_new(batch->arena);
    book_fill(self);
    size_t confirmed = 0;
    for (size_t i = 0; i < batch->count; i++)
        confirmed += is_confirmation(batch->inputs[i]);
    self->scores = arena_array(batch->arena, SCORES_MAX * confirmed, sizeof *self->scores);
    for (size_t i = 0; i < batch->count; i++) {
        struct input *input = batch->inputs[i];
        if (!is_confirmation(input))
            continue;
        const struct score *scores = &self->scores[self->score_count];
        size_t count = scores_of(&input->event, zone_of(batch, &input->event),
                                 &self->scores[self->score_count]);
        self->score_count += count;
        for (size_t n = 0; n < count; n++)
            emit_counted(batch, input, &scores[n], book_count(self->book, &scores[n], i));
    }
    book_rate(self->book);
    emit_ratings(self, batch);
}

static void send_counted(struct shell *self, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *squad = params_column(params, COLUMN_TEXT);
    struct column *quarter = params_column(params, COLUMN_TEXT);
    struct column *producer = params_column(params, COLUMN_TEXT);
    struct column *part = params_column(params, COLUMN_INT4);
    struct column *offset = params_column(params, COLUMN_INT8);
    struct column *order = params_column(params, COLUMN_INT8);
    struct column *place = params_column(params, COLUMN_TEXT);
    struct column *satisfaction = params_column(params, COLUMN_INT4);
    struct column *time = params_column(params, COLUMN_TIMESTAMPTZ);
    for (size_t i = 0; i < self->score_count; i++) {
        const struct score *score = &self->scores[i];
        column_text(district, score->district);
        column_text(squad, score->squad);
        column_text(quarter, quarter_text(batch->arena, score->quarter));
        column_text(producer, text_of(words_name(&words_service, score->producer)));
        column_int(part, score->part);
        column_int(offset, score->offset);
        column_int(order, score->order);
        column_text(place, score->place);
        column_int(satisfaction, score->satisfaction);
        column_time(time, score->time);
    }
    records_send(batch->records, &evaluation_sql_counted_insert, params);
}

static void send_quarters(struct shell *self, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *quarter = params_column(params, COLUMN_TEXT);
    struct column *counted = params_column(params, COLUMN_INT8);
    struct column *total = params_column(params, COLUMN_INT8);
    const struct quarter_sums *const *entries;
    size_t count = book_entries(self->book, &entries);
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->squad.length > 0 || !entries[i]->has_scores)
            continue;
        column_text(district, entries[i]->district);
        column_text(quarter, quarter_text(batch->arena, entries[i]->quarter));
        column_int(counted, entries[i]->counted);
        column_int(total, entries[i]->total);
    }
    records_send(batch->records, &evaluation_sql_quarters_write, params);
}

static void send_squads(struct shell *self, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *quarter = params_column(params, COLUMN_TEXT);
    struct column *squad = params_column(params, COLUMN_TEXT);
    struct column *counted = params_column(params, COLUMN_INT8);
    struct column *total = params_column(params, COLUMN_INT8);
    struct column *stars = params_column(params, COLUMN_INT4);
    struct column *version = params_column(params, COLUMN_INT8);
    const struct quarter_sums *const *entries;
    size_t count = book_entries(self->book, &entries);
    for (size_t i = 0; i < count; i++) {
        if (!entries[i]->is_rated)
            continue;
        column_text(district, entries[i]->district);
        column_text(quarter, quarter_text(batch->arena, entries[i]->quarter));
        column_text(squad, entries[i]->squad);
        column_int(counted, entries[i]->counted);
        column_int(total, entries[i]->total);
        column_int(stars, entries[i]->stars);
        column_int(version, entries[i]->version);
    }
    records_send(batch->records, &evaluation_sql_squads_write, params);
}

static void evaluation_write(void *state, struct batch *batch)
{
    struct shell *self = state;
    if (self->score_count > 0) {
        send_counted(self, batch);
        send_quarters(self, batch);
        send_squads(self, batch);
    }
}

static const enum service consumed[] = {SERVICE_intake, SERVICE_dispatch};

const struct service_definition evaluation_definition = {
    .desk =
        {
            .service = SERVICE_evaluation,
            .consumes = consumed,
            .consume_count = sizeof consumed / sizeof *consumed,
            .concerns = concerns,
            .state = &shell,
            .load = evaluation_load,
            .decide = evaluation_decide,
            .write = evaluation_write,
        },
};
