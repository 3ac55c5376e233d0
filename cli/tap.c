/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `tap`: what a component sends, live. Each second the supervisor is asked to have its tasks publish copies of
 * some of their batches, and they come from the tasks themselves; see viewer/viewer.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/endpoint.h"
#include "kit.h"
#include "number.h"
#include "tap_list.h"
#include "tap_show.h"
#include "talk.h"

/* At most so many tuples are shown between two looks at all else; who reads a terminal wants no more a second. */
enum { ROUND = 1000, TERMINAL_RATE = 100, SIGNALLED = 128 };
/* Between two requests; how long the last batches may take to come; and a supervisor to be started again. */
enum { ASK_MS = 1000, LAST_MS = 200, PATIENCE_S = 10 };

struct tap {
        struct cli_talk talk;
        const char *name, *component, *stream;
        char rundir[SQI_ENDPOINT_SIZE];
        struct sqi_viewer *viewer;
        struct cli_tap_show show;

        /* --where */
        const char *where;
        struct cli_kit kit;
        struct sq_exprs *exprs;
        char cause[256]; /* of the first tuple for which it had no value */
        uint64_t unclear;

        uint64_t shown, limit; /* limit 0: none */
        double rate, allowed;  /* rate 0: any */
        uint64_t allowed_ns, due_ns, lost_ns;
        struct sqi_viewer_share before; /* of viewers of earlier plans */
        bool ended, failed;             /* the topology has, or has failed */
};

static volatile sig_atomic_t stopped;

/* The second one kills. */
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

/* ---- Which tuples ------------------------------------------------------------------------------------ */

/* Fields of the streams that are looked at; one that is of several types, or not in all, is of any type. */
static bool
name_fields(struct tap *tap)
{
        const struct sqi_plan_component *component = sqi_viewer_component(tap->viewer);
        struct sq_field fields[SQ_FIELDS_MAX];
        uint32_t n = 0;

        for (uint32_t s = 0; s < component->nstreams; s++)
                for (uint32_t f = 0; sqi_viewer_has(tap->viewer, s) && f < component->streams[s].nfields; f++) {
                        const struct sq_field *field = &component->streams[s].fields[f];
                        uint32_t i = 0;

                        while (i < n && strcmp(fields[i].name, field->name) != 0)
                                i++;
                        if (i < n && fields[i].type != field->type)
                                fields[i].type = SQ_ANY;
                        if (i == n && n < SQ_FIELDS_MAX)
                                fields[n++] = *field;
                }
        for (uint32_t i = 0; i < n; i++)
                if (!tap->kit.exprs_field(tap->exprs, fields[i].name, fields[i].type))
                        return false;
        return true;
}

static int
compile(struct tap *tap)
{
        int status = tap->where && !tap->kit.exprs_new ? cli_kit_load(&tap->kit) : CLI_DONE;

        if (!tap->where || status != CLI_DONE)
                return status;
        if (tap->exprs)
                tap->kit.exprs_free(&tap->exprs);
        tap->exprs = tap->kit.exprs_new();
        if (!tap->exprs || !name_fields(tap))
                return cli_error(CLI_FAILED, "out of memory");
        if (tap->kit.exprs_add_condition(tap->exprs, tap->where) < 0)
                return cli_error(CLI_USAGE, "--where: %s", tap->kit.exprs_error(tap->exprs));
        return CLI_DONE;
}

/* As the bolt `filter`; where that would fail the tuple, it is counted, and not shown. */
static bool
holds(struct tap *tap, const struct sqi_viewed *tuple)
{
        struct sq_value values[SQ_FIELDS_MAX];

        if (!tap->exprs)
                return true;
        for (unsigned i = 0; i < tap->kit.exprs_nfields(tap->exprs); i++) {
                const char *name = tap->kit.exprs_used(tap->exprs, i).name;

                values[i] = sq_nil();
                for (uint32_t f = 0; f < tuple->stream->nfields; f++)
                        if (strcmp(tuple->stream->fields[f].name, name) == 0)
                                values[i] = sqi_viewed_field(tuple, f);
        }
        tap->kit.exprs_begin_values(tap->exprs, values);
        int held = tap->kit.exprs_holds(tap->exprs, 0);
        if (held < 0 && tap->unclear++ == 0)
                snprintf(tap->cause, sizeof(tap->cause), "%s", tap->kit.exprs_error(tap->exprs));
        return held > 0;
}

