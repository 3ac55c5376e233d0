/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `bench`: finds what the benchmark is made of next to the command, and becomes its script (tests/bench/run),
 * which runs the command in its turn. The script says what it measures and how.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verb.h"

enum { ARGUMENTS_MAX = 64 };

/* Below the folder of the command: in the tree, and where `make install` puts it. */
static const char *const places[] = {"tests/bench", "../lib/squall/bench"};

struct arguments {
        size_t n;
        char *items[ARGUMENTS_MAX + 1]; /* NULL behind the last */
};

static void
add(struct arguments *arguments, const char *text)
{
        if (arguments->n < ARGUMENTS_MAX)
                arguments->items[arguments->n++] = strdup(text);
}

static void
release(struct arguments *arguments)
{
        for (size_t i = 0; i < arguments->n; i++)
                free(arguments->items[i]);
}

static void
add_flag(struct arguments *arguments, const struct cli_args *args, const char *option, const char *as)
{
        if (cli_flag(args, option))
                add(arguments, as);
}

static void
add_text(struct arguments *arguments, const char *as, const char *text)
{
        if (!text)
                return;
        add(arguments, as);
        add(arguments, text);
}

static bool
find_command(char command[PATH_MAX])
{
        ssize_t n = readlink("/proc/self/exe", command, PATH_MAX - 1);

        if (n > 0)
                command[n] = '\0';
        return n > 0;
}

/* The script, to be freed; NULL: in none of the places. */
static char *
find_script(const char *command)
{
        size_t i, folder = (size_t)(strrchr(command, '/') - command);
        char *script;

        for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                if (asprintf(&script, "%.*s/%s/run", (int)folder, command, places[i]) < 0)
                        return NULL;
                if (access(script, X_OK) == 0)
                        return script;
                free(script);
        }
        return NULL;
}

static void
collect(struct arguments *arguments, const struct cli_args *args)
{
        const char *const *rows;
        size_t n, i;

        add_flag(arguments, args, "quick", "--quick");
        add_flag(arguments, args, "json", "--json");
        add_flag(arguments, args, "markdown", "--markdown");
        add_text(arguments, "--rounds", cli_given(args, "rounds") ? cli_text(args, "rounds") : NULL);
        add_text(arguments, "--html", cli_text(args, "html"));
        add_text(arguments, "--svg", cli_text(args, "svg"));
        add_text(arguments, "--samples", cli_text(args, "samples"));
        rows = cli_list(args, "only", &n);
        for (i = 0; i < n; i++)
                add_text(arguments, "--only", rows[i]);
}

static int
run(const struct cli_args *args)
{
        struct arguments arguments = {0};
        char command[PATH_MAX], *script;

        if (!find_command(command))
                return cli_error(CLI_FAILED, "/proc/self/exe: %s (mount /proc)", strerror(errno));
        script = find_script(command);
        if (!script)
                return cli_error(
                        CLI_FAILED,
                        "the benchmark is not next to the command: no %s/run, no %s/run (make, or make install)",
                        places[0], places[1]);
        add(&arguments, script);
        add_text(&arguments, "--squall", command);
        collect(&arguments, args);
        (void)execv(script, arguments.items);
        cli_error(CLI_FAILED, "%s: %s (it needs bash and awk)", script, strerror(errno));
        release(&arguments);
        free(script);
        return CLI_FAILED;
}

SQI_VERB(bench) = {
        .about = "Measure this machine: throughput, latency, start-up and memory beside bare libzmq.",
        .details =
                "Every figure is the median of several rounds, with the least and the most; in each round the rows follow each other, so that "
                "what is written by hand on bare libzmq (the floor) and squall meet the same machine. Each run checks its own result.\n"
                "--samples FILE adds the figures of this run to those in FILE and reports on all of them.",
        .options = {{"quick", 0, CLI_FLAG, .help = "short runs, in less than two minutes"},
                    {"rounds", 0, CLI_NUMBER, "N", .min = 1,
                     .help = "how often each row is measured (default: 5, with --quick 3)"},
                    {"only", 0, CLI_LIST, "ROW",
                     .help = "only this row, group, or rows that begin like this; repeatable"},
                    CLI_OPTION_JSON,
                    {"markdown", 0, CLI_FLAG, .help = "print tables in Markdown"},
                    {"html", 0, CLI_TEXT, "FILE", .complete = CLI_COMPLETE_FILE,
                     .help = "write a page with chart and tables too"},
                    {"svg", 0, CLI_TEXT, "FILE", .complete = CLI_COMPLETE_FILE, .help = "write the chart too"},
                    {"samples", 0, CLI_TEXT, "FILE", .complete = CLI_COMPLETE_FILE,
                     .help = "keep the single figures, and add to them"}},
        .example = "squall bench --quick --only words --html report.html",
        .run = run,
};
