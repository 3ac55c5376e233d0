/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At what pace a task writes its keys down while it works: a portion between two batches, then a rest.
 *
 * The tuples that wait meanwhile wait for a portion, not for all of it, and the thread sleeps in a rest if there is
 * nothing to do: on a busy machine a thread that has used its time up waits for the others' turn, and its tuples with
 * it. So a portion is a time, not a number of keys, and takes a quarter of the task's time; more where all would not be
 * written by half of an epoch's interval otherwise, four fifths at most.
 *
 *  1. sqi_portions_begin(): the first one is due.
 *  2. sqi_portions_time(): how long a portion may take, now. 0: it is not due before sqi_portions_due().
 *  3. sqi_portions_end(): it is written, and so much is left; or sqi_portions_put_off(). To 2.
 */
#ifndef SQI_PORTIONS_H
#define SQI_PORTIONS_H

#include <stddef.h>
#include <stdint.h>

struct sqi_portions {
        uint64_t until_ns; /* when all should be written */
        uint64_t ended_ns; /* the last one; 0: there was none */
        double rest;       /* for the time that a portion takes */
};

void sqi_portions_begin(struct sqi_portions *portions, uint64_t now_ns, uint64_t interval_ns);
uint64_t sqi_portions_due(const struct sqi_portions *portions);
uint64_t sqi_portions_time(const struct sqi_portions *portions, uint64_t now_ns);
/* Of the portion since `begun_ns`: how many keys it was, and how many are left. */
void sqi_portions_end(struct sqi_portions *portions, uint64_t begun_ns, uint64_t now_ns, size_t n, size_t left);
/* None now: the disk is behind. */
void sqi_portions_put_off(struct sqi_portions *portions, uint64_t now_ns);

#endif
