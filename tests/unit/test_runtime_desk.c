/* The desk against a real PostgreSQL, with a small service on it: what it keeps for all five. The
 * service here writes one row per input into `seen` (body: the text of a reason, or an event's key
 * and version) and refuses nothing itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>

#include "records/migrate.h"
#include "records_server.h"
#include "records_sql.h"
#include "runtime/clock.h"
#include "runtime/desk_thread.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define WAIT_MS 30000

static const struct migration own[] = {
    {1, "seen",
     "CREATE TABLE seen (number bigint GENERATED ALWAYS AS IDENTITY, what text NOT NULL CONSTRAINT "
     "fit CHECK (what <> 'misfit'));"
     "GRANT ALL ON seen TO PUBLIC"}};
static const struct statement seen_insert = {"seen_insert",
                                             "INSERT INTO seen (what) SELECT unnest($1::text[])"};

static char dsn[SERVER_DSN_MAX];
static char role_dsn[SERVER_DSN_MAX + 64];
static struct desk *desk;
static struct outbox *outbox;
static struct reader *reader; /* NULL: this test has none */
static struct config config;

static void load(void *state, struct batch *batch)
{
    (void)state, (void)batch;
}

static void decide(void *state, struct batch *batch)
{
    (void)state;
    for (size_t i = 0; i < batch->count; i++) {
        struct input *input = batch->inputs[i];
        if (input->kind != INPUT_COMMAND)
            continue;
        const struct order_return *body = input->command.body;
        struct order_returned event;
        message_clear(&event_types[EVENT_order_returned], &event);
        event = (struct order_returned){.order = body->order,
                                        .state = ORDER_returned,
                                        .place = TEXT("p"),
                                        .town = TEXT("t"),
                                        .reason = body->reason};
        int64_t offset = batch_emit(
            batch, input, EVENT_order_returned, input->caller.district,
            arena_format(batch->arena, "reply/%lld", (long long)batch_next_offset(batch)), 1,
            batch->now, &event);
        batch_ok(input,
                 (struct result){.order = body->order, .version = offset, .state = ORDER_returned});
    }
}

static void write_rows(void *state, struct batch *batch)
{
    (void)state;
    struct params *params = params_new(batch->arena);
    struct column *what = params_column(params, COLUMN_TEXT);
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        if (input->kind == INPUT_COMMAND)
            column_text(what, ((const struct order_return *)input->command.body)->reason);
        else
            column_text(what, arena_format(batch->arena, "%.*s v%lld", TEXT_ARG(input->event.key),
                                           (long long)input->event.version));
    }
    records_send(batch->records, &seen_insert, params);
}

static const enum service producers[] = {SERVICE_intake, SERVICE_dispatch};
static const struct desk_service toy = {.service = SERVICE_evaluation,
                                        .consumes = producers,
                                        .consume_count = 2,
                                        .load = load,
                                        .decide = decide,
                                        .write = write_rows};
static bool returns_only(enum event_type type)
{
    return type == EVENT_order_returned;
}

static const struct desk_service choosy = {.service = SERVICE_evaluation,
                                           .consumes = producers,
                                           .consume_count = 2,
                                           .concerns = returns_only,
                                           .load = load,
                                           .decide = decide,
                                           .write = write_rows};
static const struct desk_service *serving = &toy;

static const char *value_of(const char *sql)
{
    static char value[64];
    assert_true(server_try(dsn, sql, value));
    return value;
}

/* Readiness is polled, with an end to patience. */
static void assert_comes(const char *sql, const char *wanted)
{
    int64_t until = clock_monotonic_ms() + WAIT_MS;
    while (strcmp(value_of(sql), wanted) != 0 && clock_monotonic_ms() < until)
        poll(NULL, 0, 20);
    assert_string_equal(value_of(sql), wanted);
}

static void desk_begin_with(const struct reader_service *service)
{
    outbox = outbox_new();
    struct desk_options options = {.service = serving,
                                   .config = &config,
                                   .outbox = outbox,
                                   .publisher = "tcp://pub",
                                   .router = "tcp://router"};
    desk = desk_new(&options);
    if (service != NULL) {
        reader = reader_new(service, SERVICE_evaluation, &config, outbox, desk);
        desk_set_reader(desk, reader);
        assert_true(reader_start(reader));
    }
    assert_true(desk_start(desk));
}

