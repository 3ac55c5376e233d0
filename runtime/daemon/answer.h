/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler for each command of command.h. One that changes something writes it to disk before it does it, and its
 * answer after; so a client that asks again with the same id gets that answer, or, if the supervisor died between the
 * two, finds what it wanted done: a topology's record names the request that submitted it, and all the others can be
 * done twice.
 */
#ifndef SQI_ANSWER_H
#define SQI_ANSWER_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* Does what is asked for. `result` says what came of it, or that it is answered later. */
void sqi_answer(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result);

#endif
