/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/timeline.h"

#include <errno.h>
#include <string.h>

#include "windows/panes.h"
#include "windows/row.h"

/* ---- Windows that are slots -------------------------------------------------------------------------- */

static struct sqi_window *
window_at(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i)
{
        return sqi_slot_at(timelines, timeline, i);
}

static void *
insert_window(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t i, int64_t start, int64_t end)
{
        struct sqi_window *window = sqi_slots_insert(timelines, timeline, i, start);

        if (window) {
                window->end = end;
                window->id = timeline->ids++;
        }
        return window;
}

static struct sqi_fired
as_fired(struct sqi_window *window, enum sqi_firing firing)
{
        return (struct sqi_fired){.firing = firing,
                                  .start = window->start,
                                  .end = window->end,
                                  .nparts = 1,
                                  .parts = {{(uint8_t *)window, 1}}};
}

static int
fire_window(struct sqi_timelines *timelines, struct sqi_window *window, enum sqi_firing firing)
{
        const struct sqi_fired fired = as_fired(window, firing);
        int r = window->n > 0 ? timelines->ops->fire(timelines, &fired) : 0;

        if (r < 0)
                return r;
        window->fresh = 0;
        if (timelines->rule.discard) {
                timelines->ops->clear(timelines, window);
                memset(window + 1, 0, timelines->slot - sizeof(*window));
                window->n = 0;
        }
        return 0;
}

/* Folds the tuple in and fires what it completes. */
static int
fold_into_window(struct sqi_timelines *timelines, struct sqi_timeline *timeline, struct sqi_window *window)
{
        const struct sqi_rule *rule = &timelines->rule;
        bool past = rule->kind != SQI_GLOBAL && window->end <= timeline->fired;
        int64_t due = past ? sqi_plus(window->end, rule->lateness) : window->end;
        int r = timelines->ops->fold(timelines, window);

        if (due < timeline->due)
                timeline->due = due;
        if (r < 0)
                return r;
        window->n++;
        window->fresh++;
        if (past)
                return fire_window(timelines, window, SQI_FIRES_LATE);
        if (rule->early_n > 0 && window->fresh >= (uint64_t)rule->early_n)
                return fire_window(timelines, window, SQI_FIRES_EARLY);
        return 0;
}

static int
add_to_windows(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        const struct sqi_rule *rule = &timelines->rule;
        int64_t last = sqi_last_end(rule, time), end = sqi_first_end(rule, time);
        int r = 0;

        if (sqi_plus(last, rule->lateness) <= timeline->fired)
                return SQI_IS_LATE;
        for (; r == 0 && end <= last; end = sqi_plus(end, rule->slide)) {
                int64_t start = sqi_plus(end, -rule->size);
                size_t i = sqi_slots_before(timelines, timeline, start);

                if (sqi_plus(end, rule->lateness) <= timeline->fired)
                        continue;
                if ((i == timeline->n || sqi_slot_start(timelines, timeline, i) != start) &&
                    !insert_window(timelines, timeline, i, start, end))
                        return -ENOMEM;
                r = fold_into_window(timelines, timeline, window_at(timelines, timeline, i));
                if (end == INT64_MAX)
                        break;
        }
        return r;
}

static void
forget_past_windows(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        size_t past = 0;

        while (past < timeline->n &&
               sqi_plus(window_at(timelines, timeline, past)->end, timelines->rule.lateness) <= timeline->fired)
                past++;
        sqi_slots_forget(timelines, timeline, past);
}

/* Makes one of `n` windows from place `i` on. */
static int
merge_windows(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t i, size_t n)
{
        struct sqi_window *into = window_at(timelines, timeline, i);
        int r = 0;

        for (size_t j = i + 1; j < i + n && r == 0; j++) {
                struct sqi_window *from = window_at(timelines, timeline, j);

                into->end = from->end;
                into->n += from->n;
                into->fresh += from->fresh;
                r = timelines->ops->merge(timelines, into, from);
                timelines->ops->clear(timelines, from);
        }
        memmove(window_at(timelines, timeline, i + 1), window_at(timelines, timeline, i + n),
                (timeline->n - i - n) * timelines->slot);
        timeline->n -= (uint32_t)(n - 1);
        return r;
}

/* Sessions do not overlap, so those that the tuple joins stand side by side. */
static int
add_to_sessions(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        int64_t end = sqi_plus(time, timelines->rule.gap);
        struct sqi_window *session;
        size_t first, behind;

        forget_past_windows(timelines, timeline);
        for (first = timeline->n; first > 0 && window_at(timelines, timeline, first - 1)->end >= time;)
                first--;
        for (behind = first; behind < timeline->n && sqi_slot_start(timelines, timeline, behind) <= end;)
                behind++;
        if (first == behind) {
                if (sqi_plus(end, timelines->rule.lateness) <= timeline->fired)
                        return SQI_IS_LATE;
                if (!insert_window(timelines, timeline, first, time, end))
                        return -ENOMEM;
        } else if (merge_windows(timelines, timeline, first, behind - first) < 0) {
                return -ENOMEM;
        }
        session = window_at(timelines, timeline, first);
        session->start = session->start < time ? session->start : time;
        session->end = session->end > end ? session->end : end;
        return fold_into_window(timelines, timeline, session);
}

