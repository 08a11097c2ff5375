/* Notification's decisions: who is told of an event, in what words, and who may read whose inbox.
 * Pure. */
#ifndef ZTC_NOTIFICATION_CORE_H
#define ZTC_NOTIFICATION_CORE_H

#include "base/arena.h"
#include "domain/directory.h"
#include "events/envelope.h"
#include "events/parties.h"

enum side {
#define WORD(name, zh, en) SIDE_##name,
#include "services/notification/sides.def"
#undef WORD
    SIDE_COUNT
};
extern const struct words words_side;

struct rule {
    enum event_type event;
    enum side side;
    const char *zh, *en;
};
extern const struct rule rules[];
extern const size_t rule_count;
const struct rule *rule_find(enum event_type event, enum side side); /* NULL: nobody is told */

struct notice {
    enum side side;
    struct text
        organisation; /* as in the table: the squad for `department`, empty for `committee` */
};

/* A notice's number, for newest first and paging: 43 bits of the recorded milliseconds, 1 bit of
 * the producer (intake 0, dispatch 1), the 19 lower bits of the offset. Two events of one producer
 * share a number only when they are recorded in the same millisecond and a multiple of 524,288
 * apart. */
int64_t notice_number(int64_t recorded, int producer, int64_t offset);

/* What a rule's {words} stand for. */
struct notice_words {
    int64_t order;
    struct text place, town, squad, due;
};
struct text notice_text(const char *pattern, const struct notice_words *words, struct arena *arena);

/* Rows that one organisation reads: pairs of side and code. */
struct addresses {
    const struct text *sides;
    const struct text *organisations;
    size_t count;
    struct text reader; /* the organisation whose inbox it is */
};
/* Whose inbox a caller gets: its own; the committee and an operator any of the district; a
 * department its squads', and a placing body that of a site which it acts for. False: *refusal says
 * why not. */
bool inbox_addresses(const struct directory *directory, const struct caller *caller,
                     struct text organisation, struct arena *arena, struct addresses *addresses,
                     struct refusal *refusal);

#endif
