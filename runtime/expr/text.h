/* SPDX-License-Identifier: Apache-2.0 */
/* Texts within expressions: views, and texts that grow in a run's scratch. */
#ifndef SQI_KIT_TEXT_H
#define SQI_KIT_TEXT_H

#include "expr/expr.h"

static inline struct sq_str
sqi_text_of(struct sq_value value)
{
        return (struct sq_str){value.len ? value.as.ptr : "", value.len};
}

static inline struct sq_value
sqi_text_value(const char *ptr, size_t len)
{
        return sq_str((struct sq_str){ptr, len});
}

/* The part between `at` and `end`, not empty, or NULL. */
const char *sqi_text_find(const char *at, const char *end, struct sq_str part);

/* {.run = run} is an empty one. Without memory the run fails, and it is nil. */
struct sqi_growing {
        struct sqi_evaluation *run;
        char *text;
        size_t len, room;
};
void sqi_grow(struct sqi_growing *to, const char *bytes, size_t len);
/* A text as it is, a time as its text, anything else as JSON. */
void sqi_grow_value(struct sqi_growing *to, struct sq_value value);
/* The same, and a number with `digits` behind the point unless that is negative. */
void sqi_grow_number(struct sqi_growing *to, struct sq_value value, int digits);
struct sq_value sqi_grown(struct sqi_growing *to);

#endif
