/* SPDX-License-Identifier: Apache-2.0 */
/* What `update` and `rebalance` share: a topology that runs goes on with another plan. */
#ifndef CLI_UPDATE_PLAN_H
#define CLI_UPDATE_PLAN_H

#include "talk.h"
#include "plan/plan.h"

/*
 * How it will be done, said before anything happens: whose workers go on, whose are started anew. Bolts whose state
 * cannot go on in the new version: says which and why, and returns CLI_USAGE unless --lose-state is given; then the new
 * plan lets its tasks begin without it.
 */
int cli_check_change(const struct cli_args *args, const struct sqi_plan *before, struct sqi_plan *after);

/* Can a savepoint keep all that the bolts have gathered? CLI_DONE, or CLI_USAGE after saying of which it cannot. */
int cli_check_keeps(const struct sqi_plan *plan);

/* Asks for it, waits until it has proved itself, prints. */
int cli_update_plan(const struct cli_args *args, struct cli_talk *talk, const struct sqi_plan *plan,
                    struct sq_str source);

/* The plan of the topology NAME as it runs; *ret_source, malloc'd, is the file it was made from. */
int cli_running_plan(struct cli_talk *talk, const char *name, struct sqi_plan **ret, struct sq_str *ret_source);

#define CLI_OPTION_LOSE_STATE \
        { \
                "lose-state", 0, CLI_FLAG, .help = "even if bolts lose what they have in memory" \
        }

#endif
