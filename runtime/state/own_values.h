/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task keeps by a name, of itself and not of a key: bytes that are part of each snapshot of it.
 */
#ifndef SQI_OWN_VALUES_H
#define SQI_OWN_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"

struct sqi_own_value {
        struct sqi_own_value *next;
        struct sq_str name, bytes; /* views of `memory` */
        char memory[];
};

/* All zero: empty. In the order in which the names came. */
struct sqi_own_values {
        struct sqi_own_value *first;
        uint32_t n;
};

/* Copies both; the bytes take the place of those that the name had. 0 or -ENOMEM, which changes nothing. */
int sqi_own_values_set(struct sqi_own_values *values, struct sq_str name, struct sq_str bytes);
/* No value of that name, which need not be there. */
void sqi_own_values_drop(struct sqi_own_values *values, struct sq_str name);
/* NULL: there is none of that name. */
const struct sqi_own_value *sqi_own_values_find(const struct sqi_own_values *values, struct sq_str name);
void sqi_own_values_clear(struct sqi_own_values *values);

#endif
