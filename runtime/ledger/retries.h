/* SPDX-License-Identifier: Apache-2.0 */
/* The failed trees of a ledger that wait for their retry: a binary heap in an array that the ledger owns, the next one
 * due at its head. */
#ifndef SQI_RETRIES_H
#define SQI_RETRIES_H

#include "ledger/ledger.h"

struct sqi_retry {
        uint64_t due_ns;
        uint64_t position;
        struct sqi_attempt attempt;
};

/* The one at `at` is new there, or due earlier than it was: it rises to its place. */
void sqi_retries_rise(struct sqi_retry *heap, size_t at);

/* Takes the head out. */
void sqi_retries_pop(struct sqi_retry *heap, size_t *n);

/* Makes a heap of all at once, which costs no more than a look at each. */
void sqi_retries_order(struct sqi_retry *heap, size_t n);

#endif
