/* SPDX-License-Identifier: Apache-2.0 */
#include "base/invariant.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
sqi_invariant_broken(const char *condition, const char *file, int line)
{
        dprintf(STDERR_FILENO, "squall: %s:%d: %s does not hold; this is a fault of Squall, please report it\n", file,
                line, condition);
        abort();
}
