/* One short page of a service over HTTP: /healthz, /readyz. */
#ifndef ZTC_CLI_HTTP_PAGE_H
#define ZTC_CLI_HTTP_PAGE_H

#include <curl/curl.h>
#include <stdint.h>

#include "base/arena.h"

#define HTTP_PAGE_MAX 4096

struct http_page {
    char body[HTTP_PAGE_MAX]; /* the first of it */
    size_t length;
    char version[32]; /* of the service, as its header says; "": not told */
    int64_t date_ms;  /* INSTANT_ABSENT: not told */
    long status;
};

/* A handle for any number of pages; plain HTTP, past any proxy. Ended by http_page_close. */
CURL *http_page_open(int64_t timeout_ms);
void http_page_close(CURL *curl);
/* False: `seen` says why nothing came. */
bool http_page_get(CURL *curl, const char *url, struct http_page *page, struct text *seen,
                   struct arena *arena);

#endif
