/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pace of a spout with a `rate`: an open loop. Tuple k of the component is due k / rate seconds after the first call, whatever
 * happened to the tuples before it; task i of n owns the tuples i, i + n, i + 2n, ... So the rate holds over all tasks,
 * and a stall is made good instead of hidden.
 */
#ifndef SPOUTS_PACE_H
#define SPOUTS_PACE_H

#include <squall.h>

struct pace {
        bool started;
        uint64_t start, sent;
};

static inline void
pace_restart(struct pace *pace)
{
        *pace = (struct pace){0};
}

/* How many tuples one call of `.next` may emit: what is free below topology.max.spout.pending, and so few that commands are heard in between. */
static inline uint64_t
pace_burst(const struct sq_task *task)
{
        enum { BURST = 256 };
        uint64_t room = sq_room(task);

        return room < BURST ? room : BURST;
}

/* How many tuples may go out now, at most `most`. When it is none, the task is woken for the next one. */
static inline uint64_t
pace_due(struct pace *pace, struct sq_task *task, double rate, uint64_t most)
{
        uint64_t now, owed = 0;
        double due, tasks = sq_parallelism(task), index = sq_index(task);

        if (rate <= 0)
                return most;
        now = sq_now(task);
        if (!pace->started)
                *pace = (struct pace){.started = true, .start = now};
        due = (double)(now - pace->start) * 1e-9 * rate - index;
        if (due >= 0)
                owed = (uint64_t)(due / tasks) + 1;
        if (owed > pace->sent)
                return owed - pace->sent < most ? owed - pace->sent : most;
        sq_wake_at(task, pace->start + (uint64_t)(((double)pace->sent * tasks + index) * 1e9 / rate) + 1);
        return 0;
}

static inline void
pace_sent(struct pace *pace, uint64_t n)
{
        pace->sent += n;
}

#endif
