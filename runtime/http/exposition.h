/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics in Prometheus' text format (version 0.0.4), where all samples of a family stand together, though they are
 * found one topology after the other.
 *
 *     struct sqi_exposition *it;
 *     int r = sqi_exposition_new(families, n, &it);                their names, types and help, of the caller
 *     sqi_expose_labels(it, (struct sqi_label[]){{"task", "3"}, {0}});     those of the samples that come now
 *     sqi_expose_uint(it, SENT, 17);                                       a sample of families[SENT]
 *     r = sqi_exposition_take(&it, &bytes, &size);
 *
 * It fails once and for all: a sample that finds no memory fails the whole. A family without samples is left out.
 */
#ifndef SQI_EXPOSITION_H
#define SQI_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

struct sqi_exposition;

struct sqi_family {
        const char *name, *type, *help; /* type: "counter", "gauge" or "histogram" */
};

struct sqi_label {
        const char *name; /* NULL ends the list */
        const char *value;
};

/* How many values are `edge` or less: a number as text. */
struct sqi_rung {
        const char *edge;
        uint64_t n;
};

/* `families` is borrowed. 0 or -ENOMEM. */
int sqi_exposition_new(const struct sqi_family *families, size_t n, struct sqi_exposition **ret);
void sqi_exposition_free(struct sqi_exposition **exposition);

/* The labels of all samples from here on, put together once; {0}: none, as at the start. */
void sqi_expose_labels(struct sqi_exposition *exposition, const struct sqi_label *labels);
void sqi_expose_uint(struct sqi_exposition *exposition, size_t family, uint64_t value);
void sqi_expose_real(struct sqi_exposition *exposition, size_t family, double value);
void sqi_expose_seconds(struct sqi_exposition *exposition, size_t family, uint64_t ns);
/* A histogram of `total` values, in `n` steps by rising edges. */
void sqi_expose_histogram(struct sqi_exposition *exposition, size_t family, const struct sqi_rung *steps, size_t n,
                          uint64_t total, double sum);

/* Frees it in any case. 0, and malloc'd text without a NUL; or -ENOMEM. */
int sqi_exposition_take(struct sqi_exposition **exposition, void **ret_bytes, size_t *ret_size);

#endif