static int
add_to_global(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        if (timeline->n == 0 && !insert_window(timelines, timeline, 0, INT64_MIN, INT64_MAX))
                return -ENOMEM;
        return fold_into_window(timelines, timeline, window_at(timelines, timeline, 0));
}

/* Their ends are in the order of their starts. */
static int
windows_due(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        size_t i = 0;
        int r = 0;

        for (; i < timeline->n && r == 0 && window_at(timelines, timeline, i)->end <= time; i++)
                if (window_at(timelines, timeline, i)->end > timeline->fired)
                        r = fire_window(timelines, window_at(timelines, timeline, i), SQI_FIRES_ON_TIME);
        if (r < 0)
                return r;
        timeline->fired = timeline->fired > time ? timeline->fired : time;
        forget_past_windows(timelines, timeline);
        timeline->due = SQI_NEVER;
        for (i = 0; i < timeline->n && timeline->due == SQI_NEVER; i++)
                if (window_at(timelines, timeline, i)->end > timeline->fired)
                        timeline->due = window_at(timelines, timeline, i)->end;
        if (timeline->due == SQI_NEVER && timeline->n > 0)
                timeline->due = sqi_plus(window_at(timelines, timeline, timeline->n - 1)->end,
                                         timelines->rule.lateness);
        return 0;
}

/* ---- The timeline --------------------------------------------------------------------------------------- */

static void
begin(struct sqi_timeline *timeline)
{
        if (timeline->begun)
                return;
        timeline->begun = 1;
        timeline->fired = INT64_MIN;
        timeline->due = timeline->early_due = SQI_NEVER;
}

int
sqi_timeline_due(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        begin(timeline);
        if (timelines->rule.kind == SQI_OVER_COUNT || timelines->rule.kind == SQI_GLOBAL)
                return 0;
        return sqi_rule_shares(&timelines->rule) ? sqi_panes_due(timelines, timeline, time)
                                                 : windows_due(timelines, timeline, time);
}

/* By the watermark: a window of before it that comes into being now is late, and will not fire on time. */
static int
catch_up(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t watermark)
{
        int r = timeline->due <= watermark ? sqi_timeline_due(timelines, timeline, watermark) : 0;

        if (timeline->fired < watermark)
                timeline->fired = watermark;
        return r;
}

static int
add(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        switch (timelines->rule.kind) {
        case SQI_OVER_COUNT:
                return sqi_panes_count(timelines, timeline);
        case SQI_GLOBAL:
                return add_to_global(timelines, timeline);
        case SQI_SESSIONS:
                return add_to_sessions(timelines, timeline, time);
        default:
                return sqi_rule_shares(&timelines->rule) ? sqi_panes_add(timelines, timeline, time)
                                                         : add_to_windows(timelines, timeline, time);
        }
}

int
sqi_timeline_add(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time, struct sqi_now now)
{
        int r = 0;

        begin(timeline);
        if (timelines->rule.event_time)
                r = catch_up(timelines, timeline, now.watermark);
        else
                time = now.wall > timeline->fired ? now.wall : timeline->fired;
        if (r == 0)
                r = add(timelines, timeline, time);
        if (r == 0 && timelines->rule.early_ns > 0 && timeline->early_due == SQI_NEVER)
                timeline->early_due = sqi_plus(now.wall, timelines->rule.early_ns);
        return r;
}

int
sqi_timeline_early(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        int r = 0;

        timeline->early_due = SQI_NEVER;
        for (size_t i = 0; i < timeline->n && r == 0 && !sqi_rule_shares(&timelines->rule); i++) {
                struct sqi_window *window = window_at(timelines, timeline, i);
                if (window->fresh > 0 && window->end > timeline->fired)
                        r = fire_window(timelines, window, SQI_FIRES_EARLY);
        }
        return r;
}

static bool
next_window(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *ret)
{
        for (size_t i = 0; i < timeline->n; i++) {
                struct sqi_window *window = window_at(timelines, timeline, i);

                if (window->n == 0 || window->end <= timeline->fired)
                        continue;
                *ret = as_fired(window, SQI_FIRES_ON_TIME);
                return true;
        }
        return false;
}

bool
sqi_timeline_next(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *ret)
{
        if (timeline->n == 0 || !sqi_rule_shares(&timelines->rule))
                return next_window(timelines, timeline, ret);
        return sqi_panes_next(timelines, timeline, ret);
}

static int
finish_windows(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        int r = 0;

        for (size_t i = 0; i < timeline->n && r == 0; i++)
                if (window_at(timelines, timeline, i)->end > timeline->fired)
                        r = fire_window(timelines, window_at(timelines, timeline, i), SQI_FIRES_ON_TIME);
        return r;
}

int
sqi_timeline_finish(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        struct sqi_fired fired;

        begin(timeline);
        if (!sqi_rule_shares(&timelines->rule))
                return finish_windows(timelines, timeline);
        if (timelines->rule.kind == SQI_OVER_COUNT && (int64_t)timeline->seen % timelines->rule.slide == 0)
                return 0;
        if (timelines->stacks && timeline->front > 0 && !timelines->front)
                timelines->front = timelines->ops->front(timelines);
        return sqi_timeline_next(timelines, timeline, &fired) ? timelines->ops->fire(timelines, &fired) : 0;
}
