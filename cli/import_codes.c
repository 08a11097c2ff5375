#include "cli/import_codes.h"

#include <string.h>

#include "cli/cli.h"

#define BUCKETS       1024
#define NAME_MAX_SIZE 200 /* bytes of a name (commands.def) */
#define HASH_BYTES    4

static const char *const kind_names[IMPORT_KIND_COUNT] = {"town", "department", "squad",
                                                          "category"};

struct taken {
    bool is_category; /* categories have codes of their own; all organisations share theirs */
    struct text code;
    struct taken *next;
};

struct import_codes {
    const struct import_map *map;
    struct arena *arena;
    struct import_fact *buckets[BUCKETS];
    struct taken *taken[BUCKETS];
    struct import_fact *first[IMPORT_KIND_COUNT], *last[IMPORT_KIND_COUNT];
};

static bool code_is_taken(const struct import_codes *codes, bool is_category, struct text code)
{
    for (const struct taken *at = codes->taken[text_hash(code) % BUCKETS]; at != NULL;
         at = at->next)
        if (at->is_category == is_category && text_equal(at->code, code))
            return true;
    return false;
}

static void code_take(struct import_codes *codes, bool is_category, struct text code)
{
    struct taken **bucket = &codes->taken[text_hash(code) % BUCKETS];
    struct taken *taken = arena_alloc(codes->arena, sizeof *taken);
    *taken = (struct taken){is_category, code, *bucket};
    *bucket = taken;
}

struct import_codes *import_codes_new(const struct import_map *map, struct arena *arena)
{
    struct import_codes *codes = arena_alloc(arena, sizeof *codes);
    codes->map = map;
    codes->arena = arena;
    code_take(codes, false, map->committee.code);
    code_take(codes, false, map->feed.code);
    return codes;
}

static const struct import_code *rule_of(const struct import_map *map, enum import_kind kind)
{
    switch (kind) {
    case IMPORT_TOWN:
        return &map->town;
    case IMPORT_CATEGORY:
        return &map->category;
    case IMPORT_DEPARTMENT:
    case IMPORT_SQUAD:
    case IMPORT_KIND_COUNT:
        break;
    }
    return &map->squad;
}

static const char *suffix_of(const struct import_map *map, enum import_kind kind, struct text code)
{
    if (kind == IMPORT_DEPARTMENT)
        return "-dept";
    /* A feed's place with the district's code would mean the whole district. */
    return kind == IMPORT_TOWN && text_equal(code, map->district.code) ? "-town" : "";
}

static struct import_names names_of(struct import_codes *codes, enum import_kind kind,
                                    struct text value)
{
    const struct import_code *rule = rule_of(codes->map, kind);
    struct import_names names = rule->empty;
    if (value.length > 0) {
        names.code = import_slug(value, codes->arena);
        names.name_zh = names.name_en = arena_text(codes->arena, cli_clip(value, NAME_MAX_SIZE));
    }
    names.code = arena_format(codes->arena, "%.*s%s", TEXT_ARG(names.code),
                              suffix_of(codes->map, kind, names.code));
    if (code_is_taken(codes, kind == IMPORT_CATEGORY, names.code)) {
        char hex[2 * HASH_BYTES + 1];
        struct text whole =
            arena_format(codes->arena, "%s:%.*s", kind_names[kind], TEXT_ARG(value));
        names.code = arena_format(codes->arena, "%.*s-%s", TEXT_ARG(names.code),
                                  cli_sha256_hex(whole, HASH_BYTES, hex));
    }
    return names;
}

struct import_fact *import_codes_fact(struct import_codes *codes, enum import_kind kind,
                                      struct text value)
{
    struct import_fact **bucket = &codes->buckets[(text_hash(value) + kind) % BUCKETS];
    for (struct import_fact *at = *bucket; at != NULL; at = at->next)
        if (at->kind == kind && text_equal(at->value, value))
            return at;
    struct import_fact *fact = arena_alloc(codes->arena, sizeof *fact);
    *fact = (struct import_fact){.kind = kind,
                                 .value = arena_text(codes->arena, value),
                                 .names = names_of(codes, kind, value),
                                 .next = *bucket};
    *bucket = fact;
    code_take(codes, kind == IMPORT_CATEGORY, fact->names.code);
    if (codes->last[kind] != NULL)
        codes->last[kind]->next_seen = fact;
    else
        codes->first[kind] = fact;
    codes->last[kind] = fact;
    return fact;
}

struct import_row_facts import_codes_row(struct import_codes *codes, const struct import_row *row)
{
    bool has_category = row->category.length > 0 || codes->map->category.has_empty;
    return (struct import_row_facts){
        .town = import_codes_fact(codes, IMPORT_TOWN, row->town),
        .department = import_codes_fact(codes, IMPORT_DEPARTMENT, row->department),
        .squad = import_codes_fact(codes, IMPORT_SQUAD, row->squad),
        .category = has_category ? import_codes_fact(codes, IMPORT_CATEGORY, row->category) : NULL,
    };
}

const struct import_fact *import_codes_first(const struct import_codes *codes,
                                             enum import_kind kind)
{
    return codes->first[kind];
}
