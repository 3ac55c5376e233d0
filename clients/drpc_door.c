/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that goes is known by its connection: libzmq gives the descriptor that a message came by, and its monitor
 * tells which are made and cut. A descriptor's number may be used again at once; but the monitor's word is queued
 * before that, so it is heard before the first message of the next connection of that number is looked at.
 */
#include "drpc_door.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <zmq.h>

#include "drpc_frames.h"
#include "drpc_results.h"

enum { OK = 200, NOT_FOUND = 404, TOO_LARGE = 413, TOO_MANY = 429, FAILED = 500, UNAVAILABLE = 503, TIMED_OUT = 504 };
enum { BURST = 256, ENDPOINT_SIZE = 256, TEXT_SIZE = 1024, SLACK = 1 << 20, LINGER_MS = 1000, STATUS_SIZE = 12 };
static const char monitor_at[] = "inproc://connections";
static const char not_active[] = "the topology is not active (squall activate)";

/* Sockets and flight are the thread's alone. `moving` guards what stands below it. */
struct sqi_drpc_door {
        struct sqi_drpc_door_options options;
        char requests_at[ENDPOINT_SIZE];
        uint64_t nonce;
        void *context, *requests, *connections;
        struct sqi_drpc_results results;
        pthread_t thread;
        bool running;
        struct sqi_drpc_flight flight;
        struct sqi_drpc_line line;
        bool *gone; /* by descriptor: the connection is cut */
        size_t ngone;

        pthread_mutex_t moving;
        pthread_cond_t has_moved;
        char run_folder[ENDPOINT_SIZE];
        bool moves, stops;
        int moved; /* 0, or the negative errno of a move */
};

