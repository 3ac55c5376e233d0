/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories: whose they are, who sweeps them, what is left. And the lines that come out of a worker's pipe. */
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
#include <unistd.h>

#include <cmocka.h>

#include "base/lines.h"
#include "supervisor/process.h"
#include "supervisor/rundir.h"

static char place[] = "/tmp/squall-unit-XXXXXX";
static char error[512];

static int
make_place(void **state)
{
        (void)state;
        strcpy(strrchr(place, '-'), "-XXXXXX");
        return mkdtemp(place) && setenv("XDG_RUNTIME_DIR", place, 1) == 0 ? 0 : -1;
}

static int
remove_place(void **state)
{
        char base[64];

        (void)state;
        snprintf(base, sizeof(base), "%s/squall", place);
        rmdir(base);
        return rmdir(place);
}

static void
a_run_directory_is_ours_alone_and_leaves_nothing(void **state)
{
        struct sqi_rundir rundir;
        struct stat st;

        (void)state;
        assert_int_equal(sqi_rundir_make(&rundir, error, sizeof(error)), 0);
        assert_int_equal(stat(rundir.path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(sqi_rundir_write(&rundir, "plan", "bytes", 5), 0);
        char path[SQI_RUNDIR_SIZE];
        strcpy(path, rundir.path);
        sqi_rundir_remove(&rundir);
        assert_int_equal(access(path, F_OK), -1);
        sqi_rundir_remove(&rundir);
}

static void
sweeps_a_directory_whose_supervisor_is_gone_and_no_other(void **state)
{
        struct sqi_rundir dead, living, fresh;
        char path[SQI_RUNDIR_SIZE];

        (void)state;
        assert_int_equal(sqi_rundir_make(&dead, error, sizeof(error)), 0);
        assert_int_equal(sqi_rundir_make(&living, error, sizeof(error)), 0);
        strcpy(path, dead.path);
        close(dead.lock); /* as the kernel does when a process dies */
        assert_int_equal(sqi_rundir_make(&fresh, error, sizeof(error)), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(living.path, F_OK), 0);
        sqi_rundir_remove(&living);
        sqi_rundir_remove(&fresh);
}

static void
refuses_a_directory_that_is_open_to_others(void **state)
{
        struct sqi_rundir rundir;
        char base[64];

        (void)state;
        snprintf(base, sizeof(base), "%s/squall", place);
        assert_int_equal(mkdir(base, 0700), 0);
        assert_int_equal(chmod(base, 0755), 0);
        assert_int_equal(sqi_rundir_make(&rundir, error, sizeof(error)), -EPERM);
        assert_non_null(strstr(error, "open to others"));
        assert_non_null(strstr(error, base));
}

static void
refuses_a_directory_of_somebody_else(void **state)
{
        struct sqi_rundir rundir;
        char base[64];

        (void)state;
        if (geteuid() != 0)
                skip();
        snprintf(base, sizeof(base), "%s/squall", place);
        assert_int_equal(mkdir(base, 0700), 0);
        assert_int_equal(chown(base, 65534, 65534), 0);
        assert_int_equal(sqi_rundir_make(&rundir, error, sizeof(error)), -EPERM);
        assert_non_null(strstr(error, "65534"));
}

static void
refuses_a_symlink(void **state)
{
        struct sqi_rundir rundir;
        char base[64];

        (void)state;
        snprintf(base, sizeof(base), "%s/squall", place);
        assert_int_equal(symlink("/tmp", base), 0);
        assert_true(sqi_rundir_make(&rundir, error, sizeof(error)) < 0);
        unlink(base);
}

/* ---- Lines ------------------------------------------------------------------------------------------- */

static char heard[16][SQI_LINE_SIZE];
static size_t nheard;

static void
hear(void *context, const char *line)
{
        (void)context;
        strcpy(heard[nheard++ % 16], line);
}

static void
lines_are_whole_whatever_the_pieces_they_came_in(void **state)
{
        struct sqi_lines lines = {0};

        (void)state;
        nheard = 0;
        for (const char *at = "one\ntwo\r\n\nthr\x1b"
                              "ee";
             *at; at++)
                sqi_lines_add(&lines, at, 1, hear, NULL);
        assert_int_equal(nheard, 3);
        sqi_lines_end(&lines, hear, NULL);
        assert_int_equal(nheard, 4);
        assert_string_equal(heard[0], "one");
        assert_string_equal(heard[1], "two");
        assert_string_equal(heard[2], "");
        assert_string_equal(heard[3], "thr?ee");
}

static void
the_last_twenty_lines_are_kept(void **state)
{
        struct sqi_lines lines = {0};
        char line[16];

        (void)state;
        for (int i = 0; i < 100; i++) {
                snprintf(line, sizeof(line), "%d\n", i);
                sqi_lines_add(&lines, line, strlen(line), hear, NULL);
        }
        sqi_lines_add(&lines, "half", 4, hear, NULL);
        assert_int_equal(sqi_lines_kept(&lines), 20);
        assert_string_equal(sqi_lines_get(&lines, 0), "80");
        assert_string_equal(sqi_lines_get(&lines, 19), "99");
}

static void
a_line_without_end_is_handed_on_in_pieces(void **state)
{
        struct sqi_lines lines = {0};

        (void)state;
        nheard = 0;
        for (int i = 0; i < 3 * SQI_LINE_SIZE; i++)
                sqi_lines_add(&lines, "x", 1, hear, NULL);
        assert_int_equal(nheard, 3);
        assert_int_equal(strlen(heard[0]), SQI_LINE_SIZE - 1);
}

/* ---- Processes --------------------------------------------------------------------------------------- */

static void
a_program_that_is_not_there_is_an_errno_and_no_process(void **state)
{
        char *argv[] = {place, NULL};
        struct sqi_process process;

        (void)state;
        assert_int_equal(sqi_process_spawn("/nowhere/at/all", argv, 0, &process), -ENOENT);
        assert_int_equal(sqi_process_spawn("/tmp", argv, 0, &process), -EACCES);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_run_directory_is_ours_alone_and_leaves_nothing, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(sweeps_a_directory_whose_supervisor_is_gone_and_no_other, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(refuses_a_directory_that_is_open_to_others, make_place, remove_place),
                cmocka_unit_test_setup_teardown(refuses_a_directory_of_somebody_else, make_place, remove_place),
                cmocka_unit_test_setup_teardown(refuses_a_symlink, make_place, remove_place),
                cmocka_unit_test(lines_are_whole_whatever_the_pieces_they_came_in),
                cmocka_unit_test(the_last_twenty_lines_are_kept),
                cmocka_unit_test(a_line_without_end_is_handed_on_in_pieces),
                cmocka_unit_test(a_program_that_is_not_there_is_an_errno_and_no_process),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
