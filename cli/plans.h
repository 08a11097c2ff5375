/* What the five services' schemas are to be: for ztc migrate, and for ztc doctor to compare with.
 */
#ifndef ZTC_CLI_PLANS_H
#define ZTC_CLI_PLANS_H

#include "domain/words.h"
#include "records/migrate.h"

/* In the order of service.def. Passwords are ZTC_PASSWORD_<SERVICE>; one that is not set is left as
 * it is. */
void plans_fill(struct migrate_plan plans[SERVICE_COUNT]);

#endif
