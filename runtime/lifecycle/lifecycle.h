/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one topology: every decision of its supervisor, as a pure step function.
 *
 *     (state, event, now) -> (state, actions)
 *
 * It knows no process, socket or clock: the shell around it (supervisor.c) tells what happened and does what it is
 * told. So it can be tested, and simulated from a seed, without any.
 *
 *  1. sqi_lifecycle_new() from a plan. Feed SQI_EVENT_START.
 *  2. For each thing that happens call sqi_lifecycle_step(), carry out the actions in their order, and free nothing:
 *     the list is the caller's, emptied by the caller. By sqi_lifecycle_due() at the latest, feed SQI_EVENT_TIME.
 *  3. SQI_ACTION_END is the last action; no process is left then, but those of workers that stay (they were marked
 *     before the drain).
 *
 * A worker:
 *
 *     IDLE --spawn--> SPAWNING --spawned--> ALIVE --exited--> WAITING --delay over--> SPAWNING ...
 *                                             |                                          (or GONE, at the end)
 *                                             +-- silent too long, abort --> KILLED --exited--> likewise
 *     exactly-once, when another one has died: ALIVE --rejoin--> LEAVING --listens again--> BACK --begin--> ALIVE
 *
 * The next incarnation is spawned only when the old one has been reaped: two never run side by side. One that is BACK
 * is its own next incarnation.
 *
 * A topology:
 *
 *     STARTING --all ready--> RUNNING --drain asked--> DRAINING --all tasks finished--> QUITTING --all exited--> ENDED
 *                                |________________________________________________________^
 *     a hand-over: DRAINING --all tasks finished--> SEALING --its snapshot is sealed, or cannot be--> QUITTING
 *     exactly-once: RUNNING or DRAINING --all tasks finished--> SEALING --the last epoch is committed--> QUITTING
 *     QUITTING, but for a drain: if `notes`, how it ended is written down before anybody is told to exit
 *     from anywhere: abort asked, or failed --> ABORTING --all exited--> ENDED
 *
 * An exactly-once topology makes epochs all along (checkpoint.h), and all its workers begin anew when one dies.
 *
 * A topology whose supervisor died is STARTING too, and adopting (adopt.c): before START the new supervisor's shell
 * feeds FOUND for each worker that lives, and MISSED for the others. When each of those that live has told its state,
 * or died, the topology is RUNNING again, and the others are restarted; if nothing had started yet, all start anew.
 */
#ifndef SQI_LIFECYCLE_H
#define SQI_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/message.h"
#include "control/position.h"
#include "lifecycle/backoff.h"
#include "lifecycle/checkpoint.h"
#include "lifecycle/cycle.h"
#include "plan/plan.h"

enum sqi_topology_state { SQI_STARTING, SQI_RUNNING, SQI_DRAINING, SQI_SEALING, SQI_QUITTING, SQI_ABORTING, SQI_ENDED };

enum sqi_worker_state {
        SQI_WORKER_IDLE,
        SQI_WORKER_SPAWNING,
        SQI_WORKER_ALIVE,
        SQI_WORKER_KILLED,
        SQI_WORKER_WAITING,
        SQI_WORKER_LEAVING, /* told to close its tasks, and to listen again as its next incarnation: restore.c */
        SQI_WORKER_BACK,    /* it has, and waits for the others */
        SQI_WORKER_GONE
};

/* Why a worker ended, or could not be started. */
enum sqi_cause_type {
        SQI_CAUSE_NONE,
        SQI_CAUSE_EXIT,    /* number: status */
        SQI_CAUSE_SIGNAL,  /* number: signal */
        SQI_CAUSE_SPAWN,   /* number: errno */
        SQI_CAUSE_SILENT,  /* killed by us: no heartbeat */
        SQI_CAUSE_UNHEARD, /* killed by us: nothing at all since it was spawned */
        SQI_CAUSE_STUCK,   /* killed by us: a task stood still while its worker beat; number: task */
        SQI_CAUSE_UNREADY, /* the same before the start: it did not get through prepare */
        SQI_CAUSE_UNSEEN,  /* it ended while it had no supervisor, or another one: nobody knows how */
        SQI_CAUSE_MEMORY,  /* killed by the kernel: its cgroup had no more */
        SQI_CAUSE_HALFWAY, /* killed by us: it had not started when its supervisor died */
};

enum { SQI_CAUSE_TEXT = 1024 };
struct sqi_cause {
        enum sqi_cause_type type;
        int number;
        uint32_t task;             /* that reported `text` */
        char text[SQI_CAUSE_TEXT]; /* what its ERROR said; empty: nothing */
};

/* How a topology ended. */
enum sqi_outcome {
        SQI_OUTCOME_NONE,
        SQI_OUTCOME_FINISHED, /* by itself: every spout done, every tuple processed */
        SQI_OUTCOME_DRAINED,  /* asked to, and all was processed */
        SQI_OUTCOME_KILLED,   /* asked to end at once */
        SQI_OUTCOME_FAILED,   /* failure_worker and its cause, or the drain took too long */
};

