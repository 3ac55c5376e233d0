/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators do with values, whatever was known of their types beforehand.
 *
 * Whole numbers are exact from -2^63 to 2^64 - 1; beyond that the evaluation fails, and nothing wraps. A double comes
 * out of `/`, and where one goes in; it fails where it would be infinite or NaN. `//` rounds down, and `%` is what that
 * leaves. Where an operand is null so is the result; null in place of a condition is false.
 */
#include "expr/expr.h"

#include <math.h>
#include <string.h>

#include "kit/regex.h"

#define ARG(node, i) value_of((node)->args[i], run)

static inline struct sq_value
field_of(const struct sqi_node *node, const struct sqi_evaluation *run)
{
        return run->in ? sq_get(run->in, node->field) : run->fields[node->field];
}

/* Most operands are constants or fields, which cost no call. */
static inline struct sq_value
value_of(const struct sqi_node *node, struct sqi_evaluation *run)
{
        if (node->is_constant)
                return node->value;
        return node->eval == sqi_eval_field ? field_of(node, run) : node->eval(node, run);
}

/* What is rare stays out of what evaluates operators, so that those save few registers. */
#define RARE __attribute__((noinline, cold))

RARE static struct sq_value
wrong_at(struct sqi_evaluation *run, const struct sqi_node *node, const char *operation, struct sq_value value)
{
        char shown[64];

        sq_json(value, shown, sizeof(shown));
        run->at = node->at;
        return sqi_wrong(run, "%s does not work with %s", operation, shown);
}

struct sq_value
sqi_eval_constant(const struct sqi_node *node, struct sqi_evaluation *run)
{
        (void)run;
        return node->value;
}

struct sq_value
sqi_eval_field(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return field_of(node, run);
}

/* ---- Logic ------------------------------------------------------------------------------------------- */

/* Of operand `i`, taken as a condition. */
static inline __attribute__((always_inline)) bool
holds(const struct sqi_node *node, struct sqi_evaluation *run, unsigned i)
{
        struct sq_value value = ARG(node, i);

        if (value.type == SQ_BOOL)
                return value.as.b;
        if (value.type != SQ_NIL)
                wrong_at(run, node->args[i], "a condition", value);
        return false;
}

static struct sq_value
eval_and(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return sq_bool(holds(node, run, 0) && holds(node, run, 1));
}

static struct sq_value
eval_or(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return sq_bool(holds(node, run, 0) || holds(node, run, 1));
}

struct sq_value
sqi_eval_not(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return sq_bool(!holds(node, run, 0));
}

struct sq_value
sqi_eval_if(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return holds(node, run, 0) ? ARG(node, 1) : ARG(node, 2);
}

/* The right one where the left one is null or cannot be had. */
static struct sq_value
eval_else(const struct sqi_node *node, struct sqi_evaluation *run)
{
        bool failed = run->failed;
        struct sq_value value;

        value = ARG(node, 0);
        if (run->failed && !failed) {
                run->failed = false;
                value = sq_nil();
        }
        return value.type == SQ_NIL ? ARG(node, 1) : value;
}

/* ---- Comparison -------------------------------------------------------------------------------------- */

/* A double, or a whole number that is one exactly. */
static inline bool
is_real(struct sq_value value, double *ret)
{
        const int64_t exact = INT64_C(1) << 53;

        *ret = value.type == SQ_FLOAT ? value.as.f : (double)value.as.i;
        return value.type == SQ_FLOAT || (value.type == SQ_INT && value.as.i >= -exact && value.as.i <= exact);
}

static bool
both_whole(struct sq_value a, struct sq_value b)
{
        return a.type == SQ_INT && b.type == SQ_INT;
}

__attribute__((noinline)) static enum sq_order
order_of(const struct sqi_node *node, struct sq_value a, struct sq_value b)
{
        return sqi_compare(a, b, node->args[0]->is_quoted, node->args[1]->is_quoted);
}

#define COMPARISON(name, op, holds_for) \
        static struct sq_value name(const struct sqi_node *node, struct sqi_evaluation *run) \
        { \
                struct sq_value a = ARG(node, 0), b = ARG(node, 1); \
                enum sq_order order; \
                double x, y; \
\
                if (both_whole(a, b)) \
                        return sq_bool(a.as.i op b.as.i); \
                if (is_real(a, &x) && is_real(b, &y)) \
                        return sq_bool(x op y); \
                order = order_of(node, a, b); \
                return sq_bool(holds_for); \
        }

COMPARISON(eval_less, <, order == SQ_LESS)
COMPARISON(eval_less_or_equal, <=, order == SQ_LESS || order == SQ_EQUAL)
COMPARISON(eval_greater, >, order == SQ_GREATER)
COMPARISON(eval_greater_or_equal, >=, order == SQ_GREATER || order == SQ_EQUAL)

