/* SPDX-License-Identifier: Apache-2.0 */
/* From text to plan, and the bytes of a plan. Refused files: tests/broken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../shared/planned.h"
#include "built.h"
#include "plan/plan_codec.h"
#include "topology/model.h"

/* ---- Helpers ----------------------------------------------------------------------------------------- */

#define HEAD \
        "name: t\nspouts:\n  - { id: source, component: '${C}/emitter.so', parallelism: 2 }\n" \
        "bolts:\n  - { id: pass, component: '${C}/generic.so', parallelism: 3, properties: { by: [n] } }\n" \
        "  - { id: end, component: '${C}/measure.so' }\nstreams:\n" \
        "  - { from: source, to: pass, grouping: { type: fields, args: [n] } }\n" \
        "  - { from: pass, to: end, grouping: SHUFFLE }\n"
#define CYCLE HEAD "  - { from: pass, to: pass, streamId: default, grouping: direct }\n"

/* Who cannot keep what exactly-once promises. `text`: of one diagnosis. */
static void
says_under_exactly_once(const char *topology, enum sqi_severity severity, const char *text)
{
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_plan *plan = NULL;
        char text_of[4096];
        bool said = false;

        snprintf(text_of, sizeof(text_of), "config: { topology.delivery: exactly-once }\n%s", topology);
        use_built_components();
        plan_text(text_of, NULL, &diagnostics, &plan);
        assert_int_equal(unsetenv("SQUALL_LIBDIR"), 0);
        for (size_t i = 0; i < diagnostics.n; i++)
                said |= diagnostics.items[i].severity == severity && strstr(diagnostics.items[i].text, text);
        if (!said)
                fail_msg("does not say: %s (but: %s)", text, diagnostics.n ? diagnostics.items[0].text : "nothing");
        sqi_diagnostics_release(&diagnostics);
        sqi_plan_free(&plan);
}

#define SOURCE "name: t\nspouts:\n  - { id: source, component: generate, properties: { count: 1 } }\nbolts:\n"
#define TO(id) "  - { from: source, to: " #id ", grouping: { type: shuffle } }\n"

static void
what_cannot_keep_the_promise_of_exactly_once_is_refused(void **state)
{
        (void)state;
        says_under_exactly_once(
                "name: t\nspouts:\n  - { id: source, component: zmq, properties: { endpoint: 'ipc://x' } }\n"
                "bolts:\n  - { id: end, component: null }\nstreams:\n" TO(end),
                SQI_ERROR,
                "'source' can't emit again what came after an epoch (it holds its messages in memory, until they are "
                "acked), which exactly-once needs: give it a folder for its journal");
        says_under_exactly_once("name: t\nspouts:\n  - { id: source, component: timer }\n"
                                "bolts:\n  - { id: end, component: null }\nstreams:\n" TO(end),
                                SQI_ERROR,
                                "write 'topology.delivery: at-least-once', or take a source that keeps its records");
        says_under_exactly_once(
                "name: t\nspouts:\n  - { id: source, component: exec, properties: { command: 'true', journal: j } }\n"
                "bolts:\n  - { id: end, component: null }\nstreams:\n" TO(end),
                SQI_ERROR, "begins all anew after any death, and so the command");
        says_under_exactly_once("name: t\nspouts:\n  - { id: source, component: '${C}/emitter.so' }\n"
                                "bolts:\n  - { id: end, component: null }\nstreams:\n" TO(end),
                                SQI_ERROR, "(it has no .seek)");
        says_under_exactly_once(SOURCE "  - { id: keeps, component: '${C}/keeper.so' }\nstreams:\n" TO(keeps),
                                SQI_ERROR,
                                "'keeps' can't count each tuple once under exactly-once: it keeps tuples (sq_keep)");
        says_under_exactly_once(SOURCE "  - { id: end, component: '${C}/sink.so' }\nstreams:\n" TO(end), SQI_WARNING,
                                "what 'end' does outside may happen twice after a death");
        says_under_exactly_once(SOURCE "  - { id: end, component: write, parallelism: 2, properties: { path: out } }\n"
                                       "streams:\n" TO(end),
                                SQI_ERROR, "2 tasks can't write one file whose lines are visible at once");
        says_under_exactly_once(SOURCE "  - { id: end, component: write, properties: { path: out } }\n"
                                       "  - { id: too, component: write, properties: { path: out } }\n"
                                       "streams:\n" TO(end) TO(too),
                                SQI_ERROR, "'too' writes the file that 'end' writes");
}

