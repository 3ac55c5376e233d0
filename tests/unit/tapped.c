/* SPDX-License-Identifier: Apache-2.0 */
/* What a tap shows of a channel, and what a viewer makes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "channel/outlet.h"
#include "channel/socket.h"
#include "plan/plan.h"
#include "tuple/pack.h"
#include "tuple/unpack.h"
#include "viewer/viewer.h"

enum { PLENTY = 1 << 30, WAIT_MS = 60000 };
static const uint64_t HOUR_NS = 3600 * SQI_SECOND;

/* The spout `gen` of one task; its first stream is read by `one` and by `two`, its second by `two`, its third by
 * nobody. */
static struct sq_field number = {"n", SQ_INT};
static struct sqi_plan_stream streams[] = {
        {.id = "default", .nfields = 1, .fields = &number},
        {.id = "odd", .nfields = 1, .fields = &number},
        {.id = "unread", .nfields = 1, .fields = &number},
};
static struct sqi_plan_stream nothing = {.id = "default"};
static struct sqi_plan_component components[] = {
        {.id = "gen",
         .kind = SQ_KIND_SPOUT,
         .component = "gen",
         .path = "/gen.so",
         .first_task = 0,
         .ntasks = 1,
         .nstreams = 3,
         .streams = streams},
        {.id = "one",
         .kind = SQ_KIND_BOLT,
         .component = "one",
         .path = "/one.so",
         .first_task = 1,
         .ntasks = 1,
         .nstreams = 1,
         .streams = &nothing},
        {.id = "two",
         .kind = SQ_KIND_BOLT,
         .component = "two",
         .path = "/two.so",
         .first_task = 2,
         .ntasks = 1,
         .nstreams = 1,
         .streams = &nothing},
};
static struct sqi_plan_task tasks[] = {
        {.component = 0, .worker = 0}, {.component = 1, .worker = 1}, {.component = 2, .worker = 2}};
static struct sqi_plan_edge edges[] = {{.from = 0, .stream = 0, .to = 1},
                                       {.from = 0, .stream = 0, .to = 2},
                                       {.from = 0, .stream = 1, .to = 2, .input = 1}};
static struct sqi_plan plan = {.name = "tapped",
                               .directory = "/",
                               .ncomponents = 3,
                               .components = components,
                               .ntasks = 3,
                               .tasks = tasks,
                               .nedges = 3,
                               .edges = edges,
                               .nworkers = 3};

struct tapped {
        char rundir[64];
        void *context, *inbox, *socket;
        struct sqi_metrics metrics;
        struct sqi_source source;
        struct sqi_outlet one, two;
        struct sqi_viewer *viewer;
        int64_t next;
};

static void
write_plan(const char *rundir)
{
        char path[96];
        void *bytes;
        size_t size;

        snprintf(path, sizeof(path), "%s/plan", rundir);
        sqi_config_defaults(&plan.config);
        assert_int_equal(sqi_plan_encode(&plan, &bytes, &size), 0);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        fclose(file);
        free(bytes);
}

static void
set_up(struct tapped *tapped, const char *stream)
{
        const char *place = getenv("TMPDIR");
        char error[256];

        memset(tapped, 0, sizeof(*tapped));
        snprintf(tapped->rundir, sizeof(tapped->rundir), "%s/tap-XXXXXX", place ? place : "/tmp");
        assert_non_null(mkdtemp(tapped->rundir));
        write_plan(tapped->rundir);
        tapped->context = zmq_ctx_new();
        tapped->inbox = sqi_socket_new(tapped->context, ZMQ_PULL, 0);
        tapped->socket = sqi_socket_new(tapped->context, ZMQ_PUSH, 0);
        assert_int_equal(sqi_socket_bind(tapped->inbox, "inproc://inbox"), 0);
        assert_int_equal(sqi_socket_connect(tapped->socket, "inproc://inbox"), 0);
        tapped->source = (struct sqi_source){.pool = sqi_pool_new(4096), .metrics = &tapped->metrics};
        sqi_outlet_init(&tapped->one, &tapped->source, tapped->socket, 1, false, false);
        sqi_outlet_init(&tapped->two, &tapped->source, tapped->socket, 2, false, false);
        assert_int_equal(sqi_tap_open(tapped->context, tapped->rundir, 0, &tapped->source.tap), 0);
        sqi_tap_order(tapped->source.tap, sqi_clock_ns(), HOUR_NS, PLENTY);
        if (sqi_viewer_open(tapped->rundir, "gen", stream, &tapped->viewer, error, sizeof(error)) < 0)
                fail_msg("%s", error);
}

