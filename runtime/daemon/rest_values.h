/* SPDX-License-Identifier: Apache-2.0 */
/* Members that several answers of Storm's UI REST API have. All but the first are of a topology that runs. */
#ifndef SQI_REST_VALUES_H
#define SQI_REST_VALUES_H

#include "daemon/hosted.h"
#include "lifecycle/tell.h"
#include "tuple/writer.h"

enum { SQI_REST_CAUSE = SQI_CAUSE_TEXT + 256 };
#define SQI_REST_ALL_TIME ":all-time"

void sqi_rest_status(struct sqi_writer *writer, const char *key, const struct sqi_hosted *hosted);
void sqi_rest_uptime(struct sqi_writer *writer, double uptime); /* seconds */
void sqi_rest_decimal(struct sqi_writer *writer, const char *key, double number);
void sqi_rest_host(struct sqi_writer *writer, const char *key);
void sqi_rest_window(struct sqi_writer *writer);

double sqi_rest_milliseconds(const struct sqi_histogram *histogram); /* the mean */
void sqi_rest_sum(const struct sqi_hosted *hosted, uint32_t c, struct sqi_metrics *ret);
double sqi_rest_capacity(const struct sqi_hosted *hosted, const struct sqi_plan_component *component);
void sqi_rest_counts(struct sqi_writer *writer, const struct sqi_metrics *metrics);
void sqi_rest_times(struct sqi_writer *writer, enum sq_kind kind, const struct sqi_metrics *metrics);

/* NULL: there was none. */
const char *sqi_rest_last_error(const struct sqi_hosted *hosted, const struct sqi_plan_component *component,
                                char text[SQI_REST_CAUSE], uint32_t *ret_worker);
/* `error` may be NULL. */
void sqi_rest_error(struct sqi_writer *writer, const char *key, const char *error, uint32_t worker);

#endif
