/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers within the kit. */
#ifndef SQI_KIT_NUMBER_H
#define SQI_KIT_NUMBER_H

#include <squall-kit.h>

/* Takes a number off [*at, end): an optional `-`, then as RFC 8259 or, if `lenient`, also with a leading +, leading
 * zeros, and without digits before or behind the point. An integer that fits becomes SQ_INT or SQ_UINT, any other
 * number the nearest SQ_FLOAT. NULL, or what is wrong. */
const char *sqi_take_number(const char **at, const char *end, bool lenient, struct sq_value *ret);

#endif
