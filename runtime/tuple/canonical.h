/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One form for equal values, so that equal keys have equal bytes: a float that is whole and fits 64 bits becomes that
 * whole number (20.0 as 20, -0.0 as 0), every NaN the same, and a map has its keys in order of their bytes. All other
 * values have one form already.
 */
#ifndef SQI_CANONICAL_H
#define SQI_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a value with that first byte may have another form: a float, an array, a map. */
static inline bool
sqi_has_forms(uint8_t head)
{
        return (head >= 0x80 && head <= 0x9f) || head == 0xca || head == 0xcb || (head >= 0xdc && head <= 0xdf);
}

/* Writes the canonical form of the value [at, end), which sqi_skip() has passed, to `to`, which has room for twice as
 * many bytes. Returns the end. */
uint8_t *sqi_canonical(uint8_t *to, const uint8_t *at, const uint8_t *end);

#endif
