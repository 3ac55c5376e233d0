/* SPDX-License-Identifier: Apache-2.0 */
/* The escapes of JSON's strings, which logfmt has too. */
#ifndef SQI_KIT_ESCAPE_H
#define SQI_KIT_ESCAPE_H

#include <stdbool.h>

/* Reads an escape whose backslash was read already: *at and *to go on behind it. A lone surrogate becomes U+FFFD.
 * False: it is none, and where *at stands is not said. What is written is shorter than what was read. */
bool sqi_escape_read(const char **at, const char *end, char **to);

#endif
