/* SPDX-License-Identifier: Apache-2.0 */
/* A new topology: written down first, then started. */
#ifndef SQI_SUBMIT_H
#define SQI_SUBMIT_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* Takes `*plan` over and nulls it, if it comes to that. */
void sqi_submit(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_plan **plan,
                struct sqi_result *result);

#endif
