/* dispatch: orders from the moment they are placed. Offers, bookings, service and confirmation; the
 * live queue in Redis. See README.md. */
#include "services/dispatch/core.h"
#include "services/dispatch/shell.h"

int main(int argc, char **argv)
{
    static const enum service consumed[] = {SERVICE_intake};
    static const char *const races[] = {"booking_lane_free", NULL};
    struct dispatch_shell *shell = dispatch_shell_new();
    const struct reader_service reader = {.state = shell, .answer = dispatch_answer};
    const struct service_definition definition = {
        .desk =
            {
                .service = SERVICE_dispatch,
                .consumes = consumed,
                .consume_count = sizeof consumed / sizeof *consumed,
                .concerns = dispatch_begins_order,
                .state = shell,
                .load = dispatch_load,
                .decide = dispatch_decide_batch,
                .write = dispatch_write,
                .races = races,
                .committed = dispatch_committed,
                .opened = dispatch_opened,
            },
        .reader = &reader,
        .prepare = dispatch_prepare,
        .finish = dispatch_finish,
    };
    int status = service_run(&definition, argc, argv);
    dispatch_shell_destroy(&shell);
    return status;
}
