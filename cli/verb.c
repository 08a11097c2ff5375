#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define NAME_MAX_LENGTH 32
#define NEAR_MAX        3 /* letters that may differ for a suggestion */

#define COMMAND(verb, group, type, operands, usage, zh, en)                                        \
    {                                                                                              \
        verb, group, verb_command, COMMAND_##type, operands, usage, zh, en                         \
    }
#define QUERY(verb, type, operands, usage, zh, en)                                                 \
    {                                                                                              \
        verb, VERB_QUERIES, verb_query, QUERY_##type, operands, usage, zh, en                      \
    }

static const char *const order[] = {"order", NULL};
static const char *const order_squad[] = {"order", "squad", NULL};
static const char *const code_only[] = {"code", NULL};
static const char *const district_only[] = {"district", NULL};
static const char *const squad_only[] = {"squad", NULL};
static const char *const town_only[] = {"town", NULL};
static const char *const by_only[] = {"by", NULL};
static const char *const organisation_only[] = {"organisation", NULL};
static const char *const address_only[] = {"address", NULL};
static const char *const kind_only[] = {"kind", NULL};
static const char *const contact_operands[] = {"action", "order", NULL};
static const char *const keys_operands[] = {"action", "name", NULL};
static const char *const poison_operands[] = {"action", NULL};
static const char *const file_only[] = {"file", NULL};
static const char *const rule_only[] = {"rule", NULL};
static const char *const endpoint_only[] = {"endpoint", NULL};
static const char *const endpoint_event[] = {"endpoint", "event", NULL};

