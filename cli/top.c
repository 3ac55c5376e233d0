/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `top`: what topologies do, live. Each second it asks for what it shows: all topologies, one of them, or the
 * end of a task's log. Without a terminal, or without ncurses in the build, it prints a table, once.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "death.h"
#include "lag.h"
#include "number.h"
#include "plan/plan.h"
#include "table.h"
#include "talk.h"
#include "top_screen.h"

enum { LOG_BYTES = 64 << 10, PAGE = 10 };

struct top {
        struct cli_talk talk;
        struct cli_top_rows rows;
        struct cli_top_view view;
        char topology[SQI_ID_MAX + 1], component[SQI_ID_MAX + 1], task[CLI_TOP_NAME];
        char log[LOG_BYTES + 1];
        enum cli_top_level least; /* where Escape ends */
        uint64_t due_ns;
        bool done;
};

/* ---- What is asked for ------------------------------------------------------------------------------- */

static int
ask(struct top *top)
{
        struct sqi_request request = {.command = SQI_COMMAND_LIST, .seconds = -1};

        if (top->view.level == CLI_TOP_LOG)
                request.command = SQI_COMMAND_LOGS;
        else if (top->view.level != CLI_TOP_TOPOLOGIES)
                request.command = SQI_COMMAND_STATUS;
        if (top->view.level != CLI_TOP_TOPOLOGIES)
                request.name = cli_str(top->topology);
        return cli_ask(&top->talk, &request);
}

static void
tell_topology(struct top *top, struct sq_value answer)
{
        struct sq_value bottleneck = cli_get(answer, "bottleneck"), death = cli_get(answer, "last_death");
        struct sq_str state = cli_get_str(answer, "state"), limit = cli_get_str(bottleneck, "component"),
                      reason = cli_get_str(bottleneck, "reason"), task = cli_get_str(death, "task"),
                      cause = cli_get_str(death, "cause");
        char up[32], rate[CLI_NUMBER_SIZE], ago[CLI_AGO_SIZE], lag[CLI_VIEW_TEXT - 16];
        struct cli_top_view *view = &top->view;

        snprintf(view->title, sizeof(view->title), "squall top  %s%s%s: %.*s, up %s, %s emitted/s, %llu restart%s",
                 top->topology, view->level == CLI_TOP_TASKS ? " " : "",
                 view->level == CLI_TOP_TASKS ? top->component : "", (int)state.len, state.ptr,
                 cli_duration_text(cli_get_real(answer, "uptime_s"), up, sizeof(up)),
                 cli_scaled_text(cli_get_real(answer, "emitted_s"), rate),
                 (unsigned long long)cli_get_uint(answer, "restarts"),
                 cli_get_uint(answer, "restarts") == 1 ? "" : "s");
        view->keeps_up = limit.len == 0;
        if (reason.len > 0)
                snprintf(view->limit, sizeof(view->limit), "bottleneck: %.*s: %.*s", limit.len ? (int)limit.len : 4,
                         limit.len ? limit.ptr : "none", (int)reason.len, reason.ptr);
        if (cli_lag_text(cli_get(answer, "components"), lag, sizeof(lag)))
                snprintf(view->lag, sizeof(view->lag), "lag: %s behind", lag);
        if (task.len > 0)
                snprintf(view->death, sizeof(view->death), "last death: %.*s %s: %.*s", (int)task.len, task.ptr,
                         cli_ago_text(death, ago), (int)cause.len, cause.ptr);
}

/* Of the end of the file, the lines of the task. */
static void
read_log(struct top *top, struct sq_str path)
{
        char name[PATH_MAX], wanted[CLI_TOP_NAME + 4], *line = NULL;
        size_t room = 0, len = 0;
        ssize_t n;

        snprintf(top->view.title, sizeof(top->view.title), "squall top  %s: the log of %s", top->topology, top->task);
        snprintf(name, sizeof(name), "%.*s", (int)path.len, path.ptr);
        snprintf(wanted, sizeof(wanted), " %s#", top->task);
        FILE *file = fopen(name, "re");
        top->log[0] = '\0';
        top->view.log = top->log;
        if (!file)
                return;
        if (fseek(file, -LOG_BYTES, SEEK_END) == 0 && getline(&line, &room, file) < 0) /* the rest of a line */
                rewind(file);
        while ((n = getline(&line, &room, file)) > 0)
                if (strstr(line, wanted) && len + (size_t)n <= LOG_BYTES) {
                        memcpy(top->log + len, line, (size_t)n + 1);
                        len += (size_t)n;
                }
        free(line);
        fclose(file);
}

