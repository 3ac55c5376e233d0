/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that a topology sets to each of its workers: topology.worker.memory.mb, .files, .nice. */
#ifndef SQI_LIMIT_H
#define SQI_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "plan/config.h"

/* For this process, from here on. 0, or a negative errno with the cause in `error`. */
int sqi_limit_apply(const struct sqi_config *config, char *error, size_t size);

/* Is this process above its memory limit? Then the text says so. */
bool sqi_limit_is_exceeded(const struct sqi_config *config, char *text, size_t size);

/* Is there as much memory left as a large batch takes? A process without it loses batches: libzmq drops the
 * connection that one comes by, and says nothing. */
bool sqi_limit_leaves_room(void);

#endif
