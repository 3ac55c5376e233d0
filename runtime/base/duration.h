/* SPDX-License-Identifier: Apache-2.0 */
/* How long something takes, as people write it. */
#ifndef SQI_DURATION_H
#define SQI_DURATION_H

#include <stdint.h>

/* "5s", "250ms", "2m", "1h", or seconds. 0 or -EINVAL. */
int sqi_duration_read(const char *text, uint64_t *ret_ns);

#endif
