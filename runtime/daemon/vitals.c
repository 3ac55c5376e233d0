/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/vitals.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double SHARES_SECS = 10;

static const struct window {
        const char *name;
        double seconds;
} windows[] = {{"s1", 1}, {"s10", 10}, {"m1", 60}, {"m15", 900}};
enum { NWINDOWS = sizeof(windows) / sizeof(windows[0]) };

static const struct rate {
        const char *name;
        size_t at;
} rates[] = {{"emitted", offsetof(struct sqi_pace, emitted)},
             {"executed", offsetof(struct sqi_pace, executed)},
             {"acked", offsetof(struct sqi_pace, acked)},
             {"failed", offsetof(struct sqi_pace, failed)}};

static void
write_rates(struct sqi_writer *writer, const struct sqi_pace paces[NWINDOWS])
{
        sqi_write_map(writer, "rates");
        for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
                sqi_write_map(writer, rates[r].name);
                for (size_t w = 0; w < NWINDOWS; w++)
                        sqi_write_real(writer, windows[w].name,
                                       *(const double *)(const void *)((const char *)&paces[w] + rates[r].at));
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static void
write_shares(struct sqi_writer *writer, const struct sqi_pace *pace, uint32_t ntasks)
{
        struct sqi_shares shares = sqi_pace_shares(pace, ntasks);

        sqi_write_real(writer, "busy", shares.busy);
        sqi_write_real(writer, "blocked", shares.blocked);
        sqi_write_real(writer, "idle", shares.idle);
}

void
sqi_write_component_vitals(struct sqi_writer *writer, const struct sqi_running *running, uint32_t component)
{
        const struct sqi_plan_component *it = &sqi_running_plan(running)->components[component];
        const struct sqi_trend *trend = sqi_running_trend(running);
        struct sqi_pace paces[NWINDOWS], all, pace;
        double busiest = 0, most = 0;

        for (size_t w = 0; w < NWINDOWS; w++)
                sqi_trend_component(trend, component, windows[w].seconds, &paces[w]);
        sqi_trend_component(trend, component, SHARES_SECS, &all);
        for (uint32_t i = 0; i < it->ntasks; i++) {
                sqi_trend_task(trend, it->first_task + i, SHARES_SECS, &pace);
                double busy = sqi_pace_shares(&pace, 1).busy;

                busiest = busy > busiest ? busy : busiest;
                most = pace.executed > most ? pace.executed : most;
        }
        write_rates(writer, paces);
        write_shares(writer, &all, it->ntasks);
        sqi_write_real(writer, "busiest", busiest);
        sqi_write_real(writer, "skew", all.executed > 0 ? most * it->ntasks / all.executed : 1);
}

bool
sqi_watermark_lag(const struct sqi_event_time_at *at, double *ret_secs)
{
        struct timespec now;

        if (!at->known || at->watermark == SQ_END_OF_TIME)
                return false;
        clock_gettime(CLOCK_REALTIME, &now);
        *ret_secs = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)at->watermark / 1e9;
        return true;
}

/* As JSON has it, but for its quotes; or "end". */
static void
write_watermark(struct sqi_writer *writer, int64_t watermark)
{
        int64_t sec = watermark / 1000000000 - (watermark % 1000000000 < 0);
        char text[64];
        size_t len = sq_json(sq_time((struct sq_time){sec, (uint32_t)(watermark - sec * 1000000000)}), text,
                             sizeof(text));

        if (len < 2 || len >= sizeof(text))
                return;
        text[len - 1] = '\0';
        sqi_write_text(writer, "watermark", watermark == SQ_END_OF_TIME ? "end" : text + 1);
}

void
sqi_write_event_time(struct sqi_writer *writer, const struct sqi_running *running, uint32_t component)
{
        struct sqi_event_time_at at;
        double lag;

        sqi_running_event_time(running, component, &at);
        if (at.ntasks == 0)
                return;
        sqi_write_map(writer, "event_time");
        if (at.known)
                write_watermark(writer, at.watermark);
        if (sqi_watermark_lag(&at, &lag))
                sqi_write_real(writer, "lag_s", lag);
        sqi_write_uint(writer, "idle_tasks", at.nidle);
        sqi_write_uint(writer, "silent_tasks", at.nsilent);
        sqi_write_end(writer);
}

void
sqi_write_task_vitals(struct sqi_writer *writer, const struct sqi_running *running, uint32_t task)
{
        struct sqi_pace pace;

        sqi_trend_task(sqi_running_trend(running), task, SHARES_SECS, &pace);
        sqi_write_real(writer, "emitted_s", pace.emitted);
        sqi_write_real(writer, "executed_s", pace.executed);
        write_shares(writer, &pace, 1);
}

/* Why one task gets more than its part, where it is one key. */
static void
name_key(const struct sqi_running *running, struct sqi_bottleneck *bottleneck)
{
        static const double WORTH_NAMING = 0.1;
        size_t len = strlen(bottleneck->reason);
        char key[SQI_HEAVY_TEXT + 1];
        double part = sqi_running_heaviest(running, bottleneck->task, key);

        if (part >= WORTH_NAMING)
                snprintf(bottleneck->reason + len, sizeof(bottleneck->reason) - len,
                         "; key `%s` is %.0f %% of its tuples", key, part * 100);
}

void
sqi_bottleneck_here(const struct sqi_running *running, struct sqi_bottleneck *ret)
{
        long cores = sysconf(_SC_NPROCESSORS_ONLN);

        sqi_bottleneck_find(sqi_running_plan(running), sqi_running_trend(running), cores > 0 ? (unsigned)cores : 1,
                            ret);
        if (ret->skewed)
                name_key(running, ret);
}

void
sqi_write_bottleneck(struct sqi_writer *writer, const struct sqi_running *running)
{
        struct sqi_bottleneck bottleneck;

        sqi_bottleneck_here(running, &bottleneck);
        sqi_write_map(writer, "bottleneck");
        sqi_write_text(writer, "component", bottleneck.component);
        sqi_write_text(writer, "reason", bottleneck.reason);
        sqi_write_text(writer, "advice", bottleneck.advice);
        sqi_write_bool(writer, "keeps_up", bottleneck.keeps_up);
        sqi_write_end(writer);
}
