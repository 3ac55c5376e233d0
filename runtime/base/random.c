/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

/* getrandom() fails for a signal alone, and below 256 bytes not even then; a kernel without it is older than all that
 * we run on. */
void
sqi_random_bytes(void *bytes, size_t size)
{
        char *at = bytes;

        while (size > 0) {
                ssize_t n = getrandom(at, size, 0);

                if (n < 0 && errno != EINTR)
                        abort();
                if (n > 0) {
                        at += n;
                        size -= (size_t)n;
                }
        }
}

uint64_t
sqi_random(void)
{
        uint64_t number;

        sqi_random_bytes(&number, sizeof(number));
        return number;
}
