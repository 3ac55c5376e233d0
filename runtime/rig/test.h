/* SPDX-License-Identifier: Apache-2.0 */
/* One test under way: what script.c, which does what its steps say, and expect.c, which looks at what came of it,
 * share. */
#ifndef SQI_RIG_TEST_H
#define SQI_RIG_TEST_H

#include <stdio.h>

#include "rig/script.h"
#include "rig/setup.h"

struct sqi_script {
        struct sqi_arena *arena;
        struct sqi_diagnostics *diagnostics;
        const char *home; /* folder of the file, absolute */
        const char *only;
        const struct sqi_yaml *root;
        sqi_test_told *told;
        void *context;
};

/* One test under way. */
struct sqi_test {
        struct sqi_script *script;
        const struct sqi_yaml *node;
        const char *name;
        struct sqi_setup setup;
        const struct sqi_yaml_item *files, *error, *steps;
        struct sq_rig *rig;
        char folder[64]; /* of its files; "" when it has none */
        FILE *report;
        bool failed;
};

struct sqi_test_step {
        const struct sqi_yaml *node;
        size_t fed; /* first tree of this step */
        bool bolt_input;
};

/* What the tuple trees were. */
struct sqi_tree_count {
        int64_t open, acked, failed;
};

/* The trees from number `first` on. */
struct sqi_tree_count sqi_test_count_trees(const struct sq_rig *rig, size_t first);

/* Diagnoses what is wrong with the file. -EINVAL. */
int sqi_test_wrong(struct sqi_script *script, struct sqi_place place, const char *format, ...) SQ_PRINTF(3, 4);

/* Says what differs; the test has failed. */
void sqi_test_differs(struct sqi_test *test, const char *format, ...) SQ_PRINTF(2, 3);

#endif
