/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor: runs topologies, each as a set of worker processes.
 *
 *  1. sqi_supervisor_new(). First thing in the process: SIGINT, SIGTERM and SIGHUP are the owner's to catch (a
 *     signalfd).
 *  2. sqi_supervisor_run() for each topology, with an observer that hears what happens.
 *  3. The owner waits: poll sqi_supervisor_fd() for input, until sqi_supervisor_due() at the latest, then calls
 *     sqi_supervisor_serve(). That never waits itself, so a command line and a daemon can have it in one loop with
 *     whatever else they do.
 *  4. sqi_running_drain() or sqi_running_abort() end a topology; a finite one ends by itself. sqi_running_is_over()
 *     says when: then no process, socket or file of it is left. sqi_running_free().
 *  5. sqi_supervisor_free(). Topologies that still run are killed.
 *
 * All of it belongs to one thread. What decides is lifecycle.h; here is only what waits, spawns and sends.
 */
#ifndef SQI_SUPERVISOR_H
#define SQI_SUPERVISOR_H

#include <sys/types.h>

#include "base/lines.h"
#include "lifecycle/lifecycle.h"
#include "supervisor/totals.h"
#include "supervisor/trend.h"
#include "plan/plan.h"

struct sqi_supervisor;
struct sqi_running; /* one topology */

/* A worker has died, and what there is to say of it. */
struct sqi_death {
        const char *task;              /* whose fault it is, or all that were in the worker */
        const char *cause;             /* in words */
        const char *text;              /* the same in a sentence, with what is done */
        uint32_t incarnation, deaths;  /* that died; of the worker, with this one */
        double delay;                  /* seconds until it is started again; below 0: it is not */
        const struct sqi_lines *lines; /* the last that it has printed */
};

/* Work that waits for the disk, done beside the loop, which goes on meanwhile; one after the other, in order. */
struct sqi_errand {
        struct sqi_errand *next; /* of those that wait */
        int told;                /* the event by which the lifecycle hears of its end; 0: none */
        /* In a thread of its own: it looks at nothing but what it holds. 0 or a negative errno. */
        int (*run)(struct sqi_errand *errand);
        /* In the loop: what came of it; frees it. */
        void (*end)(struct sqi_errand *errand, int r);
};

/* What a topology's owner hears; called from sqi_supervisor_serve() and _run(). Texts are good until the call
 * returns. */
struct sqi_observer {
        void *context;
        /* what happens to the topology */
        void (*tell)(void *context, enum sq_level level, const char *text);
        /* the same of what the lifecycle reports, with its name: "restarted", ...; NULL: by `tell` */
        void (*happened)(void *context, const char *event, enum sq_level level, const char *text);
        /* before that */
        void (*died)(void *context, const struct sqi_death *death);
        /* a line of a worker's stderr */
        void (*line)(void *context, const char *name, uint32_t worker, const char *text);
        /* every task is ready, data flows */
        void (*started)(void *context);
        /* A hand-over is quiet, or all parts of an epoch are there, and what the tasks have reported is in the
         * lifecycle: make the snapshot durable. 0, and what does it; or a negative errno: it cannot be. NULL: done. */
        int (*seal)(void *context, struct sqi_errand **ret);
        /* Exactly-once: make the folder of the epoch that begins, as the lifecycle names it; as `seal`. */
        int (*folder)(void *context, struct sqi_errand **ret);
        /* All is processed, and it is not to begin again: write that down, then call sqi_running_noted(). Its workers
         * are told to exit after that. NULL: nobody keeps it. */
        void (*ending)(void *context);
        void (*dead_letter)(void *context, const char *task, uint64_t position, struct sq_str cause);
        /* ANSWER of a task to a QUERY; NULL: nobody asks */
        void (*answered)(void *context, const struct sqi_message *answer);
};

struct sqi_run_options {
        uint32_t crash_limit; /* deaths in a row that fail the topology; 0: it is tried for ever */
        uint64_t seed;        /* of the jitter */

        /* For a daemon, whose workers go on without it. */
        const char *rundir; /* not NULL: there; what runs there is adopted */
        bool inactive;      /* its spouts are off */
        uint32_t runs;      /* how often it has been started before: its components go on with what they wrote */
        struct sqi_running
                /* NULL, or a run that has ended, handed over, whose workers stay: for each worker of the plan the
                 * one */
                *former;
        const uint32_t
                /* of `former` that goes on as it, or SQI_STAYS_NOT. What is left in it afterwards ends when it is
                 * freed */
                *stays;
        bool proven;         /* it has run before, as it is: what keeps it from starting will pass */
        const char *restore; /* NULL, or the folder of the snapshot to begin from; copied */
        bool anew;           /* another run made that: what it was told to end, and has ended, goes on */
        const char *folder;  /* NULL, or where a hand-over's tasks are to write; copied */
        const char *place;   /* exactly-once: the folder of its epochs; copied */
        /* 0, or a descriptor that each worker holds until it has ended: a lock on it, by flock(), is free when the
         * last of them has. Open as long as the run; not with a `rundir` */
        int held;
        uint64_t epoch;                       /* of the snapshot that a hand-over makes, or of the first epoch */
        bool on_trial;                        /* no running epoch is made until sqi_running_keep(): see there */
        uint64_t missing;                     /* what the runs before it, that it goes on from, have lost */
        const struct sqi_position *positions; /* NULL, or where each task is to resume */
};

