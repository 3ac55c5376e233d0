/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `zmq` under exactly-once: what goes out when, and what comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>
#include <zmq.h>

#include "../shared/folder.h"
#include "../shared/rigged.h"
#include "built.h"

enum { PATIENCE_MS = 30000 };

/* A reader at its end of the bolt's connection. */
struct reader {
        char folder[96], endpoint[128];
        void *context, *socket;
};

static void
begin(struct reader *reader)
{
        const int ms = PATIENCE_MS;

        make_folder(reader->folder, sizeof(reader->folder), "sent");
        snprintf(reader->endpoint, sizeof(reader->endpoint), "ipc://%s/in", reader->folder);
        reader->context = zmq_ctx_new();
        reader->socket = zmq_socket(reader->context, ZMQ_PULL);
        zmq_setsockopt(reader->socket, ZMQ_RCVTIMEO, &ms, sizeof(ms));
        assert_int_equal(zmq_bind(reader->socket, reader->endpoint), 0);
}

static void
end(struct reader *reader)
{
        char path[128];

        zmq_close(reader->socket);
        zmq_ctx_term(reader->context);
        snprintf(path, sizeof(path), "%s/in", reader->folder);
        unlink(path);
        rmdir(reader->folder);
}

static struct sq_rig *
make(const struct reader *reader, const char *more)
{
        return make_rig("{component: zmq, kind: bolt, properties: {endpoint: '%s', format: json, %s}, "
                        "inputs: {in: [n]}, epochs: true}",
                        reader->endpoint, more);
}

static void
receives(const struct reader *reader, const char *text)
{
        char bytes[256];
        int n = zmq_recv(reader->socket, bytes, sizeof(bytes) - 1, 0);

        assert_true(n >= 0);
        bytes[n] = '\0';
        assert_string_equal(bytes, text);
}

static bool
has_nothing(const struct reader *reader)
{
        return zmq_recv(reader->socket, NULL, 0, ZMQ_DONTWAIT) < 0;
}

static void
messages_go_out_with_the_commit_and_not_before(void **state)
{
        struct reader reader = {0};
        struct sq_rig *rig;

        (void)state;
        begin(&reader);
        rig = make(&reader, "timeout: 20");
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 1}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_ABANDONED), 0);
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 2}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_SEALED), 0);
        assert_true(has_nothing(&reader));
        sq_rig_restore(rig, 0);
        assert_string_equal(sq_rig_error(rig), "");
        receives(&reader, "{\"n\":1}");
        receives(&reader, "{\"n\":2}");
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 3}"), SQ_ACK);
        sq_rig_restore(rig, 0);
        receives(&reader, "{\"n\":1}"); /* the commit is repeated */
        receives(&reader, "{\"n\":2}");
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 4}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        receives(&reader, "{\"n\":4}");
        sq_rig_finish(rig);
        assert_true(has_nothing(&reader));
        sq_rig_free(&rig);
        end(&reader);
}

static void
a_message_that_comes_again_has_the_number_that_it_had(void **state)
{
        struct reader reader = {0};
        struct sq_rig *rig;

        (void)state;
        begin(&reader);
        rig = make(&reader, "timeout: 20, numbered: true, topic: here");
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 7}"), SQ_ACK);
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 8}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        for (int i = 0; i < 2; i++) {
                receives(&reader, "here");
                receives(&reader, "2 0 0");
                receives(&reader, "{\"n\":7}");
                receives(&reader, "here");
                receives(&reader, "2 0 1");
                receives(&reader, "{\"n\":8}");
                if (i == 0)
                        sq_rig_restore(rig, 0);
        }
        sq_rig_free(&rig);
        end(&reader);
}

static void
what_finishes_before_its_last_epoch_goes_out_with_that(void **state)
{
        struct reader reader = {0};
        struct sq_rig *rig;

        (void)state;
        begin(&reader);
        rig = make(&reader, "timeout: 20");
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 1}"), SQ_ACK);
        sq_rig_finish(rig);
        assert_true(has_nothing(&reader));
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        receives(&reader, "{\"n\":1}");
        sq_rig_free(&rig);
        end(&reader);
}

static void
a_commit_that_nobody_takes_fails_and_is_called_again(void **state)
{
        struct reader reader = {0}, late = {0};
        struct sq_rig *rig;

        (void)state;
        begin(&late);
        snprintf(reader.endpoint, sizeof(reader.endpoint), "ipc://%s/later", late.folder);
        rig = make(&reader, "timeout: 0.01");
        assert_int_equal(sq_rig_execute(rig, NULL, "{n: 1}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), -1);
        assert_non_null(strstr(sq_rig_error(rig), "not all messages of epoch 2 were taken within 0.01 s"));
        sq_rig_free(&rig);
        end(&late);
}

static void
numbers_need_epochs(void **state)
{
        char error[512];

        (void)state;
        assert_null(sq_rig_new("{component: zmq, kind: bolt, properties: {endpoint: 'inproc://a', numbered: true}}",
                               error, sizeof(error)));
        assert_non_null(strstr(error, "needs topology.delivery: exactly-once"));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_go_out_with_the_commit_and_not_before),
                cmocka_unit_test(a_message_that_comes_again_has_the_number_that_it_had),
                cmocka_unit_test(what_finishes_before_its_last_epoch_goes_out_with_that),
                cmocka_unit_test(a_commit_that_nobody_takes_fails_and_is_called_again),
                cmocka_unit_test(numbers_need_epochs),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