/* A second's worth may come at once. */
static bool
is_allowed(struct tap *tap)
{
        uint64_t now_ns = sqi_clock_ns();

        if (tap->rate <= 0)
                return true;
        tap->allowed += (double)(now_ns - tap->allowed_ns) / 1e9 * tap->rate;
        if (tap->allowed > tap->rate || tap->allowed_ns == 0)
                tap->allowed = tap->rate > 1 ? tap->rate : 1;
        tap->allowed_ns = now_ns;
        if (tap->allowed < 1)
                return false;
        tap->allowed -= 1;
        return true;
}

/* ---- Where they come from ---------------------------------------------------------------------------- */

static void
close_viewer(struct tap *tap)
{
        struct sqi_viewer_share share = {0};

        if (tap->viewer)
                share = sqi_viewer_share(tap->viewer);
        tap->before.seen += share.seen;
        tap->before.sent += share.sent;
        sqi_viewer_close(&tap->viewer);
}

/* The tasks that publish, in the run directory that the supervisor names: another one after an update. */
static int
open_viewer(struct tap *tap, struct sq_str rundir)
{
        char error[512];
        int status;

        if (tap->viewer && rundir.len == strlen(tap->rundir) && memcmp(rundir.ptr, tap->rundir, rundir.len) == 0)
                return CLI_DONE;
        close_viewer(tap);
        snprintf(tap->rundir, sizeof(tap->rundir), "%.*s", (int)rundir.len, rundir.ptr);
        int r = sqi_viewer_open(tap->rundir, tap->component, tap->stream, &tap->viewer, error, sizeof(error));
        if (r < 0)
                return cli_error(r == -EINVAL ? CLI_USAGE : CLI_FAILED, "%s", error);
        status = compile(tap);
        return status == CLI_DONE ? cli_tap_show_begin(&tap->show, tap->viewer) : status;
}

static struct sqi_request
request_of(const struct tap *tap)
{
        return (struct sqi_request){.command = SQI_COMMAND_TAP,
                                    .seconds = -1,
                                    .name = cli_str(tap->name),
                                    .component = cli_str(tap->component)};
}

/* Nobody listens: what `squall run` had in the foreground has ended, or a supervisor is started again. */
static int
miss(struct tap *tap, uint64_t now_ns)
{
        char plan[sizeof(tap->rundir) + 8];

        snprintf(plan, sizeof(plan), "%s/plan", tap->rundir);
        tap->ended = access(plan, F_OK) < 0;
        if (tap->lost_ns == 0)
                tap->lost_ns = now_ns;
        if (tap->ended || now_ns - tap->lost_ns < PATIENCE_S * SQI_SECOND)
                return CLI_DONE;
        return cli_error(CLI_UNREACHED, "the supervisor at %s is gone", tap->talk.path);
}

static int
take_answer(struct tap *tap, const struct sqi_reply *reply)
{
        struct sq_value answer = sqi_reply_value(reply);
        struct sq_str state = cli_get_str(answer, "state");

        if (reply->status == SQI_STATUS_REFUSED) { /* it is not there any more */
                tap->ended = true;
                return CLI_DONE;
        }
        if (reply->status != SQI_STATUS_DONE)
                return CLI_DONE; /* at the next time */
        if (cli_get_flag(answer, "running"))
                return open_viewer(tap, cli_get_str(answer, "rundir"));
        tap->failed = state.len == strlen("failed") && memcmp(state.ptr, "failed", state.len) == 0;
        tap->ended = tap->failed || (state.len == strlen("finished") && memcmp(state.ptr, "finished", state.len) == 0);
        return CLI_DONE;
}