static uint64_t
now(void)
{
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

/* ---- Answers ----------------------------------------------------------------------------------------- */

/* Whoever does not take his answers, or has gone, gets none: false. */
static bool
send_frame(struct sqi_drpc_door *door, struct sq_str frame, bool more)
{
        int r;

        do
                r = zmq_send(door->requests, frame.ptr, frame.len, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
        while (r < 0 && errno == EINTR);
        return r >= 0;
}

static void
answer(struct sqi_drpc_door *door, struct sq_str client, struct sq_str tag, unsigned status, struct sq_str text)
{
        char number[STATUS_SIZE];

        if (!send_frame(door, client, true))
                return;
        if (tag.ptr)
                send_frame(door, tag, true);
        send_frame(door, (struct sq_str){"", 0}, true);
        send_frame(door, (struct sq_str){number, (size_t)snprintf(number, sizeof(number), "%u", status)}, true);
        send_frame(door, text, false);
}

/* Nothing of the request is left but what the task is told. */
static void
end(struct sqi_drpc_door *door, struct sqi_drpc_asked *asked, uint64_t *count)
{
        sqi_drpc_line_end(&door->line, asked, count);
        sqi_drpc_flight_remove(&door->flight, asked);
}

static void
end_with(struct sqi_drpc_door *door, struct sqi_drpc_asked *asked, unsigned status, const char *text, uint64_t *count)
{
        answer(door, asked->client, asked->tag, status, (struct sq_str){text, strlen(text)});
        end(door, asked, count);
}

static void
time_out(void *context, struct sqi_drpc_asked *asked)
{
        struct sqi_drpc_door *door = context;
        bool waits = sqi_drpc_line_has(&door->line, asked);

        end_with(door, asked, TIMED_OUT,
                 waits ? "the time was over before the topology had begun with it: it is behind"
                       : "the time was over before an answer came",
                 &door->line.counts.timed_out);
}

static void
drop(void *context, struct sqi_drpc_asked *asked)
{
        struct sqi_drpc_door *door = context;

        end(door, asked, &door->line.counts.cancelled);
}

/* ---- What comes in ----------------------------------------------------------------------------------- */

static void
refuse(struct sqi_drpc_door *door, const struct sqi_drpc_request *request, unsigned status, const char *text)
{
        sqi_drpc_line_count(&door->line, &door->line.counts.refused);
        if (request->client.ptr)
                answer(door, request->client, request->tag, status, (struct sq_str){text, strlen(text)});
}

static uint64_t
due(const struct sqi_drpc_door *door, const struct sqi_drpc_request *request)
{
        uint64_t ns = request->timeout_ms * 1000000;

        return now() + (ns > 0 && ns < door->options.timeout_ns ? ns : door->options.timeout_ns);
}

/* The cause for which the request is not taken: a status, or 0. */
static unsigned
look_at(struct sqi_drpc_door *door, const struct sqi_drpc_request *request, char *text, size_t size)
{
        size_t len = strlen(door->options.function);

        if (request->function.len != len || memcmp(request->function.ptr, door->options.function, len) != 0) {
                snprintf(text, size, "there is no function '%.*s' here: this is '%s'",
                         (int)(request->function.len < 64 ? request->function.len : 64), request->function.ptr,
                         door->options.function);
                return NOT_FOUND;
        }
        if (request->args.len > door->options.limit) {
                snprintf(text, size, "the arguments have %zu bytes, and '%s' takes %llu at most", request->args.len,
                         door->options.function, (unsigned long long)door->options.limit);
                return TOO_LARGE;
        }
        snprintf(text, size, "%s", not_active);
        return sqi_drpc_line_is_shut(&door->line) ? UNAVAILABLE : 0;
}

static void
take_request(struct sqi_drpc_door *door, const struct sqi_drpc_request *request, int fd)
{
        struct sqi_drpc_asked *asked;
        char text[TEXT_SIZE];
        unsigned status = look_at(door, request, text, sizeof(text));

        if (status) {
                refuse(door, request, status, text);
                return;
        }
        asked = sqi_drpc_flight_add(&door->flight, request, fd, due(door, request));
        if (!asked || !sqi_drpc_line_put(&door->line, asked, request->args)) {
                if (asked)
                        sqi_drpc_flight_remove(&door->flight, asked);
                snprintf(text, sizeof(text), "%llu requests are in flight: try again later",
                         (unsigned long long)door->flight.n);
                refuse(door, request, TOO_MANY, text);
                return;
        }
}

/* Without memory to note it in, its requests end by their time-out. */
static void
note_connection(struct sqi_drpc_door *door, size_t fd, bool gone)
{
        if (fd >= door->ngone) {
                size_t n = fd * 2 + 64;
                bool *grown = realloc(door->gone, n * sizeof(*grown));

                if (!grown)
                        return;
                memset(grown + door->ngone, 0, n - door->ngone);
                door->gone = grown;
                door->ngone = n;
        }
        door->gone[fd] = gone;
        if (gone)
                sqi_drpc_flight_hang_up(&door->flight, (int)fd, drop, door);
}

static bool
is_gone(const struct sqi_drpc_door *door, int fd)
{
        return fd >= 0 && (size_t)fd < door->ngone && door->gone[fd];
}

/* An event: 16 bits of what, 32 of the descriptor. */
static void
take_connections(struct sqi_drpc_door *door)
{
        zmq_msg_t frames[2];
        size_t n;

        while ((n = sqi_drpc_frames(door->connections, frames, 2)) > 0) {
                uint16_t event;
                uint32_t fd;

                if (zmq_msg_size(&frames[0]) >= sizeof(event) + sizeof(fd)) {
                        memcpy(&event, zmq_msg_data(&frames[0]), sizeof(event));
                        memcpy(&fd, (char *)zmq_msg_data(&frames[0]) + sizeof(event), sizeof(fd));
                        if (fd <= INT_MAX)
                                note_connection(door, fd, event == ZMQ_EVENT_DISCONNECTED);
                }
                sqi_drpc_frames_close(frames, n < 2 ? n : 2);
        }
}

/* False: there is none. */
static bool
take_message(struct sqi_drpc_door *door)
{
        zmq_msg_t frames[DRPC_FRAMES];
        struct sq_str texts[DRPC_FRAMES];
        size_t n = sqi_drpc_frames(door->requests, frames, DRPC_FRAMES), kept = n < DRPC_FRAMES ? n : DRPC_FRAMES;
        struct sqi_drpc_request request;
        const char *wrong;
        unsigned status;
        int fd;

        if (n == 0)
                return false;
        for (size_t i = 0; i < kept; i++)
                texts[i] = (struct sq_str){zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i])};
        take_connections(door);
        status = sqi_drpc_request_read(texts, kept, &request, &wrong);
        if (status || n > kept)
                refuse(door, &request, status ? status : 400, wrong);
        else if (request.cancels)
                sqi_drpc_flight_cancel(&door->flight, &request, drop, door);
        else if (is_gone(door, fd = zmq_msg_get(&frames[kept - 1], ZMQ_SRCFD)))
                sqi_drpc_line_count(&door->line, &door->line.counts.cancelled);
        else
                take_request(door, &request, fd);
        sqi_drpc_frames_close(frames, kept);
        return true;
}

