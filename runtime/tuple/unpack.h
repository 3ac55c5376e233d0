/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msgpack to views, without a copy and without an object tree. The bytes come from another process: nothing here reads
 * past `end`, recurses on what it finds, or asserts.
 */
#ifndef SQI_UNPACK_H
#define SQI_UNPACK_H

#include "squall.h"

/* The end of the value at `at`, or NULL: cut off, or a byte that msgpack never uses. */
const uint8_t *sqi_skip(const uint8_t *at, const uint8_t *end);

/* The same for `n` values behind each other, the first of which is offsets[0] behind `from`: offsets[i + 1] is where
 * value i ends. */
const uint8_t *sqi_skip_all(const uint8_t *from, const uint8_t *end, uint32_t n, uint32_t *offsets);

/* Reads the head of an array. NULL if it is none, or cut off. */
const uint8_t *sqi_unpack_head(const uint8_t *at, const uint8_t *end, uint32_t *ret_n);

/* The value at `at`, which sqi_skip() has passed and found to end at `end`. Extension types other than the timestamp
 * read as SQ_ANY, packed. */
struct sq_value sqi_unpack(const uint8_t *at, const uint8_t *end);

/* What a map has under a text; nil: nothing, or it is no map. */
struct sq_value sqi_map_get(struct sq_value map, const char *key);

#endif
