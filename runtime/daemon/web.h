/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon answers over HTTP: one table of paths (docs/operations.md). */
#ifndef SQI_WEB_H
#define SQI_WEB_H

#include "daemon/registry.h"

/* Begins to serve at options.http. 0, or a negative errno with the cause in `error`. */
int sqi_web_open(struct sqi_daemon *daemon, char *error, size_t size);
/* The same for what runs in the foreground: without a state directory, and only to look at. */
int sqi_web_open_sole(struct sqi_daemon *daemon, char *error, size_t size);

#endif
