/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rest_values.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SIZE = 64 };

/* ---- Words ------------------------------------------------------------------------------------------- */

/* "1d 0h 3m 5s", without what is zero in front. */
void
sqi_rest_uptime(struct sqi_writer *writer, double uptime)
{
        uint64_t s = (uint64_t)uptime;
        char text[TEXT_SIZE];

        if (s < 60)
                snprintf(text, sizeof(text), "%ds", (int)s);
        else if (s < 3600)
                snprintf(text, sizeof(text), "%dm %ds", (int)(s / 60), (int)(s % 60));
        else if (s < 86400)
                snprintf(text, sizeof(text), "%dh %dm %ds", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
        else
                snprintf(text, sizeof(text), "%llud %dh %dm %ds", (unsigned long long)(s / 86400), (int)(s / 3600 % 24),
                         (int)(s / 60 % 60), (int)(s % 60));
        sqi_write_text(writer, "uptime", text);
        sqi_write_uint(writer, "uptimeSeconds", s);
}

/* Storm's word for a state, or our own in capitals where it has none. */
void
sqi_rest_status(struct sqi_writer *writer, const char *key, const struct sqi_hosted *hosted)
{
        static const struct {
                const char *ours, *theirs;
        } words[] = {{"starting", "ACTIVE"},  {"running", "ACTIVE"},       {"degraded", "ACTIVE"},
                     {"restoring", "ACTIVE"}, {"updating", "REBALANCING"}, {"stopping", "KILLED"},
                     {"draining", "KILLED"}};
        const char *state = sqi_hosted_state(hosted);
        char text[TEXT_SIZE];
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(words[i].ours, state) == 0)
                        break;
        if (i < sizeof(words) / sizeof(words[0]))
                state = words[i].theirs;
        snprintf(text, sizeof(text), "%s", state);
        for (char *at = text; *at; at++)
                *at = (char)toupper((unsigned char)*at);
        sqi_write_text(writer, key, text);
}

void
sqi_rest_decimal(struct sqi_writer *writer, const char *key, double number)
{
        char text[TEXT_SIZE];

        snprintf(text, sizeof(text), "%.3f", number);
        sqi_write_text(writer, key, text);
}

double
sqi_rest_milliseconds(const struct sqi_histogram *histogram)
{
        return sqi_histogram_mean(histogram) / 1e6;
}

void
sqi_rest_host(struct sqi_writer *writer, const char *key)
{
        char name[TEXT_SIZE] = "localhost";

        (void)gethostname(name, sizeof(name) - 1);
        sqi_write_text(writer, key, name);
}

void
sqi_rest_window(struct sqi_writer *writer)
{
        sqi_write_text(writer, "window", SQI_REST_ALL_TIME);
        sqi_write_text(writer, "windowHint", "All time");
}

/* ---- Numbers ----------------------------------------------------------------------------------------- */

void
sqi_rest_sum(const struct sqi_hosted *hosted, uint32_t c, struct sqi_metrics *ret)
{
        sqi_totals_component(sqi_running_totals(hosted->running), c, ret);
}

/* The largest part of its time that a task of the component was busy. */
double
sqi_rest_capacity(const struct sqi_hosted *hosted, const struct sqi_plan_component *component)
{
        double time = (double)sqi_running_uptime(hosted->running), most = 0;
        struct sqi_metrics metrics;

        for (uint32_t i = 0; time > 0 && i < component->ntasks; i++) {
                sqi_totals_task(sqi_running_totals(hosted->running), component->first_task + i, &metrics);
                double busy = (double)metrics.busy_ns / time;

                most = busy > most ? busy : most;
        }
        return most;
}

void
sqi_rest_counts(struct sqi_writer *writer, const struct sqi_metrics *metrics)
{
        sqi_write_uint(writer, "emitted", metrics->emitted);
        sqi_write_uint(writer, "transferred", metrics->transferred);
        sqi_write_uint(writer, "acked", metrics->acked);
        sqi_write_uint(writer, "failed", metrics->failed);
}

/* A bolt acks when its execute returns, or later by itself: the time of the latter is not measured apart. */
void
sqi_rest_times(struct sqi_writer *writer, enum sq_kind kind, const struct sqi_metrics *metrics)
{
        if (kind == SQ_KIND_SPOUT) {
                sqi_rest_decimal(writer, "completeLatency", sqi_rest_milliseconds(&metrics->complete));
                return;
        }
        sqi_write_uint(writer, "executed", metrics->executed);
        sqi_rest_decimal(writer, "executeLatency", sqi_rest_milliseconds(&metrics->execute));
        sqi_rest_decimal(writer, "processLatency", sqi_rest_milliseconds(&metrics->execute));
}

/* ---- Errors ----------------------------------------------------------------------------------------- */

/* The last death of a worker that has a task of it; when that was is not kept. */
const char *
sqi_rest_last_error(const struct sqi_hosted *hosted, const struct sqi_plan_component *component,
                    char text[SQI_REST_CAUSE], uint32_t *ret_worker)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);

        for (uint32_t i = 0; i < component->ntasks; i++) {
                uint32_t worker = plan->tasks[component->first_task + i].worker;

                if (life->workers[worker].restarts == 0)
                        continue;
                *ret_worker = worker;
                return sqi_cause_text(plan, &life->workers[worker].cause, text, SQI_REST_CAUSE);
        }
        return NULL;
}

void
sqi_rest_error(struct sqi_writer *writer, const char *key, const char *error, uint32_t worker)
{
        sqi_write_text(writer, key, error ? error : "");
        if (error)
                sqi_rest_host(writer, "errorHost");
        else
                sqi_write_text(writer, "errorHost", "");
        if (error)
                sqi_write_uint(writer, "errorPort", worker);
        else
                sqi_write_nil(writer, "errorPort");
        sqi_write_nil(writer, "errorTime");
        sqi_write_nil(writer, "errorLapsedSecs");
        sqi_write_text(writer, "errorWorkerLogLink", "");
}