static void desk_begin(void)
{
    desk_begin_with(NULL);
}

static void desk_end(void)
{
    desk_stop(desk);
    if (reader != NULL)
        reader_stop(reader);
    reader_destroy(&reader);
    desk_destroy(&desk);
    outbox_destroy(&outbox);
}

static void say_nothing(const char *schema, int number, const char *name, const char *what,
                        void *argument)
{
    (void)schema, (void)number, (void)name, (void)what, (void)argument;
}

static int set_up(void **state)
{
    (void)state;
    serving = &toy;
    server_database_new(dsn, "ztc_desk");
    struct migrate_plan plans[SERVICE_COUNT];
    for (int s = 0; s < SERVICE_COUNT; s++) {
        static char roles[SERVICE_COUNT][32];
        snprintf(roles[s], sizeof roles[s], "ztc_%s", words_name(&words_service, s));
        plans[s] =
            (struct migrate_plan){words_name(&words_service, s), roles[s], "secret",
                                  s == SERVICE_evaluation ? own : NULL, s == SERVICE_evaluation};
    }
    char problem[512] = "";
    if (!migrate_run(dsn, plans, SERVICE_COUNT, clock_now_ms(), say_nothing, NULL, problem,
                     sizeof problem))
        server_die("migrate", problem);
    snprintf(role_dsn, sizeof role_dsn, "%s user=ztc_evaluation password=secret", dsn);
    config = (struct config){.dsn = role_dsn,
                             .instance = "toy-1",
                             .lang = "en",
                             .batch_max = 64,
                             .queue_max = 100,
                             .lease_ttl_ms = 3000,
                             .answer_wait_ms = 5000,
                             .position_wait_ms = 1000,
                             .command_keep_days = 30};
    desk_begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    desk_end();
    server_database_drop("ztc_desk");
    return 0;
}

static void submit(const char *id, const char *reason)
{
    struct request *request = request_new();
    struct order_return *body = arena_alloc(request->arena, sizeof *body);
    *body =
        (struct order_return){.order = 1, .reason = arena_text(request->arena, text_of(reason))};
    request->input = (struct input){
        .kind = INPUT_COMMAND,
        .caller = {TEXT("d"), TEXT("town"), ROLE_town},
        .command = {.id = arena_text(request->arena, text_of(id)),
                    .type = COMMAND_order_return,
                    .time = INSTANT_ABSENT,
                    .body = body},
        .traceparent = TEXT("00-00000000000000000000000000000001-0000000000000001-01"),
    };
    struct bytes part = {(const uint8_t *)body->reason.at, body->reason.length};
    request->input.command.digest = digest_of(&part, 1);
    request->arrived_ms = clock_monotonic_ms();
    assert_true(desk_submit(desk, request));
}

/* What went out as published before the answer that was taken last. */
static size_t published_count;
static int64_t published_last;

static void published_note(const struct outbox_item *item)
{
    published_count += item->publication_count;
    for (size_t i = 0; i < item->publication_count; i++)
        published_last = item->publications[i].offset;
}

/* The next answer; its texts live in `arena`. */
static struct answer next_answer(struct arena *arena)
{
    static struct outbox_item *left;
    int64_t until = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        while (left != NULL) {
            struct outbox_item *item = left;
            left = item->next;
            if (item->kind != OUTBOX_ANSWER) {
                published_note(item);
                outbox_item_destroy(&item);
                continue;
            }
            struct answer answer;
            assert_true(answer_decode(item->request->reply, arena, &answer));
            request_destroy(&item->request);
            outbox_item_destroy(&item);
            return answer;
        }
        struct pollfd wait = {outbox_descriptor(outbox), POLLIN, 0};
        assert_true(poll(&wait, 1, (int)(until - clock_monotonic_ms())) > 0);
        left = outbox_take(outbox);
    }
}

static void assert_answer(enum answer_status status, enum refusal_code code)
{
    struct arena *arena = arena_new();
    struct answer answer = next_answer(arena);
    assert_string_equal(refusal_name(answer.refusal.code), refusal_name(code));
    assert_int_equal(answer.status, status);
    arena_destroy(&arena);
}

