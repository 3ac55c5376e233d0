/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of topologies, in Prometheus' text format: docs/operations.md lists it. Every counter of
 * SQI_COUNTERS is there by its name, in base units.
 *
 *     struct sqi_scrape *scrape;
 *     r = sqi_scrape_new(version, &scrape);
 *     sqi_scrape_topology(scrape, ...);                          for each
 *     r = sqi_scrape_take(&scrape, &bytes, &size);
 */
#ifndef SQI_SCRAPE_H
#define SQI_SCRAPE_H

#include "supervisor/supervisor.h"

#define SQI_SCRAPE_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct sqi_scrape;

/* 0 or -ENOMEM. */
int sqi_scrape_new(const char *version, struct sqi_scrape **ret);
/* `running` NULL: it has no processes. */
void sqi_scrape_topology(struct sqi_scrape *scrape, const char *name, const char *state,
                         const struct sqi_running *running);
/* Frees it in any case. 0 and malloc'd text, or -ENOMEM. */
int sqi_scrape_take(struct sqi_scrape **scrape, void **ret_bytes, size_t *ret_size);

#endif