static void
end_with_result(struct sqi_drpc_door *door, struct sqi_drpc_asked *asked, struct sq_str result)
{
        answer(door, asked->client, asked->tag, OK, result);
        end(door, asked, &door->line.counts.answered);
}

/* A piece of a result, of a `return` bolt. What nobody waits for any more is late. */
static void
take_piece(struct sqi_drpc_door *door, const struct sqi_drpc_piece *head, struct sq_str bytes)
{
        struct sqi_drpc_asked *asked = head->nonce == door->nonce ? sqi_drpc_flight_find(&door->flight, head->serial)
                                                                  : NULL;
        bool whole = head->at == 0 && head->last;
        int r = !asked ? -EPROTO : whole ? 0 : sqi_drpc_flight_add_piece(asked, head, bytes);

        if (r == -ENOMEM)
                end_with(door, asked, FAILED, "no memory for the result", &door->line.counts.failed);
        else if (r < 0 && head->last)
                sqi_drpc_line_count(&door->line, &door->line.counts.late);
        else if (r == 0 && head->last)
                end_with_result(door, asked, whole ? bytes : (struct sq_str){asked->result, asked->result_len});
}

static void
take_results(struct sqi_drpc_door *door, unsigned most)
{
        struct sqi_drpc_piece head;
        struct sq_str bytes;

        for (unsigned n = 0; n < most && sqi_drpc_results_next(&door->results, &head, &bytes); n++)
                take_piece(door, &head, bytes);
}

static void
take_failed(struct sqi_drpc_door *door)
{
        struct sqi_drpc_fate *next;

        for (struct sqi_drpc_fate *failed = sqi_drpc_line_failed(&door->line); failed; failed = next) {
                struct sqi_drpc_asked *asked = sqi_drpc_flight_find(&door->flight, failed->serial);

                next = failed->next;
                if (asked)
                        end_with(door, asked, FAILED, failed->cause, &door->line.counts.failed);
                free(failed);
        }
}

/* What waits at a topology that was deactivated, where it could wait for ever. */
static void
send_back(struct sqi_drpc_door *door)
{
        struct sqi_drpc_asked *asked;

        while ((asked = sqi_drpc_line_send_back(&door->line)))
                end_with(door, asked, UNAVAILABLE, not_active, &door->line.counts.refused);
}

/* ---- The thread -------------------------------------------------------------------------------------- */

/* With what is in it still. */
static void
close_results(struct sqi_drpc_door *door)
{
        take_results(door, UINT_MAX);
        sqi_drpc_results_close(&door->results);
}

static int
bind_both(struct sqi_drpc_door *door, const char *run_folder, unsigned task)
{
        int r = sqi_drpc_results_open(&door->results, run_folder, task);

        snprintf(door->requests_at, sizeof(door->requests_at), SQ_DRPC_REQUESTS, run_folder, task);
        return r < 0 ? r : zmq_bind(door->requests, door->requests_at) < 0 ? -errno : 0;
}

/* Who is connected stays so. */
static void
move_if_asked(struct sqi_drpc_door *door)
{
        pthread_mutex_lock(&door->moving);
        if (door->moves) {
                (void)zmq_unbind(door->requests, door->requests_at);
                close_results(door);
                door->moved = bind_both(door, door->run_folder, door->options.task);
                door->moves = false;
                pthread_cond_signal(&door->has_moved);
        }
        pthread_mutex_unlock(&door->moving);
}

static bool
stops(struct sqi_drpc_door *door)
{
        bool r;

        pthread_mutex_lock(&door->moving);
        r = door->stops;
        pthread_mutex_unlock(&door->moving);
        return r;
}

