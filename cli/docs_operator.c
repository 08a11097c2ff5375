/* The pages of the operator's book that are printed from tables: the figures at /metrics, what ztc
 * doctor finds, what the logs say. */
#include <string.h>

#include "cli/cli.h"
#include "cli/docs.h"

#define COUNTER SAY("计数", "counter")
#define GAUGE   SAY("现值", "gauge")

/* The cells of a row, texts that may hold '|'. */
static void row_print(FILE *out, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputs("| ", out);
        docs_cell(out, cells[i]);
        fputc(' ', out);
    }
    fputs("|\n", out);
}

#define ROW(out, ...)                                                                              \
    row_print(out, (const char *const[]){__VA_ARGS__},                                             \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

void docs_metrics(FILE *out)
{
    docs_title(out, "指标", "Figures at /metrics");
    fprintf(out, "%s\n\n%s\n| --- | --- | --- |\n",
            SAY("每个服务在其 ZTC_HTTP 的 `/metrics` 给出全部指标，标签 `service` "
                "为服务名；与它无关的为 0。",
                "Every service shows all of them at `/metrics` of its ZTC_HTTP, with its name as "
                "the label `service`; what does not concern it is 0."),
            SAY("| 指标 | 种类 | 含义 |", "| figure | kind | meaning |"));
#define METRIC(name, kind, zh, en) ROW(out, "`ztc_" #name "`", kind, SAY(zh, en));
#include "runtime/metrics.def"
#undef METRIC
    fprintf(out, "\n%s\n",
            SAY("计数只增不减，进程重启后从 0 起。", "Counters only grow; a restart begins at 0."));
}

void docs_findings(FILE *out)
{
    docs_title(out, "ztc doctor 的结论", "What ztc doctor finds");
    fprintf(out, "%s\n\n%s\n| --- | --- | --- | --- |\n",
            SAY("错误与警告使退出码为 1，提示不会。`ztc doctor --json` 中的 `finding` 即此代码。",
                "Errors and warnings make it exit with 1, notes do not. The code is `finding` in "
                "`ztc doctor --json`."),
            SAY("| 代码 | 程度 | 含义 | 处理办法 |", "| code | how bad | meaning | what to do |"));
#define SEVERITY(name, zh, en) const char *const name = SAY(zh, en);
#include "cli/severity.def"
#undef SEVERITY
#define FINDING(name, severity, zh, en, do_zh, do_en)                                              \
    ROW(out, "`" #name "`", severity, SAY(zh, en), SAY(do_zh, do_en));
#include "cli/finding.def"
#undef FINDING
}

/* The lines of one level. */
static void happenings_print(FILE *out, const char *level)
{
    fprintf(out, "\n## %s\n\n%s\n| --- | --- | --- |\n", level,
            SAY("| msg | 含义 | 处理办法 |", "| msg | meaning | what to do |"));
#define HAPPENING(of_level, msg, zh, en, do_zh, do_en)                                             \
    if (strcmp(level, #of_level) == 0)                                                             \
        ROW(out, "`" msg "`", SAY(zh, en), SAY(do_zh, do_en));
#define REASON(because, do_zh, do_en)
#include "runtime/happening.def"
#undef HAPPENING
#undef REASON
}

void docs_happenings(FILE *out)
{
    docs_title(out, "日志中的每一种行", "What the logs say");
    fprintf(out, "%s\n",
            SAY("服务日志的每一行属于下列之一，按 `msg` 查找。格式见 "
                "[logs](../book/logs.zh-CN.md)，所指各节见 [faults](../book/faults.zh-CN.md)。",
                "Every line of a service's log is one of these: look for its `msg`. The format is "
                "in [logs](../book/logs.md), the sections that are named in "
                "[faults](../book/faults.md)."));
    happenings_print(out, "error");
    fprintf(out, "\n## cannot start\n\n%s\n| --- | --- |\n",
            SAY("| because | 处理办法 |", "| because | what to do |"));
#define HAPPENING(level, msg, zh, en, do_zh, do_en)
#define REASON(because, do_zh, do_en) ROW(out, "`" because "`", SAY(do_zh, do_en));
#include "runtime/happening.def"
#undef HAPPENING
#undef REASON
    happenings_print(out, "warn");
    happenings_print(out, "info");
}
