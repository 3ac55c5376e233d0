/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "windows/windows.h"

/* ---- A tuple ----------------------------------------------------------------------------------------- */

size_t
sqi_aggregating_lay_out(struct sqi_windows *run, struct sqi_columns *columns)
{
        size_t at = 0;

        for (run->n = 0; run->n < run->compute->n && run->n < SQ_FIELDS_MAX; run->n++) {
                struct sqi_aggregate *aggregate = &run->aggregates[run->n];

                (void)sqi_columns_put(columns, run->compute->values[run->n], aggregate);
                aggregate->at = at;
                aggregate->blob = run->n;
                at += sqi_aggregate_size(aggregate);
        }
        return at;
}

bool
sqi_aggregating_is_plain(const struct sqi_windows *run)
{
        for (size_t i = 0; i < run->n; i++)
                if (run->aggregates[i].kind > SQI_STDDEV)
                        return false;
        return true;
}

static struct sq_value
argument(const struct sq_tuple *in, const struct sqi_aggregate *aggregate, size_t i)
{
        return aggregate->columns[i] < 0 ? sq_bool(true) : sq_get(in, (unsigned)aggregate->columns[i]);
}

/* The number by which one of the values of a window is chosen. */
static bool
take_rank(const struct sq_tuple *in, const struct sqi_aggregate *aggregate, int64_t time, struct sq_value *ret)
{
        struct sq_value value;

        *ret = sq_int(time);
        if (!sqi_aggregate_wants_number(aggregate, 1))
                return true;
        value = argument(in, aggregate, 1);
        if (value.type == SQ_NIL) {
                *ret = value;
                return true;
        }
        return sq_number_of(value, ret);
}

/* All that may fail, before anything is written. The aggregate that does not take its value; or NULL. */
const char *
sqi_aggregating_take(struct sqi_windows *run, int64_t time)
{
        const struct sq_tuple *in = run->in;

        for (size_t i = 0; i < run->n; i++) {
                const struct sqi_aggregate *aggregate = &run->aggregates[i];

                if (!sqi_aggregate_take(aggregate, argument(in, aggregate, 0), &run->taken[i].value) ||
                    !take_rank(in, aggregate, time, &run->taken[i].rank))
                        return run->compute->values[i];
        }
        return NULL;
}

/* ---- A slot ------------------------------------------------------------------------------------------ */

static int
fold(struct sqi_timelines *timelines, void *slot)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        struct sqi_blobs blobs = sqi_windows_blobs(run, slot);
        uint8_t *cells = sqi_windows_content(run, slot);
        bool ok = true;

        for (size_t i = 0; i < run->n && ok; i++)
                ok = sqi_aggregate_fold(&run->aggregates[i], &blobs, cells + run->aggregates[i].at, &run->taken[i]);
        return ok ? 0 : -ENOMEM;
}

static bool
is_of_totals(const struct sqi_aggregate *aggregate)
{
        return sqi_aggregate_tallies(aggregate) || sqi_aggregate_has_suffixes(aggregate);
}

/* But for what a total has. */
static bool
put_together(const struct sqi_windows *run, const struct sqi_blobs *into_blobs, uint8_t *into, const void *from_slot,
             const struct sqi_total *total)
{
        struct sqi_blobs from_blobs = sqi_windows_blobs(run, from_slot);
        const uint8_t *from = sqi_windows_content(run, from_slot);
        bool ok = true;

        for (size_t i = 0; i < run->n && ok; i++)
                if (!total || !is_of_totals(&run->aggregates[i]))
                        ok = sqi_aggregate_merge(&run->aggregates[i], into_blobs, into + run->aggregates[i].at,
                                                 &from_blobs, from + run->aggregates[i].at);
        return ok;
}

static int
merge(struct sqi_timelines *timelines, void *into, void *from)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        struct sqi_blobs blobs = sqi_windows_blobs(run, into);

        return put_together(run, &blobs, sqi_windows_content(run, into), from, NULL) ? 0 : -ENOMEM;
}

