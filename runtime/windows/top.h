/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few values of many that occur most often; of those that occur as often the smaller ones: numbers, then texts,
 * then what has no order.
 *
 * sqi_top_begin(), sqi_top_offer() for each value, sqi_top_end(). bool: false means no memory, and that it has ended.
 */
#ifndef SQI_WINDOWS_TOP_H
#define SQI_WINDOWS_TOP_H

#include "squall.h"

struct sqi_standing {
        struct sq_value value; /* a long one is lent until the end's result was used */
        uint64_t n, hash;
};

struct sqi_top {
        struct sqi_standing *best; /* a heap, the worst of them first */
        size_t n, most;
};

bool sqi_top_begin(struct sqi_top *top, size_t most);
void sqi_top_offer(struct sqi_top *top, const struct sqi_standing *standing);
/* A list of { value, count }, the best first, that stands on *ret_memory. */
bool sqi_top_end(struct sqi_top *top, struct sq_value *ret, void **ret_memory);

#endif
