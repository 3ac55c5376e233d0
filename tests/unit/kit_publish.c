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
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/folder.h"

static const struct sq_str no_header;

/* Of sq_publish() the first sync is that of PATH.commits, the second its folder's, the third that of the lines. */
enum { SYNC_OF_LINES = 3 };
static int syncs_left, sent_then; /* so many syncs later this signal comes, instead of the last of them */

int
fsync(int fd)
{
        (void)fd;
        if (syncs_left > 0 && --syncs_left == 0)
                raise(sent_then);
        return 0;
}

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
        return sq_publish(place->path, writer, epoch, &no_header, (struct sq_str){lines, strlen(lines)});
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

static pid_t
publish_until_synced(const struct place *place, unsigned writer, uint64_t epoch, const char *lines, int signal)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                syncs_left = SYNC_OF_LINES;
                sent_then = signal;
                _exit(publish(place, writer, epoch, lines) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(signal == SIGKILL ? WIFSIGNALED(status) : WIFSTOPPED(status));
        return pid;
}

/* As logrotate does. */
static void
take_away(struct place *place, char *ret, size_t size)
{
        snprintf(ret, size, "%s.1", place->path);
        assert_int_equal(rename(place->path, ret), 0);
}

static void
holds_in(const char *path, off_t from, const char *text)
{
        struct place other = {.folder = ""};
        size_t size = strlen(path) + 1;

        assert_true(size <= sizeof(other.path));
        memcpy(other.path, path, size);
        holds(&other, from, text);
}

static void
what_was_taken_away_with_its_file_does_not_come_again(void **state)
{
        struct place *place = *state;
        char away[128 + 8];

        assert_int_equal(publish(place, 0, 1, "a\n"), 0);
        publish_until_synced(place, 0, 2, "b\n", SIGKILL);
        take_away(place, away, sizeof(away));
        assert_int_equal(publish(place, 0, 2, "b\n"), 0);
        assert_int_equal(publish(place, 0, 3, "c\n"), 0);
        holds_in(away, 0, "a\nb\n");
        holds(place, 0, "c\n");
}

static void
nor_is_it_torn_there(void **state)
{
        struct place *place = *state;
        char away[128 + 8];

        publish_long(place);
        die_within(place, 1, 1, "torn\n");
        take_away(place, away, sizeof(away));
        assert_int_equal(publish(place, 1, 1, "torn\n"), 0);
        holds_in(away, LONG, "");
        holds(place, 0, "torn\n");
}

/* The file system may give its inode to the next file that is made. */
static void
a_later_file_in_the_inode_of_the_one_that_is_gone_is_not_cut(void **state)
{
        const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        struct place *place = *state;
        char bytes[LONG + 4], away[128 + 8];

        publish_long(place);
        die_within(place, 1, 1, "torn\n");
        assert_int_equal(unlink(place->path), 0);
        snprintf(away, sizeof(away), "%s.1", place->path);
        memset(bytes, 'y', LONG + 3);
        bytes[LONG + 3] = '\0';
        assert_int_equal(utimensat(AT_FDCWD, place->commits, long_ago, 0), 0);
        scribble(away, bytes);
        assert_int_equal(publish(place, 1, 1, "torn\n"), 0);
        holds_in(away, LONG, "yyy");
        holds(place, 0, "torn\n");
}

/* It has ended, or waits for a lock. */
static bool
is_done_or_waits(pid_t pid)
{
        char path[64], text[32] = "";
        siginfo_t info = {.si_pid = 0};
        int fd;

        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
                return true;
        snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
                text[0] = '\0';
        if (fd < 0) /* a kernel that does not say */
                return true;
        close(fd);
        return atol(text) == SYS_flock;
}

static void
two_writers_wait_for_each_other_also_when_the_file_is_taken_away(void **state)
{
        struct place *place = *state;
        char away[128 + 8];
        pid_t first, second;
        int status;

        first = publish_until_synced(place, 0, 1, "a\n", SIGSTOP);
        take_away(place, away, sizeof(away));
        second = fork();
        if (second == 0)
                _exit(publish(place, 1, 1, "b\n") == 0 ? 0 : 1);
        while (!is_done_or_waits(second))
                usleep(1000);
        kill(first, SIGCONT);
        assert_int_equal(waitpid(first, &status, 0), first);
        assert_int_equal(status, 0);
        assert_int_equal(waitpid(second, &status, 0), second);
        assert_int_equal(status, 0);
        assert_int_equal(publish(place, 0, 1, "a\n"), 0);
        assert_int_equal(publish(place, 1, 1, "b\n"), 0);
        holds_in(away, 0, "a\n");
        holds(place, 0, "b\n");
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

        assert_int_equal(sq_publish(place->path, 0, 1, &header, lines), 0);
        scribble(place->path, "theirs");
        assert_int_equal(sq_publish(place->path, 0, 2, &header, lines), 0);
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

static void
a_record_of_a_later_version_stays_also_at_a_start_from_nothing(void **state)
{
        const struct place *place = *state;
        int fd;

        assert_int_equal(publish(place, 0, 1, "a\n"), 0);
        fd = open(place->commits, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "SQC\2", 4, 0), 4);
        close(fd);
        assert_int_equal(sq_publish_anew(place->path, true), -EPROTO);
        holds(place, 0, "a\n");
        assert_int_equal(access(place->commits, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_is_published_again_stands_there_once),
                TEST(what_a_writer_left_torn_is_cut_off_by_the_next_and_comes_again),
                TEST(what_was_taken_away_with_its_file_does_not_come_again),
                TEST(nor_is_it_torn_there),
                TEST(a_later_file_in_the_inode_of_the_one_that_is_gone_is_not_cut),
                TEST(two_writers_wait_for_each_other_also_when_the_file_is_taken_away),
                TEST(a_torn_chunk_to_which_somebody_else_appended_is_not_cut),
                TEST(a_file_that_took_the_place_of_the_other_is_not_cut),
                TEST(an_unfinished_line_of_somebody_else_gets_its_end_and_an_empty_file_its_header),
                TEST(a_start_from_nothing_forgets_who_has_published_what),
                TEST(who_goes_back_is_told_of_what_stays),
                TEST(a_damaged_record_is_named_and_a_start_from_nothing_mends_it),
                TEST(a_record_of_a_later_version_stays_also_at_a_start_from_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
