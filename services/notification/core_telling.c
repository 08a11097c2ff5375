#include "services/notification/core_telling.h"

#include <assert.h>

#define COMMITTEES_MAX 4 /* of a district that are looked at; one is usual */

static bool urgency_said(const struct event *event, enum urgency *urgency)
{
    const struct message_type *type = &event_types[event->type];
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].words == &words_urgency) {
            *urgency = (enum urgency) * (const int *)(const void *)((const char *)event->data +
                                                                    type->fields[i].offset);
            return true;
        }
    return false;
}

bool happening_is_marked(const struct happening *happening)
{
    enum event_type type = happening->event->type;
    if (type == EVENT_order_resubmitted) /* what it was before may stand there */
        return true;
    return (type == EVENT_order_submitted || type == EVENT_order_opened_external) &&
           (happening->urgency != URGENCY_normal || happening->feed.length > 0);
}

bool happening_read(const struct event *event, struct happening *happening)
{
    happening->event = event;
    if (!event_parties(event, &happening->parties))
        return false;
    (void)urgency_said(event, &happening->urgency);
    if (happening->parties.feed.length > 0)
        happening->feed = happening->parties.feed;
    return true;
}

static struct matter matter_of(const struct happening *happening)
{
    return (struct matter){
        .district = happening->event->district,
        .event = happening->event->type,
        .producer = happening->event->producer,
        .offset = happening->event->offset,
        .urgency = happening->urgency,
    };
}

/* The department whose squad it is; empty: none. */
static struct text department_of(const struct happening *happening,
                                 const struct directory *directory)
{
    const struct organisation *squad =
        directory_organisation(directory, happening->event->district, happening->parties.squad);
    return squad == NULL ? TEXT("") : squad->parent;
}

/* The code that a side's rows are kept under; false: the event has no such side, or the side did it
 * itself. Whether a department or the committee did it is seen only when it reads. */
static bool side_code(enum side side, const struct parties *parties, struct text *code)
{
    switch (side) {
    case SIDE_place:
        *code = parties->place;
        break;
    case SIDE_town:
        *code = parties->town;
        break;
    case SIDE_squad:
        *code = parties->squad;
        break;
    case SIDE_department:
        *code = parties->squad;
        return code->length > 0;
    case SIDE_committee:
        *code = TEXT("");
        return true;
    case SIDE_feed: /* has no inbox */
    case SIDE_COUNT:
        return false;
    }
    return code->length > 0 && !text_equal(*code, parties->by);
}

/* A town that orders for itself is place and town in one, and is told once. */
static bool is_told(const struct notice *notices, size_t count, const struct notice *notice)
{
    for (size_t i = 0; i < count; i++)
        if (notices[i].side != SIDE_department && notice->side != SIDE_department &&
            text_equal(notices[i].organisation, notice->organisation))
            return true;
    return false;
}

size_t notices_of(const struct happening *happening, const struct rulebook *book,
                  const struct directory *directory, struct notice notices[SIDE_COUNT])
{
    const struct matter matter = matter_of(happening);
    size_t count = 0;
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct notice notice = {.side = (enum side)side};
        if (!side_code(notice.side, &happening->parties, &notice.organisation) ||
            is_told(notices, count, &notice))
            continue;
        struct text owner =
            side == SIDE_department ? department_of(happening, directory) : notice.organisation;
        struct telling telling =
            rulebook_tell(book, &matter, notice.side, owner, CHANNEL_inbox, TEXT(""));
        bool by_default = rule_find(matter.event, notice.side) != NULL;
        if (telling.verdict == VERDICT_told || (telling.verdict == VERDICT_default && by_default))
            notices[count++] = notice;
    }
    return count;
}

/* --- endpoints -------------------------------------------------------------------------------- */

struct candidates {
    struct {
        enum side side;
        struct text organisation;
    } items[SIDE_COUNT + COMMITTEES_MAX];
    size_t count;
};

static void candidate_add(struct candidates *all, enum side side, struct text organisation)
{
    for (size_t i = 0; i < all->count; i++)
        if (text_equal(all->items[i].organisation, organisation))
            return;
    if (organisation.length == 0)
        return;
    all->items[all->count].side = side;
    all->items[all->count++].organisation = organisation;
}

/* The organisations that may see the event, each once. */
static void candidates_of(const struct happening *happening, const struct directory *directory,
                          struct candidates *all)
{
    const struct organisation *committees[COMMITTEES_MAX];
    size_t count = directory_organisations(directory, happening->event->district, KIND_committee,
                                           TEXT(""), committees, COMMITTEES_MAX);
    all->count = 0;
    candidate_add(all, SIDE_place, happening->parties.place);
    candidate_add(all, SIDE_town, happening->parties.town);
    candidate_add(all, SIDE_squad, happening->parties.squad);
    candidate_add(all, SIDE_department, department_of(happening, directory));
    candidate_add(all, SIDE_feed, happening->feed);
    for (size_t i = 0; i < count; i++)
        candidate_add(all, SIDE_committee, committees[i]->code);
}

static bool is_direct(const struct endpoint *endpoint, enum event_type event)
{
    return !endpoint->by_rules &&
           (endpoint->events == 0 || (endpoint->events & UINT64_C(1) << event) != 0);
}

size_t deliveries_of(const struct happening *happening, const struct rulebook *book,
                     const struct directory *directory, struct delivery deliveries[DELIVERIES_MAX])
{
    const struct matter matter = matter_of(happening);
    struct candidates all;
    size_t count = 0;
    candidates_of(happening, directory, &all);
    for (size_t i = 0; i < all.count; i++) {
        enum side side = all.items[i].side;
        struct text organisation = all.items[i].organisation;
        const struct shelf *shelf = rulebook_shelf(book, matter.district, organisation);
        for (size_t e = 0; shelf != NULL && e < shelf->endpoint_count; e++) {
            const struct endpoint *endpoint = &shelf->endpoints[e];
            if (endpoint->removed)
                continue;
            struct text owner = side == SIDE_committee ? TEXT("") : organisation;
            struct telling telling =
                rulebook_tell(book, &matter, side, owner, CHANNEL_webhook, endpoint->code);
            bool by_default =
                telling.verdict == VERDICT_default && is_direct(endpoint, matter.event);
            if ((telling.verdict != VERDICT_told && !by_default) || count == DELIVERIES_MAX)
                continue;
            bool held = matter.urgency != URGENCY_critical;
            deliveries[count++] = (struct delivery){
                .organisation = organisation,
                .endpoint = endpoint->code,
                .side = side,
                .quiet_from = held ? telling.quiet_from : QUIET_NONE,
                .quiet_to = held ? telling.quiet_to : QUIET_NONE,
            };
        }
    }
    return count;
}