/* An event of somebody's log, written there by hand. */
static void event_write(const char *service, int offset, const char *type, const char *key,
                        int version, struct bytes body)
{
    char hex[1024], sql[2048];
    assert_true(2 * body.length < sizeof hex);
    for (size_t i = 0; i < body.length; i++)
        snprintf(hex + 2 * i, 3, "%02x", body.at[i]);
    snprintf(sql, sizeof sql,
             "INSERT INTO %s.event (part, \"offset\", id, type, version, district, key, \"time\", "
             "recorded, traceparent, body) VALUES "
             "(0, %d, '00000000-0000-8000-8000-%012d', '%s', %d, 'd', '%s', '2026-01-01Z', "
             "'2026-01-01Z', '', '\\x%s')",
             service, offset, offset, type, version, key, hex);
    server_do(dsn, sql);
}

static void event_put(const char *service, int offset, const char *type, const char *key,
                      int version)
{
    struct arena *arena = arena_new();
    struct order_withdrawn data;
    message_clear(&event_types[EVENT_order_withdrawn], &data);
    data = (struct order_withdrawn){
        .order = 1, .state = ORDER_withdrawn, .place = TEXT("p"), .town = TEXT("t")};
    event_write(service, offset, type, key, version,
                message_encode(&event_types[EVENT_order_withdrawn], &data, arena));
    arena_destroy(&arena);
}

/* As a heartbeat does: the events themselves were lost on the way. */
static void head_is_told(enum service producer, int64_t offset)
{
    const struct bus_hint hint = {.part = 0, .offset = offset};
    desk_hint(desk, producer, &hint, 1);
}

static void village_put(int offset, const char *code)
{
    struct arena *arena = arena_new();
    struct organisation_registered data;
    message_clear(&event_types[EVENT_organisation_registered], &data);
    data.code = text_of(code);
    data.kind = KIND_village;
    data.name_zh = TEXT("回龙村");
    event_write("intake", offset, "organisation_registered",
                arena_format(arena, "organisation/%s", code).at, 1,
                message_encode(&event_types[EVENT_organisation_registered], &data, arena));
    arena_destroy(&arena);
}

#define SEEN "SELECT coalesce(string_agg(what, ', ' ORDER BY number), '') FROM evaluation.seen"

static void the_first_answer_is_given_again_and_another_body_refused(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    submit("a", "once");
    struct answer first = next_answer(arena);
    submit("a", "once");
    struct answer again = next_answer(arena);
    assert_int_equal(first.status, ANSWER_OK);
    assert_int_equal(again.result.version, first.result.version);
    assert_int_equal(again.events.items[0].offset, 1);
    submit("a", "other");
    assert_answer(ANSWER_REFUSED, REFUSAL_id_reused);
    submit("b", "twice in one batch");
    submit("b", "twice in one batch");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of(SEEN), "once, twice in one batch");
    arena_destroy(&arena);
}

/* More of them than are read at once when the lease is gained. */
static void ids_of_long_ago_are_known_from_the_start(void **state)
{
    (void)state;
    desk_end();
    server_do(dsn, "INSERT INTO evaluation.command SELECT 'd', 'town', 'id' || n, '', '', "
                   "clock_timestamp() FROM generate_series(1, 45000) n");
    desk_begin();
    const char *const ids[] = {"id1", "id45000", "id9999", "id23456"};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
            submit(ids[i], "again");
            assert_answer(ANSWER_REFUSED, REFUSAL_id_reused);
        }
        submit(round == 0 ? "new" : "newer", "first");
        assert_answer(ANSWER_OK, REFUSAL_NONE);
        submit(round == 0 ? "new" : "newer", "other");
        assert_answer(ANSWER_REFUSED, REFUSAL_id_reused);
        poll(NULL, 0, round == 0 ? 3500 : 0); /* the rest is read */
    }
    assert_string_equal(value_of(SEEN), "first, first");
}

/* Intake's events of an order come before dispatch's, however they are told of and however few fit
 * into a batch. */
