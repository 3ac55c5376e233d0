/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Savepoints that are being made while their topologies go on: what they are made of is held open (savepoint.h), so
 * whatever becomes of a topology, its plan and its snapshots does not matter to one. Each has a thread of its own,
 * for it may be gigabytes for another file system. How it went is noted in saved.h, by the serial of the update that it
 * came from. A supervisor that stops waits for all of them; one that is told so twice, or leaves, breaks them off.
 */
#ifndef SQI_EXPORTING_H
#define SQI_EXPORTING_H

#include "daemon/registry.h"
#include "daemon/savepoint.h"

/* Takes over what is held, also when it fails: -ENOMEM. */
int sqi_export_begin(struct sqi_hosted *hosted, struct sqi_savepoint_held **held, const char *path, const char *serial);
bool sqi_export_is_under_way(const struct sqi_daemon *daemon, const char *serial);

/* They are not wanted any more, and break off. */
void sqi_exports_stop(struct sqi_daemon *daemon);
bool sqi_exports_are_due(struct sqi_daemon *daemon);
/* Those that are done: says how it went. */
void sqi_exports_serve(struct sqi_daemon *daemon);
/* All of them, for the supervisor ends; waits for their threads. */
void sqi_exports_drop(struct sqi_daemon *daemon);

#endif