/* ---- Plans ------------------------------------------------------------------------------------------- */

static void
a_plan_numbers_tasks_component_by_component(void **state)
{
        struct sqi_plan *plan = planned(HEAD, NULL);
        char name[64];

        (void)state;
        assert_int_equal(plan->ncomponents, 3);
        assert_int_equal(plan->ntasks, 6);
        assert_int_equal(plan->nworkers, 6);
        assert_int_equal(plan->components[1].first_task, 2);
        assert_string_equal(sqi_task_name(plan, 4, name, sizeof(name)), "pass/2");
        assert_string_equal(sqi_task_name(plan, 6, name, sizeof(name)), "?/6");
        assert_int_equal(plan->config.delivery, SQI_AT_MOST_ONCE);
        sqi_plan_free(&plan);
        assert_null(plan);
}

static void
workers_get_their_share_of_each_component(void **state)
{
        const char *config[] = {"topology.workers=2"};
        const struct sqi_overrides overrides = {.nconfig = 1, .config = config};
        struct sqi_plan *plan = planned(HEAD, &overrides);
        uint32_t tasks[2] = {0}, sources[2] = {0}, i;

        (void)state;
        for (i = 0; i < plan->ntasks; i++) {
                tasks[plan->tasks[i].worker]++;
                sources[plan->tasks[i].worker] += plan->tasks[i].component == 0;
        }
        assert_int_equal(plan->nworkers, 2);
        assert_int_equal(tasks[0], 3);
        assert_int_equal(tasks[1], 3);
        assert_int_equal(sources[0], 1);
        sqi_plan_free(&plan);
}

static void
more_workers_than_tasks_are_as_many_as_tasks(void **state)
{
        const char *config[] = {"topology.workers=100"}, *parallelism[] = {"source=1", "pass=1"};
        const struct sqi_overrides overrides = {
                .name = "other", .nconfig = 1, .config = config, .nparallelism = 2, .parallelism = parallelism};
        struct sqi_plan *plan = planned(HEAD, &overrides);

        (void)state;
        assert_int_equal(plan->ntasks, 3);
        assert_int_equal(plan->nworkers, 3);
        assert_string_equal(plan->name, "other");
        sqi_plan_free(&plan);
}

static void
a_bad_override_is_an_error_each(void **state)
{
        const char *config[] = {"topology.workers", "topology.wrokers=1", "topology.workers=x"},
                   *parallelism[] = {"end=0", "nd=1"};
        const struct sqi_overrides overrides = {
                .name = "no name", .nconfig = 3, .config = config, .nparallelism = 2, .parallelism = parallelism};
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_plan *plan = NULL;

        (void)state;
        assert_int_equal(plan_text(HEAD, &overrides, &diagnostics, &plan), -EINVAL);
        assert_null(plan);
        assert_int_equal(diagnostics.errors, 6);
        assert_int_equal(diagnostics.items[0].place.line, 0);
        sqi_diagnostics_release(&diagnostics);
}

static void
edges_know_the_places_of_keys_and_input_fields(void **state)
{
        struct sqi_plan *plan = planned(HEAD, NULL);

        (void)state;
        assert_int_equal(plan->edges[0].grouping, SQI_FIELDS);
        assert_int_equal(plan->edges[0].nkeys, 1);
        assert_int_equal(plan->edges[0].keys[0], 1);
        assert_int_equal(plan->edges[0].nin, 1);
        assert_int_equal(plan->edges[0].in[0], 1);
        assert_string_equal(plan->components[1].streams[0].fields[0].name, "word");
        assert_int_equal(plan->components[1].streams[0].fields[1].type, SQ_INT);
        assert_int_equal(plan->edges[1].in[0], 1);
        sqi_plan_free(&plan);
}

