/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "talk.h"

static void
show(const struct cli_args *args, struct sq_value answer)
{
        struct sq_items items = sq_items(answer);
        struct sq_value row;
        struct sq_str name, state;
        char uptime[32];

        if (cli_flag(args, "json")) {
                cli_print_value(answer);
                return;
        }
        (void)printf("%-24s %-10s %12s %6s %8s %12s %9s\n", "topology", "state", "uptime", "tasks", "workers", "emitted/s",
                     "restarts");
        while (sq_next_item(&items, &row)) {
                name = cli_get_str(row, "topology");
                state = cli_get_str(row, "state");
                (void)printf("%-24.*s %-10.*s %12s %6llu %8llu %12.0f %9llu\n", (int)name.len, name.ptr, (int)state.len, state.ptr,
                             cli_duration_text(cli_get_real(row, "uptime_s"), uptime, sizeof(uptime)),
                             (unsigned long long)cli_get_uint(row, "tasks"), (unsigned long long)cli_get_uint(row, "workers"),
                             cli_get_real(row, "emitted_s"), (unsigned long long)cli_get_uint(row, "restarts"));
        }
}

static int
run(const struct cli_args *args)
{
        struct sqi_request request = {.command = SQI_COMMAND_LIST, .seconds = -1};

        return cli_ask_once(args, &request, show);
}

SQI_VERB(list) = {
        .about = "List the topologies of the supervisor.",
        .details = "A topology that is finished, or failed as it began, stays in the list until it is killed or submitted anew.",
        .options = {CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall list",
        .run = run,
};
