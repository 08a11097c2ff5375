#include "services/notification/shell.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "events/cloud.h"
#include "notification_sql.h"
#include "records_sql.h"
#include "runtime/log.h"
#include "services/notification/shell_private.h"

#define MARK_SLOTS 1024
#define LEASE_PART 0
#define HOUR_MS    (INT64_C(3600) * 1000)

/* A notice with the event it tells of; the batch's events outlive it. */
struct told {
    const struct event *event;
    struct parties parties;
    struct notice notice;
};

/* A delivery with the event it tells of, as it will be sent. */
struct sent {
    struct sent *next;
    const struct event *event;
    struct delivery delivery;
    int64_t order;
    struct text body, zone;
    int64_t due;
};

/* What is known of an order beyond the event at hand. */
struct mark {
    struct mark *next; /* in its slot */
    struct text district, feed;
    int64_t order;
    enum urgency urgency;
    bool changed;
};

/* A decision, with the fact of the endpoint as it then stands. */
struct step {
    struct step *next;
    struct command_decision decision;
};

struct shell {
    struct rulebook *book; /* as of what was decided so far */
    struct command_limits limits;
    struct seal *seal;
    struct courier *courier;
    /* of the present batch, in its arena */
    struct told *told;
    size_t told_count;
    struct sent *sent, *sent_last;
    struct step *steps, *steps_last;
    struct mark *marks[MARK_SLOTS];
    const struct rows *mark_rows, *letter_rows;
    const struct input **letters; /* the commands that letter_rows are of, numbered from 1 */
    size_t letter_count;
};
static struct shell shell;

/* --- before and after ---------------------------------------------------------------------------
 */

static bool notification_prepare(void *state, const struct config *config)
{
    struct shell *self = state;
    const char *problem = NULL;
    self->seal = NULL;
    if (config->secrets_key[0] == '\0')
        problem = "it must be set";
    else
        self->seal = seal_open(config->secrets_key, &problem);
    if (self->seal == NULL) {
        log_line(LEVEL_ERROR, "cannot start: ZTC_SECRETS_KEY", {"because", log_string(problem)});
        return false;
    }
    self->limits = (struct command_limits){
        .urls = {.http = config->webhook_http[0] == 'y',
                 .private = config->webhook_private[0] == 'y'},
        .rotate_max_ms = config->webhook_rotate_max_h * HOUR_MS,
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    self->book = rulebook_new();
    self->courier = courier_new(config, self->seal, &self->limits.urls);
    return courier_start(self->courier);
}

static void notification_finish(void *state)
{
    struct shell *self = state;
    courier_destroy(&self->courier);
    rulebook_destroy(&self->book);
    seal_close(&self->seal);
    curl_global_cleanup();
}

/* A fact as it stands in a row; our own, and read before. */
static void *fact_of_row(enum event_type type, struct bytes body, struct arena *arena)
{
    struct refusal refusal;
    void *fact = arena_alloc(arena, event_types[type].size);
    return message_decode(&event_types[type], body, arena, fact, &refusal) ? fact : NULL;
}

/* Reads the rulebook anew, and tells the courier which lease is held. */
static void notification_opened(void *state, struct records *records, struct arena *arena)
{
    struct shell *self = state;
    struct params *part = params_new(arena);
    params_int(part, LEASE_PART);
    const struct rows *facts = records_send(records, &notification_sql_rules_read, NULL);
    const struct rows *webhooks = records_send(records, &notification_sql_webhooks_read, NULL);
    const struct rows *lease = records_send(records, &records_sql_lease_look, part);
    if (records_run(records) != RECORDS_OK || rows_count(lease) == 0) {
        records_drop(records); /* tells the desk; half a rulebook would tell the wrong ones */
        return;
    }
    rulebook_clear(self->book);
    for (size_t row = 0; row < rows_count(facts); row++) {
        const struct subscription_registered *fact =
            fact_of_row(EVENT_subscription_registered, rows_bytes(facts, row, 2), arena);
        if (fact != NULL)
            rulebook_put_rule(self->book, rows_text(facts, row, 0), fact, rows_int(facts, row, 1));
    }
    for (size_t row = 0; row < rows_count(webhooks); row++) {
        const struct webhook_registered *fact =
            fact_of_row(EVENT_webhook_registered, rows_bytes(webhooks, row, 2), arena);
        if (fact != NULL)
            rulebook_put_endpoint(self->book, rows_text(webhooks, row, 0), fact,
                                  rows_int(webhooks, row, 1));
    }
    courier_own(self->courier, rows_int(lease, 0, 0));
}

/* --- load ---------------------------------------------------------------------------------------
 */

static struct command_case case_of(const struct shell *self, const struct batch *batch,
                                   const struct input *input)
{
    return (struct command_case){
        .directory = batch->directory,
        .book = self->book,
        .limits = &self->limits,
        .now = batch->now,
        .after_intake = batch_position(batch, SERVICE_intake),
        .after_dispatch = batch_position(batch, SERVICE_dispatch),
        .caller = &input->caller,
        .command = &input->command,
        .arena = batch->arena,
    };
}

static void load_marks(struct shell *self, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        int64_t id;
        if (input->kind != INPUT_EVENT || !key_to_order(input->event.key, &id) ||
            !rulebook_concerns(self->book, input->event.district))
            continue;
        column_text(district, input->event.district);
        column_int(order, id);
        count++;
    }
    if (count > 0)
        self->mark_rows = records_send(batch->records, &notification_sql_marks_read, params);
}

