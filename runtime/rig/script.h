/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Component tests written in YAML. docs/testing.md is the reference of their keys; the tables in script.c are where
 * they are.
 *
 *     component: ./count.so
 *     tests:
 *       - name: emits_nothing_below_min
 *         properties: { min: 2 }
 *         steps:
 *           - in: { word: storm }
 *           - in: { word: storm }
 *             out: { word: storm, count: 2 }
 *
 * A test passes when every step gives what it says, and nothing that it does not say: no other tuple, verdict or
 * misuse.
 */
#ifndef SQI_SCRIPT_H
#define SQI_SCRIPT_H

#include "topology/diagnostics.h"

struct sqi_test_result {
        const char *name;
        uint32_t line;
        bool passed;
        const char *text; /* what differs; NULL when passed */
};

typedef void sqi_test_told(void *context, const struct sqi_test_result *result);

/* Runs the tests of a file, those whose name holds `only` (NULL: all), and tells of each. 0; -EINVAL: the file is
 * wrong, see the diagnostics; -ENOMEM. */
int sqi_script_run(const char *path, const char *only, struct sqi_diagnostics *diagnostics, sqi_test_told *told,
                   void *context);

#endif
