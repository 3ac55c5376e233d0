/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SQI_UTF8_H
#define SQI_UTF8_H

#include <stddef.h>

/* The length of the UTF-8 sequence at `at` (RFC 3629: no surrogates, no overlong forms), or 0; `left` bytes are
 * there. */
size_t sqi_utf8_length(const unsigned char *at, size_t left);

#endif
