/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `run`: a supervisor in the foreground, for one topology.
 *
 * One loop: it waits for the supervisor's descriptor, for signals, and for whatever time comes next. What the workers
 * print on stdout goes there untouched, so all that the verb itself has to say goes to stderr; --json alone adds a last
 * line to stdout, when no worker is left that could write there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "daemon/checkpoints.h"
#include "daemon/sole.h"
#include "epochs.h"
#include "inline.h"
#include "live.h"
#include "topology_file.h"
#include "recording.h"
#include "save.h"
#include "summary.h"
#include "watch.h"

enum { CRASH_LIMIT = 10, ERROR_SIZE = 1024, SIGNALLED = 128 };

/*
 * A rate of the live line is the mean of the last so many seconds: tuples are counted and acked a batch at a time, and
 * at a slow bolt a batch may take longer than the second from one line to the next.
 */
enum { RATE_SECONDS = 10 };

struct run {
        struct sqi_supervisor *supervisor;
        struct sqi_running *running;
        int signals;
        bool terminal;   /* it was started from one */
        int signal;      /* that asked for the end */
        double seconds;  /* --for; 0: without end */
        uint64_t end_ns; /* of --for */
        struct cli_live live;
        struct sqi_sole *sole; /* NULL: nobody can ask */
        const char *http;      /* NULL: not asked for */
        uint64_t pulse_ns;     /* of the next live line */
        uint64_t npulses;
        struct cli_epochs epochs;
        struct cli_pulse pulses[RATE_SECONDS]; /* the last ones, the n-th at n modulo their number */
};

/* ---- What is said ------------------------------------------------------------------------------------ */

static void
on_tell(void *context, enum sq_level level, const char *text)
{
        (void)context;
        if (level <= SQ_INFO)
                fprintf(stderr, "squall: %s\n", text);
}

static void
on_happened(void *context, const char *event, enum sq_level level, const char *text)
{
        const struct run *run = context;

        on_tell(context, level, text);
        sqi_sole_happened(run->sole, event, level, text);
}

static void
on_died(void *context, const struct sqi_death *death)
{
        const struct run *run = context;

        sqi_sole_died(run->sole, death);
}

static void
on_answered(void *context, const struct sqi_message *answer)
{
        const struct run *run = context;

        sqi_sole_answered(run->sole, answer);
}

static void
on_line(void *context, const char *name, uint32_t worker, const char *text)
{
        (void)context;
        (void)worker;
        fprintf(stderr, "%s: %s\n", name, text);
}

static void
on_started(void *context)
{
        struct run *run = context;

        if (run->seconds > 0)
                run->end_ns = sqi_clock_ns() + (uint64_t)(run->seconds * 1e9);
}

static int
on_folder(void *context, struct sqi_errand **ret)
{
        const struct run *run = context;

        return sqi_checkpoints_open(run->epochs.place, run->running, ret);
}

static int
on_seal(void *context, struct sqi_errand **ret)
{
        const struct run *run = context;

        return sqi_checkpoints_seal(run->epochs.place, run->running, ret);
}

static void
show_live_line(struct run *run, uint64_t now_ns)
{
        const struct cli_pulse *before;
        struct cli_pulse pulse;
        char text[256];

        if (now_ns < run->pulse_ns)
                return;
        run->pulse_ns = now_ns + SQI_SECOND;
        sqi_running_count(run->running);
        cli_pulse_take(run->running, now_ns, &pulse);
        before = &run->pulses[run->npulses < RATE_SECONDS ? 0 : run->npulses % RATE_SECONDS];
        cli_live_show(&run->live, cli_pulse_text(run->running, before, &pulse, text, sizeof(text)));
        run->pulses[run->npulses++ % RATE_SECONDS] = pulse;
}

/* ---- Signals ----------------------------------------------------------------------------------------- */

/* SIGHUP stays ignored where nohup has asked for that. */
static int
catch_signals(void)
{
        struct sigaction hangup;
        sigset_t caught;

        (void)signal(SIGXFSZ, SIG_IGN); /* ulimit -f: as a full disk */
        (void)sigemptyset(&caught);
        (void)sigaddset(&caught, SIGINT);
        (void)sigaddset(&caught, SIGTERM);
        if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
                (void)sigaddset(&caught, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &caught, NULL) < 0)
                return -1;
        return signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
