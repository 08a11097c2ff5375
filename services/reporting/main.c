/* reporting: the one window for reads. See README.md beside this file. */
#include "services/reporting/shell.h"

int main(int argc, char **argv)
{
    return service_run(&reporting_definition, argc, argv);
}
