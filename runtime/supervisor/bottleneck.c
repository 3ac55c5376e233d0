/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/bottleneck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"

/* Seconds looked at: long enough for a batch of slow tuples, short enough to be news. */
static const double WINDOW = 5;

/* From what part of its time on a task is busy, and waits. */
static const double BUSY = 0.6, FULLY_BUSY = 0.9, WAITS = 0.1;
/* From how much more than its part on a task's tuples are a skew. */
static const double SKEW = 1.3;

/* What is known of one component. */
struct component_load {
        struct sqi_shares most, all; /* of the busiest task, and of all together */
        double blocked;              /* of the task that waits most */
        uint32_t busiest;            /* task, within the component */
        double part;                 /* of the component's tuples that the busiest gets */
};

static void
weigh(const struct sqi_plan_component *component, const struct sqi_trend *trend, uint32_t c, struct component_load *ret)
{
        struct sqi_pace all, pace;
        double executed = 0;

        *ret = (struct component_load){.most = {.idle = 1}};
        sqi_trend_component(trend, c, WINDOW, &all);
        ret->all = sqi_pace_shares(&all, component->ntasks);
        for (uint32_t i = 0; i < component->ntasks; i++) {
                sqi_trend_task(trend, component->first_task + i, WINDOW, &pace);
                struct sqi_shares shares = sqi_pace_shares(&pace, 1);

                if (shares.busy > ret->most.busy) {
                        ret->most = shares;
                        ret->busiest = i;
                        executed = pace.executed;
                }
                if (shares.blocked > ret->blocked)
                        ret->blocked = shares.blocked;
        }
        ret->part = all.executed > 0 ? executed / all.executed : 0;
}

/* Who sends to the component and waits most; NULL: nobody waits. */
static const struct sqi_plan_component *
find_waiting(const struct sqi_plan *plan, const struct component_load *loads, uint32_t component, double *ret_blocked)
{
        const struct sqi_plan_component *waiting = NULL;

        *ret_blocked = WAITS;
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];

                if (edge->to != component || edge->feedback || loads[edge->from].blocked < *ret_blocked)
                        continue;
                waiting = &plan->components[edge->from];
                *ret_blocked = loads[edge->from].blocked;
        }
        return waiting;
}

/* A spout waits for its tuple trees, wherever they are: so may who is busy far behind it be what it waits for. */
static const struct sqi_plan_component *
find_waiting_spout(const struct sqi_plan *plan, const struct component_load *loads, double *ret_blocked)
{
        const struct sqi_plan_component *waiting = NULL;

        *ret_blocked = WAITS;
        for (uint32_t c = 0; c < plan->ncomponents; c++)
                if (plan->components[c].kind == SQ_KIND_SPOUT && loads[c].blocked >= *ret_blocked) {
                        waiting = &plan->components[c];
                        *ret_blocked = loads[c].blocked;
                }
        return waiting;
}

static uint32_t
find_busiest(const struct sqi_plan *plan, const struct component_load *loads)
{
        uint32_t busiest = 0;

        for (uint32_t c = 1; c < plan->ncomponents; c++)
                if (loads[c].most.busy > loads[busiest].most.busy)
                        busiest = c;
        return busiest;
}

/* ---- In words ---------------------------------------------------------------------------------------- */

static int
percent(double share)
{
        return (int)(share * 100 + 0.5);
}

static bool
is_skewed(const struct sqi_plan_component *component, const struct component_load *load)
{
        return component->ntasks > 1 && load->part * component->ntasks >= SKEW &&
               load->all.busy < load->most.busy * 0.8;
}

static bool
is_by_key(const struct sqi_plan *plan, uint32_t component)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].to == component && plan->edges[e].grouping == SQI_FIELDS)
                        return true;
        return false;
}

static void
advise(const struct sqi_plan *plan, uint32_t c, const struct component_load *loads, unsigned cores,
       struct sqi_bottleneck *ret)
{
        const struct sqi_plan_component *component = &plan->components[c];
        double busy = 0;

