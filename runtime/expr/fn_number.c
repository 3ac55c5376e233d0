/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of numbers. */
#include <math.h>

#include "expr/expr.h"

enum { DIGITS_MAX = 15 };

static struct sq_value
real(struct sqi_evaluation *run, double value)
{
        if (isfinite(value))
                return sq_float(value);
        return sqi_wrong(run, isnan(value) ? "there is no such number" : "the result is beyond all doubles");
}

/* Whole, as it is if it was a whole number; a double beyond 2^63 stays one. */
static struct sq_value
whole(struct sq_value number, double (*rounded)(double))
{
        double value;

        if (number.type != SQ_FLOAT)
                return number;
        value = rounded(number.as.f);
        return value >= -0x1p63 && value < 0x1p63 ? sq_int((int64_t)value) : sq_float(value);
}

/* A whole number to the nearest multiple of 10^places, halves away from zero. */
static struct sq_value
round_places(struct sqi_evaluation *run, struct sq_value number, unsigned places)
{
        bool negative = number.type == SQ_INT && number.as.i < 0;
        uint64_t size = negative ? -(uint64_t)number.as.i : number.as.u, unit = 1, rest;

        for (unsigned i = 0; i < places; i++)
                unit *= 10;
        rest = size % unit;
        size -= rest;
        if (rest >= unit / 2 + unit % 2) {
                if (size > UINT64_MAX - unit)
                        return sqi_wrong(run, "the result is beyond 64 bits");
                size += unit;
        }
        if (!negative)
                return size > INT64_MAX ? sq_uint(size) : sq_int((int64_t)size);
        return size > UINT64_C(1) << 63 ? sqi_wrong(run, "the result is beyond 64 bits") : sq_int((int64_t)-size);
}

static struct sq_value
round_digits(struct sqi_evaluation *run, double x, int64_t digits)
{
        double scale = pow(10, (double)(digits < 0 ? -digits : digits));

        if (digits < 0)
                return real(run, round(x / scale) * scale);
        /* A double that large has no such digits. */
        return sq_float(fabs(x * scale) < 0x1p52 ? round(x * scale) / scale : x);
}

static struct sq_value
call_round(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        if (n == 1)
                return whole(args[0], round);
        int64_t digits = args[1].as.i;
        if (digits < -DIGITS_MAX || digits > DIGITS_MAX)
                return sqi_wrong(run, "from -%d to %d digits", DIGITS_MAX, DIGITS_MAX);
        if (args[0].type == SQ_FLOAT)
                return round_digits(run, args[0].as.f, digits);
        return digits < 0 ? round_places(run, args[0], (unsigned)-digits) : args[0];
}

static struct sq_value
call_floor(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        return whole(args[0], floor);
}

static struct sq_value
call_ceil(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        return whole(args[0], ceil);
}

static struct sq_value
call_abs(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        if (args[0].type == SQ_FLOAT)
                return sq_float(fabs(args[0].as.f));
        if (args[0].type == SQ_UINT || args[0].as.i >= 0)
                return args[0];
        return args[0].as.i == INT64_MIN ? sq_uint(UINT64_C(1) << 63) : sq_int(-args[0].as.i);
}

static struct sq_value
extreme(struct sqi_evaluation *run, size_t n, const struct sq_value *args, enum sq_order wanted)
{
        struct sq_value best = sq_nil();

        for (size_t i = 0; i < n; i++) {
                if (args[i].type == SQ_NIL)
                        continue;
                enum sq_order order = best.type == SQ_NIL ? wanted : sqi_compare(args[i], best, false, false);
                if (order == SQ_UNORDERED)
                        return sqi_wrong(run, "of %s and %s none is the greater", sq_type_name(best.type),
                                         sq_type_name(args[i].type));
                if (order == wanted)
                        best = args[i];
        }
        return best;
}

static struct sq_value
call_min(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        return extreme(run, n, args, SQ_LESS);
}

static struct sq_value
call_max(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        return extreme(run, n, args, SQ_GREATER);
}

static struct sq_value
call_sqrt(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return real(run, sqrt(sq_real_of(args[0])));
}

static struct sq_value
call_pow(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return real(run, pow(sq_real_of(args[0]), sq_real_of(args[1])));
}

static struct sq_value
call_log(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return real(run, log(sq_real_of(args[0])));
}

static struct sq_value
call_hash(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        return sq_int((int64_t)(sq_bag_hash(args[0]) >> 1));
}

const struct sqi_function sqi_number_functions[] = {
        {"round(x: number, digits: int?) -> number",
         "The nearest whole number, halves away from zero; or with so many digits behind the point, before it where "
         "negative.",
         "round(2.345, 2)", "2.35", .call = call_round},
        {"floor(x: number) -> number", "The largest whole number that is not above `x`.", "floor(-1.5)", "-2",
         .call = call_floor},
        {"ceil(x: number) -> number", "The smallest whole number that is not below `x`.", "ceil(1.2)", "2",
         .call = call_ceil},
        {"abs(x: number) -> number", "`x` without its sign.", "abs(-7)", "7", .call = call_abs},
        {"min(x: any...) -> same", "The least of its arguments; null counts only where all are.", "min(3, 1.5, null)",
         "1.5", .call = call_min},
        {"max(x: any...) -> same", "The greatest of its arguments; null counts only where all are.", "max(3, 1.5)", "3",
         .call = call_max},
        {"sqrt(x: number) -> float", "The square root.", "sqrt(16)", "4.0", .call = call_sqrt},
        {"pow(x: number, y: number) -> float", "`x` to the power of `y`.", "pow(2, 10)", "1024.0", .call = call_pow},
        {"log(x: number) -> float", "The natural logarithm.", "log(1)", "0.0", .call = call_log},
        {"hash(x: any) -> int",
         "A number from 0 to 2^63 - 1 that is the same for equal values: 20 and 20.0, maps in another order.",
         "hash('a') % 10 == hash('a') % 10", "true", .call = call_hash},
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
