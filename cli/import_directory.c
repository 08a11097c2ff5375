#include "cli/import_directory.h"

#include "cli/cli.h"
#include "cli/fact.h"
#include "cli/print.h"

static enum import_told told_of(const struct answer *answer)
{
    switch (answer->status) {
    case ANSWER_OK:
        return IMPORT_TOLD_OK;
    case ANSWER_REFUSED:
        return IMPORT_TOLD_REFUSED;
    case ANSWER_RETRY:
        return IMPORT_TOLD_NOTHING;
    }
    return IMPORT_TOLD_NOTHING; /* not reached: the switch is complete */
}

static enum organisation_kind organisation_kind_of(enum import_kind kind)
{
    switch (kind) {
    case IMPORT_DEPARTMENT:
        return KIND_department;
    case IMPORT_SQUAD:
        return KIND_squad;
    case IMPORT_TOWN:
    case IMPORT_CATEGORY:
    case IMPORT_KIND_COUNT:
        break;
    }
    return KIND_town;
}

static void organisation_fill(struct organisation_register *body, const struct import_map *map,
                              const struct import_names *names, enum organisation_kind kind)
{
    message_clear(&command_types[COMMAND_organisation_register], body);
    body->district = map->district.code;
    body->code = names->code;
    body->kind = (int)kind;
    body->name_zh = names->name_zh;
    body->name_en = names->name_en;
}

static enum import_told send_category(struct session *session, const struct import_map *map,
                                      struct import_fact *fact, struct arena *arena,
                                      struct answer *answer)
{
    struct category_register body;
    message_clear(&command_types[COMMAND_category_register], &body);
    body.district = map->district.code;
    body.code = fact->names.code;
    body.name_zh = fact->names.name_zh;
    body.name_en = fact->names.name_en;
    struct text prefix = arena_format(arena, "import:%.*s:%.*s", TEXT_ARG(map->district.code),
                                      TEXT_ARG(fact->names.code));
    fact_register(session, &(struct fact){prefix, COMMAND_category_register, &body}, arena, answer);
    return told_of(answer);
}

static enum import_told send_organisation(struct session *session, const struct import_map *map,
                                          const struct organisation_register *body,
                                          struct arena *arena, struct answer *answer)
{
    struct text prefix =
        arena_format(arena, "import:%.*s:%.*s", TEXT_ARG(map->district.code), TEXT_ARG(body->code));
    fact_register(session, &(struct fact){prefix, COMMAND_organisation_register, body}, arena,
                  answer);
    return told_of(answer);
}

static enum import_told fact_ensure(struct session *session, const struct import_map *map,
                                    struct import_fact *fact, const struct import_fact *parent)
{
    enum import_told told;
    struct answer answer;
    if (fact->registered)
        return IMPORT_TOLD_OK;
    if (fact->refused != NULL)
        return IMPORT_TOLD_REFUSED;
    struct arena *arena = arena_new();
    if (fact->kind == IMPORT_CATEGORY) {
        told = send_category(session, map, fact, arena, &answer);
    } else {
        struct organisation_register body;
        organisation_fill(&body, map, &fact->names, organisation_kind_of(fact->kind));
        if (parent != NULL)
            body.parent = parent->names.code;
        told = send_organisation(session, map, &body, arena, &answer);
    }
    fact->registered = told == IMPORT_TOLD_OK;
    if (told == IMPORT_TOLD_REFUSED) {
        fact->refused = refusal_name(answer.refusal.code);
        cli_complain(SAY("无法登记 %.*s：", "cannot register %.*s:"), TEXT_ARG(fact->names.code));
        print_refusal(&answer, stderr);
    }
    arena_destroy(&arena);
    return told;
}

enum import_told import_directory_row(struct session *session, const struct import_map *map,
                                      const struct import_row_facts *facts,
                                      const struct import_fact **refused)
{
    struct import_fact *order[] = {facts->town, facts->department, facts->squad, facts->category};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (order[i] == NULL)
            continue;
        *refused = order[i];
        enum import_told told = fact_ensure(session, map, order[i],
                                            order[i] == facts->squad ? facts->department : NULL);
        if (told != IMPORT_TOLD_OK)
            return told;
    }
    return IMPORT_TOLD_OK;
}

/* --- register --------------------------------------------------------------------------------- */

static enum import_told complain(enum import_told told, const struct answer *answer,
                                 const char *what)
{
    if (told == IMPORT_TOLD_OK)
        return told;
    cli_complain(SAY("无法登记 %s：", "cannot register %s:"), what);
    print_refusal(answer, stderr);
    return told;
}

static enum import_told register_district(struct session *session, const struct import_map *map,
                                          struct arena *arena)
{
    struct answer answer;
    struct district_register body;
    message_clear(&command_types[COMMAND_district_register], &body);
    body.district = map->district.code;
    body.name_zh = map->district.name_zh;
    body.name_en = map->district.name_en;
    body.time_zone = map->time_zone;
    struct text prefix = arena_format(arena, "import:%.*s", TEXT_ARG(map->district.code));
    fact_register(session, &(struct fact){prefix, COMMAND_district_register, &body}, arena,
                  &answer);
    return complain(told_of(&answer), &answer, map->district.code.at);
}

static enum import_told register_committee(struct session *session, const struct import_map *map,
                                           struct arena *arena)
{
    struct answer answer;
    struct organisation_register body;
    organisation_fill(&body, map, &map->committee, KIND_committee);
    return complain(send_organisation(session, map, &body, arena, &answer), &answer,
                    map->committee.code.at);
}

static enum import_told register_feed(struct session *session, const struct import_map *map,
                                      struct arena *arena)
{
    struct answer answer;
    struct organisation_register body;
    const struct text commands[] = {TEXT("order_open_external"), TEXT("order_close_external")};
    organisation_fill(&body, map, &map->feed, KIND_feed);
    body.commands = (struct text_list){commands, sizeof commands / sizeof *commands};
    body.places = (struct text_list){&map->district.code, 1};
    return complain(send_organisation(session, map, &body, arena, &answer), &answer,
                    map->feed.code.at);
}

static enum import_told register_key(struct session *session, const struct import_map *map,
                                     const struct import_names *organisation, enum role role,
                                     const char *public_key, struct arena *arena)
{
    struct answer answer;
    struct key_register body;
    message_clear(&command_types[COMMAND_key_register], &body);
    body.district = map->district.code;
    body.public_key = text_of(public_key);
    body.organisation = organisation->code;
    body.role = (int)role;
    body.name = organisation->name_en;
    struct text prefix = arena_format(arena, "import:%.*s:key:%.*s", TEXT_ARG(map->district.code),
                                      TEXT_ARG(organisation->code));
    fact_register(session, &(struct fact){prefix, COMMAND_key_register, &body}, arena, &answer);
    return complain(told_of(&answer), &answer, public_key);
}

enum import_told import_directory_register(struct session *operator_session,
                                           const struct import_map *map, const char *feed_public,
                                           const char *committee_public)
{
    struct session *session = operator_session;
    struct arena *arena = arena_new();
    enum import_told told = register_district(session, map, arena);
    if (told == IMPORT_TOLD_OK)
        told = register_committee(session, map, arena);
    if (told == IMPORT_TOLD_OK)
        told = register_feed(session, map, arena);
    if (told == IMPORT_TOLD_OK)
        told = register_key(session, map, &map->committee, ROLE_committee, committee_public, arena);
    if (told == IMPORT_TOLD_OK)
        told = register_key(session, map, &map->feed, ROLE_feed, feed_public, arena);
    arena_destroy(&arena);
    return told;
}
