/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "control/metrics.h"
#include "death.h"
#include "lag.h"
#include "number.h"
#include "storm.h"
#include "table.h"
#include "talk.h"

static void
put_number(struct cli_table *table, struct sq_value map, const char *key)
{
        char text[CLI_NUMBER_SIZE];

        cli_table_cell(table, "%s", cli_scaled_text((double)cli_get_uint(map, key), text));
}

static void
put_task(struct cli_table *table, struct sq_value task)
{
        static const char *const numbers[] = {"emitted", "executed", "acked", "failed", "pending", "restarts"};

        cli_table_str(table, cli_get_str(task, "task"));
        cli_table_str(table, cli_get_str(task, "state"));
        cli_table_cell(table, "%llu", (unsigned long long)cli_get_uint(task, "pid"));
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                put_number(table, task, numbers[i]);
}

static void
put_quantile(struct cli_table *table, struct sq_value histogram, const char *key)
{
        char text[CLI_NUMBER_SIZE];

        cli_table_cell(table, "%s", cli_time_text(cli_get_real(histogram, key), text));
}

static void
put_share(struct cli_table *table, struct sq_value component, const char *key)
{
        cli_table_cell(table, "%.0f %%", cli_get_real(component, key) * 100);
}

/* What it is judged by: a spout emits, a bolt executes. */
static const char *
figure_of(struct sq_value component)
{
        return cli_get_str(component, "kind").ptr[0] == 's' ? "emitted" : "executed";
}

static void
put_component(struct cli_table *table, struct sq_value component)
{
        char rate[CLI_NUMBER_SIZE];

        cli_table_str(table, cli_get_str(component, "id"));
        cli_table_str(table, cli_get_str(component, "kind"));
        put_share(table, component, "busiest");
        put_share(table, component, "blocked");
        cli_table_cell(
                table, "%s",
                cli_scaled_text(cli_get_real(cli_get(cli_get(component, "rates"), figure_of(component)), "s10"), rate));
        put_quantile(table, cli_get(component, "execute_us"), "p50");
        put_quantile(table, cli_get(component, "execute_us"), "p99");
        put_quantile(table, cli_get(component, "complete_us"), "p50");
        put_quantile(table, cli_get(component, "complete_us"), "p99");
}

/* "count: malformed 12, ms 3000 (p50 8, p99 90)" */
static void
show_metrics(struct sq_str id, struct sq_value metrics)
{
        struct sq_items items = sq_items(metrics);
        struct sq_value name, value;
        bool first = true;

        for (; sq_next_item(&items, &name) && sq_next_item(&items, &value); first = false) {
                bool histogram = value.type == SQ_MAP;

                printf(first ? "%.*s: " : ", ", (int)id.len, id.ptr);
                printf("%.*s %lld", (int)name.len, (const char *)name.as.ptr,
                       (long long)(histogram ? (int64_t)cli_get_uint(value, "n") : value.as.i));
                if (histogram)
                        printf(" (p50 %llu, p99 %llu)", (unsigned long long)cli_get_uint(value, "p50"),
                               (unsigned long long)cli_get_uint(value, "p99"));
        }
        if (!first)
                putchar('\n');
}

/* "count: given_up 3, timed_out 1": what should not be, when it is. */
static void
show_troubles(struct sq_str id, struct sq_value component)
{
        bool any = false;

        for (unsigned c = 0; c < SQI_NCOUNTERS; c++) {
                uint64_t n = sqi_counters[c].use == SQI_COUNTER_TROUBLE ? cli_get_uint(component, sqi_counters[c].name)
                                                                        : 0;

                if (n == 0)
                        continue;
                if (!any)
                        printf("%.*s:", (int)id.len, id.ptr);
                printf("%s %s %llu", any ? "," : "", sqi_counters[c].name, (unsigned long long)n);
                any = true;
        }
        if (any)
                putchar('\n');
}

/* What was given up, and where it is. */
static void
show_given_up(struct sq_value component, struct sq_str path)
{
        struct sq_str id = cli_get_str(component, "id");
        uint64_t given_up = cli_get_uint(component, "given_up");

        if (given_up > 0)
                printf("%.*s: gave up %llu tuple%s; %llu of them in %.*s\n", (int)id.len, id.ptr,
                       (unsigned long long)given_up, given_up == 1 ? "" : "s",
                       (unsigned long long)cli_get_uint(component, "dead_lettered"), (int)path.len, path.ptr);
}

/* "clicks: event time 2024-01-01T00:00:05Z, 3.2 s behind; 1 of 2 tasks idle" */
static void
show_event_time(struct sq_str id, struct sq_value time, size_t ntasks)
{
        struct sq_str watermark = cli_get_str(time, "watermark");
        uint64_t idle = cli_get_uint(time, "idle_tasks"), silent = cli_get_uint(time, "silent_tasks");
        bool ended = watermark.len == 3; /* "end" */
        double lag = cli_get_real(time, "lag_s");
        char behind[32];

        if (time.type != SQ_MAP)
                return;
        printf("%.*s: event time ", (int)id.len, id.ptr);
        if (watermark.len == 0)
                printf("not known yet");
        else if (ended)
                printf("at its end");
        else
                printf("%.*s, %s %s", (int)watermark.len, watermark.ptr,
                       cli_duration_text(lag < 0 ? -lag : lag, behind, sizeof(behind)), lag < 0 ? "ahead" : "behind");
        if (idle > 0)
                printf("; %llu of %zu tasks idle", (unsigned long long)idle, ntasks);
        if (silent > 0)
                printf("; %llu of %zu tasks without a watermark", (unsigned long long)silent, ntasks);
        putchar('\n');
}