has_terminal(void)
{
        int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

/* The first asks for a drain, the second kills. SIGHUP does so when the terminal has gone; from somebody who rotates
 * files it asks for nothing, for who appends to a file looks at its name before each write. */
static void
take_signals(struct run *run)
{
        struct signalfd_siginfo info;

        while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                bool again = run->signal != 0;

                if (info.ssi_signo == SIGHUP && !(run->terminal && !has_terminal()))
                        continue;
                run->signal = (int)info.ssi_signo;
                fprintf(stderr, again ? "squall: killing the workers\n" : "squall: draining (once more to kill)\n");
                if (again)
                        sqi_running_abort(run->running);
                else
                        sqi_running_drain(run->running, -1);
        }
}

/* ---- The loop ---------------------------------------------------------------------------------------- */

static void
wait_for_news(const struct run *run)
{
        struct pollfd fds[2 + SQI_SOLE_FDS] = {{.fd = sqi_supervisor_fd(run->supervisor), .events = POLLIN},
                                               {.fd = run->signals, .events = POLLIN}};
        uint64_t now = sqi_clock_ns(), due = sqi_earlier(sqi_supervisor_due(run->supervisor), sqi_sole_due(run->sole)),
                 left;
        struct timespec timeout;
        int asked[SQI_SOLE_FDS];

        sqi_sole_fds(run->sole, asked);
        for (int i = 0; i < SQI_SOLE_FDS; i++)
                fds[2 + i] = (struct pollfd){.fd = asked[i], .events = POLLIN};
        if (run->end_ns < due)
                due = run->end_ns;
        if (run->live.wanted && run->pulse_ns < due)
                due = run->pulse_ns;
        left = due > now ? due - now : 0;
        timeout = (struct timespec){(time_t)(left / SQI_SECOND), (long)(left % SQI_SECOND)};
        (void)ppoll(fds, 2 + SQI_SOLE_FDS, due == SQI_NEVER ? NULL : &timeout, NULL);
}

static void
loop(struct run *run)
{
        while (!sqi_running_is_over(run->running)) {
                wait_for_news(run);
                take_signals(run);
                sqi_supervisor_serve(run->supervisor);
                sqi_sole_serve(run->sole);
                if (run->end_ns <= sqi_clock_ns()) {
                        run->end_ns = SQI_NEVER;
                        sqi_running_drain(run->running, -1);
                }
                if (run->live.wanted && !sqi_running_is_over(run->running))
                        show_live_line(run, sqi_clock_ns());
        }
        cli_live_end(&run->live);
}

static int
exit_status(const struct run *run)
{
        switch (sqi_running_lifecycle(run->running)->outcome) {
        case SQI_OUTCOME_FINISHED:
                return CLI_DONE;
        case SQI_OUTCOME_DRAINED:
                return run->signal ? SIGNALLED + run->signal : CLI_DONE;
        default:
                return CLI_FAILED;
        }
}

/* What becomes of what was staged for sinks, and of the positions, after a drain; also after one that took too long. */
static void
tell_of_epochs(const struct run *run)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(run->running);
        bool undrained = life->outcome == SQI_OUTCOME_FAILED &&
                         (life->failed_worker == SQI_EVERY_WORKER || life->gone_back);

        if (!sqi_plan_is_exact(life->plan) || !life->draining || (!undrained && life->outcome != SQI_OUTCOME_DRAINED) ||
            (run->epochs.temporary && !undrained))
                return;
        if (run->epochs.temporary)
                fprintf(stderr,
                        "squall: what no epoch has committed has reached no sink, and is gone with the temporary "
                        "folder of the epochs (set topology.checkpoint.dir: then --from goes on)\n");
        else
                fprintf(stderr, "squall: its epochs are kept: `squall run --from %s` goes on with them\n",
                        run->epochs.place);
}

