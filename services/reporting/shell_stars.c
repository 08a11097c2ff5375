/* stars and directory_list: what every role of a district may see. */
#include "domain/rating.h"
#include "reporting_sql.h"
#include "services/reporting/shell.h"

enum stars_column {
    STARS_SQUAD,
    STARS_SCHEME,
    STARS_STARS,
    STARS_COUNTED,
    STARS_TOTAL,
    STARS_DISTRICT_COUNTED,
    STARS_DISTRICT_TOTAL
};
enum counted_column {
    COUNTED_OFFSET,
    COUNTED_ORDER,
    COUNTED_PLACE,
    COUNTED_SATISFACTION,
    COUNTED_TIME
};

static void pack_stars(struct asking *asking, struct text squad, struct text scheme,
                       const struct star_sums *sums)
{
    struct pack *pack = asking->pack;
    const struct rating_sums rating = {sums->counted, sums->total, sums->district_counted,
                                       sums->district_total};
    asking_pack_organisation(asking, "squad", squad);
    pack_text(pack, "scheme", scheme);
    if (sums->counted > 0) {
        pack_int(pack, "stars", sums->stars);
        pack_int(pack, "mean_milli", mean_milli(sums->counted, sums->total));
        pack_int(pack, "shrunk_milli", rating_mean_milli(&rating));
    }
    pack_int(pack, "counted", sums->counted);
    pack_int(pack, "total", sums->total);
    pack_int(pack, "district_counted", sums->district_counted);
    pack_int(pack, "district_total", sums->district_total);
    pack_text(pack, "explanation_zh", stars_sentence(sums, true, asking->arena));
    pack_text(pack, "explanation_en", stars_sentence(sums, false, asking->arena));
}

static void pack_counted(struct asking *asking, const struct rows *rows)
{
    struct pack *pack = asking->pack;
    size_t count = rows_count(rows);
    pack_list(pack, "events");
    for (size_t i = 0; i < count && i < COUNTED_MAX; i++) {
        pack_map(pack, NULL);
        pack_int(pack, "order", rows_int(rows, i, COUNTED_ORDER));
        asking_pack_organisation(asking, "place", rows_text(rows, i, COUNTED_PLACE));
        pack_int(pack, "satisfaction", rows_int(rows, i, COUNTED_SATISFACTION));
        pack_string(pack, "producer", words_name(&words_service, SERVICE_dispatch));
        pack_int(pack, "offset", rows_int(rows, i, COUNTED_OFFSET));
        pack_time_given(pack, "time", rows_time(rows, i, COUNTED_TIME));
        pack_end(pack);
    }
    pack_end(pack);
    if (count > COUNTED_MAX)
        pack_flag(pack, "events_are_cut", true);
}

/* The quarter asked for, or the latest that has stars; empty: there is none yet. */
static enum records_outcome stars_quarter(struct asking *asking, struct text wanted,
                                          struct text *quarter)
{
    *quarter = wanted;
    if (wanted.length > 0)
        return RECORDS_OK;
    struct params *params = params_new(asking->arena);
    params_text(params, asking->inquiry->caller.district);
    const struct rows *rows = records_send(asking->records, &reporting_sql_stars_latest, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome == RECORDS_OK)
        *quarter = arena_text(asking->arena, rows_text(rows, 0, 0));
    return outcome;
}

static void pack_squads(struct asking *asking, const struct stars *asked, struct text quarter,
                        const struct rows *rows, const struct rows *counted)
{
    struct star_sums sums = {.quarter = quarter};
    struct pack *pack = asking->pack;
    pack_list(pack, "squads");
    for (size_t i = 0; i < rows_count(rows) && i < STARS_MAX; i++) {
        sums.stars = (int)rows_int(rows, i, STARS_STARS);
        sums.counted = rows_int(rows, i, STARS_COUNTED);
        sums.total = rows_int(rows, i, STARS_TOTAL);
        sums.district_counted = rows_int(rows, i, STARS_DISTRICT_COUNTED);
        sums.district_total = rows_int(rows, i, STARS_DISTRICT_TOTAL);
        pack_map(pack, NULL);
        pack_stars(asking, rows_text(rows, i, STARS_SQUAD), rows_text(rows, i, STARS_SCHEME),
                   &sums);
        if (asked->squad.length > 0)
            pack_counted(asking, counted);
        pack_end(pack);
    }
    if (asked->squad.length > 0 && rows_count(rows) == 0) {
        pack_map(pack, NULL);
        pack_stars(asking, asked->squad, TEXT(RATING_SCHEME), &sums);
        pack_end(pack);
    }
    pack_end(pack);
    if (rows_count(rows) > STARS_MAX)
        pack_flag(pack, "is_cut", true);
}

