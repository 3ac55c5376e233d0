/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a key, among how many tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "topology/model.h"
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
        assert_int_equal(SQI_PARALLELISM_MAX, SQI_SLOTS);
        sqi_slots_deal(SQI_SLOTS, owners);
        for (uint32_t slot = 0; slot < SQI_SLOTS; slot++)
                assert_int_equal(seen[owners[slot]]++, 0);
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

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_task_has_its_share_to_a_slot),
                cmocka_unit_test(only_the_slots_of_added_or_removed_tasks_move),
                cmocka_unit_test(as_many_tasks_as_slots_have_one_each),
                cmocka_unit_test(writers_in_other_languages_deal_as_docs_wire_says),
        };

        return cmocka_run_group_tests(tests, deal, NULL);
}
