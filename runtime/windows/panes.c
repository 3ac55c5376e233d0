/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/panes.h"

#include <errno.h>
#include <string.h>

#include "windows/row.h"
#include "windows/total.h"

/* Below that many panes in a window, stacks and totals cost as much as they save. */
enum { STACKS_FROM = SQI_TOTALS_FROM };

/* ---- The stacks -------------------------------------------------------------------------------------- */

bool
sqi_panes_stack(const struct sqi_rule *rule)
{
        return sqi_rule_shares(rule) && rule->lateness == 0 && rule->size / rule->pane >= STACKS_FROM;
}

bool
sqi_panes_total(const struct sqi_rule *rule)
{
        return sqi_rule_shares(rule) && rule->size / rule->pane >= SQI_TOTALS_FROM;
}

/* What the slots of the front come to. NULL: no memory. */
static void *
front_of(struct sqi_timelines *timelines)
{
        if (!timelines->front)
                timelines->front = timelines->ops->front(timelines);
        return timelines->front;
}

/* The panes from `first` up to `end` become the back. */
static int
turn(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t first, size_t end)
{
        int r = 0;

        for (size_t i = end - 1; i > first && r == 0; i--)
                r = timelines->ops->merge(timelines, sqi_slot_at(timelines, timeline, i - 1),
                                          sqi_slot_at(timelines, timeline, i));
        if (timeline->front > 0 && front_of(timelines))
                memset(timelines->front, 0, timelines->slot);
        timeline->back = (uint32_t)end;
        timeline->front = 0;
        return r;
}

/* The panes up to `end` that are in no stack become part of the front. */
static int
push(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t end)
{
        int r = 0;

        if (timeline->back < end && !front_of(timelines))
                return -ENOMEM;
        for (; timeline->back + timeline->front < end && r == 0; timeline->front++)
                r = timelines->ops->merge(timelines, timelines->front,
                                          sqi_slot_at(timelines, timeline, timeline->back + timeline->front));
        return r;
}

/* So that the panes from `first` up to `end` are a slot of the back, and the front. */
static int
stack(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t first, size_t end)
{
        if (first < timeline->back || (first == timeline->back && timeline->front > 0))
                return push(timelines, timeline, end);
        return turn(timelines, timeline, first, end);
}

/* The oldest `n`. */
static void
let_go(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t n)
{
        sqi_total_let_go(timelines, timeline, n);
        if (timelines->stacks && n > timeline->back) {
                if (timeline->front > 0 && front_of(timelines))
                        memset(timelines->front, 0, timelines->slot);
                timeline->back = timeline->front = 0;
        } else if (timelines->stacks) {
                timeline->back -= (uint32_t)n;
        }
        sqi_slots_forget(timelines, timeline, n);
}

/* A new pane at place `i`; in the back it has what is behind it. */
static int
insert(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t i, int64_t start)
{
        void *slot = sqi_slots_insert(timelines, timeline, i, start);

        if (!slot)
                return -ENOMEM;
        if (i < timeline->back) {
                timeline->back++;
                return timelines->ops->merge(timelines, slot, sqi_slot_at(timelines, timeline, i + 1));
        }
        if (i < timeline->back + timeline->front)
                timeline->front++;
        return 0;
}

/* Into the pane at place `i`, and all that has it. */
static int
fold(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t i)
{
        int r = timelines->ops->fold(timelines, sqi_slot_at(timelines, timeline, i));

        if (r == 0)
                r = sqi_total_fold(timelines, timeline, i);
        if (i < timeline->back)
                while (i-- > 0 && r == 0)
                        r = timelines->ops->fold(timelines, sqi_slot_at(timelines, timeline, i));
        else if (i < timeline->back + timeline->front && r == 0)
                r = front_of(timelines) ? timelines->ops->fold(timelines, timelines->front) : -ENOMEM;
        return r;
}

/* What the window is made of, as the stacks are: the slots from `first` up to `end`. */
static void
range(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *fired, size_t first,
      size_t end)
{
        size_t stacked = timeline->back + timeline->front;

        if (first < timeline->back)
                fired->parts[fired->nparts++] = (struct sqi_stretch){sqi_slot_at(timelines, timeline, first), 1};
        if (timeline->front > 0 && first <= timeline->back)
                fired->parts[fired->nparts++] = (struct sqi_stretch){timelines->front, 1};
        else if (first > timeline->back)
                stacked = first;
        if (stacked < end)
                fired->parts[fired->nparts++] = (struct sqi_stretch){sqi_slot_at(timelines, timeline, stacked),
                                                                     end - stacked};
}

/* ---- Windows over time ------------------------------------------------------------------------------- */

