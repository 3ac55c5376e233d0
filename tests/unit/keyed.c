/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed state against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/keyed.h"
#include "tuple/wire.h"

struct tally {
        int64_t n;
};

static struct sq_str
name(char buffer[64], uint64_t number)
{
        int len = snprintf(buffer, 64, "%.*s%llu", (int)(number % 40), "a-prefix-that-makes-keys-of-many-lengths",
                           (unsigned long long)number);

        return (struct sq_str){buffer, (size_t)len};
}

static void
a_new_key_starts_with_zeroes(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(100);
        char *bytes = sqi_keyed_get(keyed, (struct sq_str){"k", 1});

        (void)state;
        for (int i = 0; i < 100; i++)
                assert_int_equal(bytes[i], 0);
        memset(bytes, 0xff, 100);
        assert_true(sqi_keyed_forget(keyed, (struct sq_str){"k", 1}));
        assert_false(sqi_keyed_forget(keyed, (struct sq_str){"k", 1}));
        bytes = sqi_keyed_get(keyed, (struct sq_str){"k", 1});
        for (int i = 0; i < 100; i++)
                assert_int_equal(bytes[i], 0);
        sqi_keyed_free(&keyed);
}

static void
states_never_move(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(sizeof(struct tally));
        static struct tally *where[20000];
        char buffer[64];

        (void)state;
        for (uint64_t i = 0; i < 20000; i++)
                where[i] = sqi_keyed_get(keyed, name(buffer, i));
        for (uint64_t i = 0; i < 20000; i++)
                assert_ptr_equal(sqi_keyed_get(keyed, name(buffer, i)), where[i]);
        sqi_keyed_free(&keyed);
}

static void
keys_come_in_the_order_in_which_they_were_made(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(sizeof(struct tally));
        size_t cursor = 0;
        void *tally;
        struct sq_str key;
        char buffer[64];
        uint64_t next = 0;

        (void)state;
        assert_false(sqi_keyed_step(keyed, &cursor, &key, &tally));
        for (uint64_t i = 0; i < 1000; i++)
                sqi_keyed_get(keyed, name(buffer, i));
        for (uint64_t i = 0; i < 1000; i += 3)
                sqi_keyed_forget(keyed, name(buffer, i));
        cursor = 0;
        while (sqi_keyed_step(keyed, &cursor, &key, &tally)) {
                next += next % 3 == 0;
                struct sq_str expected = name(buffer, next++);
                assert_int_equal(key.len, expected.len);
                assert_memory_equal(key.ptr, expected.ptr, key.len);
        }
        assert_int_equal(sqi_keyed_count(keyed), 666);
        sqi_keyed_free(&keyed);
}

static void
random_steps_agree_with_a_model(void **state)
{
        enum { KEYS = 700 };
        struct sqi_keyed *keyed = sqi_keyed_new(sizeof(struct tally));
        static int64_t model[KEYS];
        static bool there[KEYS];
        char buffer[64];
        size_t count = 0;

        (void)state;
        for (uint64_t i = 0; i < 500000; i++) {
                uint64_t dice = sq_mix(i + 7), k = dice % KEYS;
                if ((dice >> 32) % 5 == 0) {
                        assert_int_equal(sqi_keyed_forget(keyed, name(buffer, k)), there[k]);
                        count -= there[k];
                        there[k] = false;
                        model[k] = 0;
                } else {
                        struct tally *tally = sqi_keyed_get(keyed, name(buffer, k));
                        count += !there[k];
                        there[k] = true;
                        assert_int_equal(tally->n, model[k]);
                        tally->n = ++model[k];
                }
                assert_int_equal(sqi_keyed_count(keyed), count);
        }
        sqi_keyed_free(&keyed);
}

static void
save_nothing(void *context, struct sq_str key, const void *state, uint64_t route)
{
        (void)key;
        (void)state;
        (void)route;
        ++*(unsigned *)context;
}

/* The keys that are taken, one behind the other. */
static const char *
taken(struct sqi_keyed *keyed, char *ret, size_t most)
{
        struct sq_str key;
        uint64_t route;
        void *state;
        size_t n = 0;

        while (n < most && sqi_keyed_take(keyed, &key, &state, &route))
                ret[n++] = key.ptr[0];
        ret[n] = '\0';
        return ret;
}

static void
what_changes_is_taken_next_also_when_the_last_time_was_cut_short(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(8);
        const char *keys[] = {"a", "b", "c", "d"};
        unsigned saved = 0;
        char text[8];

        (void)state;
        for (int i = 0; i < 4; i++)
                assert_non_null(sqi_keyed_get(keyed, (struct sq_str){keys[i], 1}));
        sqi_keyed_track(keyed);
        assert_true(sqi_keyed_begin_take(keyed, true, save_nothing, &saved));
        assert_int_equal(sqi_keyed_left(keyed), 4);
        assert_string_equal(taken(keyed, text, 1), "a");
        sqi_keyed_get(keyed, (struct sq_str){"d", 1});
        assert_int_equal(saved, 1); /* it was still to be taken */
        assert_int_equal(sqi_keyed_left(keyed), 2);
        sqi_keyed_end_take(keyed);
        assert_true(sqi_keyed_begin_take(keyed, false, save_nothing, &saved));
        assert_string_equal(taken(keyed, text, 8), "d");
        sqi_keyed_get(keyed, (struct sq_str){"c", 1});
        sqi_keyed_get(keyed, (struct sq_str){"a", 1});
        assert_true(sqi_keyed_begin_take(keyed, false, save_nothing, &saved));
        assert_true(sqi_keyed_forget(keyed, (struct sq_str){"c", 1}));
        assert_int_equal(saved, 2);
        assert_string_equal(taken(keyed, text, 8), "a");
        assert_true(sqi_keyed_begin_take(keyed, false, save_nothing, &saved));
        assert_string_equal(taken(keyed, text, 8), "");
        assert_true(sqi_keyed_begin_take(keyed, true, save_nothing, &saved));
        assert_string_equal(taken(keyed, text, 8), "abd");
        sqi_keyed_free(&keyed);
}

