/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "json.h"
#include "topology_file.h"

static void
print_json(const char *file, const struct sqi_diagnostics *diagnostics, const struct sqi_plan *plan)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);
        const struct sqi_diagnostic *item;
        size_t i;

        sqi_write_map(&json, NULL);
        sqi_write_text(&json, "file", file);
        sqi_write_text(&json, "topology", plan ? plan->name : NULL);
        sqi_write_bool(&json, "ok", plan != NULL);
        sqi_write_uint(&json, "errors", diagnostics->errors);
        sqi_write_uint(&json, "warnings", diagnostics->warnings);
        sqi_write_array(&json, "diagnostics");
        for (i = 0; i < diagnostics->n; i++) {
                item = &diagnostics->items[i];
                sqi_write_map(&json, NULL);
                sqi_write_text(&json, "severity", sqi_severity_name(item->severity));
                sqi_write_uint(&json, "line", item->place.line);
                sqi_write_uint(&json, "column", item->place.column);
                sqi_write_text(&json, "message", item->text);
                sqi_write_end(&json);
        }
        sqi_write_end(&json);
        sqi_write_end(&json);
        cli_json_print(&json);
}

static void
print_text(const char *file, const struct sqi_diagnostics *diagnostics, const struct sqi_plan *plan)
{
        char summary[128];

        cli_print_diagnostics(file, diagnostics);
        if (plan)
                printf("%s: %s: %s\n", file, plan->name, cli_plan_summary(plan, summary, sizeof(summary)));
}

static int
run(const struct cli_args *args)
{
        const char *file = cli_operand(args, 0);
        struct sqi_overrides overrides = cli_overrides(args);
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_plan *plan = NULL;
        int r;

        overrides.advises = true;
        overrides.connects = cli_flag(args, "connect");
        r = sqi_topology_plan(file, &overrides, &diagnostics, &plan);
        if (cli_flag(args, "json"))
                print_json(file, &diagnostics, plan);
        else
                print_text(file, &diagnostics, plan);
        sqi_diagnostics_release(&diagnostics);
        sqi_plan_free(&plan);
        if (r == -ENOMEM)
                return cli_error(CLI_FAILED, "out of memory");
        if (r == -ENOTCONN)
                return CLI_FAILED;
        return r < 0 ? CLI_USAGE : CLI_DONE;
}

SQI_VERB(check) = {
        .about = "Check a topology file: all errors and warnings, with line and column.",
        .details = "Reads the file, loads its components and checks everything that can be checked without running it. "
                   "Nothing is started. Errors and warnings go to stderr, with --json to stdout. With --connect, of a "
                   "file that is right, each connection is tried for at most 15 seconds: servers are connected and "
                   "logged in to, addresses to listen at and files to write are looked at; 1 where one does not work.",
        .operands = {{"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {CLI_OPTION_CONFIG,
                    CLI_OPTION_FLUX,
                    {"connect", 0, CLI_FLAG, .help = "try the connection of each component too, without moving data"},
                    CLI_OPTION_JSON},
        .example = "squall check topologies/wordcount/wordcount.yaml",
        .run = run,
};
