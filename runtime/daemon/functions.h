/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of the topologies of a daemon: a function is that of one of them. */
#ifndef SQI_DAEMON_FUNCTIONS_H
#define SQI_DAEMON_FUNCTIONS_H

#include "daemon/hosted.h"
#include "daemon/result.h"
#include "plan/functions.h"

/* The topology that has it, not ended, and the spout that answers it; NULL: there is none. */
struct sqi_hosted *sqi_functions_find(struct sqi_daemon *daemon, const char *function,
                                      const struct sqi_plan_component **ret_spout);

/* May the plan be one of the daemon's, in the place of `old` (NULL: of none)? False: `result` says why not. */
bool sqi_functions_are_free(struct sqi_daemon *daemon, const struct sqi_hosted *old, const struct sqi_plan *plan,
                            struct sqi_result *result);

#endif
