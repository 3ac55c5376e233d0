/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was promised outlasts a loss of power: all that a call has made is synced, files with their content and folders
 * with their names. (That it is so at every instant in between is for tests/unit/snapshots.c.)
 *
 * The call that syncs is this file's own, around the kernel's: it notes what a file held, or a folder named, at its
 * last sync. What holds or names something else at the end is what a loss of power may take.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "built.h"
#include "base/sealed.h"
#include "command/cert.h"
#include "http/token.h"
#include "made.h"

/* ---- What the disk has ------------------------------------------------------------------------------- */

enum { SYNCED = 256, PATHS = 512, CONTENT = 4096 };

static struct {
        size_t n;
        struct {
                ino_t inode;
                uint64_t held;
        } items[SYNCED];
} synced;

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t
hash(uint64_t sum, const void *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
        return sum;
}

/* In whatever order the folder has them. */
static uint64_t
names_in(int fd)
{
        DIR *folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const struct dirent *entry;
        uint64_t sum = 1;

        while ((entry = readdir(folder)))
                sum += hash(hash(7, &entry->d_ino, sizeof(entry->d_ino)), entry->d_name, strlen(entry->d_name));
        closedir(folder);
        return sum;
}

static uint64_t
held_by(int fd, ino_t *ret_inode)
{
        char link[64], bytes[CONTENT];
        struct stat about;
        ssize_t n;
        int file;

        assert_int_equal(fstat(fd, &about), 0);
        *ret_inode = about.st_ino;
        if (S_ISDIR(about.st_mode))
                return names_in(fd);
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        file = open(link, O_RDONLY | O_CLOEXEC);
        n = pread(file, bytes, sizeof(bytes), 0);
        close(file);
        return hash(hash(3, &about.st_size, sizeof(about.st_size)), bytes, n > 0 ? (size_t)n : 0);
}

static void
note(int fd)
{
        ino_t inode;
        uint64_t held = held_by(fd, &inode);
        size_t i = 0;

        while (i < synced.n && synced.items[i].inode != inode)
                i++;
        assert_true(i < SYNCED);
        synced.items[i].inode = inode;
        synced.items[i].held = held;
        synced.n += i == synced.n;
}

static bool
has(int fd)
{
        ino_t inode;
        uint64_t held = held_by(fd, &inode);

        for (size_t i = 0; i < synced.n; i++)
                if (synced.items[i].inode == inode)
                        return synced.items[i].held == held;
        return false;
}

int
fsync(int fd)
{
        note(fd);
        return (int)syscall(SYS_fsync, fd);
}

/* Every file and folder from `path` on. */
static void
assert_on_disk(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        DIR *folder = fdopendir(dup(fd));
        const struct dirent *entry;
        char below[PATHS];

        assert_true(fd >= 0);
        if (!has(fd))
                fail_msg("a loss of power takes what %s %s", path, folder ? "names" : "holds");
        close(fd);
        while (folder && (entry = readdir(folder))) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
                assert_on_disk(below);
        }
        if (folder)
                closedir(folder);
}

/* ---- What is made ------------------------------------------------------------------------------------ */

static char place[64], path[128];

static int
set_up(void **state)
{
        (void)state;
        synced.n = 0;
        strcpy(place, "/tmp/squall-disk.XXXXXX");
        assert_non_null(mkdtemp(place));
        return 0;
}

static int
tear_down(void **state)
{
        (void)state;
        return sqi_folder_remove(AT_FDCWD, place);
}

static const char *
in_place(const char *name)
{
        snprintf(path, sizeof(path), "%s/%s", place, name);
        return path;
}

static void
a_folder_is_there_with_its_name(void **state)
{
        (void)state;
        assert_int_equal(sqi_folder_make(AT_FDCWD, in_place("new")), 0);
        assert_int_equal(sqi_folder_make(AT_FDCWD, path), 0);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(sqi_folder_make(AT_FDCWD, path), 0);
        int fd = open(place, O_RDONLY | O_CLOEXEC);
        assert_true(has(fd));
        close(fd);
}

