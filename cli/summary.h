/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has done, in numbers: the live line, the table at its end, the same as JSON. */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include <stdio.h>

#include "supervisor/supervisor.h"

/* The sums that the live line is made from. */
struct cli_pulse {
        uint64_t at_ns, emitted, acked, pending, failed, restarts;
};

void cli_pulse_take(const struct sqi_running *running, uint64_t now_ns, struct cli_pulse *ret);
/* "wordcount running 12 s  emitted 1.2 M/s ..." from two pulses, into the buffer, which is returned. */
const char *cli_pulse_text(const struct sqi_running *running, const struct cli_pulse *before,
                           const struct cli_pulse *now, char *buffer, size_t size);

/* Where the numbers at the end come from: a running topology, or the tasks that ran in this process. */
struct cli_tally {
        const struct sqi_plan *plan;
        const char *state;
        uint64_t uptime_ns;
        const struct sqi_running *running;
        struct sqi_metrics **tasks; /* by task; when `running` is NULL */
};

struct cli_tally cli_tally(const struct sqi_running *running);
/* Some tuples were not processed, and are in no dead-letter file. */
bool cli_tally_is_short(const struct cli_tally *tally);
/* The summary: a table on stderr, or one JSON document on stdout. */
void cli_summary(const struct cli_tally *tally, bool json);

#endif
