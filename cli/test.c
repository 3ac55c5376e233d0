/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of components, written in YAML, run in this process on a virtual clock. */
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "topology_file.h"
#include "rig/replay.h"
#include "rig/script.h"

struct test_run {
        const char *file;
        struct sqi_writer *json; /* NULL: as text */
        bool colour;
        uint64_t passed, failed;
};

static void
print_result(const struct test_run *run, const struct sqi_test_result *result)
{
        const char *green = run->colour ? "\033[32m" : "", *red = run->colour ? "\033[31m" : "",
                   *off = run->colour ? "\033[0m" : "";

        if (result->passed)
                printf("%sok%s - %s: %s\n", green, off, run->file, result->name);
        else
                printf("%snot ok%s - %s:%u: %s\n%s", red, off, run->file, result->line, result->name, result->text);
}

static void
on_result(void *context, const struct sqi_test_result *result)
{
        struct test_run *run = context;

        if (result->passed)
                run->passed++;
        else
                run->failed++;
        if (!run->json) {
                print_result(run, result);
                return;
        }
        sqi_write_map(run->json, NULL);
        sqi_write_text(run->json, "file", run->file);
        sqi_write_text(run->json, "name", result->name);
        sqi_write_uint(run->json, "line", result->line);
        sqi_write_bool(run->json, "passed", result->passed);
        sqi_write_text(run->json, "text", result->text);
        sqi_write_end(run->json);
}

static int
run_file(struct test_run *run, const char *only)
{
        struct sqi_diagnostics diagnostics = {0};
        int r = sqi_script_run(run->file, only, &diagnostics, on_result, run);

        cli_print_diagnostics(run->file, &diagnostics);
        sqi_diagnostics_release(&diagnostics);
        if (r == -ENOMEM)
                return cli_error(CLI_FAILED, "out of memory");
        return r < 0 ? CLI_USAGE : CLI_DONE;
}

static void
on_replayed(void *context, const char *task, const char *stream, const char *json)
{
        struct sqi_writer *out = context;

        if (!out) {
                if (stream)
                        printf("%s %s %s\n", task, stream, json);
                else
                        fprintf(stderr, "%s: %s\n", task, json);
                return;
        }
        sqi_write_map(out, NULL);
        sqi_write_text(out, "task", task);
        if (stream) {
                sqi_write_text(out, "stream", stream);
                cli_json_raw(out, "tuple", json);
        } else {
                sqi_write_text(out, "log", json);
        }
        sqi_write_end(out);
        cli_json_print(out);
}

static int
replay(const struct cli_args *args)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);
        uint64_t batches = 0;
        char error[512];
        int r;

        r = sqi_replay(cli_text(args, "replay"), cli_operand(args, 0), on_replayed,
                       cli_flag(args, "json") ? &json : NULL, &batches, error, sizeof(error));
        if (r < 0)
                return cli_error(CLI_USAGE, "%s (squall run --record DIR FILE makes a recording)", error);
        fprintf(stderr, "%llu batches replayed\n", (unsigned long long)batches);
        return CLI_DONE;
}

static int
run(const struct cli_args *args)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);
        struct test_run run = {.json = cli_flag(args, "json") ? &json : NULL,
                               .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
        int status = CLI_DONE, r;

        if (cli_text(args, "replay"))
                return replay(args);
        if (cli_noperands(args) == 0)
                return cli_error(CLI_USAGE, "test needs FILE (see squall test --help)");
        if (run.json) {
                sqi_write_map(&json, NULL);
                sqi_write_array(&json, "tests");
        }
        for (size_t i = 0; i < cli_noperands(args); i++) {
                run.file = cli_operand(args, i);
                r = run_file(&run, cli_text(args, "only"));
                status = r > status ? r : status;
        }
        if (run.json) {
                sqi_write_end(&json);
                sqi_write_uint(&json, "passed", run.passed);
                sqi_write_uint(&json, "failed", run.failed);
                sqi_write_end(&json);
                cli_json_print(&json);
        } else {
                printf("%llu passed, %llu failed\n", (unsigned long long)run.passed, (unsigned long long)run.failed);
        }
        if (status == CLI_DONE && run.passed + run.failed == 0)
                return cli_error(CLI_USAGE, "no test was run (see --only)");
        return status != CLI_DONE ? status : run.failed > 0 ? CLI_FAILED : CLI_DONE;
}

SQI_VERB(test) = {
        .about = "Run tests of components: tuples, ticks and time in, tuples, verdicts and logs out.",
        .details =
                "A test is YAML; the component runs in this process, alone, on a virtual clock. What a test does not expect fails it.\n"
                "With --replay a recording is fed to the component as it is now: a crash comes again, under gdb if need be.\n"
                "Exit status: 0 all passed; 1 a test failed; 2 a file is wrong.",
        .operands = {{"FILE", CLI_COMPLETE_FILE, .optional = true, .repeated = true}},
        .options =
                {{"only", 0, CLI_TEXT, "TEXT", .help = "only the tests whose name holds this"},
                 {"replay", 0, CLI_TEXT, "DIR", .complete = CLI_COMPLETE_DIRECTORY,
                  .help = "feed the bolts (or the one named instead of FILE) what squall run --record has kept, and print what they emit"},
                 CLI_OPTION_JSON},
        .example = "squall test topologies/single-join/join.test.yaml",
        .run = run,
};
