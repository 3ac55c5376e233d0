/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "storm.h"
#include "update_plan.h"
#include "save.h"

/* With a savepoint it ends in it, and drains into it: --wait has no say. */
static int
kill_with_savepoint(const struct cli_args *args, struct cli_talk *talk, const char *name)
{
        char path[PATH_MAX] = "";
        int status = cli_save(cli_flag(args, "lose-state"), talk, name, cli_text(args, "to"), true, path);

        if (status == CLI_DONE && cli_flag(args, "json"))
                cli_print_saved(name, path);
        else if (status == CLI_DONE)
                printf("%s\n", path);
        return status;
}

static void
print(const struct cli_args *args, const char *name)
{
        if (cli_flag(args, "json"))
                printf("{\"topology\":\"%s\",\"state\":\"killed\"}\n", name);
        else
                printf("%s\n", name);
}

static int
run(const struct cli_args *args)
{
        const char *name = cli_operand(args, 0);
        struct sqi_request request = {.command = SQI_COMMAND_KILL, .name = cli_str(name)};
        struct cli_talk talk;
        int status;

        if (cli_text(args, "storm"))
                return cli_storm_kill(args);
        if (cli_given(args, "to") && !cli_flag(args, "savepoint"))
                return cli_error(CLI_USAGE, "--to names the folder of a savepoint (say --savepoint too)");
        if (cli_given(args, "wait") && cli_flag(args, "savepoint"))
                return cli_error(CLI_USAGE, "--savepoint drains whatever time it takes (leave --wait out)");
        status = cli_talk_open(args, NULL, &talk);

        if (status == CLI_DONE && cli_flag(args, "savepoint")) {
                status = kill_with_savepoint(args, &talk, name);
                cli_talk_close(&talk);
                return status;
        }
        request.seconds = cli_given(args, "wait") ? cli_seconds(args, "wait") : -1;
        if (status == CLI_DONE)
                status = cli_ask(&talk, &request);
        if (status == CLI_DONE)
                status = cli_await(&talk, cli_get_str(talk.value, "topology"), cli_get_str(talk.value, "serial"),
                                   "gone");
        if (status == CLI_DONE)
                print(args, name);
        cli_talk_close(&talk);
        return status;
}

SQI_VERB(kill) = {
        .about = "End a topology: stop the spouts, drain, end the workers.",
        .details =
                "Returns when nothing of it is left. The drain takes at most the topology's message timeout, or as long as --wait says; what is not "
                "processed then is given up, and the status is 1. The positions of its spouts go too; its log stays for `squall logs`, until 16 others "
                "were killed.\n"
                "With --savepoint all its state and positions are kept first, as by `squall savepoint`, and it ends there: what its bolts would emit at "
                "the end, they emit when a topology begins from the savepoint. It prints the folder's path.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {{"wait", 'w', CLI_DURATION, "SECS",
                     .help = "drain for at most this long; 0: end at once (default: the message timeout)"},
                    {"savepoint", 0, CLI_FLAG, .help = "keep its state and positions, for submit --from"},
                    {"to", 0, CLI_TEXT, "PATH", .complete = CLI_COMPLETE_DIRECTORY,
                     .help = "the savepoint's new folder (default: below the supervisor's state directory)"},
                    CLI_OPTION_LOSE_STATE,
                    CLI_OPTION_STORM,
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall kill wordcount --wait 5",
        .run = run,
};
