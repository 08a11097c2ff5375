/* The last position of every squad's queue, in memory: a table from (district, squad) to the
 * dispatch offset that changed it last. The desk's thread alone writes the records' rows, so memory
 * is as good as a lock; after a batch that failed it is read anew. */
#ifndef ZTC_DISPATCH_SHELL_POSITIONS_H
#define ZTC_DISPATCH_SHELL_POSITIONS_H

#include "base/text.h"

struct positions;

struct positions *positions_new(void);
void positions_destroy(struct positions **positions);
void positions_clear(struct positions *positions);
/* Sets a squad's position and returns the one before; 0: none. */
int64_t positions_swap(struct positions *positions, struct text district, struct text squad,
                       int64_t position);

#endif
