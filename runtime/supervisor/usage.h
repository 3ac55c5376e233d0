/* SPDX-License-Identifier: Apache-2.0 */
/* What a process takes of the machine, as the kernel counts it. */
#ifndef SQI_USAGE_H
#define SQI_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct sqi_usage {
        uint64_t rss;       /* bytes of its memory that are in RAM */
        double cpu_seconds; /* since it began */
};

/* Zeros for a process that is gone, or pid 0. */
struct sqi_usage sqi_usage_of(pid_t pid);

#endif
