/* SPDX-License-Identifier: Apache-2.0 */
/* Tallies, against slots that are put together anew each time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

#include "windows/tally.h"

enum { SLOTS = 40, MOST_BYTES = 64 };

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed % n;
}

/* A slot: a cell, and blobs of its own. */
struct slot {
        union {
                uint64_t count;
                uint8_t bytes[MOST_BYTES];
        } cell;
        struct sqi_blob blobs[SQI_BLOB_NUMBERS];
};

static struct sqi_aggregate
aggregate_of(const char *text)
{
        struct sqi_aggregate aggregate;

        assert_true(sqi_aggregate_read(text, &aggregate));
        assert_true(sqi_aggregate_tallies(&aggregate));
        assert_true(sqi_aggregate_size(&aggregate) <= MOST_BYTES);
        return aggregate;
}

static struct sqi_blobs
blobs_of(struct slot *slot)
{
        return (struct sqi_blobs){.own = slot->blobs};
}

static void
empty(const struct sqi_aggregate *aggregate, struct slot *slot)
{
        struct sqi_blobs blobs = blobs_of(slot);

        sqi_aggregate_clear(aggregate, &blobs);
        memset(slot, 0, sizeof(*slot));
}

static struct sq_value
random_value(const struct sqi_aggregate *aggregate, uint64_t range, char *text, size_t size)
{
        uint64_t number = random_below(range);

        if (random_below(20) == 0)
                return sq_nil();
        if (aggregate->kind == SQI_QUANTILE)
                return sq_float(((double)number - (double)range / 2) * (random_below(9) ? 1 : 1e300));
        if (random_below(3) == 0)
                return random_below(2) ? sq_int((int64_t)number) : sq_float((double)number);
        snprintf(text, size, "text %llu", (unsigned long long)number);
        return random_below(10) ? sq_text(text) : sq_bool(number % 2);
}

static void
fold(const struct sqi_aggregate *aggregate, struct slot *slot, struct sqi_tally *tally, uint64_t range)
{
        char text[40];
        const struct sqi_taken taken = {.value = random_value(aggregate, range, text, sizeof(text))};
        struct sqi_blobs blobs = blobs_of(slot);

        assert_true(sqi_aggregate_fold(aggregate, &blobs, &slot->cell, &taken));
        if (tally)
                assert_true(sqi_tally_fold(aggregate, tally, &slot->cell, taken.value));
}

static bool
same(struct sq_value a, struct sq_value b)
{
        struct sq_items left, right;
        struct sq_value one, other;

        if (a.type == SQ_FLOAT && b.type == SQ_FLOAT)
                return !(a.as.f < b.as.f) && !(a.as.f > b.as.f);
        if (a.type != SQ_ARRAY && a.type != SQ_MAP)
                return sq_bag_hash(a) == sq_bag_hash(b);
        if (a.type != b.type || a.len != b.len)
                return false;
        left = sq_items(a);
        right = sq_items(b);
        while (sq_next_item(&left, &one))
                if (!sq_next_item(&right, &other) || !same(one, other))
                        return false;
        return true;
}

static void
assert_same_result(const struct sqi_aggregate *aggregate, const struct sqi_tally *tally, struct slot *slots, size_t n)
{
        struct slot merged = {0};
        struct sqi_blobs into = blobs_of(&merged);
        struct sq_value anew, tallied;
        void *memory, *tally_memory;

        for (size_t i = 0; i < n; i++) {
                struct sqi_blobs from = blobs_of(&slots[i]);
                assert_true(sqi_aggregate_merge(aggregate, &into, &merged.cell, &from, &slots[i].cell));
        }
        assert_true(sqi_aggregate_result(aggregate, &into, &merged.cell, &anew, &memory));
        assert_true(sqi_tally_result(aggregate, tally, &tallied, &tally_memory));
        assert_true(same(anew, tallied));
        free(memory);
        free(tally_memory);
        empty(aggregate, &merged);
}

