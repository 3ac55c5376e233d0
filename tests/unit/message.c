/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of control messages, and the names of the sockets they go through. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "control/endpoint.h"
#include "control/message.h"

static struct sqi_metrics sample;

/* A message with something in every field; what the type does not carry must not come through. */
static struct sqi_message
full(enum sqi_message_type type)
{
        return (struct sqi_message){.type = type,
                                    .worker = 3,
                                    .incarnation = 7,
                                    .task = 300,
                                    .number = UINT64_MAX,
                                    .a = 1,
                                    .b = 70000,
                                    .text = {"no such file", 12},
                                    .metrics = &sample};
}

static const char *
fields_of(enum sqi_message_type type)
{
        static const char *const fields[] = {
#define X(name, carried, sense) carried,
                SQI_MESSAGES(X)
#undef X
        };

        return fields[type];
}

static bool
carries(enum sqi_message_type type, char field)
{
        return strchr(fields_of(type), field);
}

static void
comes_back_as_it_went(enum sqi_message_type type)
{
        struct sqi_message in = full(type), out;
        struct sqi_metrics metrics;
        void *bytes;
        size_t size;

        assert_int_equal(sqi_message_encode(&in, &bytes, &size), 0);
        assert_int_equal(sqi_message_decode(bytes, size, &out, &metrics), 0);
        assert_int_equal(out.type, type);
        assert_int_equal(out.worker, 3);
        assert_int_equal(out.incarnation, 7);
        assert_int_equal(out.task, carries(type, 't') ? 300 : 0);
        assert_true(out.number == (carries(type, 'n') ? UINT64_MAX : 0));
        assert_int_equal(out.a, carries(type, 'a') ? 1 : 0);
        assert_int_equal(out.b, carries(type, 'b') ? 70000 : 0);
        bool has_text = carries(type, 's') || carries(type, 'p');
        assert_int_equal(out.text.len, has_text ? 12 : 0);
        if (has_text)
                assert_memory_equal(out.text.ptr, "no such file", 12);
        if (carries(type, 'm'))
                assert_memory_equal(&metrics, &sample, sizeof(metrics));
        free(bytes);
}

static void
every_type_comes_back_as_it_went(void **state)
{
        (void)state;
        sample.emitted = 12345678901;
        sample.loops = 9;
        sqi_histogram_add(&sample.execute, 1500);
        sqi_histogram_add(&sample.complete, UINT64_MAX);
        for (int type = 0; type < SQI_MESSAGE_TYPES; type++)
                comes_back_as_it_went((enum sqi_message_type)type);
}

static void
every_cut_of_every_message_is_refused(void **state)
{
        struct sqi_message out;
        void *bytes;
        size_t size;

        (void)state;
        for (int type = 0; type < SQI_MESSAGE_TYPES; type++) {
                struct sqi_message in = full((enum sqi_message_type)type);

                assert_int_equal(sqi_message_encode(&in, &bytes, &size), 0);
                for (size_t cut = 0; cut < size; cut++) {
                        /* its own block, so that a sanitizer sees a byte too far */
                        void *piece = malloc(cut ? cut : 1);

                        memcpy(piece, bytes, cut);
                        assert_int_equal(sqi_message_decode(piece, cut, &out, NULL), -EBADMSG);
                        free(piece);
                }
                free(bytes);
        }
}

static void
bytes_behind_a_message_are_refused(void **state)
{
        struct sqi_message in = full(SQI_MSG_HEARTBEAT), out;
        uint8_t longer[64] = {0};
        void *bytes;
        size_t size;

        (void)state;
        assert_int_equal(sqi_message_encode(&in, &bytes, &size), 0);
        memcpy(longer, bytes, size);
        assert_int_equal(sqi_message_decode(longer, size + 1, &out, NULL), -EBADMSG);
        free(bytes);
}

static void
another_version_is_told_from_rubbish(void **state)
{
        const uint8_t next[] = {0x94, SQI_MESSAGE_VERSION + 1, SQI_MSG_HEARTBEAT, 0, 0},
                      unknown[] = {0x94, SQI_MESSAGE_VERSION, SQI_MESSAGE_TYPES, 0, 0};
        struct sqi_message out;

        (void)state;
        assert_int_equal(sqi_message_decode(next, sizeof(next), &out, NULL), -EPROTO);
        assert_int_equal(sqi_message_decode(unknown, sizeof(unknown), &out, NULL), -EBADMSG);
        assert_int_equal(sqi_message_decode("", 0, &out, NULL), -EBADMSG);
}

/* What two programs must agree about to understand each other: types and counters by their place in the lists. */
static const char wire[] =
#define X(name, fields, sense) #name ":" fields "\n"
        SQI_MESSAGES(X)
#undef X
#define X(name, ...) #name "\n"
                SQI_COUNTERS(X);
#undef X
static const struct {
        uint32_t version;
        uint64_t digest;
} agreed = {11, UINT64_C(0xc97287c328329981)};