static int
patience_ms(const struct sqi_drpc_door *door)
{
        uint64_t at = now(), next_ns = door->flight.next_ns;

        if (next_ns == UINT64_MAX)
                return -1;
        return next_ns <= at ? 0 : (int)((next_ns - at) / 1000000 + 1);
}

/* What the task has said: it, or what it has failed, is somewhere else; or it is not active. */
static void
heed_task(struct sqi_drpc_door *door)
{
        sqi_drpc_hush(door->line.to_door);
        move_if_asked(door);
        take_results(door, BURST);
        take_failed(door); /* behind the results that came before */
}

/*
 * Who waits for a result waits for each system call before it, so there is no zmq_poll(), which asks each socket twice.
 * ZeroMQ's descriptors tell of news, not of state: a turn ends with reading both sockets until they have no more, and
 * touches neither after that. `done`: the last one has come so far.
 */
static bool
turn(struct sqi_drpc_door *door, bool done)
{
        struct pollfd fds[] = {{.fd = door->results.fd, .events = POLLIN},
                               {.fd = door->line.to_door, .events = POLLIN},
                               {.fd = sqi_drpc_frames_fd(door->requests), .events = POLLIN},
                               {.fd = sqi_drpc_frames_fd(door->connections), .events = POLLIN}};

        if (poll(fds, sizeof(fds) / sizeof(fds[0]), done ? patience_ms(door) : 0) < 0)
                return done;
        if (fds[0].revents)
                take_results(door, BURST);
        if (fds[1].revents)
                heed_task(door);
        send_back(door);
        sqi_drpc_flight_expire(&door->flight, now(), time_out, door);
        done = false;
        for (unsigned i = 0; i < BURST && !done; i++)
                done = !take_message(door);
        take_connections(door);
        return done;
}

static void
send_away(void *context, struct sqi_drpc_asked *asked)
{
        struct sqi_drpc_door *door = context;
        bool waits = sqi_drpc_line_has(&door->line, asked);

        end_with(door, asked, waits ? UNAVAILABLE : FAILED,
                 waits ? "the topology ends, or goes on as another plan, and had not begun with it: ask again"
                       : "the topology ended, or went on as another plan, before an answer came",
                 &door->line.counts.failed);
}

/* What is in the socket still is sent away as well. */
static void *
run(void *context)
{
        struct sqi_drpc_door *door = context;
        bool done = false;

        while (!stops(door))
                done = turn(door, done);
        close_results(door);
        take_failed(door);
        (void)zmq_unbind(door->requests, door->requests_at);
        for (unsigned i = 0; i < door->options.most && take_message(door); i++)
                ;
        sqi_drpc_flight_end(&door->flight, send_away, door);
        return NULL;
}

/* ---- Open and close ---------------------------------------------------------------------------------- */

static int
set(void *socket, int option, int value)
{
        return zmq_setsockopt(socket, option, &value, sizeof(value));
}

/* 0, or -1 and errno. */
static int
make_sockets(struct sqi_drpc_door *door)
{
        const int64_t largest = (int64_t)door->options.limit + SLACK;
        int most = (int)door->options.most;

        door->context = zmq_ctx_new();
        door->requests = door->context ? zmq_socket(door->context, ZMQ_ROUTER) : NULL;
        door->connections = door->context ? zmq_socket(door->context, ZMQ_PAIR) : NULL;
        if (!door->requests || !door->connections)
                return -1;
        return set(door->requests, ZMQ_SNDHWM, most) < 0 || set(door->requests, ZMQ_LINGER, LINGER_MS) < 0 ||
                               set(door->requests, ZMQ_ROUTER_MANDATORY, 1) < 0 ||
                               zmq_setsockopt(door->requests, ZMQ_MAXMSGSIZE, &largest, sizeof(largest)) < 0 ||
                               set(door->connections, ZMQ_LINGER, 0) < 0 ||
                               zmq_socket_monitor(door->requests, monitor_at,
                                                  ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) < 0 ||
                               zmq_connect(door->connections, monitor_at) < 0
                       ? -1
                       : 0;
}

