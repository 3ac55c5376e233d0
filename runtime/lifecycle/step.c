/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a step have in common: the actions, and some questions. */
#include "lifecycle/step.h"

#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"

uint64_t
sqi_step_ns(double s)
{
        return (uint64_t)(s * 1e9);
}

uint64_t
sqi_step_worker_timeout(const struct sqi_lifecycle *life)
{
        return sqi_step_ns(life->plan->config.worker_timeout);
}

bool
sqi_step_is_over(const struct sqi_lifecycle *life)
{
        return life->state >= SQI_QUITTING;
}

bool
sqi_step_is_exact(const struct sqi_lifecycle *life)
{
        return life->plan->config.delivery == SQI_EXACTLY_ONCE;
}

bool
sqi_step_lives(const struct sqi_life_worker *worker)
{
        return worker->state == SQI_WORKER_ALIVE || worker->state == SQI_WORKER_LEAVING ||
               worker->state == SQI_WORKER_BACK;
}

void
sqi_step_renew(struct sqi_life_worker *worker, uint64_t now)
{
        worker->subscribed = worker->connected = worker->started = worker->heard = worker->worked = worker->told =
                false;
        worker->beat_at = now;
        worker->called_back = worker->rejoins = false;
}

void
sqi_step_number(struct sqi_lifecycle *life, uint32_t worker)
{
        struct sqi_life_worker *it = &life->workers[worker];

        if (it->cause.type == SQI_CAUSE_UNSEEN)
                it->incarnation++;
        if (it->incarnation < life->first_incarnation)
                it->incarnation = life->first_incarnation;
}

bool
sqi_step_is_on(const struct sqi_lifecycle *life, uint32_t task, uint32_t worker)
{
        sqi_assert(task < life->plan->ntasks);
        return worker == SQI_EVERY_WORKER || life->plan->tasks[task].worker == worker;
}

bool
sqi_step_all_ready(const struct sqi_lifecycle *life, uint32_t worker)
{
        SQI_EACH_TASK(life, task)
                if (sqi_step_is_on(life, task, worker) && !life->tasks[task].ready)
                        return false;
        return true;
}

struct sqi_cycle *
sqi_step_cycle(struct sqi_lifecycle *life, uint32_t task)
{
        uint32_t cycle;

        sqi_assert(task < life->plan->ntasks);
        cycle = life->plan->components[life->plan->tasks[task].component].cycle;
        sqi_assert(cycle < life->ncycles);
        return cycle ? &life->cycles[cycle] : NULL;
}

void
sqi_step_act(struct sqi_step *step, struct sqi_action action)
{
        struct sqi_actions *actions = step->actions;

        if (actions->n == actions->size) {
                size_t size = actions->size ? 2 * actions->size : 16;
                struct sqi_action *items = realloc(actions->items, size * sizeof(*items));

                if (!items) {
                        actions->no_memory = true;
                        return;
                }
                actions->items = items;
                actions->size = size;
        }
        actions->items[actions->n++] = action;
}

void
sqi_step_send(struct sqi_step *step, uint32_t worker, enum sqi_message_type type, uint32_t task, uint64_t number)
{
        uint32_t incarnation;

        sqi_assert(worker == SQI_EVERY_WORKER || worker < step->life->plan->nworkers);
        incarnation = worker == SQI_EVERY_WORKER ? 0 : step->life->workers[worker].incarnation;
        struct sqi_message message = {.type = type,
                                      .worker = worker == SQI_EVERY_WORKER ? 0 : worker,
                                      .incarnation = incarnation,
                                      .task = task,
                                      .number = number};

        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_SEND,
                                               .worker = worker,
                                               .incarnation = incarnation,
                                               .message = message});
}

void
sqi_step_set_text(struct sqi_step *step, const char *text)
{
        if (step->actions->n > 0)
                step->actions->items[step->actions->n - 1].message.text = (struct sq_str){text, strlen(text)};
}

