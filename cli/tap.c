/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `tap`: what a component sends, live. Each second the supervisor is asked to have its tasks publish copies of
 * some of their batches, and they come from the tasks themselves; see viewer/viewer.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kit.h"
#include "looking.h"
#include "number.h"
#include "tap_list.h"
#include "tap_show.h"

/* At most so many tuples are shown between two looks at all else; who reads a terminal wants no more a second. */
enum { ROUND = 1000, TERMINAL_RATE = 100 };

struct tap {
        struct cli_looking looking;
        const char *component, *stream;
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
        uint64_t allowed_ns;
        struct sqi_viewer_share before; /* of viewers of earlier plans */
};

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

static int
open_viewer(struct tap *tap)
{
        char error[512];
        int status;

        close_viewer(tap);
        int r = sqi_viewer_open(tap->looking.rundir, tap->component, tap->stream, &tap->viewer, error, sizeof(error));
        if (r < 0)
                return cli_error(r == -EINVAL ? CLI_USAGE : CLI_FAILED, "%s", error);
        status = compile(tap);
        return status == CLI_DONE ? cli_tap_show_begin(&tap->show, tap->viewer) : status;
}

static int
begin(struct tap *tap, const struct cli_args *args)
{
        int status;

        tap->looking.request = (struct sqi_request){.command = SQI_COMMAND_TAP,
                                                    .seconds = -1,
                                                    .name = cli_str(tap->looking.name),
                                                    .component = cli_str(tap->component)};
        status = cli_looking_begin(&tap->looking, args, "tap");
        return status == CLI_DONE ? open_viewer(tap) : status;
}

static int
ask_again(struct tap *tap)
{
        bool moved;
        int status = cli_looking_again(&tap->looking, &moved);

        return status == CLI_DONE && moved ? open_viewer(tap) : status;
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

        while (n < ROUND && !cli_looking_stopped() && !is_enough(tap) && sqi_viewer_next(tap->viewer, &tuple)) {
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

        while (status == CLI_DONE && !cli_looking_stopped() && !is_enough(tap) && !ferror(stdout)) {
                status = ask_again(tap);
                if (status != CLI_DONE || look(tap))
                        continue;
                if (wait_for_more(tap, tap->looking.ended ? CLI_LOOKING_LAST_MS : CLI_LOOKING_MS) < 0)
                        break;
                if (tap->looking.ended && !look(tap))
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
                tap->looking.ended ? tap->looking.name : "",
                tap->looking.failed  ? " has failed; "
                : tap->looking.ended ? " has ended; "
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
        status = loop(tap);
        cli_tap_show_flush(&tap->show);
        say_how_it_went(tap);
        return cli_looking_status(&tap->looking, status);
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

        tap->looking.name = cli_operand(args, 0);
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
        cli_talk_close(&tap->looking.talk);
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
