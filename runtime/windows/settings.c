/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/settings.h"

#include <stdlib.h>
#include <string.h>

enum { PANES_MAX = 10000 };

/* ---- Lengths ----------------------------------------------------------------------------------------- */

/* "10s", "500ms", "100 tuples": nanoseconds, or a number of tuples. */
static bool
read_length(const char *text, int64_t *ret_length, bool *ret_timed)
{
        char *unit;
        double number = sq_strtod(text, &unit);

        if (sq_read_duration(text, ret_length))
                return *ret_timed = true;
        while (*unit == ' ')
                unit++;
        if ((strcmp(unit, "tuples") != 0 && strcmp(unit, "tuple") != 0) || !(number >= 1) || number > 1e18 ||
            number != (double)(int64_t)number)
                return false;
        *ret_length = (int64_t)number;
        *ret_timed = false;
        return true;
}

/* A time; NULL as text leaves what is there. */
static bool
read_time(const char *text, int64_t *ret)
{
        bool timed = true;
        int64_t length = *ret;

        if (text && (!read_length(text, &length, &timed) || !timed))
                return false;
        *ret = length;
        return true;
}

/* Likewise, but it may be none at all. */
static bool
read_delay(const char *text, int64_t *ret)
{
        return !text || sq_read_delay(text, ret);
}

static bool
read_offset(const char *text, int64_t *ret)
{
        bool negative = text && *text == '-';

        if (!read_delay(negative ? text + 1 : text, ret))
                return false;
        *ret = negative ? -*ret : *ret;
        return true;
}

static bool
is_global(const struct sq_windows *windows)
{
        return windows->size && strcmp(windows->size, "global") == 0;
}

static const char *
read_size(const struct sq_windows *windows, struct sqi_rule *rule, const char **ret_option)
{
        bool timed, slide_timed;

        *ret_option = "size";
        if (!read_length(windows->size, &rule->size, &timed))
                return "must be a time (500ms, 10s, 5m, 1h, 1d; 11574d at most), a whole number of tuples (100 "
                       "tuples), or `global`";
        rule->kind = timed ? SQI_OVER_TIME : SQI_OVER_COUNT;
        rule->slide = rule->size;
        slide_timed = timed;
        *ret_option = "slide";
        if (windows->slide && !read_length(windows->slide, &rule->slide, &slide_timed))
                return "must be a time (500ms, 10s, 5m, 1h, 1d) or a whole number of tuples (100 tuples)";
        if (slide_timed != timed || rule->slide > rule->size)
                return "must be no longer than `size`, and of the same kind";
        sqi_rule_complete(rule);
        if (rule->size / rule->pane > PANES_MAX)
                return "divides `size` into too many parts (10,000 at most)";
        return NULL;
}

static const char *
read_assigner(const struct sq_windows *windows, struct sqi_rule *rule, const char **ret_option)
{
        *ret_option = "size";
        if (!windows->size && !windows->gap)
                return "must say how long a window is (size: 10s, size: 100 tuples, size: global), or `gap` must (gap: "
                       "30s, for sessions)";
        *ret_option = "gap";
        if (windows->gap && windows->size)
                return "stands beside `size`: leave one of them out (`gap` makes sessions, of any length)";
        if (windows->gap) {
                rule->kind = SQI_SESSIONS;
                return read_time(windows->gap, &rule->gap) ? NULL : "must be a time (30s, 5m, 1h; 11574d at most)";
        }
        if (!is_global(windows))
                return read_size(windows, rule, ret_option);
        rule->kind = SQI_GLOBAL;
        *ret_option = "early";
        return windows->early ? NULL : "is missing: a global window does not end (early: 100 tuples, or early: 10s)";
}

static const char *
read_early(const struct sq_windows *windows, struct sqi_rule *rule)
{
        bool timed;
        int64_t length;

        if (!windows->early)
                return NULL;
        if (!read_length(windows->early, &length, &timed))
                return "must be a whole number of tuples (100 tuples) or a time (10s)";
        if (rule->kind == SQI_OVER_COUNT)
                return "is for windows that end by time: a window of tuples ends with the tuple that fills it";
        rule->early_ns = timed ? length : 0;
        rule->early_n = timed ? 0 : length;
        return NULL;
}

void
sqi_rule_go_by(struct sqi_rule *rule, bool event_time)
{
        rule->event_time = event_time;
        if (!event_time && rule->kind == SQI_OVER_TIME)
                rule->offset -= rule->size % rule->slide;
        sqi_rule_complete(rule);
}

bool
sqi_is_by_wall(const struct sq_windows *windows)
{
        return windows->time && strcmp(windows->time, "wall") == 0;
}

