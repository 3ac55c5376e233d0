/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <stdio.h>

const char *
cli_count_text(uint64_t number, char *buffer)
{
        char digits[CLI_NUMBER_SIZE];
        int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
        char *at = buffer;

        for (int i = 0; i < n; i++) {
                if (i > 0 && (n - i) % 3 == 0)
                        *at++ = ',';
                *at++ = digits[i];
        }
        *at = '\0';
        return buffer;
}

/* So many decimals that three digits stand there. */
static int
decimals(double number)
{
        return number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
}

const char *
cli_scaled_text(double number, char *buffer)
{
        static const char prefixes[][3] = {"", " k", " M", " G", " T"};
        unsigned prefix = 0;

        while (number >= 999.5 && prefix < 4) {
                number /= 1000;
                prefix++;
        }
        snprintf(buffer, CLI_NUMBER_SIZE, "%.*f%s", prefix == 0 ? 0 : decimals(number), number, prefixes[prefix]);
        return buffer;
}

const char *
cli_time_text(double microseconds, char *buffer)
{
        static const char units[][3] = {"us", "ms", "s"};
        double number = microseconds;
        unsigned unit = 0;

        while (number >= 999.5 && unit < 2) {
                number /= 1000;
                unit++;
        }
        snprintf(buffer, CLI_NUMBER_SIZE, number > 0 ? "%.*f %s" : "-", decimals(number), number, units[unit]);
        return buffer;
}
