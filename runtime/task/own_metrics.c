/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of the component's own. */
#include "task/task.h"

static struct sqi_own_metric *
find(struct sq_task *task, const char *name, enum sqi_own_metric_kind kind)
{
        struct sqi_own_metric *own = sqi_own_metric_find(task->metrics, name, kind);

        if (!own)
                sqi_task_misuse(task, "the metric \"%s\" is no %s, or one of more than %d (one name for each kind)",
                                name, sqi_own_metric_kind_name(kind), SQI_OWN_MAX);
        return own;
}

static void
set(struct sqi_own_metric *own, int64_t value)
{
        atomic_store_explicit(&own->value, value, memory_order_relaxed);
}

static int64_t
get(const struct sqi_own_metric *own)
{
        return atomic_load_explicit(&own->value, memory_order_relaxed);
}

void
sq_count(struct sq_task *task, const char *name, uint64_t n)
{
        struct sqi_own_metric *own = find(task, name, SQI_OWN_COUNTER);

        if (own)
                set(own, get(own) + (int64_t)n);
}

void
sq_gauge(struct sq_task *task, const char *name, int64_t value)
{
        struct sqi_own_metric *own = find(task, name, SQI_OWN_GAUGE);

        if (own)
                set(own, value);
}

void
sq_histogram(struct sq_task *task, const char *name, uint64_t value)
{
        struct sqi_own_metric *own = find(task, name, SQI_OWN_HISTOGRAM);

        if (!own)
                return;
        sqi_histogram_add(&own->values, value);
        set(own, get(own) + 1);
}
