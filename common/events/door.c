#include "events/door.h"

#include "domain/order.h"

bool command_role_may(enum command_type type, enum role role)
{
    int step = step_find(text_of(command_types[type].name));
    if (step >= 0)
        return step_role_may((enum step)step, role);
    if (type == COMMAND_contact_erase)
        return role == ROLE_village || role == ROLE_site || role == ROLE_town ||
               role == ROLE_committee;
    bool committee_too = type == COMMAND_organisation_register || type == COMMAND_category_register;
    return role == ROLE_operator || (committee_too && role == ROLE_committee);
}
