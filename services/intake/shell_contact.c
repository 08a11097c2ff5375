#include "services/intake/shell_contact.h"

#include <stdlib.h>

#include "domain/contact.h"
#include "domain/directory_walk.h"
#include "events/pack.h"
#include "intake_sql.h"
#include "runtime/clock.h"
#include "services/intake/core_contact.h"

#define DAY_MS 86400000

static int64_t keep_days;

void contact_configure(const struct config *config)
{
    keep_days = config->contact_keep_days;
}

/* --- what commands do ------------------------------------------------------------------------- */

void contact_change_note(struct contact_change *change, const struct intake_decision *decision,
                         const struct caller *caller)
{
    change->order = decision->order;
    switch (decision->contact) {
    case CONTACT_LEFT:
        return;
    case CONTACT_GIVEN:
        change->name = decision->contact_name;
        change->phone = decision->contact_phone;
        break;
    case CONTACT_ERASED:
        change->is_erased = true;
        change->erased_by = caller->organisation;
        change->erased_role = caller->role;
        break;
    }
    change->last = decision->contact;
}

static void send_erased(struct batch *batch, const struct contact_change *changes, size_t count)
{
    struct params *params = params_new(batch->arena);
    params_time(params, batch->now);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *organisation = params_column(params, COLUMN_TEXT),
                  *role = params_column(params, COLUMN_TEXT);
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (!changes[i].is_erased)
            continue;
        column_text(district, changes[i].order->district);
        column_int(order, changes[i].order->id);
        column_text(organisation, changes[i].erased_by);
        column_text(role, text_of(words_name(&words_role, changes[i].erased_role)));
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &intake_sql_contact_erase, params);
}

static void send_given(struct batch *batch, const struct contact_change *changes, size_t count)
{
    struct params *params = params_new(batch->arena);
    params_time(params, batch->now);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *name = params_column(params, COLUMN_TEXT),
                  *phone = params_column(params, COLUMN_TEXT);
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].last != CONTACT_GIVEN)
            continue;
        column_text(district, changes[i].order->district);
        column_int(order, changes[i].order->id);
        column_text(name, changes[i].name);
        column_text(phone, changes[i].phone);
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &intake_sql_contact_write, params);
}

/* --- what dispatch's events do ---------------------------------------------------------------- */

struct turned {
    struct text district;
    struct contact_turn turn;
    bool is_first; /* the squad is asked in this batch: no row is there yet */
    int64_t ended; /* INSTANT_ABSENT: the order is not */
};
struct turns {
    struct turned *parts; /* each assignment once, as it is in the end */
    struct turned *over;  /* orders of which all assignments before are over */
    size_t part_count, over_count;
};

static bool is_of(const struct turned *turned, struct text district, int64_t order)
{
    return turned->turn.order == order && text_equal(turned->district, district);
}

static void turns_take_one(struct turns *turns, const struct turned *now)
{
    for (size_t i = turns->part_count; i-- > 0;)
        if (is_of(&turns->parts[i], now->district, now->turn.order) &&
            turns->parts[i].turn.assignment == now->turn.assignment) {
            bool was_first = turns->parts[i].is_first;
            turns->parts[i] = *now;
            turns->parts[i].is_first |= was_first;
            return;
        }
    turns->parts[turns->part_count++] = *now;
}

static void turns_take_all(struct turns *turns, const struct turned *now)
{
    for (size_t i = 0; i < turns->part_count; i++)
        if (is_of(&turns->parts[i], now->district, now->turn.order)) {
            turns->parts[i].turn.standing = CONTACT_OVER;
            turns->parts[i].ended = now->ended;
        }
    for (size_t i = 0; i < turns->over_count; i++)
        if (is_of(&turns->over[i], now->district, now->turn.order)) {
            turns->over[i].ended = now->ended;
            return;
        }
    turns->over[turns->over_count++] = *now;
}

