/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_held.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 1024 };

struct sqi_held_entry *
sqi_held_at(const struct sqi_held *held, uint64_t position)
{
        return &held->entries[position % held->size];
}

/* For one more; `done` has room for all, so that to be done needs no memory. */
static bool
make_room(struct sqi_held *held)
{
        uint64_t size = held->size ? 2 * held->size : SIZE_FIRST, *done;
        struct sqi_held_entry *entries;

        if (held->next - held->first < held->size)
                return true;
        done = realloc(held->done, size * sizeof(*done));
        if (!done)
                return false;
        held->done = done;
        entries = calloc(size, sizeof(*entries));
        if (!entries)
                return false;
        for (uint64_t p = held->first; p < held->next; p++)
                entries[p % size] = *sqi_held_at(held, p);
        free(held->entries);
        held->entries = entries;
        held->size = size;
        return true;
}

static void
pass(struct sqi_held *held)
{
        while (held->first < held->next && sqi_held_at(held, held->first)->state == SQI_HELD_SAID)
                held->first++;
}

bool
sqi_held_add(struct sqi_held *held, const struct sqi_held_entry *entry)
{
        if (!make_room(held))
                return false;
        *sqi_held_at(held, held->next++) = *entry;
        pass(held);
        return true;
}

bool
sqi_held_done(struct sqi_held *held, uint64_t position)
{
        if (position < held->first || position >= held->next || sqi_held_at(held, position)->state != SQI_HELD_OPEN)
                return false;
        sqi_held_at(held, position)->state = SQI_HELD_DONE;
        held->done[held->ndone++] = position;
        return true;
}

void
sqi_held_said(struct sqi_held *held, size_t n)
{
        for (size_t i = 0; i < n; i++)
                sqi_held_at(held, held->done[i])->state = SQI_HELD_SAID;
        held->ndone -= n;
        if (n > 0)
                memmove(held->done, held->done + n, held->ndone * sizeof(*held->done));
        pass(held);
}

/* ---- Comparing --------------------------------------------------------------------------------------- */

static int
compare(const struct sqi_held_entry *a, const struct sqi_held_entry *b)
{
        if (a->ms != b->ms)
                return a->ms < b->ms ? -1 : 1;
        return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}

/* Of equal elements those that are open come first: one that is done may be gone already. */
static int
compare_known(const void *a, const void *b, void *context)
{
        const uint64_t *p = a, *q = b;
        const struct sqi_held_entry *one = sqi_held_at(context, *p), *other = sqi_held_at(context, *q);
        int order = compare(one, other);

        return order ? order : (int)one->state - (int)other->state;
}

bool
sqi_held_look(struct sqi_held *held)
{
        uint64_t *known = realloc(held->known, (held->next - held->first + 1) * sizeof(*known));

        if (!known)
                return false;
        held->known = known;
        held->nknown = 0;
        for (uint64_t p = held->first; p < held->next; p++) {
                sqi_held_at(held, p)->found = false;
                if (sqi_held_at(held, p)->state != SQI_HELD_SAID)
                        known[held->nknown++] = p;
        }
        qsort_r(known, held->nknown, sizeof(*known), compare_known, held);
        return true;
}

bool
sqi_held_has(struct sqi_held *held, const struct sqi_held_entry *wanted)
{
        size_t low = 0, high = held->nknown;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare(sqi_held_at(held, held->known[middle]), wanted) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < held->nknown; low++) {
                struct sqi_held_entry *entry = sqi_held_at(held, held->known[low]);

                if (compare(entry, wanted) != 0)
                        return false;
                if (held->unique || !entry->found)
                        return entry->found = true;
        }
        return false;
}

size_t
sqi_held_gone(struct sqi_held *held)
{
        size_t gone = 0;

        for (size_t i = 0; i < held->ndone; i++) {
                uint64_t position = held->done[i];

                if (sqi_held_at(held, position)->found)
                        continue;
                held->done[i] = held->done[gone];
                held->done[gone++] = position;
        }
        return gone;
}

/* FNV-1a, for a table in memory. */
struct sqi_held_entry
sqi_held_element(struct sq_str element)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < element.len; i++)
                hash = (hash ^ (uint8_t)element.ptr[i]) * UINT64_C(0x100000001b3);
        return (struct sqi_held_entry){.ms = hash, .seq = element.len};
}

void
sqi_held_free(struct sqi_held *held)
{
        free(held->entries);
        free(held->done);
        free(held->known);
        *held = (struct sqi_held){0};
}
