/* SPDX-License-Identifier: Apache-2.0 */
/* Appending whole lines, whatever stood there before. */
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
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "squall.h"

static const struct sq_str no_header;

struct place {
        char folder[64], path[80];
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        make_folder(place->folder, sizeof(place->folder), "append");
        snprintf(place->path, sizeof(place->path), "%s/out", place->folder);
        *state = place;
        return 0;
}

static int
tear_down(void **state)
{
        struct place *place = *state;

        remove_folder(place->folder);
        free(place);
        return 0;
}

static struct sq_append *
open_it(const struct place *place, bool restarted)
{
        struct sq_append *append = sq_append_new(open(place->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
                                                 restarted);

        assert_non_null(append);
        return append;
}

static void
add(struct sq_append *append, const char *lines)
{
        size_t done;

        assert_int_equal(sq_append(append, no_header, lines, strlen(lines), &done), 0);
        assert_int_equal(done, strlen(lines));
}

/* Past the appender. */
static void
scribble(const struct place *place, const char *bytes, size_t n)
{
        int fd = open(place->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
}

static void
holds(const struct place *place, const char *text)
{
        char bytes[16384];
        int fd = open(place->path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

        close(fd);
        assert_true(n >= 0);
        bytes[n] = '\0';
        assert_string_equal(bytes, text);
}

/* As if a writer had been killed that was to append `whole` behind what is there, and got no further than `torn`. */
static bool
die_within(const struct place *place, const char *whole, const char *torn)
{
        struct stat about;
        char mark[64];

        scribble(place, "", 0);
        assert_int_equal(stat(place->path, &about), 0);
        snprintf(mark, sizeof(mark), "%lld %lld", (long long)about.st_size,
                 (long long)about.st_size + (long long)strlen(whole));
        if (setxattr(place->path, "user.squall.chunk", mark, strlen(mark), 0) < 0)
                return false;
        scribble(place, torn, strlen(torn));
        return true;
}

static void
cuts_off_the_line_that_a_killed_writer_tore(void **state)
{
        struct sq_append *living = open_it(*state, false), *restarted;

        add(living, "one\n");
        if (!die_within(*state, "two\nthree\n", "two\nthr"))
                skip();
        add(living, "four\n");
        holds(*state, "one\ntwo\nfour\n");
        assert_true(die_within(*state, "five\n", "fi"));
        restarted = open_it(*state, true);
        add(restarted, "six\n");
        add(living, "seven\n");
        holds(*state, "one\ntwo\nfour\nsix\nseven\n");
        sq_append_free(&living);
        sq_append_free(&restarted);
}

static void
ends_an_unfinished_line_of_somebody_else_and_cuts_nothing(void **state)
{
        struct sq_append *append;

        scribble(*state, "theirs", 6);
        append = open_it(*state, false);
        add(append, "ours\n");
        scribble(*state, "more of theirs", 14);
        add(append, "ours again\n");
        holds(*state, "theirs\nours\nmore of theirs\nours again\n");
        sq_append_free(&append);
}

static void
does_not_take_a_line_for_torn_that_came_behind_a_whole_chunk(void **state)
{
        struct sq_append *append = open_it(*state, false), *other;

        add(append, "ours\n");
        scribble(*state, "theirs", 6);
        other = open_it(*state, true);
        add(other, "ours too\n");
        holds(*state, "ours\ntheirs\nours too\n");
        sq_append_free(&append);
        sq_append_free(&other);
}

static struct sq_append *
open_values(const struct place *place, bool restarted)
{
        struct sq_append *append = open_it(place, restarted);

        sq_append_values(append);
        return append;
}

static void
cuts_off_the_value_that_a_killed_writer_tore(void **state)
{
        struct sq_append *living = open_values(*state, false), *restarted;

        add(living, "\xa4"
                    "o\ne\n");
        if (!die_within(*state, "\xa3two\x92\xa5three\xa1x", "\xa3two\x92\xa5three"))
                skip();
        add(living, "\xa4"
                    "four");
        holds(*state, "\xa4"
                      "o\ne\n\xa3two\xa4"
                      "four");
        assert_true(die_within(*state,
                               "\xa4"
                               "five",
                               "\xa4"
                               "fi"));
        restarted = open_values(*state, true);
        add(restarted, "\xa3six");
        add(living, "\xa5"
                    "seven");
        holds(*state, "\xa4"
                      "o\ne\n\xa3two\xa4"
                      "four\xa3six\xa5"
                      "seven");
        sq_append_free(&living);
        sq_append_free(&restarted);
}

static void
puts_no_value_behind_a_part_of_one_of_somebody_else(void **state)
{
        struct sq_append *append = open_values(*state, false);
        size_t done;

        add(append, "\xa3one");
        scribble(*state, "\xa3two\xa5th", 7);
        assert_int_equal(sq_append(append, no_header,
                                   "\xa4"
                                   "four",
                                   5, &done),
                         -EMEDIUMTYPE);
        assert_int_equal(done, 0);
        holds(*state, "\xa3one\xa3two\xa5th");
        scribble(*state, "ree", 3);
        add(append, "\xa4"
                    "four");
        holds(*state, "\xa3one\xa3two\xa5three\xa4"
                      "four");
        sq_append_free(&append);
}

static void
puts_values_behind_those_of_somebody_else_however_long(void **state)
{
        enum { LONG = 5000 };
        struct sq_append *append;
        char value[3 + LONG] = "\xda\x13\x88", expected[4 + sizeof(value)] = "\xda\x13\x88";

        memset(value + 3, '\n', LONG);
        memcpy(expected, value, sizeof(value));
        memcpy(expected + sizeof(value), "\xa2us", 4);
        scribble(*state, value, sizeof(value));
        append = open_values(*state, false);
        add(append, "\xa2us");
        holds(*state, expected);
        sq_append_free(&append);
}

static void
writes_all_lines_or_none_where_there_is_no_room(void **state)
{
        struct sq_append *append = open_it(*state, false);
        struct rlimit old, small;
        char lines[8192];
        size_t done = 1;

        memset(lines, 'x', sizeof(lines));
        lines[sizeof(lines) - 1] = '\n';
        add(append, "one\n");
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        small = (struct rlimit){4096, old.rlim_max};
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(sq_append(append, no_header, lines, sizeof(lines), &done), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(done, 0);
        add(append, "two\n");
        holds(*state, "one\ntwo\n");
        sq_append_free(&append);
}

static void
writes_the_header_into_an_empty_file_alone(void **state)
{
        struct sq_append *append = open_it(*state, false);
        struct sq_str header = {"a,b\n", 4};
        size_t done;

        assert_int_equal(sq_append(append, header, "1,2\n", 4, &done), 0);
        assert_int_equal(sq_append(append, header, "3,4\n", 4, &done), 0);
        holds(*state, "a,b\n1,2\n3,4\n");
        sq_append_free(&append);
}

static void
goes_on_where_the_offset_of_an_inherited_file_stands(void **state)
{
        const struct place *place = *state;
        int fd = open(place->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        struct sq_append *append = sq_append_new(fd, false);

        add(append, "one\n");
        assert_int_equal(write(fd, "two\n", 4), 4);
        add(append, "three\n");
        holds(place, "one\ntwo\nthree\n");
        sq_append_free(&append);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(cuts_off_the_line_that_a_killed_writer_tore),
                TEST(ends_an_unfinished_line_of_somebody_else_and_cuts_nothing),
                TEST(does_not_take_a_line_for_torn_that_came_behind_a_whole_chunk),
                TEST(cuts_off_the_value_that_a_killed_writer_tore),
                TEST(puts_no_value_behind_a_part_of_one_of_somebody_else),
                TEST(puts_values_behind_those_of_somebody_else_however_long),
                TEST(writes_all_lines_or_none_where_there_is_no_room),
                TEST(writes_the_header_into_an_empty_file_alone),
                TEST(goes_on_where_the_offset_of_an_inherited_file_stands),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
