/* What libmicrohttpd alone does on this machine: takes a POST with its body and answers 201 with a
 * short JSON text, on one thread of its own. `bare_http PORT`; ends when its standard input does.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char answer[] =
    "{\"id\":\"0123456789abcdef\",\"status\":\"ok\",\"result\":{\"order\":123456,\"version\":1,"
    "\"state\":"
    "\"submitted\"},\"events\":[{\"producer\":\"intake\",\"part\":0,\"offset\":123456}]}";

static enum MHD_Result take(void *closure, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *data, size_t *size,
                            void **state)
{
    (void)closure, (void)url, (void)method, (void)version, (void)data;
    if (*state == NULL) {
        *state = closure;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(answer), (void *)(uintptr_t)answer, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, 201, response);
    MHD_destroy_response(response);
    return queued;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: bare_http PORT\n");
        return 2;
    }
    static int mark;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)atoi(arguments[1]), NULL, NULL,
        take, &mark, MHD_OPTION_CONNECTION_LIMIT, 256U, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "bare_http: the port cannot be had\n");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    char end;
    while (read(STDIN_FILENO, &end, 1) > 0)
        ;
    MHD_stop_daemon(daemon);
    return 0;
}