static bool
are_equal(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value a = ARG(node, 0), b = ARG(node, 1);

        if (both_whole(a, b))
                return a.as.i == b.as.i;
        if (a.type == SQ_STR && b.type == SQ_STR)
                return a.len == b.len && (a.len == 0 || memcmp(a.as.ptr, b.as.ptr, a.len) == 0);
        return sqi_equal(a, b, node->args[0]->is_quoted, node->args[1]->is_quoted);
}

static struct sq_value
eval_equal(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return sq_bool(are_equal(node, run));
}

static struct sq_value
eval_unequal(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return sq_bool(!are_equal(node, run));
}

static struct sq_value
eval_contains(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value value = ARG(node, 0), part = ARG(node, 1);

        return sq_bool(sqi_contains(value, part, node->args[1]->is_quoted));
}

static struct sq_value
eval_in(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value value = ARG(node, 0), whole = ARG(node, 1);

        return sq_bool(sqi_contains(whole, value, node->args[0]->is_quoted));
}

static struct sq_value
eval_not_in(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value value = ARG(node, 0), whole = ARG(node, 1);

        return sq_bool(!sqi_contains(whole, value, node->args[0]->is_quoted));
}

static struct sq_value
eval_matches(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value text = ARG(node, 0);
        int found;

        if (text.type != SQ_STR && text.type != SQ_BIN)
                return sq_bool(false);
        found = sqi_regex_match(node->prepared, (struct sq_str){text.as.ptr, text.len});
        run->at = found < 0 ? node->at : run->at;
        return found < 0 ? sqi_wrong(run, "%s", sqi_regex_error(found)) : sq_bool(found > 0);
}

/* ---- Arithmetic -------------------------------------------------------------------------------------- */

static __int128
wide(struct sq_value number)
{
        return number.type == SQ_UINT ? (__int128)number.as.u : (__int128)number.as.i;
}

static struct sq_value
narrow(struct sqi_evaluation *run, const struct sqi_node *node, __int128 whole)
{
        if (whole >= INT64_MIN && whole <= INT64_MAX)
                return sq_int((int64_t)whole);
        if (whole > 0 && whole <= (__int128)UINT64_MAX)
                return sq_uint((uint64_t)whole);
        run->at = node->at;
        return sqi_wrong(run, "the result is beyond 64 bits");
}

static struct sq_value
only_finite(struct sqi_evaluation *run, const struct sqi_node *node, double real)
{
        if (isfinite(real))
                return sq_float(real);
        run->at = node->at;
        return sqi_wrong(run, "the result is beyond all doubles");
}

