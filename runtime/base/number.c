/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "squall.h"

/* The C locale, which the C library holds ready: nothing is allocated, nothing need be freed. */
static locale_t
plain(void)
{
        return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double
sq_strtod(const char *text, char **ret_end)
{
        return strtod_l(text, ret_end, plain());
}

int
sqi_print_real(char *buffer, size_t size, int digits, double real)
{
        locale_t before = uselocale(plain());
        int len = snprintf(buffer, size, "%.*g", digits, real);

        (void)uselocale(before);
        return len;
}

const char *
sqi_bytes_text(uint64_t bytes, char buffer[SQI_BYTES_SIZE])
{
        static const char prefixes[] = "kMGTPE";
        double number = (double)bytes;
        unsigned prefix = 0;

        if (bytes < 1000) {
                snprintf(buffer, SQI_BYTES_SIZE, "%u %s", (unsigned)bytes, bytes == 1 ? "byte" : "bytes");
                return buffer;
        }
        for (number /= 1000; number >= 999.5 && prefix + 2 < sizeof(prefixes); number /= 1000)
                prefix++;
        snprintf(buffer, SQI_BYTES_SIZE, "%.*f %cB",
                 number >= 99.95   ? 0
                 : number >= 9.995 ? 1
                                   : 2,
                 number, prefixes[prefix]);
        return buffer;
}
