/* Each service over HTTP: whether its loops turn, whether it is ready, its version, its clock. Then
 * whether the face for queries answers. */
#include <curl/curl.h>
#include <inttypes.h>
#include <string.h>

#include "base/version.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/env.h"
#include "runtime/health.h"

#define PAGE_MAX 4096

struct page {
    char body[PAGE_MAX];
    size_t length;
    char version[32];
    int64_t date_ms; /* INSTANT_ABSENT: not told */
    long status;
};

static size_t body_take(char *at, size_t size, size_t count, void *argument)
{
    struct page *page = argument;
    size_t length = size * count, room = PAGE_MAX - page->length;
    memcpy(page->body + page->length, at, length < room ? length : room);
    page->length += length < room ? length : room;
    return length;
}

/* The value of a header line "Name: value\r\n"; empty: it is another one. */
static struct text header_value(struct text line, const char *name)
{
    size_t length = strlen(name);
    if (line.length < length + 2 || strncasecmp(line.at, name, length) != 0 ||
        line.at[length] != ':')
        return TEXT("");
    line = (struct text){line.at + length + 1, line.length - length - 1};
    while (line.length > 0 && line.at[0] == ' ')
        line = (struct text){line.at + 1, line.length - 1};
    while (line.length > 0 &&
           (line.at[line.length - 1] == '\n' || line.at[line.length - 1] == '\r'))
        line.length--;
    return line;
}

static size_t header_take(char *at, size_t size, size_t count, void *argument)
{
    struct page *page = argument;
    struct text line = {at, size * count}, version = header_value(line, HEALTH_VERSION_HEADER),
                date = header_value(line, "Date");
    char buffer[64];
    if (version.length > 0)
        snprintf(page->version, sizeof page->version, "%.*s", TEXT_ARG(version));
    if (date.length > 0) {
        snprintf(buffer, sizeof buffer, "%.*s", TEXT_ARG(date));
        time_t seconds = curl_getdate(buffer, NULL);
        page->date_ms = seconds < 0 ? INSTANT_ABSENT : (int64_t)seconds * 1000;
    }
    return line.length;
}

/* False: `seen` says why nothing came. */
static bool page_get(CURL *curl, const char *address, const char *path, struct page *page,
                     struct text *seen, struct arena *arena)
{
    *page = (struct page){.date_ms = INSTANT_ABSENT};
    struct text url = arena_format(arena, "http://%s%s", address, path);
    curl_easy_setopt(curl, CURLOPT_URL, url.at);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, page);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, page);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &page->status);
    *seen = result == CURLE_OK ? TEXT("")
                               : arena_format(arena, "%s: %s", url.at, curl_easy_strerror(result));
    return result == CURLE_OK;
}

/* The lines of a page in one: "records, lease". */
static struct text page_said(struct page *page, struct arena *arena)
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
    struct page page;
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
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)DOCTOR_WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header_take);
    for (int service = 0; service < SERVICE_COUNT; service++)
        service_check(doctor, curl, words_name(&words_service, service));
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    queries_check(doctor);
}
