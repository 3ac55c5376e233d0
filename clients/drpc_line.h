/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes between the door of a `drpc` spout, a thread, and the spout's task: requests that wait to be emitted, in
 * the order in which they came, and those whose tuple trees have failed. All of it may be called from both.
 */
#ifndef SQI_DRPC_LINE_H
#define SQI_DRPC_LINE_H

#include <pthread.h>

#include "drpc_flight.h"

/* One that waits: the task's when it has taken it, to be freed. */
struct sqi_drpc_waiting {
        struct sqi_drpc_waiting *next, **at;
        struct sqi_drpc_asked *asked;
        uint64_t serial;
        size_t len;
        char args[];
};

/* One that has failed. */
struct sqi_drpc_fate {
        struct sqi_drpc_fate *next;
        uint64_t serial;
        char cause[];
};

/* What requests have come to, since the start. */
struct sqi_drpc_counts {
        uint64_t requests, answered, failed, timed_out, refused, cancelled, late;
};

struct sqi_drpc_line {
        pthread_mutex_t lock;
        int to_task, to_door; /* eventfds: something is there for that side */
        uint64_t memory;      /* bytes of all arguments that wait, at most */
        struct sqi_drpc_waiting *first, **end;
        uint64_t n, bytes;
        struct sqi_drpc_fate *failed, **failed_end;
        bool shut;
        struct sqi_drpc_counts counts;
};

/* 0, or -1 and errno; it is to be closed in any case. */
int sqi_drpc_line_open(struct sqi_drpc_line *line, uint64_t memory);
void sqi_drpc_line_close(struct sqi_drpc_line *line);
void sqi_drpc_wake(int fd);
void sqi_drpc_hush(int fd);

/* ---- The door ---- */

/* False: there is no room, or no memory. */
bool sqi_drpc_line_put(struct sqi_drpc_line *line, struct sqi_drpc_asked *asked, struct sq_str args);
bool sqi_drpc_line_has(struct sqi_drpc_line *line, const struct sqi_drpc_asked *asked);
/* It is over, and counted by `count`, one of line->counts. */
void sqi_drpc_line_end(struct sqi_drpc_line *line, const struct sqi_drpc_asked *asked, uint64_t *count);
/* All that have failed: to be freed. */
struct sqi_drpc_fate *sqi_drpc_line_failed(struct sqi_drpc_line *line);
void sqi_drpc_line_count(struct sqi_drpc_line *line, uint64_t *count);
bool sqi_drpc_line_is_shut(struct sqi_drpc_line *line);
/* The next one that waits at a line that is shut, and does not any more. NULL: there is none. */
struct sqi_drpc_asked *sqi_drpc_line_send_back(struct sqi_drpc_line *line);

/* ---- The task ---- */

/* The next one: free() it. NULL: none waits. */
struct sqi_drpc_waiting *sqi_drpc_line_take(struct sqi_drpc_line *line);
void sqi_drpc_line_fail(struct sqi_drpc_line *line, uint64_t serial, const char *cause);
/* While it is shut, requests are refused, and the door sends back what waits. */
void sqi_drpc_line_shut(struct sqi_drpc_line *line, bool shut);
/* Counts, and how many wait. */
uint64_t sqi_drpc_line_look(struct sqi_drpc_line *line, struct sqi_drpc_counts *ret);

#endif
