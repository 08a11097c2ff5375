/* evaluation: each squad's quarter under the scheme "provisional". See README.md beside this file.
 */
#include "services/evaluation/shell.h"

int main(int argc, char **argv)
{
    return service_run(&evaluation_definition, argc, argv);
}
