/* Environment files as `make up` writes them: lines KEY=VALUE, '#' begins a comment line. */
#ifndef ZTC_CLI_ENV_H
#define ZTC_CLI_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"

#define ENV_DEFAULT_FILE ".run/env"

/* Sets the ZTC_ variables of the file that are not set already. With file NULL the default file is
 * read when it exists. False: `problem` says why. */
bool env_load(const char *file, char *problem, size_t size);

/* The same, and the superuser's connection string: as given, else ZTC_DSN. False: complained. */
bool env_dsn(const char *file, const char **dsn);

/* The row of the option that names the file; `at` is a const char **. */
#define ENV_OPTION(at)                                                                             \
    {                                                                                              \
        "env", OPTION_STRING, at, 0, 0, "FILE", "读取未设置的 ZTC_ 变量；默认为 .run/env",         \
            "read ZTC_ variables that are not set; .run/env by default"                            \
    }

/* The path of a role's secret certificate, ZTC_KEY_<ROLE>; NULL when not set. */
const char *env_role_key(const char *role);

/* A variable's value; NULL when not set or empty. */
const char *env_get(const char *name);

#endif
