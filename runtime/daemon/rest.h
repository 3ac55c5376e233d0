/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Storm's UI REST API answers, in its names and shapes, so that tools written for Storm work. docs/openapi.json
 * has every field. Where the two differ:
 *
 *  - A topology's id is its name. An executor is a task. A port is the number of a worker: it has no port.
 *  - Counts are of all time; there is no other window yet, and every answer says `:all-time`.
 *  - What is not counted is null: counts by stream of a component that has several.
 *  - Resources are not scheduled: schedulerDisplayResource is false, and their fields are 0.
 */
#ifndef SQI_REST_H
#define SQI_REST_H

#include "daemon/hosted.h"
#include "tuple/writer.h"

void sqi_rest_cluster(const struct sqi_daemon *daemon, struct sqi_writer *writer);
void sqi_rest_topologies(const struct sqi_daemon *daemon, struct sqi_writer *writer);
void sqi_rest_topology(const struct sqi_hosted *hosted, struct sqi_writer *writer);
void sqi_rest_visualization(const struct sqi_hosted *hosted, struct sqi_writer *writer);
/* False, and nothing written: the topology has no such component, or does not run. */
bool sqi_rest_component(const struct sqi_hosted *hosted, const char *id, struct sqi_writer *writer);
/* How something was done to it: "activate", ... */
void sqi_rest_done(const char *operation, const char *name, struct sqi_writer *writer);

#endif
