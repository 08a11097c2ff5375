#include "domain/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "domain/table.h"

#define ROSTER_FIRST 16

/* What is held: a fact under its key. Facts never move; their texts do, when too many replaced ones
 * have gathered. */
struct held_district {
    struct table_key key; /* code, "" */
    struct district fact;
};
struct held_category {
    struct table_key key; /* district, code */
    struct category fact;
};
struct held_organisation {
    struct table_key key; /* district, code */
    struct organisation fact;
};
struct held_key {
    struct table_key key; /* public key, "" */
    struct key fact;
};
/* Organisations in code order: a district's, or the squads of a category. */
struct roster {
    struct table_key key; /* district, "" or category */
    const struct organisation **items;
    size_t count, room;
};
struct key_count {
    struct table_key key; /* district, organisation */
    size_t live;          /* keys that are not revoked */
};

struct directory {
    struct table districts, categories, organisations, keys;
    struct table rosters, squads, key_counts;
    struct arena *held;         /* the structs above and the texts of their keys */
    struct arena *texts;        /* all other texts */
    struct arena *texts_before; /* those before the last move, kept until the next; may be NULL */
    size_t wasted;              /* bytes of replaced texts in `texts` */
};

/* --- Life ------------------------------------------------------------------------------------- */

struct directory *directory_new(void)
{
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    directory->held = arena_new();
    directory->texts = arena_new();
    return directory;
}

static void rosters_clear(struct table *rosters)
{
    for (size_t i = 0; i < rosters->count; i++)
        free(((struct roster *)(void *)rosters->entries[i])->items);
    table_clear(rosters);
}

void directory_clear(struct directory *directory)
{
    rosters_clear(&directory->rosters);
    rosters_clear(&directory->squads);
    table_clear(&directory->districts);
    table_clear(&directory->categories);
    table_clear(&directory->organisations);
    table_clear(&directory->keys);
    table_clear(&directory->key_counts);
    arena_reset(directory->held);
    arena_reset(directory->texts);
    arena_destroy(&directory->texts_before);
    directory->wasted = 0;
}

void directory_destroy(struct directory **directory)
{
    if (*directory == NULL)
        return;
    directory_clear(*directory);
    arena_destroy(&(*directory)->held);
    arena_destroy(&(*directory)->texts);
    free(*directory);
    *directory = NULL;
}

/* --- Texts of facts --------------------------------------------------------------------------- */

#define FACT_TEXTS_MAX 6
#define FACT_LISTS_MAX 4

/* Where a fact keeps its texts, those of its key left out. */
struct places {
    struct text *texts[FACT_TEXTS_MAX];
    size_t text_count;
    const struct text **lists[FACT_LISTS_MAX];
    const size_t *list_counts[FACT_LISTS_MAX];
    size_t list_count;
};

static struct places district_places(struct district *fact)
{
    return (struct places){.texts = {&fact->name_zh, &fact->name_en, &fact->time_zone},
                           .text_count = 3};
}

static struct places category_places(struct category *fact)
{
    return (struct places){.texts = {&fact->name_zh, &fact->name_en}, .text_count = 2};
}

static struct places organisation_places(struct organisation *fact)
{
    return (struct places){
        .texts = {&fact->name_zh, &fact->name_en, &fact->short_zh, &fact->parent, &fact->brand,
                  &fact->hours},
        .text_count = 6,
        .lists = {&fact->categories, &fact->commands, &fact->places, &fact->days_off},
        .list_counts = {&fact->category_count, &fact->command_count, &fact->place_count,
                        &fact->day_off_count},
        .list_count = 4,
    };
}

static struct places key_places(struct key *fact)
{
    return (struct places){
        .texts = {&fact->district, &fact->organisation, &fact->name, &fact->replaces},
        .text_count = 4};
}

static struct text text_copied(struct arena *arena, struct text t)
{
    return t.length == 0 ? TEXT("") : arena_text(arena, t);
}

static const struct text *list_copied(struct arena *arena, const struct text *items, size_t count)
{
    if (count == 0)
        return NULL;
    struct text *copies = arena_array(arena, count, sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = text_copied(arena, items[i]);
    return copies;
}

static bool lists_equal(const struct text *a, size_t a_count, const struct text *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!text_equal(a[i], b[i]))
            return false;
    return true;
}

static size_t text_bytes(struct text t)
{
    return t.length == 0 ? 0 : t.length + 1;
}

static size_t list_bytes(const struct text *items, size_t count)
{
    size_t bytes = count * sizeof *items;
    for (size_t i = 0; i < count; i++)
        bytes += text_bytes(items[i]);
    return bytes;
}

/* Makes `next` the directory's own: what `before` had already is taken from it, the rest is copied.
 */
