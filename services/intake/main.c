/* intake: the one front door for commands. Who the caller is and what it may; the directory; orders
 * until they are placed. What dispatch owns is forwarded to it, and its answer given back. See
 * README.md. */
#include <stdlib.h>

#include "runtime/service.h"
#include "services/intake/shell.h"

int main(int argc, char **argv)
{
    struct intake_shell *shell = intake_shell_new();
    struct service_definition definition = {
        .desk =
            {
                .service = SERVICE_intake,
                .state = shell,
                .load = intake_load,
                .decide = intake_decide_batch,
                .write = intake_write,
                .committed = intake_committed,
            },
    };
    int status = service_run(&definition, argc, argv);
    intake_shell_destroy(&shell);
    return status;
}
