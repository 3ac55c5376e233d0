/* SPDX-License-Identifier: Apache-2.0 */
/* The command socket: whom it hears, whom it passes over, and what happens when descriptors are short. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "command/client.h"
#include "command/server.h"
#include "command/zsock.h"

enum { PATIENCE_MS = 10000, MANY = 1000, CROWD = 20, LEFT = 5 };

static char place[64], path[96], error[512];

static int
make_place(void **state)
{
        (void)state;
        strcpy(place, "/tmp/squall-unit-XXXXXX");
        if (!mkdtemp(place))
                return -1;
        snprintf(path, sizeof(path), "%s/commands", place);
        return 0;
}

static int
remove_place(void **state)
{
        (void)state;
        return rmdir(place);
}

/* The next request, by any means; it fails the test that none comes. */
static zframe_t *
await_request(struct sqi_server *server, struct sqi_caller *caller)
{
        struct pollfd news = {.fd = sqi_server_fd(server), .events = POLLIN};
        zframe_t *request;

        while (!(request = sqi_server_receive(server, caller)))
                assert_true(poll(&news, 1, PATIENCE_MS) > 0);
        return request;
}

/* A client of ours, in a thread of its own, for it waits. */
static void *
ask(void *context)
{
        struct sqi_request request = {.command = SQI_COMMAND_PING, .seconds = -1};
        struct sqi_reply reply = {.status = SQI_STATUS_FAILED};
        struct sqi_client *client;
        int *r = context;

        *r = sqi_client_open(path, NULL, &client);
        if (*r == 0) {
                *r = sqi_client_ask(client, &request, &reply);
                sqi_client_close(&client);
        }
        if (*r == 0 && reply.status != SQI_STATUS_DONE)
                *r = -EIO;
        return NULL;
}

static void
a_client_of_ours_is_answered(struct sqi_server *server)
{
        struct sqi_reply reply = {.status = SQI_STATUS_DONE};
        struct sqi_request request;
        struct sqi_caller caller;
        pthread_t asking;
        zframe_t *frame;
        int r = -1;

        assert_int_equal(pthread_create(&asking, NULL, ask, &r), 0);
        frame = await_request(server, &caller);
        assert_int_equal(sqi_request_decode(zframe_data(frame), zframe_size(frame), &request), 0);
        assert_int_equal(request.command, SQI_COMMAND_PING);
        memcpy(reply.id, request.id, SQI_REQUEST_ID);
        assert_int_equal(sqi_server_reply(server, &caller, &reply), 0);
        zframe_destroy(&frame);
        assert_int_equal(pthread_join(asking, NULL), 0);
        assert_int_equal(r, 0);
}

static void
hears_what_req_sends_and_passes_over_all_else(void **state)
{
        static const char *const wrong[] = {"s", "z", "ss", "zss", "szs", "zsz", "zzzzzzzz"};
        struct sqi_server server;
        struct sqi_caller caller;
        zsock_t *peer;
        zframe_t *frame;

        (void)state;
        assert_int_equal(sqi_server_open(path, NULL, &server, error, sizeof(error)), 0);
        peer = zsock_new(ZMQ_DEALER);
        assert_int_equal(zsock_connect(peer, "ipc://%s", path), 0);
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_int_equal(zsock_send(peer, wrong[i], "garbage", "garbage", "garbage"), 0);
        assert_int_equal(zsock_send(peer, "zs", "right"), 0);
        frame = await_request(&server, &caller);
        assert_true(zframe_streq(frame, "right"));
        zframe_destroy(&frame);
        zsock_destroy(&peer);
        a_client_of_ours_is_answered(&server);
        sqi_server_close(&server);
        assert_int_equal(access(path, F_OK), -1);
}

static void
connect_to_server(int fd)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        strcpy(address.sun_path, path);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static int
connect_and_say(const char *bytes, size_t size)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        connect_to_server(fd);
        assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
        return fd;
}

