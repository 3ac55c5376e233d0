/* SPDX-License-Identifier: Apache-2.0 */
#include "joins/settings.h"

#include <string.h>

#include <squall-kit.h>

#include "windows/settings.h"

static bool
is_nought(const char *text)
{
        static const char *const units[] = {"", "ms", "s", "m", "h", "d"};

        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (text[0] == '0' && strcmp(text + 1, units[i]) == 0)
                        return true;
        return false;
}

/* "10m", "-5s", "0" */
static bool
read_bound(const char *text, int64_t *ret)
{
        bool negative = text[0] == '-';
        int64_t length = 0;

        text += negative || text[0] == '+';
        if (!is_nought(text) && !sq_read_duration(text, &length))
                return false;
        *ret = negative ? -length : length;
        return true;
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
                       "from 5 s before to 10 min after";
        if (plan->low > plan->high)
                return "must begin with the earlier one";
        *ret_option = "slide";
        if (settings->windows.slide)
                return "is for windows (size: 10s)";
        *ret_option = "offset";
        return settings->windows.offset ? "is for windows (size: 10s)" : NULL;
}

static const char *
read_windows(const struct sq_joining *settings, struct sqi_join_plan *plan, const char **ret_option)
{
        struct sq_windows windows = settings->windows;
        const char *why;

        windows.lateness = NULL;
        windows.early = NULL;
        plan->by = SQI_BY_WINDOWS;
        why = sqi_rule_read(&windows, &plan->rule, ret_option);
        if (why)
                return why;
        sqi_rule_go_by(&plan->rule, settings->time == SQI_BY_EVENT);
        if (plan->rule.kind != SQI_OVER_COUNT && plan->rule.kind != SQI_GLOBAL)
                return NULL;
        *ret_option = "size";
        return "must be a time (500ms, 10s, 5m, 1h, 1d): rows are joined by time";
}

const char *
sqi_join_read(const struct sq_joining *settings, struct sqi_join_plan *ret, const char **ret_option)
{
        bool windowed = settings->windows.size || settings->windows.gap;
        struct sqi_join_plan plan = {0};
        const char *why;

        *ret_option = settings->between.n ? "between" : NULL;
        if (windowed == (settings->between.n > 0))
                return windowed
                               ? "does not go with `size` and `gap`: rows meet in windows, or by how far apart they are"
                               : "it needs to know which rows meet: those of a window (size: 10s), of a session "
                                 "(gap: 30s), or those that are no further apart (between: [-5s, 10m])";
        why = windowed ? read_windows(settings, &plan, ret_option) : read_interval(settings, &plan, ret_option);
        if (why)
                return why;
        *ret_option = "lateness";
        if (settings->windows.lateness && !sq_read_duration(settings->windows.lateness, &plan.lateness))
                return "must be a time (30s, 5m, 1h)";
        *ret = plan;
        return NULL;
}