static void cause_comes_before_effect(void **state)
{
    (void)state;
    desk_end();
    config.batch_max = 2;
    for (int i = 1; i <= 5; i++)
        event_put("intake", i, "order_withdrawn", "order/1", i);
    event_put("dispatch", 1, "order_withdrawn", "order/1", 6);
    event_put("dispatch", 2, "order_withdrawn", "order/1", 7);
    desk_begin();
    assert_comes("SELECT string_agg(split_part(what, ' v', 2), ' ' ORDER BY number) FROM "
                 "evaluation.seen",
                 "1 2 3 4 5 6 7");
    server_do(dsn, "DELETE FROM evaluation.seen");
    for (int i = 6; i <= 8; i++)
        event_put("intake", i, "order_withdrawn", "order/2", i - 5);
    event_put("dispatch", 3, "order_withdrawn", "order/2", 4);
    head_is_told(SERVICE_dispatch, 3); /* and intake's was lost */
    assert_comes("SELECT string_agg(split_part(what, ' v', 2), ' ' ORDER BY number) FROM "
                 "evaluation.seen",
                 "1 2 3 4");
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor WHERE producer = 'dispatch'", "3");
}

static void what_cannot_be_read_blocks_its_own_key_only(void **state)
{
    (void)state;
    event_put("intake", 1, "order_from_the_future", "order/1", 1);
    event_put("intake", 2, "order_withdrawn", "order/1", 2);
    event_put("intake", 3, "order_withdrawn", "order/2", 1);
    assert_comes(SEEN, "order/2 v1");
    assert_comes("SELECT reason FROM evaluation.poison WHERE version = 1", "unknown type of event");
    assert_comes("SELECT count(*) FROM evaluation.poison", "2");
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "3");
}

/* As if the program had been upgraded: the log's event then is of a type that it knows. */
static void become_readable(int offset)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE intake.event SET type = 'order_withdrawn' WHERE \"offset\" = %d", offset);
    server_do(dsn, sql);
}

static void what_was_set_aside_is_taken_up_again_in_its_turn(void **state)
{
    (void)state;
    event_put("intake", 1, "order_from_the_future", "order/1", 1);
    event_put("intake", 2, "order_withdrawn", "order/1", 2);
    event_put("intake", 3, "order_from_the_future", "order/1", 3);
    event_put("intake", 4, "order_withdrawn", "order/1", 4);
    event_put("intake", 5, "order_withdrawn", "order/2", 1);
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "5");
    server_do(dsn, "UPDATE evaluation.poison SET retry = true"); /* too early */
    assert_comes("SELECT string_agg(tries || ' ' || retry, ', ' ORDER BY version) FROM "
                 "evaluation.poison",
                 "2 false, 1 true, 1 true, 1 true"); /* the others' turn has not come */
    assert_string_equal(value_of(SEEN), "order/2 v1");
    become_readable(1);
    server_do(dsn, "UPDATE evaluation.poison SET retry = true WHERE version = 1");
    assert_comes("SELECT string_agg(version || ' ' || tries || ' ' || retry, ', ' ORDER BY "
                 "version) FROM evaluation.poison",
                 "3 2 false, 4 1 true"); /* tried when its turn had come, in vain */
    assert_string_equal(value_of(SEEN), "order/2 v1, order/1 v1, order/1 v2");
    become_readable(3);
    server_do(dsn, "UPDATE evaluation.poison SET retry = true");
    assert_comes("SELECT count(*) FROM evaluation.poison", "0");
    assert_string_equal(value_of(SEEN),
                        "order/2 v1, order/1 v1, order/1 v2, order/1 v3, order/1 v4");
    assert_string_equal(value_of("SELECT max(to_offset) FROM evaluation.cursor"), "5");
}

static void what_follows_is_set_aside_too(void **state)
{
    (void)state;
    event_put("intake", 1, "order_from_the_future", "order/1", 1);
    event_put("intake", 2, "order_withdrawn", "order/1", 2);
    event_put("intake", 3, "order_withdrawn", "order/2", 1);
    assert_comes(SEEN, "order/2 v1");
    event_put("intake", 4, "order_withdrawn", "order/1", 3); /* in a batch of its own */
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "4");
    assert_string_equal(value_of("SELECT count(*) FROM evaluation.poison"), "3");
    assert_string_equal(
        value_of("SELECT string_agg(retry::text, ' ' ORDER BY version) FROM evaluation.poison"),
        "false true true"); /* those that only wait need not be asked for */
    become_readable(1);
    server_do(dsn, "UPDATE evaluation.poison SET retry = true WHERE version = 1");
    assert_comes("SELECT count(*) FROM evaluation.poison", "0");
    assert_string_equal(value_of(SEEN), "order/2 v1, order/1 v1, order/1 v2, order/1 v3");
    event_put("intake", 5, "order_withdrawn", "order/1", 4);
    assert_comes(SEEN, "order/2 v1, order/1 v1, order/1 v2, order/1 v3, order/1 v4");
}

