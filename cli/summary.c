/* SPDX-License-Identifier: Apache-2.0 */
#include "summary.h"

#include "base/clock.h"
#include "base/number.h"
#include "control/figures.h"
#include "daemon/checkpoints.h"
#include "lifecycle/tell.h"
#include "daemon/vitals.h"
#include "json.h"
#include "number.h"
#include "table.h"

/* ---- Numbers of a component -------------------------------------------------------------------------- */

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

/* ---- The live line ----------------------------------------------------------------------------------- */

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

static double
rate(uint64_t before, uint64_t now, double seconds)
{
        return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

/* The newest one, and how many came to nothing: why, the summary and `status` say. */
static void
print_epoch(const struct sqi_checkpoint *checkpoint, uint64_t now_ns, char *buffer, size_t size)
{
        char bytes[SQI_BYTES_SIZE], given_up[CLI_NUMBER_SIZE + 16] = "";
        uint64_t age_ns = now_ns > checkpoint->sealed_at ? now_ns - checkpoint->sealed_at : 0;

        if (checkpoint->given_up > 0)
                snprintf(given_up, sizeof(given_up), ", %llu given up", (unsigned long long)checkpoint->given_up);
        snprintf(buffer, size, "  epoch %llu, %.1f s old, %s%s", (unsigned long long)checkpoint->sealed,
                 (double)age_ns / 1e9, sqi_bytes_text(checkpoint->size, bytes), given_up);
}

const char *
cli_pulse_text(const struct sqi_running *running, const struct cli_pulse *before, const struct cli_pulse *now,
               char *buffer, size_t size)
{
        double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);
        bool plain = life->state == SQI_RUNNING && !life->degraded && !life->inactive &&
                     life->checkpoint.restore == SQI_RESTORE_NONE;
        const char *state = plain ? "" : sqi_lifecycle_state_name(life);
        char emitted[CLI_NUMBER_SIZE], acked[CLI_NUMBER_SIZE], pending[CLI_NUMBER_SIZE], failed[CLI_NUMBER_SIZE],
                epoch[128] = "";

        struct sqi_bottleneck bottleneck;

        sqi_bottleneck_here(running, &bottleneck);
        if (life->checkpoint.sealed > 0)
                print_epoch(&life->checkpoint, now->at_ns, epoch, sizeof(epoch));
        snprintf(buffer, size, "%s %s%s%.0f s  emitted %s/s  acked %s/s  pending %s  failed %s  restarts %llu%s%s%s",
                 sqi_running_plan(running)->name, state, plain ? "" : " ", (double)sqi_running_uptime(running) / 1e9,
                 cli_scaled_text(rate(before->emitted, now->emitted, seconds), emitted),
                 cli_scaled_text(rate(before->acked, now->acked, seconds), acked),
                 cli_scaled_text((double)now->pending, pending), cli_scaled_text((double)now->failed, failed),
                 (unsigned long long)now->restarts, epoch, bottleneck.component ? "  bottleneck " : "",
                 bottleneck.component ? bottleneck.component : "");
        return buffer;
}

/* ---- The end ----------------------------------------------------------------------------------------- */

static void
fill_row(struct cli_table *table, const struct numbers *numbers)
{
        char text[CLI_NUMBER_SIZE];

        cli_table_cell(table, "%s", numbers->component->id);
        cli_table_cell(table, "%s", sqi_kind_name(numbers->component->kind));
        cli_table_cell(table, "%u", numbers->component->ntasks);
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++)
                if (sqi_counters[c].use == SQI_COUNTER_WORK)
                        cli_table_cell(table, "%s", cli_count_text(sqi_counter_get(&numbers->total, c), text));
        cli_table_cell(table, "%s", cli_count_text(numbers->restarts, text));
        cli_table_cell(table, "%s", cli_time_text(quantile_us(&numbers->total.execute, 0.5), text));
        cli_table_cell(table, "%s", cli_time_text(quantile_us(&numbers->total.execute, 0.99), text));
}

