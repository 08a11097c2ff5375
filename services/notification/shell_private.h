/* The inside of notification's shell, shared by its files: shell.c (the desk's batches),
 * shell_inbox.c and shell_answers.c (queries), shell_courier.c (sends webhooks). */
#ifndef ZTC_NOTIFICATION_SHELL_PRIVATE_H
#define ZTC_NOTIFICATION_SHELL_PRIVATE_H

#include "runtime/service.h"
#include "services/notification/core_command.h"
#include "services/notification/core_telling.h"
#include "services/notification/shell_courier.h"
#include "services/notification/shell_seal.h"

/* Queries, on the reader's thread; contracts as struct reader_service. */
enum records_outcome answer_inbox(struct records *records, const struct directory *directory,
                                  struct inquiry *inquiry, struct arena *arena);
enum records_outcome answer_subscriptions(struct records *records,
                                          const struct directory *directory,
                                          struct inquiry *inquiry, struct arena *arena);
enum records_outcome answer_webhooks(struct records *records, const struct directory *directory,
                                     struct inquiry *inquiry, struct arena *arena);
/* deliveries and dead_letters. */
enum records_outcome answer_deliveries(struct records *records, const struct directory *directory,
                                       struct inquiry *inquiry, struct arena *arena);

#endif
