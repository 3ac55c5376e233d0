/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/v1/squall/topologies/NAME/state/COMPONENT: what `squall query` asks, over HTTP. Its tasks are asked one
 * after the other, each a page of its keys or the key that is given, until there are as many rows as wanted.
 *
 *     ?key=A&key=B     the key whose fields read so (task/show.h); without it: all keys
 *     &limit=N         rows at most
 *     &task=N&from=N   where to go on: the member `next` of the answer
 */
#ifndef SQI_WEB_STATE_H
#define SQI_WEB_STATE_H

#include "daemon/hosted.h"
#include "http/http.h"

enum { SQI_WEB_STATE_ROWS = 1000 };

/* The answer comes later, or the refusal at once. Of a topology that runs. */
void sqi_web_state(struct sqi_hosted *hosted, const struct sqi_http_request *request, struct sqi_http_reply *reply);

#endif