static void
tear_down(struct tapped *tapped)
{
        char path[96];

        sqi_viewer_close(&tapped->viewer);
        sqi_tap_close(&tapped->source.tap);
        sqi_outlet_clear(&tapped->one);
        sqi_outlet_clear(&tapped->two);
        sqi_socket_close(&tapped->inbox);
        sqi_socket_close(&tapped->socket);
        zmq_ctx_term(tapped->context);
        sqi_pool_drop(&tapped->source.pool);
        snprintf(path, sizeof(path), "%s/plan", tapped->rundir);
        assert_int_equal(unlink(path), 0);
        snprintf(path, sizeof(path), "%s/p0", tapped->rundir);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(tapped->rundir), 0);
}

static void
add(struct tapped *tapped, struct sqi_outlet *outlet, uint16_t stream, int64_t n)
{
        const struct sq_value value = sq_int(n);
        uint8_t *at = sqi_batch_reserve(&outlet->batch, tapped->source.pool, 32);

        at = sqi_quick_pack(sqi_quick_head(at, 1), &value);
        assert_int_equal(sqi_batch_add(&outlet->batch, at, stream, NULL, 0), 0);
        sqi_batch_commit(&outlet->batch);
        outlet->seq++;
}

/* As a collector does it: both readers get the first stream, each in its own batch. */
static void
send_both(struct tapped *tapped, int64_t n)
{
        add(tapped, &tapped->one, 0, n);
        add(tapped, &tapped->two, 0, n);
        add(tapped, &tapped->two, 1, -n);
        assert_int_equal(sqi_outlet_push(&tapped->one, &tapped->source), 0);
        assert_int_equal(sqi_outlet_push(&tapped->two, &tapped->source), 0);
}

static int64_t
number_of(const struct sqi_viewed *tuple)
{
        const struct sqi_slice *slice = tuple->slice;

        assert_int_equal(tuple->task, 0);
        return sqi_unpack(slice->at + slice->offsets[0], slice->at + slice->offsets[1]).as.i;
}

/* Until the subscription is there what is sent is seen by nobody: numbers from `next` on go out until one is. */
static int64_t
first_seen(struct tapped *tapped)
{
        struct sqi_viewed tuple;

        for (int i = 0; i < WAIT_MS; i++) {
                send_both(tapped, ++tapped->next);
                sqi_viewer_wait(tapped->viewer, -1, 1);
                if (sqi_viewer_next(tapped->viewer, &tuple))
                        return number_of(&tuple);
        }
        fail_msg("nothing is seen");
        return 0;
}

static int64_t
next_seen(struct tapped *tapped)
{
        struct sqi_viewed tuple;

        while (!sqi_viewer_next(tapped->viewer, &tuple))
                assert_true(sqi_viewer_wait(tapped->viewer, -1, WAIT_MS));
        return number_of(&tuple);
}

static void
shows_each_tuple_once_where_two_components_read_it(void **state)
{
        struct tapped tapped;

        (void)state;
        set_up(&tapped, "default");
        int64_t n = first_seen(&tapped);
        for (int i = 0; i < 5; i++)
                send_both(&tapped, ++tapped.next);
        while (n < tapped.next)
                assert_int_equal(next_seen(&tapped), ++n);
        tear_down(&tapped);
}

static void
shows_the_stream_that_is_asked_for(void **state)
{
        struct tapped tapped;

        (void)state;
        set_up(&tapped, "odd");
        int64_t n = first_seen(&tapped);
        assert_true(n < 0);
        send_both(&tapped, ++tapped.next);
        while (n > -tapped.next)
                assert_int_equal(next_seen(&tapped), --n);
        tear_down(&tapped);
}

static void
shows_what_is_sent_a_second_time_once(void **state)
{
        struct tapped tapped;

        (void)state;
        set_up(&tapped, "default");
        int64_t n = first_seen(&tapped);
        tapped.one.keep = true;
        send_both(&tapped, ++tapped.next);
        assert_int_equal(sqi_outlet_end(&tapped.one, &tapped.source), 0);
        assert_int_equal(sqi_outlet_end_again(&tapped.one, &tapped.source), 0);
        send_both(&tapped, ++tapped.next);
        while (n < tapped.next)
                assert_int_equal(next_seen(&tapped), ++n);
        tear_down(&tapped);
}

