/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Writes `number` so that it ends before `end`, with at least `least` digits. Returns where it begins. */
static char *
digits_before(char *end, uint64_t number, unsigned least)
{
        for (unsigned n = 0; number > 0 || n < least; n++, number /= 10)
                *--end = (char)('0' + number % 10);
        return end;
}

/*
 * Most numbers have a few digits behind the point: they are a whole number below 10^15 over a power of ten. Both are
 * doubles without an error, so that the quotient is rounded once, as reading the text is: where it is the number, the
 * text reads back as it, and 15 digits are what no other text of so few digits shares with it. Returns the length, or 0
 * for what has more digits, or an exponent.
 */
static int
print_few_digits(char buffer[SQI_REAL_SIZE], double real)
{
        static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
        const double size = fabs(real);
        char text[SQI_REAL_SIZE], *end = text + sizeof(text), *at = end;

        for (unsigned places = 0; places < sizeof(tens) / sizeof(tens[0]); places++) {
                const double ten = tens[places];

                if (!(size >= 1e-4 && size * ten < 1e15))
                        return 0;
                const uint64_t whole = (uint64_t)(size * ten + 0.5), unit = (uint64_t)ten;

                if ((double)whole / ten != size)
                        continue;
                if (places > 0) {
                        at = digits_before(end, whole % unit, places);
                        *--at = '.';
                }
                at = digits_before(at, whole / unit, 1);
                if (real < 0)
                        *--at = '-';
                memcpy(buffer, at, (size_t)(end - at));
                buffer[end - at] = '\0';
                return (int)(end - at);
        }
        return 0;
}

int
sqi_print_shortest(char buffer[SQI_REAL_SIZE], double real)
{
        int len = print_few_digits(buffer, real);

        if (len > 0)
                return len;
        len = sqi_print_real(buffer, SQI_REAL_SIZE, 15, real);
        for (int digits = 16; digits <= 17 && sq_strtod(buffer, NULL) != real; digits++)
                len = sqi_print_real(buffer, SQI_REAL_SIZE, digits, real);
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
