/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "talk.h"

static void
show_task(struct sq_value task)
{
        struct sq_str name = cli_get_str(task, "task"), state = cli_get_str(task, "state"), cause = cli_get_str(task, "cause");
        unsigned long long restarts = cli_get_uint(task, "restarts");

        (void)printf("  %-22.*s %-9.*s %8llu %12llu %12llu %12llu %8llu %8llu %9llu\n", (int)name.len, name.ptr, (int)state.len,
                     state.ptr, (unsigned long long)cli_get_uint(task, "pid"), (unsigned long long)cli_get_uint(task, "emitted"),
                     (unsigned long long)cli_get_uint(task, "executed"), (unsigned long long)cli_get_uint(task, "acked"),
                     (unsigned long long)cli_get_uint(task, "failed"), (unsigned long long)cli_get_uint(task, "pending"), restarts);
        if (restarts > 0)
                (void)printf("  %-22s last: %.*s\n", "", (int)cause.len, cause.ptr);
}

/* "  metrics: malformed 12, ms 3000 (p50 8, p99 90)" */
static void
show_metrics(struct sq_value metrics)
{
        struct sq_items items = sq_items(metrics);
        struct sq_value name, value;

        for (bool first = true; sq_next_item(&items, &name) && sq_next_item(&items, &value); first = false) {
                bool histogram = value.type == SQ_MAP;
                (void)printf("%s%.*s ", first ? "  metrics: " : ", ", (int)name.len, (const char *)name.as.ptr);
                (void)printf("%lld", (long long)(histogram ? (int64_t)cli_get_uint(value, "n") : value.as.i));
                if (histogram)
                        (void)printf(" (p50 %llu, p99 %llu)", (unsigned long long)cli_get_uint(value, "p50"),
                                     (unsigned long long)cli_get_uint(value, "p99"));
        }
        if (metrics.len > 0)
                (void)putchar('\n');
}

static void
show_component(struct sq_value component)
{
        struct sq_str id = cli_get_str(component, "id"), kind = cli_get_str(component, "kind");
        struct sq_items tasks = sq_items(cli_get(component, "tasks"));
        struct sq_value task, execute = cli_get(component, "execute_us"), complete = cli_get(component, "complete_us");
        char left[32];

        (void)printf("%.*s (%.*s)", (int)id.len, id.ptr, (int)kind.len, kind.ptr);
        if (cli_get_real(execute, "p50") > 0)
                (void)printf("  execute p50 %.1f us, p99 %.1f us", cli_get_real(execute, "p50"), cli_get_real(execute, "p99"));
        if (cli_get_real(complete, "p50") > 0)
                (void)printf("  emit to ack p50 %.1f us, p99 %.1f us", cli_get_real(complete, "p50"),
                             cli_get_real(complete, "p99"));
        if (cli_get_real(component, "log_level_s") > 0)
                (void)printf("  logs at %.*s for another %s", (int)cli_get_str(component, "log_level").len,
                             cli_get_str(component, "log_level").ptr,
                             cli_duration_text(cli_get_real(component, "log_level_s"), left, sizeof(left)));
        (void)putchar('\n');
        show_metrics(cli_get(component, "metrics"));
        while (sq_next_item(&tasks, &task))
                show_task(task);
}

static void
show(const struct cli_args *args, struct sq_value answer)
{
        struct sq_str name = cli_get_str(answer, "topology"), state = cli_get_str(answer, "state"),
                      cause = cli_get_str(answer, "cause");
        struct sq_items components = sq_items(cli_get(answer, "components"));
        struct sq_value component;
        char uptime[32];

        if (cli_flag(args, "json")) {
                cli_print_value(answer);
                return;
        }
        (void)printf("%.*s: %.*s, up %s, %llu tasks in %llu workers, %.0f emitted/s, %llu restarts\n", (int)name.len, name.ptr,
                     (int)state.len, state.ptr, cli_duration_text(cli_get_real(answer, "uptime_s"), uptime, sizeof(uptime)),
                     (unsigned long long)cli_get_uint(answer, "tasks"), (unsigned long long)cli_get_uint(answer, "workers"),
                     cli_get_real(answer, "emitted_s"), (unsigned long long)cli_get_uint(answer, "restarts"));
        if (cause.len > 0)
                (void)printf("cause: %.*s\n", (int)cause.len, cause.ptr);
        (void)printf("  %-22s %-9s %8s %12s %12s %12s %8s %8s %9s\n", "task", "state", "pid", "emitted", "executed", "acked",
                     "failed", "pending", "restarts");
        while (sq_next_item(&components, &component))
                show_component(component);
}

static int
run(const struct cli_args *args)
{
        struct sqi_request request = {.command = SQI_COMMAND_STATUS, .seconds = -1, .name = cli_str(cli_operand(args, 0))};

        return cli_ask_once(args, &request, show);
}

SQI_VERB(status) = {
        .about = "Show a topology: every component and task, its process, its restarts and their cause.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall status wordcount",
        .run = run,
};
