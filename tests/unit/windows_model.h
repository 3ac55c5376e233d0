/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of the windows of a key that knows neither panes nor timers: it keeps every window by itself with the tuples
 * in it, as Flink's documentation describes it, and looks at all of them whenever the time has come further. For the
 * tests of timelines: include cmocka.h first.
 */
#ifndef TESTS_WINDOWS_MODEL_H
#define TESTS_WINDOWS_MODEL_H

#include <stdlib.h>

#include "windows/timeline.h"

enum { STEPS = 120, RECORDS = 20000, WINDOWS = 20000 };

/* What a firing had in it: the tuples, whatever their order. */
struct content {
        uint64_t n, sum;
};

struct record {
        enum sqi_firing firing;
        int64_t start, end;
        struct content content;
};

struct log {
        size_t n;
        struct record records[RECORDS];
};

static uint64_t
mixed(uint64_t id)
{
        return (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void
note(struct log *log, struct record record)
{
        assert_true(log->n < RECORDS);
        log->records[log->n++] = record;
}

struct model_window {
        __int128 start, end;
        struct content content;
        uint64_t fresh;
        bool gone;
};

struct model {
        struct sqi_rule rule;
        __int128 past; /* the watermark, or the time up to which windows by the time of day have fired */
        size_t n;
        struct model_window windows[WINDOWS];
        struct content arrived[STEPS + 1]; /* windows of tuples: each tuple by itself */
        size_t narrived;
        bool early_set;
        int64_t early_at;
        struct log log;
};

static void
model_fire(struct model *model, struct model_window *window, enum sqi_firing firing)
{
        if (window->content.n > 0)
                note(&model->log,
                     (struct record){firing, (int64_t)window->start, (int64_t)window->end, window->content});
        window->fresh = 0;
        if (model->rule.discard)
                window->content = (struct content){0};
}

static void
model_put(struct model *model, struct model_window *window, uint64_t id)
{
        window->content.n++;
        window->content.sum += mixed(id);
        window->fresh++;
        if (model->rule.kind != SQI_GLOBAL && window->end <= model->past)
                model_fire(model, window, SQI_FIRES_LATE);
        else if (model->rule.early_n > 0 && window->fresh >= (uint64_t)model->rule.early_n)
                model_fire(model, window, SQI_FIRES_EARLY);
}

static struct model_window *
model_window(struct model *model, __int128 start, __int128 end)
{
        for (size_t i = 0; i < model->n; i++)
                if (!model->windows[i].gone && model->windows[i].start == start && model->windows[i].end == end)
                        return &model->windows[i];
        assert_true(model->n < WINDOWS);
        model->windows[model->n] = (struct model_window){.start = start, .end = end};
        return &model->windows[model->n++];
}

static bool
model_over_time(struct model *model, __int128 time, uint64_t id)
{
        const struct sqi_rule *rule = &model->rule;
        __int128 slide = rule->slide, k = (time - rule->size - rule->offset) / slide - 2;
        bool taken = false;

        for (;; k++) {
                __int128 start = k * slide + rule->offset, end = start + rule->size;
                if (start > time)
                        return taken;
                if (end <= time || end + rule->lateness <= model->past)
                        continue;
                model_put(model, model_window(model, start, end), id);
                taken = true;
        }
}

static bool
model_session(struct model *model, __int128 time, uint64_t id)
{
        struct model_window merged = {.start = time, .end = time + model->rule.gap};
        bool any = true;

        while (any) {
                any = false;
                for (size_t i = 0; i < model->n; i++) {
                        struct model_window *window = &model->windows[i];
                        if (window->gone || window->end + model->rule.lateness <= model->past ||
                            window->start > merged.end || window->end < merged.start)
                                continue;
                        merged.start = window->start < merged.start ? window->start : merged.start;
                        merged.end = window->end > merged.end ? window->end : merged.end;
                        merged.content.n += window->content.n;
                        merged.content.sum += window->content.sum;
                        merged.fresh += window->fresh;
                        window->gone = any = true;
                }
        }
        if (merged.end + model->rule.lateness <= model->past)
                return false;
        assert_true(model->n < WINDOWS);
        model->windows[model->n] = merged;
        model_put(model, &model->windows[model->n++], id);
        return true;
}

static void
model_fire_arrived(struct model *model, size_t end)
{
        struct record record = {.firing = SQI_FIRES_ON_TIME};
        size_t size = (size_t)model->rule.size;

        for (size_t i = end > size ? end - size : 0; i < end && i < model->narrived; i++) {
                record.content.n++;
                record.content.sum += model->arrived[i].sum;
        }
        record.end = (int64_t)end;
        record.start = (int64_t)end - model->rule.size;
        note(&model->log, record);
}

static bool
model_add(struct model *model, int64_t time, int64_t wall, uint64_t id)
{
        bool taken = true;

        if (!model->rule.event_time)
                time = wall > model->past ? wall : (int64_t)model->past;
        if (model->rule.kind == SQI_OVER_COUNT) {
                model->arrived[model->narrived++] = (struct content){1, mixed(id)};
                if (model->narrived % (size_t)model->rule.slide == 0)
                        model_fire_arrived(model, model->narrived);
        } else if (model->rule.kind == SQI_GLOBAL) {
                model_put(model, model_window(model, INT64_MIN, INT64_MAX), id);
        } else {
                taken = model->rule.kind == SQI_SESSIONS ? model_session(model, time, id)
                                                         : model_over_time(model, time, id);
        }
        if (taken && model->rule.early_ns > 0 && !model->early_set) {
                model->early_set = true;
                model->early_at = wall + model->rule.early_ns;
        }
        return taken;
}

static int
compare_ends(const void *left, const void *right)
{
        const struct model_window *a = left, *b = right;

        return (a->end > b->end) - (a->end < b->end);
}

static void
model_time(struct model *model, __int128 time)
{
        if (time <= model->past || model->rule.kind == SQI_OVER_COUNT || model->rule.kind == SQI_GLOBAL)
                return;
        qsort(model->windows, model->n, sizeof(model->windows[0]), compare_ends);
        for (size_t i = 0; i < model->n; i++)
                if (!model->windows[i].gone && model->windows[i].end > model->past && model->windows[i].end <= time)
                        model_fire(model, &model->windows[i], SQI_FIRES_ON_TIME);
        model->past = time;
}

static void
model_early(struct model *model, int64_t wall)
{
        if (!model->early_set || model->early_at > wall)
                return;
        model->early_set = false;
        qsort(model->windows, model->n, sizeof(model->windows[0]), compare_ends);
        for (size_t i = 0; i < model->n; i++)
                if (!model->windows[i].gone && model->windows[i].fresh > 0 &&
                    (model->rule.kind == SQI_GLOBAL || model->windows[i].end > model->past))
                        model_fire(model, &model->windows[i], SQI_FIRES_EARLY);
}

/* Of windows by the time of day that share panes no more than the next one. */
static void
model_finish(struct model *model)
{
        if (model->rule.kind == SQI_OVER_COUNT) {
                size_t slide = (size_t)model->rule.slide;
                if (model->narrived % slide != 0)
                        model_fire_arrived(model, (model->narrived / slide + 1) * slide);
                return;
        }
        qsort(model->windows, model->n, sizeof(model->windows[0]), compare_ends);
        for (size_t i = 0; i < model->n; i++) {
                struct model_window *window = &model->windows[i];
                if (window->gone || (model->rule.kind != SQI_GLOBAL && window->end <= model->past) ||
                    window->content.n == 0)
                        continue;
                model_fire(model, window, SQI_FIRES_ON_TIME);
                if (sqi_rule_shares(&model->rule))
                        return;
        }
}

#endif
