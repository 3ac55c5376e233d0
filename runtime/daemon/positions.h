/* SPDX-License-Identifier: Apache-2.0 */
/* Where the spouts of a topology are, `positions` in its folder of the state directory (sealed.h). */
#ifndef SQI_POSITIONS_H
#define SQI_POSITIONS_H

#include "daemon/state.h"

/*
 * Where the spouts of a run are, one for each task, and the epoch of the snapshot that the run began from (0: none). Of
 * a run that began from an older snapshot than the newest they are out of date: the snapshot has its own. Get: 0, also
 * with none known if nothing was put yet, or a negative errno with the cause in `error`: what was put cannot be read.
 * `*ret_base` is SQI_NEVER if nothing was put; `*ret_older`: what was put last is damaged, and these are what was put
 * before it. Write: as put, into the topology's folder, by any thread. Drop: 0, and it is as if nothing had been put;
 * or a negative errno: what was put may still be there.
 */
int sqi_positions_write(int folder, uint64_t base, const struct sqi_position *positions, uint32_t ntasks);
int sqi_positions_put(struct sqi_state *state, const char *name, uint64_t base, const struct sqi_position *positions,
                      uint32_t ntasks);
int sqi_positions_get(struct sqi_state *state, const char *name, uint64_t *ret_base, struct sqi_position *positions,
                      uint32_t ntasks, bool *ret_older, char *error, size_t size);
int sqi_positions_drop(struct sqi_state *state, const char *name);

#endif