static void load_letters(struct shell *self, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *organisation = params_column(params, COLUMN_TEXT),
                  *endpoint = params_column(params, COLUMN_TEXT),
                  *event = params_column(params, COLUMN_TEXT);
    self->letters = arena_array(batch->arena, batch->count + 1, sizeof(const struct input *));
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        struct text of_district, of_organisation;
        if (input->kind != INPUT_COMMAND)
            continue;
        struct command_case c = case_of(self, batch, input);
        if (!resend_names(&c, &of_district, &of_organisation))
            continue;
        const struct dead_letter_resend *body = input->command.body;
        column_text(district, of_district);
        column_text(organisation, of_organisation);
        column_text(endpoint, body->endpoint);
        column_text(event, body->event);
        self->letters[self->letter_count++] = input;
    }
    if (self->letter_count > 0)
        self->letter_rows = records_send(batch->records, &notification_sql_letters_find, params);
}

static void notification_load(void *state, struct batch *batch)
{
    struct shell *self = state;
    self->told = arena_array(batch->arena, SIDE_COUNT * batch->count + 1, sizeof *self->told);
    self->told_count = self->letter_count = 0;
    self->sent = self->sent_last = NULL;
    self->steps = self->steps_last = NULL;
    self->mark_rows = self->letter_rows = NULL;
    for (size_t slot = 0; slot < MARK_SLOTS; slot++)
        self->marks[slot] = NULL;
    load_marks(self, batch);
    load_letters(self, batch);
}

/* --- decide -------------------------------------------------------------------------------------
 */

static struct mark *mark_take(struct shell *self, struct arena *arena, struct text district,
                              int64_t order)
{
    struct mark **slot = &self->marks[(text_hash(district) ^ (uint64_t)order) % MARK_SLOTS];
    for (struct mark *mark = *slot; mark != NULL; mark = mark->next)
        if (mark->order == order && text_equal(mark->district, district))
            return mark;
    struct mark *mark = arena_alloc(arena, sizeof *mark);
    *mark = (struct mark){
        .next = *slot, .district = district, .order = order, .urgency = URGENCY_normal};
    *slot = mark;
    return mark;
}

static void read_marks(struct shell *self, struct batch *batch)
{
    for (size_t row = 0; self->mark_rows != NULL && row < rows_count(self->mark_rows); row++) {
        struct mark *mark = mark_take(self, batch->arena, rows_text(self->mark_rows, row, 0),
                                      rows_int(self->mark_rows, row, 1));
        int urgency = words_find(&words_urgency, rows_text(self->mark_rows, row, 2));
        mark->urgency = urgency < 0 ? URGENCY_normal : (enum urgency)urgency;
        mark->feed = rows_text(self->mark_rows, row, 3);
    }
}