static int
look(struct top *top)
{
        struct cli_top_view *view = &top->view;
        int status = ask(top);

        if (status != CLI_DONE)
                return status;
        view->limit[0] = view->lag[0] = view->death[0] = '\0';
        if (view->level == CLI_TOP_LOG) {
                read_log(top, cli_get_str(top->talk.value, "path"));
                return CLI_DONE;
        }
        cli_top_take(&top->rows, view->level, top->talk.value, top->component, sqi_clock_ns());
        if (view->level == CLI_TOP_TOPOLOGIES)
                snprintf(view->title, sizeof(view->title), "squall top  %zu %s", top->rows.n,
                         top->rows.n == 1 ? "topology" : "topologies");
        else
                tell_topology(top, top->talk.value);
        cli_top_arrange(&top->rows, view->sorted, view->reverse, view->filter);
        if (view->selected >= top->rows.n)
                view->selected = top->rows.n > 0 ? top->rows.n - 1 : 0;
        return CLI_DONE;
}

/* ---- What is typed ----------------------------------------------------------------------------------- */

static void
go_into(struct top *top)
{
        struct cli_top_view *view = &top->view;
        const char *name = view->selected < top->rows.n ? top->rows.rows[view->selected].name : NULL;

        if (!name || view->level == CLI_TOP_LOG ||
            (view->level == CLI_TOP_TASKS && !cli_is_near(&top->talk, "the log")))
                return;
        if (view->level == CLI_TOP_TOPOLOGIES)
                snprintf(top->topology, sizeof(top->topology), "%.*s", SQI_ID_MAX, name);
        else if (view->level == CLI_TOP_COMPONENTS)
                snprintf(top->component, sizeof(top->component), "%.*s", SQI_ID_MAX, name);
        else
                snprintf(top->task, sizeof(top->task), "%s", name);
        view->level++;
        view->selected = view->first = 0;
        view->filter[0] = '\0';
}

static void
go_back(struct top *top)
{
        if (top->view.filter[0])
                top->view.filter[0] = '\0';
        else if (top->view.level > top->least)
                top->view.level--;
        top->view.selected = top->view.first = 0;
}

/* The next column to the left or the right that there is; beyond the last one, the order of the topology. */
static void
sort_by(struct cli_top_view *view, int step)
{
        int column = (int)view->sorted;

        do
                column = (column + step + CLI_TOP_NCOLUMNS + 1) % (CLI_TOP_NCOLUMNS + 1);
        while (column != CLI_TOP_NCOLUMNS && !cli_top_has(view->level, (enum cli_top_column)column));
        view->sorted = (enum cli_top_column)column;
}

static void
type(struct cli_top_view *view, int key)
{
        size_t len = strlen(view->filter);

        if (key == CLI_KEY_ENTER || key == CLI_KEY_BACK)
                view->typing = false;
        else if (key == CLI_KEY_RUBOUT && len > 0)
                view->filter[len - 1] = '\0';
        else if (key >= ' ' && key < 127 && len + 1 < sizeof(view->filter))
                memcpy(view->filter + len, (char[]){(char)key, '\0'}, 2);
}

static void
move_by(struct top *top, int rows)
{
        long to = (long)top->view.selected + rows, last = (long)top->rows.n - 1;

        top->view.selected = (size_t)(to < 0 || last < 0 ? 0 : to > last ? last : to);
}

static void
obey(struct top *top, int key)
{
        struct cli_top_view *view = &top->view;

        if (view->typing) {
                type(view, key);
                return;
        }
        switch (key) {
        case CLI_KEY_UP:
        case 'k':
                move_by(top, -1);
                break;
        case CLI_KEY_DOWN:
        case 'j':
                move_by(top, 1);
                break;
        case CLI_KEY_PAGE_UP:
                move_by(top, -PAGE);
                break;
        case CLI_KEY_PAGE_DOWN:
                move_by(top, PAGE);
                break;
        case CLI_KEY_ENTER:
                go_into(top);
                break;
        case CLI_KEY_BACK:
        case CLI_KEY_RUBOUT:
                go_back(top);
                break;
        case '<':
                sort_by(view, -1);
                break;
        case '>':
        case 's':
                sort_by(view, 1);
                break;
        case 'r':
                view->reverse = !view->reverse;
                break;
        case '/':
                view->typing = true;
                break;
        case 'p':
                view->paused = !view->paused;
                break;
        case 'q':
                top->done = true;
                break;
        default:
                break;
        }
}