static int
fire_panes(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t end, enum sqi_firing firing)
{
        struct sqi_fired fired = {.firing = firing, .start = sqi_plus(end, -timelines->rule.size), .end = end};
        size_t first = sqi_slots_before(timelines, timeline, fired.start),
               behind = sqi_slots_before(timelines, timeline, fired.end);
        int r = 0;

        if (first == behind)
                return 0;
        if (timelines->stacks)
                r = stack(timelines, timeline, first, behind);
        else
                r = sqi_total_move(timelines, timeline, &fired, first, behind);
        if (r < 0)
                return r;
        range(timelines, timeline, &fired, first, behind);
        r = timelines->ops->fire(timelines, &fired);
        if (r < 0)
                sqi_total_drop(timelines, timeline);
        return r;
}

static int
fold_into_pane(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t start)
{
        size_t i = sqi_slots_before(timelines, timeline, start);
        int r = 0;

        if (i == timeline->n || sqi_slot_start(timelines, timeline, i) != start)
                r = insert(timelines, timeline, i, start);
        return r < 0 ? r : fold(timelines, timeline, i);
}

/* The end of the next window that has something in it, after `fired`. */
static int64_t
next_end(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline)
{
        const struct sqi_rule *rule = &timelines->rule;
        int64_t end = sqi_first_end(rule, timeline->fired), first;
        size_t i = timeline->fired == INT64_MIN ? 0 : sqi_slots_before(timelines, timeline, sqi_plus(end, -rule->size));

        if (i == timeline->n)
                return SQI_NEVER;
        first = sqi_first_end(rule, sqi_slot_start(timelines, timeline, i));
        return first > end || timeline->fired == INT64_MIN ? first : end;
}

/* A time is late when the last window that it is in is. */
int
sqi_panes_add(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        const struct sqi_rule *rule = &timelines->rule;
        int64_t last = sqi_last_end(rule, time), end = sqi_first_end(rule, time);
        int r;

        if (sqi_plus(last, rule->lateness) <= timeline->fired)
                return SQI_IS_LATE;
        r = fold_into_pane(timelines, timeline, sqi_pane_start(rule, time));
        for (; r == 0 && end <= timeline->fired && end <= last; end = sqi_plus(end, rule->slide))
                if (sqi_plus(end, rule->lateness) > timeline->fired)
                        r = fire_panes(timelines, timeline, end, SQI_FIRES_LATE);
        end = end <= last ? end : sqi_plus(last, rule->lateness);
        if (end < timeline->due)
                timeline->due = end;
        return r;
}

int
sqi_panes_due(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time)
{
        const struct sqi_rule *rule = &timelines->rule;
        int64_t end = next_end(timelines, timeline);
        size_t past = 0;
        int r = 0;

        while (timeline->n > 0 && end <= time && end > timeline->fired) {
                r = fire_panes(timelines, timeline, end, SQI_FIRES_ON_TIME);
                if (r < 0)
                        return r;
                timeline->fired = end;
                end = next_end(timelines, timeline);
        }
        if (timeline->fired < time) {
                timeline->fired = time;
                end = next_end(timelines, timeline);
        }
        while (past < timeline->n && sqi_plus(sqi_last_end(rule, sqi_slot_start(timelines, timeline, past)),
                                              rule->lateness) <= timeline->fired)
                past++;
        let_go(timelines, timeline, past); /* they are in no window that ends later */
        timeline->due = end;
        if (timeline->due == SQI_NEVER && timeline->n > 0)
                timeline->due = sqi_plus(sqi_last_end(rule, sqi_slot_start(timelines, timeline, timeline->n - 1)),
                                         rule->lateness);
        return 0;
}

/* ---- Windows of tuples ------------------------------------------------------------------------------- */

int
sqi_panes_count(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        const struct sqi_rule *rule = &timelines->rule;
        int64_t seen = (int64_t)timeline->seen;
        size_t past = 0;
        int r = fold_into_pane(timelines, timeline, seen - seen % rule->pane);

        timeline->seen = (uint64_t)++seen;
        if (r < 0 || seen % rule->slide != 0)
                return r;
        r = fire_panes(timelines, timeline, seen, SQI_FIRES_ON_TIME);
        while (past < timeline->n &&
               sqi_slot_start(timelines, timeline, past) + rule->pane <= seen + rule->slide - rule->size)
                past++;
        let_go(timelines, timeline, past);
        return r;
}

bool
sqi_panes_next(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *ret)
{
        const struct sqi_rule *rule = &timelines->rule;
        struct sqi_fired fired = {.firing = SQI_FIRES_ON_TIME};
        size_t first, behind;

        if (rule->kind == SQI_OVER_COUNT)
                fired.end = ((int64_t)timeline->seen + rule->slide - 1) / rule->slide * rule->slide;
        else
                fired.end = next_end(timelines, timeline);
        fired.start = sqi_plus(fired.end, -rule->size);
        first = sqi_slots_before(timelines, timeline, fired.start);
        behind = sqi_slots_before(timelines, timeline, fired.end);
        if (first == behind)
                return false;
        range(timelines, timeline, &fired, first, behind);
        *ret = fired;
        return true;
}
