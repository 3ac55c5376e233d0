/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/trend.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/invariant.h"

/* What had been counted at one look. */
struct mark {
#define X(name) uint64_t name;
        SQI_TREND(X)
#undef X
};

/* The n-th look is at n modulo the room. Looks are the same for all rows, so their times stand once. */
struct series {
        uint32_t room;
        uint64_t n; /* looks so far */
        uint64_t *times;
        struct mark *marks; /* row by row */
};

struct sqi_trend {
        const struct sqi_plan *plan;
        uint64_t due;
        struct series tasks, components; /* each second; each step */
};

static int
make_series(struct series *series, uint32_t rows, uint32_t room)
{
        series->room = room;
        series->times = calloc(room, sizeof(*series->times));
        series->marks = calloc((size_t)rows * room, sizeof(*series->marks));
        return series->times && series->marks ? 0 : -ENOMEM;
}

int
sqi_trend_new(const struct sqi_plan *plan, struct sqi_trend **ret)
{
        struct sqi_trend *trend = calloc(1, sizeof(*trend));

        if (!trend)
                return -ENOMEM;
        trend->plan = plan;
        if (make_series(&trend->tasks, plan->ntasks, SQI_TREND_SECONDS) < 0 ||
            make_series(&trend->components, plan->ncomponents, SQI_TREND_STEPS) < 0) {
                sqi_trend_free(&trend);
                return -ENOMEM;
        }
        *ret = trend;
        return 0;
}

void
sqi_trend_free(struct sqi_trend **trend)
{
        struct sqi_trend *it = *trend;

        if (!it)
                return;
        free(it->tasks.times);
        free(it->tasks.marks);
        free(it->components.times);
        free(it->components.marks);
        free(it);
        *trend = NULL;
}

uint64_t
sqi_trend_due(const struct sqi_trend *trend)
{
        return trend->due;
}

/* ---- Marks ------------------------------------------------------------------------------------------- */

static struct mark *
mark_at(const struct series *series, uint32_t row, uint64_t look)
{
        return &series->marks[(size_t)row * series->room + look % series->room];
}

static void
add_mark(struct mark *into, const struct mark *from)
{
#define X(name) into->name += from->name;
        SQI_TREND(X)
#undef X
}

static struct mark
sum_tasks(const struct sqi_trend *trend, uint32_t component, uint64_t look)
{
        const struct sqi_plan_component *it = &trend->plan->components[component];
        struct mark sum = {0};

        for (uint32_t t = it->first_task; t < it->first_task + it->ntasks; t++)
                add_mark(&sum, mark_at(&trend->tasks, t, look));
        return sum;
}

static void
look_at_tasks(struct sqi_trend *trend, const struct sqi_totals *totals, uint64_t now_ns)
{
        struct series *series = &trend->tasks;
        struct sqi_counts counts;

        for (uint32_t t = 0; t < trend->plan->ntasks; t++) {
                struct mark *mark = mark_at(series, t, series->n);

                sqi_totals_counts(totals, t, &counts);
#define X(name) mark->name = counts.name;
                SQI_TREND(X)
#undef X
        }
        series->times[series->n++ % series->room] = now_ns;
}

static void
look_at_components(struct sqi_trend *trend, uint64_t now_ns)
{
        struct series *series = &trend->components;
        const uint64_t step = SQI_TREND_STEP_SECS * SQI_SECOND;

        if (series->n > 0 && now_ns < series->times[(series->n - 1) % series->room] + step - SQI_SECOND / 2)
                return;
        for (uint32_t c = 0; c < trend->plan->ncomponents; c++)
                *mark_at(series, c, series->n) = sum_tasks(trend, c, trend->tasks.n - 1);
        series->times[series->n++ % series->room] = now_ns;
}

void
sqi_trend_look(struct sqi_trend *trend, const struct sqi_totals *totals, uint64_t now_ns)
{
        trend->due = now_ns + SQI_SECOND;
        look_at_tasks(trend, totals, now_ns);
        look_at_components(trend, now_ns);
}

/* ---- Rates ------------------------------------------------------------------------------------------- */

