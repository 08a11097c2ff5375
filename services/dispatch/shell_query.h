/* The `queue` query: a squad's open offers, from Redis, or from the records while Redis is away or
 * behind. */
#ifndef ZTC_DISPATCH_SHELL_QUERY_H
#define ZTC_DISPATCH_SHELL_QUERY_H

#include "runtime/config.h"
#include "runtime/reader.h"

struct queue_reader;

struct queue_reader *queue_reader_new(const struct config *config);
void queue_reader_destroy(struct queue_reader **reader);
enum records_outcome queue_reader_answer(struct queue_reader *reader, struct records *records,
                                         const struct directory *directory, struct inquiry *inquiry,
                                         struct arena *arena);

#endif
