/* SPDX-License-Identifier: Apache-2.0 */
/* How a task waits: for orders, input, acks, room in its outlets, a time; whichever comes first, and never longer than
 * a pulse. */
#include <poll.h>

#include "task/task.h"

/* Between two signs of life, whatever else there is to wait for. */
static const uint64_t PULSE_NS = 250000000;
/* Where no descriptor tells of news: of room for acks, of a receiver that has worked off what it had. */
static const uint64_t RETRY_NS = 2000000;

struct waiting {
        struct pollfd *fds;
        nfds_t n;
        bool ready;
};

/*
 * A ZeroMQ socket's descriptor is edge-triggered: it tells of news, not of state. So the state is asked for first
 * (which also takes in the news), and only if there is none is the descriptor worth waiting on. zmq_poll() does the
 * same, but knows only milliseconds.
 *
 * Asking is a system call. It is not needed of a socket that was read until it had nothing more and not touched since:
 * that was asking.
 */
static void
wait_for_news(struct waiting *waiting, void *socket)
{
        int fd = -1;
        size_t size = sizeof(int);

        if (!waiting->ready && socket && zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0)
                waiting->fds[waiting->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void
wait_for(struct waiting *waiting, void *socket, int events)
{
        int state = 0;
        size_t size = sizeof(int);

        if (!socket || waiting->ready)
                return;
        if (zmq_getsockopt(socket, ZMQ_EVENTS, &state, &size) == 0 && (state & events))
                waiting->ready = true;
        else
                wait_for_news(waiting, socket);
}

static void
wait_for_outlets(struct sq_task *task, struct waiting *waiting)
{
        struct sqi_collector *collector = &task->collector;
        bool broadcast = false;

        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->stuck && !outlet->broadcast && !outlet->held)
                        wait_for(waiting, outlet->socket, ZMQ_POLLOUT);
                broadcast |= outlet->stuck && outlet->broadcast;
        }
        if (broadcast) /* an XPUB always says that it is writable; its news are what to wait for */
                wait_for(waiting, collector->broadcast, ZMQ_POLLIN);
}

static void
sleep_until(struct waiting *waiting, uint64_t until_ns)
{
        uint64_t now_ns = sqi_clock_ns(), left = until_ns > now_ns ? until_ns - now_ns : 0;
        struct timespec timeout = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};

        if (!waiting->ready && left)
                ppoll(waiting->fds, waiting->n, &timeout, NULL);
}

/* The last turn has read them empty. In a cycle it may have passed by the inbox, in favour of the feedback. */
static void
wait_for_intake(struct sq_task *task, struct waiting *waiting)
{
        const struct sqi_intake *intake = &task->intake;

        if (!intake->feedback) {
                wait_for_news(waiting, intake->inbox);
                wait_for_news(waiting, intake->broadcasts);
                return;
        }
        wait_for(waiting, intake->feedback, ZMQ_POLLIN);
        if (sqi_intake_is_closed(task))
                return;
        wait_for(waiting, intake->inbox, ZMQ_POLLIN);
        wait_for(waiting, intake->broadcasts, ZMQ_POLLIN);
}

/* The first of the descriptors. True: there is an order already. */
static bool
wait_for_orders(struct sq_task *task, struct waiting *waiting)
{
        if (!task->reported) {
                wait_for_news(waiting, task->control);
                return false;
        }
        wait_for(waiting, task->control, ZMQ_POLLIN);
        task->reported = waiting->ready;
        return waiting->ready;
}

/* Is there anything to try again soon? */
static bool
must_retry(const struct sq_task *task)
{
        const struct sqi_collector *collector = &task->collector;

        for (uint32_t i = 0; i < collector->noutlets; i++)
                if ((collector->outlets[i].stuck && collector->outlets[i].held) || collector->outlets[i].overdrawn > 1)
                        return true;
        return task->acker.gathered > 0 || sqi_intake_is_closed(task);
}

void
sqi_task_wait(struct sq_task *task, bool intake, uint64_t until_ns)
{
        struct waiting waiting = {.fds = task->fds};
        uint64_t now_ns = sqi_task_clock(task), latest = now_ns + (must_retry(task) ? RETRY_NS : PULSE_NS);
        bool ordered;

        task->now_ns = now_ns;
        if (task->driver)
                return;
        task->fds[0].revents = 0;
        ordered = wait_for_orders(task, &waiting);
        if (intake)
                wait_for_intake(task, &waiting);
        if (task->phase >= SQI_RUNNING) /* nobody reads it before, and its news would stay */
                wait_for_news(&waiting, task->spout.ack_inbox);
        wait_for_outlets(task, &waiting);
        if (task->instance.wake_fd >= 0 && task->minds_file)
                waiting.fds[waiting.n++] = (struct pollfd){.fd = task->instance.wake_fd, .events = POLLIN};
        if (task->epoch.writing_down)
                waiting.fds[waiting.n++] = (struct pollfd){.fd = task->epoch.wake, .events = POLLIN};
        sleep_until(&waiting, until_ns < latest ? until_ns : latest);
        task->now_ns = sqi_clock_ns();
        if (ordered || task->fds[0].revents)
                sqi_task_serve(task);
        sqi_seldom_tell(task, false);
        task->look_ns = task->now_ns + SQI_ORDERS_NS;
        sqi_count(&task->metrics->loops, 1);
}

bool
sqi_task_await_subscribers(struct sq_task *task)
{
        while (!sqi_collector_subscribed(&task->collector) && !task->quitting) {
                struct waiting waiting = {.fds = task->fds};
                wait_for(&waiting, task->control, ZMQ_POLLIN);
                wait_for(&waiting, task->collector.broadcast, ZMQ_POLLIN);
                sleep_until(&waiting, sqi_clock_ns() + PULSE_NS);
                sqi_task_serve(task);
                sqi_count(&task->metrics->loops, 1);
        }
        return !task->quitting;
}
