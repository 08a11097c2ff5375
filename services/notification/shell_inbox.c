#include "domain/directory_walk.h"
#include "events/pack.h"
#include "notification_sql.h"
#include "services/notification/core.h"
#include "services/notification/shell_private.h"

enum inbox_column {
    INBOX_NOTICE,
    INBOX_PRODUCER,
    INBOX_OFFSET,
    INBOX_TYPE,
    INBOX_SIDE,
    INBOX_ORDER,
    INBOX_PLACE,
    INBOX_TOWN,
    INBOX_SQUAD,
    INBOX_DUE,
    INBOX_TIME,
    INBOX_RECORDED
};

struct page {
    const struct directory *directory;
    struct text district, time_zone;
    const struct rows *rows;
    struct arena *arena;
    struct pack *pack;
};

static struct text page_name(const struct page *page, size_t row, int column, bool zh)
{
    return directory_shown_name(page->directory, page->district, rows_text(page->rows, row, column),
                                zh);
}

static void pack_sentence(const struct page *page, size_t row, const struct rule *rule, bool zh)
{
    char due[INSTANT_TEXT_MAX];
    struct notice_words words = {
        .order = rows_int(page->rows, row, INBOX_ORDER),
        .place = page_name(page, row, INBOX_PLACE, zh),
        .town = page_name(page, row, INBOX_TOWN, zh),
        .squad = page_name(page, row, INBOX_SQUAD, zh),
    };
    if (!rows_null(page->rows, row, INBOX_DUE))
        words.due = text_of(
            instant_format_local(rows_time(page->rows, row, INBOX_DUE), page->time_zone, due));
    pack_text(page->pack, zh ? "text_zh" : "text_en",
              notice_text(zh ? rule->zh : rule->en, &words, page->arena));
}

/* A party with its names, as reporting shows them: KEY, KEY_zh, KEY_en. */
static void pack_party(const struct page *page, size_t row, const char *key, int column)
{
    if (rows_text(page->rows, row, column).length == 0)
        return;
    pack_text(page->pack, key, rows_text(page->rows, row, column));
    pack_text(page->pack, arena_format(page->arena, "%s_zh", key).at,
              page_name(page, row, column, true));
    pack_text(page->pack, arena_format(page->arena, "%s_en", key).at,
              page_name(page, row, column, false));
}

static void pack_notice(const struct page *page, size_t row)
{
    const struct rows *rows = page->rows;
    struct pack *pack = page->pack;
    pack_map(pack, NULL);
    pack_int(pack, "notice", rows_int(rows, row, INBOX_NOTICE));
    pack_text(pack, "type", rows_text(rows, row, INBOX_TYPE));
    pack_text(pack, "side", rows_text(rows, row, INBOX_SIDE));
    pack_int(pack, "order", rows_int(rows, row, INBOX_ORDER));
    pack_party(page, row, "place", INBOX_PLACE);
    pack_party(page, row, "squad", INBOX_SQUAD);
    pack_time_given(pack, "due", rows_time(rows, row, INBOX_DUE));
    pack_time_given(pack, "time", rows_time(rows, row, INBOX_TIME));
    pack_time_given(pack, "recorded", rows_time(rows, row, INBOX_RECORDED));
    pack_text(pack, "producer", rows_text(rows, row, INBOX_PRODUCER));
    pack_int(pack, "offset", rows_int(rows, row, INBOX_OFFSET));
    int event = event_find(rows_text(rows, row, INBOX_TYPE));
    int side = words_find(&words_side, rows_text(rows, row, INBOX_SIDE));
    const struct rule *rule =
        event < 0 || side < 0 ? NULL : rule_find((enum event_type)event, (enum side)side);
    if (rule != NULL) {
        pack_sentence(page, row, rule, true);
        pack_sentence(page, row, rule, false);
    } else if (event >=
               0) { /* told by a subscription rule, for which there is no better sentence */
        long long order = (long long)rows_int(rows, row, INBOX_ORDER);
        pack_text(pack, "text_zh",
                  arena_format(page->arena, "订单 %lld：%s", order, event_types[event].zh));
        pack_text(pack, "text_en",
                  arena_format(page->arena, "order %lld: %s", order, event_types[event].en));
    }
    pack_end(pack);
}

static struct bytes pack_inbox(struct page *page, struct text reader, int64_t limit)
{
    page->pack = pack_new(page->arena);
    size_t count = page->rows == NULL ? 0 : rows_count(page->rows);
    pack_map(page->pack, NULL);
    pack_text(page->pack, "organisation", reader);
    pack_list(page->pack, "notices");
    for (size_t i = 0; i < count; i++)
        pack_notice(page, i);
    pack_end(page->pack);
    if ((int64_t)count == limit)
        pack_int(page->pack, "next", rows_int(page->rows, count - 1, INBOX_NOTICE));
    pack_end(page->pack);
    return pack_done(page->pack);
}

enum records_outcome answer_inbox(struct records *records, const struct directory *directory,
                                  struct inquiry *inquiry, struct arena *arena)
{
    const struct inbox *asked = inquiry->query.body;
    const struct caller *caller = &inquiry->caller;
    struct addresses addresses;
    if (!inbox_addresses(directory, caller, asked->organisation, arena, &addresses,
                         &inquiry->answer.refusal)) {
        inquiry->answer.status = ANSWER_REFUSED;
        return RECORDS_OK;
    }
    const struct district *district = directory_district(directory, caller->district);
    struct page page = {.directory = directory,
                        .district = caller->district,
                        .time_zone = district == NULL ? TEXT("UTC") : district->time_zone,
                        .arena = arena};
    if (addresses.count > 0) {
        struct params *params = params_new(arena);
        params_text(params, caller->district);
        params_texts(params, addresses.sides, addresses.count);
        params_texts(params, addresses.organisations, addresses.count);
        params_int(params, asked->before > 0 ? asked->before : INT64_MAX);
        params_text(params, addresses.reader);
        params_int(params, asked->limit);
        page.rows = records_send(records, &notification_sql_inbox_page, params);
        enum records_outcome outcome = records_run(records);
        if (outcome != RECORDS_OK)
            return outcome;
    }
    inquiry->answer.status = ANSWER_OK;
    inquiry->answer.result_body = pack_inbox(&page, addresses.reader, asked->limit);
    records_clear(records);
    return RECORDS_OK;
}