static void send_event(struct shell *self, struct batch *batch, const struct happening *happening)
{
    struct delivery deliveries[DELIVERIES_MAX];
    size_t count = deliveries_of(happening, self->book, batch->directory, deliveries);
    if (count == 0)
        return;
    const struct event *event = happening->event;
    const struct district *district = directory_district(batch->directory, event->district);
    struct text zone =
        district == NULL ? TEXT("UTC") : arena_text(batch->arena, district->time_zone);
    struct text body = cloud_event(event, batch->arena);
    for (size_t i = 0; i < count; i++) {
        struct sent *sent = arena_alloc(batch->arena, sizeof *sent);
        *sent = (struct sent){
            .event = event,
            .delivery = deliveries[i],
            .order = happening->parties.order,
            .body = body,
            .zone = zone,
            .due = quiet_end(batch->now, zone, deliveries[i].quiet_from, deliveries[i].quiet_to),
        };
        if (self->sent == NULL)
            self->sent = sent;
        else
            self->sent_last->next = sent;
        self->sent_last = sent;
    }
}

static void decide_event(struct shell *self, struct batch *batch, const struct event *event)
{
    struct notice notices[SIDE_COUNT];
    struct parties parties;
    if (!event_parties(event, &parties))
        return;
    struct mark *mark = mark_take(self, batch->arena, event->district, parties.order);
    struct happening happening = {.urgency = mark->urgency, .feed = mark->feed};
    happening_read(event, &happening);
    mark->urgency = happening.urgency;
    mark->feed = happening.feed;
    mark->changed |= happening_is_marked(&happening);
    size_t count = notices_of(&happening, self->book, batch->directory, notices);
    for (size_t n = 0; n < count; n++)
        self->told[self->told_count++] = (struct told){event, happening.parties, notices[n]};
    send_event(self, batch, &happening);
}

static bool letter_found(const struct shell *self, const struct input *input)
{
    for (size_t row = 0; self->letter_rows != NULL && row < rows_count(self->letter_rows); row++)
        if (self->letters[rows_int(self->letter_rows, row, 0) - 1] == input)
            return true;
    return false;
}

static void decide_command(struct shell *self, struct batch *batch, struct input *input)
{
    struct command_case c = case_of(self, batch, input);
    c.letter_found = letter_found(self, input);
    struct step *step = arena_alloc(batch->arena, sizeof *step);
    struct command_decision *decision = &step->decision;
    *decision = command_decide(&c);
    if (decision->refusal.code != REFUSAL_NONE) {
        batch_refuse(input, decision->refusal);
        return;
    }
    batch_ok(input, decision->result);
    if (!decision->changed)
        return;
    batch_emit(batch, input, decision->event, decision->district, decision->key, decision->version,
               batch->now, decision->data);
    if (decision->standing != NULL)
        rulebook_put_endpoint(self->book, decision->district, decision->standing,
                              decision->version);
    else
        rulebook_put_rule(self->book, decision->district, decision->data, decision->version);
    if (self->steps == NULL)
        self->steps = step;
    else
        self->steps_last->next = step;
    self->steps_last = step;
}

static void notification_decide(void *state, struct batch *batch)
{
    struct shell *self = state;
    read_marks(self, batch);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->inputs[i]->kind == INPUT_EVENT)
            decide_event(self, batch, &batch->inputs[i]->event);
        else
            decide_command(self, batch, batch->inputs[i]);
    }
}

/* --- write --------------------------------------------------------------------------------------
 */

/* When an answer is wanted; most events want none. */
static int64_t due_of(const struct event *event)
{
    if (event->type != EVENT_order_offered)
        return INSTANT_ABSENT;
    return ((const struct order_offered *)event->data)->respond_by;
}

static void write_inbox(const struct shell *self, struct batch *batch)
{
    if (self->told_count == 0)
        return;
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *side = params_column(params, COLUMN_TEXT);
    struct column *organisation = params_column(params, COLUMN_TEXT);
    struct column *notice = params_column(params, COLUMN_INT8);
    struct column *producer = params_column(params, COLUMN_TEXT);
    struct column *part = params_column(params, COLUMN_INT4);
    struct column *offset = params_column(params, COLUMN_INT8);
    struct column *type = params_column(params, COLUMN_TEXT);
    struct column *order = params_column(params, COLUMN_INT8);
    struct column *place = params_column(params, COLUMN_TEXT);
    struct column *town = params_column(params, COLUMN_TEXT);
    struct column *squad = params_column(params, COLUMN_TEXT);
    struct column *by = params_column(params, COLUMN_TEXT);
    struct column *due = params_column(params, COLUMN_TIMESTAMPTZ);
    struct column *time = params_column(params, COLUMN_TIMESTAMPTZ);
    struct column *recorded = params_column(params, COLUMN_TIMESTAMPTZ);
    for (size_t i = 0; i < self->told_count; i++) {
        const struct told *told = &self->told[i];
        const struct event *event = told->event;
        column_text(district, event->district);
        column_text(side, text_of(words_name(&words_side, (int)told->notice.side)));
        column_text(organisation, told->notice.organisation);
        column_int(notice, notice_number(event->recorded, event->producer, event->offset));
        column_text(producer, text_of(words_name(&words_service, event->producer)));
        column_int(part, event->part);
        column_int(offset, event->offset);
        column_text(type, text_of(event_types[event->type].name));
        column_int(order, told->parties.order);
        column_text(place, told->parties.place);
        column_text(town, told->parties.town);
        column_text(squad, told->parties.squad);
        column_text(by, told->parties.by);
        column_time(due, due_of(event));
        column_time(time, event->time);
        column_time(recorded, event->recorded);
    }
    records_send(batch->records, &notification_sql_inbox_insert, params);
}

