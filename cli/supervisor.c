/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `supervisor`: the daemon, in the foreground, as service managers want it; and --stop, which ends one.
 *
 * One loop: the supervisor's descriptors, the signals, and the time that comes next, which may be the watchdog's.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/daemon.h"
#include "supervisor/notify.h"
#include "command/server.h"
#include "daemon/state.h"
#include "talk.h"

enum { ERROR_SIZE = 2048, NFDS = SQI_DAEMON_FDS + 1 };

struct serving {
        struct sqi_daemon *daemon;
        int signals;
        uint64_t watchdog_ns, watchdog_due;
};

/* systemd's journal takes the level from the beginning of the line; *context: it listens. */
static void
on_tell(void *context, enum sq_level level, const char *topology, const char *text)
{
        static const char *const levels[] = {
                [SQ_ERROR] = "<3>", [SQ_WARN] = "<4>", [SQ_INFO] = "<6>", [SQ_DEBUG] = "<7>"};
        const bool *journal = context;

        if (level > SQ_INFO)
                return;
        fprintf(stderr, "%ssquall: %s%s%s\n", *journal ? levels[level] : "", topology ? topology : "",
                topology ? ": " : "", text);
}

static int
catch_signals(void)
{
        sigset_t caught;

        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN); /* ulimit -f: as a full disk */
        (void)sigemptyset(&caught);
        (void)sigaddset(&caught, SIGINT);
        (void)sigaddset(&caught, SIGTERM);
        (void)sigaddset(&caught, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &caught, NULL) < 0)
                return -1;
        return signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
take_signals(const struct serving *serving)
{
        struct signalfd_siginfo info;

        while (read(serving->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGHUP) {
                        sqi_daemon_reopen_logs(serving->daemon);
                        continue;
                }
                fprintf(stderr, "squall: draining all topologies (once more to kill)\n");
                (void)sqi_notify("STOPPING=1\nSTATUS=draining all topologies");
                sqi_daemon_stop(serving->daemon);
        }
}

static void
wait_for_news(const struct serving *serving)
{
        struct pollfd fds[NFDS] = {{.fd = serving->signals, .events = POLLIN}};
        uint64_t now = sqi_clock_ns(), due = sqi_daemon_due(serving->daemon), left;
        struct timespec timeout;
        int news[SQI_DAEMON_FDS];

        sqi_daemon_fds(serving->daemon, news);
        for (int i = 0; i < SQI_DAEMON_FDS; i++)
                fds[i + 1] = (struct pollfd){.fd = news[i], .events = POLLIN};
        if (serving->watchdog_due < due)
                due = serving->watchdog_due;
        left = due > now ? due - now : 0;
        timeout = (struct timespec){(time_t)(left / SQI_SECOND), (long)(left % SQI_SECOND)};
        (void)ppoll(fds, NFDS, due == SQI_NEVER ? NULL : &timeout, NULL);
}

static void
loop(struct serving *serving)
{
        while (!sqi_daemon_is_over(serving->daemon)) {
                wait_for_news(serving);
                take_signals(serving);
                sqi_daemon_serve(serving->daemon);
                if (serving->watchdog_due <= sqi_clock_ns()) {
                        (void)sqi_notify("WATCHDOG=1");
                        serving->watchdog_due = sqi_clock_ns() + serving->watchdog_ns;
                }
        }
}

/* Another one is there, or what was asked for cannot be. */
static bool
is_usage(int error)
{
        return error == -EWOULDBLOCK || error == -EADDRINUSE || error == -EINVAL;
}

static int
serve(const struct sqi_daemon_options *options)
{
        struct serving serving = {.watchdog_ns = sqi_notify_watchdog_ns(), .watchdog_due = SQI_NEVER};
        char error[ERROR_SIZE];
        int r;

        serving.signals = catch_signals();
        if (serving.signals < 0)
                return cli_error(CLI_FAILED, "cannot catch signals: %s", strerror(errno));
        r = sqi_daemon_new(options, &serving.daemon, error, sizeof(error));
        if (r < 0) /* another one is there: nothing was started */
                return cli_error(is_usage(r) ? CLI_USAGE : CLI_FAILED, "%s", error);
        if (serving.watchdog_ns != UINT64_MAX)
                serving.watchdog_due = 0;
        fprintf(stderr, "squall: supervisor with pid %d listens at %s, its state is in %s\n", (int)getpid(),
                options->socket, options->state);
        if (options->http)
                fprintf(stderr, "squall: HTTP is served at http://%s\n", sqi_daemon_http(serving.daemon));
        (void)sqi_notify("READY=1\nSTATUS=serving");
        loop(&serving);
        (void)sqi_notify("STOPPING=1");
        sqi_daemon_free(&serving.daemon);
        close(serving.signals);
        return CLI_DONE;
}

/* On TCP nobody is let in, and nothing begun, without certificates on both sides. */
static bool
take_tcp(const struct cli_args *args, struct sqi_daemon_options *options)
{
        options->listen = cli_text(args, "listen");
        options->cert = cli_text(args, "cert");
        options->clients = cli_text(args, "clients");
        if (sqi_server_is_remote(options->socket))
                cli_error(CLI_USAGE, "a supervisor always has a socket on this machine; for TCP besides, --listen %s",
                          options->socket);
        else if (!options->listen && options->clients)
                cli_error(CLI_USAGE, "--clients goes with --listen");
        else if (options->listen && !sqi_server_is_remote(options->listen))
                cli_error(CLI_USAGE, "%s is no endpoint to listen at (tcp://ADDRESS:PORT)", options->listen);
        else if (options->listen && (!options->cert || !options->clients))
                cli_error(
                        CLI_USAGE,
                        "--listen wants --cert FILE and --clients DIR: without certificates nobody may connect over TCP "
                        "(squall cert makes them)");
        else
                return true;
        return false;
}

