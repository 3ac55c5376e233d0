/* SPDX-License-Identifier: Apache-2.0 */
/* Clients whose answer comes later: those who wait for a topology to come to something, and those who have asked a
 * task. */
#ifndef SQI_WAITERS_H
#define SQI_WAITERS_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* Who made this request waits for a second from now on; `result` says so. NULL: no memory, and that is said. */
struct sqi_waiter *sqi_waiters_add(struct sqi_daemon *daemon, const struct sqi_request *request, enum sqi_until until,
                                   struct sqi_result *result);

/* Replies, with a result (one packed value) or, when it has failed, with the cause; then it does not wait any more. */
void sqi_waiters_reply(struct sqi_daemon *daemon, struct sqi_waiter **link, enum sqi_status status, struct sq_str text);

/* All of them, for the supervisor ends. */
void sqi_waiters_drop(struct sqi_daemon *daemon);

/* A task has answered the question `number`. */
void sqi_waiters_answer(struct sqi_daemon *daemon, uint64_t number, struct sq_str answer);

#endif
