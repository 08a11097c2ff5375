#include "cli/cli.h"
#include "cli/docs.h"
#include "domain/order.h"

static void roles_cell(FILE *out, unsigned roles)
{
    bool any = false;
    for (int role = 0; role < ROLE_COUNT; role++)
        if ((roles & 1u << role) != 0) {
            fprintf(out, "%s%s", any ? SAY("、", ", ") : "",
                    SAY(words_role.zh[role], words_role.en[role]));
            any = true;
        }
    if (!any)
        fputs(SAY("系统", "the system"), out);
}

static void state_node(FILE *out, int state)
{
    if (state == 0)
        fputs("[*]", out);
    else
        fputs(words_name(&words_order_state, state), out);
}

static void order_diagram(FILE *out)
{
    fputs("```mermaid\nstateDiagram-v2\n", out);
    for (int state = 1; state < ORDER_STATE_COUNT; state++)
        fprintf(out, "    %s: %s\n", words_order_state.names[state],
                SAY(words_order_state.zh[state], words_order_state.en[state]));
    for (size_t i = 0; i < order_step_count; i++) {
        fputs("    ", out);
        state_node(out, (int)order_steps[i].from);
        fputs(" --> ", out);
        state_node(out, (int)order_steps[i].to);
        fprintf(out, ": %s\n", step_name(order_steps[i].step));
    }
    fputs("```\n\n", out);
}

static void order_table(FILE *out)
{
    fprintf(out, "%s\n| --- | --- | --- | --- | --- | --- |\n",
            SAY("| 由 | 步骤 | 到 | 谁 | 事件 | 服务 |",
                "| from | step | to | who may | event | service |"));
    for (size_t i = 0; i < order_step_count; i++) {
        const struct order_step *row = &order_steps[i];
        fprintf(out, "| `%s` | `%s` | `%s` | ", words_name(&words_order_state, (int)row->from),
                step_name(row->step), words_name(&words_order_state, (int)row->to));
        roles_cell(out, row->roles);
        fprintf(out, " | `%s` | %s |\n", row->event, words_name(&words_service, (int)row->owner));
    }
    fputc('\n', out);
}

static void assignment_diagram(FILE *out)
{
    fputs("```mermaid\nstateDiagram-v2\n", out);
    for (int state = 1; state < ASSIGNMENT_STATE_COUNT; state++)
        fprintf(out, "    %s: %s\n", words_assignment_state.names[state],
                SAY(words_assignment_state.zh[state], words_assignment_state.en[state]));
    for (size_t i = 0; i < assignment_step_count; i++)
        fprintf(out, "    %s --> %s: %s\n",
                assignment_steps[i].from == 0
                    ? "[*]"
                    : words_name(&words_assignment_state, (int)assignment_steps[i].from),
                words_name(&words_assignment_state, (int)assignment_steps[i].to),
                step_name(assignment_steps[i].step));
    fputs("```\n\n", out);
}

static void assignment_table(FILE *out)
{
    fprintf(out, "%s\n| --- | --- | --- | --- |\n",
            SAY("| 由 | 步骤 | 到 | 谁 |", "| from | step | to | who may |"));
    for (size_t i = 0; i < assignment_step_count; i++) {
        const struct assignment_step *row = &assignment_steps[i];
        fprintf(out, "| `%s` | `%s` | `%s` | ", words_name(&words_assignment_state, (int)row->from),
                step_name(row->step), words_name(&words_assignment_state, (int)row->to));
        roles_cell(out, row->roles);
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

static void words_table(FILE *out, const struct words *words)
{
    fprintf(out, "### %s\n\n%s\n| --- | --- | --- |\n", words->kind,
            SAY("| 词 | 中文 | 英文 |", "| word | Chinese | English |"));
    for (int i = 0; i < words->count; i++)
        fprintf(out, "| `%s` | %s | %s |\n", words->names[i], words->zh[i], words->en[i]);
    fputc('\n', out);
}

void docs_states(FILE *out)
{
    docs_title(out, "状态", "States");
    fprintf(out, "%s\n\n## %s\n\n",
            SAY("没有列出的步骤一律以 `illegal_step` 拒绝，并告知当前状态与允许的步骤。"
                "同一状态同一步骤有两行的：多队订单中，视各席位进度而定。",
                "A step that has no row is refused as `illegal_step`, with the present state and "
                "the steps that are legal. Where a state has two rows for a step, the seats of an "
                "order of several squads say which of them it is."),
            SAY("订单", "Order"));
    order_diagram(out);
    order_table(out);
    fprintf(out, "## %s\n\n", SAY("派单", "Assignment"));
    assignment_diagram(out);
    assignment_table(out);
    fprintf(out, "## %s\n\n", SAY("词表", "Words"));
#define VOCABULARY(name, prefix) words_table(out, &words_##name);
    VOCABULARIES(VOCABULARY)
#undef VOCABULARY
}
