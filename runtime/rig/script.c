/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is a list of tests, a test a setup and a list of steps, a step one action and what is expected of it. What a
 * step does not mention it forbids: a tuple nobody expects, a tree that fails, a misuse of squall.h fails the test.
 */
#include "rig/script.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig/epochs.h"
#include "rig/expect.h"
#include "rig/values.h"
#include "squall-test.h"
#include "base/duration.h"
#include "base/nearest.h"
#include "task/crash.h"

/* ---- files ------------------------------------------------------------------------------------------- */

static int
remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
        (void)about;
        (void)kind;
        (void)where;
        return remove(path);
}

static int
write_file(struct sqi_test *test, const struct sqi_yaml_item *item)
{
        char path[512];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", test->folder, item->key);
        file = strchr(item->key, '/') ? NULL : fopen(path, "we");
        if (!file)
                return sqi_test_wrong(test->script, item->key_place,
                                      "cannot write the file '%s' (its name must have no '/')", item->key);
        if (item->value->text)
                fputs(item->value->text, file);
        return fclose(file) == 0 ? 0 : -errno;
}

/* With files a test has a folder of its own, and paths in its properties start there. */
static int
make_files(struct sqi_test *test)
{
        const char *temporary = getenv("TMPDIR");
        int r = 0;

        if (!test->files)
                return 0;
        snprintf(test->folder, sizeof(test->folder), "%.40s/squall-XXXXXX",
                 temporary && *temporary ? temporary : "/tmp");
        if (!mkdtemp(test->folder)) {
                test->folder[0] = '\0';
                return sqi_test_wrong(test->script, test->files->key_place, "cannot make a folder for the files: %s",
                                      strerror(errno));
        }
        for (const struct sqi_yaml_item *item = test->files->value->first; item && r == 0; item = item->next)
                r = write_file(test, item);
        test->setup.directory = test->folder;
        return r;
}

/* ---- actions ----------------------------------------------------------------------------------------- */

static const struct sqi_plan_edge *
find_edge(struct sqi_test *test, const struct sqi_yaml_item *from, const struct sqi_yaml *place)
{
        const struct sqi_plan *plan = test->rig->plan;

        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                if (&plan->components[edge->to] != test->rig->task->component)
                        continue;
                if (!from || (from->value->text && strcmp(plan->components[edge->from].id, from->value->text) == 0))
                        return edge;
        }
        sqi_test_wrong(test->script, from ? from->value->place : place->place,
                       from ? "no such input (see 'inputs')" : "'in' is for bolts (a spout has 'next')");
        return NULL;
}

static int
feed(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *tuple)
{
        const struct sqi_plan_edge *edge = find_edge(test, sqi_yaml_get(step->node, "from"), tuple);
        struct sq_value values[SQ_FIELDS_MAX];
        bool given[SQ_FIELDS_MAX];

        if (!edge)
                return -EINVAL;
        const struct sqi_plan_stream *stream = &test->rig->plan->components[edge->from].streams[edge->stream];
        int r = sqi_tuple_read(test->script->arena, test->script->diagnostics, tuple, stream, false, values, given);
        return r < 0 ? r : sqi_rig_feed(test->rig, edge, 0, stream->nfields, values);
}

static int
do_in(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        bool several = value->kind == SQI_YAML_SEQUENCE && value->first &&
                       value->first->value->kind >= SQI_YAML_SEQUENCE;
        int r = 0;

        step->bolt_input = true;
        if (!several)
                r = feed(test, step, value);
        for (const struct sqi_yaml_item *item = several ? value->first : NULL; item && r == 0; item = item->next)
                r = feed(test, step, item->value);
        if (r == 0)
                sqi_rig_settle(test->rig);
        return r;
}

static int
do_tick(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        int64_t times = 1;

        (void)step;
        if (value->kind == SQI_YAML_SCALAR && strcmp(value->text, "tick") != 0 &&
            sqi_parse_int(value->text, &times) < 0)
                return sqi_test_wrong(test->script, value->place, "'tick' needs a number of ticks");
        while (times-- > 0)
                sqi_rig_tick(test->rig);
        return 0;
}

