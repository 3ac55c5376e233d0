/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: what is written, staged, taken back, and read again; and what a hostile sender can make of one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tuple/batch.h"
#include "tuple/frame.h"
#include "tuple/pack.h"
#include "tuple/unpack.h"

struct sealed {
        uint8_t *data;
        size_t size;
};

static void
add(struct sqi_batch *batch, struct sqi_pool *pool, int64_t number, uint16_t stream, uint64_t root)
{
        struct sq_value value = sq_int(number);
        uint8_t *at = sqi_batch_reserve(batch, pool, 3 + sqi_pack_bound(&value));

        assert_non_null(at);
        at = sqi_pack(sqi_pack_head(at, 1), &value);
        assert_int_equal(sqi_batch_add(batch, at, stream, &root, root ? 1 : 0), 0);
}

static struct sealed
seal(struct sqi_batch *batch)
{
        struct sqi_header header = {.task = 3, .incarnation = 2, .edge_key = 5, .first_seq = 100};
        struct sealed sealed;

        assert_int_equal(sqi_batch_seal(batch, &header, &sealed.data, &sealed.size), 0);
        return sealed;
}

static int64_t
number_of(const struct sqi_slice *slice)
{
        return sqi_unpack(slice->at + slice->offsets[0], slice->at + slice->offsets[1]).as.i;
}

static void
tuples_come_back_with_streams_and_roots(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};
        struct sqi_frame frame;
        struct sqi_slice slice;
        const char *cause;
        uint64_t root;

        (void)state;
        for (int i = 0; i < 3000; i++)
                add(&batch, pool, i, (uint16_t)(i / 1000), 1 + (uint64_t)i / 10);
        sqi_batch_commit(&batch);
        struct sealed sealed = seal(&batch);
        assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size, &cause), 0);
        assert_int_equal(frame.header.count, 3000);
        assert_int_equal(frame.header.nruns, 300);
        for (int i = 0; i < 3000; i++) {
                assert_int_equal(sqi_frame_next(&frame, &slice), 1);
                assert_int_equal(number_of(&slice), i);
                assert_int_equal(frame.stream, i / 1000);
                assert_int_equal(frame.nroots, 1);
                memcpy(&root, frame.roots, sizeof(root));
                assert_int_equal(root, 1 + i / 10);
                assert_int_equal(frame.fresh_run, i % 10 == 0);
        }
        assert_int_equal(sqi_frame_next(&frame, &slice), 0);
        sqi_pool_give(sealed.data);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

/* Whatever comes behind the first `stepped` tuples of the batch, in runs of three, with another root each. */
static void
check_rest(const struct sealed *sealed, uint32_t stepped)
{
        struct sqi_frame frame, rest;
        struct sqi_slice slice;
        uint8_t bytes[4096];
        const char *cause;
        uint64_t root;

        assert_int_equal(sqi_frame_open(&frame, sealed->data, sealed->size, &cause), 0);
        for (uint32_t i = 0; i < stepped; i++)
                assert_int_equal(sqi_frame_next(&frame, &slice), 1);
        size_t size = sqi_frame_rest_size(&frame, frame.at);
        assert_true(size <= sizeof(bytes));
        sqi_frame_copy_rest(&frame, sealed->data, frame.at, bytes);
        assert_int_equal(sqi_frame_open(&rest, bytes, size, &cause), 0);
        assert_int_equal(rest.header.count, frame.header.count - stepped);
        assert_int_equal(rest.header.first_seq, frame.header.first_seq + stepped);
        for (uint32_t i = stepped; i < frame.header.count; i++) {
                assert_int_equal(sqi_frame_next(&rest, &slice), 1);
                assert_int_equal(number_of(&slice), i);
                assert_int_equal(rest.stream, i / 9);
                memcpy(&root, rest.roots, sizeof(root));
                assert_int_equal(root, 1 + i / 3);
        }
        assert_int_equal(sqi_frame_next(&rest, &slice), 0);
}

