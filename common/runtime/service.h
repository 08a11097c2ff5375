/* A service: its table of what it consumes, decides, answers; service_run does the rest. */
#ifndef ZTC_RUNTIME_SERVICE_H
#define ZTC_RUNTIME_SERVICE_H

#include "runtime/config.h"
#include "runtime/desk.h"
#include "runtime/reader.h"

struct service_definition {
    struct desk_service desk;
    const struct reader_service *reader; /* NULL: answers no queries */
    /* Called once after the settings are read, before any thread starts; false ends the start-up.
     * May be NULL. */
    bool (*prepare)(void *state, const struct config *config);
    /* Called once after all threads of the skeleton have ended. May be NULL. */
    void (*finish)(void *state);
};

/* The body of main: --help and --version, settings, log, signals, threads, front loop, graceful
 * stop. Returns the exit status. */
int service_run(const struct service_definition *definition, int argc, char **argv);

#endif
