/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A foreign ZeroMQ peer, for the spout and the bolt `zmq`:
 *
 *     zmq_peer push ENDPOINT N SIZE     connects, sends N messages of SIZE bytes, and leaves as a careful program does
 *     zmq_peer number ENDPOINT N EACH   connects, sends the numbers below N as {"n":17,"pad":"..."}, EACH in each 5 ms, and
 *                                       leaves likewise
 *     zmq_peer pull ENDPOINT N HWM      binds, says "bound", takes N messages, 50 in each 5 ms, with a queue of HWM, prints how many came
 *                                       before nothing came for 3 s, and stays until its stdin ends
 *     zmq_peer rep ENDPOINT FILE 0      binds, says "bound", writes each message as a line into FILE and then answers it, until it is ended
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

enum { QUIET_MS = 3000, EACH = 50, PAUSE_NS = 5000000 };

static int
push(void *socket, const char *endpoint, const char *many, long size_asked)
{
        size_t size = (size_t)size_asked;
        char *body = calloc(1, size);
        int r = body ? zmq_connect(socket, endpoint) : -1;
        long n = atol(many);

        for (long i = 0; r >= 0 && i < n; i++) {
                memset(body, 'a' + (int)(i % 26), size);
                r = zmq_send(socket, body, size, 0);
        }
        free(body);
        return r < 0 ? 1 : 0;
}

static int
number(void *socket, const char *endpoint, const char *many, long each)
{
        static const char pad[] = "long enough for a journal to come to several segments in a run of a few seconds";
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        int r = zmq_connect(socket, endpoint);
        long n = atol(many);
        char body[256];

        for (long i = 0; r >= 0 && i < n; i++) {
                int len = snprintf(body, sizeof(body), "{\"n\":%ld,\"pad\":\"%s, %s\"}", i, pad, pad);

                r = zmq_send(socket, body, (size_t)len, 0);
                if (i % each == each - 1)
                        nanosleep(&pause, NULL);
        }
        return r < 0 ? 1 : 0;
}

static int
pull(void *socket, const char *endpoint, const char *many, long queue)
{
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        const int quiet = QUIET_MS, hwm = (int)queue;
        long n = atol(many), got = 0;

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
        exit(0); /* zmq_ctx_term() of 4.3.4 would wait for ever when its queue is full */
}

static int
rep(void *socket, const char *endpoint, const char *path, long unused)
{
        FILE *file = fopen(path, "a");
        char body[4096];
        int n;

        (void)unused;
        if (!file || zmq_bind(socket, endpoint) < 0)
                return 1;
        puts("bound");
        fflush(stdout);
        while ((n = zmq_recv(socket, body, sizeof(body), 0)) >= 0 && n <= (int)sizeof(body)) {
                fprintf(file, "%.*s\n", n, body);
                if (fflush(file) != 0 || zmq_send(socket, "taken", 5, 0) < 0)
                        break;
        }
        fclose(file);
        return 1;
}

int
main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int type;
                int (*play)(void *socket, const char *endpoint, const char *third, long fourth);
        } roles[] = {{"push", ZMQ_PUSH, push},
                     {"number", ZMQ_PUSH, number},
                     {"pull", ZMQ_PULL, pull},
                     {"rep", ZMQ_REP, rep}};
        enum { ROLES = sizeof(roles) / sizeof(roles[0]) };
        void *context, *socket;
        size_t role = 0;
        int status;

        while (argc == 5 && role < ROLES && strcmp(argv[1], roles[role].name) != 0)
                role++;
        if (argc != 5 || role == ROLES)
                return 2;
        context = zmq_ctx_new();
        socket = zmq_socket(context, roles[role].type);
        if (!socket)
                return 1;
        status = roles[role].play(socket, argv[2], argv[3], atol(argv[4]));
        zmq_close(socket);
        zmq_ctx_term(context); /* lingers until the kernel has all of it */
        return status;
}
