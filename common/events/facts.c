#include "events/facts.h"

bool event_is_key(enum event_type type)
{
    return type == EVENT_key_registered || type == EVENT_bearer_registered;
}

bool event_is_fact(enum event_type type)
{
    return type == EVENT_district_registered || type == EVENT_category_registered ||
           type == EVENT_organisation_registered || event_is_key(type);
}

static void district_apply(struct directory *directory, const struct event *event)
{
    const struct district_registered *fact = event->data;
    directory_put_district(directory, &(struct district){
                                          .code = fact->code,
                                          .name_zh = fact->name_zh,
                                          .name_en = fact->name_en,
                                          .time_zone = fact->time_zone,
                                          .version = event->version,
                                      });
}

static void category_apply(struct directory *directory, const struct event *event)
{
    const struct category_registered *fact = event->data;
    directory_put_category(directory, &(struct category){
                                          .district = event->district,
                                          .code = fact->code,
                                          .name_zh = fact->name_zh,
                                          .name_en = fact->name_en,
                                          .version = event->version,
                                      });
}

static void organisation_apply(struct directory *directory, const struct event *event)
{
    const struct organisation_registered *fact = event->data;
    directory_put_organisation(directory, &(struct organisation){
                                              .district = event->district,
                                              .code = fact->code,
                                              .kind = (enum organisation_kind)fact->kind,
                                              .name_zh = fact->name_zh,
                                              .name_en = fact->name_en,
                                              .short_zh = fact->short_zh,
                                              .parent = fact->parent,
                                              .site_kind = (enum site_kind)fact->site_kind,
                                              .brand = fact->brand,
                                              .categories = fact->categories.items,
                                              .category_count = fact->categories.count,
                                              .capacity = fact->capacity,
                                              .sample = fact->sample,
                                              .commands = fact->commands.items,
                                              .command_count = fact->commands.count,
                                              .places = fact->places.items,
                                              .place_count = fact->places.count,
                                              .hours = fact->hours,
                                              .days_off = fact->days_off.items,
                                              .day_off_count = fact->days_off.count,
                                              .version = event->version,
                                          });
}

/* A fact in memory says 0 where a message says nothing. */
static int64_t time_said(int64_t time)
{
    return time == INSTANT_ABSENT ? 0 : time;
}

static void key_apply(struct directory *directory, const struct event *event)
{
    const struct key_registered *fact = event->data;
    directory_put_key(directory, &(struct key){
                                     .public_key = fact->public_key,
                                     .district = event->district,
                                     .organisation = fact->organisation,
                                     .role = (enum role)fact->role,
                                     .name = fact->name,
                                     .revoked = fact->revoked,
                                     .registered = time_said(fact->registered),
                                     .rotated = time_said(fact->rotated),
                                     .expires = time_said(fact->expires),
                                     .replaces = fact->replaces,
                                     .version = event->version,
                                 });
}

static void bearer_apply(struct directory *directory, const struct event *event)
{
    const struct bearer_registered *fact = event->data;
    directory_put_key(directory, &(struct key){
                                     .public_key = fact->digest,
                                     .district = event->district,
                                     .organisation = fact->organisation,
                                     .role = (enum role)fact->role,
                                     .name = fact->name,
                                     .revoked = fact->revoked,
                                     .version = event->version,
                                 });
}

bool fact_apply(struct directory *directory, const struct event *event)
{
    if (event->type == EVENT_district_registered)
        district_apply(directory, event);
    else if (event->type == EVENT_category_registered)
        category_apply(directory, event);
    else if (event->type == EVENT_organisation_registered)
        organisation_apply(directory, event);
    else if (event->type == EVENT_key_registered)
        key_apply(directory, event);
    else if (event->type == EVENT_bearer_registered)
        bearer_apply(directory, event);
    else
        return false;
    return true;
}
