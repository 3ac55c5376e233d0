/* SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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
