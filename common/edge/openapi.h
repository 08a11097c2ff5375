/* The OpenAPI 3.1 document of the REST face, made of the tables: routes.def, commands.def,
 * queries.def, events.def, envelope.h's answers, problem.def and status.def. */
#ifndef ZTC_EDGE_OPENAPI_H
#define ZTC_EDGE_OPENAPI_H

#include "base/arena.h"

/* As JSON, indented; in the arena. */
struct text openapi_json(struct arena *arena);

#endif
