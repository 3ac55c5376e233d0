/* SPDX-License-Identifier: Apache-2.0 */
#include "task/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel/socket.h"
#include "tuple/pack.h"
#include "task/group.h"
#include "task/grouping.h"
#include "task/task.h"

/* ---- transactions ------------------------------------------------------------------------------------ */

static inline bool
is_full(const struct sqi_collector *collector, const struct sqi_outlet *outlet)
{
        return outlet->batch.now.len >= collector->batch_bytes || outlet->batch.now.count >= outlet->most;
}

/* A broadcast goes to those who listen now: who does is asked right before it goes. Of the dead the supervisor has
 * told. */
static bool
push_full(struct sqi_collector *collector, struct sqi_outlet *outlet)
{
        if (outlet->broadcast)
                sqi_collector_subscribed(collector);
        return sqi_outlet_push(outlet, &collector->source) == 0;
}

void
sqi_collector_commit_staged(struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->ntouched; i++) {
                struct sqi_outlet *outlet = collector->touched[i];
                outlet->touched = false;
                sqi_batch_commit(&outlet->batch);
                if (is_full(collector, outlet) && !push_full(collector, outlet))
                        collector->pressed = true;
        }
        collector->ntouched = 0;
        sqi_count(&collector->source.metrics->emitted, collector->emitted);
        sqi_count(&collector->source.metrics->transferred, collector->transferred);
        collector->emitted = collector->transferred = 0;
}

void
sqi_collector_let_go(struct sqi_collector *collector, struct sqi_outlet *outlet)
{
        collector->emitted--;
        sqi_collector_commit_staged(collector);
        collector->emitted++;
        if (!sqi_batch_is_empty(&outlet->batch) && !push_full(collector, outlet))
                collector->pressed = true;
}

void
sqi_collector_rollback(struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->ntouched; i++) {
                struct sqi_outlet *outlet = collector->touched[i];
                outlet->touched = false;
                sqi_batch_rollback(&outlet->batch);
                outlet->seq = outlet->staged_seq;
        }
        if (collector->latest.seen && collector->latest.emitted == collector->source.metrics->emitted)
                *collector->latest.seen = collector->latest.before;
        collector->ntouched = 0;
        collector->edges = 0;
        collector->emitted = collector->transferred = 0;
}

/* ---- outlets ----------------------------------------------------------------------------------------- */

bool
sqi_collector_has_feedback(const struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->noutlets; i++)
                if (collector->outlets[i].stuck && collector->outlets[i].feedback)
                        return true;
        return false;
}

bool
sqi_collector_flush(struct sqi_collector *collector)
{
        bool clear = true;

        sqi_collector_subscribed(collector);
        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if ((outlet->stuck || !sqi_batch_is_empty(&outlet->batch)) &&
                    sqi_outlet_push(outlet, &collector->source) < 0)
                        clear = false;
        }
        return clear;
}

bool
sqi_collector_has_open(const struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->noutlets; i++)
                if (!collector->outlets[i].stuck && !sqi_batch_is_empty(&collector->outlets[i].batch))
                        return true;
        return false;
}

bool
sqi_collector_relieve(struct sqi_collector *collector)
{
        bool blocked = false;

        sqi_collector_subscribed(collector);
        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->stuck && sqi_outlet_push(outlet, &collector->source) < 0 && !outlet->feedback &&
                    is_full(collector, outlet))
                        blocked = true;
                blocked |= sqi_outlet_is_overdrawn(outlet, &collector->source);
        }
        collector->pressed = blocked;
        return !blocked;
}
