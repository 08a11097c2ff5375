#include "events/pack.h"
#include "notification_sql.h"
#include "runtime/clock.h"
#include "services/notification/shell_private.h"

#define ALL_OFFSETS INT64_MAX /* as what happens next will be judged */

static enum records_outcome refused(struct inquiry *inquiry, struct refusal refusal)
{
    inquiry->answer.status = ANSWER_REFUSED;
    inquiry->answer.refusal = refusal;
    return RECORDS_OK;
}

static enum records_outcome answered(struct records *records, struct inquiry *inquiry,
                                     const struct pack *pack)
{
    inquiry->answer.status = ANSWER_OK;
    inquiry->answer.result_body = pack_done(pack);
    records_clear(records);
    return RECORDS_OK;
}

static void *fact_read(enum event_type type, struct bytes body, struct arena *arena)
{
    struct refusal refusal;
    void *fact = arena_alloc(arena, event_types[type].size);
    return message_decode(&event_types[type], body, arena, fact, &refusal) ? fact : NULL;
}

static void pack_names(struct pack *pack, const char *key, const struct text_list *names)
{
    pack_list(pack, key);
    for (size_t i = 0; i < names->count; i++)
        pack_text(pack, NULL, names->items[i]);
    pack_end(pack);
}

/* A word with its names, as reporting shows them: KEY, KEY_zh, KEY_en. */
static void pack_word(struct pack *pack, const char *key, const struct words *words,
                      struct text name, struct arena *arena)
{
    int number = words_find(words, name);
    pack_text(pack, key, name);
    if (number < 0)
        return;
    pack_string(pack, arena_format(arena, "%s_zh", key).at, words->zh[number]);
    pack_string(pack, arena_format(arena, "%s_en", key).at, words->en[number]);
}

static void pack_number(struct pack *pack, const char *key, const struct words *words, int number,
                        struct arena *arena)
{
    pack_word(pack, key, words, text_of(words_name(words, number)), arena);
}

/* --- subscriptions ------------------------------------------------------------------------------
 */

/* The sides that an organisation may be; its own rules are about these. */
static unsigned sides_of(enum organisation_kind kind)
{
    switch (kind) {
    case KIND_village:
    case KIND_site:
    case KIND_town:
        return 1U << SIDE_place | 1U << SIDE_town;
    case KIND_squad:
        return 1U << SIDE_squad;
    case KIND_department:
        return 1U << SIDE_department;
    case KIND_committee:
        return (1U << SIDE_COUNT) - 1; /* the district's rules are about all */
    case KIND_feed:
        return 1U << SIDE_feed;
    case KIND_surveyor:
    case KIND_COUNT:
        break;
    }
    return 0;
}

static void pack_rule(struct pack *pack, const struct subscription_registered *fact,
                      int64_t version, struct arena *arena)
{
    pack_map(pack, NULL);
    pack_text(pack, "rule", fact->rule);
    pack_number(pack, "source", &words_source,
                fact->organisation.length == 0 ? SOURCE_district : SOURCE_organisation, arena);
    pack_text_given(pack, "by", fact->by);
    pack_names(pack, "sides", &fact->sides);
    pack_names(pack, "events", &fact->events);
    pack_string(pack, "channel", words_name(&words_channel, fact->channel));
    pack_text_given(pack, "endpoint", fact->endpoint);
    pack_string(pack, "urgency", words_name(&words_urgency, fact->urgency));
    pack_text_given(pack, "quiet_from", fact->quiet_from);
    pack_text_given(pack, "quiet_to", fact->quiet_to);
    pack_flag(pack, "muted", fact->muted);
    pack_flag(pack, "enabled", fact->enabled);
    pack_int(pack, "version", version);
    pack_end(pack);
}

/* One line of what the inbox is told by all rules together, of an order as urgent as can be. */
static void pack_told(struct pack *pack, const struct rulebook *book, const struct matter *matter,
                      enum side side, struct text owner, struct arena *arena)
{
    struct matter ordinary = *matter;
    ordinary.urgency = URGENCY_normal;
    struct telling telling = rulebook_tell(book, matter, side, owner, CHANNEL_inbox, TEXT(""));
    bool by_default = telling.verdict == VERDICT_default;
    bool told =
        by_default ? rule_find(matter->event, side) != NULL : telling.verdict == VERDICT_told;
    if (by_default && !told)
        return;
    pack_map(pack, NULL);
    pack_number(pack, "side", &words_side, (int)side, arena);
    pack_string(pack, "event", event_types[matter->event].name);
    pack_flag(pack, "told", told);
    if (rulebook_tell(book, &ordinary, side, owner, CHANNEL_inbox, TEXT("")).verdict !=
        telling.verdict)
        pack_flag(pack, "only_urgent", true);
    pack_number(pack, "source", &words_source, (int)telling.source, arena);
    pack_end(pack);
}

