/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <errno.h>
#include <string.h>

#include "squall.h"

int
sqi_duration_read(const char *text, uint64_t *ret_ns)
{
        static const struct {
                const char *unit;
                double ns;
        } units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}, {"h", 3600e9}};
        char *end;
        double number = sq_strtod(text, &end);

        if (end == text || !(number >= 0 && number < 1e9))
                return -EINVAL;
        for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
                if (strcmp(end, units[u].unit) == 0) {
                        *ret_ns = (uint64_t)(number * units[u].ns);
                        return 0;
                }
        return -EINVAL;
}
