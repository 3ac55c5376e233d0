/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed state that the workers of a topology have written down at a hand-over (task/moved.h), on its way through the state directory: from the
 * run directory of the plan that has ended to that of the plan that begins. It goes with the positions of the spouts as they were then, so it is
 * dropped as soon as a plan runs with it.
 */
#ifndef SQI_SUPERVISOR_MOVED_H
#define SQI_SUPERVISOR_MOVED_H

#include "daemon/state.h"

/* From a run directory to the topology NAME of the state directory; synced. 0 or a negative errno. */
int sqi_moved_keep(const struct sqi_state *state, const char *name, const char *rundir);
/* From there to a run directory, which is made if it is not there. 0 or a negative errno. */
int sqi_moved_lay(const struct sqi_state *state, const char *name, const char *rundir);
/* Removes it from both. */
void sqi_moved_drop(const struct sqi_state *state, const char *name, const char *rundir);

#endif
