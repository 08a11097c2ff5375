/* intake: the one front door for commands. Who the caller is and what it may; the directory; orders
 * until they are placed; their contact data. What dispatch owns is forwarded to it, and its answer
 * given back. See README.md. */
#include <stdlib.h>

#include "runtime/service.h"
#include "services/intake/shell.h"
#include "services/intake/shell_contact.h"

/* Its log says which assignments are live. */
static const enum service consumed[] = {SERVICE_dispatch};

/* Of an order with a feed's own id, which is unique for ever. */
static const char *const races[] = {"orders_external", NULL};

static bool prepare(void *state, const struct config *config)
{
    (void)state;
    contact_configure(config);
    return true;
}

int main(int argc, char **argv)
{
    struct intake_shell *shell = intake_shell_new();
    struct service_definition definition = {
        .desk =
            {
                .service = SERVICE_intake,
                .consumes = consumed,
                .consume_count = sizeof consumed / sizeof *consumed,
                .state = shell,
                .load = intake_load,
                .decide = intake_decide_batch,
                .write = intake_write,
                .races = races,
                .committed = intake_committed,
                .opened = intake_opened,
                .tidy = intake_tidy,
            },
        .reader = &contact_reader,
        .prepare = prepare,
    };
    int status = service_run(&definition, argc, argv);
    intake_shell_destroy(&shell);
    return status;
}
