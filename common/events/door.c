#include "events/door.h"

#include "domain/order.h"

#define MAY(role) (1U << ROLE_##role)

/* service 0, intake: no row. */
static const struct owned_command {
    enum service service;
    unsigned roles;
} owned_commands[COMMAND_COUNT] = {
#define COMMAND_OWNER(command, service, roles) [COMMAND_##command] = {SERVICE_##service, roles},
#include "events/owner.def"
};

/* 1 and the service; 0: no row. */
static const int query_owners[QUERY_COUNT] = {
#define QUERY_OWNER(query, service) [QUERY_##query] = 1 + SERVICE_##service,
#include "events/owner.def"
};
_Static_assert(SERVICE_intake == 0, "a command that has no row is intake's");

bool command_role_may(enum command_type type, enum role role)
{
    int step = step_find(text_of(command_types[type].name));
    if (step >= 0)
        return step_role_may((enum step)step, role);
    if (type == COMMAND_contact_erase)
        return role == ROLE_village || role == ROLE_site || role == ROLE_town ||
               role == ROLE_committee;
    if (command_owner(type) != SERVICE_intake)
        return (owned_commands[type].roles & 1U << role) != 0;
    bool committee_too = type == COMMAND_organisation_register || type == COMMAND_category_register;
    return role == ROLE_operator || (committee_too && role == ROLE_committee);
}

enum service command_owner(enum command_type type)
{
    return owned_commands[type].service;
}

enum service query_owner(enum query_type type)
{
    return query_owners[type] == 0 ? SERVICE_reporting : (enum service)(query_owners[type] - 1);
}