static int
do_advance(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        uint64_t ns;

        (void)step;
        if (value->kind != SQI_YAML_SCALAR || sqi_duration_read(value->text, &ns) < 0)
                return sqi_test_wrong(test->script, value->place, "'advance' needs a time: 5s, 250ms, 2m");
        sqi_rig_advance(test->rig, ns);
        return 0;
}

static int
do_next(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        int64_t calls = 1;

        (void)step;
        if (test->rig->task->instance.code->bolt)
                return sqi_test_wrong(test->script, value->place, "'next' is for spouts (a bolt has 'in')");
        if (value->kind == SQI_YAML_SCALAR && strcmp(value->text, "next") != 0 &&
            (sqi_parse_int(value->text, &calls) < 0 || calls < 1))
                return sqi_test_wrong(test->script, value->place, "'next' needs a number of calls");
        sqi_rig_next(test->rig, (uint32_t)calls);
        return 0;
}

static int
do_finish(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        (void)step;
        (void)value;
        sqi_rig_end(test->rig);
        return 0;
}

/* "end", "idle", a time, or milliseconds since 1970. */
static int
read_watermark(struct sqi_test *test, const struct sqi_yaml *value, int64_t *ret)
{
        const char *text = value->kind == SQI_YAML_SCALAR ? value->text : "";
        const struct sqi_time_format number = {.unit = SQI_UNIT_MS}, none = {.unit = SQI_UNIT_NONE};
        struct sqi_script *script = test->script;
        struct sq_value time;
        int64_t ms;

        if (strcmp(text, "end") == 0 || strcmp(text, "idle") == 0) {
                *ret = *text == 'e' ? SQ_END_OF_TIME : SQI_WATERMARK_IDLE;
                return 0;
        }
        if (sqi_parse_int(text, &ms) == 0 && sqi_event_time_of(&number, sq_int(ms), ret))
                return 0;
        if (strchr(text, '-') && sqi_value_read(script->arena, script->diagnostics, value, SQ_TIME, &time) == 0 &&
            sqi_event_time_of(&none, time, ret))
                return 0;
        return sqi_test_wrong(script, value->place,
                              "'watermark' needs milliseconds since 1970, a time like 2024-01-01T00:00:10Z, 'idle' or "
                              "'end'");
}

static int
do_watermark(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        const struct sqi_yaml_item *from = sqi_yaml_get(step->node, "from");
        int64_t watermark;
        int r = read_watermark(test, value, &watermark);

        if (r == 0)
                r = sqi_rig_feed_watermark(test->rig, from ? from->value->text : NULL, watermark);
        if (r == -ENOENT)
                return sqi_test_wrong(
                        test->script, value->place,
                        "no watermarks come here (they do with 'event-time': the field that has the event time)");
        if (r == 0)
                sqi_rig_settle(test->rig);
        return r;
}

static int
do_restart(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        uint64_t ns = 0;

        (void)step;
        if (!test->rig->task->instance.code->bolt)
                return sqi_test_wrong(test->script, value->place, "'restart' is for bolts");
        if (value->kind == SQI_YAML_SCALAR && strcmp(value->text, "restart") != 0 && strcmp(value->text, "true") != 0 &&
            sqi_duration_read(value->text, &ns) < 0)
                return sqi_test_wrong(test->script, value->place, "'restart' needs a time to be away (5s), or 'true'");
        sqi_rig_restart(test->rig, ns);
        return 0;
}

/* Under exactly-once only. */
static int
expect_epochs(struct sqi_test *test, const struct sqi_yaml *value, const char *key)
{
        if (test->rig->task->instance.code->bolt && sq_exactly_once(test->rig->task))
                return 0;
        return sqi_test_wrong(test->script, value->place, "'%s' is for bolts of a test with 'epochs'", key);
}

