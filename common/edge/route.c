#include "edge/route.h"

#include <string.h>

const struct route routes[] = {
#define COMMAND_ROUTE(path, command) {path, false, COMMAND_##command},
#define QUERY_ROUTE(path, query)     {path, true, QUERY_##query},
#include "edge/routes.def"
#undef COMMAND_ROUTE
#undef QUERY_ROUTE
};
const size_t route_count = sizeof routes / sizeof *routes;

static bool path_fits(const char *pattern, struct text path, struct text *value)
{
    size_t at = 0;
    *value = TEXT("");
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (at == path.length || path.at[at++] != *pattern++)
                return false;
            continue;
        }
        size_t from = at;
        while (at < path.length && path.at[at] != '/')
            at++;
        *value = (struct text){path.at + from, at - from};
        pattern = strchr(pattern, '}') + 1;
        if (at == from)
            return false;
    }
    return at == path.length;
}

const struct route *route_find(bool is_query, struct text path, struct text *value)
{
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].is_query == is_query && path_fits(routes[i].path, path, value))
            return &routes[i];
    return NULL;
}

const struct message_type *route_type(const struct route *route)
{
    return route->is_query ? &query_types[route->type] : &command_types[route->type];
}

const struct field *route_field_named(const struct route *route, struct text name)
{
    const struct message_type *type = route_type(route);
    for (size_t i = 0; i < type->field_count; i++)
        if (text_equal((struct text){type->fields[i].name, type->fields[i].name_length}, name))
            return &type->fields[i];
    return NULL;
}

const struct field *route_field(const struct route *route)
{
    const char *open = strchr(route->path, '{');
    if (open == NULL)
        return NULL;
    return route_field_named(route, (struct text){open + 1, strcspn(open + 1, "}")});
}

const struct field *route_page_field(const struct route *route)
{
    if (!route->is_query)
        return NULL;
    const struct message_type *type = route_type(route);
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, "before") == 0 ||
            strcmp(type->fields[i].name, "after") == 0)
            return &type->fields[i];
    return NULL;
}
