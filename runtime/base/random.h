/* SPDX-License-Identifier: Apache-2.0 */
/* The one door by which chance comes in: seeds, serials and ids. Never for what must be repeatable: that takes a
 * seed. */
#ifndef SQI_RANDOM_H
#define SQI_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `bytes` from the kernel's generator; waits, early in the life of a machine, until that is seeded. Any
 * thread. */
void sqi_random_bytes(void *bytes, size_t size);
uint64_t sqi_random(void);

#endif