static int
do_checkpoint(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        static const char *const words[] = {
                [SQ_RIG_ABANDONED] = "abandoned", [SQ_RIG_SEALED] = "sealed", [SQ_RIG_COMMITTED] = "committed"};
        const char *text = value->kind == SQI_YAML_SCALAR ? value->text : "";
        int r = expect_epochs(test, value, "checkpoint");

        (void)step;
        if (r < 0)
                return r;
        if (strcmp(text, "checkpoint") == 0 || strcmp(text, "true") == 0)
                text = words[SQ_RIG_COMMITTED];
        for (int until = SQ_RIG_ABANDONED; until <= SQ_RIG_COMMITTED; until++) {
                if (strcmp(text, words[until]) != 0)
                        continue;
                if (sqi_epochs_checkpoint(test->rig, (enum sq_rig_epoch)until) < 0)
                        sqi_test_differs(test, "the epoch was given up: %s", test->rig->error);
                return 0;
        }
        return sqi_test_wrong(test->script, value->place, "'checkpoint' is abandoned, sealed or committed");
}

static int
do_restore(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        int r = expect_epochs(test, value, "restore");

        (void)step;
        if (r < 0)
                return r;
        sqi_epochs_restore(test->rig, 0);
        sqi_rig_settle(test->rig);
        return 0;
}

/* "all", a number, or a list of numbers: tuple trees in the order of emission, from 1. */
static int
judge(struct sqi_test *test, const struct sqi_yaml *value, bool ack)
{
        const struct sqi_yaml_item one = {.value = (struct sqi_yaml *)(uintptr_t)value};
        const struct sqi_yaml_item *item = value->kind == SQI_YAML_SEQUENCE ? value->first : &one;
        int64_t number;

        if (value->kind == SQI_YAML_SCALAR && strcmp(value->text, "all") == 0) {
                for (size_t t = 0; t < test->rig->ntrees; t++)
                        sqi_rig_judge(test->rig, t, ack);
        } else {
                for (; item; item = item->next) {
                        if (item->value->kind != SQI_YAML_SCALAR || sqi_parse_int(item->value->text, &number) < 0 ||
                            number < 1 || (size_t)number > test->rig->ntrees)
                                return sqi_test_wrong(test->script, item->value->place,
                                                      "no such tuple tree (they count from 1; there are %zu)",
                                                      test->rig->ntrees);
                        sqi_rig_judge(test->rig, (size_t)number - 1, ack);
                }
        }
        if (test->rig->task->instance.code->spout)
                test->rig->task->spout.calls = 0;
        sqi_rig_settle(test->rig);
        return 0;
}

static int
do_ack(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        (void)step;
        return judge(test, value, true);
}

static int
do_fail(struct sqi_test *test, struct sqi_test_step *step, const struct sqi_yaml *value)
{
        (void)step;
        return judge(test, value, false);
}

static const struct {
        const char *key;
        int (*run)(struct sqi_test *, struct sqi_test_step *, const struct sqi_yaml *);
} actions[] = {
        {"in", do_in},           {"tick", do_tick},           {"advance", do_advance},
        {"next", do_next},       {"finish", do_finish},       {"restart", do_restart},
        {"ack", do_ack},         {"fail", do_fail},           {"checkpoint", do_checkpoint},
        {"restore", do_restore}, {"watermark", do_watermark},
};
enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

/* What else a step may hold. */
static const char *const expectations[] = {"from",   "out",     "streams", "unordered", "verdict", "acked",
                                           "failed", "pending", "log",     "done",      "error",   "files"};

/* ---- steps ------------------------------------------------------------------------------------------- */

static bool
is_known(const char *key, struct sqi_nearest *nearest)
{
        for (int a = 0; a < ACTIONS; a++) {
                sqi_nearest_offer(nearest, actions[a].key);
                if (strcmp(key, actions[a].key) == 0)
                        return true;
        }
        for (size_t e = 0; e < sizeof(expectations) / sizeof(expectations[0]); e++) {
                sqi_nearest_offer(nearest, expectations[e]);
                if (strcmp(key, expectations[e]) == 0)
                        return true;
        }
        return false;
}

static int
check_keys(struct sqi_script *script, const struct sqi_yaml *node)
{
        char hint[SQI_HINT_SIZE];

        for (const struct sqi_yaml_item *item = node->first; item; item = item->next) {
                struct sqi_nearest nearest = sqi_nearest(item->key ? item->key : "");
                if (!item->key || !is_known(item->key, &nearest))
                        return sqi_test_wrong(script, item->key_place, "a step has no '%s'%s",
                                              item->key ? item->key : "", sqi_nearest_hint(&nearest, hint));
        }
        return 0;
}

