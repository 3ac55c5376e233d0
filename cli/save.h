/* SPDX-License-Identifier: Apache-2.0 */
/* Savepoints, as several verbs make them and begin from them. */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "daemon/savepoint.h"
#include "talk.h"

/* Makes one of the topology `name` and waits for it; `path` NULL: below the supervisor's state directory. `ends`:
 * the topology ends with it. `lossy`: also where bolts keep state that it cannot hold. Where it is goes to
 * `ret_path`. An exit status; what is wrong was said. */
int cli_save(bool lossy, struct cli_talk *talk, const char *name, const char *path, bool ends, char ret_path[PATH_MAX]);

/* As one line of JSON. */
void cli_print_saved(const char *name, const char *path);

/* Opens the savepoint that a topology is to begin from, and looks whether it can. CLI_DONE and a savepoint for
 * sqi_savepoint_close(), or CLI_USAGE. */
int cli_open_savepoint(const char *path, const struct sqi_plan *plan, struct sqi_savepoint *ret);

/* The path from the root; an exit status. */
int cli_full_path(const char *path, char ret[PATH_MAX]);

#endif
