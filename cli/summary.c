/* SPDX-License-Identifier: Apache-2.0 */
#include "summary.h"

#include "json.h"
#include "table.h"

/* ---- Numbers of a component ------------------------------------------------------------------------------------------------ */

struct numbers {
        const struct sqi_plan_component *component;
        struct sqi_metrics total;
        uint64_t restarts;
};

static uint64_t
get(const _Atomic uint64_t *counter)
{
        return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
take(const struct sqi_running *running, uint32_t component, struct numbers *ret)
{
        const struct sqi_plan *plan = sqi_running_plan(running);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);

        ret->component = &plan->components[component];
        ret->restarts = 0;
        sqi_totals_component(sqi_running_totals(running), component, &ret->total);
        for (uint32_t t = 0; t < ret->component->ntasks; t++)
                ret->restarts += life->workers[plan->tasks[ret->component->first_task + t].worker].restarts;
}

static void
take_tasks(const struct cli_tally *tally, uint32_t component, struct numbers *ret)
{
        *ret = (struct numbers){.component = &tally->plan->components[component]};
        for (uint32_t t = 0; t < ret->component->ntasks; t++)
                sqi_metrics_merge(&ret->total, tally->tasks[ret->component->first_task + t]);
}

static void
take_end(const struct cli_tally *tally, uint32_t component, struct numbers *ret)
{
        if (tally->running)
                take(tally->running, component, ret);
        else
                take_tasks(tally, component, ret);
}

struct cli_tally
cli_tally(const struct sqi_running *running)
{
        return (struct cli_tally){sqi_running_plan(running), sqi_lifecycle_state_name(sqi_running_lifecycle(running)),
                                  sqi_running_uptime(running), running, NULL};
}

static double
quantile_us(const struct sqi_histogram *histogram, double q)
{
        return (double)sqi_histogram_quantile(histogram, q) / 1000;
}

static const char *
kind_name(enum sq_kind kind)
{
        return kind == SQ_KIND_SPOUT ? "spout" : "bolt";
}

/* ---- The live line ----------------------------------------------------------------------------------------------------------- */

/* Tuples are acked by the spouts' trees where they are tracked, by the bolts where they are not. */
void
cli_pulse_take(const struct sqi_running *running, uint64_t now_ns, struct cli_pulse *ret)
{
        const struct sqi_plan *plan = sqi_running_plan(running);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);
        enum sq_kind acking = plan->config.delivery == SQI_AT_LEAST_ONCE ? SQ_KIND_SPOUT : SQ_KIND_BOLT;
        struct cli_pulse pulse = {.at_ns = now_ns};
        struct numbers numbers;

        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                take(running, c, &numbers);
                if (numbers.component->kind == SQ_KIND_SPOUT)
                        pulse.emitted += get(&numbers.total.emitted);
                if (numbers.component->kind == acking)
                        pulse.acked += get(&numbers.total.acked);
                pulse.pending += get(&numbers.total.pending);
                pulse.failed += get(&numbers.total.failed);
        }
        for (uint32_t w = 0; w < plan->nworkers; w++)
                pulse.restarts += life->workers[w].restarts;
        *ret = pulse;
}

/* Three digits and a unit: "0", "950", "1.23 M". */
static const char *
scaled(double number, char *buffer, size_t size)
{
        static const char units[][3] = {"", " k", " M", " G", " T"};
        unsigned unit = 0;

        while (number >= 999.5 && unit < 4) {
                number /= 1000;
                unit++;
        }
        (void)snprintf(buffer, size, "%.*f%s", unit == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2, number, units[unit]);
        return buffer;
}

static double
rate(uint64_t before, uint64_t now, double seconds)
{
        return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

const char *
cli_pulse_text(const struct sqi_running *running, const struct cli_pulse *before, const struct cli_pulse *now, char *buffer,
               size_t size)
{
        double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);
        bool plain = life->state == SQI_RUNNING && !life->degraded && !life->inactive;
        const char *state = plain ? "" : sqi_lifecycle_state_name(life);
        char emitted[16], acked[16], pending[16], failed[16];

        (void)snprintf(buffer, size, "%s %s%s%.0f s  emitted %s/s  acked %s/s  pending %s  failed %s  restarts %llu",
                       sqi_running_plan(running)->name, state, plain ? "" : " ", (double)sqi_running_uptime(running) / 1e9,
                       scaled(rate(before->emitted, now->emitted, seconds), emitted, sizeof(emitted)),
                       scaled(rate(before->acked, now->acked, seconds), acked, sizeof(acked)),
                       scaled((double)now->pending, pending, sizeof(pending)), scaled((double)now->failed, failed, sizeof(failed)),
                       (unsigned long long)now->restarts);
        return buffer;
}

/* ---- The end ----------------------------------------------------------------------------------------------------------------- */

/* One list: the counters that a summary shows, in the table and in the JSON. */
#define COUNTERS(X) X(emitted) X(executed) X(acked) X(failed) X(replayed)

