/* Environment files as `make up` writes them: lines KEY=VALUE, '#' begins a comment line. */
#ifndef ZTC_CLI_ENV_H
#define ZTC_CLI_ENV_H

#include <stdbool.h>
#include <stddef.h>

#define ENV_DEFAULT_FILE ".run/env"

/* Sets the ZTC_ variables of the file that are not set already. With file NULL the default file is
 * read when it exists. False: `problem` says why. */
bool env_load(const char *file, char *problem, size_t size);

/* The path of a role's secret certificate, ZTC_KEY_<ROLE>; NULL when not set. */
const char *env_role_key(const char *role);

/* A variable's value; NULL when not set or empty. */
const char *env_get(const char *name);

#endif