/* Who asks for HTTP, and cannot have it, does not want the topology to run without. */
static bool
serve_http(const struct run *run)
{
        char error[ERROR_SIZE];
        const char *at;

        if (!run->http)
                return true;
        if (sqi_sole_http(run->sole, run->http, &at, error, sizeof(error)) == 0) {
                fprintf(stderr, "squall: HTTP is served at http://%s\n", at);
                return true;
        }
        cli_error(CLI_FAILED, "%s", error);
        sqi_running_abort(run->running);
        return false;
}

static int
run_plan(struct run *run, struct sqi_plan **plan, const struct sqi_savepoint *from, bool json)
{
        const struct sqi_observer observer = {.context = run,
                                              .tell = on_tell,
                                              .happened = on_happened,
                                              .died = on_died,
                                              .line = on_line,
                                              .started = on_started,
                                              .folder = on_folder,
                                              .seal = on_seal,
                                              .answered = on_answered};
        struct sqi_run_options options = {.crash_limit = CRASH_LIMIT,
                                          .place = run->epochs.place,
                                          .epoch = run->epochs.first,
                                          .held = run->epochs.lock > 0 ? run->epochs.lock : 0};
        char error[ERROR_SIZE];

        struct sqi_position *positions = from ? calloc((*plan)->ntasks, sizeof(*positions)) : NULL;

        if (from && !positions)
                return cli_error(CLI_FAILED, "out of memory");
        if (from) {
                sqi_snapshots_positions(&from->manifest, *plan, positions);
                options.positions = positions;
                options.restore = from->path;
                options.anew = true;
                options.missing = from->manifest.missing;
        }
        options.seed = sqi_random();
        int r = sqi_supervisor_run(run->supervisor, plan, &options, &observer, &run->running, error, sizeof(error));
        free(positions);
        if (r < 0)
                return cli_error(CLI_FAILED, "%s", error);
        cli_pulse_take(run->running, sqi_clock_ns(), &run->pulses[0]);
        run->npulses = 1;
        if (sqi_sole_open(run->running, SQI_VERSION, &run->sole, error, sizeof(error)) < 0)
                fprintf(stderr, "squall: nobody can ask about it (squall status, top): %s\n", error);
        bool serves = serve_http(run);
        run->pulse_ns = run->pulses[0].at_ns + SQI_SECOND;
        loop(run);
        tell_of_epochs(run);
        sqi_sole_close(&run->sole);
        struct cli_tally tally = cli_tally(run->running);
        cli_summary(&tally, json);
        return serves ? exit_status(run) : CLI_FAILED;
}

/* CLI_DONE, also without --from: then the savepoint stays as it is, with an empty path. */
static int
open_savepoint(const struct cli_args *args, const struct sqi_plan *plan, struct sqi_savepoint *ret)
{
        char path[PATH_MAX];
        int status;

        if (!cli_text(args, "from"))
                return CLI_DONE;
        status = cli_full_path(cli_text(args, "from"), path);
        return status == CLI_DONE ? cli_open_savepoint(path, plan, ret) : status;
}

