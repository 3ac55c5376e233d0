/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A foreign ZeroMQ peer, for the spout and the bolt `zmq`:
 *
 *     zmq_peer push ENDPOINT N SIZE     connects, sends N messages of SIZE bytes, and leaves as a careful program does
 *     zmq_peer pull ENDPOINT N HWM      binds, says "bound", takes N messages, 50 in each 5 ms, with a queue of HWM, prints how many came
 *                                       before nothing came for 3 s, and stays until its stdin ends
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

enum { QUIET_MS = 3000, EACH = 50, PAUSE_NS = 5000000 };

static int
push(void *socket, const char *endpoint, long n, size_t size)
{
        char *body = calloc(1, size);
        int r = body ? zmq_connect(socket, endpoint) : -1;

        for (long i = 0; r >= 0 && i < n; i++) {
                memset(body, 'a' + (int)(i % 26), size);
                r = zmq_send(socket, body, size, 0);
        }
        free(body);
        return r < 0 ? 1 : 0;
}

static int
pull(void *socket, const char *endpoint, long n, int hwm)
{
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        const int quiet = QUIET_MS;
        long got = 0;

        if (zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(socket, ZMQ_RCVTIMEO, &quiet, sizeof(quiet)) < 0 || zmq_bind(socket, endpoint) < 0)
                return 1;
        puts("bound");
        fflush(stdout);
        while (got < n && zmq_recv(socket, NULL, 0, 0) >= 0)
                if (++got % EACH == 0)
                        nanosleep(&pause, NULL);
        printf("%ld\n", got);
        fflush(stdout);
        while (getchar() != EOF)
                continue;
        return 0;
}

int
main(int argc, char **argv)
{
        bool pushes = argc == 5 && strcmp(argv[1], "push") == 0;
        void *context, *socket;
        int status = 1;

        if (argc != 5)
                return 2;
        context = zmq_ctx_new();
        socket = zmq_socket(context, pushes ? ZMQ_PUSH : ZMQ_PULL);
        if (socket)
                status = pushes ? push(socket, argv[2], atol(argv[3]), (size_t)atol(argv[4]))
                                : pull(socket, argv[2], atol(argv[3]), atoi(argv[4]));
        if (!pushes)
                return status; /* zmq_ctx_term() of 4.3.4 would wait for ever when its queue is full */
        zmq_close(socket);
        zmq_ctx_term(context); /* lingers until the kernel has all of it */
        return status;
}
