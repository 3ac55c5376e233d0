/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a spout: what was written is there again, and what is not there is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/journaled.h"

/* Nobody pulls the plug here. */
int
fdatasync(int fd)
{
        (void)fd;
        return 0;
}

/* ---- Writing and reading ----------------------------------------------------------------------------- */

static void
hands_out_what_is_written_and_nothing_before_it_is(void **state)
{
        struct place *place = *state;

        opens(place);
        reads_no_more(place);
        add_record(place, 1);
        add_record(place, 2);
        reads_no_more(place);
        assert_int_equal(sqi_kit_journal_write(place->journal), 0);
        reads(place, 1, 3);
        reads_no_more(place);
        write_records(place, 3, 5);
        reads(place, 3, 4);
        write_records(place, 5, 6);
        reads(place, 4, 6);
        reads_no_more(place);
}

static void
hands_it_out_again_from_wherever_it_is_asked_to(void **state)
{
        struct place *place = *state;

        opens(place);
        for (uint64_t n = 1; n < 500; n += 3)
                write_records(place, n, n + 3);
        assert_true(place->journal->n > 3);
        for (uint64_t from = 1; from <= 502; from += 61) {
                assert_int_equal(sqi_kit_journal_seek(place->journal, from, NULL), 0);
                reads(place, from, from + 1 < 502 ? from + 1 : 502);
                write_records(place, sqi_kit_journal_end(place->journal), sqi_kit_journal_end(place->journal) + 1);
                reads(place, from < 502 ? from + 1 : 502, sqi_kit_journal_end(place->journal));
                reads_no_more(place);
                sqi_kit_journal_release(place->journal, 1, 1);
        }
}

static void
another_process_goes_on_behind_what_is_done(void **state)
{
        struct place *place = *state;

        opens(place);
        write_records(place, 1, 100);
        reads(place, 1, 60);
        sqi_kit_journal_release(place->journal, 40, 20);
        opens(place);
        reads(place, 40, 100);
        write_records(place, 100, 120);
        reads(place, 100, 120);
        assert_int_equal(sqi_kit_journal_seek(place->journal, 20, NULL), 0);
        reads(place, 20, 120);
        opens(place);
        opens(place);
        reads(place, 40, 120);
        reads_no_more(place);
}

static void
cuts_whole_segments_that_nobody_needs_while_they_are_read(void **state)
{
        struct place *place = *state;
        uint64_t first;

        opens(place);
        write_records(place, 1, 400);
        write_records(place, 400, 800);
        opens(place);
        reads(place, 1, 600);
        assert_int_equal(access(segment(place, 1), F_OK), 0);
        sqi_kit_journal_release(place->journal, 600, 600);
        assert_int_equal(access(segment(place, 1), F_OK), -1);
        reads(place, 600, 800);
        reads_no_more(place);
        assert_int_equal(sqi_kit_journal_seek(place->journal, 7, &first), -ENOENT);
        assert_int_equal(first, 400);
        assert_non_null(strstr(sqi_kit_journal_error(place->journal), "message 7 is not there any more"));
        assert_int_equal(sqi_kit_journal_seek(place->journal, first, NULL), 0);
        reads(place, 400, 800);
}

static void
new_ones_begin_where_it_is_told_to_go_on_past_its_end(void **state)
{
        struct place *place = *state;
        struct sq_str record;
        uint64_t number;

        opens(place);
        write_records(place, 1, 10);
        opens(place);
        assert_int_equal(sqi_kit_journal_seek(place->journal, 50, NULL), 0);
        write_records(place, 50, 60);
        reads(place, 50, 60);
        opens(place);
        reads(place, 1, 10);
        assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), -EBADMSG);
        assert_non_null(strstr(sqi_kit_journal_error(place->journal), "message 10 is damaged or missing"));
}

/* ---- Bounds ------------------------------------------------------------------------------------------ */

static void
has_no_room_when_what_is_needed_is_large_and_has_it_again_then(void **state)
{
        struct place *place = *state;
        uint64_t n = 1;

        opens(place);
        for (; sqi_kit_journal_has_room(place->journal); n++)
                write_records(place, n, n + 1);
        assert_in_range(sqi_kit_journal_bytes(place->journal), SMALL, SMALL + 4096);
        sqi_kit_journal_release(place->journal, n / 2, n / 2);
        assert_true(sqi_kit_journal_has_room(place->journal));
        assert_in_range(sqi_kit_journal_bytes(place->journal), SMALL / 4, SMALL);
        reads(place, 1, n);
        sqi_kit_journal_release(place->journal, n, n);
        assert_in_range(sqi_kit_journal_bytes(place->journal), 0, SMALL / 8 + 4096);
}

