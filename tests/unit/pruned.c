/* SPDX-License-Identifier: Apache-2.0 */
/* Epochs that are removed, by who is killed before it is through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "../shared/folder.h"
#include "daemon/snapshots.h"

enum { DEEP = 6 }; /* deeper than what a removal goes into, so it ends there, as by a kill */

static int
set_up(void **state)
{
        return set_up_folder(state, "pruned");
}

static void
an_epoch_whose_removal_is_cut_short_is_not_there_any_more(void **state)
{
        struct sqi_snapshots snapshots = {.spare = ""};
        char path[PATH_MAX + 64], found[PATH_MAX], error[PATH_MAX + 512];
        struct sqi_manifest manifest = {0};

        snprintf(snapshots.durable, sizeof(snapshots.durable), "%s", (const char *)*state);
        snprintf(path, sizeof(path), "%s/7", snapshots.durable);
        for (unsigned depth = 0; depth < DEEP; depth++) {
                assert_int_equal(mkdir(path, 0700), 0);
                strcat(path, "/d");
        }
        assert_int_equal(sqi_snapshots_newest(&snapshots, &manifest, found, error, sizeof(error)), -EBADMSG);
        sqi_snapshots_keep(&snapshots, 0);
        assert_int_equal(sqi_snapshots_newest(&snapshots, &manifest, found, error, sizeof(error)), -ENOENT);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_epoch_whose_removal_is_cut_short_is_not_there_any_more, set_up,
                                                tear_down_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
