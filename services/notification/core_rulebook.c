#include "services/notification/core_rulebook.h"

#include <stdlib.h>
#include <string.h>

#define SHELVES 256

_Static_assert(EVENT_COUNT <= 64, "types of events fit a set of 64");
_Static_assert(SIDE_COUNT <= 32, "sides fit a set of 32");

struct rulebook {
    struct arena *arena;
    struct shelf *shelves[SHELVES];
};

static const char *const source_names[] = {
#define WORD(name, zh, en) #name,
#include "services/notification/source.def"
#undef WORD
};
static const char *const source_zh[] = {
#define WORD(name, zh, en) zh,
#include "services/notification/source.def"
#undef WORD
};
static const char *const source_en[] = {
#define WORD(name, zh, en) en,
#include "services/notification/source.def"
#undef WORD
};
const struct words words_source = {"source", source_names, source_zh, source_en, SOURCE_COUNT};

struct rulebook *rulebook_new(void)
{
    struct rulebook *book = calloc(1, sizeof *book);
    if (book == NULL)
        abort();
    book->arena = arena_new();
    return book;
}

void rulebook_destroy(struct rulebook **book)
{
    if (*book == NULL)
        return;
    arena_destroy(&(*book)->arena);
    free(*book);
    *book = NULL;
}

void rulebook_clear(struct rulebook *book)
{
    memset(book->shelves, 0, sizeof book->shelves);
    arena_reset(book->arena);
}

static size_t slot_of(struct text district, struct text owner)
{
    return (size_t)((text_hash(district) * 31 ^ text_hash(owner)) % SHELVES);
}

const struct shelf *rulebook_shelf(const struct rulebook *book, struct text district,
                                   struct text owner)
{
    const struct shelf *shelf = book->shelves[slot_of(district, owner)];
    while (shelf != NULL &&
           !(text_equal(shelf->district, district) && text_equal(shelf->owner, owner)))
        shelf = shelf->next;
    return shelf;
}

static struct shelf *shelf_take(struct rulebook *book, struct text district, struct text owner)
{
    struct shelf **slot = &book->shelves[slot_of(district, owner)];
    for (struct shelf *shelf = *slot; shelf != NULL; shelf = shelf->next)
        if (text_equal(shelf->district, district) && text_equal(shelf->owner, owner))
            return shelf;
    struct shelf *shelf = arena_alloc(book->arena, sizeof *shelf);
    shelf->district = arena_text(book->arena, district);
    shelf->owner = arena_text(book->arena, owner);
    shelf->next = *slot;
    *slot = shelf;
    return shelf;
}

bool rulebook_concerns(const struct rulebook *book, struct text district)
{
    for (size_t slot = 0; slot < SHELVES; slot++)
        for (const struct shelf *shelf = book->shelves[slot]; shelf != NULL; shelf = shelf->next)
            if (text_equal(shelf->district, district))
                return true;
    return false;
}

const struct subscription *shelf_rule(const struct shelf *shelf, struct text code)
{
    for (size_t i = 0; shelf != NULL && i < shelf->rule_count; i++)
        if (text_equal(shelf->rules[i]->code, code))
            return shelf->rules[i];
    return NULL;
}

const struct endpoint *shelf_endpoint(const struct shelf *shelf, struct text code)
{
    for (size_t i = 0; shelf != NULL && i < shelf->endpoint_count; i++)
        if (text_equal(shelf->endpoints[i].code, code))
            return &shelf->endpoints[i];
    return NULL;
}

/* A fact's names were judged when it was set; a name that is unknown by now selects nothing. */
static uint64_t known_events(const struct text_list *names)
{
    uint64_t events = 0;
    for (size_t i = 0; i < names->count; i++) {
        int event = event_find(names->items[i]);
        if (event >= 0)
            events |= UINT64_C(1) << event;
    }
    return events;
}

static unsigned known_sides(const struct text_list *names)
{
    unsigned sides = 0;
    for (size_t i = 0; i < names->count; i++) {
        int side = words_find(&words_side, names->items[i]);
        if (side >= 0)
            sides |= 1U << side;
    }
    return sides;
}

void rulebook_put_rule(struct rulebook *book, struct text district,
                       const struct subscription_registered *fact, int64_t version)
{
    struct shelf *shelf = shelf_take(book, district, fact->organisation);
    struct subscription *rule = arena_alloc(book->arena, sizeof *rule);
    *rule = (struct subscription){
        .code = arena_text(book->arena, fact->rule),
        .by = arena_text(book->arena, fact->by),
        .endpoint = arena_text(book->arena, fact->endpoint),
        .version = version,
        .sides = known_sides(&fact->sides),
        .events = known_events(&fact->events),
        .channel = (enum channel)fact->channel,
        .urgency = (enum urgency)fact->urgency,
        .quiet_from = minutes_read(fact->quiet_from),
        .quiet_to = minutes_read(fact->quiet_to),
        .muted = fact->muted,
        .enabled = fact->enabled,
        .removed = fact->removed,
        .after_intake = fact->intake,
        .after_dispatch = fact->dispatch,
    };
    for (size_t i = 0; i < shelf->rule_count; i++)
        if (text_equal(shelf->rules[i]->code, rule->code)) {
            rule->older = shelf->rules[i];
            shelf->rules[i] = rule;
            return;
        }
    struct subscription **longer =
        arena_array(book->arena, shelf->rule_count + 1, sizeof(struct subscription *));
    for (size_t i = 0; i < shelf->rule_count; i++)
        longer[i] = shelf->rules[i];
    longer[shelf->rule_count++] = rule;
    shelf->rules = longer;
}

