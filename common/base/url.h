/* Where a request may go: URLs as they are given (libcurl's parser, the one that will be used), and
 * addresses as they are resolved. */
#ifndef ZTC_BASE_URL_H
#define ZTC_BASE_URL_H

#include "base/text.h"

#define URL_MAX 2048 /* bytes */

struct url_policy {
    bool http;    /* http:// too, not https:// alone */
    bool private; /* hosts that are loopback or private addresses too */
};
/* False: not such a URL, or one with a user name, a password or a fragment. A host that is a name
 * passes: what it resolves to is judged at each connection. */
bool url_allowed(struct text url, const struct url_policy *policy);
/* An address of `family` (AF_INET, AF_INET6), in network order, that is not one of the public
 * internet: loopback, private, link-local, multicast, unspecified, or translated to one of these.
 * One of another family is private. */
bool address_is_private(int family, const void *address);

#endif
