#include "base/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static bool ipv4_is_private(const uint8_t *a)
{
    return a[0] == 0 || a[0] == 10 || a[0] == 127 ||
           a[0] >= 224 ||                          /* this, private, loopback, multicast */
           (a[0] == 100 && (a[1] & 0xC0) == 64) || /* shared, RFC 6598 */
           (a[0] == 169 && a[1] == 254) ||         /* link-local */
           (a[0] == 172 && (a[1] & 0xF0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 192 && a[1] == 0 && a[2] == 0) || /* protocol assignments */
           (a[0] == 198 && (a[1] & 0xFE) == 18);      /* benchmarks */
}

static bool ipv6_is_private(const uint8_t *a)
{
    static const uint8_t zeros[12] = {0}, mapped[12] = {[10] = 0xFF, [11] = 0xFF},
                         nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    static const uint8_t nat64_local[6] = {0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}; /* RFC 8215 */
    if (memcmp(a, nat64_local, sizeof nat64_local) == 0)
        return true;
    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
        return ipv4_is_private(a + 12);
    if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
        return ipv4_is_private(a + 2);
    return memcmp(a, zeros, 12) == 0 ||               /* unspecified, loopback, v4-compatible */
           (a[0] & 0xFE) == 0xFC ||                   /* unique local */
           (a[0] == 0xFE && (a[1] & 0x80) == 0x80) || /* link-local, site-local */
           a[0] == 0xFF;                              /* multicast */
}

bool address_is_private(int family, const void *address)
{
    if (family == AF_INET)
        return ipv4_is_private(address);
    return family != AF_INET6 || ipv6_is_private(address);
}

/* A host that is a name is judged when it is resolved, at every attempt. */
static bool host_allowed(const char *host)
{
    uint8_t address[16];
    char bare[INET6_ADDRSTRLEN + 1];
    size_t length = strlen(host);
    if (strcmp(host, "localhost") == 0)
        return false;
    if (host[0] == '[') {
        if (length < 3 || length - 2 >= sizeof bare)
            return false;
        memcpy(bare, host + 1, length - 2);
        bare[length - 2] = '\0';
        return inet_pton(AF_INET6, bare, address) == 1 && !address_is_private(AF_INET6, address);
    }
    return inet_pton(AF_INET, host, address) != 1 || !address_is_private(AF_INET, address);
}

static bool part_given(CURLU *parts, CURLUPart which)
{
    char *part = NULL;
    bool given = curl_url_get(parts, which, &part, 0) == CURLUE_OK;
    curl_free(part);
    return given;
}

static bool parts_allowed(CURLU *parts, const struct url_policy *policy)
{
    char *scheme = NULL, *host = NULL;
    bool allowed =
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        (strcmp(scheme, "https") == 0 || (policy->http && strcmp(scheme, "http") == 0)) &&
        (policy->private || host_allowed(host)) && !part_given(parts, CURLUPART_USER) &&
        !part_given(parts, CURLUPART_PASSWORD) && !part_given(parts, CURLUPART_FRAGMENT);
    curl_free(scheme);
    curl_free(host);
    return allowed;
}

bool url_allowed(struct text url, const struct url_policy *policy)
{
    char copy[URL_MAX + 1];
    for (size_t i = 0; i < url.length; i++)
        if ((unsigned char)url.at[i] <= 0x20 || (unsigned char)url.at[i] >= 0x7F)
            return false;
    if (url.length == 0 || url.length >= sizeof copy)
        return false;
    memcpy(copy, url.at, url.length);
    copy[url.length] = '\0';
    CURLU *parts = curl_url();
    if (parts == NULL)
        abort();
    bool allowed =
        curl_url_set(parts, CURLUPART_URL, copy, 0) == CURLUE_OK && parts_allowed(parts, policy);
    curl_url_cleanup(parts);
    return allowed;
}
