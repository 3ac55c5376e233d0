/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a spout, whoever dies where. The calls that reach the disk are this file's own, around the kernel's:
 * each of them in turn fails, or is the last thing that a process does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/journaled.h"

enum fault { NONE, FAILS, DIES_BEFORE, DIES_WITHIN, DIES_AFTER };
static struct {
        enum fault fault;
        long left;   /* calls before the one that it strikes */
        long in_row; /* calls that fail then */
        int spent;   /* of a file whose fsync failed, which is not to be written any more; 0: none */
        bool struck;
        unsigned long syncs;
} disk;

static bool
strikes(void)
{
        if (disk.fault == NONE || disk.left-- > 0 || disk.left < -disk.in_row)
                return false;
        disk.struck = true;
        if (disk.fault == DIES_BEFORE)
                _exit(9);
        return true;
}

/* `half`: the call, as far as it gets; `whole`: all of it. */
#define STRIKE(error, half, whole) \
        do { \
                if (strikes()) { \
                        if (disk.fault == DIES_AFTER) { \
                                (void)!(whole); \
                                _exit(9); \
                        } \
                        (void)!(half); \
                        if (disk.fault == DIES_WITHIN) \
                                _exit(9); \
                        errno = (error); \
                        return -1; \
                } \
        } while (0)

int
close(int fd)
{
        disk.spent = fd == disk.spent ? 0 : disk.spent;
        return (int)syscall(SYS_close, fd);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
        assert_int_not_equal(fd, disk.spent);
        STRIKE(ENOSPC, syscall(SYS_pwrite64, fd, bytes, n / 2, offset), syscall(SYS_pwrite64, fd, bytes, n, offset));
        return syscall(SYS_pwrite64, fd, bytes, n, offset);
}

int
fdatasync(int fd)
{
        disk.syncs++;
        assert_int_not_equal(fd, disk.spent);
        disk.spent = disk.fault == FAILS && disk.left == 0 ? fd : disk.spent;
        STRIKE(EIO, 0, syscall(SYS_fdatasync, fd));
        return 0; /* nobody pulls the plug here */
}

