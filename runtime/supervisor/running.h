/* SPDX-License-Identifier: Apache-2.0 */
/* What the shell keeps of a running topology and of its workers' processes: supervisor.c, running.c, deeds.c and
 * child.c share it, nobody else looks in. */
#ifndef SQI_RUNNING_H
#define SQI_RUNNING_H

#include "control/counted.h"
#include "supervisor/cgroup.h"
#include "supervisor/control.h"
#include "supervisor/errand.h"
#include "base/lines.h"
#include "supervisor/process.h"
#include "supervisor/rundir.h"
#include "supervisor/supervisor.h"

enum sqi_watched { SQI_WATCH_NEWS, SQI_WATCH_DEATH, SQI_WATCH_LOG, SQI_WATCH_ERRAND };

struct sqi_watch {
        enum sqi_watched what;
        struct sqi_running *running;
        uint32_t worker;
};

/* A worker's process, as the shell sees it. */
struct sqi_child {
        struct sqi_process process;
        struct sqi_lines lines;
        struct sqi_watch death, log;
        bool exited, signalled; /* reaped, and not yet told */
        bool starved;           /* by its cgroup */
        int number;
        uint64_t told_by;
};

struct sqi_running {
        struct sqi_supervisor *supervisor;
        struct sqi_running *next;
        struct sqi_plan *plan;
        struct sqi_lifecycle *life;
        struct sqi_totals *totals;
        struct sqi_trend *trend;
        struct sqi_counted_files *counted;
        struct sqi_actions actions;
        struct sqi_rundir rundir;
        struct sqi_control control;
        struct sqi_observer observer;
        bool apart; /* its workers may outlive us */
        int held;   /* see sqi_run_options */
        struct sqi_watch news, errand;
        struct sqi_errands errands;
        struct sqi_child *children;
        struct sqi_received *received;
        char *restore, *folder, *place; /* see sqi_run_options */
        uint64_t began, ended;
        uint64_t missing_before;    /* see sqi_run_options */
        struct sqi_running *former; /* while it starts: whose workers go on in it, see sqi_run_options */
        const uint32_t *stays;
        bool touched; /* there may be something to read: see supervisor.c */
        bool ends;    /* its last process has; it is over when its errands are */
};

struct sqi_supervisor {
        void *context; /* ZeroMQ */
        struct sqi_cgroup cgroup;
        int epoll;
        int program; /* of the workers: program.h */
        struct sqi_running *first;
};

/* deeds.c. Hands the event to the lifecycle, and carries out what that decides. */
void sqi_running_step(struct sqi_running *running, const struct sqi_event *event);
/* To the observer. */
void sqi_running_tell(struct sqi_running *running, enum sq_level level, const char *text);
/* It is over, if it ends and no errand is under way any more. */
void sqi_running_end(struct sqi_running *running);
/* Its control sockets. */
void sqi_running_close(struct sqi_running *running);
static inline bool
sqi_running_is_open(const struct sqi_running *running)
{
        return running->control.orders;
}

/* running.c. Hands `take` what the tasks of a worker have counted since they last said so. */
typedef void sqi_totals_taker(struct sqi_totals *totals, const struct sqi_message *message,
                              const struct sqi_metrics *metrics);
void sqi_running_take_counts(struct sqi_running *running, uint32_t worker, uint32_t incarnation,
                             sqi_totals_taker *take);

/* Once a second: what its tasks have counted goes into the trend. */
void sqi_running_look(struct sqi_running *running, uint64_t now_ns);

/* unfinished.c. Appends to `text` what is known of a task that a drain has waited for in vain: what it holds, and what
 * it said last. */
void sqi_unfinished_explain(struct sqi_running *running, uint32_t task, char *text, size_t size);

/* Puts a descriptor into the supervisor's epoll set. 0 or a negative errno. */
int sqi_watch(struct sqi_supervisor *supervisor, int fd, uint32_t events, struct sqi_watch *what);

/* child.c. Spawn: 0 or a negative errno. Read: what there is of its stderr. Reap: if it has ended; `exited` is set
 * then. */
int sqi_child_spawn(struct sqi_running *running, uint32_t worker, uint32_t incarnation);
/* The worker of `former` that stays as this one moves over. 0; -ESRCH: it has died; or another negative errno. */
int sqi_child_move(struct sqi_running *running, uint32_t worker, uint32_t incarnation);
void sqi_child_read(struct sqi_running *running, uint32_t worker);
void sqi_child_reap(struct sqi_running *running, uint32_t worker);
/* Takes over what holds the lease of a worker. 0: *ret_found, and the incarnation that runs or was the last; -EPROTO:
 * that is of another version; or another negative errno; with the cause in `error`, unless it is -ENOENT: the worker
 * was never begun. */
int sqi_child_adopt(struct sqi_running *running, uint32_t worker, bool *ret_found, uint32_t *ret_incarnation,
                    char *error, size_t size);
/* Kills what still runs, and waits for its end. */
void sqi_child_end_all(struct sqi_running *running);

#endif
