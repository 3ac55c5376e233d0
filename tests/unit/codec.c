/* SPDX-License-Identifier: Apache-2.0 */
/* Values to msgpack and back, held against msgpack-c's own unpacker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "tuple/pack.h"
#include "tuple/unpack.h"

static uint8_t buffer[1 << 20];

static size_t
pack(struct sq_value value)
{
        size_t bound = sqi_pack_bound(&value);

        assert_true(bound <= sizeof(buffer));
        size_t size = (size_t)(sqi_pack(buffer, &value) - buffer);
        assert_true(size <= bound);
        return size;
}

static struct sq_value
round_trip(struct sq_value value)
{
        size_t size = pack(value);

        assert_ptr_equal(sqi_skip(buffer, buffer + size), buffer + size);
        for (size_t cut = 0; cut < size; cut++)
                assert_null(sqi_skip(buffer, buffer + cut));
        return sqi_unpack(buffer, buffer + size);
}

static void
integers_of_every_width_come_back(void **state)
{
        static const int64_t numbers[] = {0,
                                          1,
                                          -1,
                                          127,
                                          128,
                                          -32,
                                          -33,
                                          -128,
                                          -129,
                                          255,
                                          256,
                                          32767,
                                          -32768,
                                          65535,
                                          65536,
                                          INT32_MAX,
                                          INT32_MIN,
                                          UINT32_MAX,
                                          (int64_t)UINT32_MAX + 1,
                                          INT64_MAX,
                                          INT64_MIN};

        (void)state;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                struct sq_value value = round_trip(sq_int(numbers[i]));
                assert_int_equal(value.type, SQ_INT);
                assert_true(value.as.i == numbers[i]);
        }
}

static void
an_unsigned_value_that_fits_reads_as_int(void **state)
{
        (void)state;
        assert_int_equal(round_trip(sq_uint(7)).type, SQ_INT);
        assert_int_equal(round_trip(sq_uint(INT64_MAX)).type, SQ_INT);
        struct sq_value value = round_trip(sq_uint(UINT64_MAX));
        assert_int_equal(value.type, SQ_UINT);
        assert_true(value.as.u == UINT64_MAX);
}

static void
strings_of_every_head_come_back(void **state)
{
        static const size_t lengths[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 200000};
        char *text = malloc(200000);

        (void)state;
        memset(text, 'x', 200000);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                size_t size = pack(sq_str((struct sq_str){text, lengths[i]}));
                struct sq_value value = sqi_unpack(buffer, buffer + size);
                assert_int_equal(value.type, SQ_STR);
                assert_int_equal(value.len, lengths[i]);
                assert_memory_equal(value.as.ptr, text, lengths[i]);
                size = pack(sq_bin(text, lengths[i]));
                value = sqi_unpack(buffer, buffer + size);
                assert_int_equal(value.type, SQ_BIN);
                assert_int_equal(value.len, lengths[i]);
        }
        free(text);
}

static void
nil_bool_float_and_time_come_back(void **state)
{
        (void)state;
        assert_int_equal(round_trip(sq_nil()).type, SQ_NIL);
        assert_true(round_trip(sq_bool(true)).as.b);
        assert_false(round_trip(sq_bool(false)).as.b);
        assert_true(round_trip(sq_float(-0.1)).as.f == -0.1);
        static const struct sq_time times[] = {{0, 0}, {UINT32_MAX, 0}, {1, 999999999}, {(int64_t)1 << 34, 5}, {-1, 1}};
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
                struct sq_value value = round_trip(sq_time(times[i]));
                assert_int_equal(value.type, SQ_TIME);
                assert_true(value.as.i == times[i].sec);
                assert_int_equal(value.len, times[i].nsec);
        }
}

static void
nested_values_can_be_walked(void **state)
{
        struct sq_value inner[] = {sq_int(1), sq_text("two")};
        struct sq_value pairs[] = {sq_text("list"), sq_array(inner, 2), sq_text("none"), sq_array(NULL, 0)};
        struct sq_value value = round_trip(sq_map(pairs, 2)), item;
        struct sq_items items = sq_items(value), list;
        char json[64];

        (void)state;
        assert_int_equal(value.type, SQ_MAP);
        assert_true(sq_next_item(&items, &item));
        assert_int_equal(item.type, SQ_STR);
        assert_true(sq_next_item(&items, &item));
        list = sq_items(item);
        assert_true(sq_next_item(&list, &item) && item.as.i == 1);
        assert_true(sq_next_item(&list, &item) && item.len == 3);
        assert_false(sq_next_item(&list, &item));
        assert_true(sq_next_item(&items, &item) && sq_next_item(&items, &item));
        assert_int_equal(item.type, SQ_ARRAY);
        assert_false(sq_next_item(&items, &item));
        sq_json(value, json, sizeof(json));
        assert_string_equal(json, "{\"list\":[1,\"two\"],\"none\":[]}");
}

static void
what_is_nested_too_deep_has_no_bound(void **state)
{
        struct sq_value levels[SQI_DEPTH_MAX + 2];

        (void)state;
        levels[0] = sq_int(0);
        for (int i = 1; i <= SQI_DEPTH_MAX + 1; i++)
                levels[i] = sq_array(&levels[i - 1], 1);
        assert_true(sqi_pack_bound(&levels[SQI_DEPTH_MAX]) != SIZE_MAX);
        assert_true(sqi_pack_bound(&levels[SQI_DEPTH_MAX + 1]) == SIZE_MAX);
}

static void
a_hostile_depth_needs_no_stack(void **state)
{
        (void)state;
        memset(buffer, 0x91, sizeof(buffer)); /* arrays of one array of one array ... */
        assert_null(sqi_skip(buffer, buffer + sizeof(buffer)));
        buffer[sizeof(buffer) - 1] = 0xc0;
        assert_ptr_equal(sqi_skip(buffer, buffer + sizeof(buffer)), buffer + sizeof(buffer));
}

