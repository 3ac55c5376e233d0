/* SPDX-License-Identifier: Apache-2.0 */
/* What a key owns: maps and arrays against plain models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/keyed.h"
#include "tuple/wire.h"

static struct sq_str
key_of(const uint64_t *number)
{
        return (struct sq_str){(const char *)number, sizeof(*number)};
}

struct fixture {
        struct sqi_keyed *keyed;
        void *state;
        struct sqi_owned *owned;
};

/* A key that may own something. */
static struct fixture
begin(void)
{
        struct fixture it = {.keyed = sqi_keyed_new(8)};

        it.state = sqi_keyed_get(it.keyed, (struct sq_str){"owner", 5});
        it.owned = sqi_keyed_owned(it.keyed);
        return it;
}

static struct sqi_part *
part(const struct fixture *it, uint32_t number)
{
        return sqi_part_get(sqi_keyed_parts(it->keyed, it->state), number);
}

static void
random_steps_agree_with_a_model(void **state)
{
        enum { KEYS = 300, PARTS = 3 };
        struct fixture it = begin();
        static uint64_t sizes[PARTS][KEYS];

        (void)state;
        for (uint64_t i = 0; i < 200000; i++) {
                uint64_t dice = sq_mix(i + 3), k = dice % KEYS, p = (dice >> 20) % PARTS;
                struct sqi_part *map = part(&it, (uint32_t)p);
                struct sqi_block *block = sqi_block_find(it.owned, map, key_of(&k));

                assert_int_equal(block != NULL, sizes[p][k] > 0);
                if (block && (dice >> 32) % 3 == 0) {
                        sqi_block_forget(it.owned, block);
                        sizes[p][k] = 0;
                        continue;
                }
                uint64_t size = 8 + (dice >> 40) % 60, larger = size > sizes[p][k] ? size : sizes[p][k];
                uint8_t *bytes = sqi_block_get(it.owned, map, key_of(&k), size);
                assert_int_equal((uintptr_t)bytes % 16, 0);
                for (uint64_t b = 0; b < sizes[p][k]; b++)
                        assert_int_equal(bytes[b], (uint8_t)(k + p));
                for (uint64_t b = sizes[p][k]; b < size; b++)
                        assert_int_equal(bytes[b], 0);
                memset(bytes, (uint8_t)(k + p), larger);
                sizes[p][k] = larger;
        }
        sqi_keyed_free(&it.keyed);
}

static void
a_map_keeps_the_order_in_which_its_keys_came(void **state)
{
        struct fixture it = begin();
        struct sqi_part *map = part(&it, 0);
        uint64_t next = 1;

        (void)state;
        for (uint64_t i = 0; i < 500; i++)
                sqi_block_get(it.owned, map, key_of(&i), 8);
        for (uint64_t i = 0; i < 500; i += 2)
                sqi_block_forget(it.owned, sqi_block_find(it.owned, map, key_of(&i)));
        for (uint64_t i = 1; i < 500; i += 2)
                sqi_block_get(it.owned, map, key_of(&i), 8 + i * 10); /* they move */
        for (const struct sqi_block *block = map->first; block; block = block->next, next += 2)
                assert_memory_equal(block->key, &next, sizeof(next));
        assert_int_equal(map->nblocks, 250);
        sqi_keyed_free(&it.keyed);
}

static void
an_array_grows_at_its_end_and_drops_at_its_beginning(void **state)
{
        struct fixture it = begin();

        (void)state;
        for (uint32_t size = 8; size < 3000; size = size * 3 + 8) {
                struct sqi_part *array = part(&it, size);
                uint64_t begin = 0, end = 0;

                for (uint64_t i = 0; i < 3000; i++) {
                        if (sq_mix(i) % 7 == 0) {
                                uint64_t n = sq_mix(i + 1) % 20, length = end - begin;
                                sqi_array_drop(it.owned, array, n);
                                begin += n < length ? n : length;
                        }
                        uint64_t *element = sqi_array_push(it.owned, array, size);
                        assert_int_equal(*element, 0);
                        *element = ++end;
                        for (uint64_t at = 0; at < end - begin; at += 13)
                                assert_int_equal(*(uint64_t *)sqi_array_at(it.owned, array, at), begin + at + 1);
                        assert_null(sqi_array_at(it.owned, array, end - begin));
                }
                sqi_array_drop(it.owned, array, UINT64_MAX);
                assert_true(array->nblocks <= 1);
                assert_null(sqi_array_at(it.owned, array, 0));
        }
        sqi_keyed_free(&it.keyed);
}

static void
elements_of_an_array_never_move(void **state)
{
        struct fixture it = begin();
        static uint64_t *where[5000];

        (void)state;
        for (uint64_t i = 0; i < 5000; i++)
                where[i] = sqi_array_push(it.owned, part(&it, 1), 24);
        for (uint64_t i = 0; i < 5000; i++)
                assert_ptr_equal(sqi_array_at(it.owned, part(&it, 1), i), where[i]);
        sqi_keyed_free(&it.keyed);
}

static void
what_a_key_owns_is_forgotten_with_it(void **state)
{
        struct fixture it = begin();
        const uint64_t one = 1;

        (void)state;
        sqi_block_get(it.owned, part(&it, 4), key_of(&one), 100);
        sqi_array_push(it.owned, part(&it, 5), 16);
        sqi_keyed_forget(it.keyed, (struct sq_str){"owner", 5});
        it.state = sqi_keyed_get(it.keyed, (struct sq_str){"owner", 5});
        assert_null(*sqi_keyed_parts(it.keyed, it.state));
        sqi_keyed_free(&it.keyed);
}

static void
only_the_state_of_a_key_owns_something(void **state)
{
        struct fixture it = begin();
        uint64_t other[8] = {0};

        (void)state;
        assert_null(sqi_keyed_parts(it.keyed, &other[4]));
        assert_non_null(sqi_keyed_parts(it.keyed, it.state));
        sqi_keyed_free(&it.keyed);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_steps_agree_with_a_model),
                cmocka_unit_test(a_map_keeps_the_order_in_which_its_keys_came),
                cmocka_unit_test(an_array_grows_at_its_end_and_drops_at_its_beginning),
                cmocka_unit_test(elements_of_an_array_never_move),
                cmocka_unit_test(what_a_key_owns_is_forgotten_with_it),
                cmocka_unit_test(only_the_state_of_a_key_owns_something),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
