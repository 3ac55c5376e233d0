/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight: found by their serials, and over by their time, their client or their connection; and what is
 * there of their results. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../clients/drpc_flight.h"

enum { MANY = 10000 };

static uint64_t
add(struct sqi_drpc_flight *flight, const char *client, const char *tag, int fd, uint64_t due_ns)
{
        struct sqi_drpc_request request = {.client = {client, strlen(client)}, .tag = {tag, tag ? strlen(tag) : 0}};
        struct sqi_drpc_asked *asked = sqi_drpc_flight_add(flight, &request, fd, due_ns);

        return asked ? asked->serial : 0;
}

struct ended {
        struct sqi_drpc_flight *flight;
        uint64_t n, sum;
};

static void
end(void *context, struct sqi_drpc_asked *asked)
{
        struct ended *ended = context;

        ended->n++;
        ended->sum += asked->serial;
        sqi_drpc_flight_remove(ended->flight, asked);
}

static void
holds_so_many_and_finds_each_until_it_is_removed(void **state)
{
        struct sqi_drpc_flight flight;
        struct ended ended = {.flight = &flight};

        (void)state;
        assert_int_equal(sqi_drpc_flight_open(&flight, MANY), 0);
        for (uint64_t i = 1; i <= MANY; i++)
                assert_int_equal(add(&flight, "me", NULL, 3, i), i);
        assert_int_equal(add(&flight, "me", NULL, 3, 1), 0);
        for (uint64_t i = 1; i <= MANY; i += 2)
                sqi_drpc_flight_remove(&flight, sqi_drpc_flight_find(&flight, i));
        for (uint64_t i = 1; i <= MANY; i++)
                assert_int_equal(sqi_drpc_flight_find(&flight, i) != NULL, i % 2 == 0);
        sqi_drpc_flight_end(&flight, end, &ended);
        assert_int_equal(ended.n, MANY / 2);
        assert_int_equal(flight.n, 0);
        sqi_drpc_flight_close(&flight);
}

static void
ends_what_is_due_and_knows_when_the_next_one_is(void **state)
{
        struct sqi_drpc_flight flight;
        struct ended ended = {.flight = &flight};

        (void)state;
        assert_int_equal(sqi_drpc_flight_open(&flight, 10), 0);
        add(&flight, "a", NULL, 3, 300);
        add(&flight, "b", NULL, 4, 100);
        add(&flight, "c", NULL, 5, 200);
        assert_int_equal(flight.next_ns, 100);
        sqi_drpc_flight_expire(&flight, 99, end, &ended);
        assert_int_equal(ended.n, 0);
        sqi_drpc_flight_expire(&flight, 200, end, &ended);
        assert_int_equal(ended.sum, 2 + 3);
        assert_int_equal(flight.next_ns, 300);
        sqi_drpc_flight_expire(&flight, 300, end, &ended);
        assert_int_equal(flight.next_ns, UINT64_MAX);
        sqi_drpc_flight_close(&flight);
}

static void
ends_what_a_connection_brought_or_a_client_takes_back(void **state)
{
        const struct sqi_drpc_request back = {.client = {"a", 1}, .tag = {"2", 1}};
        struct sqi_drpc_flight flight;
        struct ended ended = {.flight = &flight};

        (void)state;
        assert_int_equal(sqi_drpc_flight_open(&flight, 10), 0);
        add(&flight, "a", "1", 3, 1);
        add(&flight, "a", "2", 3, 1);
        add(&flight, "b", "2", 4, 1);
        add(&flight, "a", NULL, 3, 1);
        sqi_drpc_flight_cancel(&flight, &back, end, &ended);
        assert_int_equal(ended.sum, 2);
        sqi_drpc_flight_hang_up(&flight, 3, end, &ended);
        assert_int_equal(ended.sum, 2 + 1 + 4);
        assert_int_equal(flight.n, 1);
        sqi_drpc_flight_end(&flight, end, &ended);
        sqi_drpc_flight_close(&flight);
}

/* Piece AT of a result that SENDER sends. */
static int
add_piece(struct sqi_drpc_asked *asked, uint32_t sender, uint64_t at, const char *bytes)
{
        const struct sqi_drpc_piece head = {.serial = asked->serial, .sender = sender, .at = at};

        return sqi_drpc_flight_add_piece(asked, &head, (struct sq_str){bytes, strlen(bytes)});
}

static void
assert_result(const struct sqi_drpc_asked *asked, const char *expected)
{
        assert_int_equal(asked->result_len, strlen(expected));
        assert_memory_equal(asked->result, expected, strlen(expected));
}

static void
a_result_is_made_of_the_pieces_of_one_sender_that_follow_each_other(void **state)
{
        struct sqi_drpc_flight flight;
        struct ended ended = {.flight = &flight};
        struct sqi_drpc_asked *asked;

        (void)state;
        assert_int_equal(sqi_drpc_flight_open(&flight, 10), 0);
        asked = sqi_drpc_flight_find(&flight, add(&flight, "a", NULL, 3, 1));
        assert_int_equal(add_piece(asked, 7, 3, "def"), -EPROTO); /* the one before it is lost */
        assert_int_equal(add_piece(asked, 7, 0, "abc"), 0);
        assert_int_equal(add_piece(asked, 8, 3, "DEF"), -EPROTO);
        assert_int_equal(add_piece(asked, 7, 6, "ghi"), -EPROTO);
        assert_int_equal(add_piece(asked, 7, 3, "def"), 0);
        assert_result(asked, "abcdef");
        sqi_drpc_flight_end(&flight, end, &ended);
        sqi_drpc_flight_close(&flight);
}

static void
a_result_that_was_sent_in_part_may_be_sent_again_by_whoever_it_is(void **state)
{
        struct sqi_drpc_flight flight;
        struct ended ended = {.flight = &flight};
        struct sqi_drpc_asked *asked;

        (void)state;
        assert_int_equal(sqi_drpc_flight_open(&flight, 10), 0);
        asked = sqi_drpc_flight_find(&flight, add(&flight, "a", NULL, 3, 1));
        assert_int_equal(add_piece(asked, 7, 0, "abc"), 0);
        assert_int_equal(add_piece(asked, 7, 0, "abc"), 0); /* it could not send the rest, and does all of it again */
        assert_result(asked, "abc");
        assert_int_equal(add_piece(asked, 8, 0, "ab"), 0); /* it has died, and another does it in its place */
        assert_int_equal(add_piece(asked, 8, 2, "cd"), 0);
        assert_result(asked, "abcd");
        sqi_drpc_flight_end(&flight, end, &ended);
        sqi_drpc_flight_close(&flight);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(holds_so_many_and_finds_each_until_it_is_removed),
                cmocka_unit_test(ends_what_is_due_and_knows_when_the_next_one_is),
                cmocka_unit_test(ends_what_a_connection_brought_or_a_client_takes_back),
                cmocka_unit_test(a_result_is_made_of_the_pieces_of_one_sender_that_follow_each_other),
                cmocka_unit_test(a_result_that_was_sent_in_part_may_be_sent_again_by_whoever_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
