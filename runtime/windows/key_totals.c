/* SPDX-License-Identifier: Apache-2.0 */
/* The totals of the keys that have one: a hash table with chains, and a tally for each aggregate. */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "windows/row.h"
#include "windows/windows.h"

enum { FEWEST_CHAINS = 16 };

struct sqi_key_total {
        struct sqi_total total; /* the first */
        struct sqi_key_total *next;
        uint64_t hash;
        size_t length; /* of the key */
        struct sqi_suffixes suffixes;
        struct sqi_tally tallies[]; /* one an aggregate, and the key behind them */
};

static struct sqi_key_total *
key_total(const struct sqi_total *total)
{
        return (struct sqi_key_total *)(uintptr_t)total;
}

const struct sqi_suffixes *
sqi_key_total_suffixes(const struct sqi_total *total)
{
        return &key_total(total)->suffixes;
}

const struct sqi_tally *
sqi_key_total_tally(const struct sqi_total *total, size_t aggregate)
{
        return &key_total(total)->tallies[aggregate];
}

/* ---- The table ---------------------------------------------------------------------------------------- */

/* Where the key's total is, or would be: the end of its chain. There are chains. */
static struct sqi_key_total **
place_of(const struct sqi_windows *run, uint64_t hash)
{
        struct sqi_key_total **place = &run->totals.chains[hash & (run->totals.size - 1)];

        while (*place && ((*place)->hash != hash || (*place)->length != run->by.len ||
                          (run->by.len && memcmp(&(*place)->tallies[run->n], run->by.ptr, run->by.len) != 0)))
                place = &(*place)->next;
        return place;
}

static uint64_t
hash_at_hand(const struct sqi_windows *run)
{
        return sq_bag_hash(sq_bin(run->by.ptr, run->by.len));
}

static bool
lengthen(struct sqi_key_totals *totals)
{
        struct sqi_key_totals larger = {NULL, totals->n, totals->size ? totals->size * 2 : FEWEST_CHAINS};

        if (totals->n < totals->size)
                return true;
        larger.chains = calloc(larger.size, sizeof(struct sqi_key_total *));
        if (!larger.chains)
                return false;
        for (size_t i = 0; i < totals->size; i++)
                while (totals->chains[i]) {
                        struct sqi_key_total *moved = totals->chains[i], **head;

                        totals->chains[i] = moved->next;
                        head = &larger.chains[moved->hash & (larger.size - 1)];
                        moved->next = *head;
                        *head = moved;
                }
        free(totals->chains);
        *totals = larger;
        return true;
}

static struct sqi_key_total *
make(struct sqi_windows *run, uint64_t hash)
{
        size_t bytes = sizeof(struct sqi_key_total) + run->n * sizeof(struct sqi_tally) + run->by.len;
        struct sqi_key_total *made = lengthen(&run->totals) ? calloc(1, bytes) : NULL;

        if (!made)
                return NULL;
        made->hash = hash;
        made->length = run->by.len;
        if (run->by.len)
                memcpy(&made->tallies[run->n], run->by.ptr, run->by.len);
        *place_of(run, hash) = made;
        run->totals.n++;
        return made;
}

static struct sqi_total *
find(struct sqi_timelines *timelines, bool wanted)
{
        struct sqi_windows *run = sqi_windows_of(timelines);
        uint64_t hash = run->totals.n > 0 || wanted ? hash_at_hand(run) : 0;
        struct sqi_key_total *found = run->totals.n > 0 ? *place_of(run, hash) : NULL;

        if (!found && wanted)
                found = make(run, hash);
        return found ? &found->total : NULL;
}

/* ---- Totals ------------------------------------------------------------------------------------------- */

static void
clear(struct sqi_timelines *timelines, struct sqi_total *total)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        for (size_t i = 0; i < run->n; i++)
                sqi_tally_clear(&key_total(total)->tallies[i]);
        sqi_suffixes_clear(run, &key_total(total)->suffixes);
}

static void
drop(struct sqi_timelines *timelines)
{
        struct sqi_windows *run = sqi_windows_of(timelines);
        struct sqi_key_total **place = place_of(run, hash_at_hand(run)), *dropped = *place;

        clear(timelines, &dropped->total);
        *place = dropped->next;
        free(dropped);
        run->totals.n--;
}

static int
put(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        const struct sqi_blobs blobs = sqi_windows_blobs(run, slot);
        const uint8_t *cells = sqi_windows_content(run, slot);
        bool ok = true;

        for (size_t i = 0; i < run->n && ok; i++)
                if (sqi_aggregate_tallies(&run->aggregates[i]))
                        ok = sqi_tally_put(&run->aggregates[i], &key_total(total)->tallies[i], &blobs,
                                           cells + run->aggregates[i].at);
        return ok ? 0 : -ENOMEM;
}

static void
take(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        const struct sqi_blobs blobs = sqi_windows_blobs(run, slot);
        const uint8_t *cells = sqi_windows_content(run, slot);

        for (size_t i = 0; i < run->n; i++)
                if (sqi_aggregate_tallies(&run->aggregates[i]))
                        sqi_tally_take(&run->aggregates[i], &key_total(total)->tallies[i], &blobs,
                                       cells + run->aggregates[i].at);
}

static int
fold(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        const uint8_t *cells = sqi_windows_content(run, slot);
        bool ok = true;

        for (size_t i = 0; i < run->n && ok; i++)
                if (sqi_aggregate_tallies(&run->aggregates[i]))
                        ok = sqi_tally_fold(&run->aggregates[i], &key_total(total)->tallies[i],
                                            cells + run->aggregates[i].at, run->taken[i].value);
        sqi_suffixes_clear(run, &key_total(total)->suffixes);
        return ok ? 0 : -ENOMEM;
}

static bool
has_suffixes(const struct sqi_windows *run)
{
        for (size_t i = 0; i < run->n; i++)
                if (sqi_aggregate_has_suffixes(&run->aggregates[i]))
                        return true;
        return false;
}

static int
slide(struct sqi_timelines *timelines, struct sqi_total *total, const struct sqi_timeline *timeline,
      const struct sqi_fired *fired, size_t first, size_t behind)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        if (!has_suffixes(run))
                return 0;
        if (first < sqi_slots_before(timelines, timeline, total->start))
                sqi_suffixes_clear(run, &key_total(total)->suffixes); /* they do not know of a pane that came since */
        return sqi_suffixes_move(run, &key_total(total)->suffixes, timeline, fired, first, behind);
}

static bool
is_worn(struct sqi_timelines *timelines, const struct sqi_total *total)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);

        for (size_t i = 0; i < run->n; i++)
                if (sqi_tally_is_worn(&key_total(total)->tallies[i]))
                        return true;
        return false;
}

const struct sqi_total_ops sqi_tallied_ops = {find, drop, clear, put, take, fold, slide, is_worn};

bool
sqi_key_totals_pay(const struct sqi_windows *run)
{
        for (size_t i = 0; i < run->n; i++)
                if (sqi_aggregate_tallies(&run->aggregates[i]) && run->aggregates[i].kind != SQI_COUNT)
                        return true;
        return has_suffixes(run);
}

void
sqi_key_totals_end(struct sqi_windows *run)
{
        for (size_t i = 0; i < run->totals.size; i++)
                while (run->totals.chains[i]) {
                        struct sqi_key_total *ended = run->totals.chains[i];

                        run->totals.chains[i] = ended->next;
                        clear(&run->timelines, &ended->total);
                        free(ended);
                }
        free(run->totals.chains);
}
