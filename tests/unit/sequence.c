/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end of a channel: which jumps of its numbers are meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "channel/sequence.h"

static bool
take(struct sqi_sequence *sequence, uint32_t incarnation, uint64_t first, uint32_t count, uint16_t hints)
{
        struct sqi_header header = {.incarnation = incarnation, .first_seq = first, .count = count, .hints = hints};

        return sqi_sequence_take(sequence, &header);
}

static void
follows_a_channel_from_its_first_tuple(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 0, 0, 3, 0));
        assert_true(take(&sequence, 0, 3, 1, 0));
        assert_true(take(&sequence, 0, 4, 10, 0));
}

static void
sees_that_a_batch_is_missing_once_and_goes_on_behind_it(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 0, 0, 3, 0));
        assert_false(take(&sequence, 0, 5, 2, 0));
        assert_true(take(&sequence, 0, 7, 1, 0));
}

static void
sees_that_the_first_batch_is_missing(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_false(take(&sequence, 0, 2, 3, 0));
}

static void
sees_that_a_batch_came_twice(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 0, 0, 3, 0));
        assert_true(take(&sequence, 0, 3, 3, 0));
        assert_false(take(&sequence, 0, 3, 3, 0));
        assert_true(take(&sequence, 0, 6, 3, 0));
}

static void
takes_the_gap_that_the_sender_says_it_made(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 0, 0, 3, 0));
        assert_true(take(&sequence, 0, 9, 3, SQI_HINT_DROPPED));
        assert_true(take(&sequence, 0, 12, 3, 0));
        assert_false(take(&sequence, 0, 12, 3, SQI_HINT_DROPPED));
}

/* By the connection that the sender has left. */
static void
takes_late_batches_from_before_the_sender_began_anew(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        sqi_sequence_join(&sequence);
        assert_true(take(&sequence, 0, 20, 3, SQI_HINT_DROPPED));
        assert_true(take(&sequence, 0, 10, 4, 0));
        assert_true(take(&sequence, 0, 14, 6, 0));
        assert_true(take(&sequence, 0, 23, 3, 0));
        assert_false(take(&sequence, 0, 20, 3, 0));
        assert_true(take(&sequence, 0, 23, 3, 0));
        assert_true(take(&sequence, 0, 30, 3, SQI_HINT_DROPPED));
        assert_true(take(&sequence, 0, 26, 4, 0));
        assert_true(take(&sequence, 0, 33, 1, 0));
        assert_true(take(&sequence, 1, 0, 3, 0));
        assert_false(take(&sequence, 1, 0, 3, 0));
}

static void
takes_a_kept_batch_again_but_no_gap_before_it(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 0, 0, 3, 0));
        assert_true(take(&sequence, 0, 3, 2, SQI_HINT_AGAIN));
        assert_true(take(&sequence, 0, 3, 2, SQI_HINT_AGAIN));
        assert_false(take(&sequence, 0, 7, 2, SQI_HINT_AGAIN));
}

static void
begins_anew_with_a_restarted_sender(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 0, 0, 3, 0));
        assert_true(take(&sequence, 1, 0, 4, 0));
        assert_true(take(&sequence, 1, 4, 1, 0));
        assert_false(take(&sequence, 2, 5, 1, 0));
}

static void
leaves_late_batches_of_the_dead_sender_out_of_account(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        assert_true(take(&sequence, 1, 0, 4, 0));
        assert_true(take(&sequence, 0, 17, 4, 0));
        assert_true(take(&sequence, 1, 4, 1, 0));
}

static void
lets_a_restarted_reader_begin_anywhere_and_then_go_on(void **state)
{
        struct sqi_sequence sequence = {0};

        (void)state;
        sqi_sequence_join(&sequence);
        assert_true(take(&sequence, 3, 1000, 5, 0));
        assert_true(take(&sequence, 3, 1005, 5, 0));
        assert_false(take(&sequence, 3, 1011, 5, 0));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(follows_a_channel_from_its_first_tuple),
                cmocka_unit_test(sees_that_a_batch_is_missing_once_and_goes_on_behind_it),
                cmocka_unit_test(sees_that_the_first_batch_is_missing),
                cmocka_unit_test(sees_that_a_batch_came_twice),
                cmocka_unit_test(takes_the_gap_that_the_sender_says_it_made),
                cmocka_unit_test(takes_late_batches_from_before_the_sender_began_anew),
                cmocka_unit_test(takes_a_kept_batch_again_but_no_gap_before_it),
                cmocka_unit_test(begins_anew_with_a_restarted_sender),
                cmocka_unit_test(leaves_late_batches_of_the_dead_sender_out_of_account),
                cmocka_unit_test(lets_a_restarted_reader_begin_anywhere_and_then_go_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