static void
knows_how_many_tuples_it_has_not_seen(void **state)
{
        struct tapped tapped;

        (void)state;
        set_up(&tapped, "default");
        int64_t n = first_seen(&tapped);
        sqi_tap_order(tapped.source.tap, sqi_clock_ns(), 0, PLENTY);
        for (int i = 0; i < 10; i++)
                send_both(&tapped, ++tapped.next);
        sqi_tap_order(tapped.source.tap, sqi_clock_ns(), HOUR_NS, PLENTY);
        send_both(&tapped, ++tapped.next);
        while (n < tapped.next)
                n = next_seen(&tapped);
        /* the channel to `one` alone is looked at */
        struct sqi_viewer_share share = sqi_viewer_share(tapped.viewer);
        assert_int_equal(share.sent, share.seen + 10);
        tear_down(&tapped);
}

static void
refuses_what_there_is_not_to_look_at(void **state)
{
        struct sqi_viewer *viewer = NULL;
        struct tapped tapped;
        char error[256];

        (void)state;
        set_up(&tapped, NULL);
        assert_false(sqi_viewer_has(tapped.viewer, 2));
        assert_int_equal(sqi_viewer_open(tapped.rundir, "gen", "unread", &viewer, error, sizeof(error)), -EINVAL);
        assert_string_equal(error,
                            "nobody reads the stream 'unread' of gen, so it is not sent; these are: default, odd");
        assert_int_equal(sqi_viewer_open(tapped.rundir, "gen", "even", &viewer, error, sizeof(error)), -EINVAL);
        assert_string_equal(error, "'even' is not a stream of gen; these are: default, odd");
        assert_int_equal(sqi_viewer_open(tapped.rundir, "one", NULL, &viewer, error, sizeof(error)), -EINVAL);
        assert_string_equal(error, "nobody reads what one emits, so it sends nothing (tap who sends to it)");
        assert_null(viewer);
        tear_down(&tapped);
}

/* Of what was not shown a second's worth may be made up for, and no more. */
static void
shows_no_more_than_was_ordered(void **state)
{
        struct tapped tapped;
        uint64_t paid_ns = 0;
        zmq_msg_t batch, copy;
        int shown = 0;

        (void)state;
        set_up(&tapped, NULL);
        sqi_tap_order(tapped.source.tap, sqi_clock_ns(), 0, PLENTY); /* that one is over */
        sqi_tap_order(tapped.source.tap, sqi_clock_ns(), HOUR_NS, 1);
        zmq_msg_init_size(&batch, 100);
        for (int i = 0; i < 100; i++)
                if (sqi_tap_copy(tapped.source.tap, &paid_ns, &batch, &copy)) {
                        zmq_msg_close(&copy);
                        shown++;
                }
        assert_int_equal(shown, 1);
        zmq_msg_close(&batch);
        tear_down(&tapped);
}

static void
shows_as_much_as_the_largest_order_that_holds(void **state)
{
        struct tapped tapped;
        uint64_t paid_ns = 0;
        zmq_msg_t batch, copy;

        (void)state;
        set_up(&tapped, NULL);
        sqi_tap_order(tapped.source.tap, sqi_clock_ns(), HOUR_NS, 1);
        zmq_msg_init_size(&batch, 100);
        for (int i = 0; i < 100; i++) {
                assert_true(sqi_tap_copy(tapped.source.tap, &paid_ns, &batch, &copy));
                zmq_msg_close(&copy);
        }
        zmq_msg_close(&batch);
        tear_down(&tapped);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shows_each_tuple_once_where_two_components_read_it),
                cmocka_unit_test(shows_the_stream_that_is_asked_for),
                cmocka_unit_test(shows_what_is_sent_a_second_time_once),
                cmocka_unit_test(knows_how_many_tuples_it_has_not_seen),
                cmocka_unit_test(refuses_what_there_is_not_to_look_at),
                cmocka_unit_test(shows_no_more_than_was_ordered),
                cmocka_unit_test(shows_as_much_as_the_largest_order_that_holds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
