/* Settings, from environment variables only; one row each in config.def. */
#ifndef ZTC_RUNTIME_CONFIG_H
#define ZTC_RUNTIME_CONFIG_H

#include <stdio.h>

#include "domain/words.h"

struct config {
#define CONFIG_TEXT(name, fallback, min, max, services, zh, en)   const char *name;
#define CONFIG_WORD(name, fallback, choices, services, zh, en)    const char *name;
#define CONFIG_NUMBER(name, fallback, min, max, services, zh, en) int64_t name;
#include "runtime/config.def"
#undef CONFIG_TEXT
#undef CONFIG_WORD
#undef CONFIG_NUMBER
};

/* Reads the environment for this service. False: `problem` (of `size` bytes) says which variable is
 * wrong and what it may be, in English and Chinese; a secret's value is not shown. Texts point into
 * the environment. A variable that is empty counts as not set; one of another service is not looked
 * at and its default stands; others with ZTC_ are nobody's business. Defaults that depend on the
 * service (instance, http) are filled in. */
bool config_read(enum service service, struct config *config, char *problem, size_t size);

/* The table as text (--help), and as a Markdown page (docs). */
void config_print_help(enum service service, bool zh, FILE *out);
void config_print_markdown(bool zh, FILE *out);

#endif
