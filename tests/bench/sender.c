/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sender - the other side of a spout that listens, and what hand-written C gets out of it.
 *
 *     sender port                  a TCP port that is free now
 *     sender tcp PORT N            N lines of 190 bytes; ends when the reader has them all, and says how long that took
 *     sender zmq PORT N            N messages of 100 bytes by PUSH; goes on until it is killed
 *     sender floor tcp N           the same into a loop of read() and write() into /dev/null, as `nc -l` does it
 *     sender floor zmq N           the same into a bare loop around a PULL
 *
 * A floor, and who sends lines, prints one JSON object: the seconds from the first message, or piece, to the last.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

enum {
        LINE = 190,
        LINES = 400,
        MESSAGE = 100,
        PIECE = 16 * 1024,
        PORT_FIRST = 20000,
        PORTS = 10000,
        PATIENCE = 2000,
        PAUSE_NS = 10000000
};

static void
need(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "sender: %s: %s\n", what, zmq_strerror(errno));
        exit(1);
}

static uint64_t
now_ns(void)
{
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static void
print_since(uint64_t begin_ns)
{
        printf("{\"seconds\":%.6f}\n", (double)(now_ns() - begin_ns) * 1e-9);
}

static struct sockaddr_in
address_of(uint16_t port)
{
        return (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

/* On a port that is free, below those that the kernel gives to who connects: else one that connects before anybody
 * listens may get the same at its own end, and be connected with itself. */
static int
listen_anywhere(uint16_t *ret_port)
{
        for (int i = 0; i < PORTS; i++) {
                uint16_t port = (uint16_t)(PORT_FIRST + (getpid() + i) % PORTS);
                struct sockaddr_in at = address_of(port);
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                need(fd >= 0, "socket");
                if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0) {
                        *ret_port = port;
                        return fd;
                }
                close(fd);
        }
        need(false, "listen");
        return -1;
}

/* ---- Lines over TCP ---------------------------------------------------------------------------------- */

/* The topology may not listen yet. */
static int
connect_to(uint16_t port)
{
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        struct sockaddr_in at = address_of(port);

        for (int i = 0; i < PATIENCE; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                need(fd >= 0, "socket");
                if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
                        return fd;
                close(fd);
                nanosleep(&pause, NULL);
        }
        need(false, "connect");
        return -1;
}

static void
send_lines(uint16_t port, uint64_t n)
{
        static char lines[LINE * LINES];
        int fd = connect_to(port);
        uint64_t left = n * LINE, begin_ns = now_ns();
        char byte;

        memset(lines, 'x', sizeof(lines));
        for (size_t i = LINE; i <= sizeof(lines); i += LINE)
                lines[i - 1] = '\n';
        while (left > 0) {
                size_t at = (n * LINE - left) % sizeof(lines), some = sizeof(lines) - at;
                ssize_t sent = write(fd, lines + at, left < some ? (size_t)left : some);

                need(sent > 0, "write");
                left -= (uint64_t)sent;
        }
        shutdown(fd, SHUT_WR);
        while (read(fd, &byte, 1) > 0)
                ;
        print_since(begin_ns);
        close(fd);
}

static void
take_lines(int listening, uint64_t n)
{
        static char piece[PIECE];
        int from = accept(listening, NULL, NULL), to = open("/dev/null", O_WRONLY | O_CLOEXEC);
        uint64_t begin_ns = now_ns(), taken = 0;
        ssize_t some;

        need(from >= 0 && to >= 0, "accept");
        while ((some = read(from, piece, sizeof(piece))) > 0) {
                need(write(to, piece, (size_t)some) == some, "write");
                taken += (uint64_t)some;
        }
        need(some == 0 && taken == n * LINE, "read");
        print_since(begin_ns);
}

/* ---- Messages over ZeroMQ ---------------------------------------------------------------------------- */

static void *
open_socket(int type, uint16_t port)
{
        void *context = zmq_ctx_new(), *socket = context ? zmq_socket(context, type) : NULL;
        char endpoint[64];

        need(socket != NULL, "zmq_socket");
        snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
        need((type == ZMQ_PUSH ? zmq_connect : zmq_bind)(socket, endpoint) == 0, endpoint);
        return socket;
}

/* Who closes before all is read may take it away. */
static void
send_messages(uint16_t port, uint64_t n)
{
        void *socket = open_socket(ZMQ_PUSH, port);
        char message[MESSAGE];

        memset(message, 'x', sizeof(message));
        for (uint64_t i = 0; i < n; i++)
                need(zmq_send(socket, message, sizeof(message), 0) == sizeof(message), "zmq_send");
        pause();
}

static void
take_messages(uint16_t port, uint64_t n)
{
        void *socket = open_socket(ZMQ_PULL, port);
        uint64_t begin_ns = 0;
        zmq_msg_t message;

        zmq_msg_init(&message);
        for (uint64_t i = 0; i < n; i++) {
                need(zmq_msg_recv(&message, socket, 0) == MESSAGE, "zmq_msg_recv");
                if (i == 0)
                        begin_ns = now_ns();
        }
        zmq_msg_close(&message);
        print_since(begin_ns);
}

/* ---- Which of them ----------------------------------------------------------------------------------- */

static void
floor_of(bool by_tcp, uint64_t n)
{
        uint16_t port;
        int listening = listen_anywhere(&port);
        pid_t other;

        if (!by_tcp)
                close(listening);
        other = fork();
        need(other >= 0, "fork");
        if (other == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                (by_tcp ? send_lines : send_messages)(port, n);
                _exit(0); /* what it would print is not the floor's */
        }
        if (by_tcp)
                take_lines(listening, n);
        else
                take_messages(port, n);
        fflush(stdout);
        _exit(0);
}

int
main(int argc, char **argv)
{
        bool is_floor = argc == 4 && strcmp(argv[1], "floor") == 0;
        const char *by = argc == 4 ? argv[is_floor ? 2 : 1] : "";
        uint64_t n = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
        uint16_t port;

        if (argc == 2 && strcmp(argv[1], "port") == 0) {
                close(listen_anywhere(&port));
                printf("%u\n", port);
                return 0;
        }
        if (strcmp(by, "tcp") != 0 && strcmp(by, "zmq") != 0) {
                fprintf(stderr, "usage: sender port | tcp PORT N | zmq PORT N | floor tcp N | floor zmq N\n");
                return 2;
        }
        if (is_floor)
                floor_of(strcmp(by, "tcp") == 0, n);
        port = (uint16_t)strtoul(argv[2], NULL, 10);
        (strcmp(by, "tcp") == 0 ? send_lines : send_messages)(port, n);
        return 0;
}
