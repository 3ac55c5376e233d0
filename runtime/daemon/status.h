/* SPDX-License-Identifier: Apache-2.0 */
/* What LIST and STATUS answer, as msgpack maps: the names here are those of --json. */
#ifndef SQI_STATUS_H
#define SQI_STATUS_H

#include "daemon/hosted.h"
#include "tuple/writer.h"

void sqi_status_list(const struct sqi_daemon *daemon, struct sqi_writer *writer);
void sqi_status_one(const struct sqi_hosted *hosted, struct sqi_writer *writer);
/* Seconds that it has been running, over restarts of the supervisor too; 0: it does not. */
double sqi_status_uptime(const struct sqi_hosted *hosted);

#endif
