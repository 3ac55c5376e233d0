/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command QUERY: a question about keyed state goes to the task that has it, and its answer to who asked. The
 * supervisor only passes both on (task/query.h says what they are); it waits a second, as for AWAIT.
 */
#ifndef SQI_DAEMON_QUERY_H
#define SQI_DAEMON_QUERY_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* Of a topology that is there. With `until` "last" it is answered at once, by where the newest snapshot is. */
void sqi_query_ask(struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_result *result);

#endif
