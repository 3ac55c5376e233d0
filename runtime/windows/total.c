/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/total.h"

#include <errno.h>

#include "windows/row.h"

/* That of the timeline, if it has one. */
static struct sqi_total *
total_of(struct sqi_timelines *timelines, const struct sqi_timeline *timeline)
{
        if (!timelines->totals || timeline->n < SQI_TOTALS_FROM)
                return NULL;
        return timelines->totals->find(timelines, false);
}

void
sqi_total_drop(struct sqi_timelines *timelines, const struct sqi_timeline *timeline)
{
        if (total_of(timelines, timeline))
                timelines->totals->drop(timelines);
}

static int
put(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_total *total, size_t first,
    size_t behind)
{
        int r = 0;

        for (; first < behind && r == 0; first++)
                r = timelines->totals->put(timelines, total, sqi_slot_at(timelines, timeline, first));
        return r;
}

static void
take(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_total *total, size_t first,
     size_t behind)
{
        for (; first < behind; first++)
                timelines->totals->take(timelines, total, sqi_slot_at(timelines, timeline, first));
}

static size_t
least(size_t a, size_t b)
{
        return a < b ? a : b;
}

static size_t
greatest(size_t a, size_t b)
{
        return a > b ? a : b;
}

/* Puts and takes what is different, if that is less than to put all. */
static int
step(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_total *total, size_t first,
     size_t behind)
{
        size_t from = sqi_slots_before(timelines, timeline, total->start),
               to = sqi_slots_before(timelines, timeline, total->end),
               both = least(to, behind) > greatest(from, first) ? least(to, behind) - greatest(from, first) : 0;
        int r;

        if (to - from >= 2 * both) {
                timelines->totals->clear(timelines, total);
                return put(timelines, timeline, total, first, behind);
        }
        r = put(timelines, timeline, total, first, from);
        if (r == 0)
                r = put(timelines, timeline, total, to, behind);
        take(timelines, timeline, total, from, first);
        take(timelines, timeline, total, behind, to);
        return r;
}

int
sqi_total_move(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *fired,
               size_t first, size_t behind)
{
        struct sqi_total *total;
        int r;

        if (!timelines->totals || behind - first < SQI_TOTALS_FROM)
                return 0;
        total = timelines->totals->find(timelines, true);
        if (!total)
                return -ENOMEM;
        r = step(timelines, timeline, total, first, behind);
        if (r == 0 && timelines->totals->is_worn(timelines, total)) {
                timelines->totals->clear(timelines, total);
                r = put(timelines, timeline, total, first, behind);
        }
        if (r == 0 && timelines->totals->slide)
                r = timelines->totals->slide(timelines, total, timeline, fired, first, behind);
        if (r < 0) {
                timelines->totals->drop(timelines);
                return r;
        }
        total->start = fired->start;
        total->end = fired->end;
        fired->total = total;
        return 0;
}

int
sqi_total_fold(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i)
{
        int64_t start = sqi_slot_start(timelines, timeline, i);
        /* What has not fired yet, as what most tuples come into, is in no total. */
        struct sqi_total *total = start < timeline->fired ? total_of(timelines, timeline) : NULL;
        int r;

        if (!total || start < total->start || start >= total->end)
                return 0;
        r = timelines->totals->fold(timelines, total, sqi_slot_at(timelines, timeline, i));
        if (r < 0)
                timelines->totals->drop(timelines);
        return r;
}

void
sqi_total_let_go(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t n)
{
        struct sqi_total *total = n > 0 ? total_of(timelines, timeline) : NULL;

        if (!total)
                return;
        if (timeline->n - n < SQI_TOTALS_FROM) {
                timelines->totals->drop(timelines);
                return;
        }
        take(timelines, timeline, total, sqi_slots_before(timelines, timeline, total->start),
             least(n, sqi_slots_before(timelines, timeline, total->end)));
        if (total->start < sqi_slot_start(timelines, timeline, n))
                total->start = sqi_slot_start(timelines, timeline, n);
        if (total->start > total->end)
                total->start = total->end;
}