/* The note in it is a view: the action is carried out before the next step. */
void
sqi_step_send_position(struct sqi_step *step, uint32_t worker, uint32_t task)
{
        const struct sqi_position *position = &step->life->tasks[task].position;

        sqi_step_send(step, worker, SQI_MSG_POSITION, task, position->number);
        if (step->actions->n > 0)
                step->actions->items[step->actions->n - 1].message.text = sqi_position_note(position);
}

/* Its text is the owner's, and lives as long as the life. */
static void
send_text(struct sqi_step *step, struct sqi_message message, uint32_t worker, const char *text)
{
        message.worker = worker;
        message.incarnation = step->life->workers[worker].incarnation;
        message.text = (struct sq_str){text ? text : "", text ? strlen(text) : 0};
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_SEND,
                                               .worker = worker,
                                               .incarnation = message.incarnation,
                                               .message = message});
}

static void
send_handover(struct sqi_step *step, uint32_t worker)
{
        const struct sqi_lifecycle *life = step->life;
        bool exact = sqi_step_is_exact(life); /* its parts are written for the epoch that it ends with */
        const struct sqi_message message = {
                .type = SQI_MSG_HANDOVER, .number = life->workers[worker].stays, .a = exact ? 0 : life->epoch};

        send_text(step, message, worker, exact ? NULL : life->folder);
}

/* To a worker that nothing has been started in yet: one that is restarted later begins without, but under exactly-once,
 * where it begins from the newest. */
void
sqi_step_send_restore(struct sqi_step *step, uint32_t worker)
{
        const struct sqi_lifecycle *life = step->life;

        if (sqi_step_is_exact(life) && life->checkpoint.newest[0])
                send_text(step,
                          (struct sqi_message){.type = SQI_MSG_RESTORE,
                                               .number = life->checkpoint.sealed,
                                               .a = life->anew && life->checkpoint.sealed == 0},
                          worker, life->checkpoint.newest);
        else if (!sqi_step_is_exact(life) && life->restore && !life->workers[worker].begun)
                send_text(step, (struct sqi_message){.type = SQI_MSG_RESTORE, .a = life->anew}, worker, life->restore);
}

void
sqi_step_take_snapshot(struct sqi_step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].snapshot = (struct sqi_life_snapshot){
                .epoch = message->number, .size = message->a, .sum = message->b, .failed = message->text.len > 0};
}

void
sqi_step_send_drain(struct sqi_step *step, uint32_t worker)
{
        const struct sqi_lifecycle *life = step->life;

        SQI_EACH_WORKER(life, w)
                if (life->handover && (worker == SQI_EVERY_WORKER || worker == w))
                        send_handover(step, w);
        sqi_step_send(step, worker, SQI_MSG_DRAIN, 0, 0);
}

void
sqi_step_report(struct sqi_step *step, enum sqi_report what, uint32_t worker, uint64_t delay)
{
        sqi_step_act(step,
                     (struct sqi_action){.type = SQI_ACTION_REPORT, .report = what, .worker = worker, .delay = delay});
}

void
sqi_step_spawn(struct sqi_step *step, uint32_t worker)
{
        sqi_assert(worker < step->life->plan->nworkers);
        step->life->workers[worker].state = SQI_WORKER_SPAWNING;
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_SPAWN,
                                               .worker = worker,
                                               .incarnation = step->life->workers[worker].incarnation});
}

void
sqi_step_kill(struct sqi_step *step, uint32_t worker)
{
        sqi_assert(worker < step->life->plan->nworkers);
        step->life->workers[worker].state = SQI_WORKER_KILLED;
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_KILL, .worker = worker});
}

void
sqi_step_probe(struct sqi_step *step, struct sqi_cycle *cycle)
{
        sqi_cycle_begin(cycle, ++step->life->round);
        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_PROBE, 0, step->life->round);
}
