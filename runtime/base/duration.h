/* SPDX-License-Identifier: Apache-2.0 */
/* How long something takes, as people write it: in topology files, in tests, and in settings of components. */
#ifndef SQI_DURATION_H
#define SQI_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* The longest, in ns: 11,574 days. Sums of a few of them are still an int64. */
#define SQI_DURATION_MAX 1000000000000000000

/* "5s", "250ms", "1.5h", "1 d", of ns, us, ms, s, m, h and d; or a number alone, which counts seconds. What is less
 * than a ns is 0. 0, -EINVAL: it is not one, or -ERANGE: it is longer than SQI_DURATION_MAX. */
int sqi_duration_read(const char *text, uint64_t *ret_ns);
/* Does it say what its number counts? */
bool sqi_duration_has_unit(const char *text);

#endif
