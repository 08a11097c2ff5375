/* ztc migrate: the five services' schemas and roles brought up to this build. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/env.h"
#include "cli/link.h"
#include "cli/plans.h"
#include "cli/verb.h"

#define PROBLEM_MAX 1024

static void say_step(const char *schema, int number, const char *name, const char *state,
                     void *argument)
{
    const bool *quiet = argument;
    if (strcmp(state, "waiting") == 0) {
        fprintf(
            stderr, "%s\n",
            SAY("另一次迁移正在进行，等候其结束", "another migration runs; waiting for its end"));
        return;
    }
    if (*quiet && strcmp(state, "present") == 0)
        return;
    printf("%-12s %04d %-24s %s\n", schema, number, name,
           strcmp(state, "applied") == 0 ? SAY("已执行", "applied") : SAY("已有", "present"));
}

static int migrate(const char *dsn, bool quiet)
{
    struct migrate_plan plans[SERVICE_COUNT];
    plans_fill(plans);
    char problem[PROBLEM_MAX];
    if (migrate_run(dsn, plans, SERVICE_COUNT, cli_now_ms(), say_step, &quiet, problem,
                    sizeof problem))
        return CLI_OK;
    cli_complain("%s", problem);
    return CLI_ENVIRONMENT;
}

int verb_migrate(const struct verb *verb, int argc, char **argv)
{
    const char *dsn = NULL, *env_file = NULL;
    bool quiet = false;
    const struct option_row own[] = {
        {"dsn", OPTION_STRING, &dsn, 0, 0, "CONNINFO", "以超级用户连接；默认为 ZTC_DSN",
         "connect as a superuser; ZTC_DSN by default"},
        ENV_OPTION(&env_file),
        {"quiet", OPTION_FLAG, &quiet, 0, 0, NULL, "只列出新执行的",
         "list only what is applied now"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, NULL}};
    struct arena *arena = arena_new();
    int code = CLI_USAGE;
    if (!verb_options(verb, &options, argc, argv, arena, &code))
        goto out;
    code = env_dsn(env_file, &dsn) ? migrate(dsn, quiet) : CLI_ENVIRONMENT;
out:
    arena_destroy(&arena);
    return code;
}
