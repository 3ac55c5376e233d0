/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as text: of the worker, which reads event times, and of the kit. */
#ifndef SQI_DATE_H
#define SQI_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"

/*
 * Formats: `iso8601` (2026-11-26T07:00:00.5+01:00, the zone and the seconds may be missing, a blank may stand for the T
 * and before the zone; written with Z), or with % as in strptime():
 *
 *     %Y %m %d %e %H %M %S          year, month, day, day, hour, minute, second
 *     %y %j                         year of two digits (69 to 68), day of the year
 *     %b %B %a %A                   names of months and days, in English; the short ones read both
 *     %f                            digits of a fraction of a second; written with nine, without zeroes at the end
 *     %z                            +01:00, +0100, Z; written as +0000
 *     %T %D %F %R                   %H:%M:%S, %m/%d/%y, %Y-%m-%d, %H:%M
 *     %s %p %I %%                   seconds since 1970, AM or PM, hour of twelve, %
 *
 * A time without a zone is UTC. A blank is any blanks.
 */

/* NULL, or what is wrong with a format, a constant. */
const char *sqi_date_check(struct sq_str format);
/* Whether all of the text is a time of the format. `year`: for a format without one. */
bool sqi_date_read(struct sq_str text, struct sq_str format, int year, struct sq_time *ret);
/* As snprintf(): returns what the whole needs. */
size_t sqi_date_write(struct sq_time time, struct sq_str format, char *buffer, size_t size);

#endif
