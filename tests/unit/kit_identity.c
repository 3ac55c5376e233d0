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

static const char *const suffixes[] = {"", ".1", ".2", ".3"};

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
                TEST(a_file_that_is_not_there_has_no_descriptor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
