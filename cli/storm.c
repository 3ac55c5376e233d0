/* SPDX-License-Identifier: Apache-2.0 */
#include "storm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "number.h"
#include "table.h"
#include "talk.h"
#include "topology_file.h"
#include "base/clock.h"
#include "storm/resources.h"
#include "tuple/unpack.h"

enum { LOOK_AGAIN_MS = 500, WATCH_MS = 30000 };

/* ---- Asking ------------------------------------------------------------------------------------------- */

struct storm {
        struct sqi_nimbus *nimbus;
        struct sqi_writer answer;
        char error[512];
};

static int
explain(const struct storm *storm, int r)
{
        switch (r) {
        case -EINVAL:
        case -ENOENT:
        case -EFBIG:
                return cli_error(CLI_USAGE, "%s", storm->error);
        case -ENOTCONN:
        case -ETIMEDOUT:
        case -EBADMSG:
                return cli_error(CLI_UNREACHED, "%s", storm->error);
        default:
                return cli_error(CLI_FAILED, "%s", storm->error);
        }
}

static int
open_storm(const struct cli_args *args, struct storm *ret)
{
        int r;

        *ret = (struct storm){.answer = sqi_writer(SQI_MSGPACK)};
        r = sqi_nimbus_open(cli_text(args, "storm"), &ret->nimbus, ret->error, sizeof(ret->error));
        return r < 0 ? explain(ret, r) : CLI_DONE;
}

/* Shows what was answered, if there is anything to show, and ends it. */
static int
close_storm(const struct cli_args *args, struct storm *storm, int r,
            void (*show)(const struct cli_args *args, struct sq_value answer))
{
        int status = r < 0 ? explain(storm, r) : CLI_DONE;
        void *bytes = NULL;
        size_t size = 0;

        if (status == CLI_DONE && sqi_writer_take(&storm->answer, &bytes, &size) < 0)
                status = cli_error(CLI_FAILED, "out of memory");
        if (status == CLI_DONE && show)
                show(args, size > 0 ? sqi_unpack(bytes, (const uint8_t *)bytes + size) : sq_nil());
        free(bytes);
        sqi_writer_drop(&storm->answer);
        sqi_nimbus_close(&storm->nimbus);
        return status;
}

/* Options that only a supervisor knows. */
static int
refuse(const struct cli_args *args, const char *const *options)
{
        for (; *options; options++)
                if (cli_given(args, *options))
                        return cli_error(CLI_USAGE,
                                         "--%s goes with a supervisor; Storm has nothing like it (leave it out)",
                                         *options);
        return CLI_DONE;
}

/* ---- list --------------------------------------------------------------------------------------------- */

static void
show_list(const struct cli_args *args, struct sq_value answer)
{
        static const char *const heads[] = {"topology", "state", "uptime", "tasks", "executors", "workers"};
        static const char *const numbers[] = {"tasks", "executors", "workers"};
        struct cli_table table = {.columns = 6, .left = 2};
        struct sq_items items = sq_items(answer);
        struct sq_value row;
        char uptime[32];

        if (cli_flag(args, "json")) {
                cli_print_value(answer);
                return;
        }
        if (!cli_flag(args, "names"))
                cli_table_heads(&table, heads);
        while (sq_next_item(&items, &row)) {
                struct sq_str name = cli_get_str(row, "topology");

                if (cli_flag(args, "names")) {
                        printf("%.*s\n", (int)name.len, name.ptr);
                        continue;
                }
                cli_table_str(&table, name);
                cli_table_str(&table, cli_get_str(row, "state"));
                cli_table_cell(&table, "%s",
                               cli_duration_text((double)cli_get_uint(row, "uptime_s"), uptime, sizeof(uptime)));
                for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                        cli_table_cell(&table, "%llu", (unsigned long long)cli_get_uint(row, numbers[i]));
        }
        cli_table_print(&table, stdout);
}

int
cli_storm_list(const struct cli_args *args)
{
        struct storm storm;
        int status = open_storm(args, &storm);

        if (status != CLI_DONE)
                return status;
        return close_storm(args, &storm,
                           sqi_cluster_list(storm.nimbus, &storm.answer, storm.error, sizeof(storm.error)), show_list);
}

/* ---- status ------------------------------------------------------------------------------------------- */

