/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which components stand on a library of their own, and whether they were built with it: the file `connectors` beside
 * the components, which the build writes, a line each.
 *
 *     bolts/redis hiredis yes
 */
#ifndef SQI_CONNECTORS_H
#define SQI_CONNECTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "component/kind.h"

struct sqi_connector {
        enum sq_kind kind;
        char name[64], libraries[128]; /* as pkg-config calls them; several have commas between */
        bool built;
};

/* Calls `visit` for each until it returns false. Nothing where there is no such file. */
typedef bool sqi_connector_visit(const struct sqi_connector *connector, void *context);
void sqi_connectors_each(sqi_connector_visit *visit, void *context);

/* Whether there is a component of that name which was not built; then what it lacks stands in `libraries`. */
bool sqi_connector_lacks(enum sq_kind kind, const char *name, char *libraries, size_t size);

#endif
