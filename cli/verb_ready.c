/* ztc ready: one service asked whether it is ready, as a container's health check does. */
#include <string.h>

#include "cli/cli.h"
#include "cli/env.h"
#include "cli/http_page.h"
#include "cli/verb.h"

#define ASK_MS_MAX 60000
#define ANY_HOST   "0.0.0.0"

/* What is bound to every address of its container is asked at the loopback one. */
static struct text url_of(const char *address, struct arena *arena)
{
    size_t any = strlen(ANY_HOST);
    if (strncmp(address, ANY_HOST ":", any + 1) == 0)
        return arena_format(arena, "http://127.0.0.1%s/readyz", address + any);
    return arena_format(arena, "http://%s/readyz", address);
}

static int ready_ask(const char *address, int64_t timeout_ms, struct arena *arena)
{
    struct http_page page;
    struct text seen;
    CURL *curl = http_page_open(timeout_ms);
    bool answers = http_page_get(curl, url_of(address, arena).at, &page, &seen, arena);
    http_page_close(curl);
    if (!answers) {
        cli_complain("%.*s", TEXT_ARG(seen));
        return CLI_UNANSWERED;
    }
    printf("%.*s", (int)page.length, page.body);
    return page.status == 200 ? CLI_OK : CLI_REFUSED;
}

int verb_ready(const struct verb *verb, int argc, char **argv)
{
    int64_t timeout_ms = 3000;
    const char *env_file = NULL;
    const struct option_row own[] = {
        {"timeout-ms", OPTION_NUMBER, &timeout_ms, 1, ASK_MS_MAX, "MS", "最多等多少毫秒；默认 3000",
         "milliseconds to wait at most; 3000 by default"},
        ENV_OPTION(&env_file),
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, NULL},
                              .operands = verb->operands};
    struct arena *arena = arena_new();
    char problem[512];
    int code = CLI_USAGE;
    if (!verb_options(verb, &options, argc, argv, arena, &code))
        goto out;
    code = CLI_ENVIRONMENT;
    const char *address = NULL;
    if (!env_load(env_file, problem, sizeof problem))
        cli_complain("%s", problem);
    else if ((address = options.operand_count > 0 ? options.operand[0] : env_get("ZTC_HTTP")) ==
             NULL)
        cli_complain("%s", SAY("没有设置 ZTC_HTTP；请给出 地址:端口",
                               "ZTC_HTTP is not set; give ADDRESS:PORT"));
    else
        code = ready_ask(address, timeout_ms, arena);
out:
    arena_destroy(&arena);
    return code;
}
