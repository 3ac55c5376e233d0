/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks of a topology that runs publish by their taps (channel/tap.h), heard from outside of its workers: by who
 * has found its run directory. */
#ifndef SQI_LISTENING_H
#define SQI_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

struct sqi_listening {
        void *context, *socket; /* SUB */
};

/* The plan that the tasks there go by. 0, or a negative errno with the cause in `error`. */
int sqi_rundir_plan(const char *rundir, struct sqi_plan **ret, char *error, size_t size);

/* To the `n` tasks from `first` on, and of what they publish to what begins with `topic`. 0, or a negative errno with
 * the cause in `error`; to be closed in any case. */
int sqi_listening_open(struct sqi_listening *listening, const char *rundir, uint32_t first, uint32_t n,
                       const char *topic, char *error, size_t size);
void sqi_listening_close(struct sqi_listening *listening);

/* Waits until there may be something, for at most `ms`. False: whoever reads `out` is gone. */
bool sqi_listening_wait(const struct sqi_listening *listening, int out, int ms);

#endif
