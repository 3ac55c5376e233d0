/* SPDX-License-Identifier: Apache-2.0 */
/* What waits between the door of a `drpc` spout and its task. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../clients/drpc_line.h"

static void
what_waits_is_sent_back_in_its_order_when_the_line_is_shut_and_not_before(void **state)
{
        struct sqi_drpc_asked asked[] = {{.serial = 1}, {.serial = 2}};
        struct sqi_drpc_line line;

        (void)state;
        assert_int_equal(sqi_drpc_line_open(&line, 100), 0);
        for (int i = 0; i < 2; i++)
                assert_true(sqi_drpc_line_put(&line, &asked[i], (struct sq_str){"args", 4}));
        assert_null(sqi_drpc_line_send_back(&line));
        sqi_drpc_line_shut(&line, true);
        for (int i = 0; i < 2; i++) {
                assert_ptr_equal(sqi_drpc_line_send_back(&line), &asked[i]);
                assert_false(sqi_drpc_line_has(&line, &asked[i]));
        }
        assert_null(sqi_drpc_line_send_back(&line));
        assert_null(sqi_drpc_line_take(&line));
        assert_int_equal(line.bytes, 0);
        sqi_drpc_line_close(&line);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_waits_is_sent_back_in_its_order_when_the_line_is_shut_and_not_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
