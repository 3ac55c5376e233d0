/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a lifecycle, as its parts share it:
 *
 *     lifecycle.c   takes the event apart: messages, time, what is asked for
 *     start.c       the barriers: CONNECT when all is bound, START when all is ready
 *     restart.c     deaths, and what follows from them
 *     end.c         quitting, aborting, the END
 *     adopt.c       taking over what a supervisor that died has left
 *     checkpoint.c  the epochs of exactly-once
 *     restore.c     all workers of exactly-once, anew
 *     step.c        the actions, and questions that all of them ask
 */
#ifndef SQI_STEP_H
#define SQI_STEP_H

#include "lifecycle/lifecycle.h"

struct sqi_step {
        struct sqi_lifecycle *life;
        uint64_t now;
        struct sqi_actions *actions;
};

#define SQI_EACH_TASK(life, task) for (uint32_t task = 0; (task) < (life)->plan->ntasks; (task)++)
#define SQI_EACH_WORKER(life, worker) for (uint32_t worker = 0; (worker) < (life)->plan->nworkers; (worker)++)

/* step.c */
void sqi_step_act(struct sqi_step *step, struct sqi_action action);
void sqi_step_send(struct sqi_step *step, uint32_t worker, enum sqi_message_type type, uint32_t task, uint64_t number);
void sqi_step_set_text(struct sqi_step *step,
                       const char *text); /* of what was sent last; good until it is carried out */
void sqi_step_send_position(struct sqi_step *step, uint32_t worker, uint32_t task);
void sqi_step_send_restore(struct sqi_step *step, uint32_t worker);
void sqi_step_send_drain(struct sqi_step *step, uint32_t worker);
void sqi_step_report(struct sqi_step *step, enum sqi_report what, uint32_t worker, uint64_t delay);
void sqi_step_spawn(struct sqi_step *step, uint32_t worker);
void sqi_step_kill(struct sqi_step *step, uint32_t worker);
void sqi_step_probe(struct sqi_step *step, struct sqi_cycle *cycle); /* begins a round of counting */
bool sqi_step_is_over(const struct sqi_lifecycle *life);             /* it ends: nothing is restarted any more */
bool sqi_step_is_exact(const struct sqi_lifecycle *life);            /* its delivery is exactly-once */
bool sqi_step_lives(const struct sqi_life_worker *worker);           /* it has a process, which was not killed */
bool sqi_step_is_on(const struct sqi_lifecycle *life, uint32_t task, uint32_t worker);
bool sqi_step_all_ready(const struct sqi_lifecycle *life, uint32_t worker);
struct sqi_cycle *sqi_step_cycle(struct sqi_lifecycle *life, uint32_t task); /* of the task, or NULL */
/* Before the worker is spawned for the first time: no number is that of two processes, for what they count is told
 * apart by it. */
void sqi_step_number(struct sqi_lifecycle *life, uint32_t worker);
/* As an incarnation that nothing has been heard of yet. */
void sqi_step_renew(struct sqi_life_worker *worker, uint64_t now);
uint64_t sqi_step_ns(double seconds);
uint64_t sqi_step_worker_timeout(const struct sqi_lifecycle *life);

void sqi_step_take_snapshot(struct sqi_step *step, const struct sqi_message *message);

/* start.c: something about `worker` has changed; does that open a barrier? */
void sqi_start_connect(struct sqi_step *step, uint32_t worker);
void sqi_start_run(struct sqi_step *step, uint32_t worker);
void sqi_start_all(struct sqi_step *step); /* the second barrier is open for all */
/* What a worker may have missed: which incarnation each peer is in. */
void sqi_start_tell_incarnations(struct sqi_step *step, uint32_t worker);

/* restart.c */
void sqi_restart_spawned(struct sqi_step *step, const struct sqi_event *event);
void sqi_restart_spawn_failed(struct sqi_step *step, const struct sqi_event *event);
/* Notes why the worker is gone; true when it was killed from here. */
bool sqi_restart_note_cause(struct sqi_step *step, const struct sqi_event *event);
void sqi_restart_exited(struct sqi_step *step, const struct sqi_event *event, bool ours);
void sqi_restart_degraded(struct sqi_step *step);         /* reports a change of it */
void sqi_restart(struct sqi_step *step, uint32_t worker); /* it is not there any more; its cause is set */

