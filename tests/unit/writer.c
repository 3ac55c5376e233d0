/* SPDX-License-Identifier: Apache-2.0 */
/* The writer and the reader of structured bytes, each against the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tuple/reader.h"
#include "tuple/writer.h"

static void
write_example(struct sqi_writer *writer)
{
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "topology", "word\"count");
        sqi_write_text(writer, "cause", NULL);
        sqi_write_array(writer, "tasks");
        sqi_write_uint(writer, NULL, 1);
        sqi_write_int(writer, NULL, -2);
        sqi_write_real(writer, NULL, 0.5);
        sqi_write_end(writer);
        sqi_write_map(writer, "empty");
        sqi_write_end(writer);
        sqi_write_bool(writer, "on", true);
        sqi_write_end(writer);
}

static void
writes_the_same_as_json_and_as_msgpack(void **state)
{
        static const char want[] =
                "{\"topology\":\"word\\\"count\",\"cause\":null,\"tasks\":[1,-2,0.5],\"empty\":{},\"on\":true}";
        struct sqi_writer json = sqi_writer(SQI_JSON), packed = sqi_writer(SQI_MSGPACK);
        char text[256];
        void *bytes;
        size_t size;

        (void)state;
        write_example(&json);
        assert_int_equal(sqi_writer_take(&json, &bytes, &size), 0);
        assert_string_equal(bytes, want);
        assert_int_equal(size, strlen(want));
        free(bytes);

        write_example(&packed);
        assert_int_equal(sqi_writer_take(&packed, &bytes, &size), 0);
        struct sqi_reader reader = sqi_reader(bytes, size);
        sq_json(sqi_read_value(&reader), text, sizeof(text));
        assert_true(sqi_reader_is_done(&reader));
        assert_string_equal(text, want);
        free(bytes);
}

/* The head of an array takes 1, 3 or 5 bytes, that of a map as many. */
static void
counts_the_members_of_long_lists_and_maps(void **state)
{
        static const uint32_t counts[] = {0, 15, 16, 65535, 65536};

        (void)state;
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
                struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
                void *bytes;
                size_t size;

                sqi_write_array(&writer, NULL);
                sqi_write_map(&writer, NULL);
                for (uint32_t i = 0; i < counts[c]; i++)
                        sqi_write_uint(&writer, "k", i);
                sqi_write_end(&writer);
                sqi_write_array(&writer, NULL);
                for (uint32_t i = 0; i < counts[c]; i++)
                        sqi_write_uint(&writer, NULL, i);
                sqi_write_end(&writer);
                sqi_write_end(&writer);
                assert_int_equal(sqi_writer_take(&writer, &bytes, &size), 0);

                struct sqi_reader reader = sqi_reader(bytes, size);
                assert_int_equal(sqi_read_array(&reader), 2);
                struct sq_value map = sqi_read_value(&reader);
                assert_int_equal(map.type, SQ_MAP);
                struct sq_items items = sq_items(map);
                assert_int_equal(items.left, 2 * (uint64_t)counts[c]);
                assert_int_equal(sqi_read_array(&reader), counts[c]);
                for (uint32_t i = 0; i < counts[c]; i++)
                        assert_int_equal(sqi_read_u32(&reader), i);
                assert_true(sqi_reader_is_done(&reader));
                free(bytes);
        }
}

static void
a_reader_fails_at_every_cut_and_stays_failed(void **state)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);
        void *bytes;
        size_t size;

        (void)state;
        sqi_write_array(&writer, NULL);
        sqi_write_uint(&writer, NULL, 300);
        sqi_write_text(&writer, NULL, "name");
        sqi_write_bool(&writer, NULL, true);
        sqi_write_end(&writer);
        assert_int_equal(sqi_writer_take(&writer, &bytes, &size), 0);
        for (size_t cut = 0; cut <= size; cut++) {
                struct sqi_reader reader = sqi_reader(bytes, cut);
                char name[8];

                sqi_read_array(&reader);
                sqi_read_uint(&reader, 1000);
                sqi_read_text(&reader, name, sizeof(name));
                bool flag = sqi_read_bool(&reader);
                assert_int_equal(sqi_reader_is_done(&reader), cut == size);
                assert_int_equal(flag, cut == size);
                assert_int_equal(!reader.error, cut == size);
                assert_int_equal(sqi_read_uint(&reader, 1000), 0);
        }
        free(bytes);
}

static void
a_reader_says_what_was_wrong_first(void **state)
{
        static const uint8_t bytes[] = {0x92, 0xa1, 'x', 0x05};
        struct sqi_reader reader = sqi_reader(bytes, sizeof(bytes));
        char name[1];

        (void)state;
        sqi_read_array(&reader);
        sqi_read_text(&reader, name, sizeof(name));
        sqi_read_demand(&reader, false, "later");
        assert_string_equal(reader.error, "a text that is too long, or with a NUL in it");
        assert_string_equal(name, "");
}

/* A count that the bytes could not hold is refused before anything is allocated for it. */
static void
a_reader_refuses_a_count_beyond_its_bytes(void **state)
{
        static const uint8_t bytes[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0x01};
        struct sqi_reader reader = sqi_reader(bytes, sizeof(bytes));

        (void)state;
        assert_int_equal(sqi_read_array(&reader), 0);
        assert_non_null(reader.error);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_the_same_as_json_and_as_msgpack),
                cmocka_unit_test(counts_the_members_of_long_lists_and_maps),
                cmocka_unit_test(a_reader_fails_at_every_cut_and_stays_failed),
                cmocka_unit_test(a_reader_says_what_was_wrong_first),
                cmocka_unit_test(a_reader_refuses_a_count_beyond_its_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
