/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "json.h"
#include "load.h"

static void
print_json(const char *file, const struct sqi_diagnostics *diagnostics, const struct sqi_plan *plan)
{
        struct cli_json json = cli_json(stdout);
        const struct sqi_diagnostic *item;
        size_t i;

        cli_json_open(&json, NULL, '{');
        cli_json_text(&json, "file", file);
        cli_json_text(&json, "topology", plan != NULL ? plan->name : NULL);
        cli_json_bool(&json, "ok", plan != NULL);
        cli_json_uint(&json, "errors", diagnostics->errors);
        cli_json_uint(&json, "warnings", diagnostics->warnings);
        cli_json_open(&json, "diagnostics", '[');
        for (i = 0; i < diagnostics->n; i++) {
                item = &diagnostics->items[i];
                cli_json_open(&json, NULL, '{');
                cli_json_text(&json, "severity", sqi_severity_name(item->severity));
                cli_json_uint(&json, "line", item->place.line);
                cli_json_uint(&json, "column", item->place.column);
                cli_json_text(&json, "message", item->text);
                cli_json_close(&json, '}');
        }
        cli_json_close(&json, ']');
        cli_json_close(&json, '}');
}

static void
print_text(const char *file, const struct sqi_diagnostics *diagnostics, const struct sqi_plan *plan)
{
        char summary[128];

        cli_print_diagnostics(file, diagnostics);
        if (plan != NULL)
                (void)printf("%s: %s: %s\n", file, plan->name, cli_plan_summary(plan, summary, sizeof(summary)));
}

static int
run(const struct cli_args *args)
{
        const char *file = cli_operand(args, 0);
        struct sqi_overrides overrides = cli_overrides(args);
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_plan *plan = NULL;
        int r;

        r = sqi_topology_plan(file, &overrides, &diagnostics, &plan);
        if (cli_flag(args, "json"))
                print_json(file, &diagnostics, plan);
        else
                print_text(file, &diagnostics, plan);
        sqi_diagnostics_release(&diagnostics);
        sqi_plan_free(&plan);
        if (r == -ENOMEM)
                return cli_error(CLI_FAILED, "out of memory");
        return r < 0 ? CLI_USAGE : CLI_DONE;
}

SQI_VERB(check) = {
        .about = "Check a topology file: all errors and warnings, with line and column.",
        .details = "Reads the file, loads its components and checks everything that can be checked without running it. "
                   "Nothing is started. Errors and warnings go to stderr, with --json to stdout.",
        .operands = {{"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {CLI_OPTION_CONFIG, CLI_OPTION_JSON},
        .example = "squall check topologies/wordcount/wordcount.yaml",
        .run = run,
};
