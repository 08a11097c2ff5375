/* Evaluation's decisions: which confirmations count, in which quarter, and what stars follow. Pure.
 *
 * A book holds the sums of the quarters that one batch touches. Every order of the same
 * confirmations, cut into batches in any way, leaves the same sums and stars; only the numbers of
 * the versions in between depend on the cuts. */
#ifndef ZTC_EVALUATION_CORE_H
#define ZTC_EVALUATION_CORE_H

#include "base/arena.h"
#include "events/envelope.h"

/* One confirmation that counts. */
struct score {
    struct text district, squad, place;
    int32_t quarter; /* as instant_quarter */
    int64_t order;
    int64_t satisfaction; /* 1–5 */
    int producer;         /* enum service; position of the event */
    int32_t part;
    int64_t offset;
    int64_t time;
};

#define SCORES_MAX 16 /* events.def: squads of order_confirmed */
/* The scores of an event, one for each squad that served; none: it is not a confirmation (closings
 * by other systems carry no score and never count). The quarter is that of the event's time in the
 * zone; of an unknown zone, in UTC. */
size_t scores_of(const struct event *event, struct text time_zone, struct score scores[SCORES_MAX]);

#define SCORE_QUARTERS_MAX 2
/* The quarters that an instant may belong to, whatever the zone: what must be loaded before the
 * zone is known. */
size_t score_quarters(int64_t time, int32_t quarters[SCORE_QUARTERS_MAX]);

/* Sums of a squad's quarter, or (`squad` empty) of the whole district's. */
struct quarter_sums {
    struct text district, squad;
    int32_t quarter;
    int64_t counted, total;
    int stars;       /* a squad's; 0: not rated yet */
    int64_t version; /* a squad's: of the last event about it */
    bool has_scores; /* new confirmations came into it */
    bool is_rated;   /* set by book_rate: to be said by squad_rated, with `version` */
    size_t last;     /* which input brought its newest confirmation; the caller's number */
};

struct book;

struct book *book_new(struct arena *arena);
/* What the records hold; texts must outlive the book. */
void book_put(struct book *book, const struct quarter_sums *sums);
/* Counts a score, once: the caller sees to it that no event comes twice. Returns the squad's sums,
 * whose version is now that of the event score_counted. */
const struct quarter_sums *book_count(struct book *book, const struct score *score, size_t input);
/* After the last score of the batch: the stars of every squad in the quarters whose sums changed. A
 * squad that got scores or other stars is rated, one version further. */
void book_rate(struct book *book);
/* Entries in the order of (district, quarter, squad); the district's own stands before its squads'.
 */
size_t book_entries(const struct book *book, const struct quarter_sums *const **entries);

/* "squad_quarter/CODE/2026Q1". */
struct text key_of_squad_quarter(const struct quarter_sums *sums, struct arena *arena);

#endif
