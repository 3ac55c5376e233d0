/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams: who reads is told again and again, who does not is not, and however many there are, others are
 * answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "called.h"

enum { LITTLE = 64 << 10, LARGE = 16 << 20, SHORT_MS = 50 };

/* A stream: how large each message is, and how often it was asked for one. */
struct telling {
        size_t size;
        unsigned told;
};

static void
begin_stream(void *context, const struct sqi_http_request *asked, struct sqi_http_reply *reply)
{
        (void)context;
        reply->stream = asked->uri->nsegments > 0 && strcmp(asked->uri->segments[0], "x") != 0;
        sqi_http_reply_bytes(reply, reply->stream ? "text/event-stream" : "text/plain", strdup("x"), 1);
}

static int
tell_much(void *context, const struct sqi_uri *uri, uint64_t *cursor, void **ret_bytes, size_t *ret_size)
{
        struct telling *telling = context;

        (void)uri;
        ++*cursor;
        telling->told++;
        *ret_size = telling->size;
        *ret_bytes = malloc(*ret_size);
        assert_non_null(*ret_bytes);
        memset(*ret_bytes, 'm', *ret_size);
        return 0;
}

static struct sqi_http *
begin_telling(struct telling *telling, unsigned answer_ms)
{
        const struct sqi_http_options options = {.address = "127.0.0.1:0",
                                                 .context = telling,
                                                 .answer = begin_stream,
                                                 .tell = tell_much,
                                                 .answer_ms = answer_ms,
                                                 .tell_ms = 1};
        struct sqi_http *http;
        char error[256];

        assert_int_equal(sqi_http_open(&options, &http, error, sizeof(error)), 0);
        return http;
}

static const char listens[] = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

static void
tells_a_stream_again_and_again_while_it_is_read(void **state)
{
        struct telling telling = {.size = LITTLE};
        struct sqi_http *http = begin_telling(&telling, 0);
        char *text = malloc(4 * LITTLE + 1);
        int fd = call(http);

        (void)state;
        assert_non_null(text);
        say(fd, listens);
        assert_int_equal(hear(http, fd, text, 4 * LITTLE), 4 * LITTLE);
        text[4 * LITTLE] = '\0';
        assert_non_null(strstr(text, "Content-Type: text/event-stream"));
        assert_non_null(strstr(text, "id: 1\ndata: mmm"));
        assert_non_null(strstr(text, "id: 3\ndata: mmm"));
        free(text);
        close(fd);
        sqi_http_close(&http);
}

static void
tells_no_more_to_who_does_not_read(void **state)
{
        struct telling telling = {.size = LARGE / 4};
        struct sqi_http *http = begin_telling(&telling, 20 * SHORT_MS);
        int fd = call(http);

        (void)state;
        say(fd, listens);
        while (telling.told == 0)
                turn(http, -1);
        turn_until_alone(http);
        assert_true(telling.told <= 4); /* what the kernel takes may be some messages */
        close(fd);
        sqi_http_close(&http);
}

static void
answers_one_while_a_thousand_listen_and_read_nothing(void **state)
{
        struct telling telling = {.size = LARGE / 4};
        struct sqi_http *http = begin_telling(&telling, 0);

        (void)state;
        is_answered_beside_a_thousand(http, listens);
        assert_in_range(telling.told, 1, 4 * SQI_HTTP_STREAMS);
        sqi_http_close(&http);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_a_stream_again_and_again_while_it_is_read),
                cmocka_unit_test(tells_no_more_to_who_does_not_read),
                cmocka_unit_test(answers_one_while_a_thousand_listen_and_read_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
