/* SPDX-License-Identifier: Apache-2.0 */
/* A file of properties as Java writes them (java.util.Properties): `key = value`, `key: value` or `key value`. */
#ifndef SQI_JAVA_PROPERTIES_H
#define SQI_JAVA_PROPERTIES_H

#include <stddef.h>

/* The value of `name` in the text of such a file, malloc'd; NULL: it has none, or there is no memory. */
char *sqi_java_property(const char *text, const char *name, size_t len);

#endif
