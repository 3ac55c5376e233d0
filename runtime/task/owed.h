/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a spout owes, at least once: the tuples that an earlier incarnation had emitted, and that are not known to be
 * done. How far that one had come it has left in the load page (channel/load.h), where no death of a process takes it.
 *
 *  1. sqi_owed_open(), before the task starts: what there is of it.
 *  2. sqi_owed_start(), when it does: what nobody can emit again is lost, and counted so. A drain that is the end is
 *     not waited for by a source that brings it again some day: there it is lost, too.
 *  3. sqi_owes(): until it has come to where the dead one was. Till then a drain does not end it: what an order to
 *     drain, given before the death, would have waited for is waited for all the same.
 */
#ifndef SQI_OWED_H
#define SQI_OWED_H

#include <stdbool.h>
#include <stdint.h>

#include "squall.h"

struct sqi_owed {
        uint64_t until; /* it owes all positions below this one; 0: none */
        uint64_t trees; /* so many it owes, and cannot emit by itself */
        bool gone;      /* nor does its source have them */
};

void sqi_owed_open(struct sq_task *task);
void sqi_owed_start(struct sq_task *task);
bool sqi_owes(const struct sq_task *task);

#endif
