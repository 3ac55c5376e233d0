/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a run begins anew, where only its name tells a first start from a restart: as on Apache Storm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "task/task.h"

struct place {
        char folder[96], path[128], runs[144];
        struct sqi_plan plan;
        struct sqi_plan_task tasks[2];
        struct sqi_driver driver;
        struct sq_task task;
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        make_folder(place->folder, sizeof(place->folder), "anew");
        snprintf(place->path, sizeof(place->path), "%s/out", place->folder);
        snprintf(place->runs, sizeof(place->runs), "%s.runs", place->path);
        place->tasks[1].index = 1;
        place->plan.tasks = place->tasks;
        place->task.plan = &place->plan;
        place->task.driver = &place->driver;
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

static off_t
size_of(const char *path)
{
        struct stat about;

        return stat(path, &about) == 0 ? about.st_size : -1;
}

/* As task `index` of that run: what sq_begin_anew() says; then a line is in the file. */
static int
begin(struct place *place, const char *run, uint32_t index)
{
        int fd = open(place->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), r;

        assert_true(fd >= 0);
        place->driver.run = run;
        place->task.id = index;
        r = sq_begin_anew(&place->task, place->path, fd);
        assert_int_equal(write(fd, "line\n", 5), 5);
        close(fd);
        return r;
}

static void
once_a_run(void **state)
{
        struct place *place = *state;

        assert_int_equal(begin(place, "", 0), 0); /* what cannot be proved is not emptied */
        assert_int_equal(begin(place, "a", 1), 1);
        assert_int_equal(begin(place, "a", 0), 0);
        assert_int_equal(begin(place, "a", 1), 0);
        assert_int_equal(size_of(place->path), 15);
        assert_int_equal(begin(place, "b", 0), 1);
        assert_int_equal(begin(place, "a", 0), 0); /* of the run before, started again late */
        assert_int_equal(size_of(place->path), 10);
}

static void
by_incarnation(void **state)
{
        struct place *place = *state;

        assert_int_equal(begin(place, NULL, 1), 0);
        assert_int_equal(begin(place, NULL, 0), 1);
        place->task.incarnation = 1;
        assert_int_equal(begin(place, NULL, 0), 0);
        assert_int_equal(size_of(place->path), 10);
        assert_int_equal(access(place->runs, F_OK), -1);
}

static void
a_name_that_begins_as_another_does_is_another(void **state)
{
        struct place *place = *state;

        assert_int_equal(begin(place, "run-10", 0), 1);
        assert_int_equal(begin(place, "run-1", 0), 1);
        assert_int_equal(begin(place, "run-1", 0), 0);
        assert_int_equal(begin(place, "run-10", 0), 0);
}

static void
lines_of_an_earlier_version_are_read_and_one_that_a_kill_has_torn_is_left_out(void **state)
{
        struct place *place = *state;

        put_file(place->runs, "run-10\nrun", strlen("run-10\nrun"));
        assert_int_equal(begin(place, "run-10", 0), 0);
        assert_int_equal(begin(place, "run", 0), 1);
        assert_int_equal(begin(place, "run", 0), 0);
        assert_int_equal(begin(place, "run-10", 0), 0);
}

static void
nothing_is_emptied_by_a_file_that_is_neither(void **state)
{
        static const char *const texts[] = {"S", "SQR", "\1run-1\n", "SQR\1", "SQR\1run-1\n"};
        struct place *place = *state;

        put_file(place->path, "line\n", strlen("line\n"));
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                put_file(place->runs, texts[i], strlen(texts[i]));
                assert_int_equal(begin(place, "run-1", 0), -EBADMSG);
        }
        put_file(place->runs, "SQR\2run-1\n", strlen("SQR\2run-1\n"));
        assert_int_equal(begin(place, "run-1", 0), -EPROTO);
        assert_int_equal(size_of(place->path), 35);
}

/* Where the run cannot be noted, nothing is known of the next start either. */
static void
not_noted(void **state)
{
        struct place *place = *state;

        assert_int_equal(mkdir(place->runs, 0700), 0);
        assert_int_equal(begin(place, "a", 0), -EISDIR);
}

/* All tasks begin at once: one of them empties the file, and no line of the others is lost. */
static void
all_at_once(void **state)
{
        enum { TASKS = 8 };
        struct place *place = *state;
        int emptied = 0, status;

        assert_int_equal(begin(place, "old", 0), 1);
        for (uint32_t i = 0; i < TASKS; i++)
                if (fork() == 0)
                        _exit(begin(place, "new", i % 2));
        for (uint32_t i = 0; i < TASKS; i++) {
                assert_true(wait(&status) > 0 && WIFEXITED(status));
                emptied += WEXITSTATUS(status);
        }
        assert_int_equal(emptied, 1);
        assert_int_equal(size_of(place->path), 5 * TASKS);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(once_a_run, set_up, tear_down),
                cmocka_unit_test_setup_teardown(by_incarnation, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_name_that_begins_as_another_does_is_another, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        lines_of_an_earlier_version_are_read_and_one_that_a_kill_has_torn_is_left_out, set_up,
                        tear_down),
                cmocka_unit_test_setup_teardown(nothing_is_emptied_by_a_file_that_is_neither, set_up, tear_down),
                cmocka_unit_test_setup_teardown(not_noted, set_up, tear_down),
                cmocka_unit_test_setup_teardown(all_at_once, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
