/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `write` under exactly-once, killed before, in and after everything that it does to the disk.
 *
 * The test stands in the way of the calls: a child counts them and dies by SIGKILL at one, the next one goes on from
 * the last sealed epoch, dies as well, and a third one does the rest. Whatever happens, each line stands there once.
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
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "control/snapshot_format.h"
#include "squall-test.h"
#include "built.h"

enum { EPOCHS = 2, EACH = 2 };
enum how { BEFORE, WITHIN, AFTER, HOWS };
static const char *const words[] = {[BEFORE] = "before", [WITHIN] = "in", [AFTER] = "after"};

/* ---- The calls --------------------------------------------------------------------------------------- */

static unsigned steps, deadly; /* 0: none is */
static enum how deadly_how;

static void
die(void)
{
        kill(getpid(), SIGKILL);
        for (;;)
                pause();
}

/* Two calls around what the kernel does. True: half of it is wanted. */
static bool
come_to(void)
{
        steps++;
        if (steps == deadly && deadly_how == BEFORE)
                die();
        return steps == deadly && deadly_how == WITHIN;
}

static long
leave(long r)
{
        if (steps == deadly && deadly_how != BEFORE)
                die();
        return r;
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
        bool half;

        if (fd <= STDERR_FILENO || deadly == 0)
                return syscall(SYS_write, fd, bytes, n);
        half = come_to();
        return leave(syscall(SYS_write, fd, bytes, half ? n / 2 : n));
}