static void
a_file_that_is_appended_to_is_there_with_its_lines_and_its_name(void **state)
{
        const struct sq_str none = {NULL, 0};
        struct sq_append *append;
        size_t done;

        (void)state;
        append = sq_append_new(open(in_place("lines"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), false);
        assert_non_null(append);
        assert_int_equal(sq_append(append, none, "one\n", 4, &done), 0);
        assert_int_equal(sq_append_sync(append), 0);
        assert_on_disk(place);
        assert_int_equal(sq_append(append, none, "two\n", 4, &done), 0);
        assert_int_equal(sq_append_sync(append), 0);
        assert_on_disk(place);
        sq_append_free(&append);
}

static void
a_pipe_and_a_device_have_nothing_to_sync(void **state)
{
        struct sq_append *append = sq_append_new(open("/dev/null", O_WRONLY | O_CLOEXEC), false);
        int fds[2];

        (void)state;
        assert_int_equal(sq_append_sync(append), 0);
        sq_append_free(&append);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        append = sq_append_new(fds[1], false);
        assert_int_equal(sq_append_sync(append), 0);
        sq_append_free(&append);
        close(fds[0]);
}

static void
a_certificate_is_there_with_both_its_files(void **state)
{
        struct sqi_cert cert;
        char error[256];

        (void)state;
        assert_int_equal(sqi_cert_make(in_place("cert"), &cert, error, sizeof(error)), 0);
        assert_on_disk(place);
}

static void
the_token_of_http_is_there_and_stays_the_same(void **state)
{
        char token[SQI_TOKEN_SIZE];
        int fd;

        (void)state;
        fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(sqi_token_open(fd, "http.token", token), 0);
        assert_on_disk(place);
        close(fd);
}

/* ---- What `write` acks ------------------------------------------------------------------------------- */

/* A rig of `write` into the place, with a further setting. */
static struct sq_rig *
make_writer(const char *setting, const char *promise)
{
        char setup[PATH_MAX + 512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/bolts/write.so, properties: {path: %s%s}, inputs: {in: [word]}%s}", built_folder(),
                 in_place("out"), setting, promise);
        return make_rig(setup);
}

static void
write_acks_what_is_on_disk_if_it_is_asked_to_sync(void **state)
{
        struct sq_rig *rig = make_writer(", sync: true", "");

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: one}"), SQ_ACK);
        assert_on_disk(place);
        sq_rig_free(&rig);
}

static void
write_leaves_a_file_that_was_renamed_on_disk(void **state)
{
        struct sq_rig *rig = make_writer(", sync: true", "");
        char old[PATHS];

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: one}"), SQ_ACK);
        snprintf(old, sizeof(old), "%s.1", path);
        assert_int_equal(rename(path, old), 0);
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: two}"), SQ_ACK);
        assert_on_disk(place);
        sq_rig_free(&rig);
}

static void
the_lines_of_an_epoch_are_on_disk_when_it_is_sealed(void **state)
{
        static const char *const ways[] = {"written", "commit"};
        char setting[32];

        (void)state;
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                snprintf(setting, sizeof(setting), ", visible: %s", ways[i]);
                struct sq_rig *rig = make_writer(setting, ", epochs: true");
                assert_int_equal(sq_rig_execute(rig, NULL, "{word: one}"), SQ_ACK);
                assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
                assert_on_disk(in_place("out"));
                int fd = open(place, O_RDONLY | O_CLOEXEC);
                assert_true(i > 0 || has(fd)); /* that of PATH.commits is open until the next one */
                close(fd);
                sq_rig_free(&rig);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
                T(a_folder_is_there_with_its_name),
                T(a_file_that_is_appended_to_is_there_with_its_lines_and_its_name),
                T(a_pipe_and_a_device_have_nothing_to_sync),
                T(a_certificate_is_there_with_both_its_files),
                T(the_token_of_http_is_there_and_stays_the_same),
                T(write_acks_what_is_on_disk_if_it_is_asked_to_sync),
                T(write_leaves_a_file_that_was_renamed_on_disk),
                T(the_lines_of_an_epoch_are_on_disk_when_it_is_sealed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