/* The position goes on over it all the same, in steps that join. */
static void what_concerns_nobody_needs_no_transaction(void **state)
{
    (void)state;
    desk_end();
    serving = &choosy;
    desk_begin();
    int64_t batches = metric_get(METRIC_batches_total);
    for (int i = 1; i <= 20; i++)
        event_put("intake", i, "order_withdrawn", "order/1", i);
    head_is_told(SERVICE_intake, 20);
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "20");
    assert_in_range(metric_get(METRIC_batches_total) - batches, 1, 3);
    village_put(21, "v"); /* a fact concerns everybody */
    event_put("intake", 22, "order_withdrawn", "order/1", 21);
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "22");
    assert_string_equal(value_of("SELECT count(*) FROM evaluation.directory_fact"), "1");
    assert_string_equal(
        value_of("SELECT count(*) FROM evaluation.cursor c WHERE from_offset > 0 AND "
                 "NOT EXISTS (SELECT FROM evaluation.cursor b WHERE b.to_offset = "
                 "c.from_offset)"),
        "0");
}

/* As a restore leaves it: another process than the one that held it takes it without waiting. */
static void a_lease_that_is_nobodys_is_free_at_once(void **state)
{
    (void)state;
    submit("a", "before");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    desk_end();
    server_do(dsn, "UPDATE evaluation.lease SET epoch = 1000, holder = '', beat = 0");
    config.instance = "toy-2";
    config.lease_ttl_ms = 3600000;
    desk_begin();
    submit("b", "after");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of("SELECT epoch || ' ' || holder FROM evaluation.lease"),
                        "1001 toy-2");
}

static void a_row_at_fault_is_found_among_its_neighbours(void **state)
{
    (void)state;
    char id[16];
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "c%d", i);
        submit(id, i == 23 ? "misfit" : "fit");
    }
    struct arena *arena = arena_new();
    for (int i = 0; i < 40; i++) {
        struct answer answer = next_answer(arena);
        bool misfit = text_equal(answer.id, TEXT("c23"));
        assert_int_equal(answer.status, misfit ? ANSWER_REFUSED : ANSWER_OK);
        assert_int_equal(answer.refusal.code, misfit ? REFUSAL_unstorable : REFUSAL_NONE);
    }
    assert_string_equal(value_of("SELECT count(*) FROM evaluation.seen"), "39");
    assert_string_equal(value_of("SELECT count(*) || ' ' || max(\"offset\") FROM evaluation.event"),
                        "39 39");
    submit("c23", "misfit"); /* decided: the first answer again */
    assert_answer(ANSWER_REFUSED, REFUSAL_unstorable);
    arena_destroy(&arena);
}

/* Who hears of an event that is not in the log would have what nobody else has. */
static void what_is_not_committed_is_not_published(void **state)
{
    (void)state;
    published_count = 0;
    submit("a", "misfit");
    assert_answer(ANSWER_REFUSED, REFUSAL_unstorable);
    assert_int_equal(published_count, 0);
    submit("b", "fit");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_int_equal(published_count, 1);
    assert_int_equal(published_last, 1);
    submit("b", "fit"); /* said again is not happened again */
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_int_equal(published_count, 1);
}

static void a_stale_owner_changes_nothing_and_says_retry(void **state)
{
    (void)state;
    submit("a", "mine");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    server_do(dsn, "UPDATE evaluation.lease SET epoch = epoch + 1, holder = 'another'");
    submit("b", "not mine");
    assert_answer(ANSWER_RETRY, REFUSAL_not_owner);
    assert_string_equal(value_of(SEEN), "mine");
    assert_string_equal(value_of("SELECT count(*) FROM evaluation.command"), "1");
    /* The other one never beats: after its time the desk takes the lease back and goes on at the
     * next offset. */
    assert_comes("SELECT holder FROM evaluation.lease", "toy-1");
    submit("b", "not mine");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(
        value_of(
            "SELECT string_agg(\"offset\"::text, ' ' ORDER BY \"offset\") FROM evaluation.event"),
        "1 2");
}

/* PostgreSQL's patience with an idle transaction does not run in the midst of a pipeline, which a
 * connection without that setting stands for. */