static __int128
floor_divide(__int128 a, __int128 b)
{
        return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static struct sq_value
divide_whole(struct sqi_evaluation *run, const struct sqi_node *node, char op, struct sq_value a, struct sq_value b)
{
        __int128 x = wide(a), y = wide(b);

        return narrow(run, node, op == 'q' ? floor_divide(x, y) : x - floor_divide(x, y) * y);
}

static struct sq_value
divide(struct sqi_evaluation *run, const struct sqi_node *node, char op, struct sq_value a, struct sq_value b)
{
        double x = sq_real_of(a), y = sq_real_of(b), rest;

        if (y == 0) {
                run->at = node->at;
                return sqi_wrong(run, "division by zero");
        }
        if (op == '/')
                return only_finite(run, node, x / y);
        if (a.type != SQ_FLOAT && b.type != SQ_FLOAT)
                return divide_whole(run, node, op, a, b);
        if (op == 'q')
                return only_finite(run, node, floor(x / y));
        rest = fmod(x, y);
        return only_finite(run, node, rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
}

/* 128 bits hold every sum of two numbers of 64, and every product but of two from 2^63 on. */
static struct sq_value
calculate_whole(struct sqi_evaluation *run, const struct sqi_node *node, char op, struct sq_value a, struct sq_value b)
{
        __int128 x = wide(a), y = wide(b), product;

        if (op != '*')
                return narrow(run, node, op == '+' ? x + y : x - y);
        if (__builtin_mul_overflow(x, y, &product))
                product = (__int128)1 << 100;
        return narrow(run, node, product);
}

__attribute__((noinline)) static struct sq_value
calculate(struct sqi_evaluation *run, const struct sqi_node *node, char op, struct sq_value a, struct sq_value b)
{
        struct sq_value x, y;
        double l, r;

        if (a.type == SQ_NIL || b.type == SQ_NIL)
                return sq_nil();
        if (!sq_number_of(a, &x))
                return wrong_at(run, node, "arithmetic", a);
        if (!sq_number_of(b, &y))
                return wrong_at(run, node, "arithmetic", b);
        if (op == '/' || op == 'q' || op == '%')
                return divide(run, node, op, x, y);
        if (x.type != SQ_FLOAT && y.type != SQ_FLOAT)
                return calculate_whole(run, node, op, x, y);
        l = sq_real_of(x);
        r = sq_real_of(y);
        return only_finite(run, node, op == '+' ? l + r : op == '-' ? l - r : l * r);
}

#define ARITHMETIC(name, op, letter, whole) \
        static struct sq_value name(const struct sqi_node *node, struct sqi_evaluation *run) \
        { \
                struct sq_value a = ARG(node, 0), b = ARG(node, 1); \
                int64_t result; \
                double x, y; \
\
                if (both_whole(a, b)) \
                        return whole(a.as.i, b.as.i, &result) ? calculate(run, node, letter, a, b) : sq_int(result); \
                if (is_real(a, &x) && is_real(b, &y) && isfinite(x op y)) \
                        return sq_float(x op y); \
                return calculate(run, node, letter, a, b); \
        }

ARITHMETIC(eval_add, +, '+', __builtin_add_overflow)
ARITHMETIC(eval_subtract, -, '-', __builtin_sub_overflow)
ARITHMETIC(eval_multiply, *, '*', __builtin_mul_overflow)

static struct sq_value
eval_divide(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value a = ARG(node, 0), b = ARG(node, 1);
        double x, y;

        if (is_real(a, &x) && is_real(b, &y) && y != 0 && isfinite(x / y))
                return sq_float(x / y);
        return calculate(run, node, '/', a, b);
}

/* Rounding down is rounding towards zero. */
static bool
both_natural(struct sq_value a, struct sq_value b)
{
        return both_whole(a, b) && a.as.i >= 0 && b.as.i > 0;
}

static struct sq_value
eval_quotient(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value a = ARG(node, 0), b = ARG(node, 1);

        if (both_natural(a, b))
                return sq_int(a.as.i / b.as.i);
        return calculate(run, node, 'q', a, b);
}

static struct sq_value
eval_remainder(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value a = ARG(node, 0), b = ARG(node, 1);

        if (both_natural(a, b))
                return sq_int(a.as.i % b.as.i);
        return calculate(run, node, '%', a, b);
}

struct sq_value
sqi_eval_minus(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return calculate(run, node, '-', sq_int(0), ARG(node, 0));
}

/* ---- Arrays and maps --------------------------------------------------------------------------------- */

struct sq_value
sqi_eval_index(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value whole = ARG(node, 0), key = ARG(node, 1);

        if (whole.type == SQ_MAP)
                return sqi_member(whole, key);
        if (whole.type == SQ_NIL || key.type == SQ_NIL)
                return sq_nil();
        if (whole.type != SQ_ARRAY)
                return wrong_at(run, node, "an index", whole);
        if (key.type == SQ_UINT)
                return sq_nil();
        return key.type == SQ_INT ? sqi_element(whole, key.as.i) : wrong_at(run, node, "an index of an array", key);
}

static struct sq_value
eval_items(const struct sqi_node *node, struct sqi_evaluation *run, bool map)
{
        struct sq_value *items = sqi_scratch_take(&run->scratch, (node->nargs + 1u) * sizeof(*items));

        if (!items)
                return sqi_no_memory(run);
        for (unsigned i = 0; i < node->nargs; i++)
                items[i] = ARG(node, i);
        return map ? sq_map(items, node->nargs / 2) : sq_array(items, node->nargs);
}

struct sq_value
sqi_eval_array(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return eval_items(node, run, false);
}

struct sq_value
sqi_eval_map(const struct sqi_node *node, struct sqi_evaluation *run)
{
        return eval_items(node, run, true);
}

const struct sqi_operator sqi_operators[] = {
        {"or", 1, SQI_LOGIC, eval_or},
        {"and", 2, SQI_LOGIC, eval_and},
        {"==", 3, SQI_EQUALITY, eval_equal},
        {"!=", 3, SQI_EQUALITY, eval_unequal},
        {"<=", 3, SQI_ORDER, eval_less_or_equal},
        {">=", 3, SQI_ORDER, eval_greater_or_equal},
        {"<", 3, SQI_ORDER, eval_less},
        {">", 3, SQI_ORDER, eval_greater},
        {"contains", 3, SQI_CONTAINS, eval_contains},
        {"matches", 3, SQI_MATCHES, eval_matches},
        {"in", 3, SQI_IN, eval_in},
        {"not in", 3, SQI_IN, eval_not_in},
        {"??", 4, SQI_ELSE, eval_else},
        {"+", 5, SQI_ADD, eval_add},
        {"-", 5, SQI_ADD, eval_subtract},
        {"*", 6, SQI_ADD, eval_multiply},
        {"//", 6, SQI_ADD, eval_quotient},
        {"/", 6, SQI_DIVIDE, eval_divide},
        {"%", 6, SQI_ADD, eval_remainder},
        {NULL, 0, SQI_LOGIC, NULL},
};
