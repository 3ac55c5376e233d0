/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Savepoints that submitted topologies are to begin from: compared with their checksums, and copied into the state
 * directory, each in a thread of its own, for either may be gigabytes. The topology is not there before its copy is.
 *
 * Who submits asks again, with the same id, as long as the answer is PENDING: the first time begins it, and the first
 * time after its end takes what came of it. One that nobody asks for any more is removed; a supervisor that dies leaves
 * what belongs to nobody, which the next one sweeps.
 */
#ifndef SQI_COPYING_H
#define SQI_COPYING_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* What `request` begins from. True: it is there, for *record, which takes the place of what that was. False: `result`
 * says that it cannot be, or is to be asked for again; the first time *plan is taken over. */
bool sqi_copying_take(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_plan **plan,
                      struct sqi_record *record, struct sqi_result *result);

/* They are not wanted any more, and break off. */
void sqi_copying_stop(struct sqi_daemon *daemon);
bool sqi_copying_is_due(struct sqi_daemon *daemon, uint64_t now_ns);
/* Those that are done: who waits for one is told to ask again, and what nobody asks for is removed. */
void sqi_copying_serve(struct sqi_daemon *daemon, uint64_t now_ns);
/* All of them, for the supervisor ends; waits for their threads. */
void sqi_copying_drop(struct sqi_daemon *daemon);

#endif
