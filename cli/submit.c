/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `submit`. The file is read and checked here, in the user's own process, so that its errors come with line
 * and column, and so that the supervisor never loads a component: it gets the finished plan.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/server.h"
#include "save.h"
#include "storm.h"
#include "topology_file.h"

static void
print(const struct cli_args *args, struct sq_value answer)
{
        struct sq_str name = cli_get_str(answer, "topology");

        if (cli_flag(args, "json"))
                cli_print_value(answer);
        else
                printf("%.*s\n", (int)name.len, name.ptr);
}

static int
ask(const struct cli_args *args, struct sqi_request *request)
{
        struct cli_talk talk;
        int status = cli_talk_open(args, NULL, &talk);

        if (status == CLI_DONE) /* until the savepoint that it begins from is copied */
                do {
                        status = cli_ask(&talk, request);
                } while (status == CLI_DONE && talk.reply.status == SQI_STATUS_PENDING);
        if (status == CLI_DONE) {
                struct sq_str name = cli_get_str(talk.value, "topology"), serial = cli_get_str(talk.value, "serial");

                print(args, talk.value);
                if (cli_flag(args, "wait"))
                        status = cli_await(&talk, name, serial, "running");
        }
        cli_talk_close(&talk);
        return status;
}

static int
submit(const struct cli_args *args, const struct sqi_plan *plan, const char *from)
{
        struct sqi_request request = {.command = SQI_COMMAND_SUBMIT, .seconds = -1};
        char *source = NULL;
        void *bytes = NULL;
        size_t size = 0;
        int status, r = sqi_plan_encode(plan, &bytes, &size);

        request.plan = (struct sq_str){bytes, size};
        if (r == 0)
                r = cli_read_source(cli_operand(args, 0), &source, &request.source.len);
        request.source.ptr = source;
        request.path = cli_str(from);
        if (r < 0)
                status = cli_error(CLI_FAILED, "cannot read %s: %s", cli_operand(args, 0), strerror(-r));
        else
                status = ask(args, &request);
        free(bytes);
        free(source);
        return status;
}

/* A supervisor elsewhere has it there, and looks for itself. */
static int
find_savepoint(const struct cli_args *args, const struct sqi_plan *plan, char ret[PATH_MAX])
{
        struct sqi_savepoint savepoint;
        char socket[PATH_MAX];
        const char *path = cli_socket(args, socket, sizeof(socket));
        int status = path ? cli_full_path(cli_text(args, "from"), ret) : CLI_USAGE;

        if (status != CLI_DONE || sqi_server_is_remote(path))
                return status;
        status = cli_open_savepoint(ret, plan, &savepoint);
        if (status == CLI_DONE)
                sqi_savepoint_close(&savepoint);
        return status;
}

static int
run(const struct cli_args *args)
{
        struct sqi_plan *plan = NULL;
        char from[PATH_MAX] = "";
        int status;

        if (strcmp(cli_operand(args, 0), "-") == 0)
                return cli_error(CLI_USAGE,
                                 "submit wants a file, for a copy of it is kept (squall run reads standard input)");
        if (cli_text(args, "storm"))
                return cli_storm_submit(args);
        status = cli_load_hosted(args, 0, cli_text(args, "name"), &plan);
        if (status == CLI_DONE && cli_text(args, "from"))
                status = find_savepoint(args, plan, from);
        if (status == CLI_DONE)
                status = submit(args, plan, from);
        sqi_plan_free(&plan);
        return status;
}

SQI_VERB(submit) = {
        .about = "Hand a topology to the supervisor, which keeps it running.",
        .details =
                "The file is checked first, as `squall check` does; on an error nothing is submitted. The supervisor copies the file and the .so of each "
                "component, so both may go. Data that it names (a spout's path) stays where it is, by its absolute path. What is in the "
                "supervisor's state directory runs again after a crash, a restart or a reboot, its spouts from where they were.\n"
                "With --storm it goes to an Apache Storm cluster: in a jar with the program that runs its components there, their libraries, and the files "
                "that they read from the folder of the topology file. What Storm cannot do is refused, with line and column. It returns when all "
                "is up there, or after 30 seconds; an error of a component until then is printed, and the status is 1.\n"
                "A topology is code: whoever may submit one may run anything as the supervisor's user.",
        .operands = {{"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {CLI_OPTION_CONFIG,
                    CLI_OPTION_FLUX,
                    {"name", 'n', CLI_TEXT, "NAME", .help = "submit it by this name instead of the one in the file"},
                    {"from", 0, CLI_TEXT, "PATH", .complete = CLI_COMPLETE_DIRECTORY,
                     .help = "begin with the state and the positions of this savepoint, or of the epochs of a run"},
                    {"wait", 'w', CLI_FLAG,
                     .help = "return when every task is ready and data flows; status 1 if it does not come up"},
                    CLI_OPTION_STORM,
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall submit topologies/wordcount/wordcount.yaml --name words --wait",
        .run = run,
};
