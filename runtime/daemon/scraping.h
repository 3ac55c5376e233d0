/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to `/metrics`, of all topologies. With many tasks an answer takes milliseconds, in the loop that supervises:
 * so it is put together one topology a turn of the loop, and goes out when it has all. Who asks meanwhile gets the
 * same one.
 */
#ifndef SQI_SCRAPING_H
#define SQI_SCRAPING_H

#include "http/http.h"

struct sqi_daemon;
struct sqi_scraping;

/* Answers `ticket`, in `reply` or later. */
void sqi_scraping_ask(struct sqi_daemon *daemon, uint64_t ticket, struct sqi_http_reply *reply);
/* Is another turn wanted? */
bool sqi_scraping_goes_on(const struct sqi_daemon *daemon);
void sqi_scraping_serve(struct sqi_daemon *daemon);
/* Nobody is answered any more. */
void sqi_scraping_drop(struct sqi_daemon *daemon);

#endif
