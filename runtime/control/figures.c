/* SPDX-License-Identifier: Apache-2.0 */
#include "control/figures.h"

void
sqi_write_counters(struct sqi_writer *writer, const struct sqi_metrics *metrics)
{
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++)
                if (sqi_counters[c].use != SQI_COUNTER_LIFE && sqi_counters[c].use != SQI_COUNTER_LAG)
                        sqi_write_uint(writer, sqi_counters[c].name, sqi_counter_get(metrics, c));
}

bool
sqi_lag_of(const struct sqi_counts *counts, const char **ret_unit, uint64_t *ret_amount)
{
        if (!counts->lag_in_bytes && !counts->lag_in_messages)
                return false;
        *ret_unit = counts->lag_in_messages ? "messages" : "bytes";
        *ret_amount = counts->lag_in_messages ? counts->lag_messages : counts->lag_bytes;
        return true;
}

void
sqi_write_lag(struct sqi_writer *writer, const struct sqi_metrics *metrics)
{
        const struct sqi_counts counts = {.lag_bytes = metrics->lag_bytes,
                                          .lag_messages = metrics->lag_messages,
                                          .lag_in_bytes = metrics->lag_in_bytes,
                                          .lag_in_messages = metrics->lag_in_messages};
        const char *unit;
        uint64_t amount;

        if (!sqi_lag_of(&counts, &unit, &amount)) {
                sqi_write_text(writer, "lag", NULL);
                return;
        }
        sqi_write_map(writer, "lag");
        sqi_write_uint(writer, "amount", amount);
        sqi_write_text(writer, "unit", unit);
        sqi_write_end(writer);
}

static void
write_microseconds(struct sqi_writer *writer, const char *key, const struct sqi_histogram *histogram)
{
        sqi_write_map(writer, key);
        sqi_write_real(writer, "p50", (double)sqi_histogram_quantile(histogram, 0.5) / 1e3);
        sqi_write_real(writer, "p99", (double)sqi_histogram_quantile(histogram, 0.99) / 1e3);
        sqi_write_real(writer, "p999", (double)sqi_histogram_quantile(histogram, 0.999) / 1e3);
        sqi_write_end(writer);
}

static void
write_own(struct sqi_writer *writer, const struct sqi_own_metric *own)
{
        if (own->kind != SQI_OWN_HISTOGRAM) {
                sqi_write_int(writer, own->name, own->value);
                return;
        }
        sqi_write_map(writer, own->name);
        sqi_write_int(writer, "n", own->value);
        sqi_write_uint(writer, "p50", sqi_histogram_quantile(&own->values, 0.5));
        sqi_write_uint(writer, "p99", sqi_histogram_quantile(&own->values, 0.99));
        sqi_write_end(writer);
}

void
sqi_write_times(struct sqi_writer *writer, const struct sqi_metrics *metrics)
{
        write_microseconds(writer, "execute_us", &metrics->execute);
        write_microseconds(writer, "complete_us", &metrics->complete);
        sqi_write_map(writer, "metrics");
        for (unsigned i = 0; i < SQI_OWN_MAX && metrics->own[i].kind != SQI_OWN_NONE; i++)
                write_own(writer, &metrics->own[i]);
        sqi_write_end(writer);
}
