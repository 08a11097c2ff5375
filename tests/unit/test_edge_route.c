/* Routes: every command and query has one, and each path means one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "edge/route.h"

static bool has_route(bool is_query, int type)
{
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].is_query == is_query && routes[i].type == type)
            return true;
    return false;
}

static void every_command_and_query_has_a_route(void **state)
{
    (void)state;
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!has_route(false, i))
            fail_msg("routes.def has no route for the command %s", command_types[i].name);
    for (int i = 0; i < QUERY_COUNT; i++)
        if (!has_route(true, i))
            fail_msg("routes.def has no route for the query %s", query_types[i].name);
}

/* A path with 7 in place of its field leads back to its own row. */
static void every_path_leads_to_its_own_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        char path[128];
        const char *open = strchr(routes[i].path, '{');
        int length = open == NULL ? (int)strlen(routes[i].path) : (int)(open - routes[i].path);
        snprintf(path, sizeof path, "%.*s%s%s", length, routes[i].path, open == NULL ? "" : "7",
                 open == NULL ? "" : strchr(open, '}') + 1);
        struct text value;
        assert_ptr_equal(route_find(routes[i].is_query, text_of(path), &value), &routes[i]);
        assert_true(text_equal(value, open == NULL ? TEXT("") : TEXT("7")));
        if (open != NULL && route_field(&routes[i]) == NULL)
            fail_msg("%s names no field of %s", routes[i].path, route_type(&routes[i])->name);
        assert_memory_equal(routes[i].path, "/v1/", 4);
    }
}

static void other_paths_lead_nowhere(void **state)
{
    (void)state;
    static const char *const paths[] = {"",
                                        "/",
                                        "/v1/orders/",
                                        "/v1/orders//place",
                                        "/v1/orders/7/place/",
                                        "/v1/orders/7/8/place",
                                        "/v1/Orders",
                                        "/v1/orders/7/plac",
                                        "v1/orders"};
    struct text value;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_null(route_find(false, text_of(paths[i]), &value));
    assert_null(route_find(true, TEXT("/v1/orders/7/place"), &value));
}

static void lists_have_pages(void **state)
{
    (void)state;
    struct text value;
    const struct route *orders = route_find(true, TEXT("/v1/orders"), &value);
    const struct route *directory = route_find(true, TEXT("/v1/directory"), &value);
    assert_string_equal(route_page_field(orders)->name, "before");
    assert_string_equal(route_page_field(directory)->name, "after");
    assert_null(route_page_field(route_find(true, TEXT("/v1/board"), &value)));
    assert_null(route_page_field(route_find(false, TEXT("/v1/orders"), &value)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_and_query_has_a_route),
        cmocka_unit_test(every_path_leads_to_its_own_route),
        cmocka_unit_test(other_paths_lead_nowhere),
        cmocka_unit_test(lists_have_pages),
    };
    return cmocka_run_group_tests_name("edge: routes", tests, NULL, NULL);
}
