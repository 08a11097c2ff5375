/* notification: who is told what, an inbox for each organisation. See README.md beside this file.
 */
#include "services/notification/shell.h"

int main(int argc, char **argv)
{
    return service_run(&notification_definition, argc, argv);
}
