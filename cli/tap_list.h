/* SPDX-License-Identifier: Apache-2.0 */
/* What of a topology can be tapped: each stream that somebody reads. */
#ifndef CLI_TAP_LIST_H
#define CLI_TAP_LIST_H

#include "verb.h"

/* Of the topology that is the verb's first operand; as a table, or with --json as a list of {tap, readers}. The exit
 * status. */
int cli_tap_list(const struct cli_args *args);

#endif
