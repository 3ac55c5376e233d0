/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots on a disk that fails, fills up, or loses its power at every system call in turn.
 *
 * The system calls that change a disk are this file's own, around the kernel's. They count themselves; the one whose
 * turn it is fails, alone or with all that come after it. The disk that loses its power is a model beside the real one:
 * a file is as it was when it was last synced, a folder has the entries that it had when it was last synced, and what
 * of that is reachable from the root is what the next start finds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "base/sealed.h"
#include "daemon/snapshots.h"

/* ---- The disk ---------------------------------------------------------------------------------------- */

enum { INODES = 256, ENTRIES = 32, CONTENT = 512 };

struct inode {
        ino_t number;
        size_t n; /* entries, or bytes */
        struct {
                char name[80];
                ino_t number;
                bool folder;
        } entries[ENTRIES];
        char bytes[CONTENT];
};

static struct {
        enum { SOUND, FAILS_ONCE, IS_FULL, LOSES_POWER } mode;
        long left; /* calls before the one that goes wrong */
        bool struck;
        size_t ninodes;
        struct inode inodes[INODES]; /* as synced */
} disk;

static struct inode *
inode_of(ino_t number)
{
        for (size_t i = 0; i < disk.ninodes; i++)
                if (disk.inodes[i].number == number)
                        return &disk.inodes[i];
        assert_true(disk.ninodes < INODES);
        disk.inodes[disk.ninodes] = (struct inode){.number = number};
        return &disk.inodes[disk.ninodes++];
}

static void
note_folder(int fd, struct inode *inode)
{
        DIR *folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const struct dirent *entry;

        inode->n = 0;
        while ((entry = readdir(folder))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                assert_true(inode->n < ENTRIES);
                snprintf(inode->entries[inode->n].name, sizeof(inode->entries[0].name), "%.79s", entry->d_name);
                inode->entries[inode->n].folder = entry->d_type == DT_DIR;
                inode->entries[inode->n++].number = entry->d_ino;
        }
        closedir(folder);
}

static void
note_synced(int fd)
{
        char path[64];
        struct stat about;
        int file;

        assert_int_equal(fstat(fd, &about), 0);
        if (S_ISDIR(about.st_mode)) {
                note_folder(fd, inode_of(about.st_ino));
                return;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        file = open(path, O_RDONLY | O_CLOEXEC);
        inode_of(about.st_ino)->n = (size_t)pread(file, inode_of(about.st_ino)->bytes, CONTENT, 0);
        close(file);
}

static void
note_all_below(int fd)
{
        DIR *folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const struct dirent *entry;

        note_synced(fd);
        while ((entry = readdir(folder))) {
                int below;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                below = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC);
                if (entry->d_type == DT_DIR)
                        note_all_below(below);
                else
                        note_synced(below);
                close(below);
        }
        closedir(folder);
}

/* Lays what the disk has kept of a folder into another one. */
static void
lay_kept(ino_t number, int to)
{
        const struct inode *inode = inode_of(number);

        for (size_t i = 0; i < inode->n; i++) {
                const char *name = inode->entries[i].name;
                const struct inode *below = inode_of(inode->entries[i].number);
                int child;

                if (!inode->entries[i].folder) {
                        assert_int_equal(sqi_file_write(to, name, below->bytes, below->n), 0);
                        continue;
                }
                assert_int_equal(mkdirat(to, name, 0700), 0);
                child = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                lay_kept(below->number, child);
                close(child);
        }
}

/* True: this call fails, with errno. */
static bool
strikes(void)
{
        if (disk.mode == SOUND || disk.left-- > 0)
                return false;
        if (disk.left < -1 && disk.mode == FAILS_ONCE)
                return false;
        disk.struck = true;
        errno = disk.mode == IS_FULL ? ENOSPC : EIO;
        return true;
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
        return strikes() ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t
copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags)
{
        return strikes() ? -1 : syscall(SYS_copy_file_range, in, from, out, to, size, flags);
}

