#include "services/dispatch/shell_query.h"

#include <stdlib.h>

#include "dispatch_sql.h"
#include "events/pack.h"
#include "live/live.h"
#include "runtime/clock.h"

/* A query must not wait long for a Redis that does not answer; the records answer as well. */
#define QUERY_TIMEOUT_MS 200
#define LIVE_PAUSE_MS    5000 /* after Redis was lost it is left alone so long */

struct queue_reader {
    struct live *live;
    int64_t live_again_ms; /* monotonic */
};

/* One squad's offers, to be answered. */
struct queue_answer {
    struct live_squad squad;
    const char *source;
    int64_t position;
    const struct live_entry *entries;
    size_t count;
};

struct queue_reader *queue_reader_new(const struct config *config)
{
    struct queue_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        abort();
    reader->live = live_new(config->redis, QUERY_TIMEOUT_MS);
    return reader;
}

void queue_reader_destroy(struct queue_reader **reader)
{
    if (*reader == NULL)
        return;
    live_destroy(&(*reader)->live);
    free(*reader);
    *reader = NULL;
}

static bool refuse(struct inquiry *inquiry, enum refusal_code code, const char *field)
{
    inquiry->answer.status = refusal_is_retry(code) ? ANSWER_RETRY : ANSWER_REFUSED;
    inquiry->answer.refusal = refusal_of(code, field);
    return false;
}

/* The squad asked for, if the caller may see its queue (product.md §2: a squad its own offers, its
 * department those of all its squads, the committee its district's, the operator any). False:
 * refused. */
static bool may_see(const struct directory *directory, const struct caller *caller,
                    struct text district, struct text code, struct inquiry *inquiry)
{
    enum role role = (enum role)caller->role;
    if (role != ROLE_squad && role != ROLE_department && role != ROLE_committee &&
        role != ROLE_operator)
        return refuse(inquiry, REFUSAL_forbidden, NULL);
    if (code.length == 0)
        return refuse(inquiry, REFUSAL_missing_field, "squad");
    const struct organisation *squad = directory_organisation(directory, district, code);
    if (squad == NULL || squad->kind != KIND_squad)
        return refuse(inquiry, REFUSAL_unknown_squad, "squad");
    if (role == ROLE_squad && !text_equal(squad->code, caller->organisation))
        return refuse(inquiry, REFUSAL_not_yours, "squad");
    if (role == ROLE_department && !text_equal(squad->parent, caller->organisation))
        return refuse(inquiry, REFUSAL_not_yours, "squad");
    return true;
}

/* The district a squad is in: the caller's, or, for an operator of the whole deployment, the only
 * one where its code is registered; empty: none, or several. */
static enum records_outcome district_of(struct records *records, const struct caller *caller,
                                        struct text code, struct arena *arena,
                                        struct text *district)
{
    *district = caller->district;
    if (caller->district.length > 0 || caller->role != ROLE_operator || code.length == 0)
        return RECORDS_OK;
    struct params *params = params_new(arena);
    params_text(params, arena_format(arena, "organisation/%.*s", TEXT_ARG(code)));
    const struct rows *rows = records_send(records, &dispatch_sql_squad_districts, params);
    enum records_outcome outcome = records_run(records);
    if (outcome == RECORDS_OK && rows_count(rows) == 1)
        *district = arena_text(arena, rows_text(rows, 0, 0));
    return outcome;
}

static enum records_outcome read_position(struct records *records, const struct live_squad *squad,
                                          struct arena *arena, int64_t *position)
{
    struct params *params = params_new(arena);
    params_text(params, squad->district);
    params_text(params, squad->code);
    const struct rows *rows = records_send(records, &dispatch_sql_queue_position_read, params);
    enum records_outcome outcome = records_run(records);
    *position = outcome == RECORDS_OK && rows_count(rows) > 0 ? rows_int(rows, 0, 0) : 0;
    return outcome;
}

