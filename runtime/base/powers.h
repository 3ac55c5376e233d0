/* SPDX-License-Identifier: Apache-2.0 */
/* Powers of ten to 128 bits: 10^e, rounded up, is sqi_power_of_ten(e) / 2^127 * 2^sqi_log2_of_ten(e). */
#ifndef SQI_POWERS_H
#define SQI_POWERS_H

#include <stdint.h>

enum { SQI_POWER_MIN = -292, SQI_POWER_MAX = 324 };

/* Its upper bit is set. */
struct sqi_power {
        uint64_t high, low;
};

/* `e` from SQI_POWER_MIN to SQI_POWER_MAX. */
struct sqi_power sqi_power_of_ten(int e);

/* The logarithm to base 2 of 10^e, rounded down, for |e| up to 1233. */
static inline int
sqi_log2_of_ten(int e)
{
        return (e * 1741647) >> 19;
}

#endif