static void write_marks(const struct shell *self, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *urgency = params_column(params, COLUMN_TEXT),
                  *feed = params_column(params, COLUMN_TEXT);
    size_t count = 0;
    for (size_t slot = 0; slot < MARK_SLOTS; slot++)
        for (const struct mark *mark = self->marks[slot]; mark != NULL; mark = mark->next) {
            if (!mark->changed)
                continue;
            column_text(district, mark->district);
            column_int(order, mark->order);
            column_text(urgency, text_of(words_name(&words_urgency, (int)mark->urgency)));
            column_text(feed, mark->feed);
            count++;
        }
    if (count > 0)
        records_send(batch->records, &notification_sql_marks_write, params);
}

static void write_deliveries(const struct shell *self, struct batch *batch)
{
    if (self->sent == NULL)
        return;
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *organisation = params_column(params, COLUMN_TEXT);
    struct column *endpoint = params_column(params, COLUMN_TEXT);
    struct column *producer = params_column(params, COLUMN_TEXT);
    struct column *part = params_column(params, COLUMN_INT4);
    struct column *offset = params_column(params, COLUMN_INT8);
    struct column *notice = params_column(params, COLUMN_INT8);
    struct column *id = params_column(params, COLUMN_TEXT);
    struct column *type = params_column(params, COLUMN_TEXT);
    struct column *side = params_column(params, COLUMN_TEXT);
    struct column *order = params_column(params, COLUMN_INT8);
    struct column *body = params_column(params, COLUMN_TEXT);
    struct column *zone = params_column(params, COLUMN_TEXT);
    struct column *quiet_from = params_column(params, COLUMN_INT4);
    struct column *quiet_to = params_column(params, COLUMN_INT4);
    struct column *recorded = params_column(params, COLUMN_TIMESTAMPTZ);
    struct column *due = params_column(params, COLUMN_TIMESTAMPTZ);
    for (const struct sent *sent = self->sent; sent != NULL; sent = sent->next) {
        const struct event *event = sent->event;
        char uuid[UUID_TEXT_MAX];
        column_text(district, event->district);
        column_text(organisation, sent->delivery.organisation);
        column_text(endpoint, sent->delivery.endpoint);
        column_text(producer, text_of(words_name(&words_service, event->producer)));
        column_int(part, event->part);
        column_int(offset, event->offset);
        column_int(notice, notice_number(event->recorded, event->producer, event->offset));
        column_text(id, arena_text(batch->arena, text_of(uuid_format(&event->id, uuid))));
        column_text(type, text_of(event_types[event->type].name));
        column_text(side, text_of(words_name(&words_side, (int)sent->delivery.side)));
        column_int(order, sent->order);
        column_text(body, sent->body);
        column_text(zone, sent->zone);
        column_int(quiet_from, sent->delivery.quiet_from);
        column_int(quiet_to, sent->delivery.quiet_to);
        column_time(recorded, event->recorded);
        column_time(due, sent->due);
    }
    records_send(batch->records, &notification_sql_deliveries_insert, params);
}

static struct params *params_of_endpoint(struct batch *batch,
                                         const struct command_decision *decision)
{
    struct params *params = params_new(batch->arena);
    params_text(params, decision->district);
    params_text(params, decision->organisation);
    params_text(params, decision->endpoint);
    return params;
}

