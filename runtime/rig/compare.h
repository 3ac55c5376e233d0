/* SPDX-License-Identifier: Apache-2.0 */
/* What was expected against what came, line by line. */
#ifndef SQI_COMPARE_H
#define SQI_COMPARE_H

#include <stdio.h>

#include "rig/rig.h"
#include "topology/yaml.h"

struct sqi_texts {
        size_t n;
        char **items; /* malloc'd */
};

/* Tuples as JSON. An expected one may name some of the fields only; what it is compared with is cut to the same. Start
 * with {0}. */
struct sqi_comparison {
        bool unordered;
        struct sqi_texts expected, got;
        bool (*wanted)[SQ_FIELDS_MAX]; /* of each expected tuple */
};

int sqi_comparison_expect(struct sqi_comparison *comparison, struct sqi_arena *arena,
                          struct sqi_diagnostics *diagnostics, const struct sqi_yaml *tuple,
                          const struct sqi_plan_stream *stream);
/* Takes what the rig caught of the stream. */
int sqi_comparison_meet(struct sqi_comparison *comparison, const struct sq_rig *rig, uint32_t stream);
bool sqi_comparison_differs(const struct sqi_comparison *comparison);
void sqi_comparison_print(FILE *out, const struct sqi_comparison *comparison);
void sqi_comparison_release(struct sqi_comparison *comparison);

/* Prints two texts as a diff of lines: "-" expected, "+" came, " " both. */
void sqi_compare_texts(FILE *out, const char *expected, const char *got);

#endif