static void
show_components(struct sq_value components)
{
        static const char *const heads[] = {"component", "kind",  "executors", "tasks",  "emitted",
                                            "sent",      "acked", "failed",    "latency"};
        static const char *const numbers[] = {"executors", "tasks", "emitted", "transferred", "acked", "failed"};
        struct cli_table table = {.columns = 9, .left = 2};
        struct sq_items items = sq_items(components);
        struct sq_value row;
        char text[CLI_NUMBER_SIZE];

        cli_table_heads(&table, heads);
        while (sq_next_item(&items, &row)) {
                cli_table_str(&table, cli_get_str(row, "id"));
                cli_table_str(&table, cli_get_str(row, "kind"));
                for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                        cli_table_cell(&table, "%s", cli_scaled_text((double)cli_get_uint(row, numbers[i]), text));
                cli_table_cell(&table, "%s", cli_time_text(1000 * cli_get_real(row, "latency_ms"), text));
        }
        cli_table_print(&table, stdout);
}

static void
show_executors(struct sq_value executors)
{
        static const char *const heads[] = {"component", "tasks", "at", "uptime"};
        struct cli_table table = {.columns = 4, .left = 3};
        struct sq_items items = sq_items(executors);
        struct sq_value row;
        char uptime[32];

        cli_table_heads(&table, heads);
        while (sq_next_item(&items, &row)) {
                unsigned long long first = cli_get_uint(row, "first_task"), last = cli_get_uint(row, "last_task");
                struct sq_str host = cli_get_str(row, "host");

                cli_table_str(&table, cli_get_str(row, "component"));
                if (first == last)
                        cli_table_cell(&table, "%llu", first);
                else
                        cli_table_cell(&table, "%llu-%llu", first, last);
                cli_table_cell(&table, "%.*s:%llu", (int)host.len, host.ptr,
                               (unsigned long long)cli_get_uint(row, "port"));
                cli_table_cell(&table, "%s",
                               cli_duration_text((double)cli_get_uint(row, "uptime_s"), uptime, sizeof(uptime)));
        }
        cli_table_print(&table, stdout);
}

/* "count: at 127.0.0.1:6700: what it says", the first line of it. */
static void
show_errors(struct sq_value errors)
{
        struct sq_items items = sq_items(errors);
        struct sq_value row;

        while (sq_next_item(&items, &row)) {
                struct sq_str id = cli_get_str(row, "component"), host = cli_get_str(row, "host"),
                              text = cli_get_str(row, "error");
                const char *end = memchr(text.ptr, '\n', text.len);

                printf("%.*s: at %.*s:%llu: %.*s\n", (int)id.len, id.ptr, (int)host.len, host.ptr,
                       (unsigned long long)cli_get_uint(row, "port"), (int)(end ? end - text.ptr : (long)text.len),
                       text.ptr);
        }
}

static void
show_status(const struct cli_args *args, struct sq_value answer)
{
        struct sq_str name = cli_get_str(answer, "topology"), state = cli_get_str(answer, "state");
        char uptime[32];

        if (cli_flag(args, "json")) {
                cli_print_value(answer);
                return;
        }
        printf("%.*s: %.*s, up %s, %llu tasks in %llu workers on Storm\n\n", (int)name.len, name.ptr, (int)state.len,
               state.ptr, cli_duration_text((double)cli_get_uint(answer, "uptime_s"), uptime, sizeof(uptime)),
               (unsigned long long)cli_get_uint(answer, "tasks"), (unsigned long long)cli_get_uint(answer, "workers"));
        show_components(cli_get(answer, "components"));
        putchar('\n');
        show_executors(cli_get(answer, "executors_at"));
        putchar('\n');
        show_errors(cli_get(answer, "errors"));
}

int
cli_storm_status(const struct cli_args *args)
{
        struct storm storm;
        int status = open_storm(args, &storm);

        if (status != CLI_DONE)
                return status;
        return close_storm(
                args, &storm,
                sqi_cluster_status(storm.nimbus, cli_operand(args, 0), &storm.answer, storm.error, sizeof(storm.error)),
                show_status);
}

/* ---- What changes it ---------------------------------------------------------------------------------- */

static void
print_state(const struct cli_args *args, const char *state)
{
        if (cli_flag(args, "json"))
                printf("{\"topology\":\"%s\",\"state\":\"%s\"}\n", cli_operand(args, 0), state);
        else
                printf("%s\n", cli_operand(args, 0));
}

