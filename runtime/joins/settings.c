/* SPDX-License-Identifier: Apache-2.0 */
#include "joins/settings.h"

#include <string.h>

#include <squall-kit.h>

#include "windows/settings.h"

/* "10m", "-5s", "0" */
static bool
read_bound(const char *text, int64_t *ret)
{
        bool negative = text[0] == '-';
        int64_t length = 0;

        text += negative || text[0] == '+';
        if (!sq_read_delay(text, &length))
                return false;
        *ret = negative ? -length : length;
        return true;
}

/* A setting that is for windows alone. */
static const char *
misplaced(const struct sq_joining *settings, const char **ret_option)
{
        *ret_option = settings->windows.slide ? "slide" : "offset";
        return settings->windows.slide || settings->windows.offset ? "is for windows (size: 10s)" : NULL;
}

static const char *
read_interval(const struct sq_joining *settings, struct sqi_join_plan *plan, const char **ret_option)
{
        const struct sq_list *between = &settings->between;

        plan->by = SQI_BY_INTERVAL;
        *ret_option = "between";
        if (between->n != 2 || !read_bound(between->items[0], &plan->low) ||
            !read_bound(between->items[1], &plan->high))
                return "must be two times, by how much the second input's may differ from the first's: [-5s, 10m] is "
                       "from 5 s before to 10 min after (11574d at most)";
        if (plan->low > plan->high)
                return "must begin with the earlier one";
        return misplaced(settings, ret_option);
}

static const char *
read_windows(const struct sq_joining *settings, struct sqi_join_plan *plan, const char **ret_option)
{
        static const char by_time[] = "must be a time (500ms, 10s, 5m, 1h, 1d): rows are joined by time";
        struct sq_windows windows = settings->windows;
        const char *why;

        windows.lateness = NULL;
        windows.early = NULL;
        plan->by = SQI_BY_WINDOWS;
        *ret_option = "size";
        if (windows.size && strcmp(windows.size, "global") == 0)
                return by_time;
        why = sqi_rule_read(&windows, &plan->rule, ret_option);
        if (why)
                return why;
        sqi_rule_go_by(&plan->rule, settings->time == SQI_BY_EVENT);
        if (plan->rule.kind != SQI_OVER_COUNT && plan->rule.kind != SQI_GLOBAL)
                return NULL;
        *ret_option = "size";
        return by_time;
}

static const char *
read_table(const struct sq_joining *settings, struct sqi_join_plan *plan, const char **ret_option)
{
        plan->by = SQI_BY_TABLE;
        *ret_option = "type";
        if (settings->type == SQI_FULL)
                return "must be inner or left: a row of the table goes out with those of the stream alone";
        *ret_option = "lateness";
        if (settings->windows.lateness)
                return "is for windows and intervals: what comes is joined with what the table has then";
        *ret_option = "wait";
        if (settings->wait && !sq_read_delay(settings->wait, &plan->wait))
                return "must be a time (500ms, 10s, 5m, 1h)";
        return misplaced(settings, ret_option);
}

/* NULL: it says so much, and no more. */
static const char *
count_kinds(const struct sq_joining *settings, const char **ret_option)
{
        bool windowed = settings->windows.size || settings->windows.gap;
        int kinds = windowed + (settings->between.n > 0) + (settings->table != NULL);

        *ret_option = NULL;
        if (kinds == 0)
                return "it needs to know which rows meet: those of a window (size: 10s), of a session (gap: 30s), those "
                       "that are no further apart (between: [-5s, 10m]), or each with the last one of a table (table: "
                       "INPUT)";
        *ret_option = settings->between.n ? "between" : "table";
        if (kinds > 1)
                return "stands beside another of `size`, `gap`, `between` and `table`, each of which says which rows "
                       "meet: leave one";
        *ret_option = "stamp";
        if (settings->stamp && !settings->between.n)
                return settings->table
                               ? "is for `between`: what is joined with a table has the time of the stream's row"
                               : "is for `between`: what is joined in a window has the time of its `end`";
        *ret_option = "wait";
        return settings->wait && !settings->table ? "is for rows that wait for those of a `table`" : NULL;
}

const char *
sqi_join_read(const struct sq_joining *settings, struct sqi_join_plan *ret, const char **ret_option)
{
        struct sqi_join_plan plan = {0};
        const char *why = count_kinds(settings, ret_option);

        if (why)
                return why;
        if (settings->table)
                why = read_table(settings, &plan, ret_option);
        else if (settings->between.n)
                why = read_interval(settings, &plan, ret_option);
        else
                why = read_windows(settings, &plan, ret_option);
        if (why)
                return why;
        *ret_option = "lateness";
        if (settings->windows.lateness && !sq_read_delay(settings->windows.lateness, &plan.lateness))
                return "must be a time (30s, 5m, 1h)";
        *ret = plan;
        return NULL;
}
