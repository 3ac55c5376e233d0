/* SPDX-License-Identifier: Apache-2.0 */
#include "looking.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* How long a supervisor may take to be started again. */
enum { PATIENCE_S = 10, SIGNALLED = 128 };

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
        stopped = number;
}

static void
catch_signals(void)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
}

bool
cli_looking_stopped(void)
{
        return stopped;
}

void
cli_looking_hurry(struct cli_looking *looking, unsigned ms)
{
        uint64_t due_ns = sqi_clock_ns() + ms * SQI_SECOND / 1000;

        if (looking->due_ns > due_ns)
                looking->due_ns = due_ns;
}

/* The run directory is another one after an update. */
static bool
move(struct cli_looking *looking, struct sq_str rundir)
{
        if (rundir.len == strlen(looking->rundir) && memcmp(rundir.ptr, looking->rundir, rundir.len) == 0)
                return false;
        snprintf(looking->rundir, sizeof(looking->rundir), "%.*s", (int)rundir.len, rundir.ptr);
        return true;
}

int
cli_looking_begin(struct cli_looking *looking, const struct cli_args *args, const char *verb)
{
        int status = cli_talk_open(args, looking->name, &looking->talk);

        if (status == CLI_DONE && !cli_is_near(&looking->talk, verb))
                status = CLI_USAGE;
        if (status == CLI_DONE)
                status = cli_ask(&looking->talk, &looking->request);
        if (status == CLI_DONE && !cli_get_flag(looking->talk.value, "running")) {
                struct sq_str state = cli_get_str(looking->talk.value, "state");
                status = cli_error(CLI_USAGE, "the topology '%s' is %.*s", looking->name, (int)state.len, state.ptr);
        }
        if (status != CLI_DONE)
                return status;
        move(looking, cli_get_str(looking->talk.value, "rundir"));
        looking->due_ns = sqi_clock_ns() + CLI_LOOKING_MS * SQI_SECOND / 1000;
        catch_signals();
        return CLI_DONE;
}

/* Nobody listens: what `squall run` had in the foreground has ended, or a supervisor is started again. */
static int
miss(struct cli_looking *looking, uint64_t now_ns)
{
        char plan[sizeof(looking->rundir) + 8];

        snprintf(plan, sizeof(plan), "%s/plan", looking->rundir);
        looking->ended = access(plan, F_OK) < 0;
        if (looking->lost_ns == 0)
                looking->lost_ns = now_ns;
        if (looking->ended || now_ns - looking->lost_ns < PATIENCE_S * SQI_SECOND)
                return CLI_DONE;
        return cli_error(CLI_UNREACHED, "the supervisor at %s is gone", looking->talk.path);
}

static void
take_answer(struct cli_looking *looking, const struct sqi_reply *reply, bool *ret_moved)
{
        struct sq_value answer = sqi_reply_value(reply);
        struct sq_str state = cli_get_str(answer, "state");

        looking->lost_ns = 0;
        if (reply->status == SQI_STATUS_REFUSED) { /* it is not there any more */
                looking->ended = true;
                return;
        }
        if (reply->status != SQI_STATUS_DONE)
                return; /* at the next time */
        if (cli_get_flag(answer, "running")) {
                *ret_moved = move(looking, cli_get_str(answer, "rundir"));
                return;
        }
        looking->failed = state.len == strlen("failed") && memcmp(state.ptr, "failed", state.len) == 0;
        looking->ended = looking->failed ||
                         (state.len == strlen("finished") && memcmp(state.ptr, "finished", state.len) == 0);
}

/* By a connection of its own each time: one to a supervisor that has ended would wait for it. */
int
cli_looking_again(struct cli_looking *looking, bool *ret_moved)
{
        struct sqi_client *client;
        struct sqi_reply reply;
        uint64_t now_ns = sqi_clock_ns();
        int status = CLI_DONE;

        *ret_moved = false;
        if (now_ns < looking->due_ns || looking->ended)
                return CLI_DONE;
        looking->due_ns = now_ns + CLI_LOOKING_MS * SQI_SECOND / 1000;
        if (sqi_client_open(looking->talk.path, NULL, &client) < 0)
                return miss(looking, now_ns);
        if (sqi_client_ask(client, &looking->request, &reply) == 0)
                take_answer(looking, &reply, ret_moved);
        else
                status = miss(looking, now_ns);
        sqi_client_close(&client);
        return status;
}

int
cli_looking_status(const struct cli_looking *looking, int status)
{
        if (status == CLI_DONE && stopped)
                return SIGNALLED + stopped;
        return status == CLI_DONE && looking->failed ? CLI_FAILED : status;
}