static void
takes_a_message_larger_than_it_may_be_when_there_is_nothing_else(void **state)
{
        struct place *place = *state;
        struct sq_str large = {calloc(1, 2 * SMALL), 2 * SMALL}, record;
        uint64_t number;

        opens(place);
        for (uint64_t n = 1; n < 4; n++) {
                assert_true(sqi_kit_journal_has_room(place->journal));
                assert_int_equal(sqi_kit_journal_add(place->journal, large, &number), 0);
                assert_false(sqi_kit_journal_has_room(place->journal));
                assert_int_equal(sqi_kit_journal_write(place->journal), 0);
                assert_false(sqi_kit_journal_has_room(place->journal));
                assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), 1);
                assert_int_equal(record.len, large.len);
                sqi_kit_journal_release(place->journal, number + 1, number + 1);
        }
        assert_in_range(sqi_kit_journal_bytes(place->journal), SMALL, 4 * SMALL);
        free((void *)(uintptr_t)large.ptr);
}

static void
has_no_room_while_what_is_needed_is_too_old(void **state)
{
        struct place *place = *state;

        place->config.max_age = 80;
        opens(place);
        write_records(place, 1, 2);
        sqi_kit_journal_clock(place->journal, 1, 60000000000);
        write_records(place, 2, 3);
        assert_true(sqi_kit_journal_has_room(place->journal));
        sqi_kit_journal_clock(place->journal, 1, 90000000000);
        assert_false(sqi_kit_journal_has_room(place->journal));
        sqi_kit_journal_release(place->journal, 2, 2);
        assert_true(sqi_kit_journal_has_room(place->journal));
        sqi_kit_journal_clock(place->journal, 1, 150000000000);
        assert_false(sqi_kit_journal_has_room(place->journal));
        sqi_kit_journal_release(place->journal, 3, 3);
        assert_true(sqi_kit_journal_has_room(place->journal));
}

/* ---- Damage ------------------------------------------------------------------------------------------ */

static void
cuts_off_a_record_wherever_it_is_torn(void **state)
{
        struct place *place = *state;
        size_t n, whole;
        char *bytes;

        opens(place);
        write_records(place, 1, 3);
        whole = (size_t)sqi_kit_journal_bytes(place->journal);
        write_records(place, 3, 4);
        sqi_kit_journal_close(&place->journal);
        bytes = take_file(segment(place, 1), &n);
        assert_in_range(n - whole, 20, 4000);
        for (size_t cut = whole; cut < n; cut++) {
                put_file(segment(place, 1), bytes, cut);
                opens(place);
                assert_int_equal(sqi_kit_journal_end(place->journal), 3);
                assert_int_equal(sqi_kit_journal_bytes(place->journal), whole);
                reads(place, 1, 3);
                write_records(place, 3, 4);
                reads(place, 3, 4);
                sqi_kit_journal_close(&place->journal);
                unlink(segment(place, 3));
        }
        memset(bytes + whole, 0, n - whole);
        put_file(segment(place, 1), bytes, n);
        opens(place);
        assert_int_equal(sqi_kit_journal_end(place->journal), 3);
        free(bytes);
}

static void
names_each_byte_that_is_damaged_before_others_that_are_not(void **state)
{
        struct place *place = *state;
        char *bytes, where[32];
        size_t n, begin, end;

        opens(place);
        write_records(place, 1, 2);
        begin = (size_t)sqi_kit_journal_bytes(place->journal);
        write_records(place, 2, 3);
        end = (size_t)sqi_kit_journal_bytes(place->journal);
        write_records(place, 3, 4);
        sqi_kit_journal_close(&place->journal);
        bytes = take_file(segment(place, 1), &n);
        snprintf(where, sizeof(where), "at byte %zu,", begin);
        for (size_t at = 0; at < end; at++) {
                if (at == sizeof(struct sqi_segment_head))
                        at = begin;
                bytes[at] ^= 0x10;
                put_file(segment(place, 1), bytes, n);
                bytes[at] ^= 0x10;
                assert_int_equal(open_it(place), at == 3 ? -EPROTO : -EBADMSG);
                assert_non_null(strstr(place->error, segment(place, 1)));
                assert_true(at < begin || strstr(place->error, where));
        }
        put_file(segment(place, 1), bytes, n);
        opens(place);
        reads(place, 1, 4);
        free(bytes);
}