static size_t
count(struct sq_value array)
{
        struct sq_items items = sq_items(array);
        struct sq_value item;
        size_t n = 0;

        while (sq_next_item(&items, &item))
                n++;
        return n;
}

/* What there is to say of a component beyond the numbers that all have. */
static void
show_notes(struct sq_value component)
{
        struct sq_items tasks = sq_items(cli_get(component, "tasks"));
        struct sq_str id = cli_get_str(component, "id"), level = cli_get_str(component, "log_level");
        struct sq_value task;
        char left[32];

        show_troubles(id, component);
        show_metrics(id, cli_get(component, "metrics"));
        show_event_time(id, cli_get(component, "event_time"), count(cli_get(component, "tasks")));
        if (cli_get_real(component, "log_level_s") > 0)
                printf("%.*s: logs at %.*s for another %s\n", (int)id.len, id.ptr, (int)level.len, level.ptr,
                       cli_duration_text(cli_get_real(component, "log_level_s"), left, sizeof(left)));
        while (sq_next_item(&tasks, &task)) {
                struct sq_str name = cli_get_str(task, "task"), cause = cli_get_str(task, "cause");

                if (cause.len > 0)
                        printf("%.*s: %.*s\n", (int)name.len, name.ptr, (int)cause.len, cause.ptr);
        }
}

static void
show_tables(struct sq_value components)
{
        static const char *const tasks_heads[] = {"task",  "state",  "pid",     "emitted", "executed",
                                                  "acked", "failed", "pending", "restarts"};
        static const char *const times_heads[] = {
                "component", "kind", "busy", "blocked", "tuples/s", "p50", "p99", "emit to ack p50", "p99"};
        struct cli_table tasks = {.columns = 9, .left = 2}, times = {.columns = 9, .left = 2};
        struct sq_items all = sq_items(components);
        struct sq_value component, task;

        cli_table_heads(&tasks, tasks_heads);
        cli_table_heads(&times, times_heads);
        while (sq_next_item(&all, &component)) {
                struct sq_items of = sq_items(cli_get(component, "tasks"));

                while (sq_next_item(&of, &task))
                        put_task(&tasks, task);
                put_component(&times, component);
        }
        putchar('\n');
        cli_table_print(&tasks, stdout);
        putchar('\n');
        cli_table_print(&times, stdout);
}

/* "bottleneck: count: busy 98 % of the time; split waits 80 %", and what to try. */
static void
show_bottleneck(struct sq_value bottleneck)
{
        struct sq_str component = cli_get_str(bottleneck, "component"), reason = cli_get_str(bottleneck, "reason"),
                      advice = cli_get_str(bottleneck, "advice");

        if (reason.len == 0)
                return;
        printf("bottleneck: %.*s: %.*s\n", component.len ? (int)component.len : 4,
               component.len ? component.ptr : "none", (int)reason.len, reason.ptr);
        if (advice.len > 0)
                printf("try: %.*s\n", (int)advice.len, advice.ptr);
}

/* What is still to come of what the sources hold already. */
static void
show_lag(struct sq_value components)
{
        char text[512];

        if (cli_lag_text(components, text, sizeof(text)))
                printf("lag: %s behind\n", text);
}

static void
show_epochs(struct sq_value epochs)
{
        struct sq_str text = cli_get_str(epochs, "text");

        if (text.len > 0)
                printf("epochs: %.*s\n", (int)text.len, text.ptr);
}

static void
show(const struct cli_args *args, struct sq_value answer)
{
        struct sq_str name = cli_get_str(answer, "topology"), state = cli_get_str(answer, "state"),
                      cause = cli_get_str(answer, "cause");
        struct sq_items components = sq_items(cli_get(answer, "components"));
        struct sq_value component;
        char uptime[32], emitted[CLI_NUMBER_SIZE];

        if (cli_flag(args, "json")) {
                cli_print_value(answer);
                return;
        }
        printf("%.*s: %.*s, up %s, %llu tasks in %llu workers, %s emitted/s, %llu restart%s\n", (int)name.len, name.ptr,
               (int)state.len, state.ptr, cli_duration_text(cli_get_real(answer, "uptime_s"), uptime, sizeof(uptime)),
               (unsigned long long)cli_get_uint(answer, "tasks"), (unsigned long long)cli_get_uint(answer, "workers"),
               cli_scaled_text(cli_get_real(answer, "emitted_s"), emitted),
               (unsigned long long)cli_get_uint(answer, "restarts"), cli_get_uint(answer, "restarts") == 1 ? "" : "s");
        if (cause.len > 0)
                printf("cause: %.*s\n", (int)cause.len, cause.ptr);
        show_bottleneck(cli_get(answer, "bottleneck"));
        show_lag(cli_get(answer, "components"));
        show_epochs(cli_get(answer, "epochs"));
        if (cli_get(answer, "last_death").type == SQ_MAP) {
                printf("last death: ");
                cli_death_show(cli_get(answer, "last_death"), false);
        }
        if (!sq_next_item(&components, &component))
                return;
        components = sq_items(cli_get(answer, "components"));
        show_tables(cli_get(answer, "components"));
        putchar('\n');
        while (sq_next_item(&components, &component)) {
                show_given_up(component, cli_get_str(answer, "dead_letters"));
                show_notes(component);
        }
}

static int
run(const struct cli_args *args)
{
        struct sqi_request request = {
                .command = SQI_COMMAND_STATUS, .seconds = -1, .name = cli_str(cli_operand(args, 0))};

        if (cli_text(args, "storm"))
                return cli_storm_status(args);
        return cli_ask_once(args, &request, show);
}

SQI_VERB(status) = {
        .about = "Show a topology: every component and task, its process, its restarts and their cause.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY}},
        .options = {CLI_OPTION_STORM, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall status wordcount",
        .run = run,
};
