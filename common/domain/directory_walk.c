#include "domain/directory_walk.h"

#include <string.h>

#define WALK_PAGE 256

struct text directory_shown_name(const struct directory *directory, struct text district,
                                 struct text code, bool zh)
{
    const struct organisation *there = directory_organisation(directory, district, code);
    if (there == NULL)
        return code;
    struct text preferred = zh ? there->short_zh : there->name_en;
    return preferred.length > 0 ? preferred : there->name_zh;
}

static void list_add(struct text **items, size_t *count, size_t *room, struct text code,
                     struct arena *arena)
{
    if (*count == *room) {
        *room = *room == 0 ? 8 : 2 * *room;
        struct text *more = arena_array(arena, *room, sizeof *more);
        if (*count > 0)
            memcpy(more, *items, *count * sizeof *more);
        *items = more;
    }
    (*items)[(*count)++] = code;
}

struct code_list directory_children(const struct directory *directory, struct text district,
                                    enum organisation_kind kind, struct text parent,
                                    struct arena *arena)
{
    const struct organisation *page[WALK_PAGE];
    struct text *items = NULL;
    struct text after = {"", 0};
    size_t count = 0, room = 0, found;
    do {
        found = directory_organisations(directory, district, (int)kind, after, page, WALK_PAGE);
        if (found > WALK_PAGE) /* it may say how many there are, not how many it gave */
            found = WALK_PAGE;
        for (size_t i = 0; i < found; i++)
            if (text_equal(page[i]->parent, parent))
                list_add(&items, &count, &room, page[i]->code, arena);
        if (found > 0)
            after = page[found - 1]->code;
    } while (found == WALK_PAGE);
    return (struct code_list){items, count};
}
