/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/row.h"

#include <errno.h>
#include <string.h>

enum { FIRST_ROOM = 2 };

size_t
sqi_timeline_header(const struct sqi_rule *rule)
{
        return sqi_rule_shares(rule) ? sizeof(struct sqi_pane) : sizeof(struct sqi_window);
}

uint64_t
sqi_slot_id(const struct sqi_rule *rule, const void *slot)
{
        const struct sqi_window *window = slot;
        const struct sqi_pane *pane = slot;

        if (!sqi_rule_shares(rule))
                return window->id;
        return (uint64_t)((sqi_plus(pane->start, -rule->pane_offset)) / rule->pane);
}

/* Number `i` of the timeline. */
void *
sqi_slot_at(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i)
{
        return timelines->slots + (timeline->begin + i) * timelines->slot;
}

int64_t
sqi_slot_start(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i)
{
        const struct sqi_pane *header = sqi_slot_at(timelines, timeline, i); /* every header begins with it */

        return header->start;
}

/* The number of slots that begin before `start`. Most tuples go into the last one, and most windows begin with the
 * first, or behind it. */
size_t
sqi_slots_before(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, int64_t start)
{
        size_t low = 0, high = timeline->n;

        if (high > 0 && sqi_slot_start(timelines, timeline, high - 1) < start)
                return high;
        for (; low < high && low < 2; low++)
                if (sqi_slot_start(timelines, timeline, low) >= start)
                        return low;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (sqi_slot_start(timelines, timeline, middle) < start)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Room behind the last slot: that of those that were forgotten, if it is half of all, or twice as much. */
static int
reserve(struct sqi_timelines *timelines, struct sqi_timeline *timeline)
{
        uint32_t room = timeline->room ? timeline->room * 2 : FIRST_ROOM;
        uint8_t *slots;

        if (timeline->begin + timeline->n < timeline->room)
                return 0;
        if (timeline->begin > 0 && timeline->begin >= timeline->room / 2) {
                memmove(timelines->slots, sqi_slot_at(timelines, timeline, 0), timeline->n * timelines->slot);
                timeline->begin = 0;
                return 0;
        }
        slots = timelines->ops->room(timelines, room * timelines->slot);
        if (!slots)
                return -ENOMEM;
        timelines->slots = slots;
        timeline->room = room;
        return 0;
}

/* A slot of zeroes at place `i`. NULL: no memory. */
void *
sqi_slots_insert(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t i, int64_t start)
{
        struct sqi_pane *header;

        if (reserve(timelines, timeline) < 0)
                return NULL;
        header = sqi_slot_at(timelines, timeline, i);
        memmove(sqi_slot_at(timelines, timeline, i + 1), header, (timeline->n - i) * timelines->slot);
        memset(header, 0, timelines->slot);
        header->start = start;
        timeline->n++;
        return header;
}

/* The first `n`. */
void
sqi_slots_forget(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t n)
{
        for (size_t i = 0; i < n; i++)
                timelines->ops->clear(timelines, sqi_slot_at(timelines, timeline, i));
        timeline->begin += (uint32_t)n;
        timeline->n -= (uint32_t)n;
        if (timeline->n == 0)
                timeline->begin = 0;
}
