/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/expect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig/compare.h"
#include "rig/values.h"
#include "component/settings.h"

static void
check_file(struct sqi_test *test, const struct sqi_yaml_item *item)
{
        char path[512], *text = NULL;
        size_t size = 0;
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", test->folder, item->key);
        file = fopen(path, "re");
        ssize_t n = file ? getdelim(&text, &size, '\0', file) : -1;
        if (file)
                fclose(file);
        if (strcmp(n > 0 ? text : "", item->value->text ? item->value->text : "") != 0) {
                fprintf(test->report, "the file %s\n", item->key);
                sqi_compare_texts(test->report, item->value->text ? item->value->text : "", n > 0 ? text : "");
                test->failed = true;
        }
        free(text);
}

/* And not a tuple as a list of its values. */
static bool
is_list_of_tuples(const struct sqi_yaml *expected)
{
        bool several = expected->kind == SQI_YAML_SEQUENCE && !expected->first;

        if (expected->kind == SQI_YAML_SEQUENCE)
                for (const struct sqi_yaml_item *item = expected->first; item; item = item->next)
                        several |= item->value->kind >= SQI_YAML_SEQUENCE;
        return several;
}

static int
check_stream(struct sqi_test *test, const struct sqi_test_step *step, uint32_t stream, const struct sqi_yaml *expected)
{
        const struct sqi_yaml_item *unordered = sqi_yaml_get(step->node, "unordered");
        struct sqi_comparison comparison = {.unordered = unordered && unordered->value->text &&
                                                         strcmp(unordered->value->text, "true") == 0};
        bool several = expected && is_list_of_tuples(expected);
        const struct sqi_yaml_item one = {.value = (struct sqi_yaml *)(uintptr_t)expected},
                                   *item = expected ? &one : NULL;
        int r = 0;

        if (several)
                item = expected->first;

        if (expected && sqi_value_is_any(expected))
                return 0;
        if (expected && expected->kind == SQI_YAML_NULL)
                item = NULL;
        for (; item && r == 0; item = item->next)
                r = sqi_comparison_expect(&comparison, test->script->arena, test->script->diagnostics, item->value,
                                          sqi_rig_stream(test->rig, stream));
        if (r == 0)
                r = sqi_comparison_meet(&comparison, test->rig, stream);
        if (r == 0 && sqi_comparison_differs(&comparison)) {
                fprintf(test->report, "the tuples of the stream '%s'\n", sqi_rig_stream(test->rig, stream)->id);
                sqi_comparison_print(test->report, &comparison);
                test->failed = true;
        }
        sqi_comparison_release(&comparison);
        return r;
}

int
sqi_test_step_check_streams(struct sqi_test *test, const struct sqi_test_step *step)
{
        const struct sqi_yaml_item *out = sqi_yaml_get(step->node, "out"),
                                   *streams = sqi_yaml_get(step->node, "streams");
        int r = 0;

        for (const struct sqi_yaml_item *item = streams ? streams->value->first : NULL; item; item = item->next) {
                bool known = false;
                for (uint32_t s = 0; item->key && s < test->rig->task->component->nstreams; s++)
                        known |= strcmp(sqi_rig_stream(test->rig, s)->id, item->key) == 0;
                if (!known)
                        return sqi_test_wrong(test->script, item->key_place, "the component has no stream '%s'",
                                              item->key ? item->key : "");
        }
        for (uint32_t s = 0; s < test->rig->task->component->nstreams && r == 0; s++) {
                const struct sqi_yaml_item *item = streams && streams->value->kind == SQI_YAML_MAPPING
                                                           ? sqi_yaml_get(streams->value,
                                                                          sqi_rig_stream(test->rig, s)->id)
                                                           : NULL;
                if (s == 0 && out)
                        item = out;
                r = check_stream(test, step, s, item ? item->value : NULL);
        }
        return r;
}