#define STEP(name, parameters, ...) \
        int name parameters \
        { \
                if (deadly == 0) \
                        return (int)syscall(SYS_##name, __VA_ARGS__); \
                if (come_to()) \
                        die(); \
                return (int)leave(syscall(SYS_##name, __VA_ARGS__)); \
        }
STEP(fsync, (int fd), fd)
STEP(ftruncate, (int fd, off_t size), fd, size)
STEP(rename, (const char *from, const char *to), from, to)
STEP(renameat, (int folder, const char *from, int there, const char *to), folder, from, there, to)
STEP(renameat2, (int folder, const char *from, int there, const char *to, unsigned flags), folder, from, there, to,
     flags)
STEP(unlink, (const char *path), path)

/* ---- A run ------------------------------------------------------------------------------------------- */

struct place {
        char folder[96], path[128], epochs[128];
        const char *more; /* settings */
};

static void
begin(struct place *place, const char *more)
{
        make_folder(place->folder, sizeof(place->folder), "written");
        snprintf(place->path, sizeof(place->path), "%s/out", place->folder);
        snprintf(place->epochs, sizeof(place->epochs), "%s/epochs", place->folder);
        assert_int_equal(mkdir(place->epochs, 0700), 0);
        place->more = more;
}

static void
end(struct place *place)
{
        remove_folder(place->folder);
}

static void
set_up_rig(const struct place *place, char *setup, size_t size)
{
        snprintf(setup, size, "{component: write, properties: {path: %s, %s}, inputs: {in: [n]}, epochs: %s}",
                 place->path, place->more, place->epochs);
}

static struct sq_rig *
open_rig(const struct place *place)
{
        char setup[1024], error[512];
        struct sq_rig *rig;

        set_up_rig(place, setup, sizeof(setup));
        rig = sq_rig_new(setup, error, sizeof(error));
        if (!rig)
                fail_msg("%s", error);
        return rig;
}

/* The first one is sealed before a tuple came. */
static unsigned
sealed(const struct place *place)
{
        DIR *dir = opendir(place->epochs);
        const struct dirent *entry;
        unsigned n = 0;

        while (dir && (entry = readdir(dir)))
                n += strncmp(entry->d_name, "epoch-", 6) == 0;
        closedir(dir);
        return n;
}

static void
put(struct sq_rig *rig, unsigned n)
{
        char tuple[64];

        snprintf(tuple, sizeof(tuple), "{n: %u}", n);
        assert_int_equal(sq_rig_execute(rig, NULL, tuple), SQ_ACK);
}

/* From where the last sealed epoch ended to the end. */
static void
run(const struct place *place)
{
        struct sq_rig *rig = open_rig(place);

        for (unsigned e = sealed(place) - 1; e < EPOCHS; e++) {
                for (unsigned i = 0; i < EACH; i++)
                        put(rig, e * EACH + i);
                if (sq_rig_checkpoint(rig, SQ_RIG_COMMITTED) < 0)
                        fail_msg("%s", sq_rig_error(rig));
        }
        sq_rig_free(&rig);
}

/* In a process that dies at a step. One more than the steps that it came to; 0: it died. */
static unsigned
run_and_die(const struct place *place, unsigned step, enum how how)
{
        int pair[2], status;
        unsigned came = 0;
        pid_t pid;

        assert_int_equal(pipe(pair), 0);
        pid = fork();
        if (pid == 0) {
                deadly = step;
                deadly_how = how;
                run(place);
                deadly = 0;
                steps++; /* 0 is another answer */
                _exit(write(pair[1], &steps, sizeof(steps)) == sizeof(steps) ? 0 : 1);
        }
        close(pair[1]);
        if (read(pair[0], &came, sizeof(came)) != sizeof(came))
                came = 0;
        close(pair[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (came ? status != 0 : !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fail_msg("at %s step %u: came to %u, ended with status %#x", words[how], step, came, (unsigned)status);
        return came;
}

static void
holds(const char *path, const char *text, const char *when)
{
        char bytes[4096];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

        close(fd);
        bytes[n > 0 ? n : 0] = '\0';
        if (strcmp(bytes, text) != 0)
                fail_msg("%s: holds\n%sand not\n%s", when, bytes, text);
}

/* The file itself comes first, as the last one that is begun has nothing in it; then what it was rotated to. */
static int
is_output(const struct dirent *entry)
{
        return strcmp(entry->d_name, "out") == 0 || strncmp(entry->d_name, "out.2", 5) == 0;
}

static void
all_hold(const struct place *place, const char *text, const char *when)
{
        struct dirent **names;
        char path[512], bytes[4096];
        size_t len = 0;
        int n = scandir(place->folder, &names, is_output, alphasort);

        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
                ssize_t got;
                int fd;

                snprintf(path, sizeof(path), "%s/%s", place->folder, names[i]->d_name);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                got = read(fd, bytes + len, sizeof(bytes) - 1 - len);
                close(fd);
                len += got > 0 ? (size_t)got : 0;
                free(names[i]);
        }
        free(names);
        bytes[len] = '\0';
        if (strcmp(bytes, text) != 0)
                fail_msg("%s: %d files hold\n%sand not\n%s", when, n, bytes, text);
}

static void
survives_everything(const char *more, const char *expected)
{
        struct place place = {0};
        unsigned all, second = 0;
        char when[64];

        begin(&place, more);
        all = run_and_die(&place, UINT32_MAX, BEFORE) - 1;
        all_hold(&place, expected, "nobody died");
        end(&place);
        assert_true(all > EPOCHS);
        for (unsigned step = 1; step <= all; step++)
                for (enum how how = BEFORE; how < HOWS; how++) {
                        begin(&place, more);
                        snprintf(when, sizeof(when), "dead %s step %u, then %s step %u", words[how], step,
                                 words[second % HOWS], 1 + second % all);
                        assert_int_equal(run_and_die(&place, step, how), 0);
                        run_and_die(&place, 1 + second % all, (enum how)(second % HOWS));
                        run_and_die(&place, UINT32_MAX, BEFORE);
                        all_hold(&place, expected, when);
                        end(&place);
                        second += 5;
                }
}

static void
each_line_stands_there_once_when_lines_are_visible_at_once(void **state)
{
        (void)state;
        survives_everything("visible: written", "0\n1\n2\n3\n");
}

static void
each_line_stands_in_one_of_the_files_once_when_each_epoch_has_its_own(void **state)
{
        (void)state;
        survives_everything("visible: written, rotate-bytes: 1", "0\n1\n2\n3\n");
}

static void
each_line_and_the_header_stand_there_once_when_lines_are_visible_with_their_epoch(void **state)
{
        (void)state;
        survives_everything("visible: commit, format: csv", "n\n0\n1\n2\n3\n");
}

/* ---- Files that change hands ------------------------------------------------------------------------- */

static void
replace(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static void
cuts_back_what_came_after_the_last_sealed_epoch(void **state)
{
        struct place place = {0};
        struct sq_rig *rig;

        (void)state;
        begin(&place, "visible: written");
        rig = open_rig(&place);
        put(rig, 1);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_SEALED), 0);
        put(rig, 2);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_ABANDONED), 0);
        holds(place.path, "1\n2\n", "before the restore");
        sq_rig_restore(rig, 0);
        assert_string_equal(sq_rig_error(rig), "");
        holds(place.path, "1\n", "after the restore");
        put(rig, 3);
        holds(place.path, "1\n3\n", "at the end");
        sq_rig_free(&rig);
        end(&place);
}

static void
an_epoch_that_was_given_up_is_published_with_the_next(void **state)
{
        struct place place = {0};
        struct sq_rig *rig;

        (void)state;
        begin(&place, "visible: commit");
        rig = open_rig(&place);
        put(rig, 1);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_ABANDONED), 0);
        put(rig, 2);
        holds(place.path, "", "before the commit");
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        holds(place.path, "1\n2\n", "after it");
        sq_rig_free(&rig);
        end(&place);
}