/* By a connection of its own each time: one to a supervisor that has ended would wait for it. */
static int
ask_again(struct tap *tap)
{
        struct sqi_request request = request_of(tap);
        struct sqi_client *client;
        struct sqi_reply reply;
        uint64_t now_ns = sqi_clock_ns();
        int status = CLI_DONE;

        if (now_ns < tap->due_ns)
                return CLI_DONE;
        tap->due_ns = now_ns + ASK_MS * SQI_SECOND / 1000;
        if (sqi_client_open(tap->talk.path, NULL, &client) < 0)
                return miss(tap, now_ns);
        if (sqi_client_ask(client, &request, &reply) == 0) {
                tap->lost_ns = 0;
                status = take_answer(tap, &reply);
        } else {
                status = miss(tap, now_ns);
        }
        sqi_client_close(&client);
        return status;
}

/* What is wrong from the start is said as by every verb. */
static int
begin(struct tap *tap, const struct cli_args *args)
{
        struct sqi_request request = request_of(tap);
        int status = cli_talk_open(args, tap->name, &tap->talk);

        if (status == CLI_DONE && !cli_is_near(&tap->talk, "tap"))
                status = CLI_USAGE;
        if (status == CLI_DONE)
                status = cli_ask(&tap->talk, &request);
        if (status == CLI_DONE && !cli_get_flag(tap->talk.value, "running")) {
                struct sq_str state = cli_get_str(tap->talk.value, "state");
                status = cli_error(CLI_USAGE, "the topology '%s' is %.*s", tap->name, (int)state.len, state.ptr);
        }
        if (status == CLI_DONE)
                status = open_viewer(tap, cli_get_str(tap->talk.value, "rundir"));
        tap->due_ns = sqi_clock_ns() + ASK_MS * SQI_SECOND / 1000;
        return status;
}

/* ---- Looking ----------------------------------------------------------------------------------------- */

static bool
is_enough(const struct tap *tap)
{
        return tap->limit && tap->shown >= tap->limit;
}

/* What there is. True: there was anything. */
static bool
look(struct tap *tap)
{
        struct sqi_viewed tuple;
        int n = 0;

        while (n < ROUND && !stopped && !is_enough(tap) && sqi_viewer_next(tap->viewer, &tuple)) {
                n++;
                if (!holds(tap, &tuple) || !is_allowed(tap))
                        continue;
                cli_tap_show_tuple(&tap->show, tap->viewer, &tuple);
                tap->shown++;
        }
        if (n > 0)
                cli_tap_show_flush(&tap->show);
        return n > 0;
}

/* A negative one when nobody reads what is shown: then output.c has something to say. */
static int
wait_for_more(struct tap *tap, int ms)
{
        if (sqi_viewer_wait(tap->viewer, STDOUT_FILENO, ms))
                return 0;
        putchar('\n');
        fflush(stdout);
        return -1;
}

static int
loop(struct tap *tap)
{
        int status = CLI_DONE;

        while (status == CLI_DONE && !stopped && !is_enough(tap) && !ferror(stdout)) {
                status = tap->ended ? CLI_DONE : ask_again(tap);
                if (status != CLI_DONE || look(tap))
                        continue;
                if (wait_for_more(tap, tap->ended ? LAST_MS : ASK_MS) < 0)
                        break;
                if (tap->ended && !look(tap))
                        break;
        }
        return status;
}

/* ---- The end ----------------------------------------------------------------------------------------- */

static void
say_how_it_went(const struct tap *tap)
{
        char shown[CLI_NUMBER_SIZE], seen[CLI_NUMBER_SIZE], sent[CLI_NUMBER_SIZE];
        struct sqi_viewer_share share = tap->viewer ? sqi_viewer_share(tap->viewer) : (struct sqi_viewer_share){0, 0};

        share.seen += tap->before.seen;
        share.sent += tap->before.sent;
        fprintf(stderr, "squall: %s%s%s tuples shown, of %s that were looked at, of %s that %s sent meanwhile\n",
                tap->ended ? tap->name : "",
                tap->failed  ? " has failed; "
                : tap->ended ? " has ended; "
                             : "",
                cli_count_text(tap->shown, shown), cli_count_text(share.seen, seen), cli_count_text(share.sent, sent),
                tap->component);
        if (tap->unclear > 0)
                fprintf(stderr, "squall: --where has no value for %s of them: %s\n",
                        cli_count_text(tap->unclear, shown), tap->cause);
}

