/* Each service over HTTP: whether its loops turn, whether it is ready, its version, its clock. Then
 * whether the face for queries answers. */
#include <inttypes.h>
#include <string.h>

#include "base/version.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/env.h"
#include "cli/http_page.h"

static bool page_get(CURL *curl, const char *address, const char *path, struct http_page *page,
                     struct text *seen, struct arena *arena)
{
    return http_page_get(curl, arena_format(arena, "http://%s%s", address, path).at, page, seen,
                         arena);
}

/* The lines of a page in one: "records, lease". */
static struct text page_said(struct http_page *page, struct arena *arena)
{
    while (page->length > 0 && page->body[page->length - 1] == '\n')
        page->length--;
    struct text said = arena_text(arena, (struct text){page->body, page->length});
    char *line_end = (char *)(uintptr_t)said.at;
    while ((line_end = memchr(line_end, '\n', said.length - (size_t)(line_end - said.at))) != NULL)
        *line_end = ',';
    return said;
}

static void skew_check(struct doctor *doctor, const char *about, int64_t theirs_ms, int64_t ours_ms)
{
    int64_t off_ms = theirs_ms - ours_ms;
    doctor_check(doctor, off_ms > DOCTOR_SKEW_MS || off_ms < -DOCTOR_SKEW_MS, FINDING_clock_differs,
                 about, arena_format(doctor->arena, "%+" PRId64 " ms", off_ms));
}

static void service_check(struct doctor *doctor, CURL *curl, const char *name)
{
    char variable[64];
    struct http_page page;
    struct text seen;
    snprintf(variable, sizeof variable, "ZTC_HTTP_%s", name);
    for (char *at = variable; *at != '\0'; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    const char *address = doctor_setting(doctor, variable);
    if (address == NULL)
        return;
    bool answers = page_get(curl, address, "/healthz", &page, &seen, doctor->arena);
    doctor_check(doctor, !answers, FINDING_service_silent, name, seen);
    if (!answers)
        return;
    int64_t now = cli_now_ms();
    /* The date is of the second that had begun. */
    if (page.date_ms != INSTANT_ABSENT)
        skew_check(doctor, name, page.date_ms, now - now % 1000);
    doctor_check(doctor, page.status != 200, FINDING_service_stuck, name,
                 page_said(&page, doctor->arena));
    doctor_check(doctor, strcmp(page.version, ZTC_VERSION) != 0, FINDING_version_differs, name,
                 arena_format(doctor->arena, "%s, ztc %s", page.version, ZTC_VERSION));
    if (page_get(curl, address, "/readyz", &page, &seen, doctor->arena))
        doctor_check(doctor, page.status != 200, FINDING_service_not_ready, name,
                     page_said(&page, doctor->arena));
}

/* Any answer will do, a refusal too: it came through the door, with a key that is known. */
static void queries_check(struct doctor *doctor)
{
    struct link_options link = *doctor->link;
    link.timeout_s = DOCTOR_LOOK_MS / 1000;
    const char *address = doctor_setting(doctor, "ZTC_QUERY");
    const char *key = link.key_file != NULL ? link.key_file : env_get("ZTC_KEY");
    if (key == NULL)
        key = env_role_key(link.role != NULL ? link.role : "operator");
    if (address == NULL || key == NULL)
        return;
    struct session *session = link_open(&link, LINK_QUERY, key, 1);
    struct board board = {.town = TEXT("")};
    struct query query = {.id = ask_random_id(doctor->arena), .type = QUERY_board, .body = &board};
    struct answer answer = {.status = ANSWER_RETRY};
    struct bytes frame;
    if (session != NULL)
        session_ask(session, query.id, query_encode(&query, doctor->arena), doctor->arena, &answer,
                    &frame);
    session_destroy(&session);
    doctor_check(doctor, answer.status == ANSWER_RETRY, FINDING_queries_unanswered, "reporting",
                 text_of(address));
}

void doctor_services(struct doctor *doctor)
{
    CURL *curl = http_page_open(DOCTOR_WAIT_MS);
    for (int service = 0; service < SERVICE_COUNT; service++)
        service_check(doctor, curl, words_name(&words_service, service));
    http_page_close(curl);
    queries_check(doctor);
}