/* True when Redis gave the queue as of the records' position or later. */
static bool peek_live(struct queue_reader *reader, struct queue_answer *queue, size_t limit,
                      struct arena *arena)
{
    int64_t now = clock_monotonic_ms(), position = 0;
    if (!live_is_connected(reader->live) && now < reader->live_again_ms)
        return false;
    struct live_entry *entries = NULL;
    size_t count = 0;
    enum live_outcome outcome = live_connect(reader->live);
    if (outcome == LIVE_OK)
        outcome = live_peek(reader->live, &queue->squad, clock_now_ms(), limit, arena, &entries,
                            &count, &position);
    if (outcome == LIVE_LOST)
        reader->live_again_ms = now + LIVE_PAUSE_MS;
    if (outcome != LIVE_OK || position < queue->position)
        return false;
    queue->source = "live";
    queue->position = position;
    queue->entries = entries;
    queue->count = count;
    return true;
}

static enum records_outcome read_offers(struct records *records, struct queue_answer *queue,
                                        size_t limit, struct arena *arena)
{
    struct params *params = params_new(arena);
    params_text(params, queue->squad.district);
    params_text(params, queue->squad.code);
    params_time(params, clock_now_ms());
    params_int(params, (int64_t)limit);
    const struct rows *rows = records_send(records, &dispatch_sql_queue_read, params);
    enum records_outcome outcome = records_run(records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct live_entry *entries = arena_array(arena, rows_count(rows) + 1, sizeof *entries);
    for (size_t i = 0; i < rows_count(rows); i++)
        entries[i] = (struct live_entry){
            .assignment = rows_int(rows, i, 0),
            .order = rows_int(rows, i, 1),
            .version = rows_int(rows, i, 2),
            .deadline = rows_time(rows, i, 3),
            .not_before = rows_time(rows, i, 4),
        };
    queue->source = "records";
    queue->entries = entries;
    queue->count = rows_count(rows);
    return RECORDS_OK;
}

static struct bytes encode(const struct queue_answer *queue, struct arena *arena)
{
    struct pack *pack = pack_new(arena);
    pack_map(pack, NULL);
    pack_text(pack, "squad", queue->squad.code);
    pack_string(pack, "source", queue->source);
    pack_int(pack, "position", queue->position);
    pack_list(pack, "offers");
    for (size_t i = 0; i < queue->count; i++) {
        const struct live_entry *entry = &queue->entries[i];
        pack_map(pack, NULL);
        pack_int(pack, "order", entry->order);
        pack_int(pack, "assignment", entry->assignment);
        pack_int(pack, "version", entry->version);
        pack_int(pack, "respond_by", entry->deadline);
        pack_int(pack, "not_before", entry->not_before);
        pack_end(pack);
    }
    pack_end(pack);
    pack_end(pack);
    return pack_done(pack);
}

enum records_outcome queue_reader_answer(struct queue_reader *reader, struct records *records,
                                         const struct directory *directory, struct inquiry *inquiry,
                                         struct arena *arena)
{
    if (inquiry->query.type != QUERY_queue) {
        refuse(inquiry, REFUSAL_unknown_type, "type");
        return RECORDS_OK;
    }
    const struct queue *body = inquiry->query.body;
    const struct caller *caller = &inquiry->caller;
    struct queue_answer queue = {.squad.code = body->squad};
    if (queue.squad.code.length == 0 && caller->role == ROLE_squad)
        queue.squad.code = caller->organisation;
    enum records_outcome outcome =
        district_of(records, caller, queue.squad.code, arena, &queue.squad.district);
    if (outcome != RECORDS_OK)
        return outcome;
    if (!may_see(directory, caller, queue.squad.district, queue.squad.code, inquiry))
        return RECORDS_OK;
    outcome = read_position(records, &queue.squad, arena, &queue.position);
    if (outcome == RECORDS_OK && !peek_live(reader, &queue, (size_t)body->limit, arena))
        outcome = read_offers(records, &queue, (size_t)body->limit, arena);
    if (outcome == RECORDS_OK) {
        inquiry->answer.status = ANSWER_OK;
        inquiry->answer.result_body = encode(&queue, arena);
    }
    return outcome;
}
