/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `trace`: some tuple trees through every hop. Each second the supervisor is asked to have the tasks follow
 * some, and what becomes of each tuple comes from the tasks themselves; see viewer/tracer.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "looking.h"
#include "trace_show.h"

enum { TREES = 5, COLUMNS = 80, LOOK_MS = 100 };

struct trace {
        struct cli_looking looking;
        struct sqi_tracer *tracer;
        bool json, colour;
        unsigned columns;
        const char *path; /* --perfetto, or NULL */
        FILE *file;
        uint64_t shown, limit;
};

/* Where a terminal is as wide as it likes, a pipe has 80 columns. */
static unsigned
columns_of(int fd)
{
        struct winsize size = {0};

        return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS ? size.ws_col : COLUMNS;
}

static int
open_tracer(struct trace *trace)
{
        char error[512];

        sqi_tracer_close(&trace->tracer);
        if (sqi_tracer_open(trace->looking.rundir, &trace->tracer, error, sizeof(error)) < 0)
                return cli_error(CLI_FAILED, "%s", error);
        return CLI_DONE;
}

/* Another plan may have other tasks: a file is of one. */
static int
move(struct trace *trace)
{
        if (trace->file)
                return cli_error(CLI_FAILED, "%s goes on with another plan: the file ends here", trace->looking.name);
        return open_tracer(trace);
}

static int
open_file(struct trace *trace)
{
        if (!trace->path)
                return CLI_DONE;
        trace->file = strcmp(trace->path, "-") == 0 ? stdout : fopen(trace->path, "we");
        if (!trace->file)
                return cli_error(CLI_USAGE, "cannot write %s: %s", trace->path, strerror(errno));
        cli_trace_perfetto_begin(sqi_tracer_plan(trace->tracer), trace->file);
        return CLI_DONE;
}

static int
close_file(struct trace *trace, int status)
{
        if (!trace->file)
                return status;
        cli_trace_perfetto_end(trace->file);
        if (trace->file == stdout)
                return status;
        bool failed = ferror(trace->file) != 0; /* what came later may have had room again */
        if (fclose(trace->file) != 0 || failed)
                return cli_error(CLI_FAILED, "cannot write %s: %s", trace->path,
                                 failed ? "some of it is missing" : strerror(errno));
        fprintf(stderr, "squall: %s has %llu tuple trees: open it at https://ui.perfetto.dev\n", trace->path,
                (unsigned long long)trace->shown);
        return status;
}

static bool
is_written(const struct trace *trace)
{
        return !ferror(trace->file ? trace->file : stdout);
}

static bool
is_enough(const struct trace *trace)
{
        return trace->shown >= trace->limit;
}

static void
show(struct trace *trace, const struct sqi_followed *tree)
{
        const struct sqi_plan *plan = sqi_tracer_plan(trace->tracer);

        if (trace->file)
                cli_trace_perfetto(plan, tree, trace->file);
        else if (trace->json)
                cli_trace_json(plan, tree);
        else
                cli_trace_text(plan, tree, trace->columns, trace->colour);
        fflush(stdout);
        trace->shown++;
}

/* Once, beside the first tree that is shown without it. */
static void
say_who_is_missing(struct trace *trace)
{
        int64_t task = sqi_tracer_unheard(trace->tracer);
        char name[SQI_ENDPOINT_SIZE];

        if (task < 0 || trace->shown > 0)
                return;
        fprintf(stderr, "squall: %s is not heard, and is missing here: it has ended, or is in a long call\n",
                sqi_task_name(sqi_tracer_plan(trace->tracer), (uint32_t)task, name, sizeof(name)));
}

static void
look(struct trace *trace, bool end)
{
        const struct sqi_followed *tree;

        while (!is_enough(trace) && (tree = sqi_tracer_next(trace->tracer, end))) {
                say_who_is_missing(trace);
                show(trace, tree);
        }
}

static int
loop(struct trace *trace)
{
        int status = CLI_DONE;

        while (status == CLI_DONE && !cli_looking_stopped() && !is_enough(trace) && is_written(trace)) {
                bool moved;

                if (sqi_tracer_unheard(trace->tracer) >= 0)
                        cli_looking_hurry(&trace->looking, LOOK_MS);
                status = cli_looking_again(&trace->looking, &moved);
                if (status == CLI_DONE && moved)
                        status = move(trace);
                if (status != CLI_DONE)
                        break;
                look(trace, false);
                if (trace->looking.ended || !sqi_tracer_wait(trace->tracer, STDOUT_FILENO, LOOK_MS))
                        break;
        }
        if (status == CLI_DONE && trace->looking.ended)
                (void)sqi_tracer_wait(trace->tracer, STDOUT_FILENO, CLI_LOOKING_LAST_MS);
        if (status == CLI_DONE)
                look(trace, true);
        return status;
}

static int
follow(struct trace *trace, const struct cli_args *args)
{
        int status = cli_looking_begin(&trace->looking, args, "trace");

        if (status == CLI_DONE)
                status = open_tracer(trace);
        if (status == CLI_DONE)
                status = open_file(trace);
        if (status != CLI_DONE)
                return status;
        status = close_file(trace, loop(trace));
        if (trace->looking.ended && trace->shown == 0)
                fprintf(stderr, "squall: %s has ended, and none of its tuples was followed\n", trace->looking.name);
        return cli_looking_status(&trace->looking, status);
}

static int
run(const struct cli_args *args)
{
        struct trace trace = {
                .looking = {.name = cli_operand(args, 0)},
                .json = cli_flag(args, "json"),
                .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
                .columns = columns_of(STDOUT_FILENO),
                .path = cli_text(args, "perfetto"),
                .limit = cli_given(args, "limit") ? (uint64_t)cli_number(args, "limit") : TREES,
        };

        trace.looking.request = (struct sqi_request){
                .command = SQI_COMMAND_TRACE, .seconds = -1, .name = cli_str(trace.looking.name)};
        int status = follow(&trace, args);
        sqi_tracer_close(&trace.tracer);
        cli_talk_close(&trace.looking.talk);
        return status;
}

SQI_VERB(trace) = {
        .about = "Follow some tuples through every hop of a topology that runs, with times.",
        .details =
                "Each spout task picks a call of its `next` up to ten times a second, and the first tuple that it emits to each receiver is followed, with all that bolts emit of it in turn: "
                "how long it was gathered with others into a batch, how long that was on its way (network: in the channel, and in the queue before the task), how long it "
                "was queued behind others of its batch, and how long it was executed. Of one execute 16 tuples to one receiver are followed.\n"
                "Under any delivery. The topology does not wait for who looks, and does nothing for it while nobody does. What a bolt emits "
                "later than in `execute`, in a tick or of a tuple that it has kept, is not followed.\n"
                "It goes on over deaths and restarts, and ends with the topology. On the machine of the supervisor only, and as its user.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {{"limit", 'n', CLI_NUMBER, "N", .min = 1, .help = "end after so many tuple trees (default: 5)"},
                    {"perfetto", 0, CLI_TEXT, "FILE", .complete = CLI_COMPLETE_FILE,
                     .help = "write a trace for https://ui.perfetto.dev or chrome://tracing; -: to stdout"},
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall trace wordcount --perfetto wordcount.json --limit 100",
        .run = run,
};
