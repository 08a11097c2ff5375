/* ztc ready: one service asked whether it is ready, as a container's health check does. */
#include <curl/curl.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/env.h"
#include "cli/verb.h"

#define PAGE_MAX   4096
#define ASK_MS_MAX 60000
#define ANY_HOST   "0.0.0.0"

struct page {
    char body[PAGE_MAX];
    size_t length;
};

static size_t body_take(char *at, size_t size, size_t count, void *argument)
{
    struct page *page = argument;
    size_t length = size * count, room = PAGE_MAX - page->length;
    memcpy(page->body + page->length, at, length < room ? length : room);
    page->length += length < room ? length : room;
    return length;
}

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
    struct page page = {.length = 0};
    long status = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url_of(address, arena).at);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &page);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    if (result != CURLE_OK) {
        cli_complain("%s: %s", address, curl_easy_strerror(result));
        return CLI_UNANSWERED;
    }
    printf("%.*s", (int)page.length, page.body);
    return status == 200 ? CLI_OK : CLI_REFUSED;
}

int verb_ready(const struct verb *verb, int argc, char **argv)
{
    int64_t timeout_ms = 3000;
    const char *env_file = NULL;
    const struct option_row own[] = {
        {"timeout-ms", OPTION_NUMBER, &timeout_ms, 1, ASK_MS_MAX, "MS", "最多等多少毫秒；默认 3000",
         "milliseconds to wait at most; 3000 by default"},
        {"env", OPTION_STRING, &env_file, 0, 0, "FILE", "读取未设置的 ZTC_ 变量；默认为 .run/env",
         "read ZTC_ variables that are not set; .run/env by default"},
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
