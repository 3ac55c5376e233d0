/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a daemon, sqi_daemon_stop() and its fellows in daemon.h, and when it does not come. */
#ifndef SQI_STOP_H
#define SQI_STOP_H

#include "daemon/registry.h"

/* At the desk: hands over what runs, if that is due. */
void sqi_stop_begin(struct sqi_daemon *daemon);
/* A stop that would lose something is given up: what it has ended begins again. */
void sqi_stop_give_up(struct sqi_daemon *daemon, const char *cause);

#endif