const struct verb verbs[] = {
    COMMAND("submit", VERB_ORDERS, order_submit, NULL, "", "点单", "pick a service: a new order"),
    COMMAND("return", VERB_ORDERS, order_return, order, "ORDER", "退回",
            "return an order to who picked it"),
    COMMAND("resubmit", VERB_ORDERS, order_resubmit, order, "ORDER", "重新点单",
            "submit a returned order again"),
    COMMAND("withdraw", VERB_ORDERS, order_withdraw, order, "ORDER", "撤回",
            "withdraw an order not yet placed"),
    COMMAND("place", VERB_ORDERS, order_place, order, "ORDER", "下单",
            "place an order: the whistle"),
    COMMAND("cancel", VERB_ORDERS, order_cancel, order, "ORDER", "取消",
            "cancel an order before its service"),
    COMMAND("assign", VERB_ORDERS, order_assign, order_squad, "ORDER SQUAD", "指派",
            "assign an escalated order to a squad"),
    COMMAND("accept", VERB_ORDERS, assignment_accept, order, "ORDER", "接单",
            "accept an offer and book its window"),
    COMMAND("decline", VERB_ORDERS, assignment_decline, order, "ORDER", "谢绝", "decline an offer"),
    COMMAND("check-in", VERB_ORDERS, assignment_check_in, order, "ORDER", "报到",
            "check in: the squad is there"),
    COMMAND("complete", VERB_ORDERS, assignment_complete, order, "ORDER", "完成",
            "complete the service, with its outcome"),
    COMMAND("confirm", VERB_ORDERS, order_confirm, order, "ORDER", "确认评价",
            "confirm a completed order and score it"),
    COMMAND("reopen", VERB_ORDERS, order_reopen, order, "ORDER", "不满意重办",
            "not satisfied: have it served again"),
    COMMAND("open-external", VERB_ORDERS, order_open_external, NULL, "", "登记外部办件",
            "open an order whose case another system runs"),
    COMMAND("close-external", VERB_ORDERS, order_close_external, order, "[ORDER]", "外部办结",
            "close an order whose case another system runs"),
    QUERY("show", order_show, order, "[ORDER]", "查看订单及其全部经过",
          "an order with its full history"),
    QUERY("list", order_list, NULL, "", "订单列表", "orders, newest first"),
    QUERY("board", board, town_only, "[TOWN]", "看板", "how many orders wait where, now"),
    QUERY("counts", counts, by_only, "BY", "统计", "counts of orders by what they have in common"),
    QUERY("stars", stars, squad_only, "[SQUAD]", "星级及其依据",
          "a squad's stars in a quarter, with what they count"),
    QUERY("queue", queue, squad_only, "[SQUAD]", "待接单队列", "offers waiting for a squad"),
    QUERY("inbox", inbox, organisation_only, "[ORGANISATION]", "收件箱",
          "notices of an organisation"),
    QUERY("directory", directory_list, kind_only, "[KIND]", "名录",
          "organisations of the district"),
    {"watch", VERB_QUERIES, verb_watch, -1, NULL, "", "实时事件", "events as they happen"},
    {"contact", VERB_QUERIES, verb_contact, -1, contact_operands,
     "show ORDER | erase ORDER | audit", "查看、删除联系方式，及其查看记录",
     "show or delete an order's contact data, and who saw it"},
    QUERY("subscriptions", subscriptions, organisation_only, "[ORGANISATION]", "订阅规则",
          "the rules of who is told of what"),
    COMMAND("subscriptions set", VERB_SUBSCRIPTIONS, subscription_set, rule_only, "RULE",
            "设定订阅规则", "set a rule of who is told of what"),
    COMMAND("subscriptions remove", VERB_SUBSCRIPTIONS, subscription_remove, rule_only, "RULE",
            "删除订阅规则", "remove a rule"),
    QUERY("webhooks", webhooks, organisation_only, "[ORGANISATION]", "推送接收端及其状况",
          "endpoints for webhooks and how they fare"),
    COMMAND("webhooks register", VERB_SUBSCRIPTIONS, webhook_register, endpoint_only, "ENDPOINT",
            "登记推送接收端", "register an endpoint for signed webhooks"),
    COMMAND("webhooks rotate", VERB_SUBSCRIPTIONS, webhook_rotate, endpoint_only, "ENDPOINT",
            "更换签名密钥", "give an endpoint a new secret"),
    COMMAND("webhooks enable", VERB_SUBSCRIPTIONS, webhook_enable, endpoint_only, "ENDPOINT",
            "启用接收端", "send to an endpoint again"),
    COMMAND("webhooks disable", VERB_SUBSCRIPTIONS, webhook_disable, endpoint_only, "ENDPOINT",
            "停用接收端", "send nothing more to an endpoint"),
    COMMAND("webhooks remove", VERB_SUBSCRIPTIONS, webhook_remove, endpoint_only, "ENDPOINT",
            "删除接收端", "remove an endpoint and its secrets"),
    QUERY("deliveries", deliveries, endpoint_only, "[ENDPOINT]", "推送记录",
          "what was sent to endpoints or waits to be"),
    QUERY("dead-letters", dead_letters, endpoint_only, "[ENDPOINT]", "死信",
          "what could not be delivered"),
    COMMAND("resend", VERB_SUBSCRIPTIONS, dead_letter_resend, endpoint_event, "ENDPOINT [EVENT]",
            "重发死信", "send dead letters of an endpoint again"),
    COMMAND("register-district", VERB_DIRECTORY, district_register, district_only, "DISTRICT",
            "登记区", "register a district, or change its names"),
    COMMAND("register-category", VERB_DIRECTORY, category_register, code_only, "CODE",
            "登记服务类别", "register a service category"),
    COMMAND("register-organisation", VERB_DIRECTORY, organisation_register, code_only, "CODE",
            "登记单位", "register an organisation, place or squad"),
    {"keys", VERB_DIRECTORY, verb_keys, -1, keys_operands,
     "make NAME | public FILE | files | list | register | rotate | revoke | bearer NAME | "
     "register-bearer | revoke-bearer",
     "密钥与令牌", "make, list, register, rotate and revoke keys and bearer tokens"},
    {"migrate", VERB_OPERATION, verb_migrate, -1, NULL, "", "建立或升级数据库",
     "bring the database up to this build"},
    {"seed", VERB_OPERATION, verb_seed, -1, NULL, "", "装载基础数据", "load the reference data"},
    {"import", VERB_OPERATION, verb_import, -1, file_only, "FILE", "导入外部办件（CSV）",
     "send a file of cases (CSV) through the feed"},
    {"play", VERB_OPERATION, verb_play, -1, NULL, "",
     "演示一单的全过程，或组团服务（--case joint）",
     "play one order from pick to stars, or a joint session (--case joint)"},
    {"ready", VERB_OPERATION, verb_ready, -1, address_only, "[ADDRESS]",
     "询问一个服务是否就绪（容器的健康检查）",
     "ask a service whether it is ready (a container's health check)"},
    {"doctor", VERB_OPERATION, verb_doctor, -1, NULL, "", "检查哪里不正常、该怎么办",
     "what is wrong, and what to do"},
    {"backup", VERB_OPERATION, verb_backup, -1, NULL, "", "备份（运行中），或核对一份备份",
     "a consistent copy of the records while the system runs, or check one"},
    {"restore", VERB_OPERATION, verb_restore, -1, NULL, "", "由备份恢复数据库",
     "bring the records back from a backup"},
    {"poison", VERB_OPERATION, verb_poison, -1, poison_operands, "list | retry",
     "被搁置的事件：列出，重新处理", "events that were set aside: list them, take them up again"},
    {"docs", VERB_OPERATION, verb_docs, -1, NULL, "", "由表格生成文档",
     "print the documentation of the tables"},
    {NULL, VERB_OPERATION, NULL, -1, NULL, NULL, NULL, NULL},
};

