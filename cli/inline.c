/* SPDX-License-Identifier: Apache-2.0 */
#include "inline.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "rig/inline.h"
#include "summary.h"

enum { SIGNALLED = 128 };

static volatile sig_atomic_t drain;

/* The second one kills. */
static void
on_signal(int number)
{
        drain = number;
        (void)signal(number, SIG_DFL);
}

static int
run(struct sqi_inline *self, struct sqi_plan *plan, double seconds, bool json)
{
        uint64_t begin = sqi_clock_ns(), end = seconds > 0 ? begin + (uint64_t)(seconds * 1e9) : 0;
        struct cli_tally tally = {.plan = plan, .state = "finished", .tasks = sqi_inline_metrics(self)};
        char error[1024];
        int r;

        r = sqi_inline_run(self, &drain, end, error, sizeof(error));
        if (r < 0)
                cli_error(CLI_FAILED, "%s", error);
        tally.uptime_ns = sqi_clock_ns() - begin;
        if (cli_tally_is_short(&tally))
                r = CLI_FAILED;
        tally.state = r != 0 ? "failed" : tally.state;
        cli_summary(&tally, json);
        return r != 0 ? CLI_FAILED : drain != 0 ? SIGNALLED + drain : CLI_DONE;
}

int
cli_run_inline(const struct cli_args *args, struct sqi_plan **plan)
{
        struct sqi_inline *self = sqi_inline_new(*plan);
        int status;

        (void)signal(SIGINT, on_signal);
        (void)signal(SIGTERM, on_signal);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN); /* ulimit -f: as a full disk */
        status = self ? run(self, *plan, cli_seconds(args, "for"), cli_flag(args, "json"))
                      : cli_error(CLI_FAILED, "out of memory");
        sqi_inline_free(&self);
        sqi_plan_free(plan);
        return status;
}
