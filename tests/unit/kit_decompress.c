/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed files, read by offsets of their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <squall-kit.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SHORT_TEXT = 8, LONG_TEXT = 70001, TEXT = SHORT_TEXT + LONG_TEXT };

/* "one\ntwo\n", and 70,000 times `a` and a line end, as gzip and zstd write them. */
static const unsigned char gzip_short[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                           0xcb, 0xcf, 0x4b, 0xe5, 0x2a, 0x29, 0xcf, 0xe7, 0x02, 0x00,
                                           0xe6, 0x0b, 0xba, 0x12, 0x08, 0x00, 0x00, 0x00};
static const unsigned char gzip_long[] = {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x21, 0x01, 0x00, 0x00, 0x00, 0x02,
        0xa0, 0xee, 0x4b, 0xff, 0x9f, 0xf0, 0x84, 0x11, 0x68, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x80, 0xb7, 0x0c, 0x68, 0xeb, 0xa8, 0x35, 0x71, 0x11, 0x01, 0x00};
static const unsigned char zstd_short[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x41, 0x00, 0x00, 0x6f, 0x6e,
                                           0x65, 0x0a, 0x74, 0x77, 0x6f, 0x0a, 0xe6, 0xa6, 0x0e, 0x40};
static const unsigned char zstd_long[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x5d, 0x00, 0x00, 0x18, 0x61, 0x61,
                                          0x0a, 0x01, 0x00, 0x6b, 0x11, 0x39, 0xc0, 0x02, 0x76, 0xf6, 0xb0, 0x6c};

static const struct {
        const unsigned char *head, *tail;
        size_t heads, tails;
} packed[] = {{gzip_short, gzip_long, sizeof(gzip_short), sizeof(gzip_long)},
              {zstd_short, zstd_long, sizeof(zstd_short), sizeof(zstd_long)}};
#define EACH_FORMAT(i) for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)

static int
file_of(const void *a, size_t m, const void *b, size_t n)
{
        int fd = memfd_create("packed", MFD_CLOEXEC);

        assert_int_equal(write(fd, a, m), m);
        assert_int_equal(write(fd, b, n), n);
        return fd;
}

static int
whole(size_t i)
{
        return file_of(packed[i].head, packed[i].heads, packed[i].tail, packed[i].tails);
}

/* The text from `offset` on; the last return value, as a whole number of bytes in *ret_got. */
static ssize_t
read_from(struct sq_decompressor *from, uint64_t offset, char *bytes, size_t *ret_got)
{
        ssize_t n = 1;

        for (*ret_got = 0; n > 0 && *ret_got<TEXT; *ret_got += n> 0 ? (size_t)n : 0)
                n = sq_decompressor_read(from, bytes + *ret_got, TEXT - *ret_got, offset + *ret_got);
        return n;
}

static void
reads_members_and_frames_that_follow_one_another_as_one_text(void **state)
{
        static char bytes[TEXT];

        (void)state;
        EACH_FORMAT(i)
        {
                struct sq_decompressor *from = NULL;
                int fd = whole(i);
                size_t got;

                assert_true(sq_decompresses(fd));
                assert_int_equal(sq_decompressor_open(fd, &from), 0);
                read_from(from, 0, bytes, &got);
                assert_int_equal(got, TEXT);
                assert_memory_equal(bytes, "one\ntwo\naaa", 11);
                assert_int_equal(bytes[TEXT - 1], '\n');
                assert_int_equal(sq_decompressor_read(from, bytes, 1, TEXT), 0);
                sq_decompressor_close(&from);
                close(fd);
        }
}

static void
goes_to_any_offset_forth_and_back(void **state)
{
        char bytes[4];

        (void)state;
        EACH_FORMAT(i)
        {
                struct sq_decompressor *from = NULL;
                int fd = whole(i);

                assert_int_equal(sq_decompressor_open(fd, &from), 0);
                assert_int_equal(sq_decompressor_read(from, bytes, 1, TEXT - 1), 1);
                assert_int_equal(bytes[0], '\n');
                assert_int_equal(sq_decompressor_read(from, bytes, 4, 4), 4);
                assert_memory_equal(bytes, "two\n", 4);
                assert_int_equal(sq_decompressor_read(from, bytes, 1, TEXT + 5), 0);
                sq_decompressor_close(&from);
                close(fd);
        }
}

