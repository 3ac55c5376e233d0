/* SPDX-License-Identifier: Apache-2.0 */
/* How far the spouts of a topology are behind their sources, in words. */
#ifndef CLI_LAG_H
#define CLI_LAG_H

#include <stdbool.h>
#include <stddef.h>

#include "squall.h"

/* "lines 12.3 MB, orders 1,204 messages", of the components as `status` answers them. False: no spout knows. */
bool cli_lag_text(struct sq_value components, char *buffer, size_t size);

#endif
