/* The codec under message.h and envelope.h; private to this room. A frame is scanned for soundness,
 * unpacked once by msgpack-c into a zone that the thread reuses, and each map is then walked over
 * its field table. Texts are not copied: they point into the bytes that were unpacked, which the
 * caller keeps in its arena. */
#ifndef ZTC_EVENTS_CODEC_H
#define ZTC_EVENTS_CODEC_H

#include <msgpack.h>

#include "events/message.h"

/* Rows of a .def table to struct fields and field tables: FIELD_ROW beside message.h's C_OF_. */
#define KIND_OF_text         FIELD_TEXT
#define KIND_OF_code         FIELD_CODE
#define KIND_OF_int          FIELD_INT
#define KIND_OF_time         FIELD_TIME
#define KIND_OF_flag         FIELD_FLAG
#define KIND_OF_words_of(w)  FIELD_WORD
#define KIND_OF_texts        FIELD_TEXTS
#define KIND_OF_codes        FIELD_CODES
#define KIND_OF_counts       FIELD_COUNTS
#define KIND_OF_windows      FIELD_WINDOWS
#define KIND_OF_resolutions  FIELD_RESOLUTIONS

#define WORDS_OF_text        NULL
#define WORDS_OF_code        NULL
#define WORDS_OF_int         NULL
#define WORDS_OF_time        NULL
#define WORDS_OF_flag        NULL
#define WORDS_OF_words_of(w) &words_##w
#define WORDS_OF_texts       NULL
#define WORDS_OF_codes       NULL
#define WORDS_OF_counts      NULL
#define WORDS_OF_windows     NULL
#define WORDS_OF_resolutions NULL

#define FIELD_ROW(message, kind, name, since, need, fallback, min, max, zh, en)                    \
    {#name,                                                                                        \
     sizeof(#name) - 1,                                                                            \
     KIND_OF_##kind,                                                                               \
     WORDS_OF_##kind,                                                                              \
     offsetof(struct message, name),                                                               \
     since,                                                                                        \
     need,                                                                                         \
     fallback,                                                                                     \
     min,                                                                                          \
     max,                                                                                          \
     zh,                                                                                           \
     en},
#define MESSAGE_ROW(name, version, zh, en)                                                         \
    {                                                                                              \
#name, sizeof(#name) - 1, version, sizeof(struct name), fields_of_##name,                  \
            sizeof fields_of_##name / sizeof *fields_of_##name, zh, en                             \
    }

/* Length of the first object in the bytes; 0: it is not sound (see msgpack_is_sound). */
size_t codec_length(struct bytes bytes);

/* Unpacks sound bytes. NULL: msgpack-c would not. Valid until this thread's next call. */
const msgpack_object *codec_unpack(struct bytes bytes);

/* msgpack-c gives no address for an empty str. */
static inline struct text codec_text(const msgpack_object_str *str)
{
    return str->size > 0 ? (struct text){str->ptr, str->size} : TEXT("");
}

/* A key that stands beside a map's fields and is kept instead of skipped. */
struct capture {
    const char *name;
    size_t name_length;
    const msgpack_object *value; /* NULL: absent or nil */
    struct bytes raw;            /* the value's bytes, as sent */
};

/* Reads one unpacked map into the struct of its type; `end` is the end of the bytes that were
 * unpacked. */
bool codec_read(const struct message_type *type, const msgpack_object *map, const uint8_t *end,
                struct arena *arena, void *message, struct capture *captures, size_t capture_count,
                struct refusal *refusal);

/* A msgpack buffer of fixed capacity in the arena. */
struct wire {
    uint8_t *at;
    size_t length, capacity;
    msgpack_packer packer;
};
void writer_open(struct wire *wire, struct arena *arena, size_t capacity);
void writer_name(struct wire *wire, const char *name, size_t length); /* a str */
void writer_text(struct wire *wire, struct text t);
void writer_raw(struct wire *wire, struct bytes encoded); /* bytes that are msgpack already */
static inline struct bytes writer_bytes(const struct wire *wire)
{
    return (struct bytes){wire->at, wire->length};
}

#define CODEC_HEADER_MAX 5 /* bytes of the longest header of a str, bin, array or map */
/* Bytes that a map of the message's fields takes at most, its header included; fields that will be
 * written. */
size_t codec_bound(const struct message_type *type, const void *message);
size_t codec_count(const struct message_type *type, const void *message);
/* The fields as pairs, without the map's header. */
void codec_write(struct wire *wire, const struct message_type *type, const void *message);

#endif