static void
reports_every_cut_within_a_member_and_never_takes_it_for_the_end(void **state)
{
        static char bytes[TEXT];

        (void)state;
        EACH_FORMAT(i)
        {
                for (size_t left = 1; left < packed[i].tails; left++) {
                        struct sq_decompressor *from = NULL;
                        int fd = file_of(packed[i].head, packed[i].heads, packed[i].tail, left);
                        size_t got;

                        assert_int_equal(sq_decompressor_open(fd, &from), 0);
                        assert_int_equal(read_from(from, 0, bytes, &got) < 0 ||
                                                 sq_decompressor_read(from, bytes, 1, got) == -EBADMSG,
                                         1);
                        assert_non_null(strstr(sq_decompressor_wrong(from), "ends too early"));
                        sq_decompressor_close(&from);
                        close(fd);
                }
        }
}

static void
refuses_what_follows_that_is_not_compressed_but_for_padding(void **state)
{
        static char bytes[TEXT];

        (void)state;
        EACH_FORMAT(i)
        {
                struct sq_decompressor *from = NULL;
                int fd = file_of(packed[i].head, packed[i].heads, "\0\0\0\0", 4);
                size_t got;

                assert_int_equal(sq_decompressor_open(fd, &from), 0);
                assert_int_equal(read_from(from, 0, bytes, &got), 0);
                assert_int_equal(got, SHORT_TEXT);
                sq_decompressor_close(&from);
                close(fd);
                fd = file_of(packed[i].head, packed[i].heads, "some text", 9);
                assert_int_equal(sq_decompressor_open(fd, &from), 0);
                assert_int_equal(read_from(from, 0, bytes, &got), -EBADMSG);
                assert_non_null(strstr(sq_decompressor_wrong(from), "is damaged"));
                sq_decompressor_close(&from);
                close(fd);
        }
}

static void
records_of_a_compressed_file_are_those_of_its_text(void **state)
{
        (void)state;
        EACH_FORMAT(i)
        {
                struct sq_reader reader = {0};
                struct sq_str record;
                int fd = whole(i);

                sq_reader_open(&reader, fd, 4, UINT64_MAX);
                assert_int_equal(sq_reader_next(&reader, true, &record), 1);
                assert_true(sq_str_is(record, "two"));
                assert_int_equal(reader.offset, SHORT_TEXT);
                assert_int_equal(sq_reader_next(&reader, true, &record), 1);
                assert_int_equal(record.len, LONG_TEXT - 1);
                assert_int_equal(sq_reader_next(&reader, true, &record), 0);
                sq_reader_close(&reader);
                close(fd);
        }
}

static void
knows_a_format_that_it_cannot_read(void **state)
{
        struct sq_decompressor *from = NULL;
        int fd = file_of("BZh9", 4, "", 0);

        (void)state;
        assert_string_equal(sq_compressed(fd), "bzip2");
        assert_false(sq_decompresses(fd));
        assert_int_equal(sq_decompressor_open(fd, &from), -EOPNOTSUPP);
        close(fd);
        fd = file_of("text\n", 5, "", 0);
        assert_null(sq_compressed(fd));
        close(fd);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_members_and_frames_that_follow_one_another_as_one_text),
                cmocka_unit_test(goes_to_any_offset_forth_and_back),
                cmocka_unit_test(reports_every_cut_within_a_member_and_never_takes_it_for_the_end),
                cmocka_unit_test(refuses_what_follows_that_is_not_compressed_but_for_padding),
                cmocka_unit_test(records_of_a_compressed_file_are_those_of_its_text),
                cmocka_unit_test(knows_a_format_that_it_cannot_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
