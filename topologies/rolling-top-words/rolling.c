/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `rolling`: how often each word has come in the last `slots` ticks, as Storm's RollingCountBolt. A window is
 * a row of slots, the one that is filled first; a tick emits every word that is in it and then moves the slots on, and
 * the oldest out. A word that has left the window is emitted once with 0, and forgotten.
 *
 * The word has all of it, so that it goes on wherever the word goes when the topology is stopped or rebalanced.
 */
#include <squall.h>
#include <string.h>

enum { WORD };
enum { SLOTS_MAX = 60 };

struct rolling {
        int64_t slots;
};

struct window {
        uint32_t slots[SLOTS_MAX];
};

static int
prepare(struct sq_task *task)
{
        const struct rolling *self = sq_state(task);

        return self->slots >= 1 && self->slots <= SLOTS_MAX
                       ? 0
                       : sq_error(task, "slots: %lld is not from 1 to %d", (long long)self->slots, SLOTS_MAX);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct window *window = sq_keyed(task, sq_get_str(in, WORD));

        window->slots[0]++;
        return SQ_ACK;
}

static bool
emit(struct sq_task *task, struct sq_str word, void *state, void *context)
{
        const struct rolling *self = sq_state(task);
        const struct window *window = state;
        int64_t total = 0;

        (void)context;
        for (int64_t s = 0; s < self->slots; s++)
                total += window->slots[s];
        sq_emit(task, word, total);
        if (total == 0)
                sq_keyed_forget(task, word);
        return true;
}

static bool
move_on(struct sq_task *task, struct sq_str word, void *state, void *context)
{
        struct window *window = state;

        (void)task;
        (void)word;
        (void)context;
        memmove(window->slots + 1, window->slots, sizeof(window->slots) - sizeof(window->slots[0]));
        window->slots[0] = 0;
        return true;
}

static int
emit_all(struct sq_task *task)
{
        sq_keyed_each(task, emit, NULL);
        return 0;
}

static int
tick(struct sq_task *task)
{
        sq_gauge(task, "words", (int64_t)sq_keyed_count(task));
        emit_all(task);
        sq_keyed_each(task, move_on, NULL);
        return 0;
}

SQ_BOLT(rolling) = {
        .about = "How often each word has come in the last ticks.",
        .state = sizeof(struct rolling),
        .key_state = sizeof(struct window),
        .options = {SQ_OPT_INT(struct rolling, slots, 3, "ticks that the window holds, the one under way counted")},
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"word", SQ_STR}, {"count", SQ_INT}},
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .finish = emit_all,
};
