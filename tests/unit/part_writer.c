/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a part, written by a thread of its own or in place: the same bytes, durable or gone. */
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
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "../shared/folder.h"
#include "state/part_writer.h"

enum { PIECE = 1000, PIECES = 2000 };

struct world {
        char folder[64], path[80];
        int wake;
};

static void
open_world(struct world *world)
{
        make_folder(world->folder, sizeof(world->folder), "part");
        snprintf(world->path, sizeof(world->path), "%s/part", world->folder);
        world->wake = eventfd(0, EFD_CLOEXEC);
}

static void
close_world(const struct world *world)
{
        unlink(world->path);
        assert_int_equal(rmdir(world->folder), 0);
        close(world->wake);
}

static void
put_pieces(struct sqi_part_writer *writer)
{
        uint8_t piece[PIECE];

        for (int i = 0; i < PIECES; i++) {
                memset(piece, i, sizeof(piece));
                sqi_part_writer_put(writer, piece, sizeof(piece));
        }
}

static uint64_t
sum_of_pieces(void)
{
        static uint8_t all[PIECES][PIECE];

        for (int i = 0; i < PIECES; i++)
                memset(all[i], i, PIECE);
        return XXH3_64bits(all, sizeof(all));
}

static void
check_written(struct sqi_part_writer **writer, const char *path)
{
        struct stat about;
        uint64_t size, sum;

        assert_int_equal(sqi_part_writer_close(writer, &size, &sum, NULL), 0);
        assert_null(*writer);
        assert_int_equal(size, PIECE * PIECES);
        assert_true(sum == sum_of_pieces());
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_size, size);
}

static void
writes_in_place_what_was_put(void **state)
{
        struct sqi_part_writer *writer;
        struct world world;

        (void)state;
        open_world(&world);
        assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
        put_pieces(writer);
        assert_false(sqi_part_writer_is_done(writer));
        sqi_part_writer_end(writer);
        assert_true(sqi_part_writer_is_done(writer));
        check_written(&writer, world.path);
        close_world(&world);
}

static void
a_thread_writes_the_same_and_wakes_who_waits(void **state)
{
        struct sqi_part_writer *writer;
        struct world world;
        struct pollfd news;

        (void)state;
        open_world(&world);
        assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
        sqi_part_writer_go_apart(writer, world.wake);
        put_pieces(writer);
        sqi_part_writer_end(writer);
        news = (struct pollfd){.fd = world.wake, .events = POLLIN};
        assert_int_equal(poll(&news, 1, 60000), 1);
        assert_true(sqi_part_writer_is_done(writer));
        check_written(&writer, world.path);
        close_world(&world);
}

/* The thread cannot even say that it is done. */
static void
is_closed_once_it_is_done_whatever_its_thread_waits_for(void **state)
{
        uint64_t news = UINT64_MAX - 1;
        int full = eventfd(0, EFD_CLOEXEC);
        struct sqi_part_writer *writer;
        struct world world;

        (void)state;
        assert_int_equal(write(full, &news, sizeof(news)), sizeof(news));
        open_world(&world);
        assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
        sqi_part_writer_go_apart(writer, full);
        put_pieces(writer);
        sqi_part_writer_end(writer);
        while (!sqi_part_writer_is_done(writer))
                sched_yield();
        check_written(&writer, world.path);
        assert_int_equal(read(full, &news, sizeof(news)), sizeof(news)); /* lets it go */
        close(full);
        close_world(&world);
}

/* When: before its end, or after. */
static void
leaves_no_file_when_it_is_dropped(void **state)
{
        struct sqi_part_writer *writer;
        struct world world;

        (void)state;
        for (int i = 0; i < 4; i++) {
                open_world(&world);
                assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
                if (i % 2)
                        sqi_part_writer_go_apart(writer, -1);
                put_pieces(writer);
                if (i / 2)
                        sqi_part_writer_end(writer);
                sqi_part_writer_drop(&writer);
                assert_null(writer);
                assert_int_equal(access(world.path, F_OK), -1);
                close_world(&world);
        }
        sqi_part_writer_drop(&writer);
}

static void
says_that_there_is_no_room_and_gives_back_what_it_had(void **state)
{
        struct rlimit before, little;
        struct sqi_part_writer *writer;
        struct world world;
        uint64_t size, sum;

        (void)state;
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before);
        for (int i = 0; i < 2; i++) {
                open_world(&world);
                little = (struct rlimit){500000, before.rlim_max};
                setrlimit(RLIMIT_FSIZE, &little);
                assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
                if (i)
                        sqi_part_writer_go_apart(writer, -1);
                put_pieces(writer);
                sqi_part_writer_end(writer);
                assert_int_equal(sqi_part_writer_close(&writer, &size, &sum, NULL), -EFBIG);
                setrlimit(RLIMIT_FSIZE, &before);
                assert_int_equal(access(world.path, F_OK), -1);
                close_world(&world);
        }
}

