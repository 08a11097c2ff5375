/* Notification as a service: the desk's and the reader's tables of what it does. */
#ifndef ZTC_NOTIFICATION_SHELL_H
#define ZTC_NOTIFICATION_SHELL_H

#include "runtime/service.h"

extern const struct service_definition notification_definition;

#endif
