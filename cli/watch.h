/* SPDX-License-Identifier: Apache-2.0 */
/* `squall run --watch`. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "verb.h"

/* Runs the topology as a process of its own, and again whenever its file or a .so of it has changed and still checks.
 * An exit status. */
int cli_watch(const struct cli_args *args);

#endif
