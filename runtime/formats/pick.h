/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of an object, by a tree of the paths that are wanted. It is walked along with a JSON text, of which what nobody
 * wants is looked through, and kept nowhere; or with the members of a map.
 */
#ifndef SQI_KIT_PICK_H
#define SQI_KIT_PICK_H

#include <squall-kit.h>

struct sqi_pick;

/* The tree of `n` paths, which must outlive it: as sq_part() reads them, or, unless `nested`, names of members. NULL:
 * no memory. */
struct sqi_pick *sqi_pick_new(unsigned n, const char *const *paths, bool nested);
void sqi_pick_free(struct sqi_pick *pick);
bool sqi_pick_is_of(const struct sqi_pick *pick, unsigned n, const char *const *paths);

/* The parts of a text, nil where it has none, as sq_json_read() and sq_part() would find them. How many members it has,
 * and *ret_others: how many are wanted by nobody. -1: ask them: it is no JSON, no object, or names something twice. */
ssize_t sqi_pick_read(struct sqi_pick *pick, struct sq_json_reader *json, struct sq_str text, struct sq_value *values,
                      size_t *ret_others);

/* The same of a map. -1: it names something twice. */
ssize_t sqi_pick_members(struct sqi_pick *pick, struct sq_value map, struct sq_value *values, size_t *ret_others);

#endif