static int
tap_component(struct tap *tap, const struct cli_args *args)
{
        int status = begin(tap, args);

        if (status != CLI_DONE)
                return status;
        catch_signals();
        status = loop(tap);
        cli_tap_show_flush(&tap->show);
        say_how_it_went(tap);
        if (status == CLI_DONE && stopped)
                return SIGNALLED + stopped;
        return status == CLI_DONE && tap->failed ? CLI_FAILED : status;
}

/* "COMPONENT:STREAM" in two, in place. */
static const char *
part(char *component)
{
        char *colon = strchr(component, ':');

        if (!colon)
                return NULL;
        *colon = '\0';
        return colon + 1;
}

static int
run_tap(struct tap *tap, const struct cli_args *args, char *component)
{
        bool terminal = isatty(STDOUT_FILENO);

        tap->name = cli_operand(args, 0);
        tap->stream = part(component);
        tap->component = component;
        tap->where = cli_text(args, "where");
        tap->limit = (uint64_t)cli_number(args, "limit");
        tap->rate = cli_given(args, "rate") ? (double)cli_number(args, "rate") : terminal ? TERMINAL_RATE : 0;
        tap->show.meta = cli_flag(args, "meta");
        tap->show.table = cli_flag(args, "table") || (terminal && !cli_flag(args, "json") && !tap->show.meta);
        int status = tap_component(tap, args);
        if (tap->exprs)
                tap->kit.exprs_free(&tap->exprs);
        sqi_viewer_close(&tap->viewer);
        cli_table_clear(&tap->show.rows);
        cli_talk_close(&tap->talk);
        return status;
}

static int
run(const struct cli_args *args)
{
        struct tap *tap;
        char *component;
        int status;

        if (!cli_operand(args, 1))
                return cli_tap_list(args);
        tap = calloc(1, sizeof(*tap));
        component = strdup(cli_operand(args, 1));
        status = tap && component ? run_tap(tap, args, component) : cli_error(CLI_FAILED, "out of memory");
        free(component);
        free(tap);
        return status;
}

SQI_VERB(tap) = {
        .about = "Show the tuples that a component sends, live.",
        .details =
                "Without a component it lists what can be tapped. A JSON object a line, its members the fields; on a terminal a table, unless --json asks for objects. What is seen are whole batches, about 2 MB of them "
                "a second: all tuples where there are few, else a sample, and the last line says how large it was. The topology does not wait for who looks; "
                "nothing is copied while nobody does.\n"
                "--where is an expression as the bolt filter has it: `squall eval --functions` lists what there is.\n"
                "It ends with the topology, and goes on over deaths, restarts and updates. On the machine of the supervisor only, and as its user.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}, {"COMPONENT[:STREAM]", .optional = true}},
        .options = {{"where", 0, CLI_TEXT, "EXPRESSION", .help = "only tuples for which this is true"},
                    {"limit", 'n', CLI_NUMBER, "N", .min = 1, .help = "end after so many tuples"},
                    {"rate", 0, CLI_NUMBER, "N",
                     .help = "show at most so many a second (default: 100 on a terminal, else all that come; 0: all)"},
                    {"table", 0, CLI_FLAG, .help = "as a table, also into a pipe"},
                    {"meta", 0, CLI_FLAG, .help = "say of each tuple its task and its stream: {task, stream, tuple}"},
                    CLI_OPTION_JSON,
                    CLI_OPTION_SOCKET},
        .example = "squall tap wordcount split --where \"starts_with(word, 'st')\" --limit 10",
        .run = run,
};
