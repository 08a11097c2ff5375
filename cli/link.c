#include "cli/link.h"

#include <unistd.h>

#include "base/instant.h"
#include "cli/cli.h"
#include "cli/env.h"

#define ZONE_DEFAULT      "Asia/Shanghai"
#define TIMEOUT_S_MAX     86400
#define PROBLEM_MAX       512
#define SERVER_KEY_LENGTH 40

void link_rows(struct link_options *link, struct option_row rows[LINK_ROW_COUNT])
{
    const struct option_row all[LINK_ROW_COUNT] = {
        {"key", OPTION_STRING, &link->key_file, 0, 0, "FILE",
         "本方的密钥证书（含私钥）；默认为 ZTC_KEY",
         "the caller's secret certificate; ZTC_KEY by default"},
        {"as", OPTION_STRING, &link->role, 0, 0, "ROLE", "使用 ZTC_KEY_<角色> 的密钥",
         "use the key of ZTC_KEY_<ROLE>"},
        ENV_OPTION(&link->env_file),
        {"zone", OPTION_STRING, &link->zone, 0, 0, "ZONE",
         "读写时间的时区；默认为 ZTC_ZONE 或 Asia/Shanghai",
         "zone of times read and shown; ZTC_ZONE or Asia/Shanghai by default"},
        {"timeout", OPTION_NUMBER, &link->timeout_s, 1, TIMEOUT_S_MAX, "SECONDS",
         "等待与重试的总时间", "how long to wait and repeat"},
        {"json", OPTION_FLAG, &link->json, 0, 0, NULL, "原样输出答复（JSON）",
         "print the raw answer as JSON"},
        {"verbose", OPTION_FLAG, &link->verbose, 0, 0, NULL, "另印出编号与位置",
         "print ids and positions too"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < LINK_ROW_COUNT; i++)
        rows[i] = all[i];
}

bool link_settle(struct link_options *link)
{
    char problem[PROBLEM_MAX];
    if (!env_load(link->env_file, problem, sizeof problem)) {
        cli_complain("%s", problem);
        return false;
    }
    if (link->zone == NULL)
        link->zone = env_get("ZTC_ZONE");
    if (link->zone == NULL)
        link->zone = ZONE_DEFAULT;
    if (link->timeout_s == 0)
        link->timeout_s = LINK_TIMEOUT_MS / 1000;
    if (instant_zone_known(text_of(link->zone)))
        return true;
    cli_complain(SAY("没有时区“%s”", "no such time zone: %s"), link->zone);
    return false;
}

struct text link_zone(const struct link_options *link)
{
    return text_of(link->zone);
}

static bool key_usable(const char *key)
{
    if (access(key, R_OK) == 0)
        return true;
    cli_complain(SAY("无法读取密钥证书 %s", "cannot read the certificate %s"), key);
    return false;
}

const char *link_key(const struct link_options *link, const char *fallback_role)
{
    const char *key = link->key_file;
    const char *role = link->role;
    if (key == NULL && role == NULL)
        key = env_get("ZTC_KEY");
    if (key == NULL && role == NULL)
        role = fallback_role;
    if (key == NULL && role != NULL) {
        key = env_role_key(role);
        if (key == NULL) {
            cli_complain(
                SAY("没有设置 %s 的密钥（ZTC_KEY_<角色>，见 .run/env）；可用 --key 文件",
                    "no key for %s is set (ZTC_KEY_<ROLE>, see .run/env); or give --key FILE"),
                role);
            return NULL;
        }
    }
    if (key == NULL) {
        cli_complain("%s", SAY("请用 --key 文件、--as 角色或 ZTC_KEY 说明以谁的名义",
                               "say who calls: --key FILE, --as ROLE or ZTC_KEY"));
        return NULL;
    }
    return key_usable(key) ? key : NULL;
}

static const char *setting(const char *name)
{
    const char *value = env_get(name);
    if (value == NULL)
        cli_complain(SAY("没有设置 %s；先运行 make up，或用 --env 文件",
                         "%s is not set; run make up first, or give --env FILE"),
                     name);
    return value;
}

struct session *link_open(const struct link_options *link, enum link_face face, const char *key,
                          size_t in_flight)
{
    struct session_settings settings = {
        .endpoint = setting(face == LINK_FEED ? "ZTC_FEED" : "ZTC_QUERY"),
        .certificate = key,
        .timeout_ms = link->timeout_s * 1000,
        .in_flight = in_flight,
    };
    if (settings.endpoint == NULL)
        return NULL;
    settings.server_key = setting("ZTC_SERVER_KEY");
    if (settings.server_key == NULL)
        return NULL;
    if (text_of(settings.server_key).length != SERVER_KEY_LENGTH) {
        cli_complain("%s", SAY("ZTC_SERVER_KEY 须为 40 个字符（Z85）",
                               "ZTC_SERVER_KEY must be 40 characters of Z85"));
        return NULL;
    }
    struct session *session = session_new(&settings);
    if (session == NULL)
        cli_complain(SAY("不能连接 %s：检查地址与密钥证书 %s",
                         "cannot connect to %s: check the address and the certificate %s"),
                     settings.endpoint, key);
    return session;
}

int link_exit(const struct answer *answer)
{
    switch (answer->status) {
    case ANSWER_OK:
        return CLI_OK;
    case ANSWER_REFUSED:
        return CLI_REFUSED;
    case ANSWER_RETRY:
        return CLI_UNANSWERED;
    }
    return CLI_ENVIRONMENT; /* not reached: the switch is complete */
}
