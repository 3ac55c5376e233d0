/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "json.h"
#include "output.h"
#include "talk.h"

enum { LOOK_MS = 300 };

static void
show_one(const struct cli_args *args, struct sq_value event)
{
        struct sq_str time = cli_get_str(event, "time"), topology = cli_get_str(event, "topology"),
                      what = cli_get_str(event, "event"), text = cli_get_str(event, "text");

        if (cli_flag(args, "json"))
                cli_print_value(event);
        else
                printf("%.19sZ %-10.*s %-12.*s %.*s\n", time.ptr, (int)what.len, what.ptr,
                       topology.len ? (int)topology.len : 1, topology.len ? topology.ptr : "-", (int)text.len,
                       text.ptr);
}

/* Those after *after, which is the last one's number then. */
static int
show_new(const struct cli_args *args, struct cli_talk *talk, uint64_t *after)
{
        struct sqi_request request = {.command = SQI_COMMAND_EVENTS, .seconds = -1, .after = (double)*after};
        struct sq_value event;

        if (cli_operand(args, 0))
                request.name = cli_str(cli_operand(args, 0));
        int status = cli_ask(talk, &request);
        if (status != CLI_DONE)
                return status;
        struct sq_items items = sq_items(talk->value);
        while (sq_next_item(&items, &event)) {
                show_one(args, event);
                *after = cli_get_uint(event, "id");
        }
        return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
}

static int
run(const struct cli_args *args)
{
        struct cli_talk talk;
        uint64_t after = 0;
        int status = cli_talk_open(args, cli_operand(args, 0), &talk);

        if (status == CLI_DONE)
                status = show_new(args, &talk, &after);
        while (status == CLI_DONE && cli_flag(args, "follow") && cli_output_pause(LOOK_MS))
                status = show_new(args, &talk, &after);
        cli_talk_close(&talk);
        return status;
}

SQI_VERB(events) = {
        .about = "Show what happens to topologies: commands, deaths, restarts, updates, warnings.",
        .details =
                "The last 256 since the supervisor started; all of them are in events.jsonl of its state directory, as --json prints them: a JSON object a line. "
                "A death comes with its cause, its tuple, its backtrace and the last lines of its log.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY, .optional = true}},
        .options = {{"follow", 'f', CLI_FLAG, .help = "go on as they come"}, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall events wordcount -f",
        .run = run,
};
