/* A small district, one order in it, and dispatch's core deciding about it: what the shell does
 * with a decision, in memory. Two departments; squads q1 (capacity 1), q2 (2) and q3 (3) serve the
 * category "it", in this order of codes. */
#ifndef ZTC_TESTS_UNIT_DISPATCH_WORLD_H
#define ZTC_TESTS_UNIT_DISPATCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/dispatch/core.h"

#define DISTRICT       TEXT("330212")
#define ORDER_ID       7
#define NOW            INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define HOUR           INT64_C(3600000)
#define WORLD_LOG_MAX  8192
#define WORLD_BOOK_MAX 1024

struct world {
    struct arena *arena;
    struct directory *directory;
    struct dispatch_limits limits;
    int64_t now;
    int64_t next_offset;
    struct dispatch_order order;
    bool is_there;
    struct dispatch_booking bookings[WORLD_BOOK_MAX];
    size_t booking_count;
    struct dispatch_event log[WORLD_LOG_MAX]; /* of the order, as emitted */
    size_t log_count;
    struct dispatch_decision last;
};

static inline void world_organisation(struct world *w, const char *code,
                                      enum organisation_kind kind, const char *parent,
                                      int64_t capacity)
{
    static const struct text categories[] = {{"it", 2}};
    static const struct text commands[] = {{"order_close_external", 20}};
    static const struct text places[] = {{"330212", 6}};
    struct organisation o = {
        .district = DISTRICT,
        .code = text_of(code),
        .kind = kind,
        .name_zh = text_of(code),
        .parent = text_of(parent),
        .site_kind = kind == KIND_site ? SITE_building : SITE_none,
        .categories = categories,
        .category_count = kind == KIND_squad,
        .capacity = capacity,
        .commands = commands,
        .command_count = kind == KIND_feed && strcmp(code, "f3") != 0,
        .places = places,
        .place_count = kind == KIND_feed,
        .version = 1,
    };
    directory_put_organisation(w->directory, &o);
}

static inline void world_open(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->arena = arena_new();
    w->directory = directory_new();
    w->now = NOW;
    w->next_offset = 100;
    w->limits = (struct dispatch_limits){.offer_ms = {48 * HOUR, 8 * HOUR, 2 * HOUR},
                                         .window_max_ms = 24 * HOUR};
    directory_put_district(w->directory, &(struct district){.code = DISTRICT,
                                                            .name_zh = TEXT("鄞州"),
                                                            .time_zone = TEXT("Asia/Shanghai"),
                                                            .version = 1});
    directory_put_district(w->directory, &(struct district){.code = TEXT("other"),
                                                            .name_zh = TEXT("别处"),
                                                            .time_zone = TEXT("Asia/Shanghai"),
                                                            .version = 1});
    directory_put_category(w->directory, &(struct category){.district = DISTRICT,
                                                            .code = TEXT("it"),
                                                            .name_zh = TEXT("类"),
                                                            .version = 1});
    directory_put_organisation(w->directory, &(struct organisation){.district = TEXT("other"),
                                                                    .code = TEXT("q9"),
                                                                    .kind = KIND_squad,
                                                                    .name_zh = TEXT("别处"),
                                                                    .capacity = 1,
                                                                    .version = 1});
    world_organisation(w, "cmt", KIND_committee, "", 1);
    world_organisation(w, "t1", KIND_town, "", 1);
    world_organisation(w, "t2", KIND_town, "", 1);
    world_organisation(w, "v1", KIND_village, "t1", 1);
    world_organisation(w, "v2", KIND_village, "t2", 1);
    world_organisation(w, "s1", KIND_site, "t1", 1);
    world_organisation(w, "s2", KIND_site, "t2", 1);
    world_organisation(w, "d1", KIND_department, "", 1);
    world_organisation(w, "d2", KIND_department, "", 1);
    world_organisation(w, "q1", KIND_squad, "d1", 1);
    world_organisation(w, "q2", KIND_squad, "d2", 2);
    world_organisation(w, "q3", KIND_squad, "d1", 3);
    world_organisation(w, "f1", KIND_feed, "", 1);
    world_organisation(w, "f2", KIND_feed, "", 1);
    world_organisation(w, "f3", KIND_feed, "", 1); /* registered for no command */
    world_organisation(w, "sv", KIND_surveyor, "", 1);
}

static inline void world_close(struct world *w)
{
    directory_destroy(&w->directory);
    arena_destroy(&w->arena);
}

static inline struct dispatch_case world_case(struct world *w)
{
    return (struct dispatch_case){
        .directory = w->directory,
        .limits = &w->limits,
        .now = w->now,
        .next_offset = w->next_offset,
        .order = w->is_there ? &w->order : NULL,
        .bookings = w->bookings,
        .booking_count = w->booking_count,
        .arena = w->arena,
    };
}

