/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/totals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/invariant.h"
#include "base/sealed.h"

struct total {
        uint32_t incarnation;       /* of `last` */
        bool heard;                 /* there is something in it */
        bool ended;                 /* `last` is the last word of that incarnation */
        bool again;                 /* there were incarnations before it */
        bool taken;                 /* `last` has been taken whole, */
        uint64_t news;              /* sqi_metrics_news() then */
        struct sqi_metrics *before; /* the sum of those */
        struct sqi_metrics *last;
};

struct sqi_totals {
        const struct sqi_plan *plan;
        struct sqi_metrics *memory;
        struct total *tasks;
};

int
sqi_totals_new(const struct sqi_plan *plan, struct sqi_totals **ret)
{
        struct sqi_totals *totals = calloc(1, sizeof(*totals));

        if (!totals)
                return -ENOMEM;
        totals->plan = plan;
        totals->tasks = calloc(plan->ntasks, sizeof(*totals->tasks));
        totals->memory = calloc(plan->ntasks, 2 * sizeof(*totals->memory));
        if (!totals->tasks || !totals->memory) {
                sqi_totals_free(&totals);
                return -ENOMEM;
        }
        for (uint32_t t = 0; t < plan->ntasks; t++)
                totals->tasks[t] = (struct total){.before = &totals->memory[2 * t], .last = &totals->memory[2 * t + 1]};
        *ret = totals;
        return 0;
}

void
sqi_totals_free(struct sqi_totals **totals)
{
        if (!*totals)
                return;
        free((*totals)->tasks);
        free((*totals)->memory);
        free(*totals);
        *totals = NULL;
}

static void
zero(_Atomic uint64_t *gauge)
{
        atomic_store_explicit(gauge, 0, memory_order_relaxed);
}

/* Counters go on where the last incarnation ended; its gauges are over, and the state of its keys is gone, but under
 * exactly-once. */
static void
add(const struct sqi_totals *totals, struct sqi_metrics *into, const struct sqi_metrics *from)
{
        sqi_metrics_merge(into, from);
        if (totals->plan->config.delivery != SQI_EXACTLY_ONCE)
                sqi_count(&into->keys_lost, atomic_load_explicit(&from->keys, memory_order_relaxed));
        zero(&into->pending);
        zero(&into->keys);
        zero(&into->lag_bytes);
        zero(&into->lag_messages);
        zero(&into->lag_in_bytes);
        zero(&into->lag_in_messages);
        for (unsigned i = 0; i < SQI_OWN_MAX; i++)
                if (into->own[i].kind == SQI_OWN_GAUGE)
                        atomic_store_explicit(&into->own[i].value, 0, memory_order_relaxed);
}

/* NULL: it is not to be taken. */
static struct total *
find(struct sqi_totals *totals, const struct sqi_message *message)
{
        struct total *total;

        if (message->task >= totals->plan->ntasks || message->worker != totals->plan->tasks[message->task].worker)
                return NULL;
        total = &totals->tasks[message->task];
        if (message->incarnation < total->incarnation || (message->incarnation == total->incarnation && total->ended))
                return NULL;
        if (message->incarnation > total->incarnation) {
                add(totals, total->before, total->last);
                total->again = true;
                memset(total->last, 0, sizeof(*total->last));
                total->incarnation = message->incarnation;
                total->ended = total->taken = false;
        }
        total->heard = true;
        return total;
}

void
sqi_totals_take_counts(struct sqi_totals *totals, const struct sqi_message *message, const struct sqi_counts *counts)
{
        struct total *total = find(totals, message);

        if (!total)
                return;
#define X(name, ...) sqi_gauge(&total->last->name, counts->name);
        SQI_COUNTERS(X)
#undef X
}

/* Of a task that is at rest: the histograms, which are most of it, are as they were. */
static void
take_quiet_counts(struct total *total, const struct sqi_metrics *metrics)
{
#define X(name, ...) sqi_gauge(&total->last->name, atomic_load_explicit(&metrics->name, memory_order_relaxed));
        SQI_COUNTERS(X)
#undef X
}

static struct total *
take(struct sqi_totals *totals, const struct sqi_message *message, const struct sqi_metrics *metrics)
{
        struct total *total = find(totals, message);
        uint64_t news = sqi_metrics_news(metrics);

        if (!total)
                return NULL;
        if (total->taken && total->news == news)
                take_quiet_counts(total, metrics);
        else
                memcpy(total->last, metrics, sizeof(*metrics));
        total->taken = true;
        total->news = news;
        return total;
}

void
sqi_totals_take(struct sqi_totals *totals, const struct sqi_message *message, const struct sqi_metrics *metrics)
{
        take(totals, message, metrics);
}

void
sqi_totals_end(struct sqi_totals *totals, const struct sqi_message *message, const struct sqi_metrics *metrics)
{
        struct total *total = take(totals, message, metrics);

        if (total)
                total->ended = true;
}

/* ---- For the next supervisor ------------------------------------------------------------------------- */

/* One file a worker, sealed: a death costs one of them, however many tasks died. */
struct kept {
        uint32_t size; /* of one of `sums`: who reads it may be another version */
        uint32_t incarnation;
        struct sqi_metrics sums[]; /* of the worker's tasks, in their order */
};

