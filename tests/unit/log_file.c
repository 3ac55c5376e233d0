/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a topology. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../shared/folder.h"
#include "base/sealed.h"
#include "daemon/log_file.h"

static int
set_up(void **state)
{
        return set_up_folder(state, "log");
}

static void
a_line_is_taken_apart_as_it_was_put_together(void **state)
{
        const char *folder = *state;
        struct sqi_log_entry line;
        struct sqi_log_file log = {0};
        char path[128], *text;
        size_t size;

        snprintf(path, sizeof(path), "%s/log", folder);
        assert_int_equal(sqi_log_file_open(path, &log), 0);
        sqi_log_file_add_line(&log, "count/1", 4, "warning: too late");
        sqi_log_file_close(&log);
        assert_int_equal(sqi_file_read(AT_FDCWD, path, 10000, &text, &size), 0);
        assert_true(sqi_log_file_parse(text, size - 1, &line));
        assert_int_equal(line.level, SQ_WARN);
        assert_int_equal(line.incarnation, 4);
        assert_int_equal(line.task.len, 7);
        assert_memory_equal(line.task.ptr, "count/1", 7);
        assert_int_equal(line.text.len, 8);
        assert_memory_equal(line.text.ptr, "too late", 8);
        free(text);
}

static int
is_there(const char *folder, const char *name)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return access(path, F_OK);
}

static void
a_full_log_becomes_the_first_old_one_and_the_last_old_one_goes(void **state)
{
        const char *folder = *state;
        struct sqi_log_file log = {0};
        char path[128];

        snprintf(path, sizeof(path), "%s/log", folder);
        assert_int_equal(sqi_log_file_open(path, &log), 0);
        for (int i = 0; i < SQI_LOG_FILE_KEPT + 2; i++) {
                log.size = SQI_LOG_FILE_MAX;
                sqi_log_file_add(&log, SQ_INFO, "a/0", 0, "x");
        }
        assert_true(log.size == 0);
        sqi_log_file_close(&log);
        assert_int_equal(is_there(folder, "log.1"), 0);
        assert_int_equal(is_there(folder, "log.4"), 0);
        assert_int_equal(is_there(folder, "log.5"), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_folder)

/* So many bytes may be in a file, as on a disk that is full then. */
static void
let_files_have(rlim_t bytes)
{
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
lines_that_found_no_room_are_counted_and_told_once(void **state)
{
        const char *folder = *state;
        struct sqi_log_file log = {0};
        char path[128];
        uint64_t lost;

        signal(SIGXFSZ, SIG_IGN);
        snprintf(path, sizeof(path), "%s/log", folder);
        assert_int_equal(sqi_log_file_open(path, &log), 0);
        sqi_log_file_add_whole(&log, "one\n", 4);
        assert_int_equal(sqi_log_file_look(&log, &lost), SQI_LOG_AS_BEFORE);
        let_files_have(6);
        sqi_log_file_add_whole(&log, "two\n", 4);
        assert_int_equal(sqi_log_file_look(&log, &lost), SQI_LOG_FAILS);
        sqi_log_file_add_whole(&log, "three\n", 6);
        assert_int_equal(sqi_log_file_look(&log, &lost), SQI_LOG_AS_BEFORE);
        let_files_have(RLIM_INFINITY);
        sqi_log_file_add_whole(&log, "four\n", 5);
        assert_int_equal(sqi_log_file_look(&log, &lost), SQI_LOG_GOES_ON);
        assert_int_equal(lost, 2);
        assert_int_equal(sqi_log_file_look(&log, &lost), SQI_LOG_AS_BEFORE);
        sqi_log_file_close(&log);

        char *text;
        size_t size;
        assert_int_equal(sqi_file_read(AT_FDCWD, path, 10000, &text, &size), 0);
        assert_int_equal(size, 9);
        assert_memory_equal(text, "one\nfour\n", 9);
        free(text);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_line_is_taken_apart_as_it_was_put_together),
                TEST(a_full_log_becomes_the_first_old_one_and_the_last_old_one_goes),
                TEST(lines_that_found_no_room_are_counted_and_told_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
