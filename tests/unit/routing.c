/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a key, among how many tasks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/routing.h"

enum { MANY = 300 };
static uint16_t deals[MANY + 1][SQI_SLOTS];

static void
each_task_has_its_share_to_a_slot(void **state)
{
        (void)state;
        for (uint32_t n = 1; n <= MANY; n++) {
                uint32_t shares[MANY] = {0};

                for (uint32_t slot = 0; slot < SQI_SLOTS; slot++) {
                        assert_in_range(deals[n][slot], 0, n - 1);
                        shares[deals[n][slot]]++;
                }
                for (uint32_t task = 0; task < n; task++)
                        assert_in_range(shares[task], SQI_SLOTS / n, SQI_SLOTS / n + (SQI_SLOTS % n > 0));
        }
}

static void
only_the_slots_of_added_or_removed_tasks_move(void **state)
{
        (void)state;
        for (uint32_t n = 1; n <= MANY; n += 7)
                for (uint32_t m = n; m <= MANY; m += 5)
                        for (uint32_t slot = 0; slot < SQI_SLOTS; slot++)
                                assert_true(deals[n][slot] == deals[m][slot] || deals[m][slot] >= n);
}

static void
as_many_tasks_as_slots_have_one_each(void **state)
{
        static uint16_t owners[SQI_SLOTS];
        static uint8_t seen[SQI_SLOTS];

        (void)state;
        sqi_slots_deal(SQI_SLOTS, owners);
        for (uint32_t slot = 0; slot < SQI_SLOTS; slot++)
                assert_int_equal(seen[owners[slot]]++, 0);
}

static void
a_plan_with_more_tasks_of_a_component_than_slots_is_refused(void **state)
{
        struct sqi_plan_stream stream = {.id = "default"};
        struct sqi_plan_component component = {.id = "in",
                                               .kind = SQ_KIND_SPOUT,
                                               .component = "generate",
                                               .path = "/generate.so",
                                               .ntasks = SQI_SLOTS + 1,
                                               .nstreams = 1,
                                               .streams = &stream};
        struct sqi_plan plan = {.name = "many",
                                .directory = "/",
                                .nworkers = 1,
                                .ncomponents = 1,
                                .components = &component},
                        *read;
        char error[256] = "";
        void *bytes;
        size_t size;

        (void)state;
        sqi_config_defaults(&plan.config);
        assert_int_equal(sqi_plan_encode(&plan, &bytes, &size), 0);
        assert_int_equal(sqi_plan_decode(bytes, size, &read, error, sizeof(error)), -EBADMSG);
        assert_string_equal(error, "a component has too many tasks");
        free(bytes);
}

static void
writers_in_other_languages_deal_as_docs_wire_says(void **state)
{
        static const uint16_t five[16] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};

        (void)state;
        assert_memory_equal(deals[5], five, sizeof(five));
        assert_int_equal(sqi_slot_of(0), 0);
        assert_int_equal(sqi_slot_of(UINT64_C(0xfff) << 52), SQI_SLOTS - 1);
        assert_int_equal(sqi_slot_of((UINT64_C(1) << 52) - 1), 0);
}

static int
deal(void **state)
{
        (void)state;
        for (uint32_t n = 1; n <= MANY; n++)
                sqi_slots_deal(n, deals[n]);
        return 0;
}

static void
a_stream_that_nobody_reads_is_not_part_of_the_wiring(void **state)
{
        struct sqi_plan_stream streams[] = {{.id = "default"}, {.id = "late"}};
        struct sqi_plan_component components[] = {{.id = "in", .nstreams = 1, .streams = streams, .ntasks = 1},
                                                  {.id = "out", .ntasks = 1}};
        struct sqi_plan_edge edges[] = {{.from = 0, .to = 1}, {.from = 0, .stream = 1, .to = 1}};
        struct sqi_plan plan = {.ncomponents = 2, .components = components, .nedges = 1, .edges = edges};
        uint64_t before = sqi_wiring(&plan);

        (void)state;
        components[0].nstreams = 2;
        assert_true(sqi_wiring(&plan) == before);
        assert_true(sqi_wiring_is(&plan, before));
        plan.nedges = 2;
        assert_false(sqi_wiring(&plan) == before);
        assert_false(sqi_wiring_is(&plan, before));
}

static void
a_plan_is_known_by_its_components_and_the_types_of_their_fields(void **state)
{
        struct sq_field fields[] = {{.name = "n", .type = SQ_INT}};
        struct sqi_plan_stream streams[] = {{.id = "default", .nfields = 1, .fields = fields}};
        struct sqi_plan_component components[] = {
                {.id = "in", .path = "/usr/lib/squall/file.so", .nstreams = 1, .streams = streams, .ntasks = 1}};
        struct sqi_plan plan = {.ncomponents = 1, .components = components};
        uint64_t before = sqi_plan_mark(&plan);

        (void)state;
        components[0].path = "/opt/squall/file.so";
        assert_true(sqi_plan_mark(&plan) == before);
        components[0].path = "/opt/squall/tcp.so";
        assert_false(sqi_plan_mark(&plan) == before);
        components[0].path = "/opt/squall/file.so";
        fields[0].type = SQ_STR;
        assert_false(sqi_plan_mark(&plan) == before);
        fields[0].type = SQ_INT;
        components[0].ntasks = 2;
        assert_false(sqi_plan_mark(&plan) == before);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_task_has_its_share_to_a_slot),
                cmocka_unit_test(only_the_slots_of_added_or_removed_tasks_move),
                cmocka_unit_test(as_many_tasks_as_slots_have_one_each),
                cmocka_unit_test(a_plan_with_more_tasks_of_a_component_than_slots_is_refused),
                cmocka_unit_test(a_stream_that_nobody_reads_is_not_part_of_the_wiring),
                cmocka_unit_test(a_plan_is_known_by_its_components_and_the_types_of_their_fields),
                cmocka_unit_test(writers_in_other_languages_deal_as_docs_wire_says),
        };

        return cmocka_run_group_tests(tests, deal, NULL);
}
