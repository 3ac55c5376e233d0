/* SPDX-License-Identifier: Apache-2.0 */
/* Records in a stream of bytes, however it is cut into pieces. */
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

/* How whole lines are taken: one by one, or some at once. */
enum taken { EACH, SOME };

/* Up to three records at once, as sq_frames_next(): *ret_n. */
static int
take(struct sq_frames *frames, int64_t framing, enum taken taken, bool last, struct sq_str records[3], size_t *ret_n)
{
        *ret_n = taken == SOME ? sq_frames_lines(frames, framing, 3, records) : 0;
        if (*ret_n > 0)
                return 1;
        *ret_n = 1;
        return sq_frames_next(frames, framing, last, records);
}

/* Feeds the stream `step` bytes at a time; the records, each behind a `|`, an error as its name. */
static void
read_all(char *ret, size_t size, int64_t framing, enum taken taken, struct sq_str stream, size_t step)
{
        struct sq_frames frames = {.limit = 8};
        struct sq_str records[3];
        size_t some;
        size_t at = 0;
        int rc;

        *ret = '\0';
        for (bool ended = false; !ended; ended = at >= stream.len + 1) {
                size_t room, n = at < stream.len && stream.len - at < step ? stream.len - at : step;
                bool last = at >= stream.len;

                if (!last) {
                        memcpy(sq_frames_room(&frames, &room), stream.ptr + at, n);
                        assert_true(room >= n);
                        frames.fill += n;
                }
                at += last ? 1 : n;
                while ((rc = take(&frames, framing, taken, last, records, &some)) != 0) {
                        for (size_t i = 0; rc > 0 && i < some; i++)
                                snprintf(ret + strlen(ret), size - strlen(ret), "|%.*s", (int)records[i].len,
                                         records[i].ptr);
                        if (rc < 0)
                                snprintf(ret + strlen(ret), size - strlen(ret), "!%s",
                                         rc == -EMSGSIZE ? "long" : "cut");
                        if (rc < 0 && !frames.skipping)
                                frames.at = frames.fill;
                }
        }
        sq_frames_free(&frames);
}

static void
reads(int64_t framing, const char *stream, size_t len, const char *expected)
{
        char got[256];

        for (size_t step = 1; step <= len; step++) {
                for (enum taken taken = EACH; taken <= SOME; taken++) {
                        read_all(got, sizeof(got), framing, taken, (struct sq_str){stream, len}, step);
                        assert_string_equal(got, expected);
                }
        }
}

#define READS(framing, stream, expected) reads(framing, stream, sizeof(stream) - 1, expected)

static void
takes_lines_with_either_end_and_the_last_one_without(void **state)
{
        (void)state;
        READS(SQ_FRAMING_LINES, "a\nbc\r\n\nlast", "|a|bc||last");
        READS(SQ_FRAMING_LINES, "a\n", "|a");
        READS(SQ_FRAMING_LINES, "12345678\n", "|12345678");
}

static void
leaves_out_a_line_that_is_too_long_and_reads_the_next(void **state)
{
        (void)state;
        READS(SQ_FRAMING_LINES, "a\n1234567890123\nb\n", "|a!long|b");
        READS(SQ_FRAMING_LINES, "123456789\n123456789\nb", "!long!long|b");
}

static void
takes_messages_behind_their_length(void **state)
{
        (void)state;
        READS(SQ_FRAMING_LENGTH, "\0\0\0\2ab\0\0\0\0\0\0\0\1\n", "|ab||\n");
        READS(SQ_FRAMING_LENGTH, "\0\0\0\2ab\0\0\0\3c", "|ab!cut");
        READS(SQ_FRAMING_LENGTH, "\0\0\0\2ab\0\0", "|ab!cut");
}

static void
takes_syslog_by_length_and_by_line(void **state)
{
        (void)state;
        READS(SQ_FRAMING_SYSLOG, "3 a\nb<1>c\n2 de<2>", "|a\nb|<1>c|de|<2>");
        READS(SQ_FRAMING_SYSLOG, "3x\n5 ab", "|3x!cut");
        /* Behind a line that was too long, too. */
        READS(SQ_FRAMING_SYSLOG, "<1>345678901\n3 a\nb<2>c\n", "!long|a\nb|<2>c");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_lines_with_either_end_and_the_last_one_without),
                cmocka_unit_test(leaves_out_a_line_that_is_too_long_and_reads_the_next),
                cmocka_unit_test(takes_messages_behind_their_length),
                cmocka_unit_test(takes_syslog_by_length_and_by_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
