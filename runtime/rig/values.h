/* SPDX-License-Identifier: Apache-2.0 */
/* Values and tuples as a test writes them. */
#ifndef SQI_VALUES_H
#define SQI_VALUES_H

#include "squall.h"
#include "plan/plan.h"
#include "topology/yaml.h"

/*
 * The value that `node` stands for as a field of `type`. SQ_ANY: a plain number is one, true and false are, everything
 * else is a string. Binary is hex digits, a time RFC 3339 or seconds, as sq_json() writes them. It lives in the arena.
 * 0; -EINVAL after a diagnosis; -ENOMEM.
 */
int sqi_value_read(struct sqi_arena *arena, struct sqi_diagnostics *diagnostics, const struct sqi_yaml *node,
                   enum sq_type type, struct sq_value *ret);

/* The word `any` without quotes, which in what a test expects stands for a tuple or a value, whatever it is. */
bool sqi_value_is_any(const struct sqi_yaml *node);

/*
 * A tuple of the stream, "{field: value}" or "[value]". `given` marks the fields that it names; the others are nil.
 * With `any`, that word leaves a field, or the whole tuple, not given.
 */
int sqi_tuple_read(struct sqi_arena *arena, struct sqi_diagnostics *diagnostics, const struct sqi_yaml *node,
                   const struct sqi_plan_stream *stream, bool any, struct sq_value *values, bool *given);

/* The same as JSON, of the given fields alone: what sqi_rig_json() makes of an equal tuple. Malloc'd. */
char *sqi_tuple_json(const struct sqi_plan_stream *stream, const struct sq_value *values, const bool *given);

#endif
