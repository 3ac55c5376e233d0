/* SPDX-License-Identifier: Apache-2.0 */
/* The lifecycle simulated from seeds: workers that do as the protocol says, killed and stopped at random. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../shared/draw.h"
#include "../shared/split.h"

enum { STEPS = 400, QUEUE = 64 };

struct puppet {
        bool alive, hung, listens, connected, started, draining, quitting;
        bool told, stays; /* its fate after a hand-over */
        uint32_t incarnation;
        struct sqi_message queue[QUEUE]; /* on its way to the supervisor */
        unsigned n;
        bool bound, ready, finished;
};

struct play {
        struct world world;
        struct puppet puppets[TASKS];
        uint64_t random;
        bool ended, ran, faults;
        bool notes; /* how it ends is being written down */
        bool dry;   /* its spout has come to its end */
        uint64_t seed;
};

static void
say(struct play *play, uint32_t worker, enum sqi_message_type type)
{
        struct puppet *puppet = &play->puppets[worker];

        if (puppet->n < QUEUE)
                puppet->queue[puppet->n++] = (struct sqi_message){
                        .type = type, .worker = worker, .incarnation = puppet->incarnation, .task = worker};
}

static bool
upstream_has_finished(const struct play *play, uint32_t task)
{
        if (task == SPOUT)
                return play->puppets[SPOUT].draining || play->dry;
        if (task == COUNT)
                return play->puppets[SPLIT_0].finished && play->puppets[SPLIT_1].finished;
        return play->puppets[SPOUT].finished;
}

static void
check(const struct play *play, bool right, const char *what)
{
        if (!right)
                fail_msg("seed %llu: %s", (unsigned long long)play->seed, what);
}

static void
check_order(struct play *play, uint32_t w, const struct sqi_message *message)
{
        struct puppet *puppet = &play->puppets[w];
        enum sqi_message_type type = message->type;

        if (!puppet->alive || !puppet->listens)
                return; /* nobody hears it */
        if (type == SQI_MSG_CONNECT) {
                check(play, puppet->bound && !puppet->connected, "CONNECT goes once to a bound worker");
                puppet->connected = true;
        } else if (type == SQI_MSG_START) {
                check(play, puppet->ready, "START goes to a ready worker");
                puppet->started = true;
        } else if (type == SQI_MSG_DRAIN) {
                check(play, puppet->told == play->world.life->handover, "HANDOVER goes before DRAIN");
                puppet->draining = true;
        } else if (type == SQI_MSG_HANDOVER) {
                check(play, !puppet->told || puppet->stays == (message->number == 1),
                      "a worker is told one thing about its fate");
                puppet->told = true;
                puppet->stays = message->number == 1;
        } else if (type == SQI_MSG_QUIT) {
                check(play, puppet->finished, "QUIT goes to who has finished");
                check(play, !play->notes, "and not before it is written down that all have");
                check(play, !puppet->stays, "and not to who stays");
                puppet->quitting = true;
        }
}

static void
check_send(struct play *play, const struct sqi_action *action)
{
        if (action->message.type == SQI_MSG_START && action->worker == SQI_EVERY_WORKER) {
                for (uint32_t w = 0; w < TASKS; w++)
                        check(play, play->puppets[w].alive && play->puppets[w].ready,
                              "the first START is for all, and all are ready");
                play->ran = true;
        }
        for (uint32_t w = 0; w < TASKS; w++)
                if (action->worker == SQI_EVERY_WORKER ||
                    (action->worker == w && action->incarnation == play->puppets[w].incarnation))
                        check_order(play, w, &action->message);
}

static void play_step(struct play *play, struct sqi_event event);

static void
do_spawn(struct play *play, const struct sqi_action *action)
{
        struct puppet *puppet = &play->puppets[action->worker];

        check(play, !puppet->alive, "no two incarnations run side by side");
        check(play, action->incarnation == 0 || action->incarnation > puppet->incarnation, "incarnations rise");
        if (play->faults && play->ran && draw(&play->random, 20) == 0) {
                play_step(play, (struct sqi_event){
                                        .type = SQI_EVENT_SPAWN_FAILED, .worker = action->worker, .number = EAGAIN});
                return;
        }
        puppet->alive = true; /* what the one before has said is still under way */
        puppet->hung = puppet->listens = puppet->connected = puppet->started = puppet->draining = puppet->quitting =
                false;
        puppet->told = puppet->stays = false;
        puppet->incarnation = action->incarnation;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = action->worker});
}

static bool
is_left(const struct play *play, uint32_t w)
{
        return play->world.life->outcome == SQI_OUTCOME_DRAINED && play->puppets[w].stays && play->puppets[w].finished;
}

static void
play_step(struct play *play, struct sqi_event event)
{
        struct sqi_actions actions = {0};

        sqi_lifecycle_step(play->world.life, &event, play->world.now, &actions);
        for (size_t i = 0; i < actions.n; i++) {
                const struct sqi_action *action = &actions.items[i];

                check(play, !play->ended, "END is the last action");
                if (action->type == SQI_ACTION_SPAWN)
                        do_spawn(play, action);
                else if (action->type == SQI_ACTION_SEND)
                        check_send(play, action);
                else if (action->type == SQI_ACTION_KILL)
                        play->puppets[action->worker].quitting = play->puppets[action->worker].hung = true;
                else if (action->type == SQI_ACTION_NOTE)
                        play->notes = true;
                else if (action->type == SQI_ACTION_END)
                        play->ended = true;
        }
        for (uint32_t w = 0; w < TASKS && play->ended; w++)
                check(play, !play->puppets[w].alive || is_left(play, w),
                      "no process is left at the END but those that stay");
        free(actions.items);
}