static void
a_change_of_the_messages_is_another_version(void **state)
{
        const uint32_t numbers[] = {SQI_HISTOGRAM_SUB, SQI_HISTOGRAM_BUCKETS, SQI_OWN_KINDS};
        uint64_t digest = XXH3_64bits_withSeed(wire, sizeof(wire), XXH3_64bits(numbers, sizeof(numbers)));

        (void)state;
        if (digest != agreed.digest && agreed.version == SQI_MESSAGE_VERSION)
                fail_msg(
                        "what a message is made of has changed: raise SQI_MESSAGE_VERSION in control/message.h, then write "
                        "{%u, UINT64_C(0x%016" PRIx64 ")} into `agreed`",
                        SQI_MESSAGE_VERSION + 1u, digest);
        if (digest != agreed.digest || agreed.version != SQI_MESSAGE_VERSION)
                fail_msg("write {%u, UINT64_C(0x%016" PRIx64 ")} into `agreed`", (unsigned)SQI_MESSAGE_VERSION, digest);
}

static void
a_refused_message_leaves_the_outputs_alone(void **state)
{
        struct sqi_message in = full(SQI_MSG_METRICS), out = {.task = 77};
        struct sqi_metrics metrics = {.emitted = 88};
        void *bytes;
        size_t size;

        (void)state;
        assert_int_equal(sqi_message_encode(&in, &bytes, &size), 0);
        assert_int_equal(sqi_message_decode(bytes, size - 1, &out, &metrics), -EBADMSG);
        assert_int_equal(out.task, 77);
        assert_int_equal(metrics.emitted, 88);
        free(bytes);
}

static void
a_long_text_is_cut(void **state)
{
        struct sqi_message in = full(SQI_MSG_ERROR), out;
        char text[10000];
        void *bytes;
        size_t size;

        (void)state;
        memset(text, 'x', sizeof(text));
        in.text = (struct sq_str){text, sizeof(text)};
        assert_int_equal(sqi_message_encode(&in, &bytes, &size), 0);
        assert_int_equal(sqi_message_decode(bytes, size, &out, NULL), 0);
        assert_int_equal(out.text.len, 4096);
        free(bytes);
}

static void
no_topic_is_the_beginning_of_another(void **state)
{
        char one[SQI_TOPIC_SIZE], ten[SQI_TOPIC_SIZE];

        (void)state;
        sqi_message_topic(3, 1, one);
        sqi_message_topic(3, 10, ten);
        assert_string_equal(one, "w3.1.");
        assert_int_not_equal(strncmp(one, ten, strlen(one)), 0);
        sqi_message_topic(UINT32_MAX, UINT32_MAX, ten);
        assert_string_equal(ten, "w4294967295.4294967295.");
}

static void
an_endpoint_names_a_file_in_the_run_directory(void **state)
{
        char endpoint[SQI_ENDPOINT_SIZE];

        (void)state;
        assert_int_equal(sqi_endpoint("/run/x", SQI_INBOX, 3, false, endpoint), 0);
        assert_string_equal(endpoint, "ipc:///run/x/t3");
        assert_int_equal(sqi_endpoint("/run/x", SQI_CONTROL, 3, false, endpoint), 0);
        assert_string_equal(endpoint, "ipc:///run/x/control");
        assert_int_equal(sqi_endpoint("/run/x", SQI_ACKS, 12, true, endpoint), 0);
        assert_string_equal(endpoint, "inproc://a12");
}

static void
a_path_that_no_socket_can_have_is_refused(void **state)
{
        char directory[200], endpoint[SQI_ENDPOINT_SIZE] = "untouched";

        (void)state;
        memset(directory, 'd', sizeof(directory));
        directory[0] = '/';
        directory[107 - strlen("/t3")] = '\0';
        assert_int_equal(sqi_endpoint(directory, SQI_INBOX, 3, false, endpoint), 0);
        assert_int_equal(strlen(endpoint), strlen("ipc://") + 107);
        strcpy(endpoint, "untouched");
        assert_int_equal(sqi_endpoint(directory, SQI_INBOX, 30, false, endpoint), -ENAMETOOLONG);
        assert_string_equal(endpoint, "untouched");
        assert_int_equal(sqi_endpoint(directory, SQI_INBOX, 30, true, endpoint), 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_type_comes_back_as_it_went),
                cmocka_unit_test(every_cut_of_every_message_is_refused),
                cmocka_unit_test(bytes_behind_a_message_are_refused),
                cmocka_unit_test(another_version_is_told_from_rubbish),
                cmocka_unit_test(a_change_of_the_messages_is_another_version),
                cmocka_unit_test(a_refused_message_leaves_the_outputs_alone),
                cmocka_unit_test(a_long_text_is_cut),
                cmocka_unit_test(no_topic_is_the_beginning_of_another),
                cmocka_unit_test(an_endpoint_names_a_file_in_the_run_directory),
                cmocka_unit_test(a_path_that_no_socket_can_have_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
