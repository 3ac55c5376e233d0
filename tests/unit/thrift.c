/* SPDX-License-Identifier: Apache-2.0 */
/* Thrift's binary protocol: what is written is what Nimbus was seen to take, and nothing that is read harms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "storm/thrift.h"

/* The frame of a reply to `x`: its head, then `body`. */
#define HEAD "\x80\x01\x00\x02\x00\x00\x00\x01x\x00\x00\x00\x00"

static int
read_reply(struct sqi_arena *arena, const char *body, size_t size, struct sqi_thrift_reply *ret)
{
        char *bytes = malloc(sizeof(HEAD) - 1 + size); /* of this size, so that a sanitizer sees a step too far */
        int r;

        assert_non_null(bytes);
        (void)memcpy(bytes, HEAD, sizeof(HEAD) - 1);
        if (size > 0)
                (void)memcpy(bytes + sizeof(HEAD) - 1, body, size);
        r = sqi_thrift_read(arena, bytes, sizeof(HEAD) - 1 + size, ret);
        free(bytes);
        return r;
}

static void
writes_a_call_as_nimbus_takes_it(void **state)
{
        static const char expected[] = "\x00\x00\x00\x00"                 /* the length */
                                       "\x80\x01\x00\x01\x00\x00\x00\x04" /* a call */
                                       "kill\x00\x00\x00\x00"
                                       "\x0b\x00\x01\x00\x00\x00\x02wc"
                                       "\x0c\x00\x02\x08\x00\x01\x00\x00\x00\x05\x00"
                                       "\x02\x00\x03\x01\x00";
        struct sqi_thrift_call call = sqi_thrift_call("kill");

        (void)state;
        sqi_thrift_put_text(&call, 1, "wc");
        sqi_thrift_put_struct(&call, 2);
        sqi_thrift_put_i32(&call, 1, 5);
        sqi_thrift_stop(&call);
        sqi_thrift_put_bool(&call, 3, true);
        assert_int_equal(sqi_thrift_end(&call), 0);
        assert_int_equal(call.size, 4 + (size_t)(uint8_t)call.bytes[3]);
        assert_int_equal(call.size, sizeof(expected) - 1);
        assert_memory_equal(call.bytes + 4, expected + 4, call.size - 4);
        sqi_thrift_drop(&call);
}

static void
reads_every_type(void **state)
{
        static const char bytes[] = HEAD "\x02\x00\x01\x01"                             /* bool */
                                         "\x03\x00\x02\xff"                             /* byte -1 */
                                         "\x04\x00\x03\x3f\xf8\x00\x00\x00\x00\x00\x00" /* 1.5 */
                                         "\x06\x00\x04\xff\xfe"                         /* -2 */
                                         "\x08\x00\x05\xff\xff\xff\xfd"                 /* -3 */
                                         "\x0a\x00\x06\x80\x00\x00\x00\x00\x00\x00\x00" /* the lowest */
                                         "\x0b\x00\x07\x00\x00\x00\x03"                 /* text */
                                         "abc"
                                         "\x0d\x00\x08\x0b\x08\x00\x00\x00\x01" /* {"k": 7} */
                                         "\x00\x00\x00\x01k\x00\x00\x00\x07"
                                         "\x0f\x00\x09\x0c\x00\x00\x00\x02" /* [{1: 9}, {}] */
                                         "\x08\x00\x01\x00\x00\x00\x09\x00\x00"
                                         "\x00";
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_thrift_reply reply;
        const struct sqi_thrift *at;

        (void)state;
        assert_int_equal(sqi_thrift_read(arena, bytes, sizeof(bytes) - 1, &reply), 0);
        at = reply.result;
        assert_false(reply.failed);
        assert_int_equal(sqi_thrift_int(sqi_thrift_at(at, 1)), 1);
        assert_int_equal(sqi_thrift_int(sqi_thrift_at(at, 2)), -1);
        assert_true(sqi_thrift_real(sqi_thrift_at(at, 3)) == 1.5);
        assert_int_equal(sqi_thrift_int(sqi_thrift_at(at, 4)), -2);
        assert_int_equal(sqi_thrift_int(sqi_thrift_at(at, 5)), -3);
        assert_true(sqi_thrift_int(sqi_thrift_at(at, 6)) == INT64_MIN);
        assert_int_equal(sqi_thrift_text(sqi_thrift_at(at, 7)).len, 3);
        assert_int_equal(sqi_thrift_int(sqi_thrift_key(sqi_thrift_at(at, 8), "k")), 7);
        assert_null(sqi_thrift_key(sqi_thrift_at(at, 8), "l"));
        assert_int_equal(sqi_thrift_int(sqi_thrift_at(sqi_thrift_first(sqi_thrift_at(at, 9)), 1)), 9);
        assert_null(sqi_thrift_at(at, 10));
        assert_int_equal(sqi_thrift_int(sqi_thrift_at(at, 7)), 0); /* a text is no number */
        assert_int_equal(sqi_thrift_text(NULL).len, 0);
        for (size_t size = 0; size < sizeof(bytes) - 1; size++)
                assert_int_equal(sqi_thrift_read(arena, bytes, size, &reply), -EBADMSG);
        sqi_arena_free(&arena);
}

static void
refuses_lengths_that_are_not_there(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
        } wrong[] = {
                {"\x0b\x00\x01\x7f\xff\xff\xff", 7},                      /* a text of 2 GiB */
                {"\x0b\x00\x01\xff\xff\xff\xff", 7},                      /* of -1 bytes */
                {"\x0f\x00\x01\x02\x7f\xff\xff\xff\x00", 9},              /* a list of 2^31 items */
                {"\x0f\x00\x01\x0c\xff\xff\xff\xff\x00", 9},              /* of -1 */
                {"\x0d\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00", 12}, /* pairs of no type */
                {"\x07\x00\x01\x00", 4},                                  /* a type that there is not */
                {"\x00\x00", 2},                                          /* something behind the end */
        };
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_thrift_reply reply;

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_int_equal(read_reply(arena, wrong[i].bytes, wrong[i].size, &reply), -EBADMSG);
        assert_int_equal(sqi_thrift_read(arena, "\x80\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", 13, &reply),
                         -EBADMSG); /* a call is not a reply */
        sqi_arena_free(&arena);
}

/* A struct in a struct in a struct: no deeper than the stack can bear. */
static void
refuses_what_nests_for_ever(void **state)
{
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_thrift_reply reply;
        char bytes[3 * 1000 + 1001];

        (void)state;
        (void)memset(bytes, 0, sizeof(bytes));
        for (size_t i = 0; i < 1000; i++) {
                bytes[3 * i] = SQI_THRIFT_STRUCT;
                bytes[3 * i + 2] = 1;
        }
        assert_int_equal(read_reply(arena, bytes, sizeof(bytes), &reply), -EBADMSG);
        (void)memset(bytes + 3 * (SQI_THRIFT_DEPTH - 1), 0, SQI_THRIFT_DEPTH);
        assert_int_equal(read_reply(arena, bytes, 4 * SQI_THRIFT_DEPTH - 3, &reply), 0);
        sqi_arena_free(&arena);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_a_call_as_nimbus_takes_it),
                cmocka_unit_test(reads_every_type),
                cmocka_unit_test(refuses_lengths_that_are_not_there),
                cmocka_unit_test(refuses_what_nests_for_ever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