enum sqi_event_type {
        SQI_EVENT_START,
        SQI_EVENT_SUBSCRIBED,   /* worker, incarnation: it listens to its topic */
        SQI_EVENT_MESSAGE,      /* message; of METRICS with its metrics */
        SQI_EVENT_SPAWNED,      /* worker */
        SQI_EVENT_SPAWN_FAILED, /* worker, number: errno */
        SQI_EVENT_EXITED,       /* worker, cause type EXIT or SIGNAL, number; reaped */
        SQI_EVENT_TIME,
        SQI_EVENT_DRAIN,
        SQI_EVENT_ABORT,
        SQI_EVENT_ACTIVATE,
        SQI_EVENT_DEACTIVATE,
        SQI_EVENT_FOUND,  /* before START: worker, incarnation: a process of an earlier supervisor lives */
        SQI_EVENT_SEALED, /* number: 0, or an errno: there is no snapshot of the hand-over, or of the epoch */
        SQI_EVENT_NOTED,  /* how it ended is written down, or cannot be */
        SQI_EVENT_FOLDER, /* number: 0, or an errno: the epoch that was begun has no folder */
        /* before START: worker, incarnation: the last one an earlier supervisor began; no process lives */
        SQI_EVENT_MISSED,
};

struct sqi_event {
        enum sqi_event_type type;
        uint32_t worker, incarnation;
        enum sqi_cause_type cause;
        int number;
        const struct sqi_message *message;
        bool sums;        /* `missing` holds: with a message FINISHED or STATE */
        uint64_t missing; /* tuples that the topology has not processed, and will not; keys whose state is lost */
};

enum sqi_action_type {
        SQI_ACTION_SPAWN,  /* worker, incarnation */
        SQI_ACTION_SEND,   /* message, to `worker` or, SQI_EVERY_WORKER, to all */
        SQI_ACTION_KILL,   /* SIGKILL to worker */
        SQI_ACTION_REJOIN, /* tell worker to leave the run, and to listen again as `incarnation` */
        SQI_ACTION_LEFT,   /* worker has: what it counted as `incarnation` is complete */
        SQI_ACTION_REPORT, /* tell the user: report, worker, delay */
        SQI_ACTION_SEAL,   /* seal the snapshot, of what SNAPSHOT has reported, and feed SEALED */
        SQI_ACTION_FOLDER, /* make the folder of `epoch`, and feed FOLDER */
        SQI_ACTION_NOTE,   /* write down how it ends, and feed NOTED */
        SQI_ACTION_END,    /* over; see outcome. No process is left, but those that stay */
};

enum sqi_report {
        SQI_REPORT_STARTED,   /* data flows */
        SQI_REPORT_DIED,      /* worker; its cause; back in `delay` ns */
        SQI_REPORT_RESTARTED, /* worker; all its tasks are ready again */
        SQI_REPORT_DEGRADED,  /* worker keeps crashing */
        SQI_REPORT_RECOVERED, /* no worker keeps crashing any more */
        SQI_REPORT_DRAINING,
        SQI_REPORT_UNFINISHED, /* the drain took too long; task: one that has not finished */
        SQI_REPORT_FAILED,     /* worker; its cause */
        SQI_REPORT_LATE_EXIT,  /* worker did not exit when told to, and was killed */
        SQI_REPORT_BAD_EXIT,   /* worker; everything was processed, but its exit was not clean */
        SQI_REPORT_QUITTING,   /* all is processed: the outcome is decided; comes before any QUIT */
        /* the topology runs on under this supervisor; those that could not be adopted have died */
        SQI_REPORT_ADOPTED,
        SQI_REPORT_RESTORED,    /* exactly-once: all have begun anew, and data flows again */
        SQI_REPORT_GIVEN_UP,    /* an epoch was: checkpoint.cause */
        SQI_REPORT_UNCOMMITTED, /* task; it has not committed the epoch for long */
        SQI_REPORT_GONE_BACK,   /* worker; it died in a drain, and what came after the epoch is not done */
};
enum { SQI_REPORTS = SQI_REPORT_GONE_BACK + 1 }; /* how many */

#define SQI_EVERY_WORKER UINT32_MAX

struct sqi_action {
        enum sqi_action_type type;
        uint32_t worker, incarnation, task;
        enum sqi_report report;
        uint64_t delay, epoch;
        struct sqi_message message;
};

/* Start with {0}; the caller empties it by n = 0, and frees `items` at last. */
struct sqi_actions {
        size_t n, size;
        struct sqi_action *items;
        bool no_memory; /* an action was lost */
};

