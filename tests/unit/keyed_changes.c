/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken of keyed state, epoch by epoch, against a model: all that there was at the beginning, and no more of it
 * than has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/keyed.h"

enum { KEYS = 4000 };

/* 0: it is not there. */
struct world {
        struct sqi_keyed *keyed;
        uint64_t now[KEYS], begun[KEYS], copy[KEYS];
        bool written[KEYS];
        size_t nwritten;
        uint32_t random;
};

static uint32_t
draw(struct world *world, uint32_t below)
{
        world->random = world->random * 1664525 + 1013904223;
        return (world->random >> 8) % below;
}

static struct sq_str
name(char buffer[16], size_t i)
{
        snprintf(buffer, 16, "key-%zu", i);
        return (struct sq_str){buffer, strlen(buffer)};
}

static size_t
number(struct sq_str key)
{
        size_t i = 0;

        for (size_t at = 4; at < key.len; at++)
                i = i * 10 + (size_t)(key.ptr[at] - '0');
        return i;
}

static void
change(struct world *world, size_t i)
{
        char buffer[16];
        struct sqi_key key;
        uint64_t *state;

        sqi_key_prepare(&key, name(buffer, i), false);
        state = draw(world, 2) ? sqi_keyed_find_short(world->keyed, &key) : NULL;
        if (!state)
                state = sqi_keyed_get(world->keyed, key.bytes);
        assert_int_equal(*state, world->now[i]);
        world->now[i] = *state += 1;
}

static void
forget(struct world *world, size_t i)
{
        char buffer[16];

        assert_int_equal(sqi_keyed_forget(world->keyed, name(buffer, i)), world->now[i] > 0);
        world->now[i] = 0;
}

static void
write_down(void *context, struct sq_str key, const void *state, uint64_t route)
{
        struct world *world = context;
        size_t i = number(key);

        (void)route;
        assert_false(world->written[i]);
        world->written[i] = true;
        world->nwritten++;
        memcpy(&world->copy[i], state, sizeof(world->copy[i]));
}

static void
remove_gone(struct world *world, const struct sqi_keyed_gone *gone)
{
        const uint8_t *at = gone->bytes;
        uint32_t len;

        for (size_t n = 0; n < gone->n; n++, at += sizeof(len) + len) {
                memcpy(&len, at, sizeof(len));
                world->copy[number((struct sq_str){(const char *)at + sizeof(len), len})] = 0;
        }
}

/* `busy`: keys change between the portions. Is it all? */
static bool
take(struct world *world, bool busy)
{
        bool all = sqi_keyed_changed_share(world->keyed) > SQI_MUCH_CHANGED;
        struct sq_str key;
        uint64_t route;
        void *state;

        memcpy(world->begun, world->now, sizeof(world->now));
        memset(world->written, 0, sizeof(world->written));
        world->nwritten = 0;
        if (all)
                memset(world->copy, 0, sizeof(world->copy));
        else
                remove_gone(world, sqi_keyed_gone(world->keyed));
        assert_true(sqi_keyed_begin_take(world->keyed, all, write_down, world));
        while (sqi_keyed_take(world->keyed, &key, &state, &route)) {
                write_down(world, key, state, route);
                if (busy && draw(world, 3) == 0)
                        change(world, draw(world, KEYS));
                if (busy && draw(world, 50) == 0)
                        forget(world, draw(world, KEYS));
        }
        assert_memory_equal(world->copy, world->begun, sizeof(world->copy));
        return all;
}

static void
begin(struct world *world)
{
        *world = (struct world){.keyed = sqi_keyed_new(sizeof(uint64_t)), .random = 7};
        sqi_keyed_track(world->keyed);
        for (size_t i = 0; i < KEYS; i++)
                change(world, i);
        assert_true(take(world, false));
}

static void
change_each(struct world *world, size_t step)
{
        for (size_t i = 0; i < KEYS; i += step)
                change(world, i);
}

/* ---- Tests ------------------------------------------------------------------------------------------- */

static void
what_was_taken_is_what_there_was_at_the_beginning_however_much_changes(void **state)
{
        static const uint32_t shares[] = {KEYS * 3, KEYS * 3, 10, 0, KEYS / 3, KEYS * 2, KEYS, 0, 3, KEYS / 2};
        struct world world;

        (void)state;
        begin(&world);
        for (unsigned round = 0; round < 6; round++)
                for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
                        for (uint32_t n = 0; n < shares[i]; n++)
                                change(&world, draw(&world, KEYS));
                        (void)take(&world, round % 2);
                }
        sqi_keyed_free(&world.keyed);
}

static void
where_most_changes_a_key_that_was_taken_counts_as_changed_but_in_the_sample(void **state)
{
        struct world world;
        size_t clean = 0;
        struct sqi_key key;
        char buffer[16];

        (void)state;
        begin(&world);
        change_each(&world, 1);
        assert_true(take(&world, false));
        for (size_t i = 0; i < KEYS; i++) {
                sqi_key_prepare(&key, name(buffer, i), false);
                clean += sqi_keyed_is_clean(world.keyed, sqi_keyed_find(world.keyed, key.bytes));
        }
        assert_int_equal(clean, KEYS / 16);
        sqi_keyed_free(&world.keyed);
}

static void
once_less_changes_again_all_is_taken_one_time_more_and_then_what_has_changed(void **state)
{
        struct world world;

        (void)state;
        begin(&world);
        change_each(&world, 1);
        assert_true(take(&world, false));
        for (unsigned i = 0; i < 3; i++) {
                change_each(&world, 1);
                assert_true(take(&world, false));
        }
        change_each(&world, 40);
        assert_true(take(&world, false));
        change_each(&world, 40);
        assert_false(take(&world, false));
        assert_int_equal(world.nwritten, KEYS / 40);
        sqi_keyed_free(&world.keyed);
}

/* What is forgotten has changed as well. */
static void
where_most_keys_are_forgotten_it_goes_on_to_take_all(void **state)
{
        struct world world;

        (void)state;
        begin(&world);
        change_each(&world, 1);
        assert_true(take(&world, false));
        for (size_t i = 0; i < KEYS / 2; i++)
                forget(&world, i);
        change_each(&world, 10);
        assert_true(take(&world, false));
        assert_int_equal(sqi_keyed_changed_share(world.keyed) > SQI_MUCH_CHANGED, true);
        sqi_keyed_free(&world.keyed);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_taken_is_what_there_was_at_the_beginning_however_much_changes),
                cmocka_unit_test(where_most_changes_a_key_that_was_taken_counts_as_changed_but_in_the_sample),
                cmocka_unit_test(once_less_changes_again_all_is_taken_one_time_more_and_then_what_has_changed),
                cmocka_unit_test(where_most_keys_are_forgotten_it_goes_on_to_take_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
