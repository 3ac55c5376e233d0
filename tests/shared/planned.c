/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "planned.h"

int
plan_text(const char *text, const struct sqi_overrides *overrides, struct sqi_diagnostics *diagnostics,
          struct sqi_plan **ret)
{
        const char *place = getenv("TMPDIR");
        char path[512];
        int n = snprintf(path, sizeof(path), "%s/topology.XXXXXX", place ? place : "/tmp"), fd, r;

        assert_in_range(n, 1, sizeof(path) - 1);
        fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(close(fd), 0);
        r = sqi_topology_plan(path, overrides, diagnostics, ret);
        assert_int_equal(unlink(path), 0);
        return r;
}

struct sqi_plan *
planned(const char *text, const struct sqi_overrides *overrides)
{
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_plan *plan = NULL;
        int r = plan_text(text, overrides, &diagnostics, &plan);

        for (size_t i = 0; r < 0 && i < diagnostics.n; i++)
                print_error("%u:%u: %s\n", diagnostics.items[i].place.line, diagnostics.items[i].place.column,
                            diagnostics.items[i].text);
        sqi_diagnostics_release(&diagnostics);
        assert_int_equal(r, 0);
        return plan;
}