struct sqi_life_task {
        bool bound, ready, finished, settled;
        bool told;                    /* its STATE, while it is adopted */
        uint64_t probed;              /* the last round it answered */
        struct sqi_position position; /* spouts: below it all is done */
        struct sqi_position sealed;   /* exactly-once: as it was at the epoch that a restore goes back to */
        bool committed;               /* the epoch that is sealed */
        uint64_t life_sign, alive_at; /* sqi_metrics_life(), and when it was another one */
        struct sqi_life_snapshot {
                uint64_t epoch; /* 0: nothing was reported */
                uint64_t size, sum;
                bool failed;
                struct sqi_position position; /* exactly-once: where the spout goes on from it */
        } snapshot;                           /* its part of one */
        struct {
                uint64_t epoch, bytes, recorded;
        } written; /* see WRITTEN */
};

struct sqi_life_worker {
        enum sqi_worker_state state;
        uint32_t incarnation;
        uint32_t restarts;
        bool subscribed, connected, started;
        bool heard;  /* this incarnation has sent something: until then it may be slow to start */
        bool worked; /* this incarnation has executed or emitted something */
        bool told;   /* this incarnation has sent an ERROR */
        /* one of its incarnations was started: the next one does not begin from the snapshot any more */
        bool begun;
        bool stays;           /* after a hand-over it is not told to exit: it goes on in the next plan */
        bool called_back;     /* it ends because another one died: it has not crashed (restore.c) */
        bool rejoins;         /* it was told to: it may listen as its next incarnation */
        bool adopting;        /* of an earlier supervisor: it has not told its state yet */
        bool finished_before; /* every task of an earlier incarnation was a spout that had finished: end it at once */
        uint64_t beat_at, started_at;
        uint64_t due; /* WAITING: to be spawned; LEAVING: to be told so again */
        struct sqi_backoff backoff;
        struct sqi_cause cause; /* of the last death */
};

/* To be read by all, written by the step alone (step.h). */
struct sqi_lifecycle {
        const struct sqi_plan *plan;
        uint32_t crash_limit; /* a streak this long fails the topology; 0: never */
        enum sqi_topology_state state;
        enum sqi_outcome outcome;
        uint32_t failed_worker; /* outcome FAILED, or gone_back: whose cause it is, or SQI_EVERY_WORKER */
        uint32_t died;          /* the worker that did last */
        uint64_t missing;       /* as last told: a topology that ends with some has failed */
        bool connected, has_run, draining, degraded, inactive;
        bool died_draining; /* that one, in the drain and not before it */
        /* Exactly-once: who died has taken along what the drain would have waited for, after the epoch that it began
         * anew from. */
        bool gone_back;
        bool notes;           /* whoever runs it writes down how it ends, for it must not begin again: NOTE */
        bool noting;          /* and does so now */
        bool handover;        /* the drain is not the end: keyed state goes into a snapshot */
        bool proven;          /* it has run before, as it is: a start that fails is tried again, as any restart */
        const char *restore;  /* folder of the snapshot that it begins from, or NULL; borrowed */
        bool anew;            /* another run made that one: what it was told to end goes on */
        const char *folder;   /* of the snapshot that is being made, or NULL; borrowed */
        uint64_t epoch;       /* of that */
        int unsealed;         /* errno: there is no snapshot of the hand-over */
        bool adopting, found; /* START waits for what is found of an earlier supervisor; something was */
        uint32_t
                /* of all workers; above 0 where the topology has run before: its components go on with what they
                 * wrote */
                first_incarnation;
        double drain_secs;  /* a drain may take as long; below 0: see sqi_drain_limit() */
        uint64_t deadline;  /* of the drain, or of the exits */
        uint64_t time_left; /* of the drain when the deadline is held; 0: it is not */
        uint64_t probe_due, round;
        uint64_t stepped_at; /* the last step */
        uint64_t random;
        struct sqi_life_worker *workers;
        struct sqi_life_task *tasks;
        uint32_t ncycles;
        struct sqi_cycle *cycles;         /* by number; 0 is not used */
        struct sqi_checkpoint checkpoint; /* exactly-once */
};

/* `plan` is borrowed. 0 or -ENOMEM. */
int sqi_lifecycle_new(const struct sqi_plan *plan, uint32_t crash_limit, uint64_t seed, struct sqi_lifecycle **ret);
void sqi_lifecycle_free(struct sqi_lifecycle **life);

void sqi_lifecycle_step(struct sqi_lifecycle *life, const struct sqi_event *event, uint64_t now,
                        struct sqi_actions *actions);

/* When TIME is wanted next; SQI_NEVER. */
uint64_t sqi_lifecycle_due(const struct sqi_lifecycle *life);

/* Seconds that a drain may take: what it was given, or the message timeout; a hand-over under exactly-once has as long
 * as an epoch may take as well. */
double sqi_drain_limit(const struct sqi_lifecycle *life);
double sqi_handover_limit(const struct sqi_plan *plan);

/* "running", "degraded", ... "finished", "drained", "killed", "failed" */
const char *sqi_lifecycle_state_name(const struct sqi_lifecycle *life);

#endif
