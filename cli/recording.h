/* SPDX-License-Identifier: Apache-2.0 */
/* `squall run --record DIR`. */
#ifndef CLI_RECORDING_H
#define CLI_RECORDING_H

#include "plan/plan.h"
#include "verb.h"

/* Makes the folder, and has the workers that this process starts record to it. An exit status. */
int cli_recording_begin(const char *folder, const struct sqi_plan *plan);

#endif