/* "tick", "finish", "restart", "checkpoint" and "restore" may stand alone. */
static int
act(struct sqi_test *test, struct sqi_test_step *step)
{
        int r = 0;

        if (step->node->kind == SQI_YAML_MAPPING)
                r = check_keys(test->script, step->node);
        for (int a = 0; a < ACTIONS && r == 0; a++) {
                const struct sqi_yaml_item *item = step->node->kind == SQI_YAML_MAPPING
                                                           ? sqi_yaml_get(step->node, actions[a].key)
                                                           : NULL;
                if (step->node->kind == SQI_YAML_SCALAR && strcmp(step->node->text, actions[a].key) == 0)
                        return actions[a].run(test, step, step->node);
                if (item)
                        r = actions[a].run(test, step, item->value);
        }
        if (r == 0 && step->node->kind != SQI_YAML_MAPPING)
                r = sqi_test_wrong(test->script, step->node->place,
                                   "a step is a map, or one of: tick, finish, restart, checkpoint, restore, next");
        return r;
}

static int
run_step(struct sqi_test *test, size_t number, const struct sqi_yaml *node)
{
        static const struct sqi_yaml nothing = {.kind = SQI_YAML_MAPPING};
        struct sqi_test_step step = {.node = node, .fed = test->rig->ntrees};
        struct sqi_tree_count before = sqi_test_count_trees(test->rig, 0);
        uint64_t misused = test->rig->metrics.misused;
        int r;

        fprintf(test->report, "step %zu, line %u: ", number, (unsigned)node->place.line);
        sqi_rig_forget(test->rig);
        r = act(test, &step);
        if (node->kind != SQI_YAML_MAPPING)
                step.node = &nothing;
        if (r == 0)
                r = sqi_test_step_check_streams(test, &step);
        if (r < 0)
                return r;
        sqi_test_step_check(test, &step, before, misused);
        return 0;
}

static int
run_steps(struct sqi_test *test)
{
        size_t number = 0;
        int r = 0;

        if (!test->steps || test->steps->value->kind != SQI_YAML_SEQUENCE)
                return test->error ? 0
                                   : sqi_test_wrong(test->script, test->node->place,
                                                    "a test needs 'steps': a list of what happens");
        for (const struct sqi_yaml_item *item = test->steps->value->first; item && r == 0 && !test->failed;
             item = item->next)
                r = run_step(test, ++number, item->value);
        return r;
}

/* ---- tests ------------------------------------------------------------------------------------------- */

static int
take_key(struct sqi_test *test, const struct sqi_yaml_item *item, bool top)
{
        struct sqi_nearest nearest = sqi_nearest(item->key);
        char hint[SQI_HINT_SIZE];

        if (sqi_setup_take(&test->setup, item))
                return 0;
        if (strcmp(item->key, "files") == 0)
                test->files = item;
        else if (strcmp(item->key, "error") == 0)
                test->error = item;
        else if (strcmp(item->key, "steps") == 0 && !top)
                test->steps = item;
        else if (strcmp(item->key, "name") == 0 && !top && item->value->text)
                test->name = item->value->text;
        else if (strcmp(item->key, "tests") != 0 || !top) {
                sqi_setup_offer(&nearest);
                sqi_nearest_offer_choices(&nearest, top ? "tests|files" : "name|steps|files|error");
                return sqi_test_wrong(test->script, item->key_place, "a test has no '%s'%s", item->key,
                                      sqi_nearest_hint(&nearest, hint));
        }
        return 0;
}

static int
take_keys(struct sqi_test *test, const struct sqi_yaml *node, bool top)
{
        int r = 0;

        if (node->kind != SQI_YAML_MAPPING)
                return sqi_test_wrong(test->script, node->place, "a test is a map: name, properties, steps");
        for (const struct sqi_yaml_item *item = node->first; item && r == 0; item = item->next)
                r = take_key(test, item, top);
        return r;
}

