/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers: read from text, and compared.
 *
 * Most decimals are read without strtod(): a mantissa below 2^53 and a power of ten up to 10^22 are doubles without an
 * error, so one operation on them rounds once, as it must (W. Clinger, "How to read floating point numbers accurately",
 * PLDI 1990).
 */
#include "formats/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_POWER = 22, COPY_MAX = 128, EXPONENT_MAX = 100000 };
enum { SAFE_DIGITS = 19, SHORT_DIGITS = 18 }; /* so many hold in 64 bits, and in 63, whatever they are */

/* A decimal as it is read: digits * 10^exponent, if none was cut. */
struct decimal {
        bool negative, whole, cut;
        uint64_t digits;
        int exponent;
        size_t before, behind; /* digits of the integer and of the fraction */
};

static size_t
take_digits(const char **at, const char *end, struct decimal *decimal)
{
        const char *start = *at, *plain = (size_t)(end - start) > SAFE_DIGITS ? start + SAFE_DIGITS : end,
                   *next = start;
        uint64_t digits = 0;

        if (decimal->digits == 0 && !decimal->cut) {
                for (; next < plain && *next >= '0' && *next <= '9'; next++)
                        digits = digits * 10 + (uint64_t)(*next - '0');
                decimal->digits = digits;
                *at = next;
        }
        for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
                uint64_t digit = (uint64_t)(**at - '0'), more;

                if (decimal->cut || __builtin_mul_overflow(decimal->digits, 10, &more) ||
                    __builtin_add_overflow(more, digit, &decimal->digits))
                        decimal->cut = true;
        }
        return (size_t)(*at - start);
}

static bool
take_exponent(const char **at, const char *end, struct decimal *decimal)
{
        bool negative = false;
        int exponent = 0;
        const char *start;

        ++*at;
        if (*at < end && (**at == '+' || **at == '-'))
                negative = *(*at)++ == '-';
        for (start = *at; *at < end && **at >= '0' && **at <= '9'; ++*at)
                exponent = exponent < EXPONENT_MAX ? exponent * 10 + (**at - '0') : exponent;
        decimal->exponent += negative ? -exponent : exponent;
        return *at > start;
}

/* The text's shape. False: it is not a number. */
static bool
take_decimal(const char **at, const char *end, bool lenient, struct decimal *ret)
{
        const char *first;

        *ret = (struct decimal){.whole = true};
        if (*at < end && (**at == '-' || (lenient && **at == '+')))
                ret->negative = *(*at)++ == '-';
        first = *at;
        ret->before = take_digits(at, end, ret);
        if (!lenient && (ret->before == 0 || (*first == '0' && ret->before > 1)))
                return false;
        if (*at < end && **at == '.') {
                ++*at;
                ret->whole = false;
                ret->behind = take_digits(at, end, ret);
                ret->exponent = -(int)(ret->behind < EXPONENT_MAX ? ret->behind : EXPONENT_MAX);
                if (ret->behind == 0 && !lenient)
                        return false;
        }
        if (ret->before + ret->behind == 0)
                return false;
        if (*at < end && (**at == 'e' || **at == 'E')) {
                ret->whole = false;
                return take_exponent(at, end, ret);
        }
        return true;
}

static bool
read_exactly(const struct decimal *decimal, double *ret)
{
        static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        double real = (double)decimal->digits;

        if (decimal->cut || decimal->digits > UINT64_C(1) << 53 || abs(decimal->exponent) > EXACT_POWER)
                return false;
        real = decimal->exponent < 0 ? real / powers[-decimal->exponent] : real * powers[decimal->exponent];
        *ret = decimal->negative ? -real : real;
        return true;
}

static const char *
read_slowly(const char *text, size_t len, double *ret)
{
        char room[COPY_MAX], *copy = len < sizeof(room) ? room : malloc(len + 1);

        if (!copy)
                return "no memory for a long number";
        memcpy(copy, text, len);
        copy[len] = '\0';
        *ret = sq_strtod(copy, NULL);
        if (copy != room)
                free(copy);
        return isfinite(*ret) ? NULL : "a number too large for a double";
}

