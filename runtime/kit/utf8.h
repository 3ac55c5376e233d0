/* SPDX-License-Identifier: Apache-2.0 */
/* Characters as UTF-8 (RFC 3629). */
#ifndef SQI_KIT_UTF8_H
#define SQI_KIT_UTF8_H

#include <stdint.h>

/* Writes the character, of 4 bytes at most, and goes on behind it. */
void sqi_utf8_put(char **to, uint32_t code);

/* Reads a character and goes on behind it; -1, one byte further: there is none at *at, which is before `end`. */
int32_t sqi_utf8_get(const char **at, const char *end);

#endif
