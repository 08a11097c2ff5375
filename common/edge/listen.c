#include "edge/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define ADDRESS_MAX 64

static bool parse_address(const char *listen_on, struct sockaddr_in *address)
{
    const char *colon = strrchr(listen_on, ':');
    char host[ADDRESS_MAX];
    int64_t port;
    if (colon == NULL || (size_t)(colon - listen_on) >= sizeof host ||
        !text_to_int(text_of(colon + 1), &port) || port < 0 || port > UINT16_MAX)
        return false;
    memcpy(host, listen_on, (size_t)(colon - listen_on));
    host[colon - listen_on] = '\0';
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

int listen_open(const char *listen_on, int backlog, int *port)
{
    struct sockaddr_in address;
    if (!parse_address(listen_on, &address)) {
        errno = EINVAL;
        return -1;
    }
    int made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return -1;
    int on = 1;
    socklen_t size = sizeof address;
    if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(made, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(made, backlog) != 0 || getsockname(made, (struct sockaddr *)&address, &size) != 0) {
        int why = errno;
        close(made);
        errno = why;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return made;
}