static int
run_topology(const struct cli_args *args)
{
        char folder[PATH_MAX];
        struct run run = {.seconds = cli_seconds(args, "for"),
                          .end_ns = SQI_NEVER,
                          .http = cli_text(args, "http"),
                          .live = cli_live(STDERR_FILENO),
                          .epochs = {.lock = -1}};
        struct sqi_savepoint from = {0};
        struct sqi_plan *plan;
        char error[ERROR_SIZE];
        int status;

        if (cli_given(args, "for") && run.seconds <= 0)
                return cli_error(CLI_USAGE, "--for is a time above 0 (leave it out to run until the spouts are done)");
        if (cli_text(args, "from") && (cli_flag(args, "inline") || cli_flag(args, "watch")))
                return cli_error(CLI_USAGE, "--inline and --watch begin from nothing (leave them or --from out)");
        if (run.http && (cli_flag(args, "inline") || cli_flag(args, "watch")))
                return cli_error(CLI_USAGE, "--inline and --watch serve no HTTP (leave them or --http out)");
        if (cli_flag(args, "watch"))
                return cli_watch(args);
        status = cli_load(args, 0, &plan);
        if (status != CLI_DONE)
                return status;
        if (cli_text(args, "record") && (status = cli_recording_begin(cli_text(args, "record"), plan)) != CLI_DONE) {
                sqi_plan_free(&plan);
                return status;
        }
        if (!getcwd(folder, sizeof(folder)) || sqi_plan_keep_letters(plan, folder) < 0) {
                sqi_plan_free(&plan);
                return cli_error(CLI_FAILED, "no place for dead letters: %s", strerror(errno));
        }
        if (cli_flag(args, "inline"))
                return cli_run_inline(args, &plan);
        run.signals = catch_signals();
        run.terminal = has_terminal();
        status = open_savepoint(args, plan, &from);
        if (status == CLI_DONE)
                status = cli_epochs_begin(plan, from.path[0] ? &from : NULL, &run.epochs);
        if (status != CLI_DONE)
                ; /* nothing is started */
        else if (run.signals < 0)
                status = cli_error(CLI_FAILED, "cannot start a supervisor: %s", strerror(errno));
        else if (sqi_supervisor_new(&run.supervisor, error, sizeof(error)) < 0)
                status = cli_error(CLI_FAILED, "cannot start a supervisor: %s", error);
        else
                status = run_plan(&run, &plan, from.path[0] ? &from : NULL, cli_flag(args, "json"));
        bool finished = run.running && sqi_running_lifecycle(run.running)->outcome == SQI_OUTCOME_FINISHED;
        sqi_running_free(&run.running);
        sqi_supervisor_free(&run.supervisor);
        cli_epochs_end(&run.epochs, finished);
        sqi_savepoint_close(&from);
        sqi_plan_free(&plan);
        if (run.signals >= 0)
                close(run.signals);
        return status;
}

SQI_VERB(run) = {
        .about = "Run a topology in the foreground until it is done.",
        .details =
                "Starts the workers and waits until all spouts are at their end and every tuple is processed. Ctrl-C drains: the spouts stop, "
                "what is under way is processed; a second one kills. A drain, of whoever asks for it, takes at most topology.message.timeout.secs, with the last epoch "
                "of exactly-once: what has not finished then is named, with what it holds and what it said last, and the exit status is 1. SIGTERM does the same, and so does a terminal that is closed; any other SIGHUP, of a script that rotates "
                "files, changes nothing: a file that was renamed is left for a new one by itself.\n"
                "What workers print on stderr appears with the task before it. On a terminal its last row shows how it goes, once a second. A summary goes to "
                "stderr at the end, or as JSON to stdout as its last line.\n"
                "Exit status: 0 done; 1 the topology failed, or was killed; 2 the file is wrong, nothing was started; 130, 143, 129 drained after Ctrl-C, "
                "SIGTERM, the end of the terminal.",
        .operands = {{.name = "FILE", .complete = CLI_COMPLETE_FILE}},
        .options =
                {CLI_OPTION_CONFIG,
                 CLI_OPTION_FLUX,
                 {"for", 0, CLI_DURATION, "TIME",
                  .help = "drain after this time: 10s, 500ms, 2m; the drain takes at most topology.message.timeout.secs"},
                 {"from", 0, CLI_TEXT, "PATH", .complete = CLI_COMPLETE_DIRECTORY,
                  .help = "begin with the state and the positions of this savepoint, or of the epochs in this folder; what was told to end there goes on"},
                 {"http", 0, CLI_TEXT, "[ADDRESS:PORT]", .implied = "127.0.0.1:8080",
                  .help = "the page, /metrics and the API while it runs, to look at (127.0.0.1:8080 if it is not said); port 0: one that is free"},
                 {"inline", 0, CLI_FLAG,
                  .help = "in this process and one thread, in an order that does not change: for gdb, valgrind and perf"},
                 {"watch", 0, CLI_FLAG, .help = "start again whenever the file or a .so of it has changed and checks"},
                 {"record", 0, CLI_TEXT, "DIR", .complete = CLI_COMPLETE_DIRECTORY,
                  .help = "keep what reaches the bolts in a new folder, for squall test --replay"},
                 CLI_OPTION_JSON},
        .example = "squall run topologies/wordcount/wordcount.yaml",
        .run = run_topology,
};
