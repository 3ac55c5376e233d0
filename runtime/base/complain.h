/* SPDX-License-Identifier: Apache-2.0 */
/* An error and its cause, or what else is to be said, in words. */
#ifndef SQI_COMPLAIN_H
#define SQI_COMPLAIN_H

#include <stddef.h>

#include "squall.h"

/* Writes the cause into `error` and returns `r`. */
int sqi_complain(int r, char *error, size_t size, const char *format, ...) SQ_PRINTF(4, 5);

/* Appends to a text, which has room for `size` bytes: what has none is left out. */
void sqi_say_more(char *text, size_t size, const char *format, ...) SQ_PRINTF(3, 4);

#endif
