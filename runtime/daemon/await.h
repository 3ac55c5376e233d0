/* SPDX-License-Identifier: Apache-2.0 */
/* AWAIT: a client waits until a topology has come to something. */
#ifndef SQI_AWAIT_H
#define SQI_AWAIT_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* Answers AWAIT later, or refuses it. */
void sqi_await(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result);
/* Answers whom it has come to pass for, and who has waited long enough. */
void sqi_await_look(struct sqi_daemon *daemon, uint64_t now);
/* A topology has just ended, and is to be forgotten. If it was killed, and had not done all, who waits for it to be
 * gone is told so. */
void sqi_await_note_undone(const struct sqi_hosted *hosted);
/* When to call that again at the latest. */
uint64_t sqi_await_due(const struct sqi_daemon *daemon);

#endif
