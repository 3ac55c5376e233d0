/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a task counts: memory that its supervisor can read when the worker is dead, whatever it died of.
 *
 *  1. The worker opens a file of the run directory for each of its tasks, mapped, and the task counts there.
 *  2. When the worker is dead, its supervisor reads the file of that incarnation; or before, to be up to date.
 *  3. The next incarnation of the task has a new file of that name: a process that is not quite dead yet does no harm
 *     to it.
 *
 * Reports (METRICS) tell of the same numbers while the worker lives. Without the file (a full run directory, say) they
 * are all there is: then what was counted after the last one dies with the worker.
 */
#ifndef SQI_COUNTED_H
#define SQI_COUNTED_H

#include <stdint.h>

#include "control/metrics.h"

/* Zeros at first. NULL: there can be no file. */
struct sqi_metrics *sqi_counted_open(const char *rundir, uint32_t task, uint32_t incarnation);
/* What was counted stays readable. */
void sqi_counted_close(struct sqi_metrics **metrics);

/* All files of a run, for its supervisor: one that was read stays open for the next time, as long as there are many
 * descriptors left. One thread reads them. NULL: no memory. */
struct sqi_counted_files;
struct sqi_counted_files *sqi_counted_files_new(const char *rundir, uint32_t ntasks);
void sqi_counted_files_free(struct sqi_counted_files **files);

/* What that incarnation has counted, up to now or to its death. 0; -ENOENT: it has no file; -EBADMSG: none that we can
 * read; or another negative errno. */
int sqi_counted_read(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, struct sqi_metrics *ret);
/* The same of the counters alone, which is a hundredth of the bytes. */
int sqi_counted_read_counts(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation,
                            struct sqi_counts *ret);

/* The sketch of heavy keys alone; how far event time has come alone. */
int sqi_counted_read_heavy(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, struct sqi_heavy *ret);
int sqi_counted_read_time(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation,
                          struct sqi_shown_time *ret);

#endif