static void a_holder_stuck_in_a_transaction_is_cut_off(void **state)
{
    (void)state;
    submit("a", "mine");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    server_do(dsn, "UPDATE evaluation.lease SET epoch = epoch + 1, holder = 'another'");
    char stuck_dsn[sizeof role_dsn + 64];
    snprintf(stuck_dsn, sizeof stuck_dsn, "%s application_name='another desk'", role_dsn);
    PGconn *stuck = server_connect(stuck_dsn);
    PQclear(PQexec(stuck, "BEGIN"));
    PGresult *locked = PQexec(stuck, "SELECT epoch FROM evaluation.lease FOR SHARE");
    assert_int_equal(PQntuples(locked), 1);
    PQclear(locked);
    assert_comes("SELECT holder FROM evaluation.lease", "toy-1");
    PQclear(PQexec(stuck, "COMMIT"));
    assert_int_equal(PQstatus(stuck), CONNECTION_BAD);
    PQfinish(stuck);
    submit("b", "mine again");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
}

static void a_foreign_row_in_the_log_makes_it_look_again(void **state)
{
    (void)state;
    submit("a", "first");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    event_put("evaluation", 2, "order_withdrawn", "order/9", 1);
    submit("b", "second");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of("SELECT max(\"offset\") FROM evaluation.event"), "3");
}

static void a_lost_connection_loses_and_doubles_nothing(void **state)
{
    (void)state;
    char id[16];
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof id, "c%d", i);
        submit(id, "row");
        if (i % 20 == 10)
            server_do(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = "
                           "'ztc_evaluation'");
    }
    for (int i = 0; i < 60; i++)
        assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of("SELECT count(*) FROM evaluation.seen"), "60");
    assert_string_equal(value_of("SELECT count(*) || ' ' || max(\"offset\") FROM evaluation.event"),
                        "60 60");
}

/* A server that takes connections and refuses writes, as with a full disk: nobody waits in vain,
 * the desk does not run in circles, and all goes on by itself. */
static void trouble_that_stays_is_waited_out(void **state)
{
    (void)state;
    submit("a", "before");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    server_do(dsn, "REVOKE INSERT ON evaluation.event FROM ztc_evaluation");
    config.answer_wait_ms = 2000;
    int64_t troubles = metric_get(METRIC_records_lost_total), begun = clock_monotonic_ms();
    submit("b", "in vain");
    assert_answer(ANSWER_RETRY, REFUSAL_not_ready);
    assert_in_range(clock_monotonic_ms() - begun, 2000, 8000);
    assert_in_range(metric_get(METRIC_records_lost_total) - troubles, 1, 10);
    submit("c", "patient");
    server_do(dsn, "GRANT INSERT ON evaluation.event TO ztc_evaluation");
    struct arena *arena = arena_new();
    struct answer answer = next_answer(arena);
    assert_true(answer.status == ANSWER_OK || answer.status == ANSWER_RETRY);
    submit("b", "in vain");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    arena_destroy(&arena);
}

/* Not a matter of content, but one row's all the same: an index takes 2,704 bytes. */
static void a_row_too_large_for_an_index_is_at_fault_alone(void **state)
{
    (void)state;
    char long_reason[3001];
    uint32_t noise = 1; /* or it would be compressed */
    for (size_t i = 0; i + 1 < sizeof long_reason; i++) {
        noise = noise * 1664525 + 1013904223;
        long_reason[i] = (char)(' ' + 1 + (noise >> 24) % 90);
    }
    long_reason[sizeof long_reason - 1] = '\0';
    server_do(dsn, "CREATE INDEX ON evaluation.seen (what)");
    submit("a", "fits");
    submit("b", long_reason);
    submit("c", "fits too");
    struct arena *arena = arena_new();
    for (int i = 0; i < 3; i++) {
        struct answer answer = next_answer(arena);
        bool large = text_equal(answer.id, TEXT("b"));
        assert_int_equal(answer.status, large ? ANSWER_REFUSED : ANSWER_OK);
        assert_int_equal(answer.refusal.code, large ? REFUSAL_unstorable : REFUSAL_NONE);
    }
    assert_string_equal(value_of(SEEN), "fits, fits too");
    arena_destroy(&arena);
}