static void
a_hostile_count_is_refused_at_once(void **state)
{
        static const uint8_t bomb[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0xdd, 0xff, 0xff, 0xff, 0xff};

        (void)state;
        assert_null(sqi_skip(bomb, bomb + sizeof(bomb)));
}

static void
json_escapes_what_it_must(void **state)
{
        char json[64];

        (void)state;
        sq_json(sq_text("a\"\\\n\x01\xc3\xa9\xff"), json, sizeof(json));
        assert_string_equal(json, "\"a\\\"\\\\\\n\\u0001\xc3\xa9\\ufffd\"");
        assert_int_equal(sq_json(sq_text("abcdef"), json, 4), 8);
        assert_string_equal(json, "\"ab");
        sq_json(sq_time((struct sq_time){0, 5}), json, sizeof(json));
        assert_string_equal(json, "\"1970-01-01T00:00:00.000000005Z\"");
        sq_json(sq_time((struct sq_time){-61946294399, 0}), json, sizeof(json)); /* RFC 3339: four digits */
        assert_string_equal(json, "\"0007-01-01T00:00:01Z\"");
}

/* Eight bytes are looked at in one go: whatever byte at whatever place is what it is alone. */
static void
json_escapes_a_byte_wherever_it_stands(void **state)
{
        (void)state;
        for (unsigned byte = 0; byte < 256; byte++) {
                char alone[16];
                const char one = (char)byte;
                const size_t n = sq_json(sq_str((struct sq_str){&one, 1}), alone, sizeof(alone)) - 2;

                for (size_t at = 0; at < 19; at++) {
                        char text[19], json[64], should[64];

                        memset(text, 'x', sizeof(text));
                        text[at] = one;
                        snprintf(should, sizeof(should), "\"%.*s%.*s%.*s\"", (int)at, "xxxxxxxxxxxxxxxxxxx", (int)n,
                                 alone + 1, (int)(18 - at), "xxxxxxxxxxxxxxxxxxx");
                        assert_int_equal(sq_json(sq_str((struct sq_str){text, sizeof(text)}), json, sizeof(json)),
                                         n + 20);
                        assert_string_equal(json, should);
                }
        }
}

static uint64_t seed = 20261122;

static uint32_t
dice(uint32_t n)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(seed >> 33) % n;
}

/* Whatever bytes come, sqi_skip() and msgpack-c agree on where the first value ends. */
static void
random_bytes_end_where_msgpack_c_says(void **state)
{
        (void)state;
        for (int round = 0; round < 200000; round++) {
                uint8_t bytes[24];
                size_t size = 1 + dice(sizeof(bytes)), offset = 0;
                for (size_t i = 0; i < size; i++) {
                        bytes[i] = (uint8_t)(dice(3) ? dice(256) : 0x90 + dice(0x30));
                        if (bytes[i] == 0xdd || bytes[i] == 0xdf)
                                bytes[i] = 0x92; /* msgpack-c allocates by the count before it looks for the items */
                }
                uint8_t *exact = malloc(size);
                memcpy(exact, bytes, size);
                const uint8_t *end = sqi_skip(exact, exact + size);
                msgpack_unpacked unpacked;
                msgpack_unpacked_init(&unpacked);
                int r = msgpack_unpack_next(&unpacked, (const char *)exact, size, &offset);
                if (r == MSGPACK_UNPACK_SUCCESS) {
                        assert_non_null(end);
                        assert_int_equal(end - exact, offset);
                } else
                        assert_null(end);
                if (end) {
                        char json[256];
                        sq_json(sqi_unpack(exact, end), json, sizeof(json));
                }
                msgpack_unpacked_destroy(&unpacked);
                free(exact);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(integers_of_every_width_come_back),
                cmocka_unit_test(an_unsigned_value_that_fits_reads_as_int),
                cmocka_unit_test(strings_of_every_head_come_back),
                cmocka_unit_test(nil_bool_float_and_time_come_back),
                cmocka_unit_test(nested_values_can_be_walked),
                cmocka_unit_test(what_is_nested_too_deep_has_no_bound),
                cmocka_unit_test(a_hostile_depth_needs_no_stack),
                cmocka_unit_test(a_hostile_count_is_refused_at_once),
                cmocka_unit_test(json_escapes_what_it_must),
                cmocka_unit_test(json_escapes_a_byte_wherever_it_stands),
                cmocka_unit_test(random_bytes_end_where_msgpack_c_says),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
