/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of arrays and maps. */
#include <string.h>

#include "expr/expr.h"
#include "expr/text.h"

static size_t
count_items(struct sq_value whole)
{
        struct sq_items items = sq_items(whole);
        struct sq_value item;
        size_t n = 0;

        while (sq_next_item(&items, &item))
                n++;
        return n;
}

static struct sq_value
call_length(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        const char *text = args[0].as.ptr;
        int64_t characters = 0;

        (void)run;
        (void)node;
        (void)n;
        if (args[0].type == SQ_BIN)
                return sq_int(args[0].len);
        if (args[0].type != SQ_STR)
                return sq_int((int64_t)count_items(args[0]) / (args[0].type == SQ_MAP ? 2 : 1));
        for (uint32_t i = 0; i < args[0].len; i++)
                characters += (text[i] & 0xc0) != 0x80;
        return sq_int(characters);
}

/* The keys of a map, or its values. */
static struct sq_value
halves(struct sqi_evaluation *run, struct sq_value map, bool keys)
{
        struct sq_items items = sq_items(map);
        struct sq_value *list = sqi_scratch_take(&run->scratch, (count_items(map) + 1) * sizeof(*list)), key, value;
        size_t n = 0;

        if (!list)
                return sqi_no_memory(run);
        while (sq_next_item(&items, &key) && sq_next_item(&items, &value))
                list[n++] = keys ? key : value;
        return sq_array(list, n);
}

static struct sq_value
call_keys(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return halves(run, args[0], true);
}

static struct sq_value
call_values(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return halves(run, args[0], false);
}

static struct sq_value
call_join(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_items items = sq_items(args[0]);
        struct sqi_growing to = {.run = run};
        struct sq_value item;
        bool first = true;

        (void)node;
        (void)n;
        while (sq_next_item(&items, &item)) {
                if (!first)
                        sqi_grow(&to, args[1].as.ptr, args[1].len);
                if (item.type != SQ_NIL)
                        sqi_grow_value(&to, item);
                first = false;
        }
        return sqi_grown(&to);
}

/* All elements of the arrays, one array behind the other. */
static struct sq_value
call_append(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_items items;
        struct sq_value *list, item;
        size_t total = 0, at = 0;

        (void)node;
        for (size_t i = 0; i < n; i++)
                total += count_items(args[i]);
        list = sqi_scratch_take(&run->scratch, (total + 1) * sizeof(*list));
        if (!list)
                return sqi_no_memory(run);
        for (size_t i = 0; i < n; i++)
                for (items = sq_items(args[i]); sq_next_item(&items, &item);)
                        list[at++] = item;
        return sq_array(list, at);
}

/* The pairs of both; those of the second count where both have a key. */
static struct sq_value
call_merge(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_items items = sq_items(args[0]);
        struct sq_value *list, key, value;
        size_t at = 0;

        (void)node;
        (void)n;
        list = sqi_scratch_take(&run->scratch, (count_items(args[0]) + count_items(args[1]) + 1) * sizeof(*list));
        if (!list)
                return sqi_no_memory(run);
        while (sq_next_item(&items, &key) && sq_next_item(&items, &value))
                if (!sqi_contains(args[1], key, true)) {
                        list[at++] = key;
                        list[at++] = value;
                }
        items = sq_items(args[1]);
        while (sq_next_item(&items, &key))
                list[at++] = key;
        return sq_map(list, at / 2);
}

static struct sq_value
call_slice(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_items items = sq_items(args[0]);
        struct sq_value *list, item;
        int64_t total = (int64_t)count_items(args[0]), from = args[1].as.i, most = n > 2 ? args[2].as.i : total, at = 0;
        size_t taken = 0;

        (void)node;
        if (from < 0)
                from = from + total > 0 ? from + total : 0;
        list = sqi_scratch_take(&run->scratch, ((size_t)total + 1) * sizeof(*list));
        if (!list)
                return sqi_no_memory(run);
        for (; sq_next_item(&items, &item) && (int64_t)taken < most; at++)
                if (at >= from)
                        list[taken++] = item;
        return sq_array(list, taken);
}

static struct sq_value
call_contains(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)n;
        return sq_bool(sqi_contains(args[0], args[1], node->args[1]->is_quoted));
}

const struct sqi_function sqi_list_functions[] = {
        {"length(x: str|array|map) -> int", "The number of characters, elements or pairs; of bytes of a binary.",
         "length([1, 2, 3])", "3", .call = call_length},
        {"contains(x: str|array|map, part: any) -> bool",
         "As the operator: whether `part` is in it, of a map as a key.", "contains({a: 1}, 'a')", "true",
         .call = call_contains},
        {"keys(x: map) -> array", "The keys of a map.", "keys({a: 1, b: 2})", "[\"a\",\"b\"]", .call = call_keys},
        {"values(x: map) -> array", "The values of a map.", "values({a: 1, b: 2})", "[1,2]", .call = call_values},
        {"merge(x: map, y: map) -> map", "The pairs of both; where both have a key, that of `y`.",
         "merge({a: 1, b: 2}, {b: 3})", "{\"a\":1,\"b\":3}", .call = call_merge},
        {"append(x: array...) -> array", "The elements of all arrays.", "append([1], [2, 3])", "[1,2,3]",
         .call = call_append},
        {"slice(x: array, from: int, length: int?) -> array",
         "The elements from number `from` on, the first being 0; counted from the end where it is negative.",
         "slice([1, 2, 3], -2)", "[2,3]", .call = call_slice},
        {"join(x: array, separator: str) -> str",
         "The elements as one text, each as `str` has it, with the separator in between; null is nothing.",
         "join(['a', 1, null, true], '-')", "\"a-1--true\"", .call = call_join},
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
