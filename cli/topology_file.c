/* SPDX-License-Identifier: Apache-2.0 */
#include "topology_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sealed.h"

enum { SOURCE_MAX = 16 << 20 };

struct sqi_overrides
cli_overrides(const struct cli_args *args)
{
        struct sqi_overrides overrides = {.name = NULL};

        overrides.config = cli_list(args, "config", &overrides.nconfig);
        overrides.filter = cli_text(args, "filter");
        overrides.env_filter = cli_flag(args, "env-filter");
        return overrides;
}

void
cli_print_diagnostics(const char *file, const struct sqi_diagnostics *diagnostics)
{
        static const char *const colours[] = {
                [SQI_ERROR] = "\033[31m", [SQI_WARNING] = "\033[33m", [SQI_NOTE] = "\033[36m"};
        bool colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
        const struct sqi_diagnostic *item;
        char *text, *excerpt;

        for (size_t i = 0; i < diagnostics->n; i++) {
                item = &diagnostics->items[i];
                text = sqi_diagnostic_text(file, item);
                excerpt = sqi_diagnostic_excerpt(diagnostics, item, colour ? colours[item->severity] : "",
                                                 colour ? "\033[0m" : "");
                fprintf(stderr, "%s%s%s\n%s", colour ? colours[item->severity] : "", text ? text : item->text,
                        colour ? "\033[0m" : "", excerpt ? excerpt : "");
                free(excerpt);
                free(text);
        }
        if (diagnostics->dropped > 0)
                fprintf(stderr, "%s: and %zu more\n", file, diagnostics->dropped);
}

static int
load(const char *file, const struct sqi_overrides *overrides, struct sqi_plan **ret)
{
        struct sqi_diagnostics diagnostics = {0};
        int r = sqi_topology_plan(file, overrides, &diagnostics, ret);

        cli_print_diagnostics(file, &diagnostics);
        sqi_diagnostics_release(&diagnostics);
        if (r == -ENOMEM)
                return cli_error(CLI_FAILED, "out of memory");
        return r < 0 ? CLI_USAGE : 0;
}

int
cli_load(const struct cli_args *args, size_t operand, struct sqi_plan **ret)
{
        struct sqi_overrides overrides = cli_overrides(args);

        return load(cli_operand(args, operand), &overrides, ret);
}

int
cli_load_for_storm(const struct cli_args *args, size_t operand, const char *name, struct sqi_plan **ret)
{
        struct sqi_overrides overrides = cli_overrides(args);

        overrides.name = name;
        overrides.hosted = overrides.on_storm = true;
        return load(cli_operand(args, operand), &overrides, ret);
}

int
cli_load_hosted(const struct cli_args *args, size_t operand, const char *name, struct sqi_plan **ret)
{
        struct sqi_overrides overrides = cli_overrides(args);

        overrides.name = name;
        overrides.hosted = true;
        return load(cli_operand(args, operand), &overrides, ret);
}

const char *
cli_plan_summary(const struct sqi_plan *plan, char *buffer, size_t size)
{
        snprintf(buffer, size, "%u component%s, %u task%s in %u worker%s, %s", plan->ncomponents,
                 plan->ncomponents == 1 ? "" : "s", plan->ntasks, plan->ntasks == 1 ? "" : "s", plan->nworkers,
                 plan->nworkers == 1 ? "" : "s", sqi_plan_delivery(plan));
        return buffer;
}

int
cli_read_source(const char *path, char **ret_bytes, size_t *ret_size)
{
        char *real = realpath(path, NULL);
        int r = real ? sqi_file_read(AT_FDCWD, real, SOURCE_MAX, ret_bytes, ret_size) : -errno;

        free(real);
        return r;
}
