/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "../shared/folder.h"
#include "../shared/rigged.h"

struct sq_rig *
make_rig(const char *format, ...)
{
        char setup[PATH_MAX + 1024], error[512];
        struct sq_rig *rig;
        va_list args;

        va_start(args, format);
        vsnprintf(setup, sizeof(setup), format, args);
        va_end(args);
        rig = sq_rig_new(setup, error, sizeof(error));
        if (!rig)
                fail_msg("%s", error);
        return rig;
}

int
set_up_rigged(void **state, const char *name)
{
        struct rigged *rigged = calloc(1, sizeof(*rigged));

        make_folder(rigged->folder, sizeof(rigged->folder), name);
        snprintf(rigged->place, sizeof(rigged->place), "%s/%s", rigged->folder, name);
        snprintf(rigged->epochs, sizeof(rigged->epochs), "%s/epochs", rigged->folder);
        assert_int_equal(mkdir(rigged->epochs, 0700), 0);
        *state = rigged;
        return 0;
}

int
tear_down_rigged(void **state)
{
        struct rigged *rigged = *state;

        sq_rig_free(&rigged->rig);
        remove_folder(rigged->folder);
        free(rigged);
        return 0;
}