static struct turns turns_of(const struct batch *batch)
{
    struct turns turns = {.parts = arena_array(batch->arena, batch->count + 1, sizeof *turns.parts),
                          .over = arena_array(batch->arena, batch->count + 1, sizeof *turns.over)};
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        if (input->kind != INPUT_EVENT)
            continue;
        struct turned now = {.district = input->event.district,
                             .turn = contact_turn_of(&input->event),
                             .is_first = input->event.type == EVENT_order_offered,
                             .ended = INSTANT_ABSENT};
        if (now.turn.is_ended)
            now.ended = input->event.recorded;
        switch (now.turn.scope) {
        case TURN_NONE:
            break;
        case TURN_ONE:
            turns_take_one(&turns, &now);
            break;
        case TURN_ALL:
            turns_take_all(&turns, &now);
            break;
        }
    }
    return turns;
}

static void send_over(struct batch *batch, const struct turns *turns)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *ended = params_column(params, COLUMN_TIMESTAMPTZ);
    for (size_t i = 0; i < turns->over_count; i++) {
        column_text(district, turns->over[i].district);
        column_int(order, turns->over[i].turn.order);
        column_time(ended, turns->over[i].ended);
    }
    if (turns->over_count > 0)
        records_send(batch->records, &intake_sql_contact_parts_over, params);
}

static void send_parts(struct batch *batch, const struct turns *turns)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *assignment = params_column(params, COLUMN_INT8),
                  *squad = params_column(params, COLUMN_TEXT),
                  *standing = params_column(params, COLUMN_TEXT),
                  *ended = params_column(params, COLUMN_TIMESTAMPTZ),
                  *is_first = params_column(params, COLUMN_BOOL);
    for (size_t i = 0; i < turns->part_count; i++) {
        const struct turned *part = &turns->parts[i];
        column_text(district, part->district);
        column_int(order, part->turn.order);
        column_int(assignment, part->turn.assignment);
        column_text(squad, part->turn.squad);
        column_text(standing, text_of(contact_standing_name(part->turn.standing)));
        column_time(ended, part->ended);
        column_flag(is_first, part->is_first);
    }
    if (turns->part_count > 0)
        records_send(batch->records, &intake_sql_contact_parts_write, params);
}

/* An order ends here or at dispatch. */
static void send_ended(struct batch *batch, const struct turns *turns,
                       const struct contact_change *changes, size_t count)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *ended = params_column(params, COLUMN_TIMESTAMPTZ);
    size_t sent = 0;
    for (size_t i = 0; i < turns->over_count; i++) {
        if (!turns->over[i].turn.is_ended)
            continue;
        column_text(district, turns->over[i].district);
        column_int(order, turns->over[i].turn.order);
        column_time(ended, turns->over[i].ended);
        sent++;
    }
    for (size_t i = 0; i < count; i++) {
        const struct intake_order *own = changes[i].order;
        if (own->state != ORDER_withdrawn && own->state != ORDER_cancelled)
            continue;
        column_text(district, own->district);
        column_int(order, own->id);
        column_time(ended, batch->now);
        sent++;
    }
    if (sent > 0)
        records_send(batch->records, &intake_sql_contact_end, params);
}

void contact_send(struct batch *batch, const struct contact_change *changes, size_t count)
{
    struct turns turns = turns_of(batch);
    send_erased(batch, changes, count);
    send_given(batch, changes, count);
    send_over(batch, &turns);
    send_parts(batch, &turns);
    send_ended(batch, &turns, changes, count);
}

void contact_tidy(struct records *records, int64_t now, struct arena *arena)
{
    if (keep_days == 0)
        return;
    struct params *data = params_new(arena), *parts = params_new(arena);
    params_time(data, now - keep_days * DAY_MS);
    params_time(data, now);
    params_time(parts, now - keep_days * DAY_MS);
    records_send(records, &intake_sql_contact_expire, data);
    records_send(records, &intake_sql_contact_parts_expire, parts);
}

/* --- queries ---------------------------------------------------------------------------------- */

enum found_column {
    FOUND_PLACE,
    FOUND_TOWN,
    FOUND_FEED,
    FOUND_IS_GIVEN,
    FOUND_NAME,
    FOUND_PHONE,
    FOUND_GIVEN,
    FOUND_ASKED,
    FOUND_LIVE,
    FOUND_BEHIND,
    FOUND_IS_STALE,
    FOUND_IS_BLOCKED
};

struct asking {
    struct records *records;
    const struct directory *directory;
    struct inquiry *inquiry;
    struct arena *arena;
};

