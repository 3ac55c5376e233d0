/* SPDX-License-Identifier: Apache-2.0 */
/* ${NAME} and ${NAME:-default} in the values of a topology file, from the environment; $${ stands for a plain ${. */
#ifndef SQI_EXPAND_H
#define SQI_EXPAND_H

#include "base/arena.h"

/* 0; -ENOMEM; -EINVAL with the causes in `error`, all of them: variables that are not set, and ${ that are not a
 * variable. NAME is a letter or `_`, then letters, digits and `_`. As in the shell, :- takes an empty variable for one
 * that is not set. */
int sqi_expand(struct sqi_arena *arena, const char *text, const char **ret, char *error, size_t size);

#endif
