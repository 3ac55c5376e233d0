/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server is, as it stands in a setting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

static void
reads_all_parts_of_a_url(void **state)
{
        struct sq_url url;

        (void)state;
        assert_null(sq_url_read("redis://me@host.example:6380/2?x=1", &url));
        assert_string_equal(url.scheme, "redis");
        assert_string_equal(url.user, "me");
        assert_string_equal(url.host, "host.example");
        assert_int_equal(url.port, 6380);
        assert_string_equal(url.path, "/2?x=1");
}

static void
leaves_empty_what_is_not_there(void **state)
{
        struct sq_url url;

        (void)state;
        assert_null(sq_url_read("unix:///run/redis.sock", &url));
        assert_string_equal(url.host, "");
        assert_string_equal(url.path, "/run/redis.sock");
        assert_null(sq_url_read("nats://localhost", &url));
        assert_string_equal(url.host, "localhost");
        assert_int_equal(url.port, 0);
        assert_string_equal(url.user, "");
}

static void
reads_an_address_of_ipv6_in_brackets(void **state)
{
        struct sq_url url;

        (void)state;
        assert_null(sq_url_read("tcp://[::1]:80", &url));
        assert_string_equal(url.host, "::1");
        assert_int_equal(url.port, 80);
        assert_null(sq_url_read("tcp://[fe80::1]", &url));
        assert_int_equal(url.port, 0);
}

static void
refuses_what_is_not_a_url_and_one_that_shows_a_password(void **state)
{
        static const char *const wrong[] = {
                "host:80", "://host", "", "a://[::1", "a://h:", "a://h:0", "a://h:65536", "a://h:8x"};
        struct sq_url url;
        char longer[400] = "a://";

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_non_null(sq_url_read(wrong[i], &url));
        assert_non_null(strstr(sq_url_read("a://me:secret@host", &url), "password"));
        assert_non_null(strstr(sq_url_read("a://me@host/db?sslmode=disable&password=secret", &url), "password"));
        assert_null(sq_url_read("a://me@host/db?is=password=", &url));
        memset(longer + 4, 'h', sizeof(longer) - 5);
        assert_non_null(sq_url_read(longer, &url));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_all_parts_of_a_url),
                cmocka_unit_test(leaves_empty_what_is_not_there),
                cmocka_unit_test(reads_an_address_of_ipv6_in_brackets),
                cmocka_unit_test(refuses_what_is_not_a_url_and_one_that_shows_a_password),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
