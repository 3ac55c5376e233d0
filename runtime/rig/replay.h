/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a task what `squall run --record` kept of it, batch for batch, and hands out what it does. */
#ifndef SQI_REPLAY_H
#define SQI_REPLAY_H

#include <stddef.h>
#include <stdint.h>

/* A tuple that was emitted (`stream` and `json`), or a line that was logged (`stream` NULL). `task`: "count/1". */
typedef void sqi_replayed(void *context, const char *task, const char *stream, const char *json);

/* Replays every task recorded in `folder`, or those of component `only` (NULL: all). 0 and the number of batches;
 * -ENOENT: there is no recording (of it); a negative errno with the cause in `error`. */
int sqi_replay(const char *folder, const char *only, sqi_replayed *told, void *context, uint64_t *ret_batches,
               char *error, size_t size);

#endif