static void pack_inbox_rules(struct pack *pack, const struct rulebook *book,
                             const struct organisation *of, struct arena *arena)
{
    struct text owner = of->kind == KIND_committee ? TEXT("") : of->code;
    pack_list(pack, "inbox");
    for (int side = 0; side < SIDE_feed; side++)
        for (int event = 0; event < EVENT_COUNT; event++) {
            struct matter matter = {.district = of->district,
                                    .event = (enum event_type)event,
                                    .producer = SERVICE_intake,
                                    .offset = ALL_OFFSETS,
                                    .urgency = URGENCY_critical};
            if ((sides_of(of->kind) & 1U << side) != 0 && event_is_of_order(matter.event))
                pack_told(pack, book, &matter, (enum side)side, owner, arena);
        }
    pack_end(pack);
}

/* Puts every version into the book and packs those that stand. */
static void pack_rules(struct pack *pack, const struct rows *rows, struct rulebook *book,
                       struct text district, struct arena *arena)
{
    size_t count = rows_count(rows);
    pack_list(pack, "rules");
    for (size_t row = 0; row < count; row++) {
        const struct subscription_registered *fact =
            fact_read(EVENT_subscription_registered, rows_bytes(rows, row, 1), arena);
        if (fact == NULL)
            continue;
        rulebook_put_rule(book, district, fact, rows_int(rows, row, 0));
        const struct subscription_registered *next =
            row + 1 < count
                ? fact_read(EVENT_subscription_registered, rows_bytes(rows, row + 1, 1), arena)
                : NULL;
        bool last = next == NULL || !text_equal(next->rule, fact->rule) ||
                    !text_equal(next->organisation, fact->organisation);
        if (last && !fact->removed)
            pack_rule(pack, fact, rows_int(rows, row, 0), arena);
    }
    pack_end(pack);
}

