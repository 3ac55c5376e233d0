/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To each task goes a DEALER, whose tags are the tickets, with a monitor that tells when the other side is gone: then
 * what it had not answered is lost. Of one that is there and does not answer, a process that is stopped, only the time
 * tells. A ZMQ_FD is edge-triggered, so both sockets are read until they have no more, also
 * after each send, which may have taken the signal.
 */
#include "command/drpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "squall-kit.h"

enum { ENDPOINT_SIZE = 160, FRAMES = 4, NUMBER_SIZE = 24, HELD = 1 << 16, LINGER_MS = 200, LINES = 64 };
enum { FAILED = 500, STATUS_MIN = 100, STATUS_MAX = 599 };
static const uint64_t TIMEOUT_MAX_MS = 999999999; /* more digits no spout reads; and none waits as long */
static const uint64_t MS = 1000000, SECOND = 1000000000;
static const uint64_t PATIENCE_NS = 1000000000; /* for the spout, which keeps the time, to say that it is over */

/* A question that is not answered yet. */
struct open_question {
        struct open_question *next;
        uint64_t ticket, due_ns; /* UINT64_MAX: it has all the time */
};

/* To one task. */
struct spout_line {
        struct spout_line *next;
        char endpoint[ENDPOINT_SIZE];
        void *socket, *monitor;
        bool lost;
        struct open_question *questions, **end;
};

struct sqi_drpc {
        void *zmq;
        int epoll, timer;
        uint64_t next_ns; /* nothing is due before; UINT64_MAX: never */
        uint64_t nlines;  /* ever */
        sqi_drpc_answered *answered;
        void *context;
        struct spout_line *lines;
};

