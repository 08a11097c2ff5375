/* Intake acts: loads the orders a batch touches, lets the core decide, writes what it decided. */
#ifndef ZTC_INTAKE_SHELL_H
#define ZTC_INTAKE_SHELL_H

#include "runtime/desk.h"

struct intake_shell;

struct intake_shell *intake_shell_new(void);
void intake_shell_destroy(struct intake_shell **shell);
/* The desk's functions (runtime/desk.h); state is the shell. */
void intake_load(void *state, struct batch *batch);
void intake_decide_batch(void *state, struct batch *batch);
void intake_write(void *state, struct batch *batch);
/* Remembers the orders, and tells the log who did what to which key. */
void intake_committed(void *state, struct batch *batch);
void intake_opened(void *state, struct records *records, struct arena *arena);
void intake_tidy(void *state, struct records *records, int64_t now, struct arena *arena);

#endif
