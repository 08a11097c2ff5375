/* Directory commands: they say how a fact is to be, so that sending one again changes nothing. */
#ifndef ZTC_CLI_FACT_H
#define ZTC_CLI_FACT_H

#include "cli/session.h"

struct fact {
    struct text prefix; /* of the id: "seed:330212:squads:hrss" */
    enum command_type type;
    const void *body;
};

/* An id made of what is said: "PREFIX:" and 8 hexadecimal digits of the body's digest, then the
 * salt unless it is NULL. An answer is remembered under its id, a refusal too: what was mended
 * since needs another salt. */
struct text fact_id(const struct fact *fact, const char *salt, struct arena *arena);
struct bytes fact_encode(const struct fact *fact, struct text id, struct arena *arena);

/* Sends it under a fresh id and waits. */
void fact_register(struct session *session, const struct fact *fact, struct arena *arena,
                   struct answer *answer);

#endif