static void
a_cycle_is_numbered_and_its_back_edge_marked(void **state)
{
        struct sqi_plan *plan = planned(CYCLE, NULL);

        (void)state;
        assert_int_equal(plan->components[0].cycle, 0);
        assert_int_equal(plan->components[1].cycle, 1);
        assert_int_equal(plan->components[2].cycle, 0);
        assert_false(plan->edges[0].feedback);
        assert_false(plan->edges[1].feedback);
        assert_true(plan->edges[2].feedback);
        assert_int_equal(plan->edges[2].input, 1);
        sqi_plan_free(&plan);
}

static void
a_path_is_relative_to_the_file_and_a_dash_stays(void **state)
{
        struct sqi_plan *plan = planned(
                "name: t\nspouts:\n  - { id: a, component: '${C}/replayer.so', properties: { path: ./x } }\n"
                "  - { id: b, component: '${C}/replayer.so', properties: { path: '-' } }\n",
                NULL);

        const char *place = getenv("TMPDIR"); /* where planned() puts the file */
        char expected[512];

        (void)state;
        snprintf(expected, sizeof(expected), "%s/x", place ? place : "/tmp");
        assert_string_equal(plan->components[0].settings[0].values[0], expected);
        assert_string_equal(plan->components[1].settings[0].values[0], "-");
        assert_int_equal(plan->config.delivery, SQI_AT_LEAST_ONCE);
        sqi_plan_free(&plan);
}

static void
a_list_of_pairs_and_words_is_a_map_in_order(void **state)
{
        struct sqi_plan *plan = planned("name: t\nspouts:\n  - id: a\n    component: '${C}/emitter.so'\n"
                                        "    properties: { map: [ {z: 1}, y, {x: 2} ] }\n",
                                        NULL);
        const struct sqi_setting *map = plan->components[0].settings;

        (void)state;
        assert_int_equal(map->shape, SQI_MAPPING);
        assert_int_equal(map->n, 3);
        assert_string_equal(map->names[0], "z");
        assert_string_equal(map->names[1], "y");
        assert_string_equal(map->values[1], "y");
        assert_string_equal(map->values[2], "2");
        sqi_plan_free(&plan);
}

static void
a_map_within_a_map_is_an_entry_for_each_of_its_keys_in_a_plan_and_its_bytes(void **state)
{
        struct sqi_plan *plan = planned(
                "name: t\nspouts:\n  - id: a\n    component: '${C}/emitter.so'\n"
                "    properties: { nested: { a: int, b: { path: x.y, type: str }, c: uint } }\n",
                NULL);
        struct sqi_plan *copy = NULL;
        void *bytes = NULL;
        size_t size = 0;
        char error[256] = "";

        (void)state;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        assert_int_equal(sqi_plan_decode(bytes, size, &copy, error, sizeof(error)), 0);
        for (int round = 0; round < 2; round++) {
                const struct sqi_setting *nested = (round == 0 ? plan : copy)->components[0].settings;

                assert_int_equal(nested->shape, SQI_NESTED);
                assert_int_equal(nested->n, 4);
                assert_string_equal(nested->names[1], "b");
                assert_string_equal(nested->names[2], "b");
                assert_string_equal(nested->keys[0], "");
                assert_string_equal(nested->keys[2], "type");
                assert_string_equal(nested->values[1], "x.y");
                assert_string_equal(nested->values[3], "uint");
        }
        free(bytes);
        sqi_plan_free(&copy);
        sqi_plan_free(&plan);
}

/* ---- Bytes ------------------------------------------------------------------------------------------- */

