/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of a spout: squall-connect.h says what it promises. */
#include <squall-kit.h>

void
sq_pace_restart(struct sq_pace *pace)
{
        *pace = (struct sq_pace){0};
}

uint64_t
sq_pace_burst(const struct sq_task *task)
{
        enum { BURST = 256 };
        uint64_t room = sq_room(task);

        return room < BURST ? room : BURST;
}

uint64_t
sq_pace_due(struct sq_pace *pace, struct sq_task *task, double rate, uint64_t most)
{
        uint64_t now, owed = 0;
        double due, tasks = sq_parallelism(task), index = sq_index(task);

        if (rate <= 0)
                return most;
        now = sq_now(task);
        if (!pace->started)
                *pace = (struct sq_pace){.started = true, .start = now};
        due = (double)(now - pace->start) * 1e-9 * rate - index;
        if (due >= 0)
                owed = (uint64_t)(due / tasks) + 1;
        if (owed > pace->sent)
                return owed - pace->sent < most ? owed - pace->sent : most;
        sq_wake_at(task, pace->start + (uint64_t)(((double)pace->sent * tasks + index) * 1e9 / rate) + 1);
        return 0;
}

void
sq_pace_sent(struct sq_pace *pace, uint64_t n)
{
        pace->sent += n;
}
