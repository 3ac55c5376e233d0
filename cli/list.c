/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "number.h"
#include "storm.h"
#include "table.h"
#include "talk.h"

/* Why what has failed has. */
static void
show_causes(struct sq_value answer)
{
        struct sq_items items = sq_items(answer);
        struct sq_value row;

        while (sq_next_item(&items, &row)) {
                struct sq_str name = cli_get_str(row, "topology"), cause = cli_get_str(row, "cause");

                if (cause.len > 0)
                        printf("%.*s: %.*s\n", (int)name.len, name.ptr, (int)cause.len, cause.ptr);
        }
}

static void
show_names(struct sq_value answer)
{
        struct sq_items items = sq_items(answer);
        struct sq_value row;

        while (sq_next_item(&items, &row)) {
                struct sq_str name = cli_get_str(row, "topology");

                printf("%.*s\n", (int)name.len, name.ptr);
        }
}

static void
show(const struct cli_args *args, struct sq_value answer)
{
        static const char *const table_heads[] = {"topology", "state",     "uptime",  "tasks",
                                                  "workers",  "emitted/s", "restarts"};
        struct cli_table table = {.columns = 7, .left = 2};
        struct sq_items items = sq_items(answer);
        struct sq_value row;
        char uptime[32], number[CLI_NUMBER_SIZE];

        if (cli_flag(args, "json")) {
                cli_print_value(answer);
                return;
        }
        if (cli_flag(args, "names")) {
                show_names(answer);
                return;
        }
        cli_table_heads(&table, table_heads);
        while (sq_next_item(&items, &row)) {
                cli_table_str(&table, cli_get_str(row, "topology"));
                cli_table_str(&table, cli_get_str(row, "state"));
                cli_table_cell(&table, "%s", cli_duration_text(cli_get_real(row, "uptime_s"), uptime, sizeof(uptime)));
                cli_table_cell(&table, "%llu", (unsigned long long)cli_get_uint(row, "tasks"));
                cli_table_cell(&table, "%llu", (unsigned long long)cli_get_uint(row, "workers"));
                cli_table_cell(&table, "%s", cli_scaled_text(cli_get_real(row, "emitted_s"), number));
                cli_table_cell(&table, "%llu", (unsigned long long)cli_get_uint(row, "restarts"));
        }
        cli_table_print(&table, stdout);
        show_causes(answer);
}

static int
run(const struct cli_args *args)
{
        struct sqi_request request = {.command = SQI_COMMAND_LIST, .seconds = -1};

        if (cli_text(args, "storm"))
                return cli_storm_list(args);
        return cli_ask_once(args, &request, show);
}

SQI_VERB(list) = {
        .about = "List the topologies of the supervisor.",
        .details =
                "A topology that is finished, or failed as it began, stays in the list until it is killed or submitted anew.",
        .options = {{"names", 0, CLI_FLAG, .help = "print the names alone, one a line"},
                    CLI_OPTION_STORM,
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall list",
        .run = run,
};