static void
check_number(struct sqi_test *test, const struct sqi_test_step *step, const char *key, int64_t got, bool otherwise_zero)
{
        const struct sqi_yaml_item *item = sqi_yaml_get(step->node, key);
        int64_t wanted = 0;

        if (!item && !otherwise_zero)
                return;
        if (item && (item->value->kind != SQI_YAML_SCALAR || sqi_parse_int(item->value->text, &wanted) < 0))
                sqi_test_wrong(test->script, item->value->place, "'%s' needs a number of tuple trees", key);
        else if (got != wanted)
                sqi_test_differs(test, "%s: %lld tuple trees, not %lld", key, (long long)got, (long long)wanted);
}

static void
check_verdicts(struct sqi_test *test, const struct sqi_test_step *step, struct sqi_tree_count before)
{
        static const char *const names[] = {"keep", "ack", "fail"};
        const struct sqi_yaml_item *verdict = sqi_yaml_get(step->node, "verdict");
        bool counted = sqi_yaml_get(step->node, "acked") || sqi_yaml_get(step->node, "failed") ||
                       sqi_yaml_get(step->node, "pending");
        struct sqi_tree_count now = sqi_test_count_trees(test->rig, 0),
                              fed = sqi_test_count_trees(test->rig, step->fed);
        int64_t n = fed.open + fed.acked + fed.failed;

        check_number(test, step, "acked", now.acked - before.acked, false);
        check_number(test, step, "failed", now.failed - before.failed,
                     test->rig->task->instance.code->bolt && !verdict);
        check_number(test, step, "pending", now.open, false);
        if (!step->bolt_input || (!verdict && counted))
                return;
        const char *wanted = verdict ? verdict->value->text : "ack";
        int64_t got[] = {fed.open, fed.acked, fed.failed};
        for (int i = 0; i < 3; i++) {
                if (!wanted || strcmp(wanted, names[i]) != 0)
                        continue;
                if (got[i] == n)
                        return;
                sqi_test_differs(test, "verdict: %s, not %s", got[0] ? "keep" : got[2] ? "fail" : "ack", wanted);
                return;
        }
        sqi_test_wrong(test->script, verdict->value->place, "a verdict is ack, fail or keep");
}

static void
show_logs(struct sqi_test *test)
{
        for (size_t i = 0; i < test->rig->nlogs; i++)
                fprintf(test->report, "  log: %s\n", test->rig->logs[i].text);
}

static void
check_logs(struct sqi_test *test, const struct sqi_test_step *step, uint64_t misused)
{
        const struct sqi_yaml_item *log = sqi_yaml_get(step->node, "log");
        bool found = false;

        for (size_t i = 0; log && log->value->text && i < test->rig->nlogs; i++)
                found |= strstr(test->rig->logs[i].text, log->value->text) != NULL;
        if (log && !found)
                sqi_test_differs(test, "log: no line has '%s'", log->value->text ? log->value->text : "");
        if (test->rig->metrics.misused > misused && !found)
                sqi_test_differs(test, "squall.h was misused");
}

static void
check_state(struct sqi_test *test, const struct sqi_test_step *step)
{
        const struct sqi_yaml_item *done = sqi_yaml_get(step->node, "done"), *error = sqi_yaml_get(step->node, "error"),
                                   *files = sqi_yaml_get(step->node, "files");
        bool over = test->rig->task->instance.done || test->rig->task->phase == SQI_ENDED;

        if (done && done->value->text && over != (strcmp(done->value->text, "true") == 0))
                sqi_test_differs(test, "done: %s, not %s", over ? "true" : "false", done->value->text);
        if (error && error->value->text && !strstr(test->rig->task->error, error->value->text))
                sqi_test_differs(test, "error: '%s', not '%s'", test->rig->task->error, error->value->text);
        if (!error && test->rig->task->failed)
                sqi_test_differs(test, "the task failed: %s", test->rig->task->error);
        for (const struct sqi_yaml_item *item = files ? files->value->first : NULL; item; item = item->next)
                if (item->key)
                        check_file(test, item);
}

void
sqi_test_step_check(struct sqi_test *test, const struct sqi_test_step *step, struct sqi_tree_count before,
                    uint64_t misused)
{
        check_verdicts(test, step, before);
        check_logs(test, step, misused);
        check_state(test, step);
        if (test->failed)
                show_logs(test);
        else
                rewind(test->report);
}