static void texts_adopt(struct directory *directory, struct places before, struct places next)
{
    for (size_t i = 0; i < next.text_count; i++) {
        if (next.texts[i]->length > 0 && text_equal(*before.texts[i], *next.texts[i])) {
            *next.texts[i] = *before.texts[i];
            continue;
        }
        directory->wasted += text_bytes(*before.texts[i]);
        *next.texts[i] = text_copied(directory->texts, *next.texts[i]);
    }
    for (size_t i = 0; i < next.list_count; i++) {
        const struct text *old = *before.lists[i];
        size_t old_count = *before.list_counts[i], count = *next.list_counts[i];
        if (lists_equal(old, old_count, *next.lists[i], count)) {
            *next.lists[i] = old;
            continue;
        }
        directory->wasted += list_bytes(old, old_count);
        *next.lists[i] = list_copied(directory->texts, *next.lists[i], count);
    }
}

static void texts_move(struct arena *arena, struct places places)
{
    for (size_t i = 0; i < places.text_count; i++)
        *places.texts[i] = text_copied(arena, *places.texts[i]);
    for (size_t i = 0; i < places.list_count; i++)
        *places.lists[i] = list_copied(arena, *places.lists[i], *places.list_counts[i]);
}

/* Leaves the replaced texts behind once they are the larger part. The old arena stays until the
 * next time, since somebody may still hold a text he found in it. */
static void waste_drop(struct directory *directory)
{
    size_t used = arena_used(directory->texts);
    if (directory->wasted < DIRECTORY_WASTE_MIN || directory->wasted < used - directory->wasted)
        return;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < directory->districts.count; i++) {
        struct held_district *held = (void *)directory->districts.entries[i];
        texts_move(arena, district_places(&held->fact));
    }
    for (size_t i = 0; i < directory->categories.count; i++) {
        struct held_category *held = (void *)directory->categories.entries[i];
        texts_move(arena, category_places(&held->fact));
    }
    for (size_t i = 0; i < directory->organisations.count; i++) {
        struct held_organisation *held = (void *)directory->organisations.entries[i];
        texts_move(arena, organisation_places(&held->fact));
    }
    for (size_t i = 0; i < directory->keys.count; i++) {
        struct held_key *held = (void *)directory->keys.entries[i];
        texts_move(arena, key_places(&held->fact));
    }
    arena_destroy(&directory->texts_before);
    directory->texts_before = directory->texts;
    directory->texts = arena;
    directory->wasted = 0;
}

/* --- Rosters and counts ----------------------------------------------------------------------- */

/* The entry of this key; a new one, all zero, when there was none. */
static void *entry_of(struct directory *directory, struct table *table, struct text first,
                      struct text second, size_t size, bool *is_new)
{
    struct table_key *entry = table_find(table, first, second);
    *is_new = entry == NULL;
    if (entry == NULL) {
        entry = arena_alloc(directory->held, size);
        entry->first = text_copied(directory->held, first);
        entry->second = text_copied(directory->held, second);
        table_add(table, entry);
    }
    return entry;
}

static struct roster *roster_of(struct directory *directory, struct table *rosters,
                                struct text district, struct text category)
{
    bool is_new;
    return entry_of(directory, rosters, district, category, sizeof(struct roster), &is_new);
}