static bool stars_are_sound(struct asking *asking, const struct stars *asked,
                            struct refusal *refusal)
{
    const struct caller *caller = &asking->inquiry->caller;
    if (!view_district(caller, refusal) ||
        !view_check_squad(asking->directory, caller->district, asked->squad, refusal))
        return false;
    if (asked->quarter.length == 0 || quarter_parse(asked->quarter) >= 0)
        return true;
    *refusal = refusal_of(REFUSAL_out_of_range, "quarter");
    return false;
}

enum records_outcome answer_stars(struct asking *asking)
{
    const struct stars *asked = asking->inquiry->query.body;
    struct text district = asking->inquiry->caller.district;
    struct refusal refusal;
    struct text quarter;
    if (!stars_are_sound(asking, asked, &refusal))
        return asking_refuse(asking, refusal);
    enum records_outcome outcome = stars_quarter(asking, asked->quarter, &quarter);
    if (outcome != RECORDS_OK)
        return outcome;
    struct params *whole = params_new(asking->arena);
    params_text(whole, district);
    params_text(whole, quarter);
    params_text(whole, asked->squad);
    params_int(whole, STARS_MAX + 1);
    /* The stars are the district's; each score is its place's. Who sees no orders sees none. */
    if (!view_orders(asking->directory, &asking->inquiry->caller, asking->arena, &asking->view,
                     &refusal))
        asking->view = (struct view){.kind = VIEW_place, .district = district, .code = TEXT("")};
    struct params *one = asking_params(asking);
    params_text(one, asked->squad);
    params_text(one, quarter);
    params_int(one, COUNTED_MAX + 1);
    const struct rows *rows = records_send(asking->records, &reporting_sql_stars_list, whole);
    const struct rows *counted = records_send(asking->records, &reporting_sql_counted_list, one);
    outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    pack_map(asking->pack, NULL);
    pack_text(asking->pack, "district", district);
    pack_text_given(asking->pack, "quarter", quarter);
    pack_squads(asking, asked, quarter, rows, counted);
    pack_end(asking->pack);
    return asking_done(asking);
}

static void pack_organisation(struct asking *asking, const struct organisation *there)
{
    struct pack *pack = asking->pack;
    pack_map(pack, NULL);
    pack_text(pack, "code", there->code);
    pack_string(pack, "kind", words_name(&words_organisation_kind, (int)there->kind));
    pack_text(pack, "name_zh", there->name_zh);
    pack_text(pack, "name_en", there->name_en.length > 0 ? there->name_en : there->name_zh);
    pack_text_given(pack, "short_zh", there->short_zh);
    asking_pack_organisation(asking, "parent", there->parent);
    if (there->kind == KIND_site)
        pack_string(pack, "site_kind", words_name(&words_site_kind, (int)there->site_kind));
    if (there->kind == KIND_squad) {
        pack_text_given(pack, "brand", there->brand);
        pack_list(pack, "categories");
        for (size_t i = 0; i < there->category_count; i++)
            pack_text(pack, NULL, there->categories[i]);
        pack_end(pack);
        pack_int(pack, "capacity", there->capacity);
    }
    pack_flag(pack, "sample", there->sample);
    pack_end(pack);
}

enum records_outcome answer_directory_list(struct asking *asking)
{
    const struct directory_list *asked = asking->inquiry->query.body;
    struct text district = asking->inquiry->caller.district;
    struct refusal refusal;
    if (!view_district(&asking->inquiry->caller, &refusal))
        return asking_refuse(asking, refusal);
    int kind = asked->kind.length == 0 ? (int)KIND_squad
                                       : words_find(&words_organisation_kind, asked->kind);
    if (kind < 0)
        return asking_refuse(asking, refusal_of(REFUSAL_unknown_word, "kind"));
    size_t limit = (size_t)asked->limit;
    const struct organisation **page =
        arena_array(asking->arena, limit, sizeof(const struct organisation *));
    size_t count =
        directory_organisations(asking->directory, district, kind, asked->after, page, limit);
    if (count > limit)
        count = limit;
    pack_map(asking->pack, NULL);
    pack_text(asking->pack, "district", district);
    pack_list(asking->pack, "organisations");
    for (size_t i = 0; i < count; i++)
        pack_organisation(asking, page[i]);
    pack_end(asking->pack);
    if (count == limit)
        pack_text(asking->pack, "next", page[count - 1]->code);
    pack_end(asking->pack);
    return asking_done(asking);
}