/* The first tuple that is fed: it may name fields that nobody declared. */
static const struct sqi_yaml *
find_example(const struct sqi_test *test)
{
        for (const struct sqi_yaml_item *item = test->steps ? test->steps->value->first : NULL; item;
             item = item->next) {
                const struct sqi_yaml_item *in = item->value->kind == SQI_YAML_MAPPING ? sqi_yaml_get(item->value, "in")
                                                                                       : NULL;
                const struct sqi_yaml *tuple = in ? in->value : NULL;
                if (tuple && tuple->kind == SQI_YAML_SEQUENCE && tuple->first)
                        tuple = tuple->first->value;
                if (tuple && tuple->kind == SQI_YAML_MAPPING)
                        return tuple;
        }
        return NULL;
}

static int
open_test(struct sqi_test *test)
{
        struct sqi_arena *arena = sqi_arena_new();
        size_t errors = test->script->diagnostics->errors;
        char error[512] = "";
        int r = arena ? make_files(test) : -ENOMEM;

        test->setup.example = find_example(test);
        if (r == 0)
                r = sqi_setup_open(&test->setup, &arena, test->script->diagnostics, &test->rig, error, sizeof(error));
        if (arena)
                sqi_arena_free(&arena);
        const char *wanted = test->error ? test->error->value->text : NULL;
        if (r == -EINVAL && test->script->diagnostics->errors == errors) {
                if (!wanted || !strstr(error, wanted))
                        sqi_test_differs(test, "%s%s%s%s", error, wanted ? " (expected: " : "", wanted ? wanted : "",
                                         wanted ? ")" : "");
                r = 0;
        } else if (r == 0 && wanted)
                sqi_test_differs(test, "it starts, although an error is expected: %s", wanted);
        return r;
}

static int
run_test(struct sqi_script *script, const struct sqi_yaml *node)
{
        struct sqi_test test = {.script = script,
                                .node = node,
                                .name = "?",
                                .setup = {.directory = script->home, .home = script->home}};
        char *text = NULL;
        size_t size = 0;
        int r = take_keys(&test, script->root, true);

        if (r == 0)
                r = take_keys(&test, node, false);
        if (r < 0 || (script->only && !strstr(test.name, script->only)))
                return r;
        test.report = open_memstream(&text, &size);
        if (!test.report)
                return -ENOMEM;
        r = open_test(&test);
        if (test.rig && test.rig->metrics.misused) {
                sqi_test_differs(&test, "squall.h was misused before the first tuple: %s",
                                 test.rig->nlogs ? test.rig->logs[0].text : "");
                test.failed = true;
        }
        if (r == 0 && test.rig && !test.failed)
                r = run_steps(&test);
        sq_rig_free(&test.rig);
        if (test.folder[0])
                nftw(test.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        fclose(test.report);
        if (r == 0)
                script->told(script->context, &(struct sqi_test_result){test.name, node->place.line, !test.failed,
                                                                        test.failed ? text : NULL});
        free(text);
        return r;
}

static int
run_all(struct sqi_script *script)
{
        const struct sqi_yaml_item *tests = script->root->kind == SQI_YAML_MAPPING ? sqi_yaml_get(script->root, "tests")
                                                                                   : NULL;
        int r = 0;

        if (!tests || tests->value->kind != SQI_YAML_SEQUENCE)
                return sqi_test_wrong(script, script->root->place,
                                      "a file of tests needs 'component' and 'tests', a list");
        for (const struct sqi_yaml_item *item = tests->value->first; item && r != -ENOMEM; item = item->next)
                r = run_test(script, item->value);
        return script->diagnostics->errors ? -EINVAL : r;
}

int
sqi_script_run(const char *path, const char *only, struct sqi_diagnostics *diagnostics, sqi_test_told *told,
               void *context)
{
        struct sqi_script script = {
                .arena = sqi_arena_new(), .diagnostics = diagnostics, .only = only, .told = told, .context = context};
        const char *slash = strrchr(path, '/');
        char *folder, *home;
        struct sqi_yaml *root;
        int r;

        if (!script.arena)
                return -ENOMEM;
        sqi_crash_install();
        folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
        home = folder ? realpath(folder, NULL) : NULL;
        r = sqi_yaml_read(script.arena, path, diagnostics, &root);
        if (r == 0 && !home)
                r = -ENOMEM;
        script.home = home;
        script.root = root;
        if (r == 0)
                r = run_all(&script);
        sqi_arena_free(&script.arena);
        free(folder);
        free(home);
        return r;
}
