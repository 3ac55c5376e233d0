/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: everything a topology or a plan points to lives in one arena. */
#ifndef SQI_ARENA_H
#define SQI_ARENA_H

#include "squall.h"

struct sqi_arena;

/* NULL for want of memory; so do all functions below. */
struct sqi_arena *sqi_arena_new(void);
void sqi_arena_free(struct sqi_arena **arena);

/* `n` zeroed elements of `size` bytes; never NULL for n == 0. */
void *sqi_arena_alloc(struct sqi_arena *arena, size_t n, size_t size);

/* A NUL-terminated copy. */
char *sqi_arena_copy(struct sqi_arena *arena, const char *text, size_t len);
char *sqi_arena_text(struct sqi_arena *arena, const char *text);
char *sqi_arena_print(struct sqi_arena *arena, const char *format, ...) SQ_PRINTF(2, 3);

#endif