static enum records_outcome refuse(const struct asking *asking, struct refusal refusal)
{
    asking->inquiry->answer.status = refusal_is_retry(refusal.code) ? ANSWER_RETRY : ANSWER_REFUSED;
    asking->inquiry->answer.refusal = refusal;
    records_clear(asking->records);
    return RECORDS_OK;
}

static enum records_outcome done(const struct asking *asking, const struct pack *pack)
{
    asking->inquiry->answer.status = ANSWER_OK;
    asking->inquiry->answer.result_body = pack_done(pack);
    records_clear(asking->records);
    return RECORDS_OK;
}

static void pack_contact(struct pack *pack, const struct rows *rows, int64_t order, bool is_whole,
                         struct arena *arena)
{
    struct text name = rows_text(rows, 0, FOUND_NAME), phone = rows_text(rows, 0, FOUND_PHONE);
    bool is_given = rows_flag(rows, 0, FOUND_IS_GIVEN);
    if (!is_whole && name.length > 0)
        name = contact_name_masked(name, arena);
    if (!is_whole && phone.length > 0)
        phone = contact_phone_masked(phone, arena);
    pack_map(pack, NULL);
    pack_int(pack, "order", order);
    pack_flag(pack, "is_given", is_given);
    pack_flag(pack, "is_whole", is_given && is_whole);
    pack_text_given(pack, "contact_name", name);
    pack_text_given(pack, "contact_phone", phone);
    pack_time_given(pack, "given", rows_time(rows, 0, FOUND_GIVEN));
    pack_end(pack);
}

/* Who sees it whole is written down before the answer leaves. */
static enum records_outcome write_down(const struct asking *asking, int64_t order)
{
    const struct caller *caller = &asking->inquiry->caller;
    struct params *params = params_new(asking->arena);
    params_text(params, caller->district);
    params_int(params, order);
    params_text(params, caller->organisation);
    params_text(params, text_of(words_name(&words_role, caller->role)));
    params_time(params, clock_now_ms());
    records_send(asking->records, &intake_sql_contact_audit_read, params);
    return records_run(asking->records);
}

static struct contact_facts facts_of(const struct asking *asking, const struct rows *rows)
{
    struct contact_facts facts = {.district = asking->inquiry->caller.district,
                                  .place = rows_text(rows, 0, FOUND_PLACE),
                                  .town = rows_text(rows, 0, FOUND_TOWN),
                                  .feed = rows_text(rows, 0, FOUND_FEED)};
    facts.asked_count = rows_texts(rows, 0, FOUND_ASKED, asking->arena, &facts.asked);
    /* What dispatch said of this order cannot be read here: nobody's assignment counts as live. */
    if (!rows_flag(rows, 0, FOUND_IS_BLOCKED))
        facts.live_count = rows_texts(rows, 0, FOUND_LIVE, asking->arena, &facts.live);
    return facts;
}

