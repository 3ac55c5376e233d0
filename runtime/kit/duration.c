/* SPDX-License-Identifier: Apache-2.0 */
/* How long something takes, in settings of components: base/duration.h, but that a number alone is none, for half of
 * those who write one mean milliseconds. */
#include <squall-kit.h>
#include <string.h>

#include "base/duration.h"

bool
sq_read_duration(const char *text, int64_t *ret_ns)
{
        uint64_t ns;

        if (!sqi_duration_has_unit(text) || sqi_duration_read(text, &ns) < 0 || ns == 0)
                return false;
        *ret_ns = (int64_t)ns;
        return true;
}

bool
sq_read_delay(const char *text, int64_t *ret_ns)
{
        uint64_t ns;

        if (sqi_duration_read(text, &ns) < 0 || (ns > 0 && !sqi_duration_has_unit(text)))
                return false;
        *ret_ns = (int64_t)ns;
        return true;
}
