/* An order's page: what its history says beyond its row. */
#include "services/reporting/core.h"

void order_page_clear(struct order_page *page)
{
    const struct text none = TEXT("");
    *page = (struct order_page){
        .need = none,
        .note = none,
        .window_start = INSTANT_ABSENT,
        .window_end = INSTANT_ABSENT,
        .respond_by = INSTANT_ABSENT,
        .booked_start = INSTANT_ABSENT,
        .booked_end = INSTANT_ABSENT,
        .outcome = none,
        .reason = none,
        .comment = none,
    };
}

#define PAGE_WISH(page, data)                                                                      \
    do {                                                                                           \
        (page)->need = (data)->need;                                                               \
        (page)->squads = (data)->squads;                                                           \
        (page)->required = (data)->required;                                                       \
        (page)->optional = (data)->optional;                                                       \
        (page)->mode = (data)->mode;                                                               \
        (page)->window_start = (data)->window_start;                                               \
        (page)->window_end = (data)->window_end;                                                   \
        (page)->expected_people = (data)->expected_people;                                         \
    } while (0)

/* The assignment is no more: what was booked for it is not either. */
static void page_unbook(struct order_page *page)
{
    page->booked_start = page->booked_end = INSTANT_ABSENT;
    page->respond_by = INSTANT_ABSENT;
}

/* NULL: it is not among those shown. */
static struct page_assignment *page_assignment(struct order_page *page, int64_t id)
{
    for (size_t i = page->assignment_count; i > 0; i--)
        if (page->assignments[i - 1].assignment == id)
            return &page->assignments[i - 1];
    return NULL;
}

static void page_apply_offered(struct order_page *page, const struct order_offered *data)
{
    if (data->seat == 1) {
        page_unbook(page);
        page->assignment = data->assignment;
        page->respond_by = data->respond_by;
    }
    page->note = data->note.length > 0 ? data->note : page->note;
    if (page->assignment_count == PAGE_ASSIGNMENTS_MAX) {
        page->assignments_are_cut = true;
        return;
    }
    page->assignments[page->assignment_count++] = (struct page_assignment){
        .assignment = data->assignment,
        .seat = data->seat,
        .optional = data->optional,
        .squad = data->squad,
        .state = ASSIGNMENT_offered,
        .respond_by = data->respond_by,
        .first = {INSTANT_ABSENT, INSTANT_ABSENT},
        .outcome = TEXT(""),
        .reason = TEXT(""),
    };
}

static void page_apply_accepted(struct order_page *page, const struct assignment_accepted *data)
{
    struct page_assignment *part = page_assignment(page, data->assignment);
    if (data->assignment == page->assignment) {
        page->booked_start = data->window_start;
        page->booked_end = data->window_end;
        page->respond_by = INSTANT_ABSENT;
    }
    if (part == NULL)
        return;
    part->state = ASSIGNMENT_accepted;
    part->respond_by = INSTANT_ABSENT;
    part->first = (struct window){data->window_start, data->window_end};
    part->windows = data->windows;
}

static void page_apply_declined(struct order_page *page, const struct assignment_declined *data)
{
    struct page_assignment *part = page_assignment(page, data->assignment);
    page->reason = data->reason;
    if (data->assignment == page->assignment)
        page_unbook(page);
    if (part != NULL) {
        part->state = ASSIGNMENT_declined;
        part->respond_by = INSTANT_ABSENT;
        part->reason = data->reason;
    }
}

static void page_apply_checked_in(struct order_page *page, const struct assignment_checked_in *data)
{
    struct page_assignment *part = page_assignment(page, data->assignment);
    if (part != NULL)
        part->state = ASSIGNMENT_in_service;
}

static void page_apply_completed(struct order_page *page, const struct assignment_completed *data)
{
    struct page_assignment *part = page_assignment(page, data->assignment);
    if (data->assignment == page->assignment) {
        page->outcome = data->outcome;
        page->items = data->items;
    }
    if (part != NULL) {
        part->state = ASSIGNMENT_completed;
        part->people_served = data->people_served;
        part->outcome = data->outcome;
    }
}

/* What is booked for a part that ends without service is given back. */
static void part_end(struct page_assignment *part, int state)
{
    part->state = state;
    part->respond_by = INSTANT_ABSENT;
    part->first = (struct window){INSTANT_ABSENT, INSTANT_ABSENT};
    part->windows = (struct window_list){NULL, 0};
}

static void page_apply_ended(struct order_page *page, const struct assignment_ended *data)
{
    struct page_assignment *part = page_assignment(page, data->assignment);
    if (part != NULL)
        part_end(part, data->outcome);
}

static void page_apply_cancelled(struct order_page *page, const struct order_cancelled *data)
{
    struct page_assignment *part = page_assignment(page, data->assignment);
    page->reason = data->reason;
    page_unbook(page);
    if (part != NULL)
        part_end(part, ASSIGNMENT_cancelled);
}

void order_page_apply(struct order_page *page, const struct event *event)
{
    switch (event->type) {
    case EVENT_order_submitted:
        PAGE_WISH(page, (const struct order_submitted *)event->data);
        return;
    case EVENT_order_resubmitted:
        PAGE_WISH(page, (const struct order_resubmitted *)event->data);
        return;
    case EVENT_order_placed:
        PAGE_WISH(page, (const struct order_placed *)event->data);
        page->note = ((const struct order_placed *)event->data)->note;
        return;
    case EVENT_order_opened_external:
        page->need = ((const struct order_opened_external *)event->data)->need;
        return;
    case EVENT_order_offered:
        page_apply_offered(page, event->data);
        return;
    case EVENT_assignment_accepted:
        page_apply_accepted(page, event->data);
        return;
    case EVENT_assignment_completed:
        page_apply_completed(page, event->data);
        return;
    case EVENT_order_confirmed:
        page->comment = ((const struct order_confirmed *)event->data)->comment;
        return;
    case EVENT_order_closed_external:
        page->outcome = ((const struct order_closed_external *)event->data)->outcome;
        return;
    case EVENT_order_returned:
        page->reason = ((const struct order_returned *)event->data)->reason;
        return;
    case EVENT_order_withdrawn:
        page->reason = ((const struct order_withdrawn *)event->data)->reason;
        return;
    case EVENT_order_reopened:
        page->reason = ((const struct order_reopened *)event->data)->reason;
        return;
    case EVENT_assignment_declined:
        page_apply_declined(page, event->data);
        return;
    case EVENT_order_cancelled:
        page_apply_cancelled(page, event->data);
        return;
    case EVENT_order_escalated:
        if (((const struct order_escalated *)event->data)->seat == 1)
            page_unbook(page);
        return;
    case EVENT_assignment_checked_in:
        page_apply_checked_in(page, event->data);
        return;
    case EVENT_assignment_ended:
        page_apply_ended(page, event->data);
        return;
    case EVENT_session_held:
    case EVENT_district_registered:
    case EVENT_category_registered:
    case EVENT_organisation_registered:
    case EVENT_key_registered:
    case EVENT_bearer_registered:
    case EVENT_score_counted:
    case EVENT_squad_rated:
    case EVENT_subscription_registered:
    case EVENT_webhook_registered:
    case EVENT_dead_letters_resent:
    case EVENT_COUNT:
        return;
    }
}
