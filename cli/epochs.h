/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `squall run` keeps the epochs of an exactly-once topology (daemon/checkpoints.h): in topology.checkpoint.dir,
 * with the plan beside them, so that `run --from` goes on from there after everything was killed; else in a temporary
 * folder on disk, which is removed at the end, or by the next run of the same user.
 *
 * The folder is locked while the run lives, or a worker of it (sqi_run_options.held): two runs would overwrite each
 * other's epochs, and a worker that is about to end would write behind what the next run goes on from.
 */
#ifndef CLI_EPOCHS_H
#define CLI_EPOCHS_H

#include "daemon/savepoint.h"

struct cli_epochs {
        char place[PATH_MAX]; /* empty: the topology is not exactly-once */
        int lock;
        bool temporary;
        uint64_t first; /* number */
};

/* `from` is what the run begins from, or NULL. CLI_DONE, or the exit status; what is wrong was said. */
int cli_epochs_begin(const struct sqi_plan *plan, const struct sqi_savepoint *from, struct cli_epochs *ret);
/* `finished`: there is nothing to go on with, and they are removed. Also of one that was not begun. */
void cli_epochs_end(struct cli_epochs *epochs, bool finished);

#endif
