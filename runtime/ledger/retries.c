/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/retries.h"

/* Of those due at once the oldest position goes first: so the spout's low position rises, and a key's tuples keep their
 * order. */
static inline bool
before(const struct sqi_retry *a, const struct sqi_retry *b)
{
        return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->position < b->position;
}

static inline void
swap(struct sqi_retry *a, struct sqi_retry *b)
{
        struct sqi_retry was = *a;

        *a = *b;
        *b = was;
}

void
sqi_retries_rise(struct sqi_retry *heap, size_t at)
{
        for (; at && before(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2)
                swap(&heap[at], &heap[(at - 1) / 2]);
}

static void
sink(struct sqi_retry *heap, size_t at, size_t n)
{
        for (;;) {
                size_t child = 2 * at + 1;
                if (child + 1 < n && before(&heap[child + 1], &heap[child]))
                        child++;
                if (child >= n || before(&heap[at], &heap[child]))
                        return;
                swap(&heap[at], &heap[child]);
                at = child;
        }
}

void
sqi_retries_pop(struct sqi_retry *heap, size_t *n)
{
        heap[0] = heap[--*n];
        sink(heap, 0, *n);
}

/* R. Floyd, 1964. */
void
sqi_retries_order(struct sqi_retry *heap, size_t n)
{
        for (size_t at = n / 2; at-- > 0;)
                sink(heap, at, n);
}