static void
goes_on_after_a_thousand_clients_that_connect_and_vanish(void **state)
{
        static const char greeting[] = "\xff\0\0\0\0\0\0\0\1\x7f\3";
        struct sqi_server server;

        (void)state;
        assert_int_equal(sqi_server_open(path, NULL, &server, error, sizeof(error)), 0);
        for (int i = 0; i < MANY; i++) /* of the greeting a part, all of it, or something else */
                close(connect_and_say(greeting + i % 2, (size_t)i % (sizeof(greeting) - 2)));
        a_client_of_ours_is_answered(&server);
        sqi_server_close(&server);
}

static rlim_t
limit_descriptors(rlim_t n)
{
        struct rlimit limit;
        rlim_t before;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        before = limit.rlim_cur;
        limit.rlim_cur = n;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        return before;
}

/* Limits below the lowest free descriptor leave none; above it one after the other is let in, until it goes. */
static void
short_of_descriptors_is_an_error_in_words_and_never_the_end(void **state)
{
        rlim_t before = limit_descriptors(3), n;
        struct sqi_server server;
        struct sqi_client *client;
        int r = -EMFILE;

        (void)state;
        for (n = 3; r == -EMFILE; n++) {
                limit_descriptors(n);
                r = sqi_server_open(path, NULL, &server, error, sizeof(error));
                if (r == -EMFILE)
                        assert_non_null(strstr(error, "Too many open files"));
        }
        assert_int_equal(r, 0);
        for (r = -EMFILE, n = 3; r == -EMFILE; n++) {
                limit_descriptors(n);
                r = sqi_client_open(path, NULL, &client);
        }
        assert_int_equal(r, 0);
        limit_descriptors(before);
        sqi_client_close(&client);
        a_client_of_ours_is_answered(&server);
        sqi_server_close(&server);
}

/* The first of them are let in; for the next there is no descriptor. */
static void
who_finds_no_descriptor_left_waits_for_one(void **state)
{
        struct sqi_server server;
        int clients[CROWD];
        zsock_t *failures;
        zmsg_t *failure;
        rlim_t before;

        (void)state;
        assert_int_equal(sqi_server_open(path, NULL, &server, error, sizeof(error)), 0);
        failures = zsock_new(ZMQ_PAIR);
        assert_int_equal(zmq_socket_monitor(zsock_resolve(server.socket), "inproc://failures", ZMQ_EVENT_ACCEPT_FAILED),
                         0);
        assert_int_equal(zsock_connect(failures, "inproc://failures"), 0);
        for (int i = 0; i < CROWD; i++) {
                clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_true(clients[i] >= 0);
        }
        before = limit_descriptors((rlim_t)clients[CROWD - 1] + LEFT);
        for (int i = 0; i < CROWD; i++)
                connect_to_server(clients[i]);
        failure = zmsg_recv(failures);
        assert_non_null(failure);
        zmsg_destroy(&failure);
        for (int i = 0; i < CROWD; i++)
                close(clients[i]);
        limit_descriptors(before);
        a_client_of_ours_is_answered(&server);
        zmq_socket_monitor(zsock_resolve(server.socket), NULL, 0);
        zsock_destroy(&failures);
        sqi_server_close(&server);
}

static void
takes_no_limits_from_the_environment(void **state)
{
        zsock_t *socket = sqi_zsock_new(ZMQ_REQ);

        (void)state;
        assert_non_null(socket);
        assert_int_equal(zsock_maxmsgsize(socket), -1);
        assert_int_equal(zsock_rcvhwm(socket), 1000);
        assert_null(getenv("ZSYS_MAX_MSGSZ"));
        assert_null(getenv("ZSYS_RCVHWM"));
        zsock_destroy(&socket);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_no_limits_from_the_environment),
                cmocka_unit_test_setup_teardown(short_of_descriptors_is_an_error_in_words_and_never_the_end, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(hears_what_req_sends_and_passes_over_all_else, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(who_finds_no_descriptor_left_waits_for_one, make_place, remove_place),
                cmocka_unit_test_setup_teardown(goes_on_after_a_thousand_clients_that_connect_and_vanish, make_place,
                                                remove_place),
        };
        int failed;

        setenv("ZSYS_MAX_MSGSZ", "8", 1);
        setenv("ZSYS_RCVHWM", "7", 1);
        sqi_zsock_begin();
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        sqi_zsock_end();
        return failed;
}
