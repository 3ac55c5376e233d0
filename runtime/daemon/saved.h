/* SPDX-License-Identifier: Apache-2.0 */
/* How the last savepoints went, for whoever waits for one: by the serial of the update that it was part of. */
#ifndef SQI_SAVED_H
#define SQI_SAVED_H

#include "daemon/registry.h"

/* `cause` of its failure; empty: it is there. */
void sqi_saved_note(struct sqi_daemon *daemon, const char *serial, const char *cause);
/* NULL: none of these. */
const struct sqi_saved *sqi_saved_find(const struct sqi_daemon *daemon, const char *serial);

#endif