int
fsync(int fd)
{
        STRIKE(EIO, 0, syscall(SYS_fsync, fd));
        return 0;
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        STRIKE(EIO, 0, syscall(SYS_renameat2, from_fd, from, to_fd, to, 0));
        return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int
unlinkat(int fd, const char *name, int flags)
{
        STRIKE(EIO, 0, syscall(SYS_unlinkat, fd, name, flags));
        return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static int
set_up(void **state)
{
        disk.fault = NONE;
        disk.in_row = 1;
        return set_up_journal(state);
}

static int
tear_down(void **state)
{
        disk.fault = NONE;
        return tear_down_journal(state);
}

static void
syncs_as_often_as_it_was_told_to(void **state)
{
        static const struct {
                enum sq_journal_sync sync;
                unsigned long by_write, after_interval, when_asked;
        } policies[] = {{SQ_JOURNAL_EACH, 2, 2, 2}, {SQ_JOURNAL_INTERVAL, 0, 1, 1}, {SQ_JOURNAL_NONE, 0, 0, 1}};
        struct place *place = *state;

        for (size_t i = 0; i < 3; i++) {
                uint64_t n = i * 10 + 1;

                place->config.sync = policies[i].sync;
                opens(place);
                disk.syncs = 0;
                write_records(place, n, n + 2);
                write_records(place, n + 2, n + 3);
                assert_int_equal(disk.syncs, policies[i].by_write);
                sqi_kit_journal_clock(place->journal, 1000000001, 1);
                write_records(place, n + 3, n + 3);
                assert_int_equal(disk.syncs, policies[i].after_interval);
                assert_int_equal(sqi_kit_journal_sync(place->journal), 0);
                assert_int_equal(disk.syncs, policies[i].when_asked);
                write_records(place, n + 3, n + 10);
        }
}

enum { ROUNDS = 14, A_ROUND = 40 };

/* What the one who dies has been told. */
struct told {
        uint64_t written, released;
};

/* A life: writes, reads, syncs, and lets go of most; what fails is tried again. */
static void
live(struct place *place, struct told *told)
{
        uint64_t n = sqi_kit_journal_end(place->journal), number;
        struct sq_str record;

        for (unsigned round = 0; round < ROUNDS; round++) {
                sqi_kit_journal_clock(place->journal, (round + 1) * 600000000ull, 1);
                for (unsigned i = 0; i < A_ROUND; i++)
                        add_record(place, n++);
                while (sqi_kit_journal_write(place->journal) < 0)
                        ;
                told->written = n;
                while (sqi_kit_journal_next(place->journal, &number, &record) == 1)
                        ;
                while (round % 7 == 6 && sqi_kit_journal_sync(place->journal) < 0)
                        ;
                told->released = n > 200 ? n - 200 : 1;
                sqi_kit_journal_release(place->journal, told->released, told->released);
        }
}

static void
looks_whole(struct place *place, const struct told *told)
{
        opens(place);
        assert_true(sqi_kit_journal_end(place->journal) >= told->written);
        assert_int_equal(sqi_kit_journal_seek(place->journal, told->released ? told->released : 1, NULL), 0);
        reads(place, told->released ? told->released : 1, sqi_kit_journal_end(place->journal));
        reads_no_more(place);
}

/* False: it lived to its end. */
static bool
dies(struct place *place, enum fault fault, long calls, struct told *told)
{
        int status = 0;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                disk.left = calls;
                disk.fault = fault;
                if (open_it(place) < 0)
                        _exit(1);
                live(place, told);
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
        return WEXITSTATUS(status) == 9;
}

static void
whatever_call_is_the_last_of_a_process_what_it_wrote_is_there(void **state)
{
        struct place *place = *state;
        struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        unsigned deaths = 0;

        assert_ptr_not_equal(told, MAP_FAILED);
        for (enum fault fault = DIES_BEFORE; fault <= DIES_AFTER; fault++)
                for (long calls = 0; dies(place, fault, calls, told); calls++) {
                        deaths++;
                        looks_whole(place, told);
                        sqi_kit_journal_close(&place->journal);
                        if (calls % 4 != 0) /* some find what was left before */
                                continue;
                        empty_folder(place->files);
                        *told = (struct told){0};
                }
        assert_in_range(deaths, 3 * ROUNDS, 10000);
        munmap(told, sizeof(*told));
}

static void
whatever_call_fails_nothing_is_lost_and_it_goes_on(void **state)
{
        struct place *place = *state;
        struct told told;
        unsigned failures = 0;

        for (long calls = 0;; calls++) {
                told = (struct told){0};
                opens(place);
                disk.left = calls;
                disk.in_row = 1 + calls % 3;
                disk.struck = false;
                disk.fault = FAILS;
                live(place, &told);
                disk.fault = NONE;
                if (!disk.struck)
                        break;
                failures++;
                assert_int_equal(sqi_kit_journal_seek(place->journal, told.released, NULL), 0);
                reads(place, told.released, told.written);
                looks_whole(place, &told);
                sqi_kit_journal_close(&place->journal);
                empty_folder(place->files);
        }
        assert_in_range(failures, ROUNDS, 10000);
}

/* The disk is full from some call on, and empty again later. */
static void
what_finds_no_room_on_the_disk_waits_in_memory(void **state)
{
        struct place *place = *state;

        opens(place);
        write_records(place, 1, 10);
        add_record(place, 10);
        for (unsigned i = 0; i < 3; i++) {
                disk.left = 0;
                disk.fault = FAILS;
                assert_int_equal(sqi_kit_journal_write(place->journal), -ENOSPC);
                assert_non_null(strstr(sqi_kit_journal_error(place->journal), "No space left on device"));
                disk.fault = NONE;
                add_record(place, 11 + i);
        }
        reads(place, 1, 10);
        reads_no_more(place);
        assert_int_equal(sqi_kit_journal_write(place->journal), 0);
        reads(place, 10, 14);
        opens(place);
        reads(place, 1, 14);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(syncs_as_often_as_it_was_told_to),
                TEST(whatever_call_is_the_last_of_a_process_what_it_wrote_is_there),
                TEST(whatever_call_fails_nothing_is_lost_and_it_goes_on),
                TEST(what_finds_no_room_on_the_disk_waits_in_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
