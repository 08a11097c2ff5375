#include "cli/env.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define ROLE_NAME_MAX 32
#define PROBLEM_MAX   512

static char *trimmed(char *line)
{
    while (isspace((unsigned char)*line))
        line++;
    size_t length = strlen(line);
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        line[--length] = '\0';
    return line;
}

/* Values may stand in quotes, as a shell would need them for blanks. */
static char *unquoted(char *value)
{
    size_t length = strlen(value);
    if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
        value[length - 1] = '\0';
        return value + 1;
    }
    return value;
}

static bool line_take(char *line)
{
    line = trimmed(line);
    if (line[0] == '\0' || line[0] == '#')
        return true;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return false;
    *equals = '\0';
    if (strncmp(line, "ZTC_", 4) == 0)
        setenv(line, unquoted(equals + 1), 0);
    return true;
}

bool env_load(const char *file, char *problem, size_t size)
{
    const char *path = file != NULL ? file : ENV_DEFAULT_FILE;
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        if (file == NULL && errno == ENOENT)
            return true;
        snprintf(problem, size, "%s: %s", path, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t capacity = 0;
    int number = 0;
    bool fine = true;
    while (fine && getline(&line, &capacity, in) >= 0) {
        number++;
        fine = line_take(line);
    }
    if (!fine)
        snprintf(problem, size, SAY("%s 第 %d 行不是 KEY=VALUE", "%s: line %d is not KEY=VALUE"),
                 path, number);
    free(line);
    fclose(in);
    return fine;
}

const char *env_get(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

bool env_dsn(const char *file, const char **dsn)
{
    char problem[PROBLEM_MAX];
    if (!env_load(file, problem, sizeof problem)) {
        cli_complain("%s", problem);
        return false;
    }
    if (*dsn == NULL)
        *dsn = env_get("ZTC_DSN");
    if (*dsn == NULL)
        cli_complain("%s",
                     SAY("没有设置 ZTC_DSN；可用 --dsn", "ZTC_DSN is not set; or give --dsn"));
    return *dsn != NULL;
}

const char *env_role_key(const char *role)
{
    char name[sizeof "ZTC_KEY_" + ROLE_NAME_MAX];
    int length = snprintf(name, sizeof name, "ZTC_KEY_%s", role);
    if (length < 0 || (size_t)length >= sizeof name)
        return NULL;
    for (char *at = name; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    return env_get(name);
}