/* The look that a window of so many seconds up to the last one begins with; the oldest when it is not that old. */
static uint64_t
find_begin(const struct series *series, double seconds)
{
        uint64_t last = series->n - 1, oldest = series->n > series->room ? series->n - series->room : 0, look = last;
        uint64_t now = series->times[last % series->room];

        /* half a look too short is nearer than half a look too long */
        while (look > oldest && (double)(now - series->times[(look - 1) % series->room]) <= (seconds + 0.5) * 1e9)
                look--;
        return look == last && look > oldest ? look - 1 : look;
}

/* Where a predecessor's sums were read late a counter may seem to go back: that is not a rate. */
static double
per_second(uint64_t before, uint64_t now, double seconds)
{
        return now > before ? (double)(now - before) / seconds : 0;
}

static void
compare(const struct mark *before, const struct mark *now, uint64_t ns, struct sqi_pace *ret)
{
        *ret = (struct sqi_pace){.seconds = (double)ns / 1e9};
        if (ns == 0)
                return;
#define X(name) ret->name = per_second(before->name, now->name, ret->seconds);
        SQI_TREND(X)
#undef X
}

static uint64_t
time_between(const struct series *series, uint64_t before, uint64_t now)
{
        return series->times[now % series->room] - series->times[before % series->room];
}

void
sqi_trend_task(const struct sqi_trend *trend, uint32_t task, double seconds, struct sqi_pace *ret)
{
        const struct series *series = &trend->tasks;

        sqi_assert(task < trend->plan->ntasks);
        *ret = (struct sqi_pace){0};
        if (series->n == 0)
                return;
        uint64_t begin = find_begin(series, seconds), last = series->n - 1;
        compare(mark_at(series, task, begin), mark_at(series, task, last), time_between(series, begin, last), ret);
}

void
sqi_trend_component(const struct sqi_trend *trend, uint32_t component, double seconds, struct sqi_pace *ret)
{
        const struct series *tasks = &trend->tasks, *steps = &trend->components;
        struct mark before, now;

        sqi_assert(component < trend->plan->ncomponents);
        *ret = (struct sqi_pace){0};
        if (tasks->n == 0)
                return;
        uint64_t last = tasks->n - 1, begin = find_begin(tasks, seconds), ns = time_between(tasks, begin, last);
        now = sum_tasks(trend, component, last);
        before = sum_tasks(trend, component, begin);
        if (seconds > SQI_TREND_SECONDS && steps->n > 0) {
                uint64_t step = find_begin(steps, seconds);
                uint64_t long_ns = tasks->times[last % tasks->room] - steps->times[step % steps->room];

                if (long_ns > ns) {
                        before = *mark_at(steps, component, step);
                        ns = long_ns;
                }
        }
        compare(&before, &now, ns, ret);
}

bool
sqi_trend_step(const struct sqi_trend *trend, uint32_t component, unsigned n, double *ret_age, struct sqi_pace *ret)
{
        const struct series *series = &trend->components;

        if (component >= trend->plan->ncomponents || n + 1 >= series->room || series->n < (uint64_t)n + 2)
                return false;
        uint64_t end = series->n - 1 - n, newest = trend->tasks.times[(trend->tasks.n - 1) % trend->tasks.room];
        compare(mark_at(series, component, end - 1), mark_at(series, component, end),
                time_between(series, end - 1, end), ret);
        *ret_age = (double)(newest - series->times[end % series->room]) / 1e9;
        return true;
}

/* A turn that was begun before the window counts whole at its end: hence the bounds. */
struct sqi_shares
sqi_pace_shares(const struct sqi_pace *pace, uint32_t ntasks)
{
        struct sqi_shares shares = {.busy = pace->busy_ns / 1e9 / ntasks, .blocked = pace->blocked_ns / 1e9 / ntasks};

        if (shares.busy > 1)
                shares.busy = 1;
        if (shares.blocked > 1 - shares.busy)
                shares.blocked = 1 - shares.busy;
        shares.idle = 1 - shares.busy - shares.blocked;
        return shares;
}
