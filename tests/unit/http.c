/* SPDX-License-Identifier: Apache-2.0 */
/* The front for HTTP: what it makes of a first line, whom it takes for this machine, and that no client, however slow
 * or numerous, keeps another one out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/address.h"
#include "http/exposition.h"
#include "http/http.h"
#include "http/token.h"
#include "called.h"

/* ---- Targets ----------------------------------------------------------------------------------------- */

static void
takes_a_path_and_its_query_apart(void **state)
{
        struct sqi_uri uri;

        (void)state;
        assert_int_equal(sqi_uri_parse("/api/v1/topology/word%20c%2Fd?window=10+m&sys&x=%3d", &uri), 0);
        assert_int_equal(uri.nsegments, 4);
        assert_string_equal(uri.segments[2], "topology");
        assert_string_equal(uri.segments[3], "word c/d");
        assert_int_equal(uri.nparameters, 3);
        assert_string_equal(sqi_uri_parameter(&uri, "window"), "10 m");
        assert_string_equal(sqi_uri_parameter(&uri, "sys"), "");
        assert_string_equal(sqi_uri_parameter(&uri, "x"), "=");
        assert_null(sqi_uri_parameter(&uri, "y"));
        assert_int_equal(sqi_uri_parse("/", &uri), 0);
        assert_int_equal(uri.nsegments, 0);
}

static void
refuses_a_path_that_means_more_than_it_says(void **state)
{
        static const char *const wrong[] = {"",      "*",         "x",      "http://a/b", "//",      "/a//b", "/a/",
                                            "/../a", "/a/%2e%2e", "/a/.",   "/a%",        "/a%0",    "/a%zz", "/a%00b",
                                            "/a\tb", "/a b",      "/a\x80", "/a#b",       "/a?b=%0", "/?%00"};
        static const char *const much[] = {"/1/2/3/4/5/6/7/8/9", "/?1&2&3&4&5&6&7&8&9"};
        char text[SQI_URI_SIZE + 1] = "/";
        struct sqi_uri uri;

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_int_equal(sqi_uri_parse(wrong[i], &uri), -EINVAL);
                assert_int_equal(uri.nsegments + uri.nparameters, 0);
        }
        for (size_t i = 0; i < sizeof(much) / sizeof(much[0]); i++)
                assert_int_equal(sqi_uri_parse(much[i], &uri), -ENAMETOOLONG);
        memset(text + 1, 'x', SQI_URI_SIZE - 1);
        assert_int_equal(sqi_uri_parse(text, &uri), -ENAMETOOLONG);
        text[SQI_URI_SIZE - 1] = '\0';
        assert_int_equal(sqi_uri_parse(text, &uri), 0);
}

/* ---- Addresses --------------------------------------------------------------------------------------- */

static void
knows_this_machine_from_another(void **state)
{
        static const char *const ours[] = {"localhost",      "LocalHost:1", "127.0.0.1",
                                           "127.8.9.1:8080", "[::1]",       "[::1]:8080"},
                                 *const others[] = {"",
                                                    "example.org",
                                                    "localhost.example.org",
                                                    "127.0.0.1.example.org",
                                                    "10.0.0.1",
                                                    "127.0.0.1:99999",
                                                    "127.0.0.1:8080x",
                                                    "[::1",
                                                    "[::2]",
                                                    "::1",
                                                    "localhost:",
                                                    "127.1"};

        (void)state;
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
                assert_true(sqi_host_is_ours(ours[i]));
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                assert_false(sqi_host_is_ours(others[i]));
        assert_true(sqi_origin_is_host("http://localhost:8080", "localhost:8080"));
        assert_false(sqi_origin_is_host("http://localhost:8081", "localhost:8080"));
        assert_false(sqi_origin_is_host("https://localhost:8080", "localhost:8080"));
        assert_false(sqi_origin_is_host("null", "localhost:8080"));
}

