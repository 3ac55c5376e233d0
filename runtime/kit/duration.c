/* SPDX-License-Identifier: Apache-2.0 */
/* How long something takes, in settings of components. */
#include <squall-kit.h>
#include <string.h>

static const struct {
        const char *unit;
        double ns;
} units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};

bool
sq_read_duration(const char *text, int64_t *ret_ns)
{
        char *unit;
        double number = sq_strtod(text, &unit);

        while (*unit == ' ')
                unit++;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strcmp(unit, units[i].unit) != 0 || !(number * units[i].ns >= 1) || number * units[i].ns > 1e18)
                        continue;
                *ret_ns = (int64_t)(number * units[i].ns);
                return true;
        }
        return false;
}

bool
sq_read_delay(const char *text, int64_t *ret_ns)
{
        bool none = text[0] == '0' && text[1] == '\0';

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                none |= text[0] == '0' && strcmp(text + 1, units[i].unit) == 0;
        if (!none)
                return sq_read_duration(text, ret_ns);
        *ret_ns = 0;
        return true;
}
