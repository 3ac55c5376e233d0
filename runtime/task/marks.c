/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector sends that is not a tuple: the marks of epochs, and of the end. */
#include <errno.h>

#include "task/collector.h"

int
sqi_collector_mark(struct sqi_collector *collector, uint64_t epoch)
{
        int r = 0;

        sqi_collector_subscribed(collector);
        for (uint32_t i = 0; i < collector->noutlets && (r == 0 || r == -EAGAIN); i++) {
                if (collector->outlets[i].ended)
                        continue;
                r = sqi_outlet_mark(&collector->outlets[i], &collector->source, epoch);
                collector->pressed |= sqi_outlet_is_overdrawn(&collector->outlets[i], &collector->source);
        }
        return r == -EAGAIN ? 0 : r;
}

void
sqi_collector_end(struct sqi_collector *collector)
{
        sqi_collector_subscribed(collector);
        for (uint32_t i = 0; i < collector->noutlets; i++)
                if (!collector->outlets[i].ended && !collector->outlets[i].feedback)
                        sqi_outlet_end(&collector->outlets[i], &collector->source);
}

/* Only worth while where tuples are not to be lost. */
void
sqi_collector_keep(struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->noutlets && collector->tracking; i++)
                collector->outlets[i].keep = !collector->outlets[i].feedback;
}

/* A broadcast reaches all: the mark goes to every receiver once more, and is ignored by those that have it. */
void
sqi_collector_end_again(struct sqi_collector *collector, uint32_t task)
{
        sqi_collector_subscribed(collector);
        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->ended && (outlet->broadcast || outlet->receiver == task))
                        sqi_outlet_end_again(outlet, &collector->source);
        }
}
