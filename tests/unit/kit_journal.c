/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a spout: what was written is there again, whoever dies where, and what is not there is named.
 *
 * The calls that reach the disk are this file's own, around the kernel's: each of them in turn fails, or is the last
 * thing that a process does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/journal.h"

/* ---- Faults ------------------------------------------------------------------------------------------ */

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

/* ---- A journal --------------------------------------------------------------------------------------- */

enum { SMALL = 1 << 20 };

struct place {
        char folder[96], files[128];
        struct sq_journal_config config;
        struct sqi_kit_journal *journal;
        char error[512];
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        snprintf(place->folder, sizeof(place->folder), "%.60s/journal.XXXXXX",
                 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        assert_non_null(mkdtemp(place->folder));
        snprintf(place->files, sizeof(place->files), "%s/in-0", place->folder);
        place->config = (struct sq_journal_config){
                .path = place->folder, .sync = SQ_JOURNAL_INTERVAL, .max_bytes = SMALL, .interval = 1};
        disk.fault = NONE;
        disk.in_row = 1;
        *state = place;
        return 0;
}

static void
empty(const char *folder)
{
        char path[512];
        const struct dirent *entry;
        DIR *files = opendir(folder);

        while (files && (entry = readdir(files))) {
                snprintf(path, sizeof(path), "%s/%.255s", folder, entry->d_name);
                if (entry->d_name[0] != '.' && unlink(path) < 0)
                        rmdir(path);
        }
        if (files)
                closedir(files);
}

static int
tear_down(void **state)
{
        struct place *place = *state;

        disk.fault = NONE;
        sqi_kit_journal_close(&place->journal);
        empty(place->files);
        empty(place->folder);
        rmdir(place->folder);
        free(place);
        return 0;
}

static int
open_it(struct place *place)
{
        int r;

        sqi_kit_journal_close(&place->journal);
        r = sqi_kit_journal_open(&place->config, "orders", "in", 0, &place->journal, place->error,
                                 sizeof(place->error));
        if (r == 0)
                sqi_kit_journal_clock(place->journal, 1, 1);
        return r;
}

static void
opens(struct place *place)
{
        if (open_it(place) < 0)
                fail_msg("%s", place->error);
}

/* Of a size and with bytes that follow from its number. */
static size_t
make(uint64_t number, char *to)
{
        size_t n = (size_t)(sq_mix(number) % (number % 3 == 0 ? 97 : 3000));

        for (size_t i = 0; i < n; i++)
                to[i] = (char)sq_mix(number + i);
        return n;
}

static void
add(struct place *place, uint64_t number)
{
        char bytes[3000];
        struct sq_str record = {bytes, make(number, bytes)};
        uint64_t got;

        assert_int_equal(sqi_kit_journal_add(place->journal, record, &got), 0);
        assert_int_equal(got, number);
}

static void
write_records(struct place *place, uint64_t from, uint64_t to)
{
        for (uint64_t number = from; number < to; number++)
                add(place, number);
        assert_int_equal(sqi_kit_journal_write(place->journal), 0);
}

static void
reads(struct place *place, uint64_t from, uint64_t to)
{
        char bytes[3000];
        struct sq_str record;
        uint64_t number;

        for (uint64_t n = from; n < to; n++) {
                if (sqi_kit_journal_next(place->journal, &number, &record) != 1)
                        fail_msg("message %llu: %s", (unsigned long long)n, sqi_kit_journal_error(place->journal));
                assert_int_equal(number, n);
                assert_int_equal(record.len, make(n, bytes));
                assert_memory_equal(record.ptr, bytes, record.len);
        }
}

static void
reads_no_more(struct place *place)
{
        struct sq_str record;
        uint64_t number;

        assert_int_equal(sqi_kit_journal_next(place->journal, &number, &record), 0);
}

static const char *
segment(const struct place *place, uint64_t first)
{
        static char path[256];
        char name[SQI_SEGMENT_NAME_MAX];

        sqi_segments_name(first, name);
        snprintf(path, sizeof(path), "%s/%s", place->files, name);
        return path;
}

/* The file's bytes, malloc'd. */
static char *
take_file(const char *path, size_t *ret_n)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat about;
        char *bytes;

        assert_int_equal(fstat(fd, &about), 0);
        bytes = malloc((size_t)about.st_size + 1);
        *ret_n = (size_t)about.st_size;
        assert_int_equal(read(fd, bytes, *ret_n), *ret_n);
        close(fd);
        return bytes;
}

static void
put_file(const char *path, const char *bytes, size_t n)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
}

/* ---- Writing and reading ----------------------------------------------------------------------------- */

static void
hands_out_what_is_written_and_nothing_before_it_is(void **state)
{
        struct place *place = *state;

        opens(place);
        reads_no_more(place);
        add(place, 1);
        add(place, 2);
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
                assert_int_equal(open_it(place), at == 3 ? -EPROTONOSUPPORT : -EBADMSG);
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

/* ---- Each call is the last, or fails ----------------------------------------------------------------- */

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
                        add(place, n++);
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
                        empty(place->files);
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
                empty(place->files);
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
        add(place, 10);
        for (unsigned i = 0; i < 3; i++) {
                disk.left = 0;
                disk.fault = FAILS;
                assert_int_equal(sqi_kit_journal_write(place->journal), -ENOSPC);
                assert_non_null(strstr(sqi_kit_journal_error(place->journal), "No space left on device"));
                disk.fault = NONE;
                add(place, 11 + i);
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
                TEST(hands_out_what_is_written_and_nothing_before_it_is),
                TEST(hands_it_out_again_from_wherever_it_is_asked_to),
                TEST(another_process_goes_on_behind_what_is_done),
                TEST(cuts_whole_segments_that_nobody_needs_while_they_are_read),
                TEST(new_ones_begin_where_it_is_told_to_go_on_past_its_end),
                TEST(has_no_room_when_what_is_needed_is_large_and_has_it_again_then),
                TEST(takes_a_message_larger_than_it_may_be_when_there_is_nothing_else),
                TEST(has_no_room_while_what_is_needed_is_too_old),
                TEST(syncs_as_often_as_it_was_told_to),
                TEST(cuts_off_a_record_wherever_it_is_torn),
                TEST(names_each_byte_that_is_damaged_before_others_that_are_not),
                TEST(names_what_is_damaged_or_missing_in_an_earlier_segment),
                TEST(takes_nothing_that_is_not_its_own),
                TEST(reads_what_version_1_has_written),
                TEST(whatever_call_is_the_last_of_a_process_what_it_wrote_is_there),
                TEST(whatever_call_fails_nothing_is_lost_and_it_goes_on),
                TEST(what_finds_no_room_on_the_disk_waits_in_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
