/* SPDX-License-Identifier: Apache-2.0 */
/* Which file it is, after its name has changed hands. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/folder.h"

static char folder[64], path[80];

static int
set_up(void **state)
{
        (void)state;
        make_folder(folder, sizeof(folder), "identity");
        snprintf(path, sizeof(path), "%s/log", folder);
        return 0;
}

static const char *const suffixes[] = {"",      ".1",    ".2",        ".3",        ".old",     ".copy",
                                       ".1.gz", ".2.gz", ".20261126", ".20261127", ".20261128"};

static const char *
named(const char *suffix, char name[96])
{
        snprintf(name, 96, "%s%s", path, suffix);
        return name;
}

static int
tear_down(void **state)
{
        char name[96];

        (void)state;
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
                unlink(named(suffixes[i], name));
        return rmdir(folder);
}

/* Changed at `second` of the day that files have here. */
static void
put(const char *suffix, const char *text, int second)
{
        struct timespec times[2] = {{.tv_sec = 1000000000 + second}, {.tv_sec = 1000000000 + second}};
        char name[96];
        int fd = open(named(suffix, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        assert_int_equal(futimens(fd, times), 0);
        close(fd);
}

static void
take(struct sq_identity *identity, const char *suffix, uint64_t read)
{
        char name[96];
        int fd = open(named(suffix, name), O_RDONLY | O_CLOEXEC);

        assert_int_equal(sq_identity_take(identity, fd, read), 0);
        close(fd);
}

static void
turn(const char *from, const char *to)
{
        char a[96], b[96];

        assert_int_equal(rename(named(from, a), named(to, b)), 0);
}

/* Closes `fd`, whose text is to begin so. */
static void
begins(int fd, const char *text)
{
        char bytes[64] = "";

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, bytes, strlen(text), 0), strlen(text));
        assert_string_equal(bytes, text);
        close(fd);
}

static void
finds_a_file_by_its_new_name(void **state)
{
        struct sq_identity identity;

        (void)state;
        put("", "old\nmore\n", 1);
        take(&identity, "", 4);
        turn("", ".1");
        put("", "new\nmore\n", 2);
        begins(sq_identity_find(&identity, path), "old");
}

static void
finds_the_copy_of_a_file_that_was_truncated(void **state)
{
        struct sq_identity identity;

        (void)state;
        put("", "old\nmore\n", 1);
        take(&identity, "", 9);
        put(".1", "old\nmore\nlast\n", 2);
        put("", "new and longer\n", 3);
        begins(sq_identity_find(&identity, path), "old");
}

static void
does_not_take_a_file_for_the_one_whose_inode_it_has(void **state)
{
        struct sq_identity identity;

        (void)state;
        put("", "old\nmore\n", 1);
        take(&identity, "", 9);
        put("", "new and longer\n", 2);
        assert_int_equal(sq_identity_find(&identity, path), -ENOENT);
        put("", "old\n", 3);
        assert_int_equal(sq_identity_find(&identity, path), -ENOENT);
}

/* Rotated twice while it was read: log.3 is from before it, log.1 came after it, as the clock says or in one tick. */
static void
goes_on_in_what_came_after(int before, int second, int third)
{
        struct sq_identity known[2];

        put("", "first\n", 1);
        take(&known[0], "", 6);
        turn("", ".2");
        put(".3", "before\n", before);
        put(".1", "second\n", second);
        put("", "third\n", third);
        begins(sq_identity_after(known, 1, path), "second");
        take(&known[1], ".1", 7);
        begins(sq_identity_after(known, 2, path), "third");
}

static void
goes_from_a_rotated_file_to_the_next_and_not_past_one(void **state)
{
        (void)state;
        goes_on_in_what_came_after(0, 2, 3);
}

static void
goes_from_a_rotated_file_to_the_next_that_was_written_in_the_same_tick_of_the_clock(void **state)
{
        (void)state;
        goes_on_in_what_came_after(1, 1, 1);
}

/* Rotated twice while nobody looked, under names that rise with time. */
static void
goes_on_in_what_came_after_under_rising_names(const char *first, const char *second, const char *third)
{
        struct sq_identity known[2];

        put("", "first\n", 1);
        take(&known[0], "", 6);
        turn("", first);
        put(second, "second\n", 2);
        put(third, "third\n", 3);
        begins(sq_identity_after(known, 1, path), "second");
        take(&known[1], second, 7);
        begins(sq_identity_after(known, 2, path), "third");
}

static void
goes_from_a_file_to_the_next_under_names_with_their_day(void **state)
{
        (void)state;
        goes_on_in_what_came_after_under_rising_names(".20261126", ".20261127", ".20261128");
}

static void
goes_from_a_file_to_the_next_where_the_numbers_count_up(void **state)
{
        (void)state;
        goes_on_in_what_came_after_under_rising_names(".1", ".2", ".3");
}

