/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/top.h"

#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

static int
compare_texts(struct sq_value a, struct sq_value b)
{
        size_t n = a.len < b.len ? a.len : b.len;
        int order = n ? memcmp(a.as.ptr, b.as.ptr, n) : 0;

        return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Numbers first, then texts, then what has no order. */
static int
class_of(struct sq_value value)
{
        if (value.type == SQ_INT || value.type == SQ_UINT || value.type == SQ_FLOAT)
                return 0;
        return value.type == SQ_STR ? 1 : 2;
}

static int
compare_values(const struct sqi_standing *a, const struct sqi_standing *b)
{
        int class = class_of(a->value), other = class_of(b->value);
        enum sq_order order = SQ_UNORDERED;

        if (class != other)
                return class - other;
        if (class == 1)
                return compare_texts(a->value, b->value);
        if (class == 0)
                order = sq_compare_numbers(a->value, b->value);
        return order == SQ_LESS || order == SQ_GREATER ? (int)order : (a->hash > b->hash) - (a->hash < b->hash);
}

/* Below 0: `left` is the better one. */
static int
compare_places(const void *left, const void *right)
{
        const struct sqi_standing *a = left, *b = right;

        return a->n != b->n ? (a->n < b->n) - (a->n > b->n) : compare_values(a, b);
}

bool
sqi_top_begin(struct sqi_top *top, size_t most)
{
        *top = (struct sqi_top){malloc(most * sizeof(*top->best)), 0, most};
        return top->best != NULL;
}

static void
swap(struct sqi_standing *a, struct sqi_standing *b)
{
        struct sqi_standing kept = *a;

        *a = *b;
        *b = kept;
}

static void
sift_up(struct sqi_top *top, size_t i)
{
        for (; i > 0 && compare_places(&top->best[(i - 1) / 2], &top->best[i]) < 0; i = (i - 1) / 2)
                swap(&top->best[(i - 1) / 2], &top->best[i]);
}

static void
sift_down(struct sqi_top *top)
{
        for (size_t i = 0, worse; (worse = 2 * i + 1) < top->n; i = worse) {
                if (worse + 1 < top->n && compare_places(&top->best[worse], &top->best[worse + 1]) < 0)
                        worse++;
                if (compare_places(&top->best[i], &top->best[worse]) >= 0)
                        return;
                swap(&top->best[i], &top->best[worse]);
        }
}

void
sqi_top_offer(struct sqi_top *top, const struct sqi_standing *standing)
{
        if (top->n < top->most) {
                top->best[top->n] = *standing;
                sift_up(top, top->n++);
        } else if (compare_places(standing, &top->best[0]) < 0) {
                top->best[0] = *standing;
                sift_down(top);
        }
}

bool
sqi_top_end(struct sqi_top *top, struct sq_value *ret, void **ret_memory)
{
        struct sq_value *items = calloc(5 * top->n + 1, sizeof(*items));

        if (items && top->n > 1)
                qsort(top->best, top->n, sizeof(*top->best), compare_places);
        for (size_t i = 0; items && i < top->n; i++) { /* an item is a map of two pairs, which stand behind all items */
                struct sq_value *pairs = &items[top->n + 4 * i];
                pairs[0] = sq_text("value");
                pairs[1] = top->best[i].value;
                pairs[2] = sq_text("count");
                pairs[3] = sq_int((int64_t)top->best[i].n);
                items[i] = sq_map(pairs, 2);
        }
        free(top->best);
        if (!items)
                return false;
        *ret = sq_array(items, top->n);
        *ret_memory = items;
        return true;
}
