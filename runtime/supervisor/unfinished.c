/* SPDX-License-Identifier: Apache-2.0 */
/* Why a drain has waited in vain: how many tuples a task holds, by what was counted, and what its log said last. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/complain.h"
#include "supervisor/running.h"

enum { NAME_SIZE = 192 };

/* ---- What it holds ----------------------------------------------------------------------------------- */

static bool
sends_to(const struct sqi_plan *plan, uint32_t from, uint32_t to)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].from == from && plan->edges[e].to == to)
                        return true;
        return false;
}

static bool
sends_elsewhere(const struct sqi_plan *plan, uint32_t from, uint32_t to)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].from == from && plan->edges[e].to != to)
                        return true;
        return false;
}

/* Tuples that were sent to a component; false: nobody counts them, for its sources send to others, too. */
static bool
count_sent(const struct sqi_running *running, uint32_t component, uint64_t *ret)
{
        const struct sqi_plan *plan = running->plan;
        struct sqi_metrics metrics;
        uint64_t sent = 0;

        for (uint32_t from = 0; from < plan->ncomponents; from++) {
                if (!sends_to(plan, from, component))
                        continue;
                if (sends_elsewhere(plan, from, component))
                        return false;
                sqi_totals_component(running->totals, from, &metrics);
                sent += metrics.transferred;
        }
        *ret = sent;
        return true;
}

static void
explain_bolt(const struct sqi_running *running, uint32_t component, char *text, size_t size)
{
        struct sqi_metrics metrics;
        uint64_t sent;

        sqi_totals_component(running->totals, component, &metrics);
        if (!count_sent(running, component, &sent))
                sqi_say_more(text, size, ": '%s' has taken %" PRIu64 " tuples", running->plan->components[component].id,
                             metrics.executed);
        else
                sqi_say_more(text, size, ": '%s' has taken %" PRIu64 " of the %" PRIu64 " tuples that were sent to it",
                             running->plan->components[component].id, metrics.executed, sent);
}

static void
explain_spout(const struct sqi_running *running, uint32_t task, char *text, size_t size)
{
        struct sqi_metrics metrics;

        sqi_totals_task(running->totals, task, &metrics);
        if (metrics.pending > 0)
                sqi_say_more(text, size, ": %" PRIu64 " of its tuple trees are not done", metrics.pending);
}

/* ---- What it said ------------------------------------------------------------------------------------ */

/* A line of its log that says what is wrong, without who says it; NULL: it is another. In a worker of several tasks the
 * name of the task stands before it. */
static const char *
complaint_of(const struct sqi_running *running, uint32_t task, const char *line)
{
        static const char *const levels[] = {"warning: ", "error: "};
        char name[NAME_SIZE];
        size_t len;

        sqi_task_name(running->plan, task, name, sizeof(name));
        len = strlen(name);
        if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
                line += len + 2;
        for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
                if (strncmp(line, levels[i], strlen(levels[i])) == 0)
                        return line + strlen(levels[i]);
        return NULL;
}

static const char *
last_complaint(const struct sqi_running *running, uint32_t task)
{
        const struct sqi_lines *lines = &running->children[running->plan->tasks[task].worker].lines;
        const char *found = NULL;

        for (size_t i = sqi_lines_kept(lines); !found && i-- > 0;)
                found = complaint_of(running, task, sqi_lines_get(lines, i));
        return found;
}

void
sqi_unfinished_explain(struct sqi_running *running, uint32_t task, char *text, size_t size)
{
        uint32_t component = running->plan->tasks[task].component;
        const char *complaint;

        sqi_running_count(running);
        if (running->plan->components[component].kind == SQ_KIND_SPOUT)
                explain_spout(running, task, text, size);
        else
                explain_bolt(running, component, text, size);
        sqi_child_read(running, running->plan->tasks[task].worker);
        complaint = last_complaint(running, task);
        if (complaint)
                sqi_say_more(text, size, "; last it said: %s", complaint);
}
