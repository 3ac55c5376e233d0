/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of syslog with what YAML cannot hold; the others are in tests/yaml/syslog.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

enum { ROOM = 128 };

static void
expect_message(const char *text, size_t len, const char *expected)
{
        char *exact = test_malloc(len), scratch[ROOM];
        struct sq_value room[2 * ROOM];
        struct sq_syslog read;

        memcpy(exact, text, len); /* a byte read behind it is found */
        assert_null(sq_syslog_read((struct sq_str){exact, len}, SQ_SYSLOG_AUTO, "Z", (struct sq_time){0, 0}, room,
                                   scratch, &read));
        assert_int_equal(read.message.len, strlen(expected));
        assert_memory_equal(read.message.as.ptr, expected, strlen(expected));
        test_free(exact);
}

static void
leaves_zero_bytes_and_line_ends_behind_a_message_out_of_it(void **unused)
{
#define EXPECT(text, expected) expect_message(text, sizeof(text) - 1, expected)
        (void)unused;
        EXPECT("<13>1 - - - - - - x\0", "x");
        EXPECT("<13>1 - - - - - - x\n\0", "x");
        EXPECT("<13>1 - - - - - - x\r\n", "x");
        EXPECT("<13>su: x\0\0", "su: x");
        EXPECT("<13>\n", "");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(leaves_zero_bytes_and_line_ends_behind_a_message_out_of_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