static int
start(const struct cli_args *args)
{
        static bool journal;
        struct sqi_daemon_options options = {.version = SQI_VERSION, .context = &journal, .tell = on_tell};
        const char *state = cli_text(args, "state-dir");
        char path[SQI_SOCKET_PATH];

        journal = getenv("JOURNAL_STREAM") != NULL;
        options.http = cli_text(args, "http");
        options.socket = cli_socket(args, path, sizeof(path));
        if (!options.socket || !take_tcp(args, &options))
                return CLI_USAGE;
        if (!state && sqi_state_default(options.state) < 0)
                return cli_error(CLI_USAGE, "no HOME to keep the state below (give --state-dir)");
        if (state && snprintf(options.state, sizeof(options.state), "%s", state) >= (int)sizeof(options.state))
                return cli_error(CLI_USAGE, "--state-dir is too long a path");
        return serve(&options);
}

/* ---- The end of another one -------------------------------------------------------------------------- */

/* CLI_DONE, also when nobody answers any more: it is about to end. */
static int
ask_whether_it_stops(struct cli_talk *talk)
{
        struct sqi_request request = {.command = SQI_COMMAND_PING, .seconds = -1};
        struct sq_str cause;

        if (sqi_client_ask(talk->client, &request, &talk->reply) < 0)
                return CLI_DONE;
        talk->value = sqi_reply_value(&talk->reply);
        cause = cli_get_str(talk->value, "stop_error");
        if (cause.len == 0)
                return CLI_DONE;
        return cli_error(CLI_FAILED, "the supervisor goes on, for something would be lost: %.*s", (int)cause.len,
                         cause.ptr);
}

/* It ends, or says that it does not. */
static int
wait_for_exit(struct cli_talk *talk, pid_t pid)
{
        enum { LOOK_MS = 1000 };
        struct pollfd gone = {.fd = pidfd_open(pid, 0), .events = POLLIN};
        int status = CLI_DONE, n = 0;

        if (gone.fd < 0)
                return CLI_DONE;
        while (status == CLI_DONE && ((n = poll(&gone, 1, LOOK_MS)) == 0 || (n < 0 && errno == EINTR)))
                status = ask_whether_it_stops(talk);
        close(gone.fd);
        return status;
}

static int
stop(const struct cli_args *args)
{
        struct sqi_request request = {.command = SQI_COMMAND_PING, .seconds = -1};
        struct cli_talk talk;
        int status = cli_talk_open(args, NULL, &talk);
        pid_t pid = 0;

        if (status == CLI_DONE)
                status = cli_ask(&talk, &request);
        if (status == CLI_DONE) {
                pid = (pid_t)cli_get_uint(talk.value, "pid");
                request = (struct sqi_request){
                        .command = SQI_COMMAND_STOP, .seconds = -1, .leave = cli_flag(args, "leave")};
                status = cli_ask(&talk, &request);
        }
        if (status == CLI_DONE && !sqi_server_is_remote(talk.path))
                status = wait_for_exit(&talk, pid);
        cli_talk_close(&talk);
        if (status != CLI_DONE)
                return status;
        if (sqi_server_is_remote(talk.path))
                cli_talk_await_end(args, &talk);
        if (cli_flag(args, "json"))
                printf("{\"pid\":%d,\"state\":\"ended\"}\n", (int)pid);
        return CLI_DONE;
}

static int
run(const struct cli_args *args)
{
        if (cli_flag(args, "stop"))
                return stop(args);
        if (cli_flag(args, "leave"))
                return cli_error(CLI_USAGE, "--leave goes with --stop");
        return start(args);
}

SQI_VERB(supervisor) = {
        .about = "Run the supervisor for many topologies, in the foreground; or stop it.",
        .details =
                "It keeps the topologies that are submitted running: whatever dies is restarted, it itself may be killed and started again without "
                "a pause in the work, and after a reboot all goes on from where it was. SIGTERM and Ctrl-C drain all topologies, which stay submitted; "
                "once more kills. SIGHUP opens the logs anew. Under systemd it tells when it is ready and feeds the watchdog (docs/squall.service).\n"
                "Only its own user, and root, may give it commands; over TCP, by --listen, those whose certificates are in the folder --clients (CURVE). They may run "
                "anything as the supervisor's user.",
        .options =
                {{"state-dir", 0, CLI_TEXT, "DIR", .complete = CLI_COMPLETE_DIRECTORY,
                  .help = "where it keeps what was submitted (default: $XDG_STATE_HOME/squall or ~/.local/state/squall; root: /var/lib/squall)"},
                 {"stop", 0, CLI_FLAG,
                  .help = "end the supervisor that runs: drains all topologies, which stay submitted"},
                 {"leave", 0, CLI_FLAG, .help = "with --stop: the workers go on, and wait for the next supervisor"},
                 {"listen", 0, CLI_TEXT, "ENDPOINT",
                  .help = "listen on tcp://ADDRESS:PORT too, encrypted; --cert is then the supervisor's own (default: not)"},
                 {"clients", 0, CLI_TEXT, "DIR", .complete = CLI_COMPLETE_DIRECTORY,
                  .help = "with --listen: the public certificates of those who may connect; what is put there or taken away counts at once"},
                 {"http", 0, CLI_TEXT, "[ADDRESS:PORT]", .implied = "127.0.0.1:8080",
                  .help = "serve /metrics for Prometheus and /api/v1 as Storm's UI over HTTP, on a loopback address alone; without one, 127.0.0.1:8080 (default: not)"},
                 CLI_OPTION_JSON,
                 CLI_OPTION_SOCKET},
        .example = "squall supervisor --state-dir ~/squall",
        .run = run,
};
