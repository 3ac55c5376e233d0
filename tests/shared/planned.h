/* SPDX-License-Identifier: Apache-2.0 */
/* A topology file that is a text of the test. Include cmocka.h first. */
#ifndef TESTS_PLANNED_H
#define TESTS_PLANNED_H

#include "topology/topology.h"

/* Plans the text as a file below TMPDIR would be planned. As sqi_topology_plan(). */
int plan_text(const char *text, const struct sqi_overrides *overrides, struct sqi_diagnostics *diagnostics,
              struct sqi_plan **ret);

/* The same of a text that is right: the test fails, and shows what is said of it, where it is not. Free it with
 * sqi_plan_free(). `overrides` may be NULL. */
struct sqi_plan *planned(const char *text, const struct sqi_overrides *overrides);

#endif
