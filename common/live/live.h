/* The live order queue in Redis, per squad: a sorted set of its open offers by deadline less boost,
 * a sorted set of not-before times, a hash of versions that also keeps the last position of the
 * squad, and a hash of what else a reader wants to know. Rebuildable from the records at any time;
 * dispatch alone reads and writes it. Keys, hash-tagged so that a squad's are in one slot of a
 * cluster:
 *   ztc:{DISTRICT/SQUAD}:offers    zset  assignment id, score = deadline_ms - boost_ms
 *   ztc:{DISTRICT/SQUAD}:notbefore zset  assignment id, score = not_before_ms
 *   ztc:{DISTRICT/SQUAD}:versions  hash  assignment id -> order's version;
 *                                        "position" -> dispatch offset of the last change
 *   ztc:{DISTRICT/SQUAD}:details   hash  assignment id -> "order deadline_ms"
 * and one key beside them:
 *   ztc:history                    text  which history of the records all of them follow
 * Each change is one Redis function (queue.lua, library "zhitongche"), atomic; it names the squad's
 * position before it and refuses when Redis holds another (a gap: wiped, restored from an old file,
 * failed over). Not thread-safe. The process must ignore SIGPIPE. */
#ifndef ZTC_LIVE_LIVE_H
#define ZTC_LIVE_LIVE_H

#include "base/arena.h"

struct live;

enum live_outcome {
    LIVE_OK,
    LIVE_GAP, /* the squad's queue must be rebuilt */
    LIVE_LOST /* Redis is away or out of order; try again later */
};

struct live_squad {
    struct text district, code;
};

struct live_entry {
    int64_t assignment;
    int64_t order;
    int64_t version;    /* the order's, when the offer was made */
    int64_t deadline;   /* ms */
    int64_t score;      /* deadline_ms - boost_ms */
    int64_t not_before; /* ms */
};

/* One change of a squad's queue. */
struct live_change {
    struct live_squad squad;
    int64_t previous; /* the squad's position before; 0: none */
    int64_t position; /* dispatch offset of this change */
    bool add;         /* else: remove entry.assignment */
    struct live_entry entry;
};

/* `timeout_ms` bounds connecting and each answer (a rebuild gets more by its length). The address
 * is copied. */
struct live *live_new(const char *host_port, int timeout_ms);
void live_destroy(struct live **live);
/* Connects when not connected and loads the functions; LIVE_LOST when that fails. Every call below
 * needs a connection and drops it when it returns LIVE_LOST. */
enum live_outcome live_connect(struct live *live);
bool live_is_connected(const struct live *live);
/* Why the last LIVE_LOST; no content of messages. */
const char *live_message(const struct live *live);

/* Applies changes in a pipeline, in order. outcomes[i] for each: LIVE_OK (also when Redis is
 * already at or past the position), or LIVE_GAP. LIVE_LOST: what was applied is unknown; applying
 * again is harmless. */
enum live_outcome live_apply(struct live *live, const struct live_change *changes, size_t count,
                             enum live_outcome *outcomes);
/* Replaces a squad's whole queue, atomically, unless Redis is already past the position. */
enum live_outcome live_rebuild(struct live *live, const struct live_squad *squad, int64_t position,
                               const struct live_entry *entries, size_t count);
/* Removes a squad's queue and position: when Redis is ahead of records that were set back. */
enum live_outcome live_forget(struct live *live, const struct live_squad *squad);
/* Has Redis follow this history of the records. Positions of another one say nothing, since a
 * restore gives offsets out a second time: then all queues are removed, and `*anew` is set. So are
 * they where Redis names none, being empty or an older build's, without `*anew`. */
enum live_outcome live_follow(struct live *live, int64_t history, bool *anew);
/* The squads' positions, in one pipeline; 0: none there. */
enum live_outcome live_positions(struct live *live, const struct live_squad *squads, size_t count,
                                 int64_t *positions);
/* The first `limit` offers whose not-before time has come, most pressing first, with the position
 * they are as of. LIVE_GAP: what is there is no queue of ours. */
enum live_outcome live_peek(struct live *live, const struct live_squad *squad, int64_t now,
                            size_t limit, struct arena *arena, struct live_entry **entries,
                            size_t *count, int64_t *position);

#endif