static void what_is_past_its_use_is_pruned(void **state)
{
    (void)state;
    desk_end();
    config.batch_max = 1; /* a row of a cursor for every event */
    server_do(dsn, "INSERT INTO evaluation.command SELECT 'd', 'town', 'old' || n, '', '', "
                   "clock_timestamp() - interval '31 days' FROM generate_series(1, 3000) n");
    server_do(dsn, "INSERT INTO evaluation.command SELECT 'd', 'town', 'young', '', '', "
                   "clock_timestamp() - interval '29 days'");
    for (int i = 1; i <= 2 * 64; i++)
        event_put("intake", i, "order_withdrawn", "order/1", i);
    desk_begin();
    assert_comes("SELECT count(*) FROM evaluation.seen", "128");
    assert_comes("SELECT string_agg(id, ' ') FROM evaluation.command", "young");
    assert_comes("SELECT count(*) < 64 FROM evaluation.cursor", "t");
    assert_string_equal(value_of("SELECT max(to_offset) FROM evaluation.cursor"), "128");
    desk_end(); /* what is left suffices to go on from */
    event_put("intake", 129, "order_withdrawn", "order/1", 129);
    desk_begin();
    assert_comes("SELECT count(*) FROM evaluation.seen", "129");
}

/* What concerns nobody is stored in one row however long it is; that row is the position. */
static void a_position_outlives_its_pruning(void **state)
{
    (void)state;
    desk_end();
    serving = &choosy;
    config.batch_max = 1;
    desk_begin();
    for (int i = 1; i <= 70; i++)
        village_put(i, "v");
    head_is_told(SERVICE_intake, 70);
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "70");
    event_put("intake", 71, "order_withdrawn", "order/1", 71);
    /* At one stroke: a look that comes between sees none of the stretch or all of it. */
    server_do(dsn, "INSERT INTO intake.event SELECT part, o, gen_random_uuid(), type, o, district, "
                   "key, time, recorded, traceparent, body "
                   "FROM intake.event, generate_series(72, 100) AS o WHERE \"offset\" = 71");
    head_is_told(SERVICE_intake, 100);
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "100");
    assert_comes("SELECT count(*) < 64 FROM evaluation.cursor", "t");
    assert_string_equal(
        value_of("SELECT from_offset < 97 FROM evaluation.cursor WHERE to_offset = 100"), "t");
}

/* A partition holds a million offsets (0004_log_partition.sql): the owner writes into the next one
 * and its consumers read on, in one batch. */
static void logs_go_on_over_the_end_of_a_partition(void **state)
{
    (void)state;
    desk_end();
    event_put("evaluation", 999990, "order_withdrawn", "order/9", 1);
    server_do(dsn, "SET search_path = intake; SELECT intake.log_partition_ensure(1000000)");
    server_do(dsn, "INSERT INTO evaluation.cursor VALUES ('intake', 0, 999900, 999997)");
    for (int i = 0; i < 4; i++)
        event_put("intake", 999998 + i, "order_withdrawn", "order/1", 1 + i);
    desk_begin();
    assert_comes(SEEN, "order/1 v1, order/1 v2, order/1 v3, order/1 v4");
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "1000001");
    char id[16];
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "c%d", i);
        submit(id, "row");
    }
    for (int i = 0; i < 20; i++)
        assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of("SELECT min(\"offset\") || ' ' || max(\"offset\") || ' ' || "
                                 "count(*) FROM evaluation.event"),
                        "999990 1000010 21");
    assert_string_equal(value_of("SELECT count(*) FROM evaluation.event_000001"), "11");
    desk_end(); /* what is the head is found in the newest partition too */
    desk_begin();
    submit("after", "row");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of("SELECT max(\"offset\") FROM evaluation.event"), "1000011");
}

/* With half a million offsets left: who holds the log is not waited for, and its readers are not
 * disturbed. */
static void the_next_partition_is_made_beside_those_who_use_the_log(void **state)
{
    (void)state;
    desk_end();
    event_put("evaluation", 600000, "order_withdrawn", "order/9", 1);
    PGconn *other = server_connect(dsn);
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "LOCK TABLE evaluation.event IN SHARE UPDATE EXCLUSIVE MODE"));
    desk_begin();
    submit("a", "while it cannot be made");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_string_equal(value_of("SELECT to_regclass('evaluation.event_000001') IS NULL"), "t");
    PQclear(PQexec(other, "COMMIT"));
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "SELECT count(*) FROM evaluation.event"));
    assert_comes("SELECT to_regclass('evaluation.event_000001') IS NULL", "f");
    submit("b", "while somebody reads");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    PQfinish(other);
}