/* What a shell does with a decision. */
static inline void world_keep(struct world *w, const struct dispatch_decision *d)
{
    assert_true(dispatch_order_is_sound(&d->order));
    int64_t version = w->is_there && w->order.id == d->order.id ? w->order.version : 2;
    for (size_t i = 0; i < d->event_count; i++) {
        bool is_session = d->events[i].type == EVENT_session_held;
        assert_int_equal(d->events[i].version, is_session ? 1 : ++version);
        assert_true(w->log_count < WORLD_LOG_MAX);
        w->log[w->log_count++] = d->events[i];
    }
    assert_int_equal(d->order.version, version);
    for (size_t r = 0; r < d->released_count; r++)
        for (size_t i = 0; i < w->booking_count;)
            if (w->bookings[i].assignment == d->released[r].id)
                w->bookings[i] = w->bookings[--w->booking_count];
            else
                i++;
    for (size_t s = 0; s < d->shifted_count; s++)
        for (size_t i = 0; i < w->booking_count; i++)
            if (w->bookings[i].assignment == d->shifted[s].assignment &&
                w->bookings[i].ordinal == d->shifted[s].ordinal)
                w->bookings[i].lane = d->shifted[s].lane;
    for (size_t b = 0; b < d->booked_count; b++) {
        assert_true(w->booking_count < WORLD_BOOK_MAX);
        w->bookings[w->booking_count++] = d->booked[b];
    }
    w->next_offset += (int64_t)d->event_count;
    /* From one decision to the next an order is only remembered, as in the shell. */
    dispatch_order_unpack(&w->order, dispatch_order_pack(&d->order, w->arena), w->arena);
    w->is_there = true;
}

/* The order as intake hands it over; changed by `wish` before it is taken. */
static inline struct order_placed world_placed(void)
{
    struct order_placed placed;
    message_clear(&event_types[EVENT_order_placed], &placed);
    placed.order = ORDER_ID;
    placed.state = ORDER_placed;
    placed.by = TEXT("t1");
    placed.place = TEXT("v1");
    placed.town = TEXT("t1");
    placed.feed = TEXT("f1");
    placed.need = TEXT("需求");
    placed.category = TEXT("it");
    return placed;
}

static inline void world_take(struct world *w, enum event_type type, const void *data)
{
    struct event event = {.type = type,
                          .district = DISTRICT,
                          .version = 2,
                          .time = w->now - HOUR,
                          .data = (void *)(uintptr_t)data};
    struct dispatch_case c = world_case(w);
    c.order = NULL;
    w->last = dispatch_take(&c, &event);
    world_keep(w, &w->last);
}

static inline void world_take_external(struct world *w)
{
    struct order_opened_external opened;
    message_clear(&event_types[EVENT_order_opened_external], &opened);
    opened.order = ORDER_ID;
    opened.state = ORDER_placed;
    opened.place = TEXT("v1");
    opened.town = TEXT("t1");
    opened.feed = TEXT("f1");
    opened.external_id = TEXT("x");
    opened.squad = TEXT("q1");
    opened.need = TEXT("需求");
    world_take(w, EVENT_order_opened_external, &opened);
}

/* A body of the type that is well formed and names the order. */
static inline void *world_body(struct world *w, enum command_type type)
{
    void *body = arena_alloc(w->arena, command_types[type].size);
    message_clear(&command_types[type], body);
    const struct message_type *about = &command_types[type];
    for (size_t i = 0; i < about->field_count; i++) {
        char *at = (char *)body + about->fields[i].offset;
        if (strcmp(about->fields[i].name, "order") == 0)
            *(int64_t *)(void *)at = ORDER_ID;
        if (strcmp(about->fields[i].name, "satisfaction") == 0)
            *(int64_t *)(void *)at = 5;
        if (strcmp(about->fields[i].name, "reason") == 0)
            *(struct text *)(void *)at = TEXT("因为");
        if (strcmp(about->fields[i].name, "squad") == 0)
            *(struct text *)(void *)at = TEXT("q2");
    }
    if (type == COMMAND_assignment_accept) {
        struct assignment_accept *accept = body;
        accept->window_start = w->now + HOUR;
        accept->window_end = w->now + 2 * HOUR;
    }
    return body;
}

/* Decides without keeping. */
static inline const struct dispatch_decision *world_ask(struct world *w, enum command_type type,
                                                        enum role role, const char *organisation,
                                                        void *body)
{
    struct caller caller = {
        .district = DISTRICT, .organisation = text_of(organisation), .role = (int)role};
    struct command command = {.id = TEXT("c"), .type = type, .time = INSTANT_ABSENT, .body = body};
    struct dispatch_case c = world_case(w);
    c.caller = &caller;
    c.command = &command;
    w->last = dispatch_decide(&c);
    return &w->last;
}

/* Decides what must be ok, and keeps it. */
static inline void world_do(struct world *w, enum command_type type, enum role role,
                            const char *organisation)
{
    world_ask(w, type, role, organisation, world_body(w, type));
    assert_int_equal(w->last.refusal.code, REFUSAL_NONE);
    world_keep(w, &w->last);
}

static inline const char *world_live(const struct world *w)
{
    return w->order.seats[0].squad.length == 0 ? ""
                                               : arena_string(w->arena, w->order.seats[0].squad);
}

static inline void world_squad_does(struct world *w, enum command_type type)
{
    world_do(w, type, ROLE_squad, world_live(w));
}

static inline void assert_refused(const struct dispatch_decision *decision, enum refusal_code code,
                                  const char *field)
{
    assert_string_equal(refusal_name(decision->refusal.code), refusal_name(code));
    assert_string_equal(decision->refusal.field == NULL ? "" : decision->refusal.field,
                        field == NULL ? "" : field);
}

#define assert_text(value, literal)                                                                \
    assert_string_equal(arena_string(world.arena, (value)), (literal))

#endif