enum records_outcome answer_subscriptions(struct records *records,
                                          const struct directory *directory,
                                          struct inquiry *inquiry, struct arena *arena)
{
    const struct subscriptions *asked = inquiry->query.body;
    const struct caller *caller = &inquiry->caller;
    struct owner_scope scope;
    struct refusal refusal;
    if (!query_scope(directory, caller, TEXT(""), asked->organisation, &scope, &refusal))
        return refused(inquiry, refusal);
    struct text wanted = scope.organisation.length > 0 ? scope.organisation : caller->organisation;
    const struct organisation *of = directory_organisation(directory, scope.district, wanted);
    if (of == NULL)
        return refused(inquiry, refusal_of(REFUSAL_missing_field, "organisation"));
    struct params *params = params_new(arena);
    params_text(params, scope.district);
    params_text(params, wanted);
    const struct rows *rows = records_send(records, &notification_sql_rules_of, params);
    enum records_outcome outcome = records_run(records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct rulebook *book = rulebook_new();
    struct pack *pack = pack_new(arena);
    pack_map(pack, NULL);
    pack_text(pack, "organisation", wanted);
    pack_rules(pack, rows, book, scope.district, arena);
    pack_inbox_rules(pack, book, of, arena);
    pack_end(pack);
    rulebook_destroy(&book);
    return answered(records, inquiry, pack);
}

/* --- endpoints ----------------------------------------------------------------------------------
 */

enum webhook_column {
    WEBHOOK_ORGANISATION,
    WEBHOOK_VERSION,
    WEBHOOK_BODY,
    WEBHOOK_GONE,
    WEBHOOK_NOT_BEFORE,
    WEBHOOK_FAILURES,
    WEBHOOK_TIME,
    WEBHOOK_STATUS,
    WEBHOOK_ERROR,
    WEBHOOK_UNTIL,
    WEBHOOK_WAITING,
    WEBHOOK_DEAD
};

static void pack_webhook(struct pack *pack, const struct rows *rows, size_t row,
                         struct arena *arena)
{
    const struct webhook_registered *fact =
        fact_read(EVENT_webhook_registered, rows_bytes(rows, row, WEBHOOK_BODY), arena);
    if (fact == NULL)
        return;
    bool gone = !rows_null(rows, row, WEBHOOK_GONE);
    pack_map(pack, NULL);
    pack_text(pack, "endpoint", fact->endpoint);
    pack_text(pack, "organisation", fact->organisation);
    pack_text(pack, "url", fact->url);
    pack_names(pack, "events", &fact->events);
    pack_flag(pack, "by_rules", fact->by_rules);
    pack_flag(pack, "enabled", fact->enabled && !gone);
    pack_time_given(pack, "gone", rows_time(rows, row, WEBHOOK_GONE));
    pack_time_given(pack, "not_before", rows_time(rows, row, WEBHOOK_NOT_BEFORE));
    pack_time_given(pack, "until", rows_time(rows, row, WEBHOOK_UNTIL));
    pack_int(pack, "waiting", rows_int(rows, row, WEBHOOK_WAITING));
    pack_int(pack, "dead", rows_int(rows, row, WEBHOOK_DEAD));
    if (!rows_null(rows, row, WEBHOOK_FAILURES)) { /* it was sent something */
        pack_int(pack, "failures", rows_int(rows, row, WEBHOOK_FAILURES));
        pack_time_given(pack, "time", rows_time(rows, row, WEBHOOK_TIME));
        pack_int(pack, "status", rows_int(rows, row, WEBHOOK_STATUS));
        pack_word(pack, "error", &words_failure, rows_text(rows, row, WEBHOOK_ERROR), arena);
    }
    pack_int(pack, "version", rows_int(rows, row, WEBHOOK_VERSION));
    pack_end(pack);
}

enum records_outcome answer_webhooks(struct records *records, const struct directory *directory,
                                     struct inquiry *inquiry, struct arena *arena)
{
    const struct webhooks *asked = inquiry->query.body;
    struct owner_scope scope;
    struct refusal refusal;
    if (!query_scope(directory, &inquiry->caller, asked->district, asked->organisation, &scope,
                     &refusal))
        return refused(inquiry, refusal);
    struct params *params = params_new(arena);
    params_text(params, scope.district);
    params_text(params, scope.organisation);
    params_time(params, clock_now_ms());
    const struct rows *rows = records_send(records, &notification_sql_webhooks_list, params);
    enum records_outcome outcome = records_run(records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct pack *pack = pack_new(arena);
    pack_map(pack, NULL);
    pack_list(pack, "webhooks");
    for (size_t row = 0; row < rows_count(rows); row++)
        pack_webhook(pack, rows, row, arena);
    pack_end(pack);
    pack_end(pack);
    return answered(records, inquiry, pack);
}

/* --- deliveries and dead letters ----------------------------------------------------------------
 */

enum delivery_column {
    DELIVERY_NOTICE,
    DELIVERY_ORGANISATION,
    DELIVERY_ENDPOINT,
    DELIVERY_EVENT,
    DELIVERY_TYPE,
    DELIVERY_SIDE,
    DELIVERY_ORDER,
    DELIVERY_STATE,
    DELIVERY_RECORDED,
    DELIVERY_DUE,
    DELIVERY_TRIES,
    DELIVERY_RESENT,
    DELIVERY_FINISHED,
    DELIVERY_ERROR
};

enum attempt_column {
    ATTEMPT_NOTICE,
    ATTEMPT_ORGANISATION,
    ATTEMPT_ENDPOINT,
    ATTEMPT_TIME,
    ATTEMPT_STATUS,
    ATTEMPT_ERROR,
    ATTEMPT_MS,
    ATTEMPT_RESENT,
    ATTEMPT_NUMBER
};

/* The attempts of one delivery, found by its names: the two statements need not see the same. */
static void pack_attempts(struct pack *pack, const struct rows *attempts, const struct rows *rows,
                          size_t row, struct arena *arena)
{
    pack_list(pack, "attempts");
    for (size_t at = 0; at < rows_count(attempts); at++) {
        if (rows_int(attempts, at, ATTEMPT_NOTICE) != rows_int(rows, row, DELIVERY_NOTICE) ||
            !text_equal(rows_text(attempts, at, ATTEMPT_ENDPOINT),
                        rows_text(rows, row, DELIVERY_ENDPOINT)) ||
            !text_equal(rows_text(attempts, at, ATTEMPT_ORGANISATION),
                        rows_text(rows, row, DELIVERY_ORGANISATION)))
            continue;
        pack_map(pack, NULL);
        pack_int(pack, "try", rows_int(attempts, at, ATTEMPT_NUMBER));
        pack_int(pack, "resent", rows_int(attempts, at, ATTEMPT_RESENT));
        pack_time_given(pack, "time", rows_time(attempts, at, ATTEMPT_TIME));
        pack_int(pack, "status", rows_int(attempts, at, ATTEMPT_STATUS));
        pack_word(pack, "error", &words_failure, rows_text(attempts, at, ATTEMPT_ERROR), arena);
        pack_int(pack, "ms", rows_int(attempts, at, ATTEMPT_MS));
        pack_end(pack);
    }
    pack_end(pack);
}

static void pack_delivery(struct pack *pack, const struct rows *rows, size_t row,
                          const struct rows *attempts, struct arena *arena)
{
    struct text state = rows_text(rows, row, DELIVERY_STATE);
    pack_map(pack, NULL);
    pack_int(pack, "notice", rows_int(rows, row, DELIVERY_NOTICE));
    pack_text(pack, "organisation", rows_text(rows, row, DELIVERY_ORGANISATION));
    pack_text(pack, "endpoint", rows_text(rows, row, DELIVERY_ENDPOINT));
    pack_text(pack, "event", rows_text(rows, row, DELIVERY_EVENT));
    pack_text(pack, "type", rows_text(rows, row, DELIVERY_TYPE));
    pack_word(pack, "side", &words_side, rows_text(rows, row, DELIVERY_SIDE), arena);
    pack_int(pack, "order", rows_int(rows, row, DELIVERY_ORDER));
    pack_word(pack, "delivery", &words_outcome, state, arena);
    if (text_equal(state, TEXT("waiting")))
        pack_time_given(pack, "due", rows_time(rows, row, DELIVERY_DUE));
    pack_int(pack, "tries", rows_int(rows, row, DELIVERY_TRIES));
    pack_int(pack, "resent", rows_int(rows, row, DELIVERY_RESENT));
    pack_time_given(pack, "finished", rows_time(rows, row, DELIVERY_FINISHED));
    pack_word(pack, "error", &words_failure, rows_text(rows, row, DELIVERY_ERROR), arena);
    pack_time_given(pack, "recorded", rows_time(rows, row, DELIVERY_RECORDED));
    pack_attempts(pack, attempts, rows, row, arena);
    pack_end(pack);
}

/* What both queries ask for; their messages have the same fields. */
struct page {
    struct text district, organisation, endpoint;
    int64_t before, limit;
    bool dead;
};

static struct page page_of(const struct query *query)
{
    if (query->type == QUERY_dead_letters) {
        const struct dead_letters *asked = query->body;
        return (struct page){asked->district, asked->organisation, asked->endpoint,
                             asked->before,   asked->limit,        true};
    }
    const struct deliveries *asked = query->body;
    return (struct page){asked->district, asked->organisation, asked->endpoint,
                         asked->before,   asked->limit,        false};
}

static struct params *page_params(const struct page *page, const struct owner_scope *scope,
                                  struct arena *arena)
{
    struct params *params = params_new(arena);
    params_text(params, scope->district);
    params_text(params, scope->organisation);
    params_text(params, page->endpoint);
    params_int(params, page->before > 0 ? page->before : INT64_MAX);
    params_int(params, page->limit);
    params_flag(params, page->dead);
    return params;
}

enum records_outcome answer_deliveries(struct records *records, const struct directory *directory,
                                       struct inquiry *inquiry, struct arena *arena)
{
    const struct page page = page_of(&inquiry->query);
    struct owner_scope scope;
    struct refusal refusal;
    if (!query_scope(directory, &inquiry->caller, page.district, page.organisation, &scope,
                     &refusal))
        return refused(inquiry, refusal);
    const struct params *params = page_params(&page, &scope, arena);
    const struct rows *rows = records_send(records, &notification_sql_deliveries_page, params);
    const struct rows *attempts = records_send(records, &notification_sql_attempts_page, params);
    enum records_outcome outcome = records_run(records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct pack *pack = pack_new(arena);
    size_t count = rows_count(rows);
    pack_map(pack, NULL);
    pack_list(pack, page.dead ? "dead_letters" : "deliveries");
    for (size_t row = 0; row < count; row++)
        pack_delivery(pack, rows, row, attempts, arena);
    pack_end(pack);
    if ((int64_t)count >= page.limit) /* the last notice is there whole */
        pack_int(pack, "next", rows_int(rows, count - 1, DELIVERY_NOTICE));
    pack_end(pack);
    return answered(records, inquiry, pack);
}
