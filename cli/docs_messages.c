#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/docs.h"
#include "cli/verb.h"

static const char *kind_said(enum field_kind kind)
{
    switch (kind) {
    case FIELD_TEXT:
        return SAY("文本", "text");
    case FIELD_CODE:
        return SAY("代码", "code");
    case FIELD_INT:
        return SAY("整数", "integer");
    case FIELD_TIME:
        return SAY("时间（毫秒）", "time (ms)");
    case FIELD_FLAG:
        return SAY("是否", "flag");
    case FIELD_WORD:
        return SAY("词", "word");
    case FIELD_TEXTS:
        return SAY("文本列表", "list of texts");
    case FIELD_CODES:
        return SAY("代码列表", "list of codes");
    case FIELD_COUNTS:
        return SAY("名称→数量", "map of counts");
    case FIELD_WINDOWS:
        return SAY("[开始, 结束] 列表", "list of [start, end]");
    case FIELD_RESOLUTIONS:
        return SAY("{text, owner, due} 列表", "list of {text, owner, due}");
    }
    return "?"; /* not reached: the switch is complete */
}

static void words_cell(FILE *out, const struct field *field)
{
    for (int i = 0; i < field->words->count; i++)
        fprintf(out, "%s`%s`", i > 0 ? " " : "", field->words->names[i]);
}

/* Bytes of a text, the value of a number, items of a list. */
static void bounds_cell(FILE *out, const struct field *field)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        fprintf(out, SAY("%" PRId64 "–%" PRId64 " 字节", "%" PRId64 "–%" PRId64 " bytes"),
                field->min, field->max);
        break;
    case FIELD_INT:
        if (field->max == INT64_MAX)
            fprintf(out, "≥ %" PRId64, field->min);
        else
            fprintf(out, "%" PRId64 "–%" PRId64, field->min, field->max);
        break;
    case FIELD_WORD:
        words_cell(out, field);
        break;
    case FIELD_TEXTS:
    case FIELD_CODES:
    case FIELD_COUNTS:
    case FIELD_WINDOWS:
    case FIELD_RESOLUTIONS:
        fprintf(out, SAY("至多 %" PRId64 " 项", "at most %" PRId64 " items"), field->max);
        break;
    case FIELD_TIME:
    case FIELD_FLAG:
        break;
    }
}

/* What an absent optional field means. */
static void default_cell(FILE *out, const struct field *field)
{
    if (field->required) {
        fputs(SAY("必填", "required"), out);
        return;
    }
    switch (field->kind) {
    case FIELD_INT:
        fprintf(out, "%" PRId64, field->fallback);
        break;
    case FIELD_FLAG:
        fputs(field->fallback != 0 ? "true" : "false", out);
        break;
    case FIELD_WORD:
        fprintf(out, "`%s`", words_name(field->words, (int)field->fallback));
        break;
    case FIELD_TEXT:
    case FIELD_CODE:
    case FIELD_TIME:
    case FIELD_TEXTS:
    case FIELD_CODES:
    case FIELD_COUNTS:
    case FIELD_WINDOWS:
    case FIELD_RESOLUTIONS:
        break;
    }
}

static void fields_print(FILE *out, const struct message_type *type)
{
    fprintf(out, "%s\n| --- | --- | --- | --- | --- | --- |\n",
            SAY("| 字段 | 类型 | 缺省 | 范围 | 自版本 | 含义 |",
                "| field | kind | default | bounds | since | meaning |"));
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        fprintf(out, "| `%s` | %s | ", field->name, kind_said(field->kind));
        default_cell(out, field);
        fputs(" | ", out);
        bounds_cell(out, field);
        fprintf(out, " | %d | ", field->since);
        docs_cell(out, SAY(field->zh, field->en));
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

static void types_print(FILE *out, const struct message_type *types, int count, bool with_verbs)
{
    for (int i = 0; i < count; i++) {
        const char *verb = with_verbs ? verb_of_command((enum command_type)i) : NULL;
        fprintf(out, "## %s\n\n", types[i].name);
        docs_cell(out, SAY(types[i].zh, types[i].en));
        fprintf(out, SAY("（第 %d 版）。", " (version %d)."), types[i].version);
        if (verb != NULL)
            fprintf(out, " `ztc %s`", verb);
        fputs("\n\n", out);
        fields_print(out, &types[i]);
    }
}

void docs_commands(FILE *out)
{
    docs_title(out, "命令", "Commands");
    fprintf(out, "%s\n\n",
            SAY("命令是 msgpack 映射 `{id, type, on_behalf_of?, time?, "
                "body}`，发往受理的接入端口；答复为 "
                "`{id, status, result?, error?, events}`。同一编号的命令只做一次。未知的键略过。",
                "A command is a msgpack map `{id, type, on_behalf_of?, time?, body}` sent to "
                "intake's feed; its answer is "
                "`{id, status, result?, error?, events}`. A command's id is done once. Unknown "
                "keys are skipped."));
    types_print(out, command_types, COMMAND_COUNT, true);
}

void docs_queries(FILE *out)
{
    docs_title(out, "查询", "Queries");
    fprintf(out, "%s\n\n",
            SAY("查询是 msgpack 映射 `{id, type, after?, body}`，发往报表的查询端口；`after` "
                "列出须先看到的位置。",
                "A query is a msgpack map `{id, type, after?, body}` sent to reporting; `after` "
                "lists positions that must "
                "have been seen first."));
    types_print(out, query_types, QUERY_COUNT, false);
}

void docs_events(FILE *out)
{
    docs_title(out, "事件", "Events");
    fprintf(out, "%s\n\n",
            SAY("事件的属性名取自 CloudEvents 1.0：`{specversion, id, source, type, time, subject, "
                "district, recorded, "
                "part, offset, version, traceparent, data}`；下列为 `data` 的字段。",
                "An event has the attribute names of CloudEvents 1.0: `{specversion, id, source, "
                "type, time, subject, "
                "district, recorded, part, offset, version, traceparent, data}`; these are the "
                "fields of `data`."));
    types_print(out, event_types, EVENT_COUNT, false);
}
