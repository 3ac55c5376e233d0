/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/test.h"

#include <errno.h>

int
sqi_test_wrong(struct sqi_script *script, struct sqi_place place, const char *format, ...)
{
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        sqi_diagnose(script->diagnostics, SQI_ERROR, place, "%s", text);
        return -EINVAL;
}

void
sqi_test_differs(struct sqi_test *test, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vfprintf(test->report, format, arguments);
        va_end(arguments);
        fputc('\n', test->report);
        test->failed = true;
}

struct sqi_tree_count
sqi_test_count_trees(const struct sq_rig *rig, size_t first)
{
        struct sqi_tree_count count = {0};

        for (size_t i = first; i < rig->ntrees; i++) {
                count.open += rig->trees[i].state == SQI_TREE_OPEN;
                count.acked += rig->trees[i].state == SQI_TREE_ACKED;
                count.failed += rig->trees[i].state == SQI_TREE_FAILED;
        }
        return count;
}
