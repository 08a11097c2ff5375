/* The reader: the one thread of a service that answers queries, on a connection of its own that is
 * read-only unless the service says otherwise, with a directory of its own: neither waits for the
 * other, however long a query takes. A query that names positions waits (bounded) until the desk
 * has applied them. */
#ifndef ZTC_RUNTIME_READER_H
#define ZTC_RUNTIME_READER_H

#include "domain/directory.h"
#include "events/envelope.h"
#include "records/records.h"

struct inquiry {
    struct caller caller;
    struct query query; /* query.body: its struct */
    struct answer
        answer; /* to be filled: status ok with result_body, or refused / retry with refusal */
};

struct reader_service {
    void *state;
    bool writes; /* some answers leave a record of having been given: the connection may write */
    /* Answers one query. The directory is the reader's own and stays as it is meanwhile. Everything
     * lives in the arena. When the records fail, returns their outcome (the reader answers `retry`,
     * reconnects, logs once); otherwise RECORDS_OK with the answer filled. */
    enum records_outcome (*answer)(void *state, struct records *records,
                                   const struct directory *directory, struct inquiry *inquiry,
                                   struct arena *arena);
};

#endif
