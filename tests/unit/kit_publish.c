/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are appended to a file once an epoch, by several writers that die within. */
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/folder.h"

static const struct sq_str no_header;

struct place {
        char folder[96], path[128], commits[144];
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        make_folder(place->folder, sizeof(place->folder), "publish");
        snprintf(place->path, sizeof(place->path), "%s/out", place->folder);
        snprintf(place->commits, sizeof(place->commits), "%s.commits", place->path);
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

static int
publish(const struct place *place, unsigned writer, uint64_t epoch, const char *lines)
{
        return sq_publish(place->path, writer, epoch, no_header, (struct sq_str){lines, strlen(lines)});
}

/* What stands behind `from`. */
static void
holds(const struct place *place, off_t from, const char *text)
{
        char bytes[16384];
        int fd = open(place->path, O_RDONLY | O_CLOEXEC);
        ssize_t n = pread(fd, bytes, sizeof(bytes) - 1, from);

        close(fd);
        bytes[n > 0 ? n : 0] = '\0';
        assert_string_equal(bytes, text);
}

/* Past all. */
static void
scribble(const char *path, const char *bytes)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
        close(fd);
}

static void
what_is_published_again_stands_there_once(void **state)
{
        assert_int_equal(publish(*state, 0, 1, "a\n"), 0);
        assert_int_equal(publish(*state, 1, 1, "b\n"), 0);
        assert_int_equal(publish(*state, 0, 1, "a\n"), 0);
        assert_int_equal(publish(*state, 1, 1, "b\n"), 0);
        assert_int_equal(publish(*state, 1, 2, "c\n"), 0);
        assert_int_equal(publish(*state, 0, 1, "a\n"), 0);
        assert_int_equal(publish(*state, 0, 2, "d\n"), 0);
        holds(*state, 0, "a\nb\nc\nd\n");
}

enum { LONG = 4096 };

/* Dies when two bytes of the lines are out. */
static void
die_within(const struct place *place, unsigned writer, uint64_t epoch, const char *lines)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
                setrlimit(RLIMIT_FSIZE, &(struct rlimit){LONG + 2, LONG + 2});
                publish(place, writer, epoch, lines);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        holds(place, LONG, (char[]){lines[0], lines[1], '\0'});
}

static void
publish_long(const struct place *place)
{
        char lines[LONG + 1];

        memset(lines, 'x', LONG);
        lines[LONG - 1] = '\n';
        lines[LONG] = '\0';
        assert_int_equal(publish(place, 0, 1, lines), 0);
}

static void
what_a_writer_left_torn_is_cut_off_by_the_next_and_comes_again(void **state)
{
        publish_long(*state);
        die_within(*state, 1, 1, "torn\n");
        assert_int_equal(publish(*state, 0, 2, "whole\n"), 0);
        holds(*state, LONG, "whole\n");
        assert_int_equal(publish(*state, 1, 1, "torn\n"), 0);
        assert_int_equal(publish(*state, 1, 1, "torn\n"), 0);
        holds(*state, LONG, "whole\ntorn\n");
}

static void
a_torn_chunk_to_which_somebody_else_appended_is_not_cut(void **state)
{
        const struct place *place = *state;

        publish_long(place);
        die_within(place, 1, 1, "torn\n");
        scribble(place->path, "theirs\n");
        assert_int_equal(publish(place, 1, 1, "torn\n"), 0);
        holds(place, LONG, "totheirs\ntorn\n");
}

static void
a_file_that_took_the_place_of_the_other_is_not_cut(void **state)
{
        const struct place *place = *state;
        char other[160];

        publish_long(place);
        die_within(place, 1, 1, "torn\n");
        snprintf(other, sizeof(other), "%s/other", place->folder);
        scribble(other, "theirs\n");
        assert_int_equal(rename(other, place->path), 0);
        assert_int_equal(publish(place, 1, 1, "torn\n"), 0);
        holds(place, 0, "theirs\ntorn\n");
}

static void
an_unfinished_line_of_somebody_else_gets_its_end_and_an_empty_file_its_header(void **state)
{
        const struct place *place = *state;
        struct sq_str header = {"head\n", 5}, lines = {"a\n", 2};

        assert_int_equal(sq_publish(place->path, 0, 1, header, lines), 0);
        scribble(place->path, "theirs");
        assert_int_equal(sq_publish(place->path, 0, 2, header, lines), 0);
        holds(place, 0, "head\na\ntheirs\na\n");
}

static void
a_start_from_nothing_forgets_who_has_published_what(void **state)
{
        const struct place *place = *state;

        assert_int_equal(publish(place, 0, 7, "a\n"), 0);
        assert_int_equal(sq_publish_anew(place->path, false), 0);
        assert_int_equal(publish(place, 0, 1, "b\n"), 0);
        holds(place, 0, "a\nb\n");
        assert_int_equal(sq_publish_anew(place->path, true), 0);
        assert_int_equal(publish(place, 0, 1, "c\n"), 0);
        holds(place, 0, "c\n");
}

static void
who_goes_back_is_told_of_what_stays(void **state)
{
        assert_int_equal(publish(*state, 0, 7, "a\n"), 0);
        assert_int_equal(sq_publish_back(((struct place *)*state)->path, 0, 7), 0);
        assert_int_equal(sq_publish_back(((struct place *)*state)->path, 0, 3), 1);
        assert_int_equal(publish(*state, 0, 4, "b\n"), 0);
        holds(*state, 0, "a\nb\n");
}

static void
a_damaged_record_is_named_and_a_start_from_nothing_mends_it(void **state)
{
        const struct place *place = *state;

        assert_int_equal(publish(place, 0, 1, "a\n"), 0);
        scribble(place->commits, "x");
        assert_int_equal(publish(place, 0, 2, "b\n"), -EBADMSG);
        holds(place, 0, "a\n");
        assert_int_equal(sq_publish_anew(place->path, true), 0);
        assert_int_equal(publish(place, 0, 1, "c\n"), 0);
        holds(place, 0, "c\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_is_published_again_stands_there_once),
                TEST(what_a_writer_left_torn_is_cut_off_by_the_next_and_comes_again),
                TEST(a_torn_chunk_to_which_somebody_else_appended_is_not_cut),
                TEST(a_file_that_took_the_place_of_the_other_is_not_cut),
                TEST(an_unfinished_line_of_somebody_else_gets_its_end_and_an_empty_file_its_header),
                TEST(a_start_from_nothing_forgets_who_has_published_what),
                TEST(who_goes_back_is_told_of_what_stays),
                TEST(a_damaged_record_is_named_and_a_start_from_nothing_mends_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