static void
never_cuts_a_file_of_another_identity(void **state)
{
        struct place place = {0};
        struct sq_rig *rig;
        char other[160];

        (void)state;
        begin(&place, "visible: written");
        rig = open_rig(&place);
        put(rig, 1);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        snprintf(other, sizeof(other), "%s/other", place.folder);
        replace(other, "theirs\ntheirs too\n");
        assert_int_equal(rename(other, place.path), 0);
        sq_rig_restore(rig, 0);
        assert_non_null(strstr(sq_rig_logged(rig), "nothing is cut off"));
        holds(place.path, "theirs\ntheirs too\n", "swapped");
        sq_rig_free(&rig);
        end(&place);
}

static void
never_cuts_a_file_that_was_written_anew_or_is_shorter_than_what_was_committed(void **state)
{
        static const char *const texts[] = {"other lines\nand more of them\n", "1"};
        struct place place = {0};
        struct sq_rig *rig;

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                begin(&place, "visible: written");
                rig = open_rig(&place);
                put(rig, 1);
                put(rig, 2);
                assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
                replace(place.path, texts[i]);
                sq_rig_restore(rig, 0);
                assert_non_null(strstr(sq_rig_logged(rig), "nothing is cut off"));
                holds(place.path, texts[i], "written anew");
                sq_rig_free(&rig);
                end(&place);
        }
}

static void
a_file_that_was_renamed_gets_the_lines_of_its_epoch_and_is_cut_back_by_its_new_name(void **state)
{
        struct place place = {0};
        struct sq_rig *rig;
        char rotated[160];

        (void)state;
        begin(&place, "visible: written");
        snprintf(rotated, sizeof(rotated), "%s/out.1", place.folder);
        rig = open_rig(&place);
        put(rig, 1);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        put(rig, 2);
        assert_int_equal(rename(place.path, rotated), 0);
        sq_rig_advance(rig, 2000000000);
        put(rig, 3);
        holds(rotated, "1\n2\n3\n", "renamed");
        sq_rig_restore(rig, 0);
        holds(rotated, "1\n", "cut back");
        put(rig, 4);
        sq_rig_advance(rig, 2000000000);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_SEALED), 0);
        put(rig, 5);
        holds(rotated, "1\n4\n", "its epoch is over");
        sq_rig_restore(rig, 0);
        holds(place.path, "", "nothing of the next epoch");
        put(rig, 6);
        holds(place.path, "6\n", "the new file");
        holds(rotated, "1\n4\n", "the old one");
        sq_rig_free(&rig);
        end(&place);
}

