/* The directory as it now is, in memory: districts, organisations, categories, keys. Built by
 * applying the directory events (events.def) in log order; each thread of a service that needs one
 * holds one. Not thread-safe: its owner is one thread. */
#ifndef ZTC_DOMAIN_DIRECTORY_H
#define ZTC_DOMAIN_DIRECTORY_H

#include "domain/refusal.h"
#include "domain/words.h"

struct directory;

struct district {
    struct text code, name_zh, name_en, time_zone;
    int64_t version;
};
struct category {
    struct text district, code, name_zh, name_en;
    int64_t version;
};
struct organisation {
    struct text district, code;
    enum organisation_kind kind;
    struct text name_zh, name_en, short_zh;
    struct text parent;
    enum site_kind site_kind;
    struct text brand;
    const struct text *categories;
    size_t category_count;
    int64_t capacity;
    bool sample;
    const struct text *commands; /* feeds: what it may send */
    size_t command_count;
    const struct text *places; /* feeds: for whom */
    size_t place_count;
    struct text hours;           /* squads: weekly, as hours.h reads them; empty: any time */
    const struct text *days_off; /* squads: dates */
    size_t day_off_count;
    int64_t version;
};
/* Of the feed: a CURVE key. Of the REST face: a bearer token, known by its digest alone; the
 * lengths keep the two apart. */
#define KEY_BEARER_BYTES 64
struct key {
    struct text public_key; /* Z85, 40 bytes; of a bearer: SHA-256, 64 hexadecimal digits */
    struct text district;   /* empty: the whole deployment */
    struct text organisation;
    enum role role;
    struct text name;
    bool revoked;
    int64_t registered;   /* 0: not known, as the next */
    int64_t rotated;      /* when it last replaced another or was replaced; 0: never */
    int64_t expires;      /* it was replaced and is valid before this; 0: it was not */
    struct text replaces; /* the key that it came in place of; empty: none */
    int64_t version;
};

struct directory *directory_new(void);
void directory_destroy(struct directory **directory);
void directory_clear(struct directory *directory);

/* Each copies what it is given; the fact of the same code is replaced in place: a fact found stays
 * valid until the next clear and shows what replaced it. Texts that were found and have been
 * replaced since stay valid for another DIRECTORY_WASTE_MIN bytes of replaced texts at least, so
 * throughout any batch; they are given back beyond that. */
#define DIRECTORY_WASTE_MIN ((size_t)16 << 20)
void directory_put_district(struct directory *directory, const struct district *district);
void directory_put_category(struct directory *directory, const struct category *category);
void directory_put_organisation(struct directory *directory,
                                const struct organisation *organisation);
void directory_put_key(struct directory *directory, const struct key *key);

/* NULL: not there. */
const struct district *directory_district(const struct directory *directory, struct text code);
const struct category *directory_category(const struct directory *directory, struct text district,
                                          struct text code);
const struct organisation *directory_organisation(const struct directory *directory,
                                                  struct text district, struct text code);
const struct key *directory_key(const struct directory *directory, struct text public_key);

/* The town (or park) that places a place's orders: the place itself when it is one, else up its
 * parents; NULL: none. */
const struct organisation *directory_placing_body(const struct directory *directory,
                                                  struct text district, struct text place);
/* The squads of a district that serve a category, in code order; returns how many there are, writes
 * at most `max`. */
size_t directory_squads_of_category(const struct directory *directory, struct text district,
                                    struct text category, const struct organisation **out,
                                    size_t max);
/* Walks all organisations of a district in code order, those of one kind (or -1: all), beginning
 * after `after`; returns how many it wrote, less than `max` only at the end. */
size_t directory_organisations(const struct directory *directory, struct text district, int kind,
                               struct text after, const struct organisation **out, size_t max);
/* All keys, revoked ones too, in the order they were first put; returns how many there are, writes
 * at most `max`. */
size_t directory_keys(const struct directory *directory, const struct key **out, size_t max);
/* True when some key is registered for the organisation that is not revoked and not being replaced.
 */
bool directory_has_key(const struct directory *directory, struct text district,
                       struct text organisation);

/* As whom a caller acts. A caller acts for its own organisation; beside that a department for its
 * own squads, and a village, park or town for a site of its own (under it or under a place of its)
 * that has no key (product.md §1, §2). Acting for another is refused as not_yours, for one that is
 * not there as unknown_organisation (field on_behalf_of; none: the caller's own). */
struct acting {
    const struct organisation *organisation; /* NULL only for an operator of the whole deployment */
    enum role role;                          /* of the organisation acted for */
};
bool directory_acting(const struct directory *directory, struct text district,
                      struct text caller_organisation, enum role caller_role,
                      struct text on_behalf_of, struct acting *acting, struct refusal *refusal);
/* True when a feed is registered for this command and this place (or a place above it, or the whole
 * district). */
bool directory_feed_may(const struct directory *directory, const struct organisation *feed,
                        struct text command, struct text place);
/* What a key is at an instant. */
enum key_state key_state_at(const struct key *key, int64_t now);
/* True when it may be used then. */
bool key_is_valid(const struct key *key, int64_t now);
static inline bool key_is_bearer(const struct key *key)
{
    return key->public_key.length == KEY_BEARER_BYTES;
}
/* True when a role suits a kind of organisation (a key's registration). */
bool role_suits(enum role role, const struct organisation *organisation);

#endif
