/* SPDX-License-Identifier: Apache-2.0 */
/* How values of any types compare, and what is in what. */
#include "expr/expr.h"

#include <string.h>

enum { DEPTH_MAX = 128 };

static bool
is_text(struct sq_value value)
{
        return value.type == SQ_STR || value.type == SQ_BIN;
}

static bool
is_number(struct sq_value value)
{
        return value.type == SQ_INT || value.type == SQ_UINT || value.type == SQ_FLOAT;
}

static enum sq_order
order_bytes(struct sq_value a, struct sq_value b)
{
        size_t n = a.len < b.len ? a.len : b.len;
        int order = n ? memcmp(a.as.ptr, b.as.ptr, n) : 0;

        if (order == 0)
                order = (a.len > b.len) - (a.len < b.len);
        return order < 0 ? SQ_LESS : order > 0 ? SQ_GREATER : SQ_EQUAL;
}

static enum sq_order
order_times(struct sq_value a, struct sq_value b)
{
        if (a.as.i != b.as.i)
                return a.as.i < b.as.i ? SQ_LESS : SQ_GREATER;
        return a.len < b.len ? SQ_LESS : a.len > b.len ? SQ_GREATER : SQ_EQUAL;
}

enum sq_order
sqi_compare(struct sq_value a, struct sq_value b, bool a_quoted, bool b_quoted)
{
        struct sq_value x, y;

        if (is_text(a) && is_text(b))
                return order_bytes(a, b);
        if ((is_number(a) || (a.type == SQ_STR && !a_quoted)) && (is_number(b) || (b.type == SQ_STR && !b_quoted)))
                return sq_number_of(a, &x) && sq_number_of(b, &y) ? sq_compare_numbers(x, y) : SQ_UNORDERED;
        if (a.type != b.type)
                return SQ_UNORDERED;
        if (a.type == SQ_BOOL)
                return a.as.b == b.as.b ? SQ_EQUAL : a.as.b ? SQ_GREATER : SQ_LESS;
        if (a.type == SQ_TIME)
                return order_times(a, b);
        return a.type == SQ_NIL ? SQ_EQUAL : SQ_UNORDERED;
}

static bool equal_within(struct sq_value a, struct sq_value b, unsigned depth);

static bool
equal_arrays(struct sq_value a, struct sq_value b, unsigned depth)
{
        struct sq_items left = sq_items(a), right = sq_items(b);
        struct sq_value x, y;
        bool more_a, more_b;

        for (;;) {
                more_a = sq_next_item(&left, &x);
                more_b = sq_next_item(&right, &y);
                if (!more_a || !more_b)
                        return more_a == more_b;
                if (!equal_within(x, y, depth))
                        return false;
        }
}

/* Whether each pair of `a` is one of `b`; the order of pairs does not count. */
static bool
holds_pairs(struct sq_value a, struct sq_value b, unsigned depth)
{
        struct sq_items pairs = sq_items(a), others;
        struct sq_value key, value, other_key, other;
        bool found;

        while (sq_next_item(&pairs, &key) && sq_next_item(&pairs, &value)) {
                found = false;
                others = sq_items(b);
                while (!found && sq_next_item(&others, &other_key) && sq_next_item(&others, &other))
                        found = equal_within(key, other_key, depth) && equal_within(value, other, depth);
                if (!found)
                        return false;
        }
        return true;
}

static bool
equal_within(struct sq_value a, struct sq_value b, unsigned depth)
{
        if (depth == DEPTH_MAX)
                return false;
        if (a.type == SQ_ARRAY && b.type == SQ_ARRAY)
                return equal_arrays(a, b, depth + 1);
        if (a.type == SQ_MAP && b.type == SQ_MAP)
                return holds_pairs(a, b, depth + 1) && holds_pairs(b, a, depth + 1);
        return sqi_compare(a, b, true, true) == SQ_EQUAL;
}

bool
sqi_equal(struct sq_value a, struct sq_value b, bool a_quoted, bool b_quoted)
{
        if ((a.type == SQ_ARRAY && b.type == SQ_ARRAY) || (a.type == SQ_MAP && b.type == SQ_MAP))
                return equal_within(a, b, 0);
        return sqi_compare(a, b, a_quoted, b_quoted) == SQ_EQUAL;
}

bool
sqi_contains(struct sq_value value, struct sq_value part, bool part_quoted)
{
        struct sq_items items;
        struct sq_value item;
        bool key = true;

        if (is_text(value))
                return is_text(part) && (part.len == 0 || memmem(value.as.ptr, value.len, part.as.ptr, part.len));
        if (value.type != SQ_ARRAY && value.type != SQ_MAP)
                return false;
        items = sq_items(value);
        while (sq_next_item(&items, &item)) {
                if (key && sqi_equal(item, part, false, part_quoted))
                        return true;
                key = value.type != SQ_MAP || !key;
        }
        return false;
}

struct sq_value
sqi_member(struct sq_value map, struct sq_value key)
{
        struct sq_items items = sq_items(map);
        struct sq_value name, value;

        while (sq_next_item(&items, &name) && sq_next_item(&items, &value))
                if (sqi_equal(name, key, true, true))
                        return value;
        return sq_nil();
}

static int64_t
count_items(struct sq_value array)
{
        struct sq_items items = sq_items(array);
        struct sq_value item;
        int64_t n = 0;

        while (sq_next_item(&items, &item))
                n++;
        return n;
}

struct sq_value
sqi_element(struct sq_value array, int64_t index)
{
        struct sq_items items = sq_items(array);
        struct sq_value item;

        if (index < 0)
                index += count_items(array);
        if (index < 0)
                return sq_nil();
        while (sq_next_item(&items, &item))
                if (index-- == 0)
                        return item;
        return sq_nil();
}
