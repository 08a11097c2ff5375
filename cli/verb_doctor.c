/* ztc doctor: what is wrong, and what to do. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/env.h"
#include "cli/verb.h"

#define FOUND_FIRST_ROOM 16
#define LONG_S_MAX       86400

struct found {
    enum finding finding;
    const char *about;
    struct text seen;
};

static const struct {
    const char *name;
    enum severity severity;
    const char *zh, *en, *do_zh, *do_en;
} findings[FINDING_COUNT] = {
#define FINDING(name, severity, zh, en, do_zh, do_en)                                              \
    {#name, SEVERITY_##severity, zh, en, do_zh, do_en},
#include "cli/finding.def"
#undef FINDING
};

static const struct {
    const char *name, *zh, *en;
} severities[SEVERITY_COUNT] = {
#define SEVERITY(name, zh, en) {#name, zh, en},
#include "cli/severity.def"
#undef SEVERITY
};

void doctor_find(struct doctor *doctor, enum finding finding, const char *about, struct text seen)
{
    for (size_t i = 0; i < doctor->found_count; i++) /* two settings may name the same file */
        if (doctor->found[i].finding == finding && strcmp(doctor->found[i].about, about) == 0)
            return;
    if (doctor->found_count == doctor->found_room) {
        size_t room = doctor->found_room == 0 ? FOUND_FIRST_ROOM : 2 * doctor->found_room;
        struct found *found = arena_array(doctor->arena, room, sizeof *found);
        if (doctor->found_count > 0)
            memcpy(found, doctor->found, doctor->found_count * sizeof *found);
        doctor->found = found;
        doctor->found_room = room;
    }
    doctor->found[doctor->found_count++] = (struct found){
        finding, arena_string(doctor->arena, text_of(about)), arena_text(doctor->arena, seen)};
    doctor->counts[findings[finding].severity]++;
}

void doctor_check(struct doctor *doctor, bool wrong, enum finding finding, const char *about,
                  struct text seen)
{
    doctor->checks++;
    if (wrong)
        doctor_find(doctor, finding, about, seen);
}

const char *doctor_setting(struct doctor *doctor, const char *name)
{
    const char *value = env_get(name);
    doctor_check(doctor, value == NULL, FINDING_setting_missing, name, TEXT(""));
    return value;
}

const char *doctor_long_ms(struct doctor *doctor)
{
    return arena_format(doctor->arena, "%" PRId64, doctor->long_s * 1000).at;
}

void doctor_pause(void)
{
    struct timespec left = {.tv_nsec = DOCTOR_PAUSE_MS * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The worst first; of the same kind in the order they were found. */
static void found_print(const struct doctor *doctor, enum severity severity)
{
    for (size_t i = 0; i < doctor->found_count; i++) {
        const struct found *found = &doctor->found[i];
        if (findings[found->finding].severity != severity)
            continue;
        printf(SAY("%s  %s：%s", "%s  %s: %s"),
               SAY(severities[severity].zh, severities[severity].en), found->about,
               SAY(findings[found->finding].zh, findings[found->finding].en));
        if (found->seen.length > 0)
            printf(SAY("（%.*s）", " (%.*s)"), TEXT_ARG(found->seen));
        printf(SAY("\n      处理办法：%s\n", "\n      what to do: %s\n"),
               SAY(findings[found->finding].do_zh, findings[found->finding].do_en));
    }
}

static void doctor_print(const struct doctor *doctor)
{
    for (int severity = SEVERITY_COUNT - 1; severity >= 0; severity--)
        found_print(doctor, (enum severity)severity);
    printf(SAY("检查 %zu 项：错误 %d，警告 %d，提示 %d\n",
               "%zu checks: errors %d, warnings %d, notes %d\n"),
           doctor->checks, doctor->counts[SEVERITY_error], doctor->counts[SEVERITY_warning],
           doctor->counts[SEVERITY_note]);
}

static bool is_healthy(const struct doctor *doctor)
{
    return doctor->counts[SEVERITY_error] == 0 && doctor->counts[SEVERITY_warning] == 0;
}

static void doctor_print_json(const struct doctor *doctor)
{
    json_t *list = json_array();
    for (size_t i = 0; i < doctor->found_count; i++) {
        const struct found *found = &doctor->found[i];
        json_array_append_new(
            list,
            json_pack("{ss ss ss ss% ss ss ss ss}", "finding", findings[found->finding].name,
                      "severity", severities[findings[found->finding].severity].name, "about",
                      found->about, "seen", found->seen.at, found->seen.length, "zh",
                      findings[found->finding].zh, "en", findings[found->finding].en, "do_zh",
                      findings[found->finding].do_zh, "do_en", findings[found->finding].do_en));
    }
    json_t *all = json_pack("{sb sI so}", "healthy", is_healthy(doctor), "checks",
                            (json_int_t)doctor->checks, "findings", list);
    json_dumpf(all, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(all);
}

int verb_doctor(const struct verb *verb, int argc, char **argv)
{
    struct link_options link = {0};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&link, common);
    struct doctor doctor = {.link = &link, .long_s = DOCTOR_LONG_S, .arena = arena_new()};
    const struct option_row own[] = {
        {"long", OPTION_NUMBER, &doctor.long_s, 1, LONG_S_MAX, "SECONDS",
         "事务打开或事件等候多久算久；默认 60",
         "how long a transaction or a waiting event is long; 60 by default"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    static const char *const none[] = {NULL};
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .operands = none};
    int code = CLI_USAGE;
    if (!verb_options(verb, &options, argc, argv, doctor.arena, &code))
        goto out;
    code = CLI_ENVIRONMENT;
    if (!link_settle(&link))
        goto out;
    doctor_services(&doctor);
    doctor_records(&doctor);
    if (link.json)
        doctor_print_json(&doctor);
    else
        doctor_print(&doctor);
    code = is_healthy(&doctor) ? CLI_OK : CLI_REFUSED;
out:
    arena_destroy(&doctor.arena);
    return code;
}