/* A setting that such windows do not have. */
static const char *
misplaced(const struct sq_windows *windows, enum sqi_window_kind kind, const char **ret_option)
{
        *ret_option = "slide";
        if (windows->slide && (kind == SQI_SESSIONS || kind == SQI_GLOBAL))
                return "is for windows with a `size` of time or of tuples";
        *ret_option = "offset";
        if (windows->offset && kind != SQI_OVER_TIME)
                return "is for windows with a `size` of time";
        *ret_option = "lateness";
        if (windows->lateness && (kind == SQI_OVER_COUNT || kind == SQI_GLOBAL))
                return "is for windows that end by time";
        *ret_option = "time";
        if (windows->time && (kind == SQI_OVER_COUNT || kind == SQI_GLOBAL))
                return "is for windows that end by time";
        return NULL;
}

const char *
sqi_rule_read(const struct sq_windows *windows, struct sqi_rule *ret, const char **ret_option)
{
        struct sqi_rule rule = {.discard = windows->discard};
        const char *why = read_assigner(windows, &rule, ret_option);

        if (!why)
                why = misplaced(windows, rule.kind, ret_option);
        if (why)
                return why;
        *ret_option = "offset";
        if (!read_offset(windows->offset, &rule.offset))
                return "must be a time (6h, -30m; where clocks are 9 hours ahead of UTC, days begin at -9h)";
        *ret_option = "lateness";
        if (!read_delay(windows->lateness, &rule.lateness))
                return "must be a time (30s, 5m, 1h; 11574d at most)";
        *ret_option = "early";
        why = read_early(windows, &rule);
        if (why)
                return why;
        sqi_rule_complete(&rule);
        *ret = rule;
        return NULL;
}

bool
sqi_rule_ends_by_time(const struct sqi_rule *rule)
{
        return rule->kind == SQI_OVER_TIME || rule->kind == SQI_SESSIONS;
}

bool
sqi_rule_refires(const struct sqi_rule *rule)
{
        return rule->early_n > 0 || rule->early_ns > 0 || rule->lateness > 0;
}

/* ---- Columns ----------------------------------------------------------------------------------------- */

static int
column_of(struct sqi_columns *columns, struct sq_str name)
{
        for (size_t i = 0; i < columns->n; i++)
                if (columns->names[i].len == name.len && memcmp(columns->names[i].ptr, name.ptr, name.len) == 0)
                        return (int)i;
        if (columns->n == SQ_FIELDS_MAX)
                return SQI_NO_COLUMN;
        columns->names[columns->n] = name;
        return (int)columns->n++;
}

void
sqi_columns_of_key(struct sqi_columns *columns, const struct sq_list *by)
{
        columns->n = 0;
        for (size_t i = 0; i < by->n && i < SQ_FIELDS_MAX; i++)
                columns->names[columns->n++] = (struct sq_str){by->items[i], strlen(by->items[i])};
}

bool
sqi_columns_put(struct sqi_columns *columns, const char *text, struct sqi_aggregate *ret)
{
        if (!sqi_aggregate_read(text, ret))
                return false;
        for (size_t i = 0; i < SQI_ARGUMENTS; i++)
                if (ret->arguments[i].ptr)
                        ret->columns[i] = column_of(columns, ret->arguments[i]);
        return true;
}

/* ---- Layout ------------------------------------------------------------------------------------------ */

static uint64_t
hash_text(uint64_t hash, const char *text)
{
        return hash * 31 + sq_bag_hash(sq_text(text ? text : ""));
}

/* What was there from the beginning makes the number that it has always made. */
uint64_t
sqi_settings_layout(const struct sq_windows *windows, const struct sq_pairs *compute,
                    const struct sq_windowed *windowed, const struct sqi_rule *rule)
{
        uint64_t hash = hash_text(hash_text(1, windows->size), windows->slide);

        for (size_t i = 0; compute && i < compute->n; i++)
                hash = hash_text(hash_text(hash, compute->names[i]), compute->values[i]);
        if (windowed)
                hash = sq_mix(sq_mix(hash + windowed->size) + windowed->version);
        if (windows->gap || rule->event_time || !sqi_rule_shares(rule))
                hash = hash_text(hash, windows->gap) * 4 + (rule->event_time ? 2 : 0) + (sqi_rule_shares(rule) ? 1 : 0);
        if (windows->offset)
                hash = hash_text(hash, windows->offset);
        return hash | 1;
}

uint64_t
sqi_settings_layout_by(uint64_t layout, const struct sq_list *by)
{
        for (size_t i = 0; i < by->n; i++)
                layout = hash_text(layout, by->items[i]);
        return layout | 1;
}
