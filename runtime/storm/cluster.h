/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of an Apache Storm cluster about the topologies that it has. Errors are those of storm/nimbus.h; an
 * answer is a value for the writer, which the caller hands over empty. */
#ifndef SQI_CLUSTER_H
#define SQI_CLUSTER_H

#include "plan/plan.h"
#include "storm/nimbus.h"
#include "tuple/writer.h"

enum {
        SQI_CLUSTER_CHUNK = 307200,     /* bytes of a jar that are sent at once */
        SQI_CLUSTER_TOPOLOGY = 1000000, /* bytes that a topology may have: Nimbus never answers to more */
        SQI_CLUSTER_UP_S = 5,
};

/* Of a component, how many executors it is to have. */
struct sqi_executors {
        const char *component;
        uint32_t n;
};

/* [{topology, id, state, uptime_s, tasks, executors, workers}] */
int sqi_cluster_list(struct sqi_nimbus *nimbus, struct sqi_writer *answer, char *error, size_t size);
/* {topology, id, state, uptime_s, tasks, executors, workers, components: [{id, kind, executors, tasks, emitted,
 * transferred, acked, failed, latency_ms}], executors_at: [{component, first_task, last_task, host, port, uptime_s}],
 * errors: [{component, host, port, at_s, error}]} */
int sqi_cluster_status(struct sqi_nimbus *nimbus, const char *name, struct sqi_writer *answer, char *error,
                       size_t size);
int sqi_cluster_activate(struct sqi_nimbus *nimbus, const char *name, bool on, char *error, size_t size);
/* `wait_s`: how long the spouts are off before the end; below 0: the topology's message timeout. */
int sqi_cluster_kill(struct sqi_nimbus *nimbus, const char *name, double wait_s, char *error, size_t size);
int sqi_cluster_rebalance(struct sqi_nimbus *nimbus, const char *name, size_t n, const struct sqi_executors *executors,
                          char *error, size_t size);
/* What is submitted is `plan`, whose resources (storm/resources.h) are the jar. -EEXIST: one of that name is alive. */
struct sqi_jar;
int sqi_cluster_submit(struct sqi_nimbus *nimbus, const struct sqi_plan *plan, const struct sqi_jar *jar, char *error,
                       size_t size);
/* How it comes up: 1: all its executors have been up for SQI_CLUSTER_UP_S; 0: not yet; -ECHILD with the first line of
 * it: there is an error of a component. */
int sqi_cluster_is_up(struct sqi_nimbus *nimbus, const char *name, char *error, size_t size);
/* 1: it has a topology of that name; 0: not, or not any more. */
int sqi_cluster_has(struct sqi_nimbus *nimbus, const char *name, char *error, size_t size);

#endif
