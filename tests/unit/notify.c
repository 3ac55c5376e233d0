/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../shared/folder.h"
#include "supervisor/notify.h"

static int
set_up(void **state)
{
        return set_up_folder(state, "notify");
}

static void
the_service_manager_is_told_by_datagram(void **state)
{
        const char *folder = *state;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char text[64] = "";
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        assert_int_equal(sqi_notify("READY=1"), 0);
        assert_int_equal(read(fd, text, sizeof(text)), 7);
        assert_string_equal(text, "READY=1");
        unsetenv("NOTIFY_SOCKET");
        assert_int_equal(sqi_notify("READY=1"), 0);
        close(fd);
}

static void
the_watchdog_is_fed_twice_in_its_time_if_it_is_ours(void **state)
{
        char pid[16];

        (void)state;
        unsetenv("WATCHDOG_USEC");
        assert_true(sqi_notify_watchdog_ns() == UINT64_MAX);
        setenv("WATCHDOG_USEC", "30000000", 1);
        assert_true(sqi_notify_watchdog_ns() == 15000000000ull);
        setenv("WATCHDOG_PID", "1", 1);
        assert_true(sqi_notify_watchdog_ns() == UINT64_MAX);
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("WATCHDOG_PID", pid, 1);
        assert_true(sqi_notify_watchdog_ns() == 15000000000ull);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_folder)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_service_manager_is_told_by_datagram),
                TEST(the_watchdog_is_fed_twice_in_its_time_if_it_is_ours),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