/* A disk that takes nothing for a while, and then all. */
static void
says_when_the_disk_is_behind(void **state)
{
        enum { MEGABYTE = 1 << 20, MEGABYTES = 64 };
        uint8_t *bytes = calloc(1, MEGABYTE);
        struct sqi_part_writer *writer;
        struct world world;
        int pipe_end;

        (void)state;
        open_world(&world);
        assert_int_equal(mkfifo(world.path, 0600), 0);
        pipe_end = open(world.path, O_RDWR | O_CLOEXEC);
        assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
        assert_false(sqi_part_writer_is_behind(writer));
        sqi_part_writer_go_apart(writer, -1);
        for (int i = 0; i < MEGABYTES; i++)
                sqi_part_writer_put(writer, bytes, MEGABYTE);
        assert_true(sqi_part_writer_is_behind(writer));
        for (ssize_t n = 0, left = (ssize_t)MEGABYTES * MEGABYTE; left > 0; left -= n) {
                n = read(pipe_end, bytes, MEGABYTE);
                assert_true(n > 0);
        }
        assert_false(sqi_part_writer_is_behind(writer));
        sqi_part_writer_drop(&writer);
        close(pipe_end);
        free(bytes);
        close_world(&world);
}

/* Until the thread of a writer that was dropped has ended, which alone has the other end then. The disk takes all. */
static void
wait_for_the_end(int ends[2], int disk)
{
        struct pollfd news[] = {{.fd = ends[0], .events = POLLIN}, {.fd = disk, .events = POLLIN}};
        char bytes[4096];

        close(ends[1]);
        while (news[0].revents == 0) {
                assert_true(poll(news, 2, 60000) > 0);
                if (news[1].revents)
                        assert_true(read(disk, bytes, sizeof(bytes)) > 0);
        }
        close(ends[0]);
}

static void
holds(const char *path, const char *text)
{
        size_t n;
        char *bytes = take_file(path, &n);

        assert_int_equal(n, strlen(text));
        assert_memory_equal(bytes, text, n);
        free(bytes);
}

static void
is_not_waited_for_when_it_is_dropped(void **state)
{
        struct sqi_part_writer *writer;
        struct world world;
        int disk, ends[2];

        (void)state;
        open_world(&world);
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(mkfifo(world.path, 0600), 0);
        disk = open(world.path, O_RDWR | O_CLOEXEC);
        assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
        sqi_part_writer_go_apart(writer, ends[1]);
        put_pieces(writer);
        sqi_part_writer_end(writer);
        sqi_part_writer_drop(&writer); /* while the disk takes nothing */
        assert_null(writer);
        assert_int_equal(access(world.path, F_OK), -1);
        put_file(world.path, "next", 4);
        wait_for_the_end(ends, disk);
        holds(world.path, "next");
        close(disk);
        close_world(&world);
}

static int merging[2], go_on[2];

/* Until it is told to end. */
static int
merge_slowly(int fd, uint64_t size, const char *path, struct sqi_part_log **ret)
{
        struct sqi_part_writer *writer;
        uint64_t n, sum;
        char byte = 0;

        (void)fd;
        (void)size;
        assert_int_equal(sqi_part_writer_new(path, &writer), 0);
        sqi_part_writer_end(writer);
        assert_int_equal(write(merging[1], &byte, 1), 1);
        assert_int_equal(read(go_on[0], &byte, 1), 1);
        assert_int_equal(write(merging[1], &byte, 1), 1); /* both pipes may be closed */
        return sqi_part_writer_close(&writer, &n, &sum, ret);
}

static void
what_was_merged_takes_no_name_when_its_writer_was_dropped_meanwhile(void **state)
{
        struct sqi_part_writer *writer;
        struct sqi_part_log *log = NULL;
        struct world world;
        char next[96], byte = 0;
        uint64_t size, sum;
        int ends[2];

        (void)state;
        open_world(&world);
        snprintf(next, sizeof(next), "%s-2", world.path);
        assert_int_equal(pipe(ends) | pipe(merging) | pipe(go_on), 0);
        assert_int_equal(sqi_part_writer_new(world.path, &writer), 0);
        sqi_part_writer_put(writer, "first", 5);
        sqi_part_writer_end(writer);
        assert_int_equal(sqi_part_writer_close(&writer, &size, &sum, &log), 0);
        assert_int_equal(sqi_part_writer_append(&log, next, &writer), 0);
        sqi_part_writer_merge_by(writer, merge_slowly);
        sqi_part_writer_go_apart(writer, ends[1]);
        put_pieces(writer);
        sqi_part_writer_end(writer);
        assert_int_equal(read(merging[0], &byte, 1), 1);
        sqi_part_writer_drop(&writer);
        put_file(next, "next", 4);
        assert_int_equal(write(go_on[1], &byte, 1), 1);
        wait_for_the_end(ends, -1);
        holds(next, "next");
        assert_int_equal(unlink(next), 0);
        close_world(&world); /* there is nothing else */
        assert_int_equal(read(merging[0], &byte, 1), 1);
        for (int i = 0; i < 2; i++) {
                close(merging[i]);
                close(go_on[i]);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_in_place_what_was_put),
                cmocka_unit_test(a_thread_writes_the_same_and_wakes_who_waits),
                cmocka_unit_test(is_closed_once_it_is_done_whatever_its_thread_waits_for),
                cmocka_unit_test(leaves_no_file_when_it_is_dropped),
                cmocka_unit_test(is_not_waited_for_when_it_is_dropped),
                cmocka_unit_test(what_was_merged_takes_no_name_when_its_writer_was_dropped_meanwhile),
                cmocka_unit_test(says_that_there_is_no_room_and_gives_back_what_it_had),
                cmocka_unit_test(says_when_the_disk_is_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
