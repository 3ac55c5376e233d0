/* SPDX-License-Identifier: Apache-2.0 */
/* Where the spouts of a running topology are is written down again and again: positions.h. Under exactly-once that goes
 * with the snapshot. */
#ifndef SQI_PROGRESS_H
#define SQI_PROGRESS_H

#include "daemon/registry.h"

/* Beside the loop, which goes on meanwhile. Nobody waits for it: what is on disk may be behind. While one is under way
 * the next has nothing to do. Of one that runs. */
void sqi_progress_note(struct sqi_hosted *hosted);
/* When it returns that is on disk, if it can be written: of a topology that is over, or left to its workers. */
void sqi_progress_save(struct sqi_hosted *hosted);

#endif
