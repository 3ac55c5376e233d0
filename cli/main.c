/* SPDX-License-Identifier: Apache-2.0 */
/* The program squall: the command, whose verbs register themselves. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "command/zsock.h"
#include "help.h"
#include "output.h"

#ifndef SQI_VERSION
#define SQI_VERSION "?"
#endif

/* A file that is opened later must not become stdin, stdout or stderr. A closed stdin stays one that cannot be read, a
 * closed stdout one that cannot be written. */
static int
open_closed_streams(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
                        return -errno;
        return 0;
}

static int
run_verb(const struct cli_entry *entry, int argc, char **argv)
{
        struct cli_args *args = malloc(sizeof(*args));
        int status;

        if (!args)
                return cli_error(CLI_FAILED, "out of memory");
        status = cli_parse(entry, argc, argv, args);
        if (status == 0 && args->help)
                cli_help_verb(stdout, entry);
        else if (status == 0)
                status = entry->verb->run(args);
        free(args);
        sqi_zsock_end();
        return cli_output_end(status);
}

int
main(int argc, char **argv)
{
        const struct cli_entry *entry;

        sqi_zsock_begin();
        cli_output_begin();
        if (open_closed_streams() < 0)
                return CLI_FAILED;
        if (argc < 2) {
                cli_help(stderr);
                return CLI_USAGE;
        }
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
                cli_help(stdout);
                return cli_output_end(CLI_DONE);
        }
        if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
                printf("squall %s (component interface %u)\n", SQI_VERSION, SQ_ABI);
                return cli_output_end(CLI_DONE);
        }
        if (argv[1][0] == '-')
                return cli_error(CLI_USAGE, "unknown option '%s' (a verb comes first; squall help lists them)",
                                 argv[1]);
        entry = cli_verb_find(argv[1]);
        return !entry ? cli_unknown_verb(argv[1]) : run_verb(entry, argc - 2, argv + 2);
}
