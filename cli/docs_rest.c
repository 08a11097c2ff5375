/* The pages of the REST face: its routes, and what its problems are. */
#include "cli/cli.h"
#include "cli/docs.h"
#include "edge/problem.h"

static void routes_print(FILE *out)
{
    fprintf(out, "%s\n| --- | --- | --- | --- |\n",
            SAY("| 方法 | 路径 | 报文 | 含义 |", "| method | path | message | meaning |"));
    for (size_t i = 0; i < route_count; i++) {
        const struct message_type *type = route_type(&routes[i]);
        fprintf(out, "| %s | `%s` | `%s` | ", routes[i].is_query ? "GET" : "POST", routes[i].path,
                type->name);
        docs_cell(out, SAY(type->zh, type->en));
        fputs(" |\n", out);
    }
}

static void problems_print(FILE *out)
{
    fprintf(out, "\n%s\n| --- | --- | --- |\n",
            SAY("| 状态码 | 代码 | 含义 |", "| status | code | meaning |"));
    for (int i = 0; i < problem_count(); i++) {
        struct problem_row row = problem_row(i);
        fprintf(out, "| %u | `%s` | ", row.status, row.code);
        docs_cell(out, SAY(row.zh, row.en));
        fputs(" |\n", out);
    }
}

void docs_rest(FILE *out)
{
    docs_title(out, "REST 接口", "The REST face");
    fprintf(out, "%s\n\n",
            SAY("POST 发往受理服务（ZTC_API），GET 发往报表服务（ZTC_REPORTS）；机器可读的说明见 "
                "`/v1/openapi.json`。",
                "POST goes to intake (ZTC_API), GET to reporting (ZTC_REPORTS); for machines: "
                "`/v1/openapi.json`."));
    routes_print(out);
    problems_print(out);
}