enum { KEPT_NAME = 16 };

static uint32_t
count_tasks(const struct sqi_totals *totals, uint32_t worker, bool *ret_heard)
{
        uint32_t n = 0;

        *ret_heard = false;
        for (uint32_t t = 0; t < totals->plan->ntasks; t++)
                if (totals->plan->tasks[t].worker == worker) {
                        *ret_heard = *ret_heard || totals->tasks[t].heard;
                        n++;
                }
        return n;
}

/* The folder, and the name of a worker's file in it. An fd or a negative errno. */
static int
open_kept(const char *rundir, uint32_t worker, char ret_name[KEPT_NAME])
{
        int fd = open(rundir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        snprintf(ret_name, KEPT_NAME, "sums-%u", worker);
        return fd < 0 ? -errno : fd;
}

int
sqi_totals_keep(const struct sqi_totals *totals, const char *rundir, uint32_t worker, uint32_t incarnation)
{
        bool heard;
        uint32_t n = count_tasks(totals, worker, &heard), i = 0;
        size_t size = sizeof(struct kept) + n * sizeof(struct sqi_metrics);
        char name[KEPT_NAME];
        int folder, r;

        if (!heard)
                return 0;
        struct kept *kept = calloc(1, size);

        if (!kept)
                return -ENOMEM;
        *kept = (struct kept){.size = sizeof(struct sqi_metrics), .incarnation = incarnation};
        for (uint32_t t = 0; t < totals->plan->ntasks; t++)
                if (totals->plan->tasks[t].worker == worker) {
                        sqi_metrics_merge(&kept->sums[i], totals->tasks[t].before);
                        add(totals, &kept->sums[i++], totals->tasks[t].last);
                }
        r = folder = open_kept(rundir, worker, name);
        if (folder >= 0) {
                r = sqi_sealed_write(folder, name, kept, size);
                close(folder);
        }
        free(kept);
        return r;
}

static void
take_kept(struct sqi_totals *totals, uint32_t worker, const struct kept *kept)
{
        for (uint32_t t = 0, i = 0; t < totals->plan->ntasks; t++) {
                struct total *total = &totals->tasks[t];

                if (totals->plan->tasks[t].worker != worker)
                        continue;
                memcpy(total->before, &kept->sums[i++], sizeof(*total->before));
                total->incarnation = kept->incarnation;
                total->heard = total->ended = total->again = true;
        }
}

int
sqi_totals_resume(struct sqi_totals *totals, const char *rundir, uint32_t worker)
{
        bool heard, torn;
        uint32_t n = count_tasks(totals, worker, &heard);
        char name[KEPT_NAME];
        int folder = open_kept(rundir, worker, name), r;
        void *bytes = NULL;
        size_t size = 0;

        if (folder < 0)
                return folder;
        r = sqi_sealed_read(folder, name, &bytes, &size, &torn);
        close(folder);
        if (r == -ENOENT)
                return 0;
        if (r == 0 && size == sizeof(struct kept) + n * sizeof(struct sqi_metrics) &&
            ((const struct kept *)bytes)->size == sizeof(struct sqi_metrics))
                take_kept(totals, worker, bytes);
        else if (r == 0)
                r = -EBADMSG;
        free(bytes);
        return r;
}

/* ---- Sums -------------------------------------------------------------------------------------------- */

static void
add_task(const struct sqi_totals *totals, uint32_t task, struct sqi_metrics *into)
{
        sqi_assert(task < totals->plan->ntasks);
        if (totals->tasks[task].again)
                sqi_metrics_merge(into, totals->tasks[task].before);
        sqi_metrics_merge(into, totals->tasks[task].last);
}

void
sqi_totals_task(const struct sqi_totals *totals, uint32_t task, struct sqi_metrics *ret)
{
        memset(ret, 0, sizeof(*ret));
        add_task(totals, task, ret);
}

void
sqi_totals_counts(const struct sqi_totals *totals, uint32_t task, struct sqi_counts *ret)
{
        const struct total *total;

        sqi_assert(task < totals->plan->ntasks);
        total = &totals->tasks[task];
#define X(name, ...) \
        ret->name = atomic_load_explicit(&total->before->name, memory_order_relaxed) + \
                    atomic_load_explicit(&total->last->name, memory_order_relaxed);
        SQI_COUNTERS(X)
#undef X
}

void
sqi_totals_component(const struct sqi_totals *totals, uint32_t component, struct sqi_metrics *ret)
{
        const struct sqi_plan_component *c;

        sqi_assert(component < totals->plan->ncomponents);
        c = &totals->plan->components[component];
        memset(ret, 0, sizeof(*ret));
        for (uint32_t t = c->first_task; t < c->first_task + c->ntasks; t++)
                add_task(totals, t, ret);
}

uint64_t
sqi_totals_missing(const struct sqi_totals *totals)
{
        struct sqi_metrics metrics;
        uint64_t missing = 0;

        for (uint32_t t = 0; t < totals->plan->ntasks; t++) {
                sqi_totals_task(totals, t, &metrics);
                missing += sqi_metrics_missing(&metrics);
        }
        return missing;
}
