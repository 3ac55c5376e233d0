/* SPDX-License-Identifier: Apache-2.0 */
/* What a command is answered, while that is put together. */
#ifndef SQI_RESULT_H
#define SQI_RESULT_H

#include "command/command.h"
#include "daemon/state.h"
#include "plan/plan.h"
#include "tuple/writer.h"

struct sqi_result {
        enum sqi_status status;
        char error[1024];
        struct sqi_writer writer;
        bool later;                                         /* a waiter has been set up: no reply now */
        char name[SQI_ID_MAX + 1], serial[SQI_SERIAL_SIZE]; /* of what it is about: requests.h */
};

/* The text is what went wrong, where, and what to do. */
void sqi_refuse(struct sqi_result *result, enum sqi_status status, const char *format, ...) SQ_PRINTF(3, 4);
/* The plan has no such component; with the nearest one. */
void sqi_refuse_component(struct sqi_result *result, const struct sqi_plan *plan, const char *component);
/* Which topology, and which submission of it. */
void sqi_result_about(struct sqi_result *result, const char *name, const char *serial);

#endif
