/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs `activate` and `deactivate`. */
#include <stdio.h>

#include "storm.h"
#include "talk.h"

static void
show_active(const struct cli_args *args, struct sq_value answer)
{
        if (cli_flag(args, "json"))
                cli_print_value(answer);
        else
                printf("%s: its spouts are on\n", cli_operand(args, 0));
}

static void
show_inactive(const struct cli_args *args, struct sq_value answer)
{
        if (cli_flag(args, "json"))
                cli_print_value(answer);
        else
                printf("%s: its spouts are off (squall activate %s turns them on)\n", cli_operand(args, 0),
                       cli_operand(args, 0));
}

static int
ask(const struct cli_args *args, enum sqi_command_type command,
    void (*show)(const struct cli_args *args, struct sq_value answer))
{
        struct sqi_request request = {.command = command, .seconds = -1, .name = cli_str(cli_operand(args, 0))};

        return cli_ask_once(args, &request, show);
}

static int
activate(const struct cli_args *args)
{
        if (cli_text(args, "storm"))
                return cli_storm_activate(args, true);
        return ask(args, SQI_COMMAND_ACTIVATE, show_active);
}

static int
deactivate(const struct cli_args *args)
{
        if (cli_text(args, "storm"))
                return cli_storm_activate(args, false);
        return ask(args, SQI_COMMAND_DEACTIVATE, show_inactive);
}

SQI_VERB(activate) = {
        .about = "Turn the spouts of a topology on again.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {CLI_OPTION_STORM, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall activate wordcount",
        .run = activate,
};

SQI_VERB(deactivate) = {
        .about = "Turn the spouts of a topology off; what is under way is processed.",
        .details = "It stays off when workers, or the supervisor, are restarted.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {CLI_OPTION_STORM, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall deactivate wordcount",
        .run = deactivate,
};
