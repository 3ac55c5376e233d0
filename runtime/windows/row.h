/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of a timeline, side by side in the order of their starts: see timeline.h. */
#ifndef SQI_WINDOWS_ROW_H
#define SQI_WINDOWS_ROW_H

#include "windows/timeline.h"

/* Number `i`. Good until the next one is inserted. */
void *sqi_slot_at(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i);
int64_t sqi_slot_start(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i);
/* The number of slots that begin before `start`. */
size_t sqi_slots_before(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, int64_t start);
/* A slot of zeroes at place `i`. NULL: no memory. */
void *sqi_slots_insert(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t i, int64_t start);
/* The first `n`. */
void sqi_slots_forget(struct sqi_timelines *timelines, struct sqi_timeline *timeline, size_t n);

#endif
