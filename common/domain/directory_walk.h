/* What services ask of the directory beyond one fact: names for people, and whose squads are whose.
 */
#ifndef ZTC_DOMAIN_DIRECTORY_WALK_H
#define ZTC_DOMAIN_DIRECTORY_WALK_H

#include "base/arena.h"
#include "domain/directory.h"

struct code_list {
    const struct text *items;
    size_t count;
};

/* An organisation's name as people read it: the short Chinese one or the English one when there is
 * one, else the full Chinese one; the code itself when it is not in the directory. */
struct text directory_shown_name(const struct directory *directory, struct text district,
                                 struct text code, bool zh);
/* The codes of one kind of organisation right under a parent, in code order: a department's squads,
 * a village's sites. The list is in the arena, its texts are the directory's. */
struct code_list directory_children(const struct directory *directory, struct text district,
                                    enum organisation_kind kind, struct text parent,
                                    struct arena *arena);

#endif
