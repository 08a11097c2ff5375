#include "services/notification/core.h"

#include <assert.h>
#include <string.h>

#include "domain/directory_walk.h"

#define NUMBER_RECORDED_SHIFT 20
#define NUMBER_PRODUCER_SHIFT 19
#define NUMBER_OFFSET_MASK    ((INT64_C(1) << NUMBER_PRODUCER_SHIFT) - 1)

static const char *const side_names[] = {
#define WORD(name, zh, en) #name,
#include "services/notification/sides.def"
#undef WORD
};
static const char *const side_zh[] = {
#define WORD(name, zh, en) zh,
#include "services/notification/sides.def"
#undef WORD
};
static const char *const side_en[] = {
#define WORD(name, zh, en) en,
#include "services/notification/sides.def"
#undef WORD
};
const struct words words_side = {"side", side_names, side_zh, side_en, SIDE_COUNT};

const struct rule rules[] = {
#define RULE(event, side, zh, en) {EVENT_##event, SIDE_##side, zh, en},
#include "services/notification/rules.def"
#undef RULE
};
const size_t rule_count = sizeof rules / sizeof *rules;

const struct rule *rule_find(enum event_type event, enum side side)
{
    for (size_t i = 0; i < rule_count; i++)
        if (rules[i].event == event && rules[i].side == side)
            return &rules[i];
    return NULL;
}

int64_t notice_number(int64_t recorded, int producer, int64_t offset)
{
    int64_t since = recorded > 0 ? recorded : 0;
    return since << NUMBER_RECORDED_SHIFT |
           (int64_t)(producer == SERVICE_dispatch) << NUMBER_PRODUCER_SHIFT |
           (offset & NUMBER_OFFSET_MASK);
}

static struct text word_of(struct text name, const struct notice_words *words, struct arena *arena)
{
    if (text_equal(name, TEXT("order")))
        return arena_format(arena, "%lld", (long long)words->order);
    if (text_equal(name, TEXT("place")))
        return words->place;
    if (text_equal(name, TEXT("town")))
        return words->town;
    if (text_equal(name, TEXT("squad")))
        return words->squad;
    assert(text_equal(name, TEXT("due")));
    return words->due;
}

struct text notice_text(const char *pattern, const struct notice_words *words, struct arena *arena)
{
    struct text out = {"", 0};
    for (const char *at = pattern; *at != '\0';) {
        const char *open = strchr(at, '{');
        if (open == NULL)
            return arena_format(arena, "%.*s%s", TEXT_ARG(out), at);
        const char *close = strchr(open, '}');
        assert(close != NULL);
        struct text name = {open + 1, (size_t)(close - open - 1)};
        struct text word = word_of(name, words, arena);
        out = arena_format(arena, "%.*s%.*s%.*s", TEXT_ARG(out), (int)(open - at), at,
                           TEXT_ARG(word));
        at = close + 1;
    }
    return out;
}

static struct text side_text(enum side side)
{
    return text_of(words_name(&words_side, (int)side));
}

static void addresses_list(struct addresses *addresses, struct arena *arena, const enum side *sides,
                           size_t side_count, const struct text *codes, size_t code_count)
{
    size_t count = side_count * code_count;
    struct text *side_texts = arena_array(arena, count + 1, sizeof *side_texts);
    struct text *organisations = arena_array(arena, count + 1, sizeof *organisations);
    for (size_t c = 0; c < code_count; c++)
        for (size_t s = 0; s < side_count; s++) {
            side_texts[c * side_count + s] = side_text(sides[s]);
            organisations[c * side_count + s] = codes[c];
        }
    addresses->sides = side_texts;
    addresses->organisations = organisations;
    addresses->count = count;
}

static void addresses_of(const struct directory *directory, const struct organisation *reader,
                         struct arena *arena, struct addresses *addresses)
{
    static const enum side of_place[] = {SIDE_place, SIDE_town};
    static const enum side of_squad[] = {SIDE_squad};
    static const enum side of_department[] = {SIDE_department};
    static const enum side of_committee[] = {SIDE_committee};
    static const struct text committee_code = {"", 0};
    struct code_list squads;
    switch (reader->kind) {
    case KIND_village:
    case KIND_site:
    case KIND_town:
        addresses_list(addresses, arena, of_place, 2, &reader->code, 1);
        return;
    case KIND_squad:
        addresses_list(addresses, arena, of_squad, 1, &reader->code, 1);
        return;
    case KIND_department: /* what is told of its squads, of those that are its own now */
        squads = directory_children(directory, reader->district, KIND_squad, reader->code, arena);
        addresses_list(addresses, arena, of_department, 1, squads.items, squads.count);
        return;
    case KIND_committee:
        addresses_list(addresses, arena, of_committee, 1, &committee_code, 1);
        return;
    case KIND_surveyor:
    case KIND_feed:
    case KIND_COUNT:
        return; /* nothing is told to them */
    }
}

/* Whether the caller may read another organisation's inbox. */
static bool may_read(const struct directory *directory, const struct caller *caller,
                     struct text organisation, struct refusal *refusal)
{
    struct acting acting;
    switch ((enum role)caller->role) {
    case ROLE_committee:
    case ROLE_operator:
        return true;
    case ROLE_department:
    case ROLE_village:
    case ROLE_site:
    case ROLE_town:
        if (directory_acting(directory, caller->district, caller->organisation,
                             (enum role)caller->role, organisation, &acting, refusal))
            return true;
        refusal->field = "organisation";
        return false;
    case ROLE_squad:
    case ROLE_surveyor:
    case ROLE_feed:
    case ROLE_resident:
    case ROLE_COUNT:
        break;
    }
    *refusal = refusal_of(REFUSAL_not_yours, "organisation");
    return false;
}

bool inbox_addresses(const struct directory *directory, const struct caller *caller,
                     struct text organisation, struct arena *arena, struct addresses *addresses,
                     struct refusal *refusal)
{
    if (caller->district.length == 0) {
        *refusal = refusal_of(REFUSAL_forbidden, "district");
        return false;
    }
    if (caller->role == ROLE_resident) {
        *refusal = refusal_of(REFUSAL_forbidden, NULL);
        return false;
    }
    struct text wanted = organisation.length > 0 ? organisation : caller->organisation;
    if (wanted.length == 0) {
        *refusal = refusal_of(REFUSAL_missing_field, "organisation");
        return false;
    }
    const struct organisation *reader = directory_organisation(directory, caller->district, wanted);
    if (reader == NULL) {
        *refusal = refusal_of(REFUSAL_unknown_organisation, "organisation");
        return false;
    }
    if (!text_equal(wanted, caller->organisation) && !may_read(directory, caller, wanted, refusal))
        return false;
    *addresses = (struct addresses){.reader = reader->code};
    addresses_of(directory, reader, arena, addresses);
    return true;
}
