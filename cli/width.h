/* How wide text is on a terminal: Chinese characters take two columns. */
#ifndef ZTC_CLI_WIDTH_H
#define ZTC_CLI_WIDTH_H

#include "base/text.h"

/* Columns of clean UTF-8; control characters count none. */
size_t width_of(struct text t);

/* The longest beginning that is no wider than `columns`. */
struct text width_clip(struct text t, size_t columns);

#endif
