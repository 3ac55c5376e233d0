/* SPDX-License-Identifier: Apache-2.0 */
/* A spout that emits more in one call than a buffer holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "../shared/rigged.h"
#include "built.h"
#include "rig/rig.h"

/* A buffer of batches of 64 bytes has 4176: a header, and four of these lines. */
enum { LINE = 900, FITS = 4 };

struct lines {
        char folder[96], path[128];
};

static struct sq_rig *
make(struct lines *lines, int n, const char *delivery)
{
        FILE *file;

        make_folder(lines->folder, sizeof(lines->folder), "room");
        snprintf(lines->path, sizeof(lines->path), "%s/lines", lines->folder);
        file = fopen(lines->path, "we");
        assert_non_null(file);
        for (int i = 0; i < n; i++)
                fprintf(file, "%0*d\n", LINE, i);
        assert_int_equal(fclose(file), 0);
        return make_rig("{component: file, kind: spout, properties: {path: %s}, "
                        "config: {topology.batch.bytes: 64, topology.delivery: %s}}",
                        lines->path, delivery);
}

static void
end(struct lines *lines, struct sq_rig *rig)
{
        sq_rig_free(&rig);
        unlink(lines->path);
        rmdir(lines->folder);
}

static int
count_lines(const char *text)
{
        int n = 0;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

static void
what_has_no_room_comes_out_with_its_call(void **state)
{
        struct lines lines;

        (void)state;
        for (int n = FITS; n <= 3 * FITS + 1; n++) {
                struct sq_rig *rig = make(&lines, n, "at-most-once");

                sq_rig_next(rig, 1);
                assert_int_equal(count_lines(sq_rig_emitted(rig, NULL)), n);
                assert_int_equal(rig->task->metrics->emitted, n);
                assert_int_equal(rig->task->metrics->transferred, n);
                end(&lines, rig);
        }
}

static void
a_full_buffer_goes_out_and_none_outgrows_the_pool(void **state)
{
        struct lines lines;
        struct sq_rig *rig = make(&lines, 3 * FITS, "at-most-once");

        (void)state;
        sq_rig_next(rig, 1);
        assert_int_equal(count_lines(sq_rig_emitted(rig, NULL)), 3 * FITS);
        assert_true(rig->task->metrics->batches_out >= 3);
        end(&lines, rig);
}

static void
each_line_is_a_tree_that_comes_again_by_itself(void **state)
{
        struct lines lines;
        struct sq_rig *rig = make(&lines, 2 * FITS, "at-least-once");
        char again[16];

        (void)state;
        sq_rig_next(rig, 1);
        assert_int_equal(count_lines(sq_rig_emitted(rig, NULL)), 2 * FITS);
        for (int i = 0; i < 2 * FITS; i++)
                if (i != FITS)
                        sq_rig_ack(rig, (unsigned)i);
        sq_rig_fail(rig, FITS);
        sq_rig_advance(rig, 5000000000u);
        snprintf(again, sizeof(again), "%08d\"}\n", FITS);
        assert_non_null(strstr(sq_rig_emitted(rig, NULL), again));
        assert_int_equal(rig->task->metrics->replayed, 1);
        end(&lines, rig);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_has_no_room_comes_out_with_its_call),
                cmocka_unit_test(a_full_buffer_goes_out_and_none_outgrows_the_pool),
                cmocka_unit_test(each_line_is_a_tree_that_comes_again_by_itself),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
