/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/powers.h"
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

                if (!((size >= 1e-4 || size == 0) && size * ten < 1e15))
                        return 0;
                const uint64_t whole = (uint64_t)(size * ten + 0.5), unit = (uint64_t)ten;

                if ((double)whole / ten != size)
                        continue;
                if (places > 0) {
                        at = digits_before(end, whole % unit, places);
                        *--at = '.';
                }
                at = digits_before(at, whole / unit, 1);
                if (signbit(real))
                        *--at = '-';
                memcpy(buffer, at, (size_t)(end - at));
                buffer[end - at] = '\0';
                return (int)(end - at);
        }
        return 0;
}

/* digits * 10^exponent, without zeros at its end. */
struct shortened {
        uint64_t digits;
        int exponent;
};

/* The product without its lower 128 bits; odd where it had any, so that it compares as the whole does. */
static uint64_t
times_power(struct sqi_power power, uint64_t factor)
{
        const unsigned __int128 low = (unsigned __int128)power.low * factor >> 64,
                                product = (unsigned __int128)power.high * factor + low;

        return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/*
 * The shortest decimal that reads back, and of those the nearest: R. Giulietti, "The Schubfach way to render doubles",
 * 2021. What reads back as the number lies between the middles to its neighbours. The middles and the number itself are
 * scaled by the power of ten that makes their distance 1 to 10: then at most one multiple of ten lies between the
 * middles, and if none does, one or two whole numbers do. All are held four times as large, for the quarters that the
 * middles are at, and for the bit that says whether more follows. A middle itself reads back as its even neighbour.
 */
static struct shortened
shortest(uint64_t bits)
{
        enum { FRACTION = 52, LEAST = 1 - 1023 - FRACTION };
        const uint64_t fraction = bits & ((UINT64_C(1) << FRACTION) - 1);
        const int stored = (int)(bits >> FRACTION & 0x7ff), q = stored ? LEAST + stored - 1 : LEAST;
        const uint64_t c = stored ? fraction | UINT64_C(1) << FRACTION : fraction, odd = c & 1;
        const bool closer_below = fraction == 0 && stored > 1;
        const int k = (q * 1262611 - (closer_below ? 524031 : 0)) >> 22, shift = q + sqi_log2_of_ten(-k) + 1;
        const struct sqi_power power = sqi_power_of_ten(-k);
        const uint64_t least = times_power(power, (4 * c - (closer_below ? 1 : 2)) << shift) + odd,
                       number = times_power(power, 4 * c << shift),
                       most = times_power(power, (4 * c + 2) << shift) - odd, whole = number / 4, tens = whole / 10;
        const bool ten_below = least <= 40 * tens, ten_above = 40 * tens + 40 <= most;

        if (whole >= 10 && ten_below != ten_above)
                return (struct shortened){tens + ten_above, k + 1};
        const bool below = least <= 4 * whole, above = 4 * whole + 4 <= most;
        const uint64_t middle = 4 * whole + 2;

        if (below != above)
                return (struct shortened){whole + above, k};
        return (struct shortened){whole + (number > middle || (number == middle && whole % 2)), k};
}

/* As %g shows so many digits, but 15 at least: with an exponent where the point would not be among them, or just
 * before. */
static int
show(char buffer[SQI_REAL_SIZE], bool negative, struct shortened decimal)
{
        enum { DIGITS = 15 };
        char text[24], *end = text + sizeof(text), *at, *to = buffer;

        for (; decimal.digits % 10 == 0; decimal.digits /= 10)
                decimal.exponent++;
        at = digits_before(end, decimal.digits, 1);
        const int n = (int)(end - at), point = n + decimal.exponent; /* digits before it */

        if (negative)
                *to++ = '-';
        if (point > (n > DIGITS ? n : DIGITS) || point < -3) {
                *to++ = *at++;
                return (int)(to - buffer) + snprintf(to, SQI_REAL_SIZE - 2, "%s%.*se%c%02d", n > 1 ? "." : "", n - 1,
                                                     at, point > 0 ? '+' : '-', abs(point - 1));
        }
        for (int i = 0; i < 2 - point && point <= 0; i++)
                *to++ = "0.000"[i];
        for (int i = 0; i < n || i < point; i++) {
                if (i > 0 && i == point)
                        *to++ = '.';
                *to++ = i < n ? at[i] : '0';
        }
        *to = '\0';
        return (int)(to - buffer);
}

int
sqi_print_shortest(char buffer[SQI_REAL_SIZE], double real)
{
        int len = print_few_digits(buffer, real);
        uint64_t bits;

        memcpy(&bits, &real, sizeof(bits));
        if (len > 0)
                return len;
        return show(buffer, signbit(real), shortest(bits));
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
