/* Which roles may send a command at all, whatever the state: the rows of order.def for steps of an
 * order; those of owner.def for what intake hands on; for the deletion of contact data who gave it,
 * who placed it and the committee; for the directory its upkeep, which is set-up work of the
 * operator and, for organisations and categories, of the committee. */
#ifndef ZTC_EVENTS_DOOR_H
#define ZTC_EVENTS_DOOR_H

#include "events/message.h"

bool command_role_may(enum command_type type, enum role role);
/* Who decides a command, as owner.def says; intake for those without a row, whose order says more.
 */
enum service command_owner(enum command_type type);
/* Who answers a query that reporting was asked. */
enum service query_owner(enum query_type type);

#endif