/* ---- The token --------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/squall-http-XXXXXX";

static void
keeps_a_token_that_is_ours_alone_and_replaces_any_other(void **state)
{
        char token[SQI_TOKEN_SIZE], again[SQI_TOKEN_SIZE], other[SQI_TOKEN_SIZE];
        struct stat about;

        (void)state;
        assert_non_null(mkdtemp(folder));
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(sqi_token_open(fd, "token", token), 0);
        assert_int_equal(strlen(token), SQI_TOKEN_SIZE - 1);
        assert_int_equal(fstatat(fd, "token", &about, 0), 0);
        assert_int_equal(about.st_mode & 0777, 0600);
        assert_int_equal(sqi_token_open(fd, "token", again), 0);
        assert_string_equal(token, again);
        assert_int_equal(fchmodat(fd, "token", 0640, 0), 0);
        assert_int_equal(sqi_token_open(fd, "token", again), 0);
        assert_string_not_equal(token, again);
        assert_int_equal(fstatat(fd, "token", &about, 0), 0);
        assert_int_equal(about.st_mode & 0777, 0600);
        assert_int_equal(unlinkat(fd, "token", 0), 0);
        assert_int_equal(symlinkat("/dev/null", fd, "token"), 0);
        assert_int_equal(sqi_token_open(fd, "token", other), 0);
        assert_string_not_equal(other, again);
        assert_int_equal(unlinkat(fd, "token", 0), 0);
        close(fd);
        assert_int_equal(rmdir(folder), 0);
}

static void
takes_the_whole_token_and_nothing_else(void **state)
{
        char token[SQI_TOKEN_SIZE], header[SQI_TOKEN_SIZE + 16];

        (void)state;
        memset(token, 'a', SQI_TOKEN_SIZE - 1);
        token[SQI_TOKEN_SIZE - 1] = '\0';
        snprintf(header, sizeof(header), "Bearer %s", token);
        assert_true(sqi_token_is_given(header, token));
        header[0] = 'b';
        assert_true(sqi_token_is_given(header, token));
        header[strlen(header) - 1] = 'b';
        assert_false(sqi_token_is_given(header, token));
        header[strlen(header) - 1] = '\0';
        assert_false(sqi_token_is_given(header, token));
        snprintf(header, sizeof(header), "Bearer %sa", token);
        assert_false(sqi_token_is_given(header, token));
        assert_false(sqi_token_is_given(token, token));
        assert_false(sqi_token_is_given("Bearer ", token));
        assert_false(sqi_token_is_given(NULL, token));
}

/* ---- Exposition -------------------------------------------------------------------------------------- */

static void
keeps_the_samples_of_a_family_together(void **state)
{
        static const struct sqi_family families[] = {
                {"a_total", "counter", "of a"}, {"none", "gauge", "not there"}, {"b_seconds", "histogram", "of b"}};
        static const char want[] = "# HELP a_total of a\n# TYPE a_total counter\n"
                                   "a_total{t=\"x\\\"\\\\\\n?\"} 18446744073709551615\na_total 2\n"
                                   "a_total 3\na_total 12.000000345\n"
                                   "# HELP b_seconds of b\n# TYPE b_seconds histogram\n"
                                   "b_seconds_bucket{t=\"x\\\"\\\\\\n?\",le=\"0.5\"} 1\n"
                                   "b_seconds_bucket{t=\"x\\\"\\\\\\n?\",le=\"+Inf\"} 3\n"
                                   "b_seconds_sum{t=\"x\\\"\\\\\\n?\"} 1.5\nb_seconds_count{t=\"x\\\"\\\\\\n?\"} 3\n";
        const struct sqi_label labels[] = {{"t", "x\"\\\n\xff"}, {0}};
        struct sqi_exposition *it;
        void *bytes;
        size_t size;

        (void)state;
        assert_int_equal(sqi_exposition_new(families, 3, &it), 0);
        sqi_expose_labels(it, labels);
        sqi_expose_uint(it, 0, UINT64_MAX);
        sqi_expose_histogram(it, 2, (struct sqi_rung[]){{"0.5", 1}}, 1, 3, 1.5);
        sqi_expose_labels(it, (struct sqi_label[]){{0}});
        sqi_expose_real(it, 0, 2);
        sqi_expose_seconds(it, 0, 3000000000);
        sqi_expose_seconds(it, 0, 12000000345);
        assert_int_equal(sqi_exposition_take(&it, &bytes, &size), 0);
        assert_int_equal(size, sizeof(want) - 1);
        assert_memory_equal(bytes, want, size);
        free(bytes);
}

/* ---- Clients ----------------------------------------------------------------------------------------- */

enum { LARGE = 16 << 20, SHORT_MS = 50 };

static void
answer_large(void *context, const struct sqi_http_request *asked, struct sqi_http_reply *reply)
{
        size_t size = *(const size_t *)context;
        char *bytes = malloc(size);

        assert_non_null(bytes);
        assert_string_equal(asked->uri->segments[0], "x");
        memset(bytes, 'x', size);
        sqi_http_reply_bytes(reply, "text/plain", bytes, size);
}