/* The first place whose code is not before this one. */
static size_t roster_place(const struct roster *roster, struct text code)
{
    size_t low = 0, high = roster->count;
    if (high > 0 && text_compare(roster->items[high - 1]->code, code) < 0)
        return high; /* as when they come in code order */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(roster->items[middle]->code, code) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void roster_add(struct roster *roster, const struct organisation *organisation)
{
    size_t at = roster_place(roster, organisation->code);
    if (at < roster->count && roster->items[at] == organisation)
        return;
    if (roster->count == roster->room) {
        roster->room = roster->room == 0 ? ROSTER_FIRST : roster->room * 2;
        roster->items = reallocarray(roster->items, roster->room, sizeof(struct organisation *));
        if (roster->items == NULL) {
            fputs("out of memory\n", stderr);
            abort();
        }
    }
    memmove(roster->items + at + 1, roster->items + at,
            (roster->count - at) * sizeof(struct organisation *));
    roster->items[at] = organisation;
    roster->count++;
}

static void roster_remove(struct roster *roster, const struct organisation *organisation)
{
    size_t at = roster_place(roster, organisation->code);
    if (at == roster->count || roster->items[at] != organisation)
        return;
    roster->count--;
    memmove(roster->items + at, roster->items + at + 1,
            (roster->count - at) * sizeof(struct organisation *));
}

static void squad_enlist(struct directory *directory, const struct organisation *organisation,
                         bool serves)
{
    if (organisation->kind != KIND_squad)
        return;
    for (size_t i = 0; i < organisation->category_count; i++) {
        struct roster *roster = roster_of(directory, &directory->squads, organisation->district,
                                          organisation->categories[i]);
        if (serves)
            roster_add(roster, organisation);
        else
            roster_remove(roster, organisation);
    }
}

static struct key_count *key_count_of(struct directory *directory, const struct key *key)
{
    bool is_new;
    return entry_of(directory, &directory->key_counts, key->district, key->organisation,
                    sizeof(struct key_count), &is_new);
}

/* --- Putting ---------------------------------------------------------------------------------- */

void directory_put_district(struct directory *directory, const struct district *district)
{
    bool is_new;
    struct held_district *held =
        entry_of(directory, &directory->districts, district->code, TEXT(""), sizeof *held, &is_new);
    struct district next = *district;
    next.code = held->key.first;
    texts_adopt(directory, district_places(&held->fact), district_places(&next));
    held->fact = next;
    waste_drop(directory);
}

void directory_put_category(struct directory *directory, const struct category *category)
{
    bool is_new;
    struct held_category *held = entry_of(directory, &directory->categories, category->district,
                                          category->code, sizeof *held, &is_new);
    struct category next = *category;
    next.district = held->key.first;
    next.code = held->key.second;
    texts_adopt(directory, category_places(&held->fact), category_places(&next));
    held->fact = next;
    waste_drop(directory);
}

void directory_put_organisation(struct directory *directory,
                                const struct organisation *organisation)
{
    bool is_new;
    struct held_organisation *held =
        entry_of(directory, &directory->organisations, organisation->district, organisation->code,
                 sizeof *held, &is_new);
    struct organisation next = *organisation;
    next.district = held->key.first;
    next.code = held->key.second;
    texts_adopt(directory, organisation_places(&held->fact), organisation_places(&next));
    if (!is_new)
        squad_enlist(directory, &held->fact, false);
    held->fact = next;
    squad_enlist(directory, &held->fact, true);
    if (is_new)
        roster_add(roster_of(directory, &directory->rosters, next.district, TEXT("")), &held->fact);
    waste_drop(directory);
}

static bool is_live(const struct key *key)
{
    return !key->revoked && key->expires == 0;
}

void directory_put_key(struct directory *directory, const struct key *key)
{
    bool is_new;
    struct held_key *held =
        entry_of(directory, &directory->keys, key->public_key, TEXT(""), sizeof *held, &is_new);
    if (!is_new && is_live(&held->fact))
        key_count_of(directory, &held->fact)->live--;
    struct key next = *key;
    next.public_key = held->key.first;
    texts_adopt(directory, key_places(&held->fact), key_places(&next));
    held->fact = next;
    if (is_live(&next))
        key_count_of(directory, &held->fact)->live++;
    waste_drop(directory);
}

/* --- Finding ---------------------------------------------------------------------------------- */

const struct district *directory_district(const struct directory *directory, struct text code)
{
    const struct held_district *held = table_find(&directory->districts, code, TEXT(""));
    return held == NULL ? NULL : &held->fact;
}

const struct category *directory_category(const struct directory *directory, struct text district,
                                          struct text code)
{
    const struct held_category *held = table_find(&directory->categories, district, code);
    return held == NULL ? NULL : &held->fact;
}

const struct organisation *directory_organisation(const struct directory *directory,
                                                  struct text district, struct text code)
{
    const struct held_organisation *held = table_find(&directory->organisations, district, code);
    return held == NULL ? NULL : &held->fact;
}

const struct key *directory_key(const struct directory *directory, struct text public_key)
{
    const struct held_key *held = table_find(&directory->keys, public_key, TEXT(""));
    return held == NULL ? NULL : &held->fact;
}

size_t directory_squads_of_category(const struct directory *directory, struct text district,
                                    struct text category, const struct organisation **out,
                                    size_t max)
{
    const struct roster *roster = table_find(&directory->squads, district, category);
    if (roster == NULL)
        return 0;
    for (size_t i = 0; i < roster->count && i < max; i++)
        out[i] = roster->items[i];
    return roster->count;
}

size_t directory_organisations(const struct directory *directory, struct text district, int kind,
                               struct text after, const struct organisation **out, size_t max)
{
    const struct roster *roster = table_find(&directory->rosters, district, TEXT(""));
    size_t written = 0;
    if (roster == NULL)
        return 0;
    size_t at = roster_place(roster, after);
    if (at < roster->count && text_equal(roster->items[at]->code, after))
        at++;
    for (; at < roster->count && written < max; at++)
        if (kind < 0 || (int)roster->items[at]->kind == kind)
            out[written++] = roster->items[at];
    return written;
}

size_t directory_keys(const struct directory *directory, const struct key **out, size_t max)
{
    for (size_t i = 0; i < directory->keys.count && i < max; i++)
        out[i] = &((const struct held_key *)(const void *)directory->keys.entries[i])->fact;
    return directory->keys.count;
}

bool directory_has_key(const struct directory *directory, struct text district,
                       struct text organisation)
{
    const struct key_count *count = table_find(&directory->key_counts, district, organisation);
    return count != NULL && count->live > 0;
}