int
fsync(int fd)
{
        if (strikes() || syscall(SYS_fsync, fd) < 0)
                return -1;
        if (disk.mode == LOSES_POWER)
                note_synced(fd);
        return 0;
}

int
mkdir(const char *path, mode_t mode)
{
        return strikes() ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int
renameat(int from, const char *old, int to, const char *new)
{
        return strikes() ? -1 : (int)syscall(SYS_renameat, from, old, to, new);
}

/* ---- What is done on it ------------------------------------------------------------------------------ */

struct place {
        char path[64], run[80];
        struct sqi_snapshots snapshots;
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        memset(&disk, 0, sizeof(disk));
        strcpy(place->path, "/tmp/squall-sn.XXXXXX");
        assert_non_null(mkdtemp(place->path));
        snprintf(place->run, sizeof(place->run), "%s/run", place->path);
        assert_int_equal(mkdir(place->run, 0700), 0);
        snprintf(place->snapshots.durable, PATH_MAX, "%s/durable", place->path);
        *state = place;
        return 0;
}

static int
tear_down(void **state)
{
        struct place *place = *state;

        disk.mode = SOUND;
        sqi_folder_remove(AT_FDCWD, place->path);
        free(place);
        return 0;
}

/* What a task does: its file, synced, and a report of it. */
static int
write_part(const char *folder, const char *name, const char *content, struct sqi_manifest_file *ret)
{
        int fd = sqi_folder_open(AT_FDCWD, folder), r = fd;

        if (fd < 0)
                return r;
        r = sqi_file_write(fd, name, content, strlen(content));
        close(fd);
        snprintf(ret->name, sizeof(ret->name), "count.0");
        ret->size = strlen(content);
        ret->sum = XXH3_64bits(content, strlen(content));
        return r;
}

/* Of one task and one spout. */
struct content {
        struct sqi_manifest_position position;
        struct sqi_manifest_file file;
        struct sqi_manifest manifest;
};

static void
describe(uint64_t epoch, struct content *ret)
{
        *ret = (struct content){
                .position = {.component = "lines", .position = {.known = 1, .number = epoch * 100, .size = 2}},
                .manifest = {.epoch = epoch, .topology = "words", .missing = epoch * 10, .nfiles = 1, .npositions = 1}};
        memcpy(ret->position.position.note, "ab", 2);
        ret->manifest.files = &ret->file;
        ret->manifest.positions = &ret->position;
}

typedef int maker(const struct place *place, uint64_t epoch, const char *content, bool *ret_durable);

/* Begin, write, seal. The task writes beside its run if it has to. */
static int
make(const struct place *place, uint64_t epoch, const char *content, bool *ret_durable)
{
        struct content about;
        char folder[PATH_MAX + 8], error[PATH_MAX + 256];
        int r;

        describe(epoch, &about);
        snprintf(folder, sizeof(folder), "%s/" SQI_SNAPSHOTS_OPEN, place->snapshots.durable);
        (void)sqi_snapshots_begin(&place->snapshots);
        r = write_part(folder, "count.0", content, &about.file);
        if (r < 0)
                r = write_part(place->run, "snapshot-count.0", content, &about.file);
        if (r < 0)
                return r;
        return sqi_snapshots_seal(&place->snapshots, &about.manifest, place->run, ret_durable, error, sizeof(error));
}

/* The same of a running epoch, which has no other place. */
static int
make_running(const struct place *place, uint64_t epoch, const char *content, bool *ret_durable)
{
        struct content about;
        char folder[PATH_MAX + 32];
        int r = sqi_snapshots_open_epoch(&place->snapshots, epoch);

        describe(epoch, &about);
        snprintf(folder, sizeof(folder), "%s/.open.%u", place->snapshots.durable, (unsigned)epoch);
        if (r == 0)
                r = write_part(folder, "count.0", content, &about.file);
        if (r == 0)
                r = sqi_snapshots_seal_epoch(&place->snapshots, &about.manifest);
        *ret_durable = r == 0;
        return r;
}

static void
assert_newest(const struct sqi_snapshots *snapshots, uint64_t epoch, const char *content)
{
        char path[PATH_MAX], error[PATH_MAX + 512] = "", *bytes;
        struct sqi_manifest manifest;
        size_t size;

        if (sqi_snapshots_newest(snapshots, &manifest, path, error, sizeof(error)) != 0)
                fail_msg("%s", error);
        assert_int_equal(manifest.epoch, epoch);
        assert_int_equal(manifest.missing, epoch * 10);
        assert_int_equal(sqi_manifest_position(&manifest, "lines", 0)->number, epoch * 100);
        assert_memory_equal(sqi_manifest_position(&manifest, "lines", 0)->note, "ab", 2);
        assert_null(sqi_manifest_position(&manifest, "lines", 1));
        strcat(path, "/count.0");
        assert_int_equal(sqi_file_read(AT_FDCWD, path, CONTENT, &bytes, &size), 0);
        assert_string_equal(bytes, content);
        assert_int_equal(sqi_manifest_find(&manifest, "count.0")->sum, XXH3_64bits(content, strlen(content)));
        free(bytes);
        sqi_manifest_free(&manifest);
}

static uint64_t
newest(const struct sqi_snapshots *snapshots)
{
        char path[PATH_MAX], error[PATH_MAX + 512] = "";
        struct sqi_manifest manifest;

        if (sqi_snapshots_newest(snapshots, &manifest, path, error, sizeof(error)) != 0)
                fail_msg("%s", error);
        uint64_t epoch = manifest.epoch;
        sqi_manifest_free(&manifest);
        return epoch;
}

static void
assert_one_or_the_other(const struct sqi_snapshots *snapshots, bool second)
{
        bool is_second = newest(snapshots) == 2;

        assert_true(is_second || !second);
        assert_newest(snapshots, is_second ? 2 : 1, is_second ? "the second" : "first");
}

/* ---- Tests ------------------------------------------------------------------------------------------- */

static void
there_is_none_until_one_is_sealed(void **state)
{
        const struct place *place = *state;
        char path[PATH_MAX], error[256];
        struct sqi_manifest manifest;
        bool durable;

        assert_int_equal(sqi_snapshots_newest(&place->snapshots, &manifest, path, error, sizeof(error)), -ENOENT);
        assert_int_equal(sqi_snapshots_begin(&place->snapshots), 0);
        assert_int_equal(sqi_snapshots_newest(&place->snapshots, &manifest, path, error, sizeof(error)), -ENOENT);
        assert_int_equal(make(place, 1, "first", &durable), 0);
        assert_true(durable);
        assert_newest(&place->snapshots, 1, "first");
}

static void
the_one_that_a_plan_began_from_is_kept_when_older_ones_go(void **state)
{
        const struct place *place = *state;
        char path[PATH_MAX + 8];
        bool durable;

        for (uint64_t epoch = 1; epoch <= 3; epoch++)
                assert_int_equal(make(place, epoch, "x", &durable), 0);
        sqi_snapshots_prune(&place->snapshots, 2);
        for (unsigned epoch = 1; epoch <= 3; epoch++) {
                snprintf(path, sizeof(path), "%s/%u", place->snapshots.durable, epoch);
                assert_int_equal(access(path, F_OK), epoch == 1 ? -1 : 0);
        }
}

/* At every system call, alone and with all that come after it. */
static void
fail_everywhere(void **state, maker *make_one)
{
        struct place *place = *state;

        for (int mode = FAILS_ONCE; mode <= IS_FULL; mode++) {
                long calls = 0;

                do {
                        bool durable = false;

                        tear_down((void **)&place);
                        set_up((void **)&place);
                        assert_int_equal(make_one(place, 1, "first", &durable), 0);
                        disk.left = calls++, disk.mode = mode == FAILS_ONCE ? FAILS_ONCE : IS_FULL;
                        disk.struck = false;
                        int r = make_one(place, 2, "the second", &durable);
                        disk.mode = SOUND;
                        assert_one_or_the_other(&place->snapshots, r == 0);
                        if (r < 0 && mode == FAILS_ONCE) /* nobody goes on from what was given up */
                                assert_int_equal(newest(&place->snapshots), 1);
                        /* there is room again: nothing stands in the way */
                        if (newest(&place->snapshots) == 1)
                                assert_int_equal(make_one(place, 2, "the second", &durable), 0);
                        assert_newest(&place->snapshots, 2, "the second");
                } while (disk.struck);
                assert_true(calls > 10);
        }
        *state = place;
}

static void
the_one_before_is_unharmed_wherever_a_disk_fails_or_fills_up(void **state)
{
        fail_everywhere(state, make);
}

static void
the_epoch_before_is_unharmed_wherever_a_disk_fails_or_fills_up(void **state)
{
        fail_everywhere(state, make_running);
}

static void
where_the_disk_is_full_it_is_kept_beside_the_run(void **state)
{
        struct place *place = *state;
        struct stat about;
        bool durable;

        snprintf(place->snapshots.spare, PATH_MAX, "%s/spare", place->path);
        assert_int_equal(make(place, 1, "first", &durable), 0);
        /* a file where the folder should be: nothing can be made in it */
        assert_int_equal(rename(place->snapshots.durable, place->run), 0);
        assert_int_equal(mkdir(place->snapshots.durable, 0700), 0);
        snprintf(place->run, sizeof(place->run), "%s/beside", place->path);
        assert_int_equal(mkdir(place->run, 0700), 0);
        {
                char open_folder[PATH_MAX + 8];

                snprintf(open_folder, sizeof(open_folder), "%s/" SQI_SNAPSHOTS_OPEN, place->snapshots.durable);
                assert_int_equal(symlink("/nowhere", open_folder), 0);
        }
        assert_int_equal(make(place, 2, "the second", &durable), 0);
        assert_false(durable);
        assert_newest(&place->snapshots, 2, "the second");
        assert_int_equal(stat(place->snapshots.spare, &about), 0);
}

/* After every system call: what is found then is one of the two, and the second if its sealing had returned. */
static void
lose_power_everywhere(void **state, maker *make_one)
{
        struct place *place = *state;
        long calls = 0;

        do {
                struct sqi_snapshots after = {.durable = ""};
                bool durable = false;
                struct stat root;
                int r, fd, to;

                tear_down((void **)&place);
                set_up((void **)&place);
                assert_int_equal(make_one(place, 1, "first", &durable), 0);
                fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                note_all_below(fd);
                disk.mode = LOSES_POWER;
                disk.left = calls++;
                disk.struck = false;
                r = make_one(place, 2, "the second", &durable);
                disk.mode = SOUND;
                assert_int_equal(fstat(fd, &root), 0);
                assert_int_equal(mkdirat(fd, "after", 0700), 0);
                to = openat(fd, "after", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                lay_kept(root.st_ino, to);
                snprintf(after.durable, sizeof(after.durable), "%s/after/durable", place->path);
                assert_one_or_the_other(&after, r == 0);
                close(to);
                close(fd);
        } while (disk.struck);
        assert_true(calls > 10);
        *state = place;
}

static void
when_the_power_fails_one_of_the_two_is_there_whole(void **state)
{
        lose_power_everywhere(state, make);
}

static void
when_the_power_fails_one_of_two_epochs_is_there_whole(void **state)
{
        lose_power_everywhere(state, make_running);
}

static void
the_newest_epochs_are_kept_and_what_was_never_sealed_goes(void **state)
{
        static const bool stays[] = {false, false, false, false, true, false, true, false};
        const struct place *place = *state;
        char path[PATH_MAX + 32];
        uint64_t highest;
        bool durable;

        for (unsigned epoch = 1; epoch <= 6; epoch++) /* 5 is given up */
                assert_int_equal(epoch == 5 ? sqi_snapshots_open_epoch(&place->snapshots, 5)
                                            : make_running(place, epoch, "x", &durable),
                                 0);
        assert_int_equal(sqi_snapshots_open_epoch(&place->snapshots, 7), 0);
        assert_int_equal(sqi_snapshots_highest(&place->snapshots, &highest), 0);
        assert_int_equal(highest, 7);
        sqi_snapshots_keep(&place->snapshots, 2);
        for (unsigned epoch = 1; epoch <= 7; epoch++) {
                snprintf(path, sizeof(path), "%s/%u", place->snapshots.durable, epoch);
                assert_int_equal(access(path, F_OK), stays[epoch] ? 0 : -1);
                snprintf(path, sizeof(path), "%s/.open.%u", place->snapshots.durable, epoch);
                assert_int_equal(access(path, F_OK), -1);
        }
}

static void
an_epoch_with_a_part_that_is_missing_or_cut_is_not_sealed(void **state)
{
        const struct place *place = *state;
        char path[PATH_MAX + 32];
        struct content about;

        describe(1, &about);
        assert_int_equal(sqi_snapshots_open_epoch(&place->snapshots, 1), 0);
        snprintf(path, sizeof(path), "%s/.open.1", place->snapshots.durable);
        assert_int_equal(write_part(path, "count.0", "whole", &about.file), 0);
        about.file.size++;
        assert_int_equal(sqi_snapshots_seal_epoch(&place->snapshots, &about.manifest), -EBADMSG);
        snprintf(about.file.name, sizeof(about.file.name), "count.1");
        assert_int_equal(sqi_snapshots_seal_epoch(&place->snapshots, &about.manifest), -EBADMSG);
        snprintf(path, sizeof(path), "%s/1", place->snapshots.durable);
        assert_int_equal(access(path, F_OK), -1);
}

/* Every file, cut and changed at every byte; and not there. */
static void
one_that_is_damaged_is_named_and_not_passed_over(void **state)
{
        const struct place *place = *state;
        static const char *const files[] = {"manifest", "count.0"};
        char folder[PATH_MAX + 8], path[PATH_MAX], error[PATH_MAX + 512];
        struct sqi_manifest manifest;
        bool durable;
        int fd;

        assert_int_equal(make(place, 1, "first", &durable), 0);
        assert_int_equal(make(place, 2, "the second", &durable), 0);
        snprintf(folder, sizeof(folder), "%s/2", place->snapshots.durable);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < 2; i++) {
                char *whole;
                size_t size;

                assert_int_equal(sqi_file_read(fd, files[i], 10000, &whole, &size), 0);
                for (size_t cut = 0; cut <= size; cut++) {
                        if (cut < size)
                                assert_int_equal(sqi_file_write(fd, files[i], whole, cut), 0);
                        else
                                assert_int_equal(unlinkat(fd, files[i], 0), 0);
                        assert_int_equal(sqi_snapshots_newest(&place->snapshots, &manifest, path, error, sizeof(error)),
                                         -EBADMSG);
                        assert_non_null(strstr(error, folder));
                        assert_non_null(strstr(error, files[i]));
                }
                for (size_t at = 0; i == 0 && at < size; at++) {
                        whole[at] ^= 0x20;
                        assert_int_equal(sqi_file_write(fd, files[i], whole, size), 0);
                        assert_int_equal(sqi_snapshots_newest(&place->snapshots, &manifest, path, error, sizeof(error)),
                                         -EBADMSG);
                        whole[at] ^= 0x20;
                }
                assert_int_equal(sqi_file_write(fd, files[i], whole, size), 0);
                free(whole);
        }
        close(fd);
        assert_newest(&place->snapshots, 2, "the second");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(there_is_none_until_one_is_sealed),
                TEST(the_one_that_a_plan_began_from_is_kept_when_older_ones_go),
                TEST(the_one_before_is_unharmed_wherever_a_disk_fails_or_fills_up),
                TEST(where_the_disk_is_full_it_is_kept_beside_the_run),
                TEST(when_the_power_fails_one_of_the_two_is_there_whole),
                TEST(the_epoch_before_is_unharmed_wherever_a_disk_fails_or_fills_up),
                TEST(when_the_power_fails_one_of_two_epochs_is_there_whole),
                TEST(the_newest_epochs_are_kept_and_what_was_never_sealed_goes),
                TEST(an_epoch_with_a_part_that_is_missing_or_cut_is_not_sealed),
                TEST(one_that_is_damaged_is_named_and_not_passed_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
