/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at what tasks publish, as `tap` and `trace` do: the supervisor is asked to have them publish, again each
 * second, and says where. It goes on over deaths, updates and another supervisor.
 *
 *     struct cli_looking looking = {.name = "wordcount", .request = {.command = SQI_COMMAND_TRACE, ...}};
 *     status = cli_looking_begin(&looking, args, "trace");        looking.rundir: where they are
 *     while (status == CLI_DONE && !looking.ended && !cli_looking_stopped())
 *             status = cli_looking_again(&looking, &moved);       moved: they are somewhere else now
 *     cli_talk_close(&looking.talk);
 */
#ifndef CLI_LOOKING_H
#define CLI_LOOKING_H

#include "control/endpoint.h"
#include "talk.h"

/* Between two requests; how long the last messages may take to come. */
enum { CLI_LOOKING_MS = 1000, CLI_LOOKING_LAST_MS = 200 };

struct cli_looking {
        const char *name;           /* of the topology */
        struct sqi_request request; /* set by the caller, with that name */
        struct cli_talk talk;
        char rundir[SQI_ENDPOINT_SIZE];
        uint64_t due_ns, lost_ns;
        bool ended, failed; /* the topology has, or has failed */
};

/* What is wrong from the start is said as by every verb. From here on Ctrl-C only stops the loop, the second one
 * kills. */
int cli_looking_begin(struct cli_looking *looking, const struct cli_args *args, const char *verb);
int cli_looking_again(struct cli_looking *looking, bool *ret_moved);
/* The supervisor is asked again within `ms`. */
void cli_looking_hurry(struct cli_looking *looking, unsigned ms);
bool cli_looking_stopped(void);
/* The exit status of a verb that has ended with `status`. */
int cli_looking_status(const struct cli_looking *looking, int status);

#endif
