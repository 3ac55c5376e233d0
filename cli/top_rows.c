/* SPDX-License-Identifier: Apache-2.0 */
#include "top_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "talk.h"

const struct cli_top_head cli_top_heads[CLI_TOP_NCOLUMNS] = {
#define X(name, head, width, form, from) {head, width, CLI_FORM_##form, from},
        CLI_TOP_COLUMNS(X)
#undef X
};

bool
cli_top_has(enum cli_top_level level, enum cli_top_column column)
{
        static const unsigned columns[] = {
                [CLI_TOP_TOPOLOGIES] = 1u << CLI_TOP_STATE | 1u << CLI_TOP_NTASKS | 1u << CLI_TOP_RATE |
                                       1u << CLI_TOP_RESTARTS,
                [CLI_TOP_COMPONENTS] = ~(1u << CLI_TOP_STATE),
                [CLI_TOP_TASKS] = ~(1u << CLI_TOP_NTASKS | 1u << CLI_TOP_P50 | 1u << CLI_TOP_P99 |
                                    1u << CLI_TOP_BEHIND | 1u << CLI_TOP_IDLE),
                [CLI_TOP_LOG] = 0,
        };

        return columns[level] >> column & 1;
}

/* ---- What each did before ---------------------------------------------------------------------------- */

/* NULL: no memory. */
static struct cli_top_memory *
remember(struct cli_top_rows *rows, const char *name)
{
        struct cli_top_memory *it = rows->memories;

        while (it && strcmp(it->name, name) != 0)
                it = it->next;
        if (it || !(it = calloc(1, sizeof(*it))))
                return it;
        snprintf(it->name, sizeof(it->name), "%s", name);
        it->next = rows->memories;
        rows->memories = it;
        return it;
}

static void
note(struct cli_top_memory *it, double rate, double cpu_s, uint64_t now_ns)
{
        double seconds = (double)(now_ns - it->at_ns) / 1e9;

        it->cpu = it->looks > 0 && seconds > 0 && cpu_s > it->cpu_s ? (cpu_s - it->cpu_s) / seconds : 0;
        it->cpu_s = cpu_s;
        it->at_ns = now_ns;
        it->rates[it->looks++ % CLI_TOP_SPARKS] = rate;
}

