/* SPDX-License-Identifier: Apache-2.0 */
/* Where values of msgpack end that stand one behind the other in a file. */
#ifndef SQI_VALUE_H
#define SQI_VALUE_H

#include <stddef.h>
#include <stdint.h>

/* How far a walk over values has come. {0}: between two of them. */
struct sqi_walk {
        uint64_t values; /* that are still to come before the outermost one is whole */
        uint64_t bytes;  /* of a text that are still to come */
};

/* Walks on over `n` bytes to the end of the value that the walk is in or, between two, of the next one. How many bytes
 * that took: of a whole value, and walk->values and walk->bytes are 0; or fewer than `n`, and the rest, at most five
 * bytes, has to come again with what follows it. -1: a byte there begins no value. */
ptrdiff_t sqi_walk_value(struct sqi_walk *walk, const char *bytes, size_t n);

#endif
