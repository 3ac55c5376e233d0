/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as text. */
#ifndef SQI_KIT_INSTANT_H
#define SQI_KIT_INSTANT_H

#include <squall-kit.h>

/* Formats: those of base/date.h, and `unix`, `unix_ms`, `unix_us`, `unix_ns`: numbers since 1970. */
/* NULL, or what is wrong with a format, a constant. */
const char *sqi_instant_check(struct sq_str format);
/* Whether all of the text is a time of the format. `year`: for a format without one. */
bool sqi_instant_read(struct sq_str text, struct sq_str format, int year, struct sq_time *ret);
/* As snprintf(): returns what the whole needs. */
size_t sqi_instant_write(struct sq_time time, struct sq_str format, char *buffer, size_t size);
/* `90s`, `5m`, `1h`, `2d`, `1w`, `250ms`, `3us`, `7ns`, or a number of seconds; in nanoseconds. 0; -EINVAL: it is none;
 * -ERANGE: it is longer than 2^63 of them, 292 years. */
int sqi_span_read(struct sq_value value, int64_t *ret_ns);

#endif