void
cli_top_sparks(const struct cli_top_memory *memory, int width, int *ret_heights)
{
        double most = 0;

        for (int i = 0; i < width; i++)
                ret_heights[i] = -1;
        for (int i = 0; memory && i < width && i < CLI_TOP_SPARKS && (uint64_t)i < memory->looks; i++) {
                double rate = memory->rates[(memory->looks - 1 - (uint64_t)i) % CLI_TOP_SPARKS];

                most = rate > most ? rate : most;
        }
        for (int i = 0; memory && i < width && i < CLI_TOP_SPARKS && (uint64_t)i < memory->looks; i++) {
                double rate = memory->rates[(memory->looks - 1 - (uint64_t)i) % CLI_TOP_SPARKS];

                ret_heights[width - 1 - i] = most > 0 ? (int)(rate / most * 8 + 0.5) : 0;
        }
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

static void
add(struct cli_top_rows *rows, const struct cli_top_row *row, double cpu_s, uint64_t now_ns)
{
        if (rows->n == rows->room) {
                size_t room = rows->room ? 2 * rows->room : 32;
                struct cli_top_row *more = realloc(rows->rows, room * sizeof(*more));

                if (!more)
                        return;
                rows->rows = more;
                rows->room = room;
        }
        struct cli_top_memory *memory = remember(rows, row->name);
        rows->rows[rows->n] = *row;
        rows->rows[rows->n].memory = memory;
        if (memory) {
                note(memory, row->values[CLI_TOP_RATE], cpu_s, now_ns);
                rows->rows[rows->n].values[CLI_TOP_CPU] = memory->cpu;
        }
        rows->n++;
}

static void
copy(char *to, size_t size, struct sq_str text)
{
        snprintf(to, size, "%.*s", (int)text.len, text.ptr);
}

static void
take_topology(struct cli_top_rows *rows, struct sq_value it, uint64_t now_ns)
{
        struct cli_top_row row = {.values = {
                                          [CLI_TOP_NTASKS] = (double)cli_get_uint(it, "tasks"),
                                          [CLI_TOP_RATE] = cli_get_real(it, "emitted_s"),
                                          [CLI_TOP_RESTARTS] = (double)cli_get_uint(it, "restarts"),
                                  }};

        copy(row.name, sizeof(row.name), cli_get_str(it, "topology"));
        copy(row.state, sizeof(row.state), cli_get_str(it, "state"));
        add(rows, &row, 0, now_ns);
}

/* What both have by the same names. */
static void
take_common(struct sq_value it, struct cli_top_row *row)
{
        row->values[CLI_TOP_BLOCKED] = cli_get_real(it, "blocked");
        row->values[CLI_TOP_PENDING] = (double)cli_get_uint(it, "pending");
        row->values[CLI_TOP_FAILED] = (double)cli_get_uint(it, "failed");
        row->values[CLI_TOP_RESTARTS] = (double)cli_get_uint(it, "restarts");
}

static void
take_task(struct cli_top_rows *rows, struct sq_value it, bool spout, uint64_t now_ns)
{
        struct cli_top_row row = {.values = {
                                          [CLI_TOP_RATE] = cli_get_real(it, spout ? "emitted_s" : "executed_s"),
                                          [CLI_TOP_BUSY] = cli_get_real(it, "busy"),
                                          [CLI_TOP_RSS] = (double)cli_get_uint(it, "rss_bytes"),
                                  }};

        take_common(it, &row);
        copy(row.name, sizeof(row.name), cli_get_str(it, "task"));
        copy(row.state, sizeof(row.state), cli_get_str(it, "state"));
        add(rows, &row, cli_get_real(it, "cpu_s"), now_ns);
}

/* Tasks that share a worker share its memory and its time. */
static void
add_up(struct sq_value tasks, struct cli_top_row *row, double *ret_cpu_s)
{
        struct sq_items items = sq_items(tasks);
        uint64_t last = 0, pid;
        struct sq_value task;

        for (*ret_cpu_s = 0; sq_next_item(&items, &task); last = pid) {
                pid = cli_get_uint(task, "pid");
                row->values[CLI_TOP_NTASKS]++;
                if (pid == last)
                        continue;
                row->values[CLI_TOP_RSS] += (double)cli_get_uint(task, "rss_bytes");
                *ret_cpu_s += cli_get_real(task, "cpu_s");
        }
}

static bool
is_spout(struct sq_value component)
{
        return cli_get_str(component, "kind").ptr[0] == 's';
}

static void
take_component(struct cli_top_rows *rows, struct sq_value it, struct sq_str limit, uint64_t now_ns)
{
        bool spout = is_spout(it);
        struct sq_value rates = cli_get(cli_get(it, "rates"), spout ? "emitted" : "executed"),
                        times = cli_get(it, spout ? "complete_us" : "execute_us"), time = cli_get(it, "event_time");
        struct cli_top_row row = {.values = {
                                          [CLI_TOP_RATE] = cli_get_real(rates, "s10"),
                                          [CLI_TOP_BUSY] = cli_get_real(it, "busiest"),
                                          [CLI_TOP_P50] = cli_get_real(times, "p50"),
                                          [CLI_TOP_P99] = cli_get_real(times, "p99"),
                                          [CLI_TOP_BEHIND] = cli_get_real(time, "lag_s"),
                                          [CLI_TOP_IDLE] = (double)cli_get_uint(time, "idle_tasks"),
                                  }};
        double cpu_s;

        take_common(it, &row);
        copy(row.name, sizeof(row.name), cli_get_str(it, "id"));
        row.limits = limit.len == strlen(row.name) && memcmp(limit.ptr, row.name, limit.len) == 0;
        add_up(cli_get(it, "tasks"), &row, &cpu_s);
        add(rows, &row, cpu_s, now_ns);
}

static void
take_tasks(struct cli_top_rows *rows, struct sq_value component, uint64_t now_ns)
{
        struct sq_items items = sq_items(cli_get(component, "tasks"));
        struct sq_value task;

        while (sq_next_item(&items, &task))
                take_task(rows, task, is_spout(component), now_ns);
}

void
cli_top_take(struct cli_top_rows *rows, enum cli_top_level level, struct sq_value answer, const char *component,
             uint64_t now_ns)
{
        struct sq_items items = sq_items(level == CLI_TOP_TOPOLOGIES ? answer : cli_get(answer, "components"));
        struct sq_str limit = cli_get_str(cli_get(answer, "bottleneck"), "component");
        struct sq_value it;

        rows->n = 0;
        while (sq_next_item(&items, &it)) {
                struct sq_str id = cli_get_str(it, "id");

                if (level == CLI_TOP_TOPOLOGIES)
                        take_topology(rows, it, now_ns);
                else if (level == CLI_TOP_COMPONENTS)
                        take_component(rows, it, limit, now_ns);
                else if (strlen(component) == id.len && memcmp(component, id.ptr, id.len) == 0)
                        take_tasks(rows, it, now_ns);
        }
}

/* ---- Order ------------------------------------------------------------------------------------------- */

struct order {
        enum cli_top_column column;
        int sign;
};

static int
compare(const void *a, const void *b, void *context)
{
        const struct cli_top_row *one = a, *other = b;
        const struct order *order = context;
        double x = one->values[order->column], y = other->values[order->column];

        if (cli_top_heads[order->column].form == CLI_FORM_TEXT) {
                int before = strcmp(one->state, other->state);

                return order->sign < 0 ? -before : before;
        }
        return x == y ? strcmp(one->name, other->name) : order->sign * (x < y ? 1 : -1);
}

static void
turn_round(struct cli_top_rows *rows)
{
        for (size_t i = 0; i < rows->n / 2; i++) {
                struct cli_top_row row = rows->rows[i];

                rows->rows[i] = rows->rows[rows->n - 1 - i];
                rows->rows[rows->n - 1 - i] = row;
        }
}

void
cli_top_arrange(struct cli_top_rows *rows, enum cli_top_column column, bool reverse, const char *filter)
{
        struct order order = {column, reverse ? -1 : 1};
        size_t n = 0;

        for (size_t i = 0; i < rows->n; i++)
                if (strstr(rows->rows[i].name, filter))
                        rows->rows[n++] = rows->rows[i];
        rows->n = n;
        if (column != CLI_TOP_NCOLUMNS && n > 0)
                qsort_r(rows->rows, n, sizeof(*rows->rows), compare, &order);
        else if (reverse)
                turn_round(rows);
}

void
cli_top_free(struct cli_top_rows *rows)
{
        while (rows->memories) {
                struct cli_top_memory *it = rows->memories;

                rows->memories = it->next;
                free(it);
        }
        free(rows->rows);
        *rows = (struct cli_top_rows){0};
}

const char *
cli_top_cell(const struct cli_top_row *row, enum cli_top_column column, char buffer[CLI_TOP_CELL])
{
        double value = row->values[column];

        switch (cli_top_heads[column].form) {
        case CLI_FORM_SHARE:
                snprintf(buffer, CLI_TOP_CELL, "%.0f %%", value * 100);
                return buffer;
        case CLI_FORM_TIME:
                return cli_time_text(value, buffer);
        case CLI_FORM_SPAN:
                return value > 0 ? cli_duration_text(value, buffer, CLI_TOP_CELL) : "-";
        case CLI_FORM_TEXT:
                snprintf(buffer, CLI_TOP_CELL, "%s", row->state);
                return buffer;
        default:
                return cli_scaled_text(value, buffer);
        }
}
