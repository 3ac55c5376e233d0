/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of files (base/sealed.h), as of what a snapshot has of a file that goes on. */
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
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "base/sealed.h"

enum { SIZE = 3 << 20 }; /* more than is read at once */
static char folder[PATH_MAX], path[PATH_MAX + 8];
static char bytes[SIZE];

static void
holds(int at, size_t size)
{
        char *copy;
        size_t n;

        assert_int_equal(sqi_file_read(at, "copy", SIZE, &copy, &n), 0);
        assert_int_equal(n, size);
        assert_memory_equal(copy, bytes, size);
        free(copy);
}

static int
fill(void **state)
{
        (void)state;
        for (size_t i = 0; i < SIZE; i++)
                bytes[i] = (char)(i * 2654435761u >> 13);
        make_folder(folder, sizeof(folder), "copied");
        snprintf(path, sizeof(path), "%s/from", folder);
        return sqi_file_write(AT_FDCWD, path, bytes, SIZE);
}

static int
empty(void **state)
{
        (void)state;
        remove_folder(folder);
        return 0;
}

static void
copies_all_of_a_file_or_what_it_begins_with(void **state)
{
        int at = sqi_folder_open(AT_FDCWD, folder);
        static const size_t sizes[] = {0, 1, 65536, 65537, SIZE - 1, SIZE};

        (void)state;
        assert_int_equal(sqi_file_copy(path, at, "copy"), 0);
        holds(at, SIZE);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                assert_int_equal(sqi_file_copy_part(path, at, "copy", sizes[i], NULL), 0);
                holds(at, sizes[i]);
        }
        close(at);
}

/* Where there is none, both are on one: the kernel then copies by itself. */
static void
copies_to_another_file_system(void **state)
{
        char other[] = "/dev/shm/squall-copied-XXXXXX";

        (void)state;
        if (!mkdtemp(other))
                skip();
        int at = sqi_folder_open(AT_FDCWD, other);
        assert_int_equal(sqi_file_copy_part(path, at, "copy", SIZE - 1, NULL), 0);
        holds(at, SIZE - 1);
        close(at);
        remove_folder(other);
}

static void
says_that_there_is_less_than_was_wanted(void **state)
{
        int at = sqi_folder_open(AT_FDCWD, folder);

        (void)state;
        assert_int_equal(sqi_file_copy_part(path, at, "copy", SIZE + 1, NULL), -EBADMSG);
        close(at);
}

static void
stops_when_it_is_not_wanted_any_more(void **state)
{
        int at = sqi_folder_open(AT_FDCWD, folder);
        atomic_bool stop = true;
        struct stat about;

        (void)state;
        assert_int_equal(sqi_file_copy_part(path, at, "copy", SIZE, &stop), -ECANCELED);
        assert_int_equal(fstatat(at, "copy", &about, 0), 0);
        assert_int_equal(about.st_size, 0);
        close(at);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(copies_all_of_a_file_or_what_it_begins_with),
                cmocka_unit_test(copies_to_another_file_system),
                cmocka_unit_test(says_that_there_is_less_than_was_wanted),
                cmocka_unit_test(stops_when_it_is_not_wanted_any_more),
        };

        return cmocka_run_group_tests(tests, fill, empty);
}
