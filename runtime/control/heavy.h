/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys of a fields grouping a task sees most: a sketch of a sample, in the memory where it counts (counted.h), so
 * that a supervisor can name them.
 *
 * Space-saving (Metwally, Agrawal, El Abbadi 2005): SQI_HEAVY_KEYS counters; a key that has none takes over the least
 * one, with its count. So a count is never too small, and too large by the least one at most. All are halved now and
 * then, so that what is heavy now counts. The task thread alone writes; a reader sees a moment's blur.
 */
#ifndef SQI_HEAVY_H
#define SQI_HEAVY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { SQI_HEAVY_KEYS = 8, SQI_HEAVY_WORDS = 4, SQI_HEAVY_TEXT = 8 * SQI_HEAVY_WORDS, SQI_HEAVY_FULL = 8192 };

struct sqi_heavy {
        _Atomic uint32_t total;
        struct sqi_heavy_key {
                _Atomic uint32_t count;
                _Atomic uint64_t text[SQI_HEAVY_WORDS]; /* its first bytes, then zeros */
        } keys[SQI_HEAVY_KEYS];
};

/* One more of the key that begins so; what is longer than SQI_HEAVY_TEXT is cut. */
void sqi_heavy_add(struct sqi_heavy *heavy, const char *text, size_t len);

/* The heaviest key, as text with a NUL, what is not printable as '?'; and its part of the sample, from below: what
 * it may count too much is taken off. 0: nothing is known. */
double sqi_heavy_first(const struct sqi_heavy *heavy, char ret_text[SQI_HEAVY_TEXT + 1]);

#endif