const char *
sqi_take_number(const char **at, const char *end, bool lenient, struct sq_value *ret)
{
        const char *text = *at, *wrong = NULL;
        struct decimal decimal;
        double real;

        if (!take_decimal(at, end, lenient, &decimal))
                return "not a number";
        if (decimal.whole && !decimal.cut && decimal.digits <= (uint64_t)INT64_MAX + decimal.negative) {
                *ret = sq_int(decimal.negative ? (int64_t)-decimal.digits : (int64_t)decimal.digits);
                return NULL;
        }
        if (decimal.whole && !decimal.cut && !decimal.negative) {
                *ret = sq_uint(decimal.digits);
                return NULL;
        }
        if (!read_exactly(&decimal, &real))
                wrong = read_slowly(text, (size_t)(*at - text), &real);
        if (!wrong)
                *ret = sq_float(real);
        return wrong;
}

/* Nearly all numbers are short whole ones. True when that was one. */
static inline bool
read_short(struct sq_str text, struct sq_value *ret)
{
        int64_t number = 0;

        for (size_t i = 0; i < text.len; i++) {
                unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';

                if (digit > 9)
                        return false;
                number = number * 10 + digit;
        }
        *ret = sq_int(number);
        return true;
}

bool
sq_read_number(struct sq_str text, struct sq_value *ret)
{
        const char *at = text.ptr, *end = at + text.len;
        struct sq_value value;

        if (text.len > 0 && text.len <= SHORT_DIGITS && read_short(text, ret))
                return true;
        if (text.len == 0 || sqi_take_number(&at, end, true, &value) || at != end)
                return false;
        *ret = value;
        return true;
}

bool
sq_number_of(struct sq_value value, struct sq_value *ret)
{
        if (value.type == SQ_STR)
                return sq_read_number((struct sq_str){value.as.ptr, value.len}, ret);
        if (value.type != SQ_INT && value.type != SQ_UINT && value.type != SQ_FLOAT)
                return false;
        *ret = value;
        return true;
}

bool
sq_may_be_number(enum sq_type type)
{
        return type == SQ_ANY || type == SQ_TEXT || type == SQ_INT || type == SQ_UINT || type == SQ_FLOAT;
}

double
sq_real_of(struct sq_value number)
{
        return number.type == SQ_FLOAT  ? number.as.f
               : number.type == SQ_UINT ? (double)number.as.u
                                        : (double)number.as.i;
}

/* ---- Comparison -------------------------------------------------------------------------------------- */

/* What is left of `real` when its whole part is `whole`. */
static enum sq_order
order_by_rest(double real, double whole)
{
        return real > whole ? SQ_LESS : real < whole ? SQ_GREATER : SQ_EQUAL;
}

/* Both are whole: uint64_t holds what int64_t does not. */
static enum sq_order
compare_whole(struct sq_value a, struct sq_value b)
{
        bool below_a = a.type == SQ_INT && a.as.i < 0, below_b = b.type == SQ_INT && b.as.i < 0;

        if (below_a != below_b)
                return below_a ? SQ_LESS : SQ_GREATER;
        return a.as.u < b.as.u ? SQ_LESS : a.as.u > b.as.u ? SQ_GREATER : SQ_EQUAL;
}

/* Never through double: from 2^53 on a double can't tell neighbours apart. */
static enum sq_order
compare_with_real(struct sq_value whole, double real)
{
        struct sq_value floor_of;

        if (isnan(real))
                return SQ_UNORDERED;
        if (real >= 0x1p64 || real < -0x1p63)
                return real > 0 ? SQ_LESS : SQ_GREATER;
        floor_of = real >= 0x1p63 ? sq_uint((uint64_t)real) : sq_int((int64_t)floor(real));
        enum sq_order order = compare_whole(whole, floor_of);
        return order == SQ_EQUAL ? order_by_rest(real, floor(real)) : order;
}

enum sq_order
sq_compare_numbers(struct sq_value a, struct sq_value b)
{
        enum sq_order order;

        if (a.type != SQ_FLOAT && b.type != SQ_FLOAT)
                return compare_whole(a, b);
        if (a.type != SQ_FLOAT)
                return compare_with_real(a, b.as.f);
        if (b.type != SQ_FLOAT) {
                order = compare_with_real(b, a.as.f);
                return order == SQ_UNORDERED ? order : (enum sq_order) - (int)order;
        }
        return a.as.f < b.as.f ? SQ_LESS : a.as.f > b.as.f ? SQ_GREATER : a.as.f == b.as.f ? SQ_EQUAL : SQ_UNORDERED;
}
