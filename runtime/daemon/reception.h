/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where commands come in and answers go out.
 *
 *  1. One that writes, or reads what may be being written, waits for its turn at the desk (desk.h); all others are
 *     answered at once.
 *  2. One that was answered before is answered the same: whoever asks again with the same id has not heard it.
 *  3. Whoever asks again while it waits, and is `patient`, hears PENDING and what it waits for.
 */
#ifndef SQI_RECEPTION_H
#define SQI_RECEPTION_H

#include "daemon/registry.h"
#include "daemon/result.h"

/* A request as it came; it is answered to `caller`, now or later. What has no id to answer to is passed over. */
void sqi_reception_take(struct sqi_daemon *daemon, const struct sqi_caller *caller, const void *bytes, size_t size);
/* One that came in by another front, which is answered by `result`; not for AWAIT and QUERY. */
void sqi_reception_ask(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result);

#endif