static size_t small = 2, large = LARGE;

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct sqi_http *
begin(size_t *size, unsigned request_ms, unsigned answer_ms)
{
        const struct sqi_http_options options = {.address = "127.0.0.1:0",
                                                 .context = size,
                                                 .answer = answer_large,
                                                 .token = TOKEN,
                                                 .request_ms = request_ms,
                                                 .answer_ms = answer_ms};
        struct sqi_http *http;
        char error[256];

        assert_int_equal(sqi_http_open(&options, &http, error, sizeof(error)), 0);
        return http;
}

static void
answers_one_while_a_thousand_say_half_a_word(void **state)
{
        struct sqi_http *http = begin(&small, 0, 0);

        (void)state;
        is_answered_beside_a_thousand(http, "GET /x HT");
        sqi_http_close(&http);
}

static void
cuts_off_who_does_not_end_its_request(void **state)
{
        static const char *const halves[] = {
                "", "GE", "GET /x HTTP/1.1\r\nHost: localhost\r\nX: ",
                "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: Bearer " TOKEN
                "\r\n\r\nhalf"};
        char text[64];

        (void)state;
        for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
                struct sqi_http *http = begin(&small, SHORT_MS, 0);
                int fd = call(http);

                say(fd, halves[i]);
                assert_int_equal(hear(http, fd, text, sizeof(text)), 0);
                close(fd);
                sqi_http_close(&http);
        }
}

static void
cuts_off_who_does_not_take_its_answer(void **state)
{
        struct sqi_http *http = begin(&large, 0, SHORT_MS);
        char *text = malloc(LARGE);
        int fd = call(http);

        (void)state;
        assert_non_null(text);
        say(fd, request);
        turn(http, -1);
        turn_until_alone(http);
        assert_in_range(hear(http, fd, text, LARGE), 1, LARGE - 1);
        free(text);
        close(fd);
        sqi_http_close(&http);
}

static void
sends_a_large_answer_whole(void **state)
{
        static const char close_it[] = "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        struct sqi_http *http = begin(&large, 0, 0);
        char *text = malloc(LARGE + 4096);
        int fd = call(http);

        (void)state;
        assert_non_null(text);
        say(fd, close_it);
        assert_true(hear(http, fd, text, LARGE + 4096) > LARGE);
        free(text);
        close(fd);
        sqi_http_close(&http);
}

static unsigned its_ms; /* what the next answer says that it takes */

static void
answer_later(void *context, const struct sqi_http_request *asked, struct sqi_http_reply *reply)
{
        *(uint64_t *)context = asked->ticket;
        reply->later = true;
        reply->ms = its_ms;
}

static bool
is_secret(const struct sqi_uri *uri)
{
        return uri->nsegments == 1 && strcmp(uri->segments[0], "x") == 0;
}

static struct sqi_http *
begin_later(uint64_t *ticket, unsigned answer_ms)
{
        const struct sqi_http_options options = {
                .address = "127.0.0.1:0", .context = ticket, .answer = answer_later, .answer_ms = answer_ms};
        struct sqi_http *http;
        char error[256];

        assert_int_equal(sqi_http_open(&options, &http, error, sizeof(error)), 0);
        return http;
}

static void
ask_later(struct sqi_http *http, int fd, const uint64_t *ticket)
{
        uint64_t end = sqi_clock_ns() + GUARD_SECS * SQI_SECOND, before = *ticket;

        say(fd, request);
        while (*ticket == before) {
                assert_true(sqi_clock_ns() < end);
                turn(http, -1);
        }
}

static void
gives_the_answer_that_comes_later_to_who_has_asked(void **state)
{
        uint64_t ticket = 0, first;
        struct sqi_http *http = begin_later(&ticket, 0);
        int one = call(http), two = call(http);
        struct sqi_http_reply reply = {0};
        char text[sizeof(ok)] = "";

        (void)state;
        ask_later(http, one, &ticket);
        first = ticket;
        ask_later(http, two, &ticket);
        sqi_http_reply_bytes(&reply, "text/plain", strdup("two"), 3);
        sqi_http_answer(http, ticket, &reply);
        assert_true(sqi_http_due(http) <= sqi_clock_ns()); /* it does not wait for what comes next */
        assert_int_equal(hear(http, two, text, sizeof(ok) - 1), sizeof(ok) - 1);
        assert_string_equal(text, ok);
        assert_true(recv(one, text, 1, 0) < 0);
        reply = (struct sqi_http_reply){0};
        sqi_http_reply_bytes(&reply, "text/plain", strdup("one"), 3);
        sqi_http_answer(http, first, &reply);
        assert_int_equal(hear(http, one, text, sizeof(ok) - 1), sizeof(ok) - 1);
        assert_string_equal(text, ok);
        close(one);
        close(two);
        sqi_http_close(&http);
}

