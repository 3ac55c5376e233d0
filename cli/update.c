/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "topology_file.h"
#include "update_plan.h"

/* What it has now must be able to go on. */
static int
check_present(const struct cli_args *args, struct cli_talk *talk, struct sqi_plan *plan)
{
        struct sqi_plan *present = NULL;
        struct sq_str source = {NULL, 0};
        int status = cli_running_plan(talk, cli_operand(args, 0), &present, &source);

        if (status == CLI_DONE)
                status = cli_check_change(args, present, plan);
        free((void *)(uintptr_t)source.ptr);
        sqi_plan_free(&present);
        return status;
}

static int
update(const struct cli_args *args, struct sqi_plan *plan)
{
        char *source = NULL;
        size_t size = 0;
        struct cli_talk talk;
        int r = cli_read_source(cli_operand(args, 1), &source, &size), status;

        if (r < 0)
                return cli_error(CLI_USAGE, "cannot read %s: %s", cli_operand(args, 1), strerror(-r));
        status = cli_talk_open(args, NULL, &talk);
        if (status == CLI_DONE)
                status = check_present(args, &talk, plan);
        if (status == CLI_DONE)
                status = cli_update_plan(args, &talk, plan, (struct sq_str){source, size});
        cli_talk_close(&talk);
        free(source);
        return status;
}

static int
run(const struct cli_args *args)
{
        struct sqi_plan *plan = NULL;
        int status = cli_load_hosted(args, 1, cli_operand(args, 0), &plan);

        if (status == CLI_DONE)
                status = update(args, plan);
        sqi_plan_free(&plan);
        return status;
}

SQI_VERB(update) = {
        .about = "Let a running topology go on with another version of its file or its components.",
        .details =
                "The new version is checked first. Then the topology pauses until what is in flight is processed, and goes on as the new one, its spouts (by "
                "their ids) from where they were: no tuple is lost. The workers of components that are the same in both versions (code, settings, inputs) go on "
                "as they are. If the new version does not come up, or keeps crashing in its first seconds, the old one goes on, and the status is 1.\n"
                "The others are started anew. Keyed state of bolts (`count`, `top`, `window`) goes with them; where state would be lost it is refused without "
                "--lose-state. The parallelism of a spout cannot change. With topology.workers, in a cycle, or when the configuration differs, all are started anew.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}, {"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {CLI_OPTION_CONFIG, CLI_OPTION_FLUX, CLI_OPTION_LOSE_STATE, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall update wordcount topologies/wordcount/wordcount.yaml",
        .run = run,
};
