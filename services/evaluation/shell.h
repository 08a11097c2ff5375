/* Evaluation as a service: the desk's table of what it does. */
#ifndef ZTC_EVALUATION_SHELL_H
#define ZTC_EVALUATION_SHELL_H

#include "runtime/service.h"

extern const struct service_definition evaluation_definition;

#endif
