/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "talk.h"

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
        int status = cli_talk_open(args, &talk);

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
                "processed then is given up. The positions of its spouts go too; its log stays for `squall logs`, until 16 others "
                "were killed.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {{"wait", 'w', CLI_DURATION, "SECS",
                     .help = "drain for at most this long; 0: end at once (default: the message timeout)"},
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall kill wordcount --wait 5",
        .run = run,
};
