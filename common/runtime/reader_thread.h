/* The reader as its process sees it. */
#ifndef ZTC_RUNTIME_READER_THREAD_H
#define ZTC_RUNTIME_READER_THREAD_H

#include "runtime/config.h"
#include "runtime/outbox.h"
#include "runtime/reader.h"

struct reader;

struct reader *reader_new(const struct reader_service *service, enum service of,
                          const struct config *config, struct outbox *outbox, struct desk *desk);
void reader_destroy(struct reader **reader);
bool reader_start(struct reader *reader);
void reader_stop(struct reader *reader);
/* Takes the request. False: the queue is full. */
bool reader_submit(struct reader *reader, struct request *request);
/* Facts of the directory that were committed: the reader's own directory has them before the next
 * query is answered. `anew`: there are no others. What is needed of the events is copied. */
void reader_tell(struct reader *reader, const struct event *const *facts, size_t count, bool anew);
/* The desk applied something: queries that wait for a position look again. */
void reader_wake(struct reader *reader);

#endif
