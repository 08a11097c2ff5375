#include "cli/http_page.h"

#include <string.h>

#include "base/instant.h"
#include "runtime/health.h"

static size_t body_take(char *at, size_t size, size_t count, void *argument)
{
    struct http_page *page = argument;
    size_t length = size * count, room = HTTP_PAGE_MAX - page->length;
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
    struct http_page *page = argument;
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

CURL *http_page_open(int64_t timeout_ms)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header_take);
    return curl;
}

void http_page_close(CURL *curl)
{
    curl_easy_cleanup(curl);
    curl_global_cleanup();
}

bool http_page_get(CURL *curl, const char *url, struct http_page *page, struct text *seen,
                   struct arena *arena)
{
    *page = (struct http_page){.date_ms = INSTANT_ABSENT};
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, page);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, page);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &page->status);
    *seen = result == CURLE_OK ? TEXT("")
                               : arena_format(arena, "%s: %s", url, curl_easy_strerror(result));
    return result == CURLE_OK;
}
