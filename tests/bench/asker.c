/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asker - a client of a `drpc` spout on bare libzmq, and what such a round trip costs at the least.
 *
 *     asker ask ENDPOINT FUNCTION ARGS     one request by a REQ: prints the status and the answer
 *     asker time ENDPOINT FUNCTION N       N requests, one after the other
 *     asker many ENDPOINT FUNCTION N       N requests at once by a DEALER, and how many of each status came back
 *     asker leave ENDPOINT FUNCTION N      N requests at once, and leaves without an answer
 *     asker floor N                        N round trips between two processes: REQ and REP over ipc, two bare hops
 *
 * `time` and `floor` print one JSON object: p50, p99, p999 and max of a round trip, in us (latency.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "latency.h"

enum { PATIENCE_MS = 60000, TEXT = 4096, WARM = 200, STATUSES = 600 };

static uint64_t
now_ns(void)
{
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static void
die(const char *what)
{
        fprintf(stderr, "asker: %s: %s\n", what, zmq_strerror(errno));
        exit(1);
}

static void *
connect_to(void *context, int type, const char *endpoint)
{
        void *socket = zmq_socket(context, type);
        int patience = PATIENCE_MS, none = 0;

        if (!socket || zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
            zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof(none)) < 0 ||
            zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof(none)) < 0 || zmq_connect(socket, endpoint) < 0)
                die(endpoint);
        return socket;
}

static void
send_request(void *socket, const char *function, const char *args)
{
        if (zmq_send(socket, function, strlen(function), ZMQ_SNDMORE) < 0 ||
            zmq_send(socket, args, strlen(args), 0) < 0)
                die("send");
}

static int
receive(void *socket, char text[TEXT])
{
        int n = zmq_recv(socket, text, TEXT - 1, 0);

        if (n < 0)
                die("receive");
        n = n < TEXT ? n : TEXT - 1;
        text[n] = '\0';
        return n;
}

static unsigned
receive_answer(void *socket, char text[TEXT])
{
        unsigned status;

        receive(socket, text);
        status = (unsigned)strtoul(text, NULL, 10);
        receive(socket, text);
        return status;
}

/* N round trips by a REQ; the first ones are not counted. */
static void
time_trips(void *socket, const char *function, unsigned long n)
{
        static struct latency latency = {.from_ns = 1}; /* WARM is its own way to warm up */
        char text[TEXT];

        for (unsigned long i = 0; i < n + WARM; i++) {
                uint64_t begun = now_ns();

                send_request(socket, function, "hello");
                if (receive_answer(socket, text) != 200) {
                        fprintf(stderr, "asker: %s\n", text);
                        exit(1);
                }
                if (i >= WARM)
                        latency_add(&latency, begun, now_ns());
        }
        latency_print(&latency, stdout);
}

/* Requests of a DEALER, each behind an empty frame. */
static void
send_many(void *socket, const char *function, unsigned long n)
{
        char args[32];

        for (unsigned long i = 0; i < n; i++) {
                snprintf(args, sizeof(args), "%lu", i);
                if (zmq_send(socket, "", 0, ZMQ_SNDMORE) < 0)
                        die("send");
                send_request(socket, function, args);
        }
}

static void
ask_many(void *socket, const char *function, unsigned long n)
{
        static unsigned long came[STATUSES];
        char text[TEXT];

        send_many(socket, function, n);
        for (unsigned long i = 0; i < n; i++) {
                receive(socket, text);
                came[receive_answer(socket, text) % STATUSES]++;
        }
        for (unsigned status = 0; status < STATUSES; status++)
                if (came[status])
                        printf("%u %lu\n", status, came[status]);
}

static void
answer_for_ever(const char *endpoint)
{
        void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_REP);
        char text[TEXT];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (zmq_bind(socket, endpoint) < 0)
                die(endpoint);
        for (;;) {
                receive(socket, text);
                receive(socket, text);
                if (zmq_send(socket, "200", 3, ZMQ_SNDMORE) < 0 || zmq_send(socket, text, strlen(text), 0) < 0)
                        die("answer");
        }
}

static void
time_floor(unsigned long n)
{
        char endpoint[64];
        pid_t other;
        void *context;

        snprintf(endpoint, sizeof(endpoint), "ipc:///tmp/squall-asker-%d", (int)getpid());
        other = fork();
        if (other == 0)
                answer_for_ever(endpoint);
        context = zmq_ctx_new();
        time_trips(connect_to(context, ZMQ_REQ, endpoint), "floor", n);
        kill(other, SIGKILL);
        (void)waitpid(other, NULL, 0);
        (void)unlink(endpoint + strlen("ipc://"));
}

static int
usage(void)
{
        fprintf(stderr, "usage: asker floor N, or ask|time|many|leave ENDPOINT FUNCTION ARGS|N\n");
        return 2;
}

int
main(int argc, char **argv)
{
        char text[TEXT];
        void *context;
        unsigned status;

        if (argc == 3 && strcmp(argv[1], "floor") == 0) {
                time_floor(strtoul(argv[2], NULL, 10));
                return 0;
        }
        if (argc != 5)
                return usage();
        context = zmq_ctx_new();
        if (strcmp(argv[1], "ask") == 0) {
                void *socket = connect_to(context, ZMQ_REQ, argv[2]);

                send_request(socket, argv[3], argv[4]);
                status = receive_answer(socket, text);
                printf("%u %s\n", status, text);
        } else if (strcmp(argv[1], "time") == 0) {
                time_trips(connect_to(context, ZMQ_REQ, argv[2]), argv[3], strtoul(argv[4], NULL, 10));
        } else if (strcmp(argv[1], "many") == 0) {
                ask_many(connect_to(context, ZMQ_DEALER, argv[2]), argv[3], strtoul(argv[4], NULL, 10));
        } else if (strcmp(argv[1], "leave") == 0) {
                void *socket = connect_to(context, ZMQ_DEALER, argv[2]);

                send_many(socket, argv[3], strtoul(argv[4], NULL, 10));
                zmq_close(socket);
                zmq_ctx_term(context);
        } else {
                return usage();
        }
        return 0;
}
