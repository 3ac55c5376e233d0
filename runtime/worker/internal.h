/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a worker's control thread share: worker.c, members.c, orphan.c, reports.c. Nobody else looks in. */
#ifndef SQI_WORKER_INTERNAL_H
#define SQI_WORKER_INTERNAL_H

#include "control/counted.h"
#include "task/task.h"

enum { SQI_WORKER_RUNDIR = 512 };

struct sqi_member {
        pthread_t thread;
        bool running;
        bool settled, finished;
        struct sqi_position position; /* the last one told */
        struct sqi_message snapshot;  /* likewise, of type SNAPSHOT, without its text; or another type: none was */
        bool snapshot_failed;
        void *control;               /* our end of the task's PAIR */
        uint32_t id;                 /* of the task */
        struct sq_task task;         /* its thread's, from its start to its end: one that moves begins it anew there */
        struct sqi_metrics *counted; /* mapped; NULL: there could be no file */
        struct sqi_metrics carried;  /* in its stead; and what a move takes along */
        struct sqi_metrics *metrics; /* the one or the other */
        uint64_t news;               /* sqi_metrics_news() as last told */
        uint64_t life, life_ns;      /* its last sign of life that was seen */
        bool told;
};

struct sqi_worker {
        char rundir[SQI_WORKER_RUNDIR];
        uint32_t id, incarnation;
        pid_t supervisor;
        int pidfd;
        struct sqi_plan *plan;
        /* that a task which has moved was prepared under: its component may point into it */
        struct sqi_plan *first_plan;
        struct sqi_load *loads;
        void *context, *orders, *reports;
        uint32_t nmembers;
        struct sqi_member **members;
        uint64_t beat_ns, next_beat_ns;
        uint64_t told_ns, quiet_ns; /* the last heartbeat that was sent; without news there is one in quiet_ns */
        /* to the next beat: short at first, so that a worker that soon dies has told what it got done */
        uint64_t pause_ns;
        bool quitting, orphaned, failed;

        /* adoptable ones */
        bool draining, handing_over, stays; /* as the orders said */
        bool adoptable, started, forsaken;  /* forsaken: no supervisor came; it drains alone */
        /* it has told a supervisor that it was not started, and is killed: a late START must not belie it */
        bool halfway;
        int lease;
        uint64_t orphaned_ns;

        /* where to, when `moving` */
        bool moving;
        char next_rundir[SQI_WORKER_RUNDIR];
        uint32_t next_id, next_incarnation;

        /* restore in place: it leaves, to listen as next_incarnation; it listens, and makes no task before BEGIN */
        bool rejoining, back;
};

/* reports.c. One report, at once; and those that are due by now_ns: the sign of life, and the counters when there is
 * news. */
void sqi_worker_beat(struct sqi_worker *worker, uint64_t now_ns);
void sqi_worker_report(struct sqi_worker *worker, struct sqi_message message);

/* members.c. Start: 0 or a negative errno. Join ends the tasks' threads; one that is still in a callback after
 * grace_ns is not waited for: false. */
int sqi_members_start(struct sqi_worker *worker);
bool sqi_members_join(struct sqi_worker *worker, uint64_t grace_ns);
void sqi_members_pass_reports(struct sqi_worker *worker);

/* orphan.c. Go on: false when it is time to end. */
bool sqi_orphan_go_on(struct sqi_worker *worker, uint64_t now_ns);
void sqi_orphan_adopted(struct sqi_worker *worker, pid_t supervisor);
void sqi_orphan_remove_rundir(const struct sqi_worker *worker);

#endif