int
cli_storm_activate(const struct cli_args *args, bool on)
{
        struct storm storm;
        int status = open_storm(args, &storm);

        if (status == CLI_DONE)
                status = close_storm(
                        args, &storm,
                        sqi_cluster_activate(storm.nimbus, cli_operand(args, 0), on, storm.error, sizeof(storm.error)),
                        NULL);
        if (status == CLI_DONE)
                print_state(args, on ? "active" : "inactive");
        return status;
}

/* Until Nimbus has forgotten it. */
static int
await_gone(struct storm *storm, const char *name)
{
        const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
        int r;

        while ((r = sqi_cluster_has(storm->nimbus, name, storm->error, sizeof(storm->error))) == 1)
                (void)nanosleep(&pause, NULL);
        return r;
}

int
cli_storm_kill(const struct cli_args *args)
{
        static const char *const unknown[] = {"savepoint", "to", "lose-state", NULL};
        const char *name = cli_operand(args, 0);
        struct storm storm;
        int r, status = refuse(args, unknown);

        if (status == CLI_DONE)
                status = open_storm(args, &storm);
        if (status != CLI_DONE)
                return status;
        r = sqi_cluster_kill(storm.nimbus, name, cli_given(args, "wait") ? cli_seconds(args, "wait") : -1, storm.error,
                             sizeof(storm.error));
        if (r == 0)
                r = await_gone(&storm, name);
        status = close_storm(args, &storm, r, NULL);
        if (status == CLI_DONE)
                print_state(args, "killed");
        return status;
}

int
cli_storm_rebalance(const struct cli_args *args, size_t n, const struct sqi_executors *executors)
{
        static const char *const unknown[] = {"lose-state", NULL};
        struct storm storm;
        int status = refuse(args, unknown);

        if (status == CLI_DONE)
                status = open_storm(args, &storm);
        if (status == CLI_DONE)
                status = close_storm(args, &storm,
                                     sqi_cluster_rebalance(storm.nimbus, cli_operand(args, 0), n, executors,
                                                           storm.error, sizeof(storm.error)),
                                     NULL);
        if (status == CLI_DONE)
                print_state(args, "rebalancing");
        return status;
}

/* ---- submit ------------------------------------------------------------------------------------------- */

/* Storm calls a topology active whose workers die in a circle: what has gone wrong is looked for, for half a minute or
 * until all is up. */
static int
watch(struct storm *storm, const char *name)
{
        const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
        uint64_t until_ns = sqi_clock_ns() + (uint64_t)WATCH_MS * 1000000;
        int r;

        while ((r = sqi_cluster_is_up(storm->nimbus, name, storm->error, sizeof(storm->error))) == 0 &&
               sqi_clock_ns() < until_ns)
                (void)nanosleep(&pause, NULL);
        if (r == 0)
                fprintf(stderr, "squall: %s is submitted, and not all of it has come up yet (squall status shows it)\n",
                        name);
        return r;
}

static int
send_plan(const struct cli_args *args, struct storm *storm, struct sqi_plan *plan)
{
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_jar jar = {.bytes = NULL};
        int r = arena ? sqi_resources_pack(plan, arena, &jar, storm->error, sizeof(storm->error)) : -ENOMEM;

        if (r == 0)
                r = sqi_cluster_submit(storm->nimbus, plan, &jar, storm->error, sizeof(storm->error));
        sqi_jar_free(&jar);
        sqi_arena_free(&arena);
        if (r < 0)
                return r;
        if (cli_flag(args, "json"))
                printf("{\"topology\":\"%s\",\"state\":\"active\"}\n", plan->name);
        else
                printf("%s\n", plan->name);
        return fflush(stdout) == 0 ? watch(storm, plan->name) : -errno;
}

int
cli_storm_submit(const struct cli_args *args)
{
        static const char *const unknown[] = {"from", NULL};
        struct sqi_plan *plan = NULL;
        struct storm storm;
        int status = refuse(args, unknown);

        if (status == CLI_DONE)
                status = cli_load_for_storm(args, 0, cli_text(args, "name"), &plan);
        if (status == CLI_DONE)
                status = open_storm(args, &storm);
        if (status == CLI_DONE)
                status = close_storm(args, &storm, send_plan(args, &storm, plan), NULL);
        sqi_plan_free(&plan);
        return status;
}
