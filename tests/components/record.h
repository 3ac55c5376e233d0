/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fault suite writes down: one file for each incarnation of a task, "sent.TASK.INCARNATION" of a spout
 * `ledgered` and "got.TASK.INCARNATION" of a bolt `journal`. A record is appended by one write with others or alone;
 * only the last of a file can be torn. Position p of the spouts is sequence number p / keys of key p % keys. Times are
 * CLOCK_MONOTONIC, in ns.
 */
#ifndef TESTS_RECORD_H
#define TESTS_RECORD_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum sent_kind {
        SENT_UP_TO, /* every position of this task below this one has been emitted */
        SENT_AGAIN, /* replay() was called for this one, after none for a while */
        SENT_END,   /* as SENT_UP_TO; this task will emit nothing more */
        SENT_ACKED, /* ack() was called for this one */
};

struct sent {
        uint64_t time_ns, position;
        uint32_t kind, task;
};

struct got {
        uint64_t time_ns;
        int64_t key, seq, check;
};

static inline uint64_t
record_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline int
record_open(const char *directory, const char *kind, unsigned task, unsigned incarnation)
{
        char path[512];

        snprintf(path, sizeof(path), "%s/%s.%u.%u", directory, kind, task, incarnation);
        return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Tells a tuple that was changed on its way from one that was not. */
static inline int64_t
record_check(int64_t key, int64_t seq)
{
        uint64_t x = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)seq;

        x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
        return (int64_t)((x ^ x >> 32) >> 1);
}

#endif