/* A key asks anew, so that what it changes is seen at once. */
static int
run_screen(struct top *top)
{
        int status = CLI_DONE;

        while (status == CLI_DONE && !top->done) {
                uint64_t now = sqi_clock_ns();

                if (now >= top->due_ns) {
                        if (!top->view.paused || top->due_ns == 0)
                                status = look(top);
                        top->due_ns = now + SQI_SECOND;
                }
                cli_screen_draw(&top->view);
                int key = cli_screen_key((int)((top->due_ns - now) / 1000000) + 1);
                enum cli_top_level before = top->view.level;
                obey(top, key);
                if (key != CLI_KEY_NONE && key != CLI_KEY_RESIZE && (!top->view.paused || before != top->view.level))
                        top->due_ns = 0;
        }
        return status;
}

/* ---- Without a screen -------------------------------------------------------------------------------- */

static void
print_table(const struct top *top)
{
        static const char *const names[] = {"topology", "component", "task", ""};
        struct cli_table table = {.left = 1};
        char cell[CLI_TOP_CELL];

        cli_table_cell(&table, "%s", names[top->view.level]);
        for (int c = 0; c < CLI_TOP_NCOLUMNS; c++)
                if (c != CLI_TOP_CPU && cli_top_has(top->view.level, (enum cli_top_column)c))
                        cli_table_cell(&table, "%s", cli_top_heads[c].head);
        table.columns = (unsigned)table.ncells;
        for (size_t i = 0; i < top->rows.n; i++) {
                cli_table_cell(&table, "%s", top->rows.rows[i].name);
                for (int c = 0; c < CLI_TOP_NCOLUMNS; c++) /* what a process takes now, one look cannot tell */
                        if (c != CLI_TOP_CPU && cli_top_has(top->view.level, (enum cli_top_column)c))
                                cli_table_cell(&table, "%s",
                                               cli_top_cell(&top->rows.rows[i], (enum cli_top_column)c, cell));
        }
        cli_table_print(&table, stdout);
}

static int
print_once(struct top *top, bool json)
{
        int status = json ? ask(top) : look(top);

        if (status != CLI_DONE)
                return status;
        if (json) {
                cli_print_value(top->talk.value);
                return CLI_DONE;
        }
        if (top->view.level != CLI_TOP_TOPOLOGIES)
                printf("%s\n", top->view.title + strlen("squall top  "));
        if (top->view.limit[0])
                printf("%s\n", top->view.limit);
        if (top->view.lag[0])
                printf("%s\n", top->view.lag);
        if (top->view.death[0])
                printf("%s\n", top->view.death);
        print_table(top);
        return CLI_DONE;
}

static int
run(const struct cli_args *args)
{
        struct top *top = calloc(1, sizeof(*top));
        const char *name = cli_operand(args, 0);
        bool json = cli_flag(args, "json");

        if (!top)
                return cli_error(CLI_FAILED, "out of memory");
        int status = cli_talk_open(args, name, &top->talk);
        top->view.rows = &top->rows;
        top->view.sorted = CLI_TOP_NCOLUMNS;
        top->view.level = top->least = name ? CLI_TOP_COMPONENTS : CLI_TOP_TOPOLOGIES;
        snprintf(top->topology, sizeof(top->topology), "%s", name ? name : "");
        if (status == CLI_DONE && !json && !cli_flag(args, "once"))
                status = look(top); /* what is wrong is said before the screen is taken */
        if (status == CLI_DONE && !json && !cli_flag(args, "once") && cli_screen_begin()) {
                status = run_screen(top);
                cli_screen_end();
                if (status != CLI_DONE)
                        status = look(top); /* what was said of it went with the screen */
        } else if (status == CLI_DONE) {
                status = print_once(top, json);
        }
        cli_talk_close(&top->talk);
        cli_top_free(&top->rows);
        free(top);
        return status;
}

SQI_VERB(top) = {
        .about = "Show what topologies do, live: rates, who is busy, who waits, what limits.",
        .details =
                "Enter goes from a topology to its components, their tasks and a task's log, Escape back. < and > choose the column to sort by, r turns the order "
                "round, / filters by name, p pauses, q quits. `busy` is that of the busiest task, `block` the part of the time that is spent waiting for whom comes after; "
                "the curve is the last minute.\n"
                "Without a terminal, or with --once, a table is printed once; --json prints what list or status print.",
        .operands = {{"NAME", .complete = CLI_COMPLETE_TOPOLOGY, .optional = true}},
        .options = {{"once", 0, CLI_FLAG, .help = "print the table once, and end"}, CLI_OPTION_JSON, CLI_OPTION_SOCKET},
        .example = "squall top wordcount",
        .run = run,
};
