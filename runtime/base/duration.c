/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <errno.h>
#include <string.h>

#include "squall.h"

/* A number, and the unit behind it. NULL: it is not a number. */
static const char *
take_apart(const char *text, double *ret_number)
{
        char *unit;

        *ret_number = sq_strtod(text, &unit);
        if (unit == text)
                return NULL;
        while (*unit == ' ')
                unit++;
        return unit;
}

int
sqi_duration_read(const char *text, uint64_t *ret_ns)
{
        static const struct {
                const char *unit;
                double ns;
        } units[] = {{"", 1e9}, {"s", 1e9},  {"ms", 1e6},   {"us", 1e3},
                     {"ns", 1}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
        double number;
        const char *unit = take_apart(text, &number);

        if (!unit || !(number >= 0))
                return -EINVAL;
        for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
                if (strcmp(unit, units[u].unit) != 0)
                        continue;
                if (number * units[u].ns > (double)SQI_DURATION_MAX)
                        return -ERANGE;
                *ret_ns = (uint64_t)(number * units[u].ns);
                return 0;
        }
        return -EINVAL;
}

bool
sqi_duration_has_unit(const char *text)
{
        double number;
        const char *unit = take_apart(text, &number);

        return unit && *unit;
}
