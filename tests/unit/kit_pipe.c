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

/* Records and where they begin, all of the file: `some` at once where they stand in the window. */
static void
read_file(int fd, size_t some, char *ret, size_t size)
{
        struct sq_reader reader = {0};
        struct sq_str records[3];
        uint64_t offsets[3];
        size_t n;

        *ret = '\0';
        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        do {
                n = some > 0 ? sq_reader_lines(&reader, some, records, offsets) : 0;
                if (n == 0) {
                        offsets[0] = reader.offset;
                        n = sq_reader_next(&reader, true, records) > 0;
                }
                for (size_t i = 0; i < n; i++)
                        snprintf(ret + strlen(ret), size - strlen(ret), "%llu:%.*s|", (unsigned long long)offsets[i],
                                 (int)records[i].len, records[i].ptr);
        } while (n > 0);
        sq_reader_close(&reader);
}

static void
lines_that_are_read_at_once_are_those_that_come_one_by_one(void **state)
{
        static const char text[] = "\xef\xbb\xbfone\ntwo\r\n\n\r\nthree\nfour\nfive\nno end";
        char each[256], some[256];
        FILE *file = tmpfile();

        (void)state;
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, sizeof(text) - 1, file), sizeof(text) - 1);
        fflush(file);
        read_file(fileno(file), 0, each, sizeof(each));
        assert_string_equal(each, "0:one|7:two|12:|13:|15:three|21:four|26:five|31:no end|");
        for (size_t n = 1; n <= 3; n++) {
                read_file(fileno(file), n, some, sizeof(some));
                assert_string_equal(some, each);
        }
        fclose(file);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_each_record_until_it_is_done_in_whatever_order),
                cmocka_unit_test(needs_no_more_room_than_for_what_is_kept_at_a_time),
                cmocka_unit_test(reads_a_record_when_all_of_it_has_come),
                cmocka_unit_test(lines_that_are_read_at_once_are_those_that_come_one_by_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
