/* Messages: every command, query and event is one row-set in commands.def, queries.def or
 * events.def. From it come its struct (struct order_submit, struct order_submitted …), its field
 * table, its codec, its JSON and its documentation. */
#ifndef ZTC_EVENTS_MESSAGE_H
#define ZTC_EVENTS_MESSAGE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/instant.h"
#include "base/text.h"
#include "domain/refusal.h"
#include "domain/words.h"

#define MESSAGE_BYTES_MAX 65536 /* a whole frame of a command or query */
/* An event: what a command said and what its owner adds. */
#define EVENT_BYTES_MAX    (MESSAGE_BYTES_MAX + 4096)
#define MESSAGE_DEPTH_MAX  16
#define MESSAGE_FIELDS_MAX 63  /* fields of one message */
#define TEXTS_ITEM_MAX     512 /* bytes, at least 1, of one item of a list or of a name in counts */
#define COUNTS_VALUE_MAX   1000000000

enum field_kind {
    FIELD_TEXT,   /* clean msgpack str -> struct text */
    FIELD_CODE,   /* str that text_is_code() (or empty, where min is 0) -> struct text */
    FIELD_INT,    /* int -> int64_t */
    FIELD_TIME,   /* int, milliseconds since the epoch -> int64_t, INSTANT_ABSENT when absent */
    FIELD_FLAG,   /* bool -> bool */
    FIELD_WORD,   /* str, a word's name -> int (the enum's number) */
    FIELD_TEXTS,  /* array of str -> struct text_list */
    FIELD_CODES,  /* array of codes -> struct text_list */
    FIELD_COUNTS, /* map str -> non-negative int -> struct count_list; a repeated name is refused */
    FIELD_WINDOWS,     /* array of [start, end], both times -> struct window_list */
    FIELD_RESOLUTIONS, /* array of maps {text, owner, due} -> struct resolution_list */
};

struct text_list {
    const struct text *items;
    size_t count;
};
struct count {
    struct text name;
    int64_t value;
};
struct count_list {
    const struct count *items;
    size_t count;
};
/* A stretch of time, [start, end); that it ends after it starts is not the codec's to check. */
struct window {
    int64_t start, end;
};
struct window_list {
    const struct window *items;
    size_t count;
};
/* What was resolved at a session: all three are required, unknown keys are skipped. */
struct resolution {
    struct text text;  /* 1 to TEXTS_ITEM_MAX bytes */
    struct text owner; /* code of the organisation that answers for it */
    struct text due;   /* a date of the calendar, 2026-03-31 */
};
struct resolution_list {
    const struct resolution *items;
    size_t count;
};

struct field {
    const char *name;
    size_t name_length;
    enum field_kind kind;
    const struct words *words; /* FIELD_WORD only */
    size_t offset;             /* in the message's struct */
    int since;                 /* message version that brought it */
    bool required;
    int64_t fallback; /* default of an absent number, flag or word; texts and lists are empty */
    int64_t min, max;
    const char *zh;
    const char *en;
};

struct message_type {
    const char *name;
    size_t name_length;
    int version;
    size_t size; /* of its struct */
    const struct field *fields;
    size_t field_count;
    const char *zh;
    const char *en;
};

/* The structs. */
#define REQUIRED                                                            1
#define OPTIONAL                                                            0

#define C_OF_text                                                           struct text
#define C_OF_code                                                           struct text
#define C_OF_int                                                            int64_t
#define C_OF_time                                                           int64_t
#define C_OF_flag                                                           bool
#define C_OF_words_of(w)                                                    int
#define C_OF_texts                                                          struct text_list
#define C_OF_codes                                                          struct text_list
#define C_OF_counts                                                         struct count_list
#define C_OF_windows                                                        struct window_list
#define C_OF_resolutions                                                    struct resolution_list

#define MESSAGE(name, version, zh, en)                                      struct name {
#define FIELD(message, kind, name, since, need, fallback, min, max, zh, en) C_OF_##kind name;
#define MESSAGE_END(name)                                                                          \
    }                                                                                              \
    ;
#include "events/commands.def"
#include "events/events.def"
#include "events/queries.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#define MESSAGE_END(name)
#define FIELD(message, kind, name, since, need, fallback, min, max, zh, en)
enum command_type {
#define MESSAGE(name, version, zh, en) COMMAND_##name,
#include "events/commands.def"
#undef MESSAGE
    COMMAND_COUNT
};
enum query_type {
#define MESSAGE(name, version, zh, en) QUERY_##name,
#include "events/queries.def"
#undef MESSAGE
    QUERY_COUNT
};
enum event_type {
#define MESSAGE(name, version, zh, en) EVENT_##name,
#include "events/events.def"
#undef MESSAGE
    EVENT_COUNT
};
#undef FIELD
#undef MESSAGE_END

extern const struct message_type command_types[COMMAND_COUNT];
extern const struct message_type query_types[QUERY_COUNT];
extern const struct message_type event_types[EVENT_COUNT];

/* The number of a type by name, or -1. */
int command_find(struct text name);
int query_find(struct text name);
int event_find(struct text name);

/* Sets every field of a message's struct to its default (texts empty, lists empty, numbers their
 * fallback). */
void message_clear(const struct message_type *type, void *message);

/* Encodes the struct as a msgpack map of its fields, in table order, preceded by "v": its version;
 * fields that equal their default and are optional are left out. Bytes live in the arena. The
 * caller's struct is trusted. */
struct bytes message_encode(const struct message_type *type, const void *message,
                            struct arena *arena);

/* Decodes one msgpack map of exactly these bytes into *message (of type->size bytes), whose texts
 * and lists point into the arena. Unknown keys (and "v") are skipped, nil is an absent value, every
 * bound is checked before anything is allocated. False: *refusal says code and field; the message's
 * content is then unspecified. Fields are judged in the order sent, missing ones last:
 * - malformed: not sound msgpack, not a map, a key that is no str; with the field: one given twice
 * - oversize: more than EVENT_BYTES_MAX bytes
 * - missing_field: required and absent or nil
 * - wrong_type: another msgpack type than the kind's (bin for str, float for int, nil in a list), a
 *   window that is not a pair
 * - too_long: a text or code of more than max bytes, a list of more than max items
 * - bad_text: NUL or invalid UTF-8
 * - out_of_range: a text or list below min (empty where min is 1), a number outside min..max or
 *   beyond int64, a time outside INSTANT_MIN..INSTANT_MAX, a code with a character that
 *   text_is_code() does not allow, a due that is no date
 * - unknown_word: not a word of the field's list */
bool message_decode(const struct message_type *type, struct bytes bytes, struct arena *arena,
                    void *message, struct refusal *refusal);

/* Walks the bytes once without allocating: well-formed msgpack of exactly one object, claimed
 * lengths within the bytes left, depth at most MESSAGE_DEPTH_MAX. Everything that parses bytes from
 * outside calls it first. */
bool msgpack_is_sound(struct bytes bytes);

/* Compact JSON (jansson) of any sound msgpack object, for people and logs; ints stay ints, bin
 * becomes base64. NULL-free text in the arena; empty when the bytes are not sound. */
struct text msgpack_to_json(struct bytes bytes, struct arena *arena);

#endif
