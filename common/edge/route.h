/* Paths of the REST face and the messages they mean: the rows of routes.def. */
#ifndef ZTC_EDGE_ROUTE_H
#define ZTC_EDGE_ROUTE_H

#include "events/message.h"

struct route {
    const char *path; /* with {field} */
    bool is_query;
    int type; /* enum query_type or enum command_type */
};

extern const struct route routes[];
extern const size_t route_count;

/* The route of a path as sent, among the queries or the commands; *value is what stands for its
 * {field}, empty when it has none. NULL: no such path. */
const struct route *route_find(bool is_query, struct text path, struct text *value);
const struct message_type *route_type(const struct route *route);
const struct field *route_field_named(const struct route *route, struct text name); /* or NULL */
/* The field that the path names, NULL: none. */
const struct field *route_field(const struct route *route);

/* The field by which a query's pages follow each other, `before` or `after`; NULL: no pages. */
const struct field *route_page_field(const struct route *route);

#endif
