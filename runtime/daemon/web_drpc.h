/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /drpc/FUNCTION: a request into whichever topology has that function (docs/drpc.md), and its answer.
 *
 *     GET  /drpc/FUNCTION/ARGS, /drpc/FUNCTION?args=ARGS
 *     POST /drpc/FUNCTION           the body is ARGS
 *     ?timeout=SECONDS              how long it waits, at most SQI_WEB_DRPC_SECS
 */
#ifndef SQI_WEB_DRPC_H
#define SQI_WEB_DRPC_H

#include "daemon/registry.h"
#include "http/http.h"

/* Before HTTP itself gives a request up. */
enum { SQI_WEB_DRPC_SECS = 55 };

void sqi_web_drpc(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply);
/* Who has asked with this ticket has gone. */
void sqi_web_drpc_gone(struct sqi_daemon *daemon, uint64_t ticket);

/* Hands on what has been answered: after HTTP was served, and when the descriptor can be read; -1: there is none. */
int sqi_web_drpc_fd(const struct sqi_daemon *daemon);
void sqi_web_drpc_serve(struct sqi_daemon *daemon);

#endif
