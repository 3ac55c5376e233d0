/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of a driver (task/driver.h) of which the time is the real one. */
#ifndef SQI_REAL_TIME_H
#define SQI_REAL_TIME_H

#include "squall.h"

uint64_t sqi_real_now(void *context);
struct sq_time sqi_real_wall(void *context);

#endif
