/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of topologies that were killed: their logs, for a post-mortem.
 *
 *     STATE/killed/NAME/log, log.1     of the last one of that name; of the SQI_KILLED_KEPT that were killed last
 *
 * A topology comes here whole, by one rename, and is then stripped of all else. A supervisor that dies in between
 * leaves the rest of that to the next one's sweep. What is here is never run again.
 */
#ifndef SQI_KILLED_H
#define SQI_KILLED_H

#include <stdbool.h>

enum { SQI_KILLED_KEPT = 16 };

/* Moves topologies/NAME here; what was kept of one with that name goes. Both folders are fds. 0 or a negative errno:
 * then it is where it was. */
int sqi_killed_take(int killed, int topologies, const char *name);
/* Removes what is not a log, and the oldest ones. */
void sqi_killed_sweep(int killed);
bool sqi_killed_has_log(int killed, const char *name);

#endif