        for (uint32_t i = 0; i < plan->ncomponents; i++)
                busy += loads[i].all.busy * plan->components[i].ntasks;
        if (is_skewed(component, &loads[c]))
                sqi_say_more(ret->advice, sizeof(ret->advice),
                             is_by_key(plan, c)
                                     ? "group by a key that has more values, or partial-key and a sum behind it"
                                     : "shuffle to %s, so that its tasks share the work",
                             component->id);
        else if (busy > cores + 0.5)
                sqi_say_more(ret->advice, sizeof(ret->advice),
                             "less work a tuple, or more cores: %.0f tasks are busy on %u", busy, cores);
        else
                sqi_say_more(ret->advice, sizeof(ret->advice), "more tasks: squall rebalance %s --component %s=%u",
                             plan->name, component->id, component->ntasks + 1);
}

static void
explain_busy(const struct sqi_plan *plan, uint32_t c, const struct component_load *load,
             const struct sqi_plan_component *waiting, double blocked, struct sqi_bottleneck *ret)
{
        const struct sqi_plan_component *component = &plan->components[c];

        ret->component = component->id;
        ret->task = component->first_task + load->busiest;
        ret->skewed = is_skewed(component, load);
        if (component->ntasks > 1)
                sqi_say_more(ret->reason, sizeof(ret->reason), "task %u is ", load->busiest);
        sqi_say_more(ret->reason, sizeof(ret->reason), "busy %d %% of the time", percent(load->most.busy));
        if (ret->skewed)
                sqi_say_more(ret->reason, sizeof(ret->reason), " and gets %d %% of the tuples", percent(load->part));
        if (waiting)
                sqi_say_more(ret->reason, sizeof(ret->reason), "; %s waits %d %%", waiting->id, percent(blocked));
        else if (component->kind == SQ_KIND_SPOUT)
                sqi_say_more(ret->reason, sizeof(ret->reason), "; nothing behind it is");
}

/* Nobody is busy, and yet a spout may emit no more. */
static void
explain_waiting(const struct sqi_plan *plan, const struct sqi_plan_component *spout, double blocked,
                struct sqi_bottleneck *ret)
{
        ret->component = spout->id;
        sqi_say_more(ret->reason, sizeof(ret->reason),
                     "waits %d %% of the time for its tuple trees, and no task is busy", percent(blocked));
        if (plan->config.max_pending)
                sqi_say_more(ret->advice, sizeof(ret->advice), "a larger topology.max.spout.pending than %lld",
                             (long long)plan->config.max_pending);
}

static void
find(const struct sqi_plan *plan, const struct component_load *loads, unsigned cores, struct sqi_bottleneck *ret)
{
        uint32_t c = find_busiest(plan, loads);
        bool is_busy = loads[c].most.busy >= BUSY;
        double blocked;
        const struct sqi_plan_component *waiting = find_waiting(plan, loads, c, &blocked);

        if (!waiting)
                waiting = find_waiting_spout(plan, loads, &blocked);
        if (waiting == &plan->components[c])
                waiting = NULL;
        ret->keeps_up = !waiting && loads[c].most.busy < FULLY_BUSY;
        if (is_busy && !ret->keeps_up) {
                explain_busy(plan, c, &loads[c], waiting, blocked, ret);
                advise(plan, c, loads, cores, ret);
        } else if (waiting) {
                explain_waiting(plan, waiting, blocked, ret);
        } else {
                ret->keeps_up = true;
                sqi_say_more(ret->reason, sizeof(ret->reason), "it keeps up; busiest is %s, %d %% of the time",
                             plan->components[c].id, percent(loads[c].most.busy));
        }
}

void
sqi_bottleneck_find(const struct sqi_plan *plan, const struct sqi_trend *trend, unsigned cores,
                    struct sqi_bottleneck *ret)
{
        struct component_load *loads = calloc(plan->ncomponents, sizeof(*loads));
        struct sqi_pace pace;

        *ret = (struct sqi_bottleneck){.keeps_up = true};
        sqi_trend_component(trend, 0, WINDOW, &pace);
        if (!loads || pace.seconds <= 0) {
                sqi_say_more(ret->reason, sizeof(ret->reason), "not known yet");
                free(loads);
                return;
        }
        for (uint32_t c = 0; c < plan->ncomponents; c++)
                weigh(&plan->components[c], trend, c, &loads[c]);
        find(plan, loads, cores, ret);
        free(loads);
}
