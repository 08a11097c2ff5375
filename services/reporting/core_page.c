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

static void page_apply_offered(struct order_page *page, const struct order_offered *data)
{
    page_unbook(page);
    page->assignment = data->assignment;
    page->respond_by = data->respond_by;
    page->note = data->note.length > 0 ? data->note : page->note;
}

static void page_apply_completed(struct order_page *page, const struct assignment_completed *data)
{
    page->outcome = data->outcome;
    page->items = data->items;
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
        page->booked_start = ((const struct assignment_accepted *)event->data)->window_start;
        page->booked_end = ((const struct assignment_accepted *)event->data)->window_end;
        page->respond_by = INSTANT_ABSENT;
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
        page->reason = ((const struct assignment_declined *)event->data)->reason;
        page_unbook(page);
        return;
    case EVENT_order_cancelled:
        page->reason = ((const struct order_cancelled *)event->data)->reason;
        page_unbook(page);
        return;
    case EVENT_order_escalated:
        page_unbook(page);
        return;
    case EVENT_assignment_checked_in:
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
