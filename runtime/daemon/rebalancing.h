/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/topology/NAME/rebalance/SECONDS: `squall rebalance`, over HTTP. What state would be lost only the
 * components can tell, and those are never loaded into a supervisor: so the command is run as a child, which asks us
 * as it asks any supervisor, and what it says is the answer.
 *
 * Whoever asked may go away: the rebalance goes on. A child that does not end in time is killed; one that we leave
 * behind (kill -9) finds nobody to talk to, and ends.
 */
#ifndef SQI_REBALANCING_H
#define SQI_REBALANCING_H

#include "daemon/hosted.h"

/* The answer comes later, or the refusal at once. */
void sqi_rebalancing_begin(struct sqi_hosted *hosted, const struct sqi_http_request *request,
                           struct sqi_http_reply *reply);

/* Answers for those children that have ended, or have had their time. Never waits. */
void sqi_rebalancing_serve(struct sqi_daemon *daemon, uint64_t now_ns);
uint64_t sqi_rebalancing_due(const struct sqi_daemon *daemon); /* monotonic ns */
/* Readable when a child has ended; -1 where there is none. */
void sqi_rebalancing_fds(const struct sqi_daemon *daemon, int ret_fds[SQI_REBALANCINGS]);

/* Kills all that are under way, and says so to who asked: the supervisor ends. */
void sqi_rebalancing_drop(struct sqi_daemon *daemon);

#endif
