/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the windows of a bolt in C: SQ_WINDOW in squall-window.h. */
#include <string.h>

#include "windows/windows.h"

static int
fold(struct sqi_timelines *timelines, void *slot)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        run->own->add(run->task, sqi_windows_content(run, slot), run->in);
        return 0;
}

static int
merge(struct sqi_timelines *timelines, void *into, void *from)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        run->own->merge(run->task, sqi_windows_content(run, into), sqi_windows_content(run, from));
        return 0;
}

static void
clear(struct sqi_timelines *timelines, void *slot)
{
        (void)timelines;
        (void)slot;
}

static int
fire(struct sqi_timelines *timelines, const struct sqi_fired *fired)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        const struct sq_window window = {sqi_windows_time(fired->start), sqi_windows_time(fired->end),
                                         sqi_windows_firing(fired->firing), run->by};
        const struct sqi_stretch *all = &fired->parts[0]; /* whose merging may depend on the order: it has no stacks */
        const uint8_t *kept = sqi_windows_content(run, all->slots);

        if (all->n > 1) {
                memset(run->merged, 0, run->timelines.slot);
                for (size_t i = 0; i < all->n; i++)
                        run->own->merge(run->task, run->merged,
                                        sqi_windows_content(run, all->slots + i * timelines->slot));
                kept = run->merged;
        }
        run->own->emit(run->task, &window, kept);
        return 0;
}

const struct sqi_timeline_ops sqi_windowed_ops = {sqi_windows_room, fold, merge, clear, fire, sqi_windows_front};

void
sq_window_emit_values(struct sq_task *task, const struct sq_window *window, size_t n, const struct sq_value *values)
{
        const struct sq_windows *settings = sq_state(task);
        const struct sqi_rule *rule = &settings->run->timelines.rule;
        struct sq_value all[SQ_FIELDS_MAX];
        size_t count = 0;

        if (settings->by.n)
                all[count++] = sq_splice(window->key, settings->by.n);
        if (sqi_rule_ends_by_time(rule)) {
                all[count++] = sq_time(window->start);
                all[count++] = sq_time(window->end);
        }
        for (size_t i = 0; i < n && count < SQ_FIELDS_MAX - 1; i++)
                all[count++] = values[i];
        if (sqi_rule_refires(rule))
                all[count++] = sq_text(window->firing);
        sq_emit_values(task, 0, count, all);
}
