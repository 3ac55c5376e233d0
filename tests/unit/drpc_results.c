/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of results, by a datagram socket that anything may be sent to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../clients/drpc_results.h"

static void
a_datagram_that_is_no_whole_piece_is_dropped(void **state)
{
        static struct sqi_drpc_results results;
        static char large[sizeof(results.packet) + 1];
        struct sqi_drpc_piece head = {.serial = 1}, got;
        const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sq_str bytes;

        (void)state;
        assert_int_equal(sqi_drpc_results_open(&results, folder, (unsigned)getpid()), 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&results.at, sizeof(results.at)), 0);
        memcpy(large, &head, sizeof(head));
        assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));
        assert_int_equal(send(fd, large, sizeof(head) - 1, 0), sizeof(head) - 1);
        assert_int_equal(send(fd, large, sizeof(head), 0), sizeof(head));
        assert_true(sqi_drpc_results_next(&results, &got, &bytes));
        assert_int_equal(bytes.len, 0);
        assert_false(sqi_drpc_results_next(&results, &got, &bytes));
        close(fd);
        sqi_drpc_results_close(&results);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_datagram_that_is_no_whole_piece_is_dropped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