/* However it is looked up: turn by turn what has changed is told apart otherwise. */
static void
what_is_to_be_taken_is_not_handed_out_before_it_is_saved(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(8);
        const struct sq_str name = {"a", 1};
        struct sqi_key key;
        unsigned saved = 0;

        (void)state;
        sqi_key_prepare(&key, name, false);
        uint64_t *value = sqi_keyed_get(keyed, name);
        sqi_keyed_track(keyed);
        for (unsigned turn = 0; turn < 4; turn++) {
                assert_ptr_equal(sqi_keyed_find_short(keyed, &key), value);
                assert_true(sqi_keyed_begin_take(keyed, turn == 0, save_nothing, &saved));
                assert_null(sqi_keyed_find_short(keyed, &key));
                if (turn % 2)
                        assert_ptr_equal(sqi_keyed_get(keyed, name), value);
                else
                        assert_ptr_equal(sqi_keyed_touch_prepared(keyed, &key), value);
                assert_int_equal(saved, turn + 1);
        }
        sqi_keyed_free(&keyed);
}

static void
the_empty_key_is_a_key(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(0);

        (void)state;
        assert_non_null(sqi_keyed_get(keyed, (struct sq_str){"", 0}));
        assert_int_equal(sqi_keyed_count(keyed), 1);
        sqi_keyed_free(&keyed);
}

static void
forgotten_keys_of_any_size_give_their_memory_to_the_next(void **state)
{
        (void)state;
        for (size_t size = 8; size < 200000; size = size * 5 / 3) {
                struct sqi_keyed *keyed = sqi_keyed_new(size);
                void *first = sqi_keyed_get(keyed, (struct sq_str){"first", 5});

                assert_true(sqi_keyed_forget(keyed, (struct sq_str){"first", 5}));
                assert_ptr_equal(sqi_keyed_get(keyed, (struct sq_str){"second", 6}), first);
                sqi_keyed_free(&keyed);
        }
}

static void
to_look_for_a_key_does_not_make_it(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(sizeof(struct tally));
        struct sq_str key = {"a", 1};

        (void)state;
        assert_null(sqi_keyed_find(keyed, key));
        assert_int_equal(sqi_keyed_count(keyed), 0);
        void *made = sqi_keyed_get(keyed, key);
        assert_ptr_equal(sqi_keyed_find(keyed, key), made);
        sqi_keyed_free(&keyed);
}

/* With pages of the large size, too. */
static void
a_table_that_room_was_made_for_holds_what_was_in_it_and_what_comes(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(sizeof(struct tally));
        struct tally *first;
        char buffer[64];

        (void)state;
        for (uint64_t i = 0; i < 1000; i++)
                ((struct tally *)sqi_keyed_get(keyed, name(buffer, i)))->n = (int64_t)i;
        first = sqi_keyed_get(keyed, name(buffer, 0));
        sqi_keyed_reserve(keyed, 200000);
        sqi_keyed_reserve(keyed, 10);
        for (uint64_t i = 1000; i < 250000; i++)
                ((struct tally *)sqi_keyed_get(keyed, name(buffer, i)))->n = (int64_t)i;
        assert_ptr_equal(sqi_keyed_get(keyed, name(buffer, 0)), first);
        assert_int_equal(sqi_keyed_count(keyed), 250000);
        for (uint64_t i = 0; i < 250000; i++)
                assert_int_equal(((struct tally *)sqi_keyed_find(keyed, name(buffer, i)))->n, i);
        sqi_keyed_free(&keyed);
}

static void
what_was_there_at_a_mark_is_known_when_the_gaps_between_are_closed(void **state)
{
        struct sqi_keyed *keyed = sqi_keyed_new(sizeof(struct tally));
        char buffer[64];

        (void)state;
        for (uint64_t i = 0; i < 1000; i++)
                (void)sqi_keyed_get(keyed, name(buffer, i));
        sqi_keyed_mark(keyed);
        for (uint64_t i = 0; i < 990; i++)
                assert_true(sqi_keyed_forget(keyed, name(buffer, i)));
        for (uint64_t i = 1000; i < 3000; i++)
                assert_false(sqi_keyed_is_marked(keyed, sqi_keyed_get(keyed, name(buffer, i))));
        for (uint64_t i = 990; i < 3000; i++)
                assert_int_equal(sqi_keyed_is_marked(keyed, sqi_keyed_get(keyed, name(buffer, i))), i < 1000);
        sqi_keyed_free(&keyed);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_key_starts_with_zeroes),
                cmocka_unit_test(states_never_move),
                cmocka_unit_test(keys_come_in_the_order_in_which_they_were_made),
                cmocka_unit_test(random_steps_agree_with_a_model),
                cmocka_unit_test(what_changes_is_taken_next_also_when_the_last_time_was_cut_short),
                cmocka_unit_test(what_is_to_be_taken_is_not_handed_out_before_it_is_saved),
                cmocka_unit_test(the_empty_key_is_a_key),
                cmocka_unit_test(a_table_that_room_was_made_for_holds_what_was_in_it_and_what_comes),
                cmocka_unit_test(forgotten_keys_of_any_size_give_their_memory_to_the_next),
                cmocka_unit_test(to_look_for_a_key_does_not_make_it),
                cmocka_unit_test(what_was_there_at_a_mark_is_known_when_the_gaps_between_are_closed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