static void
fill_row(struct cli_table *table, const struct numbers *numbers)
{
        cli_table_cell(table, "%s", numbers->component->id);
        cli_table_cell(table, "%s", kind_name(numbers->component->kind));
        cli_table_cell(table, "%u", numbers->component->ntasks);
#define X(name) cli_table_cell(table, "%llu", (unsigned long long)get(&numbers->total.name));
        COUNTERS(X)
#undef X
        cli_table_cell(table, "%llu", (unsigned long long)numbers->restarts);
        cli_table_cell(table, "%.1f", quantile_us(&numbers->total.execute, 0.5));
        cli_table_cell(table, "%.1f", quantile_us(&numbers->total.execute, 0.99));
}

#define X(name) , #name
static const char *const heads[] = {"id", "kind", "tasks" COUNTERS(X), "restarts", "p50us", "p99us"};
#undef X

/* "parse: malformed 12, ms 3000 (p50 8, p99 90)": the component's own metrics, when it has any. */
static void
print_own_line(FILE *out, const struct numbers *numbers)
{
        const struct sqi_own *own = numbers->total.own;

        for (unsigned i = 0; i < SQI_OWN_MAX && own[i].kind != SQI_OWN_NONE; i++) {
                if (i == 0)
                        (void)fprintf(out, "%s:", numbers->component->id);
                (void)fprintf(out, "%s %s %lld", i ? "," : "", own[i].name, (long long)own[i].value);
                if (own[i].kind == SQI_OWN_HISTOGRAM)
                        (void)fprintf(out, " (p50 %llu, p99 %llu)", (unsigned long long)sqi_histogram_quantile(&own[i].values, 0.5),
                                      (unsigned long long)sqi_histogram_quantile(&own[i].values, 0.99));
        }
        if (own[0].kind != SQI_OWN_NONE)
                (void)putc('\n', out);
}

void
cli_summary_table(FILE *out, const struct cli_tally *tally)
{
        struct cli_table table = {.columns = sizeof(heads) / sizeof(heads[0]), .left = 2};
        const struct sqi_plan *plan = tally->plan;
        struct numbers numbers;

        (void)fprintf(out, "%s: %s after %.1f s\n", plan->name, tally->state, (double)tally->uptime_ns / 1e9);
        cli_table_heads(&table, heads);
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                fill_row(&table, &numbers);
        }
        cli_table_print(&table, out);
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                if (numbers.component->kind == SQ_KIND_SPOUT && sqi_histogram_quantile(&numbers.total.complete, 0.5) > 0)
                        (void)fprintf(out, "%s: from emit to ack p50 %.1f us, p99 %.1f us, p99.9 %.1f us\n", numbers.component->id,
                                      quantile_us(&numbers.total.complete, 0.5), quantile_us(&numbers.total.complete, 0.99),
                                      quantile_us(&numbers.total.complete, 0.999));
                print_own_line(out, &numbers);
        }
}

static void
print_quantiles(struct cli_json *json, const char *key, const struct sqi_histogram *histogram, bool thousandth)
{
        cli_json_open(json, key, '{');
        cli_json_real(json, "p50", quantile_us(histogram, 0.5));
        cli_json_real(json, "p99", quantile_us(histogram, 0.99));
        if (thousandth)
                cli_json_real(json, "p999", quantile_us(histogram, 0.999));
        cli_json_close(json, '}');
}

/* "metrics": {"evictions": 3, "lookup ns": {"n": 7, "p50": 1, "p99": 2}}, when the component has any. */
static void
print_own(struct cli_json *json, const struct sqi_metrics *metrics)
{
        if (metrics->own[0].kind == SQI_OWN_NONE)
                return;
        cli_json_open(json, "metrics", '{');
        for (unsigned i = 0; i < SQI_OWN_MAX && metrics->own[i].kind != SQI_OWN_NONE; i++) {
                const struct sqi_own *own = &metrics->own[i];
                if (own->kind != SQI_OWN_HISTOGRAM) {
                        cli_json_int(json, own->name, own->value);
                        continue;
                }
                cli_json_open(json, own->name, '{');
                cli_json_int(json, "n", own->value);
                cli_json_uint(json, "p50", sqi_histogram_quantile(&own->values, 0.5));
                cli_json_uint(json, "p99", sqi_histogram_quantile(&own->values, 0.99));
                cli_json_close(json, '}');
        }
        cli_json_close(json, '}');
}

void
cli_summary_json(FILE *out, const struct cli_tally *tally)
{
        const struct sqi_plan *plan = tally->plan;
        struct cli_json json = cli_json(out);
        struct numbers numbers;

        cli_json_open(&json, NULL, '{');
        cli_json_text(&json, "topology", plan->name);
        cli_json_text(&json, "state", tally->state);
        cli_json_real(&json, "uptime_s", (double)tally->uptime_ns / 1e9);
        cli_json_open(&json, "components", '[');
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                cli_json_open(&json, NULL, '{');
                cli_json_text(&json, "id", numbers.component->id);
                cli_json_text(&json, "kind", kind_name(numbers.component->kind));
                cli_json_uint(&json, "tasks", numbers.component->ntasks);
#define X(name) cli_json_uint(&json, #name, get(&numbers.total.name));
                COUNTERS(X)
#undef X
                cli_json_uint(&json, "restarts", numbers.restarts);
                print_quantiles(&json, "execute_us", &numbers.total.execute, false);
                print_quantiles(&json, "complete_us", &numbers.total.complete, true);
                print_own(&json, &numbers.total);
                cli_json_close(&json, '}');
        }
        cli_json_close(&json, ']');
        cli_json_close(&json, '}');
}
