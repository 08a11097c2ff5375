/* ztc: what an operator types. */
#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "cli/cli.h"
#include "cli/verb.h"

static void usage(FILE *out)
{
    static const struct {
        enum verb_group group;
        const char *zh, *en;
    } groups[] = {
        {VERB_ORDERS, "订单", "Orders"},
        {VERB_QUERIES, "查询", "Queries"},
        {VERB_SUBSCRIPTIONS, "订阅与推送", "Subscriptions and webhooks"},
        {VERB_DIRECTORY, "名录", "Directory"},
        {VERB_OPERATION, "运维", "Operation"},
    };
    fprintf(out, "%s\n",
            SAY("用法：ztc 动词 [参数] [选项]；ztc 动词 --help 给出各项说明",
                "Usage: ztc VERB [ARGUMENTS] [OPTIONS]; ztc VERB --help tells more"));
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        fprintf(out, "\n%s\n", SAY(groups[g].zh, groups[g].en));
        for (const struct verb *verb = verbs; verb->name != NULL; verb++)
            if (verb->group == groups[g].group)
                fprintf(out, "  %-22s%s\n", verb->name, SAY(verb->zh, verb->en));
    }
    fprintf(out, "\n%s\n",
            SAY("  help [动词]           本说明\n  version               版本",
                "  help [VERB]           this\n  version               the version"));
}

static int unknown(const char *name)
{
    const struct verb *nearest = verb_nearest(name);
    if (nearest != NULL)
        cli_complain(SAY("没有动词“%s”；是否为“%s”？", "no verb '%s'; did you mean '%s'?"), name,
                     nearest->name);
    else
        cli_complain(SAY("没有动词“%s”；ztc help 列出全部", "no verb '%s'; ztc help lists them"),
                     name);
    return CLI_USAGE;
}

static int help(int argc, char **argv)
{
    char wish[] = "--help";
    if (argc < 2) {
        usage(stdout);
        return CLI_OK;
    }
    int used;
    const struct verb *verb = verb_find_words(argc - 1, argv + 1, &used);
    if (verb == NULL)
        return unknown(argv[1]);
    char *arguments[] = {argv[1], wish, NULL};
    return verb->run(verb, 2, arguments);
}

int main(int argc, char **argv)
{
    cli_set_chinese(cli_language_is_chinese());
    zsys_handler_set(NULL); /* Ctrl-C ends ztc; import has a handler of its own */
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("ztc %s\n", ZTC_VERSION);
        return CLI_OK;
    }
    int used;
    const struct verb *verb = verb_find_words(argc - 1, argv + 1, &used);
    if (verb == NULL)
        return unknown(name);
    int code = verb->run(verb, argc - used, argv + used);
    if (fflush(stdout) != 0 && code == CLI_OK) {
        cli_complain("%s", SAY("无法写到标准输出", "cannot write to standard output"));
        code = CLI_ENVIRONMENT;
    }
    return code;
}
