/* SPDX-License-Identifier: Apache-2.0 */
/* The windows of a key whose slots, and whose total, have the number of tuples and the sum of their numbers. */
#ifndef TESTS_WINDOWS_HARNESS_H
#define TESTS_WINDOWS_HARNESS_H

#include <string.h>

#include "windows/panes.h"
#include "windows/total.h"
#include "windows_model.h"

struct harness_total {
        struct sqi_total total; /* the first */
        struct content content;
        uint64_t folds;
};

struct harness {
        struct sqi_timelines timelines;
        struct sqi_timeline timeline;
        uint64_t id; /* of the tuple at hand */
        int64_t cleared;
        size_t read; /* slots, in firings and to be merged */
        uint64_t front[8];
        bool has_total;
        struct harness_total total;
        size_t moved; /* slots, into a total and out of it */
        size_t folds; /* tuples into it */
        struct log log;
};

static struct content *
content_of(const struct sqi_timelines *timelines, void *slot)
{
        return (struct content *)(void *)((uint8_t *)slot + sqi_timeline_header(&timelines->rule));
}

static uint8_t *
room(struct sqi_timelines *timelines, size_t bytes)
{
        return realloc(timelines->slots, bytes);
}

static int
fold(struct sqi_timelines *timelines, void *slot)
{
        const struct harness *harness = (struct harness *)(void *)timelines;

        content_of(timelines, slot)->n++;
        content_of(timelines, slot)->sum += mixed(harness->id);
        return 0;
}

static int
merge(struct sqi_timelines *timelines, void *into, void *from)
{
        ((struct harness *)(void *)timelines)->read++;
        content_of(timelines, into)->n += content_of(timelines, from)->n;
        content_of(timelines, into)->sum += content_of(timelines, from)->sum;
        return 0;
}

static void
clear(struct sqi_timelines *timelines, void *slot)
{
        struct harness *harness = (struct harness *)(void *)timelines;

        (void)slot;
        harness->cleared++;
}

static int
fire(struct sqi_timelines *timelines, const struct sqi_fired *fired)
{
        struct harness *harness = (struct harness *)(void *)timelines;
        struct record record = {.firing = fired->firing, .start = fired->start, .end = fired->end};

        assert_true(fired->nparts > 0);
        for (size_t part = 0; part < fired->nparts; part++)
                for (size_t i = 0; i < fired->parts[part].n; i++, harness->read++) {
                        uint8_t *slot = fired->parts[part].slots + i * timelines->slot;
                        record.content.n += content_of(timelines, slot)->n;
                        record.content.sum += content_of(timelines, slot)->sum;
                }
        if (fired->total) { /* what its panes come to */
                assert_int_equal(harness->total.content.n, record.content.n);
                assert_int_equal(harness->total.content.sum, record.content.sum);
        }
        note(&harness->log, record);
        return 0;
}

static void *
front(struct sqi_timelines *timelines)
{
        struct harness *harness = (struct harness *)(void *)timelines;

        return harness->front;
}

static struct sqi_total *
find_total(struct sqi_timelines *timelines, bool make)
{
        struct harness *harness = (struct harness *)(void *)timelines;

        if (!harness->has_total && make) {
                harness->total = (struct harness_total){0};
                harness->has_total = true;
        }
        return harness->has_total ? &harness->total.total : NULL;
}

static void
drop_total(struct sqi_timelines *timelines)
{
        ((struct harness *)(void *)timelines)->has_total = false;
}

static void
clear_total(struct sqi_timelines *timelines, struct sqi_total *total)
{
        (void)timelines;
        ((struct harness_total *)(void *)total)->content = (struct content){0};
}

static int
put_to_total(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot)
{
        struct content *content = &((struct harness_total *)(void *)total)->content;
        const struct content *put = content_of(timelines, (void *)(uintptr_t)slot);

        ((struct harness *)(void *)timelines)->moved++;
        content->n += put->n;
        content->sum += put->sum;
        return 0;
}

static void
take_from_total(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot)
{
        struct content *content = &((struct harness_total *)(void *)total)->content;
        const struct content *taken = content_of(timelines, (void *)(uintptr_t)slot);

        ((struct harness *)(void *)timelines)->moved++;
        content->n -= taken->n;
        content->sum -= taken->sum;
}

static int
fold_into_total(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot)
{
        struct harness *harness = (struct harness *)(void *)timelines;

        (void)slot;
        harness->total.folds++;
        harness->folds++;
        ((struct harness_total *)(void *)total)->content.n++;
        ((struct harness_total *)(void *)total)->content.sum += mixed(harness->id);
        return 0;
}

static bool
total_is_worn(struct sqi_timelines *timelines, const struct sqi_total *total)
{
        (void)timelines;
        return ((const struct harness_total *)(const void *)total)->folds % 7 == 6;
}

static const struct sqi_total_ops total_ops = {find_total,      drop_total,      clear_total, put_to_total,
                                               take_from_total, fold_into_total, NULL,        total_is_worn};

static const struct sqi_timeline_ops ops = {room, fold, merge, clear, fire, front};

static void
harness_begin(struct harness *harness, const struct sqi_rule *rule)
{
        harness->timelines = (struct sqi_timelines){.rule = *rule, .ops = &ops};
        sqi_rule_complete(&harness->timelines.rule);
        harness->timelines.stacks = sqi_panes_stack(&harness->timelines.rule);
        if (!harness->timelines.stacks && sqi_panes_total(&harness->timelines.rule))
                harness->timelines.totals = &total_ops;
        harness->has_total = false;
        harness->moved = harness->folds = 0;
        memset(harness->front, 0, sizeof(harness->front));
        harness->read = 0;
        harness->timelines.slot = sqi_timeline_header(rule) + sizeof(struct content);
        harness->timeline = (struct sqi_timeline){0};
        harness->log.n = 0;
}

static int
harness_add(struct harness *harness, int64_t time, struct sqi_now now, uint64_t id)
{
        harness->id = id;
        harness->timelines.front = NULL; /* another key was at hand */
        return sqi_timeline_add(&harness->timelines, &harness->timeline, time, now);
}

static void
harness_time(struct harness *harness, int64_t time)
{
        while (harness->timeline.begun && harness->timeline.due != SQI_NEVER && harness->timeline.due <= time) {
                harness->timelines.front = NULL;
                assert_int_equal(sqi_timeline_due(&harness->timelines, &harness->timeline, harness->timeline.due), 0);
        }
}

static void
harness_early(struct harness *harness, int64_t wall)
{
        if (harness->timeline.begun && harness->timeline.early_due <= wall)
                assert_int_equal(sqi_timeline_early(&harness->timelines, &harness->timeline), 0);
}

static void
harness_end(struct harness *harness)
{
        free(harness->timelines.slots);
        harness->timelines.slots = NULL;
}

#endif