/* Slots come behind, and go in front; and some get more when they are in it. */
static void
slide(const char *text, uint64_t range, size_t each, uint64_t case_seed)
{
        const struct sqi_aggregate aggregate = aggregate_of(text);
        struct slot *slots = calloc(SLOTS, sizeof(*slots));
        struct sqi_tally tally = {0};
        size_t first = 0, behind = 0, worn = 0;

        assert_true(slots != NULL);
        seed = case_seed;
        while (behind < SLOTS) {
                struct sqi_blobs blobs = blobs_of(&slots[behind]);

                for (size_t n = random_below(each); n > 0; n--)
                        fold(&aggregate, &slots[behind], NULL, range);
                assert_true(sqi_tally_put(&aggregate, &tally, &blobs, &slots[behind].cell));
                behind++;
                for (size_t n = random_below(4); n > 0; n--)
                        fold(&aggregate, &slots[first + random_below(behind - first)], &tally, range);
                while (behind - first > 1 && random_below(9) < behind - first) {
                        blobs = blobs_of(&slots[first]);
                        sqi_tally_take(&aggregate, &tally, &blobs, &slots[first++].cell);
                }
                if (sqi_tally_is_worn(&tally)) {
                        worn++;
                        sqi_tally_clear(&tally);
                        for (size_t i = first; i < behind; i++) {
                                blobs = blobs_of(&slots[i]);
                                assert_true(sqi_tally_put(&aggregate, &tally, &blobs, &slots[i].cell));
                        }
                }
                assert_same_result(&aggregate, &tally, slots + first, behind - first);
        }
        assert_true(worn <= SLOTS / 4);
        for (; first < behind; first++) {
                struct sqi_blobs blobs = blobs_of(&slots[first]);
                sqi_tally_take(&aggregate, &tally, &blobs, &slots[first].cell);
        }
        assert_int_equal(tally.used, 0); /* nothing is left */
        for (size_t i = 0; i < SLOTS; i++)
                empty(&aggregate, &slots[i]);
        sqi_tally_clear(&tally);
        free(slots);
}

static void
come_to_what_slots_come_to_that_are_put_together_anew(void **unused)
{
        static const char *const texts[] = {"count",  "count v",    "p0 v",   "p50 v",  "p99.9 v",
                                            "p100 v", "distinct v", "top1 v", "top3 v", "top1000 v"};

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                for (uint64_t n = 1; n <= 30; n++)
                        slide(texts[i], 1 + n * n, 1 + n * 3, n);
}

static void
know_how_many_distinct_values_are_left_when_they_had_to_leave_some_out(void **unused)
{
        (void)unused;
        for (uint64_t n = 1; n <= 6; n++) {
                slide("distinct v", 1000000, 1500, n);
                slide("distinct v", 5000, 12000, n);
        }
}

static void
get_smaller_again(void **unused)
{
        const struct sqi_aggregate aggregate = aggregate_of("p50 v");
        struct slot slot = {0};
        struct sqi_blobs blobs = blobs_of(&slot);
        struct sqi_tally tally = {0};
        const struct sqi_taken one = {.value = sq_float(1)};

        (void)unused;
        assert_true(sqi_tally_fold(&aggregate, &tally, NULL, one.value));
        for (int i = 0; i < 2000; i++) {
                const struct sqi_taken taken = {.value = sq_float(2 + i)};
                assert_true(sqi_aggregate_fold(&aggregate, &blobs, &slot.cell, &taken));
        }
        assert_true(sqi_tally_put(&aggregate, &tally, &blobs, &slot.cell));
        assert_true(tally.size >= 4000);
        sqi_tally_take(&aggregate, &tally, &blobs, &slot.cell);
        assert_int_equal(tally.used, 1);
        assert_true(tally.size <= 64);
        empty(&aggregate, &slot);
        sqi_tally_clear(&tally);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(come_to_what_slots_come_to_that_are_put_together_anew),
                cmocka_unit_test(know_how_many_distinct_values_are_left_when_they_had_to_leave_some_out),
                cmocka_unit_test(get_smaller_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