/* 0, or a negative errno with the cause in `error`, as of sqi_program_open() too. */
int sqi_supervisor_new(struct sqi_supervisor **ret, char *error, size_t size);
void sqi_supervisor_free(struct sqi_supervisor **supervisor);
int sqi_supervisor_fd(const struct sqi_supervisor *supervisor);
/* Monotonic time in ns, 0: at once; SQI_NEVER. */
uint64_t sqi_supervisor_due(const struct sqi_supervisor *supervisor);
void sqi_supervisor_serve(struct sqi_supervisor *supervisor);

/* Takes `*plan` over on success, and nulls it. 0, or a negative errno with the cause in `error`; then nothing was
 * started. */
int sqi_supervisor_run(struct sqi_supervisor *supervisor, struct sqi_plan **plan, const struct sqi_run_options *options,
                       const struct sqi_observer *observer, struct sqi_running **ret, char *error, size_t size);

/* Takes over what its owner has to write down. What is under way ends before the topology is over, or, begun when it is
 * over, before it is freed. */
void sqi_running_errand(struct sqi_running *running, struct sqi_errand *errand);
/* All errands are done: before what they write is written in another way. For a topology that is left, or over. */
void sqi_running_settle(struct sqi_running *running);
/* Drains; for at most `seconds` instead of the message timeout if they are not below 0. */
void sqi_running_drain(struct sqi_running *running, double seconds);
/* Drains, but to go on later: keyed state that is not volatile goes into a snapshot (task/snapshot.h), see `seal`.
 * `stays`, of n, names workers that are to stay (SQI_STAYS_NOT: none): they are quiet at the end, but live, until a
 * next run takes them over or this one is freed. */
void sqi_running_hand_over(struct sqi_running *running, const uint32_t *stays, uint32_t n);
/* A run that was on trial has proved itself. Until then it makes no running epoch: what that holds of its channels
 * means nothing to the plan before it, which would have to go on from the newest one. */
void sqi_running_keep(struct sqi_running *running);
void sqi_running_activate(struct sqi_running *running, bool active);
/* `ending` is written down, or cannot be; nothing happens if it ends in another way by now. */
void sqi_running_noted(struct sqi_running *running);
/* For `ms` from now the tasks of a component publish copies of what they send, `bytes_s` a second in all:
 * channel/tap.h. */
void sqi_running_tap(struct sqi_running *running, uint32_t component, uint64_t ms, uint64_t bytes_s);
/* For `ms` from now each of its spout tasks follows `trees` tuple trees a second: task/trace.h. */
void sqi_running_trace(struct sqi_running *running, uint64_t ms, uint64_t trees);
void sqi_running_abort(struct sqi_running *running);
bool sqi_running_is_over(const struct sqi_running *running);
void sqi_running_free(struct sqi_running **running);
/* Frees it, but leaves its processes and its run directory to whoever adopts them. */
void sqi_running_leave(struct sqi_running **running);

/* Where its sockets are, and its epochs (NULL: it makes none); good as long as it is. */
const char *sqi_running_rundir(const struct sqi_running *running);
const char *sqi_running_place(const struct sqi_running *running);
const struct sqi_plan *sqi_running_plan(const struct sqi_running *running);
const struct sqi_lifecycle *sqi_running_lifecycle(const struct sqi_running *running);
/* Brings the totals up to this moment: by reports alone they are up to a second old. */
void sqi_running_count(struct sqi_running *running);
const struct sqi_totals *sqi_running_totals(const struct sqi_running *running);
const struct sqi_trend *sqi_running_trend(const struct sqi_running *running);
/* How far event time has come in a component: the least of its tasks that are not idle, or the latest where all are. A
 * component that watermarks neither come to nor begin in has no tasks. */
struct sqi_event_time_at {
        uint32_t ntasks, nidle, nsilent; /* silent: that have not seen a watermark yet */
        bool known;
        int64_t watermark; /* ns since 1970 */
};
void sqi_running_event_time(const struct sqi_running *running, uint32_t component, struct sqi_event_time_at *ret);
/* The key that a task sees most, of a fields grouping, and its part of what it executes; 0: nothing is known. */
double sqi_running_heaviest(const struct sqi_running *running, uint32_t task, char ret_text[SQI_HEAVY_TEXT + 1]);
/* 0: that worker has no process now. */
pid_t sqi_running_pid(const struct sqi_running *running, uint32_t worker);
/* ns from the start of the run until now, or until its end. */
uint64_t sqi_running_uptime(const struct sqi_running *running);

#endif