static void
a_plan_survives_its_bytes(void **state)
{
        struct sqi_plan *plan = planned(CYCLE, NULL), *copy = NULL;
        void *bytes = NULL, *again = NULL;
        size_t size = 0, again_size = 0;
        char error[256] = "";

        (void)state;
        plan->lose_state = true;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        assert_int_equal(sqi_plan_decode(bytes, size, &copy, error, sizeof(error)), 0);
        assert_true(copy->lose_state);
        assert_int_equal(sqi_plan_encode(copy, &again, &again_size), 0);
        assert_int_equal(size, again_size);
        assert_memory_equal(bytes, again, size);
        assert_string_equal(copy->components[1].path, plan->components[1].path);
        assert_int_equal(copy->tasks[5].worker, plan->tasks[5].worker);
        assert_true(copy->edges[2].feedback);
        assert_string_equal(copy->components[1].settings[0].values[0], "n");
        free(bytes);
        free(again);
        sqi_plan_free(&plan);
        sqi_plan_free(&copy);
}

/* As it lies in a state directory of then. */
static void
a_plan_from_before_state_could_be_let_go_loses_none(void **state)
{
        struct sqi_plan *plan = planned(CYCLE, NULL), *copy = NULL;
        char error[256] = "";
        void *bytes = NULL;
        size_t size = 0;

        (void)state;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        assert_int_equal(*(uint8_t *)bytes, 0x90 | SQI_PLAN_PARTS);
        *(uint8_t *)bytes = 0x90 | (SQI_PLAN_PARTS - 1);
        assert_int_equal(sqi_plan_decode(bytes, size - 1, &copy, error, sizeof(error)), 0);
        assert_false(copy->lose_state);
        free(bytes);
        sqi_plan_free(&plan);
        sqi_plan_free(&copy);
}

static void
a_plan_that_is_cut_or_longer_is_refused(void **state)
{
        struct sqi_plan *plan = planned(CYCLE, NULL), *copy = NULL;
        size_t size = 0, cut;
        char error[256] = "", *longer;
        void *bytes = NULL;

        (void)state;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        for (cut = 0; cut < size; cut++)
                assert_int_equal(sqi_plan_decode(bytes, cut, &copy, error, sizeof(error)), -EBADMSG);
        longer = calloc(1, size + 1);
        assert_non_null(longer);
        memcpy(longer, bytes, size);
        assert_int_equal(sqi_plan_decode(longer, size + 1, &copy, error, sizeof(error)), -EBADMSG);
        assert_null(copy);
        free(longer);
        free(bytes);
        sqi_plan_free(&plan);
}

static void
a_plan_whose_names_lead_elsewhere_is_refused(void **state)
{
        static const char *const names[] = {"",       ".",   "..",   "../up", "a/b", "/etc/passwd",
                                            ".new-a", "a b", "a\nb", "-x"};
        struct sqi_plan *plan = planned(CYCLE, NULL), *copy = NULL;
        const char *name = plan->name, *id = plan->components[0].id;
        char error[256];

        (void)state;
        for (size_t i = 0; i <= 2 * (sizeof(names) / sizeof(names[0])); i++) {
                void *bytes = NULL;
                size_t size = 0;

                plan->name = i % 2 == 0 ? names[i / 2 % 10] : name;
                plan->components[0].id = i % 2 ? names[i / 2 % 10] : id;
                assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
                assert_int_equal(sqi_plan_decode(bytes, size, &copy, error, sizeof(error)), -EBADMSG);
                free(bytes);
        }
        assert_null(copy);
        plan->name = name;
        plan->components[0].id = id;
        sqi_plan_free(&plan);
}