static void
fill_heads(struct cli_table *table)
{
        static const char *const before[] = {"id", "kind", "tasks"}, *const after[] = {"restarts", "p50", "p99"};

        for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
                cli_table_cell(table, "%s", before[i]);
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++)
                if (sqi_counters[c].use == SQI_COUNTER_WORK)
                        cli_table_cell(table, "%s", sqi_counters[c].name);
        for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++)
                cli_table_cell(table, "%s", after[i]);
        table->columns = (unsigned)table->ncells;
}

/* "parse: given_up 3, timed_out 1": what should not be, when it is. */
static void
print_troubles(FILE *out, const struct numbers *numbers)
{
        char text[CLI_NUMBER_SIZE];
        bool any = false;

        for (unsigned c = 0; c < SQI_NCOUNTERS; c++) {
                uint64_t n = sqi_counters[c].use == SQI_COUNTER_TROUBLE ? sqi_counter_get(&numbers->total, c) : 0;

                if (n == 0)
                        continue;
                fprintf(out, "%s%s %s %s", any ? "," : numbers->component->id, any ? "" : ":", sqi_counters[c].name,
                        cli_count_text(n, text));
                any = true;
        }
        if (any)
                putc('\n', out);
}

/* "parse: malformed 12, ms 3000 (p50 8, p99 90)": the component's own metrics, when it has any. */
static void
print_own_line(FILE *out, const struct numbers *numbers)
{
        const struct sqi_own_metric *own = numbers->total.own;

        for (unsigned i = 0; i < SQI_OWN_MAX && own[i].kind != SQI_OWN_NONE; i++) {
                if (i == 0)
                        fprintf(out, "%s:", numbers->component->id);
                fprintf(out, "%s %s %lld", i ? "," : "", own[i].name, (long long)own[i].value);
                if (own[i].kind == SQI_OWN_HISTOGRAM)
                        fprintf(out, " (p50 %llu, p99 %llu)",
                                (unsigned long long)sqi_histogram_quantile(&own[i].values, 0.5),
                                (unsigned long long)sqi_histogram_quantile(&own[i].values, 0.99));
        }
        if (own[0].kind != SQI_OWN_NONE)
                putc('\n', out);
}

/* Where records went that could not be read, as far as the topology file says. */
static const char *
on_error_of(const struct sqi_plan_component *component)
{
        for (uint32_t s = 0; s < component->nsettings; s++)
                if (strcmp(component->settings[s].name, "on-error") == 0 && component->settings[s].shape == SQI_SCALAR)
                        return component->settings[s].values[0];
        return "dead-letter";
}

static void
print_left_out(FILE *out, const struct sqi_plan_component *component, unsigned long long left, const char *path)
{
        const char *on_error = on_error_of(component);

        fprintf(out, "%s: left out %llu record%s (the log above says why)", component->id, left, left == 1 ? "" : "s");
        if (strcmp(on_error, "stream") == 0)
                fputs("; on its stream `errors`", out);
        else if (strcmp(on_error, "dead-letter") == 0)
                fprintf(out, "; in %s", path ? path : "no dead-letter file");
        putc('\n', out);
}

/* What did not come through, in words: whoever reads nothing else should read this. */
static void
print_missing(FILE *out, const struct cli_tally *tally)
{
        const char *path = tally->plan->config.dead_letter;
        struct numbers numbers;

        for (uint32_t c = 0; c < tally->plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                unsigned long long given_up = get(&numbers.total.given_up), letters = get(&numbers.total.dead_lettered),
                                   lost = get(&numbers.total.lost), keys = get(&numbers.total.keys_lost),
                                   left = get(&numbers.total.left_out);

                if (given_up > 0)
                        fprintf(out, "%s: gave up %llu tuple%s after topology.spout.max.retries; %llu of them in %s\n",
                                numbers.component->id, given_up, given_up == 1 ? "" : "s", letters,
                                path ? path : "no dead-letter file");
                if (left > 0)
                        print_left_out(out, numbers.component, left, path);
                if (keys > 0)
                        fprintf(out,
                                "%s: lost the state of %llu key%s with a worker: what it reports of them is of the "
                                "tuples since then\n",
                                numbers.component->id, keys, keys == 1 ? "" : "s");
                if (lost > 0)
                        fprintf(out, "%s: lost %llu tuple%s that no tuple tree holds (the log above says why)\n",
                                numbers.component->id, lost, lost == 1 ? "" : "s");
        }
}

