/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a pipe: read as they come, and kept until they are done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <unistd.h>

static void
keep(struct sq_pipe *pipe, uint64_t position)
{
        char text[24];

        snprintf(text, sizeof(text), "record %llu", (unsigned long long)position);
        assert_int_equal(sq_pipe_keep(pipe, position, (struct sq_str){text, strlen(text)}, NULL), 0);
}

static bool
has(struct sq_pipe *pipe, uint64_t position)
{
        struct sq_str record;
        const char *wrong;
        char text[24];

        snprintf(text, sizeof(text), "record %llu", (unsigned long long)position);
        return sq_pipe_find(pipe, position, &record, &wrong) && sq_str_is(record, text) && !wrong;
}

static void
keeps_each_record_until_it_is_done_in_whatever_order(void **state)
{
        struct sq_pipe pipe = {0};

        (void)state;
        for (uint64_t i = 0; i < 1000; i++)
                keep(&pipe, i * 10);
        for (uint64_t i = 1; i < 1000; i += 2)
                sq_pipe_done(&pipe, i * 10);
        for (uint64_t i = 0; i < 1000; i++)
                assert_int_equal(has(&pipe, i * 10), i % 2 == 0);
        assert_false(has(&pipe, 5));
        for (uint64_t i = 0; i < 1000; i += 2)
                sq_pipe_done(&pipe, i * 10);
        assert_int_equal(pipe.n, 0);
        sq_pipe_close(&pipe);
}

static void
needs_no_more_room_than_for_what_is_kept_at_a_time(void **state)
{
        struct sq_pipe pipe = {0};

        (void)state;
        for (uint64_t i = 0; i < 10000; i++) {
                keep(&pipe, i);
                if (i >= 10)
                        sq_pipe_done(&pipe, i - 10);
        }
        assert_in_range(pipe.room, 1, 128);
        for (uint64_t i = 9990; i < 10000; i++)
                assert_true(has(&pipe, i));
        sq_pipe_close(&pipe);
}

static void
reads_a_record_when_all_of_it_has_come(void **state)
{
        struct sq_reader reader = {0};
        struct sq_str record;
        int ends[2];

        (void)state;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        sq_reader_open_pipe(&reader, ends[0]);
        assert_int_equal(sq_reader_next(&reader, true, &record), -EAGAIN);
        assert_int_equal(write(ends[1], "on", 2), 2);
        assert_int_equal(sq_reader_next(&reader, true, &record), -EAGAIN);
        assert_int_equal(write(ends[1], "e\ntwo", 5), 5);
        assert_int_equal(sq_reader_next(&reader, true, &record), 1);
        assert_true(sq_str_is(record, "one"));
        assert_int_equal(sq_reader_next(&reader, true, &record), -EAGAIN);
        close(ends[1]);
        assert_int_equal(sq_reader_next(&reader, true, &record), 1);
        assert_true(sq_str_is(record, "two"));
        assert_int_equal(sq_reader_next(&reader, true, &record), 0);
        sq_reader_close(&reader);
        close(ends[0]);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_each_record_until_it_is_done_in_whatever_order),
                cmocka_unit_test(needs_no_more_room_than_for_what_is_kept_at_a_time),
                cmocka_unit_test(reads_a_record_when_all_of_it_has_come),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