static void
names_what_is_damaged_or_missing_in_an_earlier_segment(void **state)
{
        struct place *place = *state;
        struct sq_str record;
        uint64_t number;
        char *bytes;
        size_t n;

        opens(place);
        write_records(place, 1, 3);
        opens(place);
        write_records(place, 3, 5);
        opens(place);
        write_records(place, 5, 6);
        sqi_kit_journal_close(&place->journal);
        bytes = take_file(segment(place, 3), &n);
        bytes[n - 1] ^= 1;
        put_file(segment(place, 3), bytes, n);
        opens(place);
        reads(place, 1, 4);
        assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), -EBADMSG);
        assert_non_null(strstr(sqi_kit_journal_error(place->journal), segment(place, 3)));
        unlink(segment(place, 3));
        opens(place);
        reads(place, 1, 3);
        assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), -EBADMSG);
        assert_non_null(strstr(sqi_kit_journal_error(place->journal), "message 3 is damaged or missing"));
        free(bytes);
}

static void
takes_nothing_that_is_not_its_own(void **state)
{
        struct place *place = *state;
        struct sqi_kit_journal *other = NULL;
        char *bytes;
        size_t n;

        opens(place);
        write_records(place, 1, 3);
        assert_int_equal(
                sqi_kit_journal_open(&place->config, "orders", "in", 0, &other, place->error, sizeof(place->error)),
                -EWOULDBLOCK);
        assert_non_null(strstr(place->error, "another process"));
        sqi_kit_journal_close(&place->journal);
        assert_int_equal(
                sqi_kit_journal_open(&place->config, "others", "in", 0, &other, place->error, sizeof(place->error)),
                -EXDEV);
        assert_non_null(strstr(place->error, "another topology"));
        assert_null(other);
        bytes = take_file(segment(place, 1), &n);
        put_file(segment(place, 2), bytes, n);
        assert_int_equal(open_it(place), -EBADMSG);
        unlink(segment(place, 2));
        put_file(segment(place, 2), "", 0);
        assert_int_equal(open_it(place), -EBADMSG);
        unlink(segment(place, 2));
        opens(place);
        free(bytes);
}

/* It outlives a release: three messages, as version 1 has written them. */
static void
reads_what_version_1_has_written(void **state)
{
        static const char file[] = "53514a010000000029000000000000000060810014857b18b9f1a7ba94df8d939c4b89ce4afdcac7"
                                   "07000000a7d8a3a3edea91587ac4bc09612073746f726d"
                                   "00000000217df447d2843df41f4129b0"
                                   "070000008b7adbbb4ffecb5fbf68db6c7b226e223a377d";
        static const char *const texts[] = {"a storm", "", "{\"n\":7}"};
        struct place *place = *state;
        char bytes[sizeof(file) / 2], byte[3] = "";
        struct sq_str record;
        uint64_t number;

        for (size_t i = 0; i < sizeof(bytes); i++) {
                memcpy(byte, file + 2 * i, 2);
                bytes[i] = (char)strtol(byte, NULL, 16);
        }
        assert_int_equal(mkdir(place->files, 0700), 0);
        put_file(segment(place, 41), bytes, sizeof(bytes));
        opens(place);
        for (uint64_t n = 0; n < 3; n++) {
                assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), 1);
                assert_int_equal(number, 41 + n);
                assert_true(sq_str_is(record, texts[n]));
        }
        reads_no_more(place);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_journal, tear_down_journal)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(hands_out_what_is_written_and_nothing_before_it_is),
                TEST(hands_it_out_again_from_wherever_it_is_asked_to),
                TEST(another_process_goes_on_behind_what_is_done),
                TEST(cuts_whole_segments_that_nobody_needs_while_they_are_read),
                TEST(new_ones_begin_where_it_is_told_to_go_on_past_its_end),
                TEST(has_no_room_when_what_is_needed_is_large_and_has_it_again_then),
                TEST(takes_a_message_larger_than_it_may_be_when_there_is_nothing_else),
                TEST(has_no_room_while_what_is_needed_is_too_old),
                TEST(cuts_off_a_record_wherever_it_is_torn),
                TEST(names_each_byte_that_is_damaged_before_others_that_are_not),
                TEST(names_what_is_damaged_or_missing_in_an_earlier_segment),
                TEST(takes_nothing_that_is_not_its_own),
                TEST(reads_what_version_1_has_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