void rulebook_put_endpoint(struct rulebook *book, struct text district,
                           const struct webhook_registered *fact, int64_t version)
{
    struct shelf *shelf = shelf_take(book, district, fact->organisation);
    struct endpoint endpoint = {
        .code = arena_text(book->arena, fact->endpoint),
        .url = arena_text(book->arena, fact->url),
        .version = version,
        .events = known_events(&fact->events),
        .by_rules = fact->by_rules,
        .enabled = fact->enabled,
        .removed = fact->removed,
    };
    for (size_t i = 0; i < shelf->endpoint_count; i++)
        if (text_equal(shelf->endpoints[i].code, endpoint.code)) {
            shelf->endpoints[i] = endpoint;
            return;
        }
    struct endpoint *endpoints =
        arena_array(book->arena, shelf->endpoint_count + 1, sizeof *endpoints);
    if (shelf->endpoint_count > 0)
        memcpy(endpoints, shelf->endpoints, shelf->endpoint_count * sizeof *endpoints);
    endpoints[shelf->endpoint_count++] = endpoint;
    shelf->endpoints = endpoints;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The version of a rule that holds for the matter; NULL: none does. */
static const struct subscription *version_for(const struct subscription *latest,
                                              const struct matter *matter)
{
    const struct subscription *rule = latest;
    while (rule != NULL &&
           matter->offset <=
               (matter->producer == SERVICE_dispatch ? rule->after_dispatch : rule->after_intake))
        rule = rule->older;
    return rule;
}

static bool selects(const struct subscription *rule, const struct matter *matter, enum side side,
                    enum channel channel, struct text endpoint)
{
    return rule->enabled && !rule->removed && rule->channel == channel &&
           (rule->sides == 0 || (rule->sides & 1U << side) != 0) &&
           (rule->events == 0 || (rule->events & UINT64_C(1) << matter->event) != 0) &&
           text_equal(rule->endpoint, endpoint);
}

static struct telling shelf_tell(const struct shelf *shelf, const struct matter *matter,
                                 enum side side, enum channel channel, struct text endpoint)
{
    struct telling telling = {VERDICT_default, SOURCE_default, QUIET_NONE, QUIET_NONE};
    for (size_t i = 0; shelf != NULL && i < shelf->rule_count; i++) {
        const struct subscription *rule = version_for(shelf->rules[i], matter);
        if (rule == NULL || !selects(rule, matter, side, channel, endpoint))
            continue;
        bool tells = !rule->muted && matter->urgency >= rule->urgency;
        if (!tells) {
            if (telling.verdict == VERDICT_default)
                telling.verdict = VERDICT_silenced;
            continue;
        }
        /* Several that tell: one that is never quiet lets it go at once. */
        if (telling.verdict != VERDICT_told || rule->quiet_from == QUIET_NONE) {
            telling.quiet_from = rule->quiet_from;
            telling.quiet_to = rule->quiet_to;
        }
        telling.verdict = VERDICT_told;
    }
    return telling;
}

struct telling rulebook_tell(const struct rulebook *book, const struct matter *matter,
                             enum side side, struct text owner, enum channel channel,
                             struct text endpoint)
{
    struct telling telling =
        shelf_tell(rulebook_shelf(book, matter->district, owner), matter, side, channel, endpoint);
    if (telling.verdict == VERDICT_default && channel == CHANNEL_inbox && owner.length > 0) {
        owner = TEXT("");
        telling = shelf_tell(rulebook_shelf(book, matter->district, owner), matter, side, channel,
                             endpoint);
    }
    if (telling.verdict != VERDICT_default)
        telling.source = owner.length == 0 ? SOURCE_district : SOURCE_organisation;
    return telling;
}

/* --- reading what was given ------------------------------------------------------------------- */

bool events_read(const struct text_list *names, uint64_t *events, struct refusal *refusal)
{
    *events = known_events(names);
    for (size_t i = 0; i < names->count; i++) {
        int event = event_find(names->items[i]);
        if (event < 0 || !event_is_of_order((enum event_type)event)) {
            *refusal = refusal_of(REFUSAL_unknown_word, "events");
            return false;
        }
    }
    return true;
}

bool sides_read(const struct text_list *names, unsigned *sides, struct refusal *refusal)
{
    *sides = known_sides(names);
    for (size_t i = 0; i < names->count; i++)
        if (words_find(&words_side, names->items[i]) < 0) {
            *refusal = refusal_of(REFUSAL_unknown_word, "sides");
            return false;
        }
    return true;
}

static int digit(struct text t, size_t at)
{
    return t.at[at] >= '0' && t.at[at] <= '9' ? t.at[at] - '0' : 100;
}

int minutes_read(struct text t)
{
    if (t.length != 5 || t.at[2] != ':')
        return QUIET_NONE;
    int hours = 10 * digit(t, 0) + digit(t, 1), minutes = 10 * digit(t, 3) + digit(t, 4);
    return hours < 24 && minutes < 60 ? 60 * hours + minutes : QUIET_NONE;
}
