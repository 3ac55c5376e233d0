/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is decided of topologies, and written down: commands, and what follows from how they start, end, prove
 * themselves or fail. One after the other, at the desk.
 */
#ifndef SQI_DECIDE_H
#define SQI_DECIDE_H

#include "daemon/registry.h"

bool sqi_decide_is_due(struct sqi_daemon *daemon, uint64_t now_ns);
/* Somebody waits for it: a client, or the workers of a topology that ends. */
bool sqi_decide_is_urgent(const struct sqi_daemon *daemon);
void sqi_decide(void *daemon); /* a struct sqi_daemon: the work of its desk */

/* Of those that are to be forgotten, all goes. */
void sqi_decide_discard(struct sqi_daemon *daemon);

#endif