/* 0, or -1 and errno. */
static int
make(struct sqi_drpc_door *door)
{
        int r = sqi_drpc_flight_open(&door->flight, door->options.most);

        pthread_mutex_init(&door->moving, NULL);
        pthread_cond_init(&door->has_moved, NULL);
        if (sqi_drpc_line_open(&door->line, door->options.memory) < 0)
                return -1;
        if (r < 0)
                errno = -r;
        return r < 0 || getrandom(&door->nonce, sizeof(door->nonce), 0) != sizeof(door->nonce) ? -1
                                                                                               : make_sockets(door);
}

static void
close_socket(void *socket)
{
        if (socket)
                zmq_close(socket);
}

void
sqi_drpc_door_close(struct sqi_drpc_door **door_of)
{
        struct sqi_drpc_door *door = *door_of;

        if (!door)
                return;
        pthread_mutex_lock(&door->moving);
        door->stops = true;
        pthread_mutex_unlock(&door->moving);
        sqi_drpc_wake(door->line.to_door);
        if (door->running)
                pthread_join(door->thread, NULL);
        if (door->requests)
                (void)zmq_socket_monitor(door->requests, NULL, 0);
        close_socket(door->connections);
        close_socket(door->requests);
        sqi_drpc_results_close(&door->results);
        if (door->context)
                zmq_ctx_term(door->context);
        sqi_drpc_line_close(&door->line);
        free(door->gone);
        sqi_drpc_flight_close(&door->flight);
        pthread_cond_destroy(&door->has_moved);
        pthread_mutex_destroy(&door->moving);
        free(door);
        *door_of = NULL;
}

static int
open_all(struct sq_task *task, struct sqi_drpc_door *door)
{
        int r;

        if (make(door) < 0)
                return sq_error(task, "drpc: %s", zmq_strerror(errno));
        r = bind_both(door, door->run_folder, door->options.task);
        if (r < 0)
                return sq_error(task, "%s: %s", door->requests_at, zmq_strerror(-r));
        if (door->options.endpoint && zmq_bind(door->requests, door->options.endpoint) < 0)
                return sq_error(task, "%s: %s", door->options.endpoint, zmq_strerror(errno));
        r = pthread_create(&door->thread, NULL, run, door);
        door->running = r == 0;
        return r == 0 ? 0 : sq_error(task, "drpc: no thread: %s", strerror(r));
}

int
sqi_drpc_door_open(struct sq_task *task, const struct sqi_drpc_door_options *options, struct sqi_drpc_door **ret)
{
        struct sqi_drpc_door *door = calloc(1, sizeof(*door));

        if (!door)
                return sq_error(task, "drpc: no memory");
        door->options = *options;
        door->results.fd = -1;
        snprintf(door->run_folder, sizeof(door->run_folder), "%s", options->run_folder);
        if (open_all(task, door) < 0) {
                sqi_drpc_door_close(&door);
                return -1;
        }
        *ret = door;
        return 0;
}

int
sqi_drpc_door_move(struct sq_task *task, struct sqi_drpc_door *door, const char *run_folder, unsigned number)
{
        int r;

        pthread_mutex_lock(&door->moving);
        snprintf(door->run_folder, sizeof(door->run_folder), "%s", run_folder);
        door->options.task = number;
        door->moves = true;
        sqi_drpc_wake(door->line.to_door);
        while (door->moves)
                pthread_cond_wait(&door->has_moved, &door->moving);
        r = door->moved;
        pthread_mutex_unlock(&door->moving);
        return r == 0 ? 0 : sq_error(task, "%s: %s", door->requests_at, zmq_strerror(-r));
}

bool
sqi_drpc_door_is_at(const struct sqi_drpc_door *door, const char *run_folder, unsigned number)
{
        return number == door->options.task && strcmp(run_folder, door->run_folder) == 0;
}

struct sqi_drpc_line *
sqi_drpc_door_line(struct sqi_drpc_door *door)
{
        return &door->line;
}

void
sqi_drpc_door_token(const struct sqi_drpc_door *door, uint64_t serial, char ret[DRPC_TOKEN])
{
        const struct sqi_drpc_token token = {door->options.task, door->nonce, serial};

        sqi_drpc_token_write(&token, ret);
}