static int
watch_fd(const struct sqi_drpc *drpc, int fd)
{
        struct epoll_event event = {.events = EPOLLIN};

        return epoll_ctl(drpc->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void
close_fds(const struct sqi_drpc *drpc)
{
        if (drpc->epoll >= 0)
                close(drpc->epoll);
        if (drpc->timer >= 0)
                close(drpc->timer);
}

int
sqi_drpc_open(sqi_drpc_answered *answered, void *context, struct sqi_drpc **ret)
{
        struct sqi_drpc *drpc = calloc(1, sizeof(*drpc));

        if (!drpc)
                return -ENOMEM;
        drpc->answered = answered;
        drpc->context = context;
        drpc->next_ns = UINT64_MAX;
        drpc->epoll = epoll_create1(EPOLL_CLOEXEC);
        drpc->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        drpc->zmq = watch_fd(drpc, drpc->timer) < 0 ? NULL : zmq_ctx_new();
        if (!drpc->zmq) {
                int r = -errno;

                close_fds(drpc);
                free(drpc);
                return r;
        }
        *ret = drpc;
        return 0;
}

int
sqi_drpc_fd(const struct sqi_drpc *drpc)
{
        return drpc->epoll;
}

/* ---- Lines ------------------------------------------------------------------------------------------- */

/* The tags of what is open go to whoever asked; or nowhere. */
static void
drop_line(struct sqi_drpc *drpc, struct spout_line **link, bool tell)
{
        static const char text[] = "the worker of the `drpc` spout has ended, and with it what it had not answered";
        struct spout_line *line = *link;

        *link = line->next;
        if (line->socket) {
                (void)zmq_socket_monitor(line->socket, NULL, 0);
                zmq_close(line->socket);
        }
        if (line->monitor)
                zmq_close(line->monitor);
        while (line->questions) {
                struct open_question *question = line->questions;

                line->questions = question->next;
                if (tell)
                        drpc->answered(drpc->context, question->ticket, SQI_DRPC_LOST,
                                       (struct sq_str){text, sizeof(text) - 1});
                free(question);
        }
        free(line);
}

void
sqi_drpc_close(struct sqi_drpc **drpc)
{
        if (!*drpc)
                return;
        while ((*drpc)->lines)
                drop_line(*drpc, &(*drpc)->lines, false);
        zmq_ctx_term((*drpc)->zmq);
        close_fds(*drpc);
        free(*drpc);
        *drpc = NULL;
}

/* libzmq connects in its own time, and does not say whether somebody is there: the kernel is asked. */
static int
knock(const char *endpoint)
{
        const char *path = endpoint + strlen("ipc://");
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        int fd, r;

        if (strlen(path) >= sizeof(at.sun_path))
                return -ENAMETOOLONG;
        memcpy(at.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno != EAGAIN ? -errno : 0;
        close(fd);
        return r;
}

static int
watch(const struct sqi_drpc *drpc, void *socket)
{
        size_t size = sizeof(int);
        int fd;

        return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) < 0 ? -1 : watch_fd(drpc, fd);
}

/* 0, or -1 and errno. */
static int
connect_line(struct sqi_drpc *drpc, struct spout_line *line)
{
        char monitor[32];
        int held = HELD, linger = LINGER_MS;

        snprintf(monitor, sizeof(monitor), "inproc://line%llu", (unsigned long long)++drpc->nlines);
        line->socket = zmq_socket(drpc->zmq, ZMQ_DEALER);
        line->monitor = zmq_socket(drpc->zmq, ZMQ_PAIR);
        if (!line->socket || !line->monitor)
                return -1;
        return zmq_setsockopt(line->socket, ZMQ_SNDHWM, &held, sizeof(held)) < 0 ||
                               zmq_setsockopt(line->socket, ZMQ_RCVHWM, &held, sizeof(held)) < 0 ||
                               zmq_setsockopt(line->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
                               zmq_socket_monitor(line->socket, monitor,
                                                  ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED) < 0 ||
                               zmq_connect(line->monitor, monitor) < 0 || watch(drpc, line->socket) < 0 ||
                               watch(drpc, line->monitor) < 0 || zmq_connect(line->socket, line->endpoint) < 0
                       ? -1
                       : 0;
}

/* Tasks have gone to other run directories, and lines are left to where they were. */
static void
drop_idle(struct sqi_drpc *drpc)
{
        struct spout_line **link = &drpc->lines;

        while (*link)
                if ((*link)->questions)
                        link = &(*link)->next;
                else
                        drop_line(drpc, link, false);
}

static int
find_line(struct sqi_drpc *drpc, const char *endpoint, struct spout_line **ret)
{
        struct spout_line *line = drpc->lines;
        int r;

        while (line && (line->lost || strcmp(line->endpoint, endpoint) != 0))
                line = line->next;
        *ret = line;
        if (line)
                return 0;
        if (drpc->nlines % LINES == LINES - 1)
                drop_idle(drpc);
        r = knock(endpoint);
        line = r == 0 ? calloc(1, sizeof(*line)) : NULL;
        if (!line)
                return r < 0 ? r : -ENOMEM;
        snprintf(line->endpoint, sizeof(line->endpoint), "%s", endpoint);
        line->end = &line->questions;
        line->next = drpc->lines;
        drpc->lines = line;
        if (connect_line(drpc, line) < 0) {
                r = -errno;
                drop_line(drpc, &drpc->lines, false);
                return r;
        }
        *ret = line;
        return 0;
}

/* ---- Questions --------------------------------------------------------------------------------------- */

static int
send_frame(struct spout_line *line, const void *bytes, size_t size, bool more)
{
        int r;

        do
                r = zmq_send(line->socket, bytes, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

static int
send_question(struct spout_line *line, const struct sqi_drpc_question *question)
{
        char timeout[NUMBER_SIZE];
        uint64_t ms = question->timeout_ms < TIMEOUT_MAX_MS ? question->timeout_ms : TIMEOUT_MAX_MS;
        int n = snprintf(timeout, sizeof(timeout), "%llu", (unsigned long long)ms);
        int r = send_frame(line, &question->ticket, sizeof(question->ticket), true);

        if (r == 0)
                r = send_frame(line, "", 0, true);
        if (r == 0)
                r = send_frame(line, question->function.ptr, question->function.len, true);
        if (r == 0)
                r = send_frame(line, question->args.ptr, question->args.len, question->timeout_ms > 0);
        if (r == 0 && question->timeout_ms > 0)
                r = send_frame(line, timeout, (size_t)n, false);
        return r;
}

static uint64_t
due(const struct sqi_drpc_question *question)
{
        if (question->timeout_ms == 0 || question->timeout_ms >= TIMEOUT_MAX_MS)
                return UINT64_MAX;
        return sqi_clock_ns() + question->timeout_ms * MS + PATIENCE_NS;
}

/* UINT64_MAX: it does not ring. */
static void
set_timer(struct sqi_drpc *drpc, uint64_t at_ns)
{
        struct itimerspec at = {0};

        if (at_ns != UINT64_MAX)
                at.it_value = (struct timespec){.tv_sec = (time_t)(at_ns / SECOND), .tv_nsec = (long)(at_ns % SECOND)};
        (void)timerfd_settime(drpc->timer, TFD_TIMER_ABSTIME, &at, NULL);
        drpc->next_ns = at_ns;
}

int
sqi_drpc_ask(struct sqi_drpc *drpc, const struct sqi_drpc_question *question)
{
        char endpoint[ENDPOINT_SIZE];
        struct open_question *open;
        struct spout_line *line;
        int r;

        if (snprintf(endpoint, sizeof(endpoint), SQ_DRPC_REQUESTS, question->rundir, question->task) >=
            (int)sizeof(endpoint))
                return -ENAMETOOLONG;
        r = find_line(drpc, endpoint, &line);
        open = r == 0 ? malloc(sizeof(*open)) : NULL;
        if (!open)
                return r < 0 ? r : -ENOMEM;
        r = send_question(line, question);
        if (r < 0) {
                free(open);
                return r;
        }
        *open = (struct open_question){.ticket = question->ticket, .due_ns = due(question)};
        *line->end = open;
        line->end = &open->next;
        if (open->due_ns < drpc->next_ns)
                set_timer(drpc, open->due_ns);
        return 0;
}

/* Answers come mostly in the order of the questions. False: nobody asked for it, or not any more. */
static bool
close_question(struct spout_line *line, uint64_t ticket)
{
        struct open_question **link = &line->questions, *question;

        while (*link && (*link)->ticket != ticket)
                link = &(*link)->next;
        question = *link;
        if (!question)
                return false;
        *link = question->next;
        if (!question->next)
                line->end = link;
        free(question);
        return true;
}

void
sqi_drpc_cancel(struct sqi_drpc *drpc, uint64_t ticket)
{
        for (struct spout_line *line = drpc->lines; line; line = line->next)
                if (close_question(line, ticket)) {
                        (void)send_frame(line, &ticket, sizeof(ticket), true);
                        (void)send_frame(line, "", 0, false);
                        return;
                }
}

/* ---- Answers ----------------------------------------------------------------------------------------- */

/* A signal in the middle of a message must not cut it: its rest would be read as another. */
static int
receive_frame(void *socket, zmq_msg_t *frame)
{
        int r;

        do
                r = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
        while (r < 0 && errno == EINTR);
        return r;
}

/* Up to FRAMES of the next message; the rest is dropped. How many; 0: there is none. */
static size_t
receive(void *socket, zmq_msg_t frames[FRAMES])
{
        size_t n = 0;
        bool more = true;
        zmq_msg_t frame;

        while (more) {
                zmq_msg_init(&frame);
                if (receive_frame(socket, &frame) < 0) {
                        zmq_msg_close(&frame);
                        break;
                }
                more = zmq_msg_more(&frame);
                if (n < FRAMES) {
                        zmq_msg_init(&frames[n]);
                        zmq_msg_move(&frames[n++], &frame);
                }
                zmq_msg_close(&frame);
        }
        return n;
}

static unsigned
read_status(zmq_msg_t *frame)
{
        char text[NUMBER_SIZE] = "";
        size_t n = zmq_msg_size(frame);
        unsigned long status;

        memcpy(text, zmq_msg_data(frame), n < sizeof(text) ? n : sizeof(text) - 1);
        status = strtoul(text, NULL, 10);
        return status >= STATUS_MIN && status <= STATUS_MAX ? (unsigned)status : FAILED;
}

/* False: there is none. */
static bool
take_answer(const struct sqi_drpc *drpc, struct spout_line *line)
{
        zmq_msg_t frames[FRAMES];
        size_t n = receive(line->socket, frames);
        uint64_t ticket;

        if (n == FRAMES && zmq_msg_size(&frames[0]) == sizeof(ticket)) {
                memcpy(&ticket, zmq_msg_data(&frames[0]), sizeof(ticket));
                if (close_question(line, ticket))
                        drpc->answered(drpc->context, ticket, read_status(&frames[2]),
                                       (struct sq_str){zmq_msg_data(&frames[3]), zmq_msg_size(&frames[3])});
        }
        for (size_t i = 0; i < n; i++)
                zmq_msg_close(&frames[i]);
        return n > 0;
}

/* Whatever the monitor says, the other side is gone. */
static bool
is_lost(struct spout_line *line)
{
        zmq_msg_t frames[FRAMES];
        size_t n = receive(line->monitor, frames);

        for (size_t i = 0; i < n; i++)
                zmq_msg_close(&frames[i]);
        line->lost |= n > 0;
        return line->lost;
}

/* Answers those of the line whose time is over; when the next one is due. */
static uint64_t
expire_line(const struct sqi_drpc *drpc, struct spout_line *line, uint64_t now_ns)
{
        static const char text[] = "the time is over, and the `drpc` spout does not say so: its worker hangs";
        uint64_t next_ns = UINT64_MAX;

        for (struct open_question *question = line->questions, *next; question; question = next) {
                uint64_t ticket = question->ticket, due_ns = question->due_ns;

                next = question->next;
                if (due_ns > now_ns && due_ns < next_ns)
                        next_ns = due_ns;
                if (due_ns <= now_ns && close_question(line, ticket))
                        drpc->answered(drpc->context, ticket, SQI_DRPC_TIMED_OUT,
                                       (struct sq_str){text, sizeof(text) - 1});
        }
        return next_ns;
}

static void
expire(struct sqi_drpc *drpc)
{
        uint64_t now_ns = drpc->next_ns == UINT64_MAX ? 0 : sqi_clock_ns(), next_ns = UINT64_MAX;

        if (now_ns < drpc->next_ns)
                return;
        for (struct spout_line *line = drpc->lines; line; line = line->next) {
                uint64_t line_ns = expire_line(drpc, line, now_ns);

                if (line_ns < next_ns)
                        next_ns = line_ns;
        }
        set_timer(drpc, next_ns);
}

void
sqi_drpc_serve(struct sqi_drpc *drpc)
{
        for (struct spout_line **link = &drpc->lines; *link;) {
                struct spout_line *line = *link;
                bool lost = is_lost(line); /* looked at first: what it has answered before is there then */

                while (take_answer(drpc, line))
                        ;
                if (!lost)
                        link = &line->next;
                else if (*link == line)
                        drop_line(drpc, link, true);
        }
        expire(drpc);
}
