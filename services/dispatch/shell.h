/* Dispatch acts: loads the orders a batch touches, lets the core decide, writes what it
 * decided, and hands the changes of the live queue to the keeper. */
#ifndef ZTC_DISPATCH_SHELL_H
#define ZTC_DISPATCH_SHELL_H

#include "runtime/service.h"

struct dispatch_shell;

struct dispatch_shell *dispatch_shell_new(void);
void dispatch_shell_destroy(struct dispatch_shell **shell);

/* The functions of runtime/service.h, desk.h and reader.h; `state` is the shell. */
bool dispatch_prepare(void *state, const struct config *config);
void dispatch_finish(void *state);
void dispatch_opened(void *state, struct records *records, struct arena *arena);
void dispatch_load(void *state, struct batch *batch);
void dispatch_decide_batch(void *state, struct batch *batch);
void dispatch_write(void *state, struct batch *batch);
void dispatch_committed(void *state, struct batch *batch);
enum records_outcome dispatch_answer(void *state, struct records *records,
                                     const struct directory *directory, struct inquiry *inquiry,
                                     struct arena *arena);

#endif