/* adopt.c */
void sqi_adopt_found(struct sqi_step *step, const struct sqi_event *event);
void sqi_adopt_missed(struct sqi_step *step, const struct sqi_event *event);
void sqi_adopt_subscribed(struct sqi_step *step, uint32_t worker);
void sqi_adopt_message(struct sqi_step *step, const struct sqi_message *message);
void sqi_adopt_exited(struct sqi_step *step, const struct sqi_event *event);

/* checkpoint.c */
void sqi_checkpoint_begin(struct sqi_step *step);   /* if one may begin now */
void sqi_checkpoint_started(struct sqi_step *step); /* data flows: the interval begins */
void sqi_checkpoint_hold(struct sqi_step *step);    /* a hand-over begins: what is not sealed yet is given up */
void sqi_checkpoint_drop(
        struct sqi_step *step); /* a worker died: so is what is under way, and nobody is left to hear of it */
void sqi_checkpoint_snapshot(struct sqi_step *step, const struct sqi_message *message);
void sqi_checkpoint_written(struct sqi_step *step, const struct sqi_message *message);
void sqi_checkpoint_folder(struct sqi_step *step, const struct sqi_event *event);
/* True: it is the first one, and data may flow now. */
bool sqi_checkpoint_sealed(struct sqi_step *step, const struct sqi_event *event);
/* True: it was the last one, and all is done. */
bool sqi_checkpoint_committed(struct sqi_step *step, const struct sqi_message *message);
void sqi_checkpoint_time(struct sqi_step *step);
/* The answer of the task to the epoch under way is missing. */
bool sqi_checkpoint_awaits(const struct sqi_lifecycle *life, uint32_t task);
uint64_t sqi_checkpoint_due(const struct sqi_lifecycle *life);

/* restore.c */
void sqi_restore_start(struct sqi_step *step); /* START */
void sqi_restore_died(struct sqi_step *step);  /* a worker did, and is WAITING */
/* True: it is not wanted any more. */
bool sqi_restore_spawned(struct sqi_step *step, uint32_t worker);
void sqi_restore_left(struct sqi_step *step, uint32_t worker); /* it listens as its next incarnation */
/* True: it was called back, and that is all. */
bool sqi_restore_exited(struct sqi_step *step, uint32_t worker);
void sqi_restore_go_on(struct sqi_step *step); /* begins all, when nothing stands against it any more */
void sqi_restore_time(struct sqi_step *step);  /* the same, and who has not left is told again */
uint64_t sqi_restore_due(const struct sqi_lifecycle *life);

/* end.c */
void sqi_end_drain(struct sqi_step *step);        /* the spouts end, then what they feed */
void sqi_end_drain_within(struct sqi_step *step); /* it drains, and is told a limit now */
/* After each step. The limit of a hand-over stands still while the disk is to take an epoch: that is none of its tasks'
 * fault, and it goes on from there. */
void sqi_end_hold_limit(struct sqi_step *step);
void sqi_end_quit(struct sqi_step *step); /* if every task has finished */
void sqi_end_sealed(struct sqi_step *step, const struct sqi_event *event);
void sqi_end_noted(struct sqi_step *step, const struct sqi_event *event);
void sqi_end_committed(struct sqi_step *step);  /* the last epoch is */
void sqi_end_when_empty(struct sqi_step *step); /* END, if it is over and no process is left */
void sqi_end_abort(struct sqi_step *step, enum sqi_outcome outcome);
void sqi_end_fail(struct sqi_step *step, uint32_t worker);
void sqi_end_undrained(struct sqi_step *step);  /* the drain took too long */
void sqi_end_restored(struct sqi_step *step);   /* exactly-once: all have begun anew, after a death */
void sqi_end_late_exits(struct sqi_step *step); /* so did the exits */

#endif
