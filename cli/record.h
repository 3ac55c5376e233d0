/* SPDX-License-Identifier: Apache-2.0 */
/* `squall run --record DIR`. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "plan/plan.h"
#include "verb.h"

/* Makes the folder, and has the workers that this process starts record to it. An exit status. */
int cli_record(const char *folder, const struct sqi_plan *plan);

#endif
