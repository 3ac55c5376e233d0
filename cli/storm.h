/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs whose answer comes from an Apache Storm cluster when --storm names its Nimbus:
 *
 *     if (cli_text(args, "storm"))
 *             return cli_storm_list(args);
 *
 * Exit statuses are those of the same verb without it: CLI_UNREACHED when no Nimbus answers.
 */
#ifndef CLI_STORM_H
#define CLI_STORM_H

#include "storm/cluster.h"
#include "verb.h"

#define CLI_OPTION_STORM \
        { \
                "storm", 0, CLI_TEXT, "HOST:PORT[,...]", \
                        .help = "ask the Nimbus of an Apache Storm cluster there, and no supervisor" \
        }

int cli_storm_submit(const struct cli_args *args);
int cli_storm_list(const struct cli_args *args);
int cli_storm_status(const struct cli_args *args);
int cli_storm_activate(const struct cli_args *args, bool on);
int cli_storm_kill(const struct cli_args *args);
int cli_storm_rebalance(const struct cli_args *args, size_t n, const struct sqi_executors *executors);

#endif