static void
a_plan_with_any_byte_changed_is_refused_or_sound(void **state)
{
        struct sqi_plan *plan = planned(CYCLE, NULL), *copy = NULL;
        size_t size = 0, i;
        char error[256], *text;
        void *bytes = NULL;

        (void)state;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        text = bytes;
        for (i = 0; i < size; i++)
                for (int bit = 0; bit < 8; bit++) {
                        text[i] = (char)(text[i] ^ (1 << bit));
                        if (sqi_plan_decode(bytes, size, &copy, error, sizeof(error)) == 0) {
                                assert_true(copy->nworkers <= copy->ntasks);
                                sqi_plan_free(&copy);
                        }
                        text[i] = (char)(text[i] ^ (1 << bit));
                }
        free(bytes);
        sqi_plan_free(&plan);
}

/* ---- Components -------------------------------------------------------------------------------------- */

static void
the_catalog_lists_sorted_names_and_finds_them(void **state)
{
        char libdir[] = "/tmp/squall-catalog-XXXXXX", path[256], *found, **names;
        FILE *file;

        (void)state;
        assert_non_null(mkdtemp(libdir));
        snprintf(path, sizeof(path), "mkdir %s/bolts && touch %s/bolts/b.so %s/bolts/a.so %s/bolts/c.txt", libdir,
                 libdir, libdir, libdir);
        file = popen(path, "r");
        assert_non_null(file);
        assert_int_equal(pclose(file), 0);
        assert_int_equal(setenv("SQUALL_LIBDIR", libdir, 1), 0);
        names = sqi_catalog_names(SQ_KIND_BOLT);
        assert_string_equal(names[0], "a");
        assert_string_equal(names[1], "b");
        assert_null(names[2]);
        sqi_catalog_names_free(names);
        found = sqi_catalog_find(SQ_KIND_BOLT, "b", "/");
        assert_non_null(found);
        free(found);
        assert_null(sqi_catalog_find(SQ_KIND_SPOUT, "b", "/"));
        found = sqi_catalog_find(SQ_KIND_SPOUT, "./x.so", "/dir");
        assert_string_equal(found, "/dir/x.so");
        free(found);
        assert_int_equal(unsetenv("SQUALL_LIBDIR"), 0);
        snprintf(path, sizeof(path), "rm -r %s", libdir);
        file = popen(path, "r");
        assert_non_null(file);
        assert_int_equal(pclose(file), 0);
}

/* The components of the tests are built next to the tests. */
static int
find_components(void **state)
{
        char path[4096];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

        (void)state;
        if (n < 0)
                return -1;
        path[n] = '\0';
        *strrchr(path, '/') = '\0';
        snprintf(strrchr(path, '/'), sizeof("/components"), "/components");
        return setenv("C", path, 1);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_cannot_keep_the_promise_of_exactly_once_is_refused),
                cmocka_unit_test(a_plan_numbers_tasks_component_by_component),
                cmocka_unit_test(workers_get_their_share_of_each_component),
                cmocka_unit_test(more_workers_than_tasks_are_as_many_as_tasks),
                cmocka_unit_test(a_bad_override_is_an_error_each),
                cmocka_unit_test(edges_know_the_places_of_keys_and_input_fields),
                cmocka_unit_test(a_cycle_is_numbered_and_its_back_edge_marked),
                cmocka_unit_test(a_path_is_relative_to_the_file_and_a_dash_stays),
                cmocka_unit_test(a_list_of_pairs_and_words_is_a_map_in_order),
                cmocka_unit_test(a_map_within_a_map_is_an_entry_for_each_of_its_keys_in_a_plan_and_its_bytes),
                cmocka_unit_test(a_plan_survives_its_bytes),
                cmocka_unit_test(a_plan_from_before_state_could_be_let_go_loses_none),
                cmocka_unit_test(a_plan_that_is_cut_or_longer_is_refused),
                cmocka_unit_test(a_plan_whose_names_lead_elsewhere_is_refused),
                cmocka_unit_test(a_plan_with_any_byte_changed_is_refused_or_sound),
                cmocka_unit_test(the_catalog_lists_sorted_names_and_finds_them),
        };

        return cmocka_run_group_tests(tests, find_components, NULL);
}