static void
clear(struct sqi_timelines *timelines, void *slot)
{
        const struct sqi_windows *run = sqi_windows_of(timelines);
        struct sqi_blobs blobs = sqi_windows_blobs(run, slot);

        for (size_t i = 0; i < run->n; i++)
                sqi_aggregate_clear(&run->aggregates[i], &blobs);
}

/* ---- A firing ---------------------------------------------------------------------------------------- */

/* Has a total all there is? */
static bool
is_in_total(const struct sqi_windows *run, const struct sqi_fired *fired)
{
        for (size_t i = 0; i < run->n; i++)
                if (!is_of_totals(&run->aggregates[i]))
                        return false;
        return fired->total != NULL;
}

static bool
put_all_together(struct sqi_windows *run, const struct sqi_blobs *blobs, const struct sqi_fired *fired)
{
        const struct sqi_suffixes *suffixes = fired->total ? sqi_key_total_suffixes(fired->total) : NULL;
        bool ok = true;

        if (suffixes && suffixes->entries)
                ok = sqi_suffixes_put(run, suffixes, fired->start, blobs, run->merged);
        if (is_in_total(run, fired))
                return ok;
        for (size_t part = 0; part < fired->nparts; part++)
                for (size_t i = 0; i < fired->parts[part].n && ok; i++)
                        ok = put_together(run, blobs, run->merged, fired->parts[part].slots + i * run->timelines.slot,
                                          fired->total);
        return ok;
}

static bool
results(struct sqi_windows *run, const struct sqi_blobs *blobs, const struct sqi_fired *fired, struct sq_value *values,
        void **memory)
{
        bool ok = true;

        for (size_t i = 0; i < run->n && ok; i++) {
                const struct sqi_aggregate *aggregate = &run->aggregates[i];

                if (fired->total && sqi_aggregate_tallies(aggregate))
                        ok = sqi_tally_result(aggregate, sqi_key_total_tally(fired->total, i), &values[i], &memory[i]);
                else
                        ok = sqi_aggregate_result(aggregate, blobs, run->merged + aggregate->at, &values[i],
                                                  &memory[i]);
        }
        return ok;
}

int
sqi_aggregating_compute(struct sqi_windows *run, const struct sqi_fired *fired, sqi_use_values *use)
{
        const struct sqi_blobs blobs = {.own = run->blobs};
        struct sq_value values[SQ_FIELDS_MAX];
        void *memory[SQ_FIELDS_MAX];
        int r = -ENOMEM;

        memset(run->merged, 0, run->timelines.slot);
        memset(memory, 0, run->n * sizeof(*memory)); /* there is room for many more */
        if (put_all_together(run, &blobs, fired) && results(run, &blobs, fired, values, memory))
                r = use(run, fired, values);
        for (size_t i = 0; i < run->n; i++) {
                free(memory[i]);
                sqi_aggregate_clear(&run->aggregates[i], &blobs);
        }
        return r;
}

static int
emit(struct sqi_windows *run, const struct sqi_fired *fired, const struct sq_value *computed)
{
        const struct sqi_rule *rule = &run->timelines.rule;
        struct sq_value values[SQ_FIELDS_MAX];
        size_t n = 0;

        if (run->settings->by.n)
                values[n++] = sq_splice(run->by, run->settings->by.n);
        if (sqi_rule_ends_by_time(rule)) {
                values[n++] = sq_time(sqi_windows_time(fired->start));
                values[n++] = sq_time(sqi_windows_time(fired->end));
        }
        for (size_t i = 0; i < run->n; i++)
                values[n++] = computed[i];
        if (sqi_rule_refires(rule))
                values[n++] = sq_text(sqi_windows_firing(fired->firing));
        sq_emit_values(run->task, 0, n, values);
        return 0;
}

static int
fire(struct sqi_timelines *timelines, const struct sqi_fired *fired)
{
        return sqi_aggregating_compute(sqi_windows_of(timelines), fired, emit);
}

const struct sqi_timeline_ops sqi_aggregating_ops = {sqi_windows_room, fold, merge, clear, fire, sqi_windows_front};
