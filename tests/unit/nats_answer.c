/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of JetStream that come when the bolt `nats` is gone: of the library there is what it calls, without a
 * server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#if __has_include(<nats/nats.h>)
#include <nats/nats.h>

#include "made.h"

/* What the bolt has given the library last. */
static jsPubAckHandler answer;
static void *context;
static natsMsg *published, *destroyed;
static int things[4]; /* stand for objects of the library */

SQ_EXPORT natsStatus
natsConnection_Connect(natsConnection **ret, natsOptions *options)
{
        (void)options;
        *ret = (natsConnection *)&things[0];
        return NATS_OK;
}

SQ_EXPORT void
natsConnection_Destroy(natsConnection *connection)
{
        (void)connection;
}

SQ_EXPORT bool
natsConnection_IsClosed(natsConnection *connection)
{
        (void)connection;
        return false;
}

SQ_EXPORT natsStatus
natsConnection_JetStream(jsCtx **ret, natsConnection *connection, jsOptions *options)
{
        (void)connection;
        answer = options->PublishAsync.AckHandler;
        context = options->PublishAsync.AckHandlerClosure;
        *ret = (jsCtx *)&things[1];
        return NATS_OK;
}

SQ_EXPORT void
jsCtx_Destroy(jsCtx *stream)
{
        (void)stream;
}

SQ_EXPORT natsStatus
natsMsg_Create(natsMsg **ret, const char *subject, const char *reply, const char *data, int n)
{
        (void)subject;
        (void)reply;
        (void)data;
        (void)n;
        *ret = (natsMsg *)&things[2];
        return NATS_OK;
}

SQ_EXPORT void
natsMsg_Destroy(natsMsg *message)
{
        destroyed = message;
}

SQ_EXPORT natsStatus
js_PublishMsgAsync(jsCtx *stream, natsMsg **message, jsPubOptions *options)
{
        (void)stream;
        (void)options;
        published = *message;
        *message = NULL;
        return NATS_OK;
}

SQ_EXPORT natsStatus
js_PublishAsyncComplete(jsCtx *stream, jsPubOptions *options)
{
        (void)stream;
        (void)options;
        answer(stream, published, NULL, NULL, context);
        return NATS_OK;
}

static struct sq_rig *
make_sink(void)
{
        return make_rig(
                "{component: nats, properties: {url: 'nats://127.0.0.1', subject: a, stream: s}, inputs: {in: [word]}}");
}

static void
acks_what_is_answered(void **state)
{
        struct sq_rig *rig = make_sink();

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: storm}"), SQ_ACK);
        assert_ptr_equal(destroyed, published);
        sq_rig_free(&rig);
}

static void
takes_an_answer_that_comes_when_the_sink_is_gone(void **state)
{
        struct sq_rig *rig = make_sink();

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: storm}"), SQ_ACK);
        sq_rig_free(&rig);
        destroyed = NULL;
        answer((jsCtx *)&things[1], (natsMsg *)&things[3], NULL, NULL, context);
        assert_ptr_equal(destroyed, &things[3]);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(acks_what_is_answered),
                cmocka_unit_test(takes_an_answer_that_comes_when_the_sink_is_gone),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int
main(void)
{
        print_message("nats_answer # skip: the library of NATS is not installed\n");
        return 0;
}
#endif
