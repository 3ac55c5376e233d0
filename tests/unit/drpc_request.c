/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of a `drpc` spout send, and the token that their tuples carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../clients/drpc_request.h"

/* Reads frames that are given as texts, NULL at the end. */
static unsigned
read_frames(const char *const *texts, struct sqi_drpc_request *ret)
{
        struct sq_str frames[DRPC_FRAMES + 1];
        const char *wrong = NULL;
        size_t n = 0;

        for (; texts[n]; n++)
                frames[n] = (struct sq_str){texts[n], strlen(texts[n])};
        return sqi_drpc_request_read(frames, n, ret, &wrong);
}

static void
reads_a_request_of_a_REQ_and_of_a_DEALER_with_a_tag(void **state)
{
        struct sqi_drpc_request request;

        (void)state;
        assert_int_equal(read_frames((const char *[]){"me", "", "reach", "args", NULL}, &request), 0);
        assert_true(sq_str_is(request.client, "me") && !request.tag.ptr && !request.cancels);
        assert_true(sq_str_is(request.function, "reach") && sq_str_is(request.args, "args"));
        assert_int_equal(request.timeout_ms, 0);
        assert_int_equal(read_frames((const char *[]){"me", "tag", "", "reach", "", "1500", NULL}, &request), 0);
        assert_true(sq_str_is(request.tag, "tag") && request.args.len == 0);
        assert_int_equal(request.timeout_ms, 1500);
}

static void
reads_nothing_behind_the_envelope_as_a_cancellation(void **state)
{
        struct sqi_drpc_request request;

        (void)state;
        assert_int_equal(read_frames((const char *[]){"me", "tag", "", NULL}, &request), 0);
        assert_true(request.cancels && sq_str_is(request.tag, "tag"));
        assert_int_equal(read_frames((const char *[]){"me", "", NULL}, &request), 0);
        assert_true(request.cancels && !request.tag.ptr);
}

static void
refuses_what_is_no_request_and_still_knows_who_sent_it(void **state)
{
        static const char *const wrong[][DRPC_FRAMES + 1] = {
                {"me", "", "reach", NULL},
                {"me", "", "reach", "args", "0", NULL},
                {"me", "", "reach", "args", "-1", NULL},
                {"me", "", "reach", "args", "1e3", NULL},
                {"me", "", "reach", "args", "99999999999999999999", NULL},
                {"me", "", "reach", "args", "", NULL},
                {"me", "", "reach", "args", "1", NULL},
        };
        struct sqi_drpc_request request;

        (void)state;
        for (size_t i = 0; i + 1 < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_int_equal(read_frames(wrong[i], &request), 400);
                assert_true(sq_str_is(request.client, "me"));
        }
        assert_int_equal(read_frames((const char *[]){"me", NULL}, &request), 400);
        assert_int_equal(read_frames((const char *[]){"me", "tag", "reach", "args", NULL}, &request), 400);
        assert_int_equal(read_frames((const char *[]){NULL}, &request), 400);
        assert_true(!request.client.ptr);
}

static void
reads_the_tokens_that_it_writes_and_no_others(void **state)
{
        const struct sqi_drpc_token written[] = {{0, 0, 1}, {65535, UINT64_MAX, UINT64_MAX}, {7, 0xfeed, 42}};
        static const char *const wrong[] = {"",
                                            "1",
                                            "1.2",
                                            "1.2.3.4",
                                            "1.2.",
                                            ".2.3",
                                            "1..3",
                                            "x.2.3",
                                            "1.2.g",
                                            "a.2.3",
                                            "1.2.3 ",
                                            "4294967296.2.3",
                                            "1.2.10000000000000000"};
        struct sqi_drpc_token read;
        char text[DRPC_TOKEN];

        (void)state;
        for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
                sqi_drpc_token_write(&written[i], text);
                assert_true(sqi_drpc_token_read((struct sq_str){text, strlen(text)}, &read));
                assert_int_equal(read.task, written[i].task);
                assert_int_equal(read.nonce, written[i].nonce);
                assert_int_equal(read.serial, written[i].serial);
        }
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                if (sqi_drpc_token_read((struct sq_str){wrong[i], strlen(wrong[i])}, &read))
                        fail_msg("'%s' was read", wrong[i]);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_a_request_of_a_REQ_and_of_a_DEALER_with_a_tag),
                cmocka_unit_test(reads_nothing_behind_the_envelope_as_a_cancellation),
                cmocka_unit_test(refuses_what_is_no_request_and_still_knows_who_sent_it),
                cmocka_unit_test(reads_the_tokens_that_it_writes_and_no_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