bool
cli_tally_is_short(const struct cli_tally *tally)
{
        struct numbers numbers;
        uint64_t missing = 0;

        for (uint32_t c = 0; c < tally->plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                missing += sqi_metrics_missing(&numbers.total);
        }
        return missing > 0;
}

static void
print_complete(FILE *out, const struct numbers *numbers)
{
        const struct sqi_histogram *complete = &numbers->total.complete;
        char text[3][CLI_NUMBER_SIZE];

        fprintf(out, "%s: from emit to ack p50 %s, p99 %s, p99.9 %s\n", numbers->component->id,
                cli_time_text(quantile_us(complete, 0.5), text[0]), cli_time_text(quantile_us(complete, 0.99), text[1]),
                cli_time_text(quantile_us(complete, 0.999), text[2]));
}

static void
print_epochs(FILE *out, const struct cli_tally *tally)
{
        const struct sqi_lifecycle *life = tally->running ? sqi_running_lifecycle(tally->running) : NULL;
        char text[2 * SQI_CHECKPOINT_CAUSE];

        if (life && sqi_checkpoint_text(life, sqi_clock_ns(), text, sizeof(text))[0])
                fprintf(out, "epochs: %s\n", text);
}

static void
print_table(FILE *out, const struct cli_tally *tally)
{
        struct cli_table table = {.left = 2};
        const struct sqi_plan *plan = tally->plan;
        struct numbers numbers;

        fprintf(out, "%s: %s after %.1f s\n", plan->name, tally->state, (double)tally->uptime_ns / 1e9);
        fill_heads(&table);
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                fill_row(&table, &numbers);
        }
        cli_table_print(&table, out);
        print_epochs(out, tally);
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                if (numbers.component->kind == SQ_KIND_SPOUT &&
                    sqi_histogram_quantile(&numbers.total.complete, 0.5) > 0)
                        print_complete(out, &numbers);
                print_troubles(out, &numbers);
                print_own_line(out, &numbers);
        }
}

static void
write_component(struct sqi_writer *writer, const struct numbers *numbers)
{
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "id", numbers->component->id);
        sqi_write_text(writer, "kind", sqi_kind_name(numbers->component->kind));
        sqi_write_uint(writer, "tasks", numbers->component->ntasks);
        sqi_write_counters(writer, &numbers->total);
        sqi_write_uint(writer, "restarts", numbers->restarts);
        sqi_write_times(writer, &numbers->total);
        sqi_write_end(writer);
}

static void
print_json(const struct cli_tally *tally)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        struct numbers numbers;

        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "topology", tally->plan->name);
        sqi_write_text(&writer, "state", tally->state);
        sqi_write_real(&writer, "uptime_s", (double)tally->uptime_ns / 1e9);
        if (tally->running)
                sqi_checkpoints_write(tally->running, &writer);
        sqi_write_array(&writer, "components");
        for (uint32_t c = 0; c < tally->plan->ncomponents; c++) {
                take_end(tally, c, &numbers);
                write_component(&writer, &numbers);
        }
        sqi_write_end(&writer);
        sqi_write_end(&writer);
        cli_json_print(&writer);
}

void
cli_summary(const struct cli_tally *tally, bool json)
{
        if (!json)
                print_table(stderr, tally);
        print_missing(stderr, tally);
        if (json)
                print_json(tally);
}