static void
the_rest_of_a_batch_is_a_batch(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};

        (void)state;
        for (uint32_t i = 0; i < 30; i++)
                add(&batch, pool, i, (uint16_t)(i / 9), 1 + i / 3);
        assert_true(sqi_batch_trace(&batch, &(struct sqi_trace_mark){.index = 20}));
        sqi_batch_commit(&batch);
        struct sealed sealed = seal(&batch);
        for (uint32_t stepped = 0; stepped < 30; stepped++)
                check_rest(&sealed, stepped);
        sqi_pool_give(sealed.data);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

static void
what_is_rolled_back_never_leaves(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};
        struct sqi_frame frame;
        struct sqi_slice slice;
        const char *cause;

        (void)state;
        for (int i = 0; i < 50; i++) {
                add(&batch, pool, i, 0, 7);
                sqi_batch_commit(&batch);
                add(&batch, pool, -1, 0, 7);
                add(&batch, pool, -2, 1, 8);
                add(&batch, pool, -3, 2, 9);
                sqi_batch_rollback(&batch);
        }
        struct sealed sealed = seal(&batch);
        assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size, &cause), 0);
        assert_int_equal(frame.header.count, 50);
        assert_int_equal(frame.header.nruns, 1);
        for (int i = 0; i < 50; i++) {
                assert_int_equal(sqi_frame_next(&frame, &slice), 1);
                assert_int_equal(number_of(&slice), i);
        }
        sqi_pool_give(sealed.data);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

static void
a_rollback_of_the_first_tuple_leaves_an_empty_batch(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};

        (void)state;
        add(&batch, pool, 1, 0, 0);
        sqi_batch_rollback(&batch);
        assert_true(sqi_batch_is_empty(&batch));
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

static struct sealed
sample(void)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};

        for (int i = 0; i < 20; i++)
                add(&batch, pool, i * 1000, 0, 1 + (uint64_t)i / 3);
        sqi_batch_commit(&batch);
        struct sealed sealed = seal(&batch);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
        return sealed;
}

/* Reads to the end, whatever it is; the sanitizers watch. */
static void
read_all(const uint8_t *bytes, size_t size)
{
        uint8_t *exact = malloc(size ? size : 1);
        struct sqi_frame frame;
        struct sqi_slice slice;
        const char *cause = NULL;

        memcpy(exact, bytes, size);
        if (sqi_frame_open(&frame, exact, size, &cause) == 0)
                while (sqi_frame_next(&frame, &slice) > 0)
                        for (uint32_t i = 0; i < slice.n; i++)
                                (void)sqi_unpack(slice.at + slice.offsets[i], slice.at + slice.offsets[i + 1]);
        else
                assert_non_null(cause);
        free(exact);
}

static void
every_cut_is_refused(void **state)
{
        struct sealed sealed = sample();
        struct sqi_frame frame;
        const char *cause;

        (void)state;
        for (size_t size = 0; size < sealed.size; size++)
                assert_true(sqi_frame_open(&frame, sealed.data, size, &cause) < 0);
        sqi_pool_give(sealed.data);
}

static void
every_flipped_byte_is_survived(void **state)
{
        struct sealed sealed = sample();

        (void)state;
        for (size_t i = 0; i < sealed.size; i++) {
                for (int bit = 0; bit < 8; bit++) {
                        sealed.data[i] ^= (uint8_t)(1 << bit);
                        read_all(sealed.data, sealed.size);
                        sealed.data[i] ^= (uint8_t)(1 << bit);
                }
        }
        sqi_pool_give(sealed.data);
}

static void
another_version_is_told_apart(void **state)
{
        struct sealed sealed = sample();
        struct sqi_frame frame;
        const char *cause;

        (void)state;
        sealed.data[3]++;
        assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size, &cause), -EPROTO);
        sqi_pool_give(sealed.data);
}

