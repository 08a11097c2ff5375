/* A listening TCP socket of our own, so that errno tells why there is none. */
#ifndef ZTC_EDGE_LISTEN_H
#define ZTC_EDGE_LISTEN_H

/* Binds `listen_on`, an IPv4 address:port (port 0: a free one). Returns the socket, non-blocking
 * and close-on-exec, and the port it got; -1: errno says why (EINVAL: no such address). */
int listen_open(const char *listen_on, int backlog, int *port);

#endif
