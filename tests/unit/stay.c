/* SPDX-License-Identifier: Apache-2.0 */
/* Which workers go on as they are when a topology gets another plan. */
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
#include "topology/model.h"
#include "plan/stay.h"

enum { WORKERS = 16 };
#define FIRST(n) "{ type: custom, component: first, properties: { tasks: " #n " } }"

struct shape {
        const char *config, *where;
        unsigned splits, counts;
        const char *grouping;
};

static struct sqi_plan *
planned_as(const struct shape *shape)
{
        struct sqi_plan *plan;
        char text[1024];
        int n;

        n = snprintf(text, sizeof(text),
                     "name: t\n%s"
                     "spouts: [ { id: lines, component: generate, properties: { fields: { k: uniform 1 9 } } } ]\n"
                     "bolts:\n"
                     "  - { id: pass, component: filter, parallelism: %u, properties: { where: \"%s\" } }\n"
                     "  - { id: sum, component: count, parallelism: %u, properties: { by: [k] } }\n"
                     "  - { id: end, component: 'null' }\n"
                     "streams:\n"
                     "  - { from: lines, to: pass, grouping: SHUFFLE }\n"
                     "  - { from: pass, to: sum, grouping: %s }\n"
                     "  - { from: sum, to: end, grouping: SHUFFLE }\n",
                     shape->config ? shape->config : "", shape->splits ? shape->splits : 1,
                     shape->where ? shape->where : "true", shape->counts ? shape->counts : 2,
                     shape->grouping ? shape->grouping : "{ type: fields, args: [k] }");
        assert_in_range(n, 1, sizeof(text) - 1);
        plan = planned(text, NULL);
        assert_true(plan->nworkers <= WORKERS);
        return plan;
}

/* "lines pass sum sum end": of each worker of the second plan the component, if it goes on, else "-". */
static const char *
stays(const struct shape *before, const struct shape *after, char ret[256])
{
        struct sqi_plan *old = planned_as(before), *new = planned_as(after);
        uint32_t former[WORKERS];
        int expected = 0, n = sqi_stay(old, new, former);

        ret[0] = '\0';
        for (uint32_t w = 0; w < new->nworkers; w++) {
                const char *id = new->components[new->tasks[w].component].id;

                if (former[w] != SQI_STAYS_NOT) {
                        assert_int_equal(new->nworkers, new->ntasks);
                        assert_string_equal(id, old->components[old->tasks[former[w]].component].id);
                        assert_int_equal(new->tasks[w].index, old->tasks[former[w]].index);
                        expected++;
                }
                snprintf(ret + strlen(ret), 256 - strlen(ret), "%s%s", w ? " " : "",
                         former[w] == SQI_STAYS_NOT ? "-" : id);
        }
        assert_int_equal(n, expected);
        sqi_plan_free(&old);
        sqi_plan_free(&new);
        return ret;
}

#define assert_stays(before, after, wanted) \
        do { \
                char got[256]; \
                assert_string_equal(stays(before, after, got), wanted); \
        } while (0)

static void
everybody_stays_when_nothing_differs(void **state)
{
        (void)state;
        assert_stays((&(struct shape){0}), (&(struct shape){0}), "lines pass sum sum end");
}

static void
another_parallelism_is_for_its_own_component_alone(void **state)
{
        (void)state;
        assert_stays((&(struct shape){.counts = 2}), (&(struct shape){.counts = 4}), "lines pass - - - - end");
        assert_stays((&(struct shape){.counts = 4}), (&(struct shape){.counts = 1}), "lines pass - end");
        assert_stays((&(struct shape){.splits = 1}), (&(struct shape){.splits = 3}), "lines - - - sum sum end");
}

static void
so_are_settings(void **state)
{
        (void)state;
        assert_stays((&(struct shape){0}), (&(struct shape){.where = "k > 2"}), "lines - sum sum end");
}

static void
who_reads_by_another_grouping_does_not_stay(void **state)
{
        (void)state;
        assert_stays((&(struct shape){0}), (&(struct shape){.grouping = "SHUFFLE"}), "lines pass - - end");
        assert_stays((&(struct shape){0}), (&(struct shape){.grouping = FIRST(1)}), "lines pass - - end");
        assert_stays((&(struct shape){.grouping = FIRST(1)}), (&(struct shape){.grouping = FIRST(2)}),
                     "lines pass - - end");
        assert_stays((&(struct shape){.grouping = FIRST(2)}), (&(struct shape){.grouping = FIRST(2)}),
                     "lines pass sum sum end");
}

static void
nobody_stays_under_another_configuration_or_where_tasks_share_workers(void **state)
{
        const char *shared = "config: { topology.workers: 2 }\n",
                   *other = "config: { topology.message.timeout.secs: 9 }\n";

        (void)state;
        assert_stays((&(struct shape){0}), (&(struct shape){.config = other}), "- - - - -");
        assert_stays((&(struct shape){.config = other}), (&(struct shape){.config = other}), "lines pass sum sum end");
        assert_stays((&(struct shape){.config = shared}), (&(struct shape){.config = shared}), "- -");
}

static void
code_is_compared_by_its_bytes(void **state)
{
        struct sqi_plan *before = planned_as(&(struct shape){0}), *after = planned_as(&(struct shape){0});
        uint32_t former[WORKERS];
        char copy[] = "/tmp/squall-stay-XXXXXX", command[1024];
        int fd = mkstemp(copy);

        (void)state;
        assert_true(fd >= 0);
        close(fd);
        snprintf(command, sizeof(command), "cat '%s' >%s", before->components[1].path, copy);
        assert_int_equal(system(command), 0);
        after->components[1].path = copy;
        assert_int_equal(sqi_stay(before, after, former), 5);
        snprintf(command, sizeof(command), "printf x >>%s", copy);
        assert_int_equal(system(command), 0);
        assert_int_equal(sqi_stay(before, after, former), 4);
        assert_int_equal(unlink(copy), 0);
        assert_int_equal(sqi_stay(before, after, former), 4);
        sqi_plan_free(&before);
        sqi_plan_free(&after);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everybody_stays_when_nothing_differs),
                cmocka_unit_test(another_parallelism_is_for_its_own_component_alone),
                cmocka_unit_test(so_are_settings),
                cmocka_unit_test(who_reads_by_another_grouping_does_not_stay),
                cmocka_unit_test(nobody_stays_under_another_configuration_or_where_tasks_share_workers),
                cmocka_unit_test(code_is_compared_by_its_bytes),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