static void
buffers_are_recycled(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(1000);
        size_t size;

        (void)state;
        uint8_t *first = sqi_pool_take(pool, 10, &size);
        assert_int_equal(size, 1000);
        sqi_pool_give(first);
        assert_ptr_equal(sqi_pool_take(pool, 1000, &size), first);
        uint8_t *large = sqi_pool_take(pool, 5000, &size);
        assert_int_equal(size, 5000);
        sqi_pool_give(large);
        sqi_pool_drop(&pool); /* `first` is still out: the pool lives until it is back */
        sqi_pool_give(first);
}

static void
mark(struct sqi_batch *batch, uint32_t index)
{
        const struct sqi_trace_mark mark = {.trace = 7, .parent = 10 + index, .emitted_ns = 20, .index = index};

        assert_true(sqi_batch_trace(batch, &mark));
}

static void
a_traced_tuple_comes_with_its_mark(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};
        struct sqi_frame frame;
        struct sqi_trace_mark found;
        const char *cause;

        (void)state;
        for (int i = 0; i < 5; i++)
                add(&batch, pool, i, 0, 0);
        mark(&batch, 1);
        mark(&batch, 4);
        sqi_batch_commit(&batch);
        struct sealed sealed = seal(&batch);
        assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size, &cause), 0);
        assert_int_equal(frame.ntraced, 2);
        assert_true(sqi_frame_trace(&frame, 4, &found));
        assert_int_equal(found.trace, 7);
        assert_int_equal(found.parent, 14);
        assert_false(sqi_frame_trace(&frame, 3, &found));
        assert_true(sqi_frame_sealed_ns(&frame) > 0);
        /* the receivers of a broadcast subscribe to what a batch begins with */
        assert_int_equal(frame.header.flags, 0);
        sqi_pool_give(sealed.data);

        add(&batch, pool, 9, 0, 0);
        sqi_batch_commit(&batch);
        sealed = seal(&batch);
        assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size, &cause), 0);
        assert_int_equal(frame.ntraced, 0);
        sqi_pool_give(sealed.data);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

static void
a_mark_is_rolled_back_with_its_tuple(void **state)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};
        struct sqi_frame frame;
        struct sqi_trace_mark found;
        const char *cause;

        (void)state;
        add(&batch, pool, 1, 0, 0);
        mark(&batch, 0);
        sqi_batch_commit(&batch);
        add(&batch, pool, 2, 0, 0);
        mark(&batch, 1);
        sqi_batch_rollback(&batch);
        add(&batch, pool, 3, 0, 0);
        sqi_batch_commit(&batch);
        struct sealed sealed = seal(&batch);
        assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size, &cause), 0);
        assert_int_equal(frame.ntraced, 1);
        assert_true(sqi_frame_trace(&frame, 0, &found));
        for (size_t cut = 1; cut <= sizeof(struct sqi_traced) + sizeof(found); cut++)
                assert_int_equal(sqi_frame_open(&frame, sealed.data, sealed.size - cut, &cause), -EBADMSG);
        sqi_pool_give(sealed.data);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

static void
edge_ids_of_one_channel_differ(void **state)
{
        uint64_t key = sq_mix(42);

        (void)state;
        for (uint64_t i = 0; i < 1000; i++)
                for (uint64_t j = i + 1; j < 1000; j++)
                        assert_true(sqi_edge_id(key, i) != sqi_edge_id(key, j));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tuples_come_back_with_streams_and_roots),
                cmocka_unit_test(the_rest_of_a_batch_is_a_batch),
                cmocka_unit_test(what_is_rolled_back_never_leaves),
                cmocka_unit_test(a_rollback_of_the_first_tuple_leaves_an_empty_batch),
                cmocka_unit_test(every_cut_is_refused),
                cmocka_unit_test(every_flipped_byte_is_survived),
                cmocka_unit_test(another_version_is_told_apart),
                cmocka_unit_test(buffers_are_recycled),
                cmocka_unit_test(a_traced_tuple_comes_with_its_mark),
                cmocka_unit_test(a_mark_is_rolled_back_with_its_tuple),
                cmocka_unit_test(edge_ids_of_one_channel_differ),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
