#include "cli/plans.h"

#include "cli/env.h"
#include "dispatch_sql.h"
#include "evaluation_sql.h"
#include "intake_sql.h"
#include "notification_sql.h"
#include "reporting_sql.h"

void plans_fill(struct migrate_plan plans[SERVICE_COUNT])
{
    const struct migrate_plan all[SERVICE_COUNT] = {
        [SERVICE_intake] = {"intake", "ztc_intake", env_get("ZTC_PASSWORD_INTAKE"),
                            intake_migrations, intake_migrations_count},
        [SERVICE_dispatch] = {"dispatch", "ztc_dispatch", env_get("ZTC_PASSWORD_DISPATCH"),
                              dispatch_migrations, dispatch_migrations_count},
        [SERVICE_notification] = {"notification", "ztc_notification",
                                  env_get("ZTC_PASSWORD_NOTIFICATION"), notification_migrations,
                                  notification_migrations_count},
        [SERVICE_evaluation] = {"evaluation", "ztc_evaluation", env_get("ZTC_PASSWORD_EVALUATION"),
                                evaluation_migrations, evaluation_migrations_count},
        [SERVICE_reporting] = {"reporting", "ztc_reporting", env_get("ZTC_PASSWORD_REPORTING"),
                               reporting_migrations, reporting_migrations_count},
    };
    for (int i = 0; i < SERVICE_COUNT; i++)
        plans[i] = all[i];
}