/* --- the reader beside it --- */

static atomic_bool query_is_held, query_is_there;

/* Answers whether village "v" is there; a query hangs for as long as it is held. */
static enum records_outcome answer_slowly(void *state, struct records *records,
                                          const struct directory *directory,
                                          struct inquiry *inquiry, struct arena *arena)
{
    (void)state, (void)records, (void)arena;
    atomic_store(&query_is_there, true);
    while (atomic_load(&query_is_held))
        poll(NULL, 0, 5);
    bool is_known = directory_organisation(directory, TEXT("d"), TEXT("v")) != NULL;
    inquiry->answer.status = is_known ? ANSWER_OK : ANSWER_REFUSED;
    inquiry->answer.refusal =
        refusal_of(is_known ? REFUSAL_NONE : REFUSAL_unknown_organisation, NULL);
    return RECORDS_OK;
}

static const struct reader_service slow = {.answer = answer_slowly};

static void ask(int64_t after)
{
    struct request *request = request_new();
    request->inquiry.query = (struct query){.id = TEXT("q"), .type = QUERY_board};
    if (after > 0)
        request->inquiry.query.after =
            (struct position_list){.count = 1, .items = {{SERVICE_intake, 0, after}}};
    request->arrived_ms = clock_monotonic_ms();
    assert_true(reader_submit(reader, request));
}

/* A report may take seconds: who registers an organisation meanwhile, and all after him, do not
 * wait for it. What is asked then knows it, as soon as it asks for that position. */
static void a_slow_query_delays_no_fact(void **state)
{
    (void)state;
    desk_end();
    atomic_store(&query_is_held, true);
    atomic_store(&query_is_there, false);
    desk_begin_with(&slow);
    ask(0);
    while (!atomic_load(&query_is_there))
        poll(NULL, 0, 5);
    village_put(1, "v");
    int64_t until = clock_monotonic_ms() + WAIT_MS / 3;
    while (strcmp(value_of("SELECT count(*) FROM evaluation.cursor"), "1") != 0 &&
           clock_monotonic_ms() < until)
        poll(NULL, 0, 20);
    atomic_store(&query_is_held, false);
    assert_answer(ANSWER_REFUSED, REFUSAL_unknown_organisation);
    ask(1);
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_true(clock_monotonic_ms() < until);
    desk_end(); /* what was known before is known from the start */
    desk_begin_with(&slow);
    ask(1);
    assert_answer(ANSWER_OK, REFUSAL_NONE);
}

static void a_restarted_desk_goes_on_where_the_other_ended(void **state)
{
    (void)state;
    event_put("intake", 1, "order_withdrawn", "order/1", 1);
    submit("a", "before");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_comes("SELECT max(to_offset) FROM evaluation.cursor", "1");
    desk_end();
    event_put("intake", 2, "order_withdrawn", "order/1", 2);
    desk_begin();
    submit("a", "before");
    assert_answer(ANSWER_OK, REFUSAL_NONE);
    assert_comes("SELECT count(*) FROM evaluation.seen", "3");
    assert_comes("SELECT epoch FROM evaluation.lease", "2");
}

int main(void)
{
    log_open("evaluation", "toy-1", "error", "logfmt");
    clock_open("system");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_answer_is_given_again_and_another_body_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_of_long_ago_are_known_from_the_start, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cause_comes_before_effect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_blocks_its_own_key_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_set_aside_is_taken_up_again_in_its_turn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_follows_is_set_aside_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_concerns_nobody_needs_no_transaction, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lease_that_is_nobodys_is_free_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_at_fault_is_found_among_its_neighbours, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_committed_is_not_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stale_owner_changes_nothing_and_says_retry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_holder_stuck_in_a_transaction_is_cut_off, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_row_in_the_log_makes_it_look_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lost_connection_loses_and_doubles_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(trouble_that_stays_is_waited_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_too_large_for_an_index_is_at_fault_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_past_its_use_is_pruned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_position_outlives_its_pruning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logs_go_on_over_the_end_of_a_partition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_partition_is_made_beside_those_who_use_the_log,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_query_delays_no_fact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restarted_desk_goes_on_where_the_other_ended, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("desk", tests, NULL, NULL);
}
