/* SPDX-License-Identifier: Apache-2.0 */
/* Values to msgpack: one pack out, by msgpack-c's packer writing straight into the batch. */
#ifndef SQI_PACK_H
#define SQI_PACK_H

#include "squall.h"

/* Nesting of arrays and maps that a value may have. */
enum { SQI_DEPTH_MAX = 32 };

/* The most bytes that packing `value` can take; SIZE_MAX if it is no value: a bad type or form, too deep, too large. */
size_t sqi_pack_bound(const struct sq_value *value);

/* Packs a value that has a bound; `at` must have room for it. Returns the end. */
uint8_t *sqi_pack(uint8_t *at, const struct sq_value *value);

/* Packs the head of a tuple of `n` fields; at most 3 bytes. */
uint8_t *sqi_pack_head(uint8_t *at, uint32_t n);

#endif
