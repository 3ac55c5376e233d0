/* SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

void
make_folder(char *path, size_t size, const char *name)
{
        const char *place = getenv("TMPDIR");
        int n = snprintf(path, size, "%s/%s.XXXXXX", place ? place : "/tmp", name);

        assert_in_range(n, 1, size - 1);
        assert_non_null(mkdtemp(path));
}

static int
remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
        (void)about;
        (void)kind;
        (void)where;
        return remove(path);
}

void
remove_folder(const char *path)
{
        assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int
set_up_folder(void **state, const char *name)
{
        static char path[512];

        make_folder(path, sizeof(path), name);
        *state = path;
        return 0;
}

int
tear_down_folder(void **state)
{
        remove_folder(*state);
        return 0;
}

void
empty_folder(const char *path)
{
        char name[512];
        const struct dirent *entry;
        DIR *files = opendir(path);

        while (files && (entry = readdir(files))) {
                snprintf(name, sizeof(name), "%s/%.255s", path, entry->d_name);
                if (entry->d_name[0] != '.' && unlink(name) < 0)
                        rmdir(name);
        }
        if (files)
                closedir(files);
}

char *
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

void
put_file(const char *path, const char *bytes, size_t n)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
}