static void
does_not_take_a_file_that_begins_as_the_last_one_for_a_copy_of_it(void **state)
{
        struct sq_identity known;

        (void)state;
        put("", "begun\n", 1);
        take(&known, "", 6);
        turn("", ".2");
        put(".1", "begun\nmore\n", 2);
        put("", "third\n", 3);
        begins(sq_identity_after(&known, 1, path), "begun\nmore");
}

static void
knows_a_copy_that_was_made_with_its_time(void **state)
{
        struct sq_identity known;

        (void)state;
        put("", "first\n", 1);
        take(&known, "", 6);
        turn("", ".old");
        put(".copy", "first\n", 1);
        put("", "second\n", 3);
        begins(sq_identity_after(&known, 1, path), "second");
}

static void
the_number_of_the_last_file_is_not_that_of_another_one_that_has_its_inode(void **state)
{
        struct sq_identity known;

        (void)state;
        put(".1", "second\n", 1);
        take(&known, ".1", 7);
        known.head_hash++; /* of a file that is gone */
        put("", "third\n", 2);
        begins(sq_identity_after(&known, 1, path), "second");
}

/* What was there before the first file is not read, and what came then is, though it is not at the path any more. */
static void
finds_what_was_made_and_rotated_away_since_there_was_no_file(void **state)
{
        struct sq_identity known[4];

        (void)state;
        put(".2", "older\n", 1);
        put(".1", "old\n", 2);
        assert_int_equal(sq_identity_before(path, known, 4), 2);
        assert_int_equal(sq_identity_after(known, 2, path), -ENOENT);
        put(".1", "old\nlate\n", 3); /* its writer had not seen the rotation */
        turn(".1", ".3");
        put(".1", "new\n", 4);
        begins(sq_identity_after(known, 2, path), "new");
}

static void
knows_of_the_youngest_that_were_there_before(void **state)
{
        struct sq_identity known[4];

        (void)state;
        put(".1", "5\n", 5);
        put(".3", "3\n", 3);
        put(".2", "4\n", 4);
        assert_int_equal(sq_identity_before(path, known, 2), 2);
        assert_int_equal(known[0].changed_ns, INT64_C(1000000004) * 1000000000);
        assert_int_equal(known[1].changed_ns, INT64_C(1000000005) * 1000000000);
}

static void
where_there_was_nothing_before_all_is_younger(void **state)
{
        struct sq_identity known[4];

        (void)state;
        assert_int_equal(sq_identity_before(path, known, 4), 1);
        put(".1", "new\n", 1);
        begins(sq_identity_after(known, 1, path), "new");
}

static void
names_a_compressed_file_that_is_younger(void **state)
{
        struct sq_identity known[4];
        char name[64] = "";

        (void)state;
        put(".2.gz", "\x1f\x8b\x08", 1);
        assert_int_equal(sq_identity_before(path, known, 4), 1);
        assert_false(sq_identity_packed_after(&known[0], path, name, sizeof(name)));
        put(".1.gz", "\x1f\x8b\x08", 2);
        assert_true(sq_identity_packed_after(&known[0], path, name, sizeof(name)));
        assert_non_null(strstr(name, ".1.gz"));
}

static void
a_file_that_is_not_there_has_no_descriptor(void **state)
{
        struct sq_reader reader = {.fd = -1};
        struct sq_tail tail;

        (void)state;
        sq_tail_open(&tail, path, &reader);
        sq_tail_begin(&tail, -ENOENT, 0);
        assert_int_equal(sq_tail_fd(&tail, 0), -1);
        assert_int_equal(reader.fd, -1);
        sq_tail_close(&tail);
        sq_reader_close(&reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(finds_a_file_by_its_new_name),
                TEST(finds_the_copy_of_a_file_that_was_truncated),
                TEST(does_not_take_a_file_for_the_one_whose_inode_it_has),
                TEST(goes_from_a_rotated_file_to_the_next_and_not_past_one),
                TEST(goes_from_a_rotated_file_to_the_next_that_was_written_in_the_same_tick_of_the_clock),
                TEST(goes_from_a_file_to_the_next_under_names_with_their_day),
                TEST(goes_from_a_file_to_the_next_where_the_numbers_count_up),
                TEST(does_not_take_a_file_that_begins_as_the_last_one_for_a_copy_of_it),
                TEST(knows_a_copy_that_was_made_with_its_time),
                TEST(the_number_of_the_last_file_is_not_that_of_another_one_that_has_its_inode),
                TEST(finds_what_was_made_and_rotated_away_since_there_was_no_file),
                TEST(knows_of_the_youngest_that_were_there_before),
                TEST(where_there_was_nothing_before_all_is_younger),
                TEST(names_a_compressed_file_that_is_younger),
                TEST(a_file_that_is_not_there_has_no_descriptor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