static void
die(struct play *play, uint32_t w, enum sqi_cause_type cause, int number)
{
        play->puppets[w].alive = false;
        play->puppets[w].finished = play->puppets[w].bound = play->puppets[w].ready = false;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_EXITED, .worker = w, .cause = cause, .number = number});
}

/* A worker does the next thing that the protocol has for it. */
static void
act(struct play *play, uint32_t w)
{
        struct puppet *puppet = &play->puppets[w];

        if (puppet->quitting) {
                die(play, w, puppet->hung ? SQI_CAUSE_SIGNAL : SQI_CAUSE_EXIT, puppet->hung ? SIGKILL : 0);
        } else if (puppet->hung) {
                return;
        } else if (!puppet->listens) {
                puppet->listens = true;
                play_step(play, (struct sqi_event){
                                        .type = SQI_EVENT_SUBSCRIBED, .worker = w, .incarnation = puppet->incarnation});
        } else if (!puppet->bound) {
                puppet->bound = true;
                say(play, w, SQI_MSG_BOUND);
        } else if (puppet->connected && !puppet->ready) {
                puppet->ready = true;
                say(play, w, SQI_MSG_READY);
        } else if (puppet->started && !puppet->finished && upstream_has_finished(play, w)) {
                puppet->finished = true;
                say(play, w, SQI_MSG_FINISHED);
        } else if (puppet->n < QUEUE / 2) {
                say(play, w, SQI_MSG_HEARTBEAT);
        }
}

static void
deliver(struct play *play, uint32_t w)
{
        struct puppet *puppet = &play->puppets[w];
        struct sqi_message message;

        if (puppet->n == 0)
                return;
        message = puppet->queue[0];
        memmove(puppet->queue, puppet->queue + 1, --puppet->n * sizeof(message));
        play_step(play, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
}

static void
write_down(struct play *play)
{
        if (!play->notes || draw(&play->random, 10) > 0)
                return;
        play->notes = false;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_NOTED});
}

static void
one_turn(struct play *play)
{
        uint32_t w = (uint32_t)draw(&play->random, TASKS);
        struct puppet *puppet = &play->puppets[w];

        if (puppet->alive && play->faults && draw(&play->random, play->ran ? 40 : 400) == 0)
                die(play, w, SQI_CAUSE_SIGNAL, SIGSEGV);
        else if (puppet->alive && play->faults && draw(&play->random, 100) == 0)
                puppet->hung = true;
        else if (puppet->alive && draw(&play->random, 2))
                act(play, w);
        else
                deliver(play, w);
        write_down(play);
        play->world.now += draw(&play->random, 50) * SQI_MS;
        if (sqi_lifecycle_due(play->world.life) <= play->world.now)
                play_step(play, (struct sqi_event){.type = SQI_EVENT_TIME});
}

static void
play_seed(uint64_t seed, unsigned *ret_drained)
{
        struct play *play = calloc(1, sizeof(*play));
        unsigned turns = 0;

        assert_non_null(play);
        play->seed = seed;
        play->random = draw_from(seed);
        play->faults = true;
        set_up_plan(&play->world, false);
        assert_int_equal(sqi_lifecycle_new(&play->world.plan, 0, seed, &play->world.life), 0);
        play->world.life->notes = draw(&play->random, 2);
        bool by_itself = draw(&play->random, 4) == 0;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_START});
        while (turns++ < STEPS && !play->ended)
                one_turn(play);
        play->faults = false;
        play->world.life->handover = !by_itself && draw(&play->random, 2);
        for (uint32_t w = 0; w < TASKS; w++)
                play->world.life->workers[w].stays = play->world.life->handover && draw(&play->random, 2);
        play->dry = by_itself;
        if (!by_itself)
                play_step(play, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        play->faults = draw(&play->random, 4) == 0; /* some die on the way */
        while (turns++ < 2 * STEPS && !play->ended)
                one_turn(play);
        play->faults = false;
        while (turns++ < 100 * STEPS && !play->ended)
                one_turn(play);
        check(play, play->ended, "it ends");
        *ret_drained += play->world.life->outcome == SQI_OUTCOME_DRAINED;
        check(play,
              play->world.life->outcome == (by_itself ? SQI_OUTCOME_FINISHED : SQI_OUTCOME_DRAINED) ||
                      play->world.life->outcome == SQI_OUTCOME_FAILED,
              "and says how");
        sqi_lifecycle_free(&play->world.life);
        free(play);
}

static void
keeps_its_invariants_whatever_dies_and_whenever(void **state)
{
        struct schedules run = schedules_to_run(100000, 1);
        unsigned drained = 0;

        (void)state;
        for (uint64_t seed = run.first; seed <= run.last; seed++)
                play_seed(seed, &drained);
        assert_true(run.one || drained > run.n / 4); /* or the play is about failures alone */
        print_message("%llu schedules\n", (unsigned long long)run.n);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_its_invariants_whatever_dies_and_whenever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
