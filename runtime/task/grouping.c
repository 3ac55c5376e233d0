/* SPDX-License-Identifier: Apache-2.0 */
#include "task/grouping.h"

#include <stdlib.h>

#include "plan/routing.h"
#include "tuple/canonical.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Of a value that may have another form: equal values go to one task. */
static __attribute__((noinline)) uint64_t
canonical_hash(const uint8_t *at, const uint8_t *end, uint64_t seed)
{
        size_t room = 2 * (size_t)(end - at);
        uint8_t small[256], *form = room <= sizeof(small) ? small : malloc(room);
        uint64_t hash;

        if (!form)
                return XXH3_64bits_withSeed(at, (size_t)(end - at), seed);
        hash = XXH3_64bits_withSeed(form, (size_t)(sqi_canonical(form, at, end) - form), seed);
        if (form != small)
                free(form);
        return hash;
}

uint64_t
sqi_key_hash(const struct sqi_plan_edge *edge, const struct sqi_slice *tuple)
{
        uint64_t hash = 0;

        for (uint32_t k = 0; k < edge->nkeys; k++) {
                uint32_t begin = tuple->offsets[edge->keys[k]];
                uint32_t end = tuple->offsets[edge->keys[k] + 1];
                if (__builtin_expect(sqi_has_forms(tuple->at[begin]), 0))
                        hash = canonical_hash(tuple->at + begin, tuple->at + end, hash);
                else
                        hash = XXH3_64bits_withSeed(tuple->at + begin, end - begin, hash);
        }
        return hash;
}

/* Between two looks at the loads of all; and what a tuple may wait anywhere before it matters. */
enum { SHUFFLE_TURNS = 64 };
static const uint64_t SHUFFLE_WAIT_NS = 10000000;

static inline uint64_t
wait_ns(const struct sqi_outlet *outlet)
{
        return sqi_load_wait_ns(outlet->load, outlet->batch.now.count);
}

/* Twice what it would wait at the least loaded one. */
static void
look_at_loads(struct sqi_target *target, struct sqi_outlet **outlets, uint32_t n)
{
        uint64_t least = UINT64_MAX;

        for (uint32_t i = 0; i < n; i++) {
                uint64_t wait = outlets[i]->stuck ? UINT64_MAX : wait_ns(outlets[i]);
                if (wait < least)
                        least = wait;
        }
        target->turns = SHUFFLE_TURNS;
        target->fair_ns = least < UINT64_MAX / 4 ? 2 * least + SHUFFLE_WAIT_NS : UINT64_MAX;
}

/* Round robin over those that are neither stuck nor far more loaded than the others; when all are, the next in turn,
 * where the tuple waits. */
static struct sqi_outlet *
shuffle(struct sqi_target *target, struct sqi_outlet **outlets, uint32_t n)
{
        uint32_t first = target->rotor + 1 < n ? target->rotor + 1 : 0;

        if (target->turns-- == 0)
                look_at_loads(target, outlets, n);
        for (uint32_t i = 0, at = first; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
                if (!outlets[at]->stuck && wait_ns(outlets[at]) <= target->fair_ns) {
                        target->rotor = at;
                        return outlets[at];
                }
        }
        target->rotor = first;
        return outlets[first];
}

/* The less loaded of two candidates (M. Nasir et al., The Power of Both Choices, ICDE 2015). */
static struct sqi_outlet *
partial_key(struct sqi_target *target, const struct sqi_slice *tuple)
{
        uint64_t hash = sqi_key_hash(target->edge, tuple);
        uint32_t n = target->noutlets;
        uint32_t first = (uint32_t)(hash % n), second = (uint32_t)(sq_mix(hash) % n);

        if (second == first)
                second = first + 1 < n ? first + 1 : 0;
        if (target->dealt[second] < target->dealt[first])
                first = second;
        target->dealt[first]++;
        return target->outlets[first];
}

struct sqi_outlet *
sqi_grouping_choose(struct sqi_target *target, const struct sqi_slice *tuple)
{
        if (target->noutlets == 1)
                return target->outlets[0];
        switch (target->grouping) {
        case SQI_FIELDS:
                return target->outlets[target->owners[sqi_slot_of(sqi_key_hash(target->edge, tuple))]];
        case SQI_PARTIAL_KEY:
                return partial_key(target, tuple);
        case SQI_LOCAL_OR_SHUFFLE:
                if (target->nlocal)
                        return shuffle(target, target->local, target->nlocal);
                return shuffle(target, target->outlets, target->noutlets);
        case SQI_SHUFFLE:
        case SQI_NONE:
                return shuffle(target, target->outlets, target->noutlets);
        case SQI_GLOBAL:
        case SQI_ALL:
        case SQI_DIRECT:
        case SQI_CUSTOM:
                break;
        }
        return target->outlets[0];
}
