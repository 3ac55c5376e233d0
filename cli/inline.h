/* SPDX-License-Identifier: Apache-2.0 */
/* `squall run --inline`. */
#ifndef CLI_INLINE_H
#define CLI_INLINE_H

#include "plan/plan.h"
#include "verb.h"

/* Runs the plan in this process and frees it. The exit status of `run`. */
int cli_run_inline(const struct cli_args *args, struct sqi_plan **plan);

#endif
