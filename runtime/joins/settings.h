/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a join (squall-window.h), taken apart. */
#ifndef SQI_JOINS_SETTINGS_H
#define SQI_JOINS_SETTINGS_H

#include <squall-window.h>

#include "windows/rule.h"

enum sqi_join_type { SQI_INNER, SQI_LEFT, SQI_FULL };
enum sqi_join_time { SQI_BY_EVENT, SQI_BY_WALL };

struct sqi_join_plan {
        enum sqi_joined_by { SQI_BY_WINDOWS, SQI_BY_INTERVAL, SQI_BY_TABLE } by;
        struct sqi_rule rule; /* windows */
        int64_t low, high;    /* interval: the second's time less the first's, both ends in it */
        int64_t wait;         /* table: how long a row waits for that of its key */
        int64_t lateness;
};

/* NULL, or what is wrong with *ret_option, a constant. */
const char *sqi_join_read(const struct sq_joining *settings, struct sqi_join_plan *ret, const char **ret_option);

#endif
