/* SPDX-License-Identifier: Apache-2.0 */
/* What a step expects against what came of it. What it does not mention must not have happened. */
#ifndef SQI_EXPECT_H
#define SQI_EXPECT_H

#include "rig/test.h"

/* What a step expects of the streams: 0 or a negative errno. Differences go to the report. */
int sqi_test_step_check_streams(struct sqi_test *test, const struct sqi_test_step *step);
/* And of verdicts, logs, files and the task itself. `before`, `misused`: as it stood before the step. */
void sqi_test_step_check(struct sqi_test *test, const struct sqi_test_step *step, struct sqi_tree_count before,
                         uint64_t misused);

#endif