const char *verb_of_command(enum command_type type)
{
    if (type == COMMAND_key_register)
        return "keys register";
    if (type == COMMAND_key_revoke)
        return "keys revoke";
    if (type == COMMAND_key_rotate)
        return "keys rotate";
    if (type == COMMAND_contact_erase)
        return "contact erase";
    if (type == COMMAND_bearer_register)
        return "keys register-bearer";
    if (type == COMMAND_bearer_revoke)
        return "keys revoke-bearer";
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (verb->run == verb_command && verb->message == (int)type)
            return verb->name;
    return NULL;
}

const struct verb *verb_find(const char *name)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

const struct verb *verb_find_words(int argc, char **argv, int *used)
{
    char two[2 * NAME_MAX_LENGTH];
    *used = 2;
    if (argc > 1) {
        snprintf(two, sizeof two, "%s %s", argv[0], argv[1]);
        const struct verb *verb = verb_find(two);
        if (verb != NULL)
            return verb;
    }
    *used = 1;
    return argc > 0 ? verb_find(argv[0]) : NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance of two short names. */
static size_t distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    size_t row[NAME_MAX_LENGTH + 1];
    if (strlen(a) > NAME_MAX_LENGTH || length > NAME_MAX_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t above = row[j + 1];
            row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[length];
}

const struct verb *verb_nearest(const char *name)
{
    const struct verb *nearest = NULL;
    size_t least = NEAR_MAX + 1;
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        size_t d = distance(name, verb->name);
        if (d < least && d < strlen(verb->name)) {
            least = d;
            nearest = verb;
        }
    }
    return nearest;
}

void verb_help(const struct verb *verb, const struct options *options, FILE *out)
{
    fprintf(out, SAY("用法：ztc %s %s [选项]\n%s。\n", "Usage: ztc %s %s [OPTIONS]\n%s.\n"),
            verb->name, verb->usage, SAY(verb->zh, verb->en));
    options_print(options, out);
    fprintf(
        out, "\n%s\n",
        SAY("退出码：0 成功；1 被拒绝；2 用法有误；3 无答复或重试未果；4 环境有误；5 磁盘写不下；"
            "6 PostgreSQL 不在。",
            "Exit codes: 0 done; 1 refused; 2 wrong usage; 3 no answer, or retries were in vain; "
            "4 trouble with the environment; 5 no room on a disk; 6 PostgreSQL is away."));
}

bool verb_options(const struct verb *verb, struct options *options, int argc, char **argv,
                  struct arena *arena, int *exit_code)
{
    bool fine = options_parse(options, argc, argv, arena);
    if (options->help) {
        verb_help(verb, options, stdout);
        *exit_code = CLI_OK;
        return false;
    }
    if (fine)
        return true;
    cli_complain(SAY("%s；详见 ztc %s --help", "%s; see ztc %s --help"), options->problem,
                 verb->name);
    *exit_code = CLI_USAGE;
    return false;
}