static void
forgets_who_waits_longer_than_an_answer_may_take(void **state)
{
        uint64_t ticket = 0;
        struct sqi_http *http = begin_later(&ticket, SHORT_MS);
        struct sqi_http_reply reply = {0};
        int fd = call(http);
        char text[16];

        (void)state;
        ask_later(http, fd, &ticket);
        turn_until_alone(http);
        assert_int_equal(hear(http, fd, text, sizeof(text)), 0);
        sqi_http_reply_bytes(&reply, "text/plain", strdup("late"), 4);
        sqi_http_answer(http, ticket, &reply);
        close(fd);
        fd = call(http);
        ask_later(http, fd, &ticket); /* and waits as it closes */
        sqi_http_close(&http);
        close(fd);
}

static void
waits_as_long_as_an_answer_has_said_that_it_takes(void **state)
{
        uint64_t ticket = 0, patient;
        struct sqi_http *http = begin_later(&ticket, SHORT_MS);
        struct sqi_http_reply reply = {0};
        int one = call(http), two = call(http);
        char text[sizeof(ok)] = "";

        (void)state;
        its_ms = GUARD_SECS * 1000;
        ask_later(http, one, &ticket);
        patient = ticket;
        its_ms = 0;
        ask_later(http, two, &ticket);
        assert_int_equal(hear(http, two, text, 1), 0); /* has been shut */
        sqi_http_reply_bytes(&reply, "text/plain", strdup("one"), 3);
        sqi_http_answer(http, patient, &reply);
        assert_int_equal(hear(http, one, text, sizeof(ok) - 1), sizeof(ok) - 1);
        assert_string_equal(text, ok);
        close(one);
        close(two);
        sqi_http_close(&http);
}

static void
sends_what_was_answered_before_it_closes(void **state)
{
        uint64_t ticket = 0;
        struct sqi_http *http = begin_later(&ticket, 0);
        struct sqi_http_reply reply = {0};
        char text[1024] = "";
        int fd = call(http), n = 0, other = call(http), got;

        (void)state;
        ask_later(http, fd, &ticket);
        sqi_http_reply_error(&reply, 503, "it ends");
        sqi_http_answer(http, ticket, &reply);
        say(other, request); /* too late */
        sqi_http_close(&http);
        assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* what was sent may be on its way yet */
        while ((got = (int)recv(fd, text + n, sizeof(text) - 1 - (size_t)n, 0)) > 0)
                n += got;
        assert_non_null(strstr(text, "HTTP/1.1 503"));
        assert_non_null(strstr(text, "it ends"));
        assert_true(recv(other, text, sizeof(text), 0) <= 0);
        assert_int_equal(ticket, 1); /* the owner is not asked any more */
        close(fd);
        close(other);
}

static void
shows_what_is_private_to_who_has_the_token(void **state)
{
        static const char with[] = "GET /x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n",
                          unauthorized[] = "HTTP/1.1 401 Unauthorized\r\n";
        const struct sqi_http_options options = {.address = "127.0.0.1:0",
                                                 .context = &small,
                                                 .answer = answer_large,
                                                 .token = TOKEN,
                                                 .is_private = is_secret};
        char error[256], text[sizeof(unauthorized)] = "";
        struct sqi_http *http;

        (void)state;
        assert_int_equal(sqi_http_open(&options, &http, error, sizeof(error)), 0);
        int fd = call(http);
        say(fd, request);
        assert_int_equal(hear(http, fd, text, sizeof(unauthorized) - 1), sizeof(unauthorized) - 1);
        assert_string_equal(text, unauthorized);
        close(fd);
        fd = call(http);
        say(fd, with);
        assert_int_equal(hear(http, fd, text, sizeof(ok) - 1), sizeof(ok) - 1);
        assert_memory_equal(text, ok, sizeof(ok) - 1);
        close(fd);
        sqi_http_close(&http);
}

