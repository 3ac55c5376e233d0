/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"
#include "update_plan.h"
#include "args.h"
#include "base/nearest.h"
#include "component/settings.h"

enum { PARALLELISM_MAX = 4096 };

/* "ID=N", cut in two. */
static int
parse_parallelism(const char *text, char ret_id[SQI_ID_MAX + 1], uint32_t *ret_n)
{
        const char *equals = strchr(text, '=');
        int64_t number = 0;

        if (!equals || equals == text || (size_t)(equals - text) > SQI_ID_MAX ||
            sqi_parse_int(equals + 1, &number) < 0 || number < 1 || number > PARALLELISM_MAX)
                return cli_error(CLI_USAGE, "--component %s is not ID=N with N from 1 to %d", text, PARALLELISM_MAX);
        snprintf(ret_id, SQI_ID_MAX + 1, "%.*s", (int)(equals - text), text);
        *ret_n = (uint32_t)number;
        return CLI_DONE;
}

static int
set_parallelism(struct sqi_plan *plan, const char *text)
{
        char id[SQI_ID_MAX + 1], hint[SQI_HINT_SIZE];
        struct sqi_nearest nearest;
        uint32_t number;
        int status = parse_parallelism(text, id, &number);

        if (status != CLI_DONE)
                return status;
        nearest = sqi_nearest(id);
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                if (strcmp(plan->components[c].id, id) == 0) {
                        plan->components[c].ntasks = number;
                        return CLI_DONE;
                }
                sqi_nearest_offer(&nearest, plan->components[c].id);
        }
        return cli_error(CLI_USAGE, "the topology '%s' has no component '%s'%s", plan->name, id,
                         sqi_nearest_hint(&nearest, hint));
}

static int
change(const struct cli_args *args, struct sqi_plan *plan)
{
        size_t n;
        const char *const *wanted = cli_list(args, "component", &n);
        int status = CLI_DONE;

        for (size_t i = 0; i < n && status == CLI_DONE; i++)
                status = set_parallelism(plan, wanted[i]);
        if (status == CLI_DONE && sqi_plan_spread(plan) < 0)
                status = cli_error(CLI_FAILED, "out of memory");
        return status;
}

static int
copy(const struct sqi_plan *plan, struct sqi_plan **ret)
{
        char error[256];
        void *bytes = NULL;
        size_t size = 0;
        int r = sqi_plan_encode(plan, &bytes, &size);

        if (r == 0)
                r = sqi_plan_decode(bytes, size, ret, error, sizeof(error));
        free(bytes);
        return r < 0 ? cli_error(CLI_FAILED, "out of memory") : CLI_DONE;
}

/* Nimbus knows the components, and says so. */
static int
rebalance_storm(const struct cli_args *args)
{
        struct sqi_executors executors[CLI_LIST_MAX];
        char ids[CLI_LIST_MAX][SQI_ID_MAX + 1];
        size_t n;
        const char *const *wanted = cli_list(args, "component", &n);
        int status = CLI_DONE;

        for (size_t i = 0; i < n && status == CLI_DONE; i++) {
                executors[i].component = ids[i];
                status = parse_parallelism(wanted[i], ids[i], &executors[i].n);
        }
        return status == CLI_DONE ? cli_storm_rebalance(args, n, executors) : status;
}

static int
run(const struct cli_args *args)
{
        struct sq_str source = {NULL, 0};
        struct sqi_plan *plan = NULL, *before = NULL;
        struct cli_talk talk;
        int status;

        if (!cli_given(args, "component"))
                return cli_error(CLI_USAGE, "what is to change? (--component ID=N)");
        if (cli_text(args, "storm"))
                return rebalance_storm(args);
        status = cli_talk_open(args, NULL, &talk);
        if (status == CLI_DONE)
                status = cli_running_plan(&talk, cli_operand(args, 0), &plan, &source);
        if (status == CLI_DONE)
                status = copy(plan, &before);
        if (status == CLI_DONE)
                status = change(args, plan);
        if (status == CLI_DONE)
                status = cli_check_change(args, before, plan);
        if (status == CLI_DONE)
                status = cli_update_plan(args, &talk, plan, source);
        cli_talk_close(&talk);
        sqi_plan_free(&plan);
        sqi_plan_free(&before);
        free((void *)(uintptr_t)source.ptr);
        return status;
}

SQI_VERB(rebalance) = {
        .about = "Give components of a running topology another parallelism.",
        .details =
                "The topology pauses, some tens of milliseconds, until what is in flight is processed, and goes on with the new numbers of tasks: no tuple is "
                "lost. The workers of all other components go on as they are; those of a component that changes are started anew. If it does not come up, the "
                "old numbers are back, and the status is 1.\n"
                "Keyed state of bolts (`count`, `top`, `window`) goes to the tasks that own the keys now, and only keys of added or removed tasks change their "
                "owner; where state would be lost it is refused without --lose-state. The parallelism of a spout cannot change. With topology.workers, under "
                "exactly-once, or in a cycle, all workers are started anew.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {{"component", 'p', CLI_LIST, "ID=N", .help = "N tasks for the component ID; repeatable"},
                    CLI_OPTION_LOSE_STATE,
                    CLI_OPTION_STORM,
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall rebalance wordcount --component count=4",
        .run = run,
};
