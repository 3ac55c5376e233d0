/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/suffixes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "windows/row.h"
#include "windows/windows.h"

/* An entry: the start of its pane, a blob for each aggregate, and the cells. */
struct suffix {
        int64_t start;
        struct sqi_blob blobs[];
};

bool
sqi_aggregate_has_suffixes(const struct sqi_aggregate *aggregate)
{
        return !sqi_aggregate_tallies(aggregate) && aggregate->kind != SQI_COLLECT;
}

static size_t
size_of(const struct sqi_windows *run)
{
        return sizeof(struct suffix) + run->n * sizeof(struct sqi_blob) + run->timelines.slot -
               sqi_timeline_header(&run->timelines.rule);
}

static struct suffix *
entry_at(const struct sqi_windows *run, const struct sqi_suffixes *suffixes, size_t i)
{
        return (struct suffix *)(void *)(suffixes->entries + i * size_of(run));
}

static uint8_t *
cells_of(const struct sqi_windows *run, struct suffix *entry)
{
        return (uint8_t *)&entry->blobs[run->n];
}

/* Puts cells to cells. */
static bool
put(const struct sqi_windows *run, const struct sqi_blobs *into_blobs, uint8_t *into,
    const struct sqi_blobs *from_blobs, const uint8_t *from)
{
        bool ok = true;

        for (size_t i = 0; i < run->n && ok; i++) {
                const struct sqi_aggregate *aggregate = &run->aggregates[i];

                if (sqi_aggregate_has_suffixes(aggregate))
                        ok = sqi_aggregate_merge(aggregate, into_blobs, into + aggregate->at, from_blobs,
                                                 from + aggregate->at);
        }
        return ok;
}

static bool
put_pane(const struct sqi_windows *run, const struct sqi_timeline *timeline, struct suffix *entry, size_t i)
{
        const void *slot = sqi_slot_at(&run->timelines, timeline, i);
        const struct sqi_blobs into = {.own = entry->blobs}, from = sqi_windows_blobs(run, slot);

        return put(run, &into, cells_of(run, entry), &from, sqi_windows_content(run, slot));
}

static bool
put_entry(const struct sqi_windows *run, const struct sqi_blobs *blobs, uint8_t *cells, struct suffix *entry)
{
        return put(run, blobs, cells, &(struct sqi_blobs){.own = entry->blobs}, cells_of(run, entry));
}

void
sqi_suffixes_clear(const struct sqi_windows *run, struct sqi_suffixes *suffixes)
{
        for (size_t i = 0; suffixes->entries && i <= suffixes->n; i++)
                for (size_t a = 0; a < run->n; a++)
                        free(entry_at(run, suffixes, i)->blobs[a].bytes);
        free(suffixes->entries);
        *suffixes = (struct sqi_suffixes){0};
}

/* An entry for each of the panes, from right to left; and a front of nothing. */
static int
make(const struct sqi_windows *run, struct sqi_suffixes *suffixes, const struct sqi_timeline *timeline, size_t first,
     size_t past)
{
        bool ok = true;

        sqi_suffixes_clear(run, suffixes);
        suffixes->entries = calloc(past - first + 1, size_of(run));
        if (!suffixes->entries)
                return -ENOMEM;
        suffixes->n = past - first;
        for (size_t i = suffixes->n; i-- > 0 && ok;) {
                struct suffix *entry = entry_at(run, suffixes, i);
                const struct sqi_blobs blobs = {.own = entry->blobs};

                entry->start = sqi_slot_start(&run->timelines, timeline, first + i);
                ok = put_pane(run, timeline, entry, first + i);
                if (ok && i + 1 < suffixes->n)
                        ok = put_entry(run, &blobs, cells_of(run, entry), entry_at(run, suffixes, i + 1));
        }
        return ok ? 0 : -ENOMEM;
}

int
sqi_suffixes_move(const struct sqi_windows *run, struct sqi_suffixes *suffixes, const struct sqi_timeline *timeline,
                  const struct sqi_fired *fired, size_t first, size_t past)
{
        bool goes_on = suffixes->entries && fired->start >= suffixes->start && fired->end >= suffixes->end &&
                       fired->start <= entry_at(run, suffixes, suffixes->n - 1)->start;
        struct suffix *front;

        if (!goes_on) {
                int r = make(run, suffixes, timeline, first, past);

                suffixes->start = fired->start;
                suffixes->end = fired->end;
                return r;
        }
        front = entry_at(run, suffixes, suffixes->n);
        for (size_t i = sqi_slots_before(&run->timelines, timeline, suffixes->end); i < past; i++)
                if (!put_pane(run, timeline, front, i))
                        return -ENOMEM;
        suffixes->end = fired->end;
        return 0;
}

/* The first entry that begins at `start` or later. There is one. */
static struct suffix *
entry_from(const struct sqi_windows *run, const struct sqi_suffixes *suffixes, int64_t start)
{
        size_t low = 0, high = suffixes->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (entry_at(run, suffixes, middle)->start < start)
                        low = middle + 1;
                else
                        high = middle;
        }
        return entry_at(run, suffixes, low);
}

bool
sqi_suffixes_put(const struct sqi_windows *run, const struct sqi_suffixes *suffixes, int64_t start,
                 const struct sqi_blobs *blobs, uint8_t *cells)
{
        return put_entry(run, blobs, cells, entry_from(run, suffixes, start)) &&
               put_entry(run, blobs, cells, entry_at(run, suffixes, suffixes->n));
}