static void write_secrets(const struct shell *self, struct batch *batch,
                          const struct command_decision *decision)
{
    struct params *params = params_of_endpoint(batch, decision);
    switch (decision->secret_step) {
    case SECRET_keep:
        return;
    case SECRET_rotate:
        params_time(params, decision->until);
        records_send(batch->records, &notification_sql_secrets_age, params);
        break;
    case SECRET_replace:
        records_send(batch->records, &notification_sql_secrets_delete, params);
        break;
    case SECRET_drop:
        records_send(batch->records, &notification_sql_secrets_delete, params);
        return;
    }
    const struct seal_names names = {decision->district, decision->organisation,
                                     decision->endpoint};
    struct params *insert = params_of_endpoint(batch, decision);
    params_bytes(insert, seal_put(self->seal, &names, decision->secret, batch->arena));
    records_send(batch->records, &notification_sql_secret_insert, insert);
}

static void write_endpoint(const struct shell *self, struct batch *batch,
                           const struct command_decision *decision)
{
    const struct webhook_registered *fact = decision->standing;
    struct params *params = params_of_endpoint(batch, decision);
    params_int(params, decision->version);
    params_bytes(params,
                 message_encode(&event_types[EVENT_webhook_registered], fact, batch->arena));
    params_text(params, fact->url);
    params_flag(params, fact->enabled);
    params_flag(params, fact->removed);
    records_send(batch->records, &notification_sql_webhook_write, params);
    write_secrets(self, batch, decision);
    if (decision->revives)
        records_send(batch->records, &notification_sql_webhook_revive,
                     params_of_endpoint(batch, decision));
    if (decision->resends) {
        struct params *resend = params_of_endpoint(batch, decision);
        params_text(resend, decision->letter);
        params_time(resend, batch->now);
        records_send(batch->records, &notification_sql_letters_resend, resend);
    }
}

static void write_rule(struct batch *batch, const struct command_decision *decision)
{
    const struct subscription_registered *fact = decision->data;
    struct params *params = params_new(batch->arena);
    params_text(params, decision->district);
    params_text(params, fact->organisation);
    params_text(params, fact->rule);
    params_int(params, decision->version);
    params_bytes(params,
                 message_encode(&event_types[EVENT_subscription_registered], fact, batch->arena));
    records_send(batch->records, &notification_sql_rule_insert, params);
}

static void notification_write(void *state, struct batch *batch)
{
    struct shell *self = state;
    write_inbox(self, batch);
    write_marks(self, batch);
    write_deliveries(self, batch);
    for (const struct step *step = self->steps; step != NULL; step = step->next) {
        if (step->decision.standing != NULL)
            write_endpoint(self, batch, &step->decision);
        else
            write_rule(batch, &step->decision);
    }
}

static void notification_committed(void *state, struct batch *batch)
{
    struct shell *self = state;
    (void)batch;
    if (self->sent != NULL || self->steps != NULL)
        courier_wake(self->courier);
}

/* --- queries ------------------------------------------------------------------------------------
 */

static enum records_outcome notification_answer(void *state, struct records *records,
                                                const struct directory *directory,
                                                struct inquiry *inquiry, struct arena *arena)
{
    static enum records_outcome (*const answers[QUERY_COUNT])(
        struct records *, const struct directory *, struct inquiry *, struct arena *) = {
        [QUERY_inbox] = answer_inbox,
        [QUERY_subscriptions] = answer_subscriptions,
        [QUERY_webhooks] = answer_webhooks,
        [QUERY_deliveries] = answer_deliveries,
        [QUERY_dead_letters] = answer_deliveries,
    };
    (void)state;
    if (answers[inquiry->query.type] != NULL)
        return answers[inquiry->query.type](records, directory, inquiry, arena);
    inquiry->answer.status = ANSWER_REFUSED;
    inquiry->answer.refusal = refusal_of(REFUSAL_unknown_type, "type");
    return RECORDS_OK;
}

static const enum service consumed[] = {SERVICE_intake, SERVICE_dispatch};
static const struct reader_service reader = {.answer = notification_answer};

const struct service_definition notification_definition = {
    .desk =
        {
            .service = SERVICE_notification,
            .consumes = consumed,
            .consume_count = sizeof consumed / sizeof *consumed,
            .state = &shell,
            .load = notification_load,
            .decide = notification_decide,
            .write = notification_write,
            .committed = notification_committed,
            .opened = notification_opened,
        },
    .reader = &reader,
    .prepare = notification_prepare,
    .finish = notification_finish,
};