static void
asks_for_no_token_where_it_is_open_unless_another_site_asks(void **state)
{
        static const char cross[] = "GET /x HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n",
                          forbidden[] = "HTTP/1.1 403 Forbidden\r\n";
        const struct sqi_http_options options = {.address = "127.0.0.1:0",
                                                 .context = &small,
                                                 .answer = answer_large,
                                                 .token = TOKEN,
                                                 .is_private = is_secret,
                                                 .is_open = is_secret};
        char error[256], text[sizeof(forbidden)] = "";
        struct sqi_http *http;

        (void)state;
        assert_int_equal(sqi_http_open(&options, &http, error, sizeof(error)), 0);
        int fd = call(http);
        say(fd, request);
        assert_int_equal(hear(http, fd, text, sizeof(ok) - 1), sizeof(ok) - 1);
        assert_memory_equal(text, ok, sizeof(ok) - 1);
        close(fd);
        fd = call(http);
        say(fd, cross);
        assert_int_equal(hear(http, fd, text, sizeof(forbidden) - 1), sizeof(forbidden) - 1);
        assert_memory_equal(text, forbidden, sizeof(forbidden) - 1);
        close(fd);
        sqi_http_close(&http);
}

static void
refuses_what_it_would_have_to_keep(void **state)
{
        static const struct {
                const char *request;
                unsigned status;
        } cases[] = {
                {"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16385\r\n\r\n", 413},
                {"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
                {"PUT /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
                {"GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n", 421},
                {"GET /x HTTP/1.0\r\n\r\n", 421},
                {"GET /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://example.org\r\n\r\n", 403},
                {"GET /x/../y HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
                {"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 401},
        };
        struct sqi_http *http = begin(&small, 0, 0);
        char text[13] = "";

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                int fd = call(http);

                say(fd, cases[i].request);
                assert_int_equal(hear(http, fd, text, sizeof(text) - 1), sizeof(text) - 1);
                assert_int_equal(atoi(text + 9), cases[i].status);
                close(fd);
        }
        sqi_http_close(&http);
}

static void
leaves_the_port_free_and_says_who_else_has_it(void **state)
{
        struct sqi_http *http = begin(&small, 0, 0), *other;
        char error[256], address[SQI_ADDRESS_TEXT];
        struct sqi_http_options options = {.address = address, .answer = answer_large};

        (void)state;
        strcpy(address, sqi_http_address(http));
        assert_int_equal(sqi_http_open(&options, &other, error, sizeof(error)), -EADDRINUSE);
        assert_non_null(strstr(error, address));
        sqi_http_close(&http);
        assert_int_equal(sqi_http_open(&options, &other, error, sizeof(error)), 0);
        sqi_http_close(&other);
        options.address = "0.0.0.0:0";
        assert_int_equal(sqi_http_open(&options, &other, error, sizeof(error)), -EINVAL);
        assert_non_null(strstr(error, "loopback"));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_a_path_and_its_query_apart),
                cmocka_unit_test(refuses_a_path_that_means_more_than_it_says),
                cmocka_unit_test(knows_this_machine_from_another),
                cmocka_unit_test(keeps_a_token_that_is_ours_alone_and_replaces_any_other),
                cmocka_unit_test(takes_the_whole_token_and_nothing_else),
                cmocka_unit_test(keeps_the_samples_of_a_family_together),
                cmocka_unit_test(answers_one_while_a_thousand_say_half_a_word),
                cmocka_unit_test(cuts_off_who_does_not_end_its_request),
                cmocka_unit_test(cuts_off_who_does_not_take_its_answer),
                cmocka_unit_test(sends_a_large_answer_whole),
                cmocka_unit_test(gives_the_answer_that_comes_later_to_who_has_asked),
                cmocka_unit_test(forgets_who_waits_longer_than_an_answer_may_take),
                cmocka_unit_test(waits_as_long_as_an_answer_has_said_that_it_takes),
                cmocka_unit_test(sends_what_was_answered_before_it_closes),
                cmocka_unit_test(shows_what_is_private_to_who_has_the_token),
                cmocka_unit_test(asks_for_no_token_where_it_is_open_unless_another_site_asks),
                cmocka_unit_test(refuses_what_it_would_have_to_keep),
                cmocka_unit_test(leaves_the_port_free_and_says_who_else_has_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
