/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of version 0 of the bolt `window`: an array of panes for each key, with a cell of one form for every kind
 * of aggregate. Its sketches lie where they lie now.
 */
#include <errno.h>
#include <string.h>

#include "windows/cells.h"
#include "windows/windows.h"

/* Was the state of a key. */
struct earlier_key {
        int64_t seen, end;
        uint64_t layout;
};

struct earlier_cell {
        uint64_t n;
        struct sq_value value;
        struct {
                __int128 whole;
                double real;
                bool with_real;
        } sum;
        uint64_t used, size, ceiling;
};

struct earlier_pane {
        int64_t number;
        struct earlier_cell cells[];
};

enum { EARLIER = 2 }; /* in `begun`: the slots are to be made of an array of panes */

void
sqi_windows_take_earlier(const void *old, struct sqi_window_key *key)
{
        struct earlier_key earlier;

        memcpy(&earlier, old, sizeof(earlier));
        *key = (struct sqi_window_key){.layout = earlier.layout, .armed = SQI_NEVER, .early_armed = SQI_NEVER};
        key->timeline = (struct sqi_timeline){.seen = (uint64_t)earlier.seen,
                                              .fired = earlier.end,
                                              .due = SQI_NEVER,
                                              .early_due = SQI_NEVER,
                                              .begun = EARLIER};
}

bool
sqi_windows_is_earlier(const struct sqi_window_key *key)
{
        return key->timeline.begun == EARLIER;
}

static void
convert_sum(const struct earlier_cell *earlier, struct sqi_sum *sum)
{
        *sum = (struct sqi_sum){.real = earlier->sum.real, .low = (uint64_t)earlier->sum.whole};
        sum->high = (int64_t)(earlier->sum.whole >> 64);
        sum->n = earlier->n | (earlier->sum.with_real ? UINT64_C(1) << 63 : 0);
}

static void
convert_cell(enum sqi_aggregate_kind kind, const struct earlier_cell *earlier, void *cell)
{
        struct sqi_sketch sketch = {earlier->n, earlier->used, earlier->size, UINT64_MAX - earlier->ceiling};

        if (kind == SQI_COUNT)
                memcpy(cell, &earlier->n, sizeof(earlier->n));
        else if (kind == SQI_SUM || kind == SQI_AVG)
                convert_sum(earlier, cell);
        else if (kind == SQI_QUANTILE || kind == SQI_DISTINCT)
                memcpy(cell, &sketch, sizeof(sketch));
        else if (earlier->n > 0) /* the least, the greatest */
                memcpy(cell, &earlier->value, sizeof(earlier->value));
}

int
sqi_windows_convert(struct sqi_windows *run)
{
        const struct sqi_rule *rule = &run->timelines.rule;
        struct sqi_timeline *timeline = &run->key->timeline;
        size_t n = sq_array_count(run->task, run->key, SQI_OLD_PANES);

        timeline->begun = 1;
        if (rule->kind == SQI_OVER_TIME)
                timeline->fired -= rule->slide; /* it was the end of the next window */
        timeline->room = (uint32_t)n;
        if (n > 0)
                run->timelines.slots = run->timelines.ops->room(&run->timelines, n * run->timelines.slot);
        for (; timeline->n < n; timeline->n++) {
                const struct earlier_pane *pane = sq_array_at(run->task, run->key, SQI_OLD_PANES, timeline->n);
                uint8_t *slot = run->timelines.slots + timeline->n * run->timelines.slot;
                struct sqi_pane header = {pane->number * rule->pane};

                memcpy(slot, &header, sizeof(header));
                for (size_t i = 0; i < run->n; i++)
                        convert_cell(run->aggregates[i].kind, &pane->cells[i],
                                     slot + sizeof(header) + run->aggregates[i].at);
        }
        sq_array_drop(run->task, run->key, SQI_OLD_PANES, n);
        return rule->kind == SQI_OVER_TIME ? sqi_timeline_due(&run->timelines, timeline, timeline->fired) : 0;
}