static void
says_that_lines_of_a_file_begun_after_the_epoch_that_it_goes_back_to_stay(void **state)
{
        struct place place = {0};
        struct sq_rig *rig;
        char newest[160];

        (void)state;
        begin(&place, "visible: written, rotate-bytes: 1");
        rig = open_rig(&place);
        put(rig, 1);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        snprintf(newest, sizeof(newest), "%s/epoch-%u", place.epochs, sealed(&place));
        sq_rig_restore(rig, 0);
        assert_null(strstr(sq_rig_logged(rig), "stay and come again"));
        put(rig, 2);
        sq_rig_free(&rig);
        holds(place.path, "2\n", "the file of the next epoch");
        assert_int_equal(remove(newest), 0);
        rig = open_rig(&place);
        assert_non_null(strstr(sq_rig_logged(rig), "stay and come again"));
        all_hold(&place, "2\n", "back before the first epoch");
        sq_rig_free(&rig);
        end(&place);
}

/* As another version might say how far the file is: in eight bytes less. */
static void
shorten_place(const char *epoch)
{
        struct section_head head;
        size_t n;
        char *bytes = take_file(epoch, &n), *place = memmem(bytes, n, "place", 5);

        assert_non_null(place);
        memcpy(&head, place - sizeof(head), sizeof(head));
        assert_int_equal(head.kind, SQI_SECTION_VALUE);
        head.size -= 8;
        memcpy(place - sizeof(head), &head, sizeof(head));
        memmove(place + head.size, place + head.size + 8, n - 8 - (size_t)(place - bytes) - head.size);
        put_file(epoch, bytes, n - 8);
        free(bytes);
}

static void
a_place_of_another_size_is_named_and_nothing_is_cut(void **state)
{
        struct place place = {0};
        struct sq_rig *rig;
        char newest[160], setup[1024], error[512] = "";

        (void)state;
        begin(&place, "visible: written");
        rig = open_rig(&place);
        put(rig, 1);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        put(rig, 2);
        sq_rig_free(&rig);
        snprintf(newest, sizeof(newest), "%s/epoch-%u", place.epochs, sealed(&place));
        shorten_place(newest);
        set_up_rig(&place, setup, sizeof(setup));
        rig = sq_rig_new(setup, error, sizeof(error));
        sq_rig_free(&rig);
        assert_non_null(strstr(error, place.path));
        assert_non_null(strstr(error, "in 56 bytes and not in 64: another version of Squall wrote it"));
        holds(place.path, "1\n2\n", "as it was");
        end(&place);
}

static void
a_start_from_nothing_empties_the_file_and_a_restore_does_not(void **state)
{
        static const char *const ways[] = {"visible: written", "visible: commit"};
        struct place place = {0};
        struct sq_rig *rig;

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                begin(&place, ways[i]);
                replace(place.path, "old\n");
                rig = open_rig(&place);
                holds(place.path, "", "begun");
                put(rig, 1);
                assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
                sq_rig_free(&rig);
                rig = open_rig(&place);
                holds(place.path, "1\n", "restored");
                sq_rig_free(&rig);
                end(&place);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_line_stands_there_once_when_lines_are_visible_at_once),
                cmocka_unit_test(each_line_stands_in_one_of_the_files_once_when_each_epoch_has_its_own),
                cmocka_unit_test(each_line_and_the_header_stand_there_once_when_lines_are_visible_with_their_epoch),
                cmocka_unit_test(cuts_back_what_came_after_the_last_sealed_epoch),
                cmocka_unit_test(an_epoch_that_was_given_up_is_published_with_the_next),
                cmocka_unit_test(never_cuts_a_file_of_another_identity),
                cmocka_unit_test(never_cuts_a_file_that_was_written_anew_or_is_shorter_than_what_was_committed),
                cmocka_unit_test(a_file_that_was_renamed_gets_the_lines_of_its_epoch_and_is_cut_back_by_its_new_name),
                cmocka_unit_test(says_that_lines_of_a_file_begun_after_the_epoch_that_it_goes_back_to_stay),
                cmocka_unit_test(a_place_of_another_size_is_named_and_nothing_is_cut),
                cmocka_unit_test(a_start_from_nothing_empties_the_file_and_a_restore_does_not),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