static enum records_outcome answer_show(const struct asking *asking)
{
    const struct contact_show *asked = asking->inquiry->query.body;
    const struct caller *caller = &asking->inquiry->caller;
    if (caller->district.length == 0)
        return refuse(asking, refusal_of(REFUSAL_forbidden, "district"));
    struct params *params = params_new(asking->arena);
    params_text(params, caller->district);
    params_int(params, asked->order);
    params_text(params, key_of_order(asked->order, asking->arena));
    params_int(params, CONTACT_BEHIND_MAX);
    const struct rows *rows = records_send(asking->records, &intake_sql_contact_find, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct refusal refusal;
    struct contact_facts none = {0};
    struct contact_facts facts = rows_count(rows) == 0 ? none : facts_of(asking, rows);
    enum contact_right right = contact_right_of(asking->directory, caller, &facts, &refusal);
    if (right == CONTACT_REFUSED && refusal.code == REFUSAL_forbidden)
        return refuse(asking, refusal);
    if (rows_count(rows) == 0)
        return refuse(asking, refusal_of(REFUSAL_unknown_order, "order"));
    if (rows_flag(rows, 0, FOUND_IS_STALE) || rows_int(rows, 0, FOUND_BEHIND) > CONTACT_BEHIND_MAX)
        return refuse(asking, refusal_of(REFUSAL_not_ready, NULL));
    if (right == CONTACT_REFUSED)
        return refuse(asking, refusal);
    struct pack *pack = pack_new(asking->arena);
    pack_contact(pack, rows, asked->order, right == CONTACT_WHOLE, asking->arena);
    if (right == CONTACT_WHOLE && rows_flag(rows, 0, FOUND_IS_GIVEN))
        outcome = write_down(asking, asked->order);
    return outcome == RECORDS_OK ? done(asking, pack) : outcome;
}

enum audit_column {
    AUDIT_NUMBER,
    AUDIT_ORDER,
    AUDIT_ORGANISATION,
    AUDIT_ROLE,
    AUDIT_WHAT,
    AUDIT_TIME
};

/* What a record says happened, for people. */
static void pack_what(struct pack *pack, struct text what)
{
    static const struct {
        const char *name, *zh, *en;
    } whats[] = {
        {"read", "查看完整联系方式", "saw it whole"},
        {"erased", "删除", "deleted"},
        {"expired", "保存期满删除", "deleted when its time was over"},
    };
    pack_text(pack, "what", what);
    for (size_t i = 0; i < sizeof whats / sizeof *whats; i++)
        if (text_equal(what, text_of(whats[i].name))) {
            pack_string(pack, "what_zh", whats[i].zh);
            pack_string(pack, "what_en", whats[i].en);
        }
}

static void pack_audit(const struct asking *asking, struct pack *pack, const struct rows *rows,
                       size_t row)
{
    struct text district = asking->inquiry->caller.district,
                organisation = rows_text(rows, row, AUDIT_ORGANISATION);
    pack_map(pack, NULL);
    pack_int(pack, "audit", rows_int(rows, row, AUDIT_NUMBER));
    pack_int(pack, "order", rows_int(rows, row, AUDIT_ORDER));
    pack_what(pack, rows_text(rows, row, AUDIT_WHAT));
    if (organisation.length > 0) {
        pack_text(pack, "organisation", organisation);
        pack_text(pack, "organisation_zh",
                  directory_shown_name(asking->directory, district, organisation, true));
        pack_text(pack, "organisation_en",
                  directory_shown_name(asking->directory, district, organisation, false));
    }
    pack_text_given(pack, "role", rows_text(rows, row, AUDIT_ROLE));
    pack_time_given(pack, "time", rows_time(rows, row, AUDIT_TIME));
    pack_end(pack);
}

static enum records_outcome answer_audit(const struct asking *asking)
{
    const struct contact_audit *asked = asking->inquiry->query.body;
    struct refusal refusal;
    if (!contact_audit_may(&asking->inquiry->caller, &refusal))
        return refuse(asking, refusal);
    struct params *params = params_new(asking->arena);
    params_text(params, asking->inquiry->caller.district);
    params_int(params, asked->order);
    params_int(params, asked->before > 0 ? asked->before : INT64_MAX);
    params_int(params, asked->limit);
    const struct rows *rows = records_send(asking->records, &intake_sql_contact_audit_list, params);
    enum records_outcome outcome = records_run(asking->records);
    if (outcome != RECORDS_OK)
        return outcome;
    struct pack *pack = pack_new(asking->arena);
    size_t count = rows_count(rows);
    pack_map(pack, NULL);
    pack_list(pack, "audits");
    for (size_t i = 0; i < count; i++)
        pack_audit(asking, pack, rows, i);
    pack_end(pack);
    if (count > 0 && (int64_t)count == asked->limit)
        pack_int(pack, "next", rows_int(rows, count - 1, AUDIT_NUMBER));
    pack_end(pack);
    return done(asking, pack);
}

static enum records_outcome contact_answer(void *state, struct records *records,
                                           const struct directory *directory,
                                           struct inquiry *inquiry, struct arena *arena)
{
    (void)state;
    struct asking asking = {records, directory, inquiry, arena};
    if (inquiry->query.type == QUERY_contact_show)
        return answer_show(&asking);
    if (inquiry->query.type == QUERY_contact_audit)
        return answer_audit(&asking);
    return refuse(&asking, refusal_of(REFUSAL_unknown_type, "type"));
}

const struct reader_service contact_reader = {.answer = contact_answer, .writes = true};
