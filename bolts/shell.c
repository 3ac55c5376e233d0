/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `shell`: a program in any language that speaks Storm's multilang protocol, unmodified.
 *
 * A tuple is kept until the program acks or fails it, which may be much later and in another order. Its id there is a
 * place in a table and how often that place was used, so that an id of long ago is known as such:
 *
 *     id = use << 32 | place << 1
 *
 * What it emits is anchored to the tuples that it names. A tuple that it never answers has timed out at its spout after
 * topology.message.timeout.secs, and is forgotten here after twice as long.
 *
 * The program is fed as fast as it reads. When FULL bytes wait for it the bolt pauses, and so do who feeds the bolt.
 *
 * When it ends all that it had comes again at once. Had it ended by itself, that may be the fault of the tuple that it
 * had longest: this one fails, which counts against it (topology.spout.max.retries). The others do not.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../clients/shell.h"

enum { FULL = 256 << 10, LOW = 64 << 10, BURST = 16 << 10, MESSAGES = 128, RECEIVERS = 1024 };
static const uint64_t SECOND_NS = 1000000000, QUIET_NS = 20000000, STEP_NS = 200000, STEPS_NS = 1000000;

/* Of what no ack is waited for. */
enum { BEAT_ID = 1, TICK_ID = 3 };

enum use { FREE, OPEN, FORGOTTEN };

struct place {
        struct sq_kept *kept; /* NULL: at most once nothing is kept */
        uint64_t since_ns, order;
        uint32_t use; /* how often */
        enum use state;
        uint32_t next; /* FREE: the next free one */
};

struct shell_bolt {
        struct sqi_shell shell;
        struct place *places;
        uint32_t nplaces, free, open;
        uint64_t order, next_look_ns, beat_ns, message_timeout_ns;
        bool keeps;  /* not at most once */
        bool synced; /* the heartbeat that was sent last is answered */
        bool stops;  /* it waits for the tasks of its last emit */
        double tick_secs;
};

/* ---- What the program has ---------------------------------------------------------------------------- */

enum { NONE = UINT32_MAX };

static int64_t
id_of(const struct shell_bolt *self, const struct place *place)
{
        return (int64_t)place->use << 32 | (int64_t)(place - self->places) << 1;
}

static struct place *
take_place(struct shell_bolt *self)
{
        uint32_t n = self->nplaces ? 2 * self->nplaces : 256;
        struct place *place;

        if (self->free == NONE) {
                struct place *grown = n < INT32_MAX / 2 ? reallocarray(self->places, n, sizeof(*grown)) : NULL;
                if (!grown)
                        return NULL;
                self->places = grown;
                for (uint32_t i = n; i-- > self->nplaces;) {
                        grown[i] = (struct place){.next = self->free};
                        self->free = i;
                }
                self->nplaces = n;
        }
        place = &self->places[self->free];
        self->free = place->next;
        place->use = place->use < INT32_MAX ? place->use + 1 : 1;
        place->state = OPEN;
        place->order = self->order++;
        self->open++;
        return place;
}

static void
give_place(struct shell_bolt *self, struct place *place)
{
        self->open -= place->state == OPEN;
        place->state = FREE;
        place->kept = NULL;
        place->next = self->free;
        self->free = (uint32_t)(place - self->places);
}

/* The place that an id names; *ret_known: it is one of ours, though nothing may be there to answer. */
static struct place *
find_place(const struct shell_bolt *self, struct sq_value id, bool *ret_known)
{
        struct place *place;
        char text[24], *end;
        long long number;

        *ret_known = false;
        if (id.type == SQ_INT)
                number = id.as.i;
        else if (id.type == SQ_STR && id.len > 0 && id.len < sizeof(text)) {
                memcpy(text, id.as.ptr, id.len);
                text[id.len] = '\0';
                number = strtoll(text, &end, 10);
                if (*end != '\0')
                        return NULL;
        } else
                return NULL;
        *ret_known = number == BEAT_ID || number == TICK_ID;
        if (number < 0 || *ret_known || (number & UINT32_MAX) >> 1 >= self->nplaces)
                return NULL;
        place = &self->places[(number & UINT32_MAX) >> 1];
        if (place->state == FREE || (int64_t)place->use != number >> 32)
                return NULL;
        *ret_known = true;
        return place->state == OPEN ? place : NULL;
}

static struct place *
oldest(const struct shell_bolt *self)
{
        struct place *first = NULL;

        for (uint32_t i = 0; i < self->nplaces; i++)
                if (self->places[i].state == OPEN && (!first || self->places[i].order < first->order))
                        first = &self->places[i];
        return first;
}

/* All comes again. */
static void
fail_all(struct sq_task *task, struct shell_bolt *self, bool blame)
{
        struct place *first = blame ? oldest(self) : NULL;

        if (first && first->kept) {
                (void)sq_fail(task, "%s", self->shell.cause);
                sq_fail_kept(task, &first->kept);
        }
        if (self->open > 0)
                (void)sq_retry_later(task, "%s", self->shell.cause);
        for (uint32_t i = 0; i < self->nplaces; i++) {
                struct place *place = &self->places[i];
                if (place->state == FREE)
                        continue;
                if (place->kept)
                        sq_fail_kept(task, &place->kept);
                give_place(self, place);
        }
}

/* Once a second: what nobody waits for any more, for its tree has timed out. Then its place is free. */
static void
forget_old(struct sq_task *task, struct shell_bolt *self)
{
        uint64_t now = sq_now(task);

        if (now < self->next_look_ns)
                return;
        self->next_look_ns = now + SECOND_NS;
        for (uint32_t i = 0; i < self->nplaces; i++) {
                struct place *place = &self->places[i];
                if (place->state == FREE || now - place->since_ns < 2 * self->message_timeout_ns)
                        continue;
                if (place->state == FORGOTTEN) {
                        give_place(self, place);
                        continue;
                }
                (void)sq_fail(task, "%s has neither acked nor failed it", self->shell.name);
                if (place->kept)
                        sq_fail_kept(task, &place->kept);
                place->state = FORGOTTEN;
                place->since_ns = now;
                self->open--;
        }
}

/* ---- What it says ------------------------------------------------------------------------------------ */

/* An ack, a fail or an anchor of what it does not have. */
static int
refuse_id(struct shell_bolt *self, const char *what, struct sq_value id)
{
        char text[64];

        sq_json(id, text, sizeof(text));
        return sqi_shell_breaks(&self->shell, "%s the tuple %s, which it does not have (any more)", what, text);
}

static int
end_tuple(struct sq_task *task, struct shell_bolt *self, const struct sqi_shell_message *message)
{
        bool known, acked = message->command == SHELL_ACK;
        struct place *place = find_place(self, message->id, &known);

        if (!known)
                return refuse_id(self, acked ? "acked" : "failed", message->id);
        if (!place)
                return 0;
        if (place->kept && acked)
                sq_ack_kept(task, &place->kept);
        else if (!acked) {
                (void)sq_fail(task, "%s failed it", self->shell.name);
                if (place->kept)
                        sq_fail_kept(task, &place->kept);
        }
        give_place(self, place);
        return 0;
}

static int
anchor(struct sq_task *task, struct shell_bolt *self, struct sq_value id)
{
        bool known;
        const struct place *place = find_place(self, id, &known);

        if (!known)
                return refuse_id(self, "anchored to", id);
        if (place && place->kept)
                sq_anchor(task, place->kept);
        return 0;
}

static int
anchor_all(struct sq_task *task, struct shell_bolt *self, struct sq_value anchors)
{
        struct sq_items items = sq_items(anchors);
        struct sq_value id;
        int r = 0;

        sq_unanchor(task);
        if (anchors.type != SQ_ARRAY)
                return anchors.type == SQ_NIL ? 0 : anchor(task, self, anchors);
        while (r == 0 && sq_next_item(&items, &id))
                r = anchor(task, self, id);
        return r;
}

static int
emit(struct sq_task *task, struct shell_bolt *self, const struct sqi_shell_message *message)
{
        struct sq_value values[SQ_FIELDS_MAX];
        unsigned stream, to = 0, tasks[RECEIVERS], n = 0;

        if (sqi_shell_take(&self->shell, message, &stream, values) < 0 || anchor_all(task, self, message->anchors) < 0)
                return -1;
        if (message->direct && sqi_shell_receiver(task, &self->shell, message, stream, &to) < 0)
                return -1;
        if (message->direct)
                sq_emit_to_values(task, stream, to, message->tuple.len, values);
        else
                n = sq_emit_told(task, stream, message->tuple.len, values, tasks, RECEIVERS);
        sq_unanchor(task);
        for (unsigned i = 0; i < n && i < RECEIVERS; i++)
                tasks[i] = sqi_shell_task(tasks[i]);
        if (message->wants_ids)
                sqi_shell_put_tasks(&self->shell.first, n < RECEIVERS ? n : RECEIVERS, tasks);
        self->stops = message->wants_ids;
        return 0;
}

static int
hear(struct sq_task *task, struct shell_bolt *self, const struct sqi_shell_message *message)
{
        switch (message->command) {
        case SHELL_EMIT:
                return emit(task, self, message);
        case SHELL_ACK:
        case SHELL_FAIL:
                return end_tuple(task, self, message);
        case SHELL_SYNC:
                self->synced = true;
                self->shell.asked_ns = 0;
                return 0;
        default:
                sqi_shell_hear(task, &self->shell, message);
                return 0;
        }
}

static void
bury(struct sq_task *task, struct shell_bolt *self)
{
        bool blame;

        sqi_shell_bury(task, &self->shell);
        blame = !sqi_shell_was_killed(&self->shell);
        fail_all(task, self, blame);
        self->synced = true;
}

/* Some of what it has said. True: there may be more. */
static bool
listen(struct sq_task *task, struct shell_bolt *self)
{
        struct sqi_shell_message message;
        int r = sqi_shell_turn(task, &self->shell), n = 0, ended = r;

        do
                r = sqi_shell_next(&self->shell, &message);
        while (r == 1 && (r = hear(task, self, &message)) == 0 && ++n < MESSAGES);
        if (r < 0 || (ended < 0 && n < MESSAGES)) {
                bury(task, self);
                return false;
        }
        return n == MESSAGES;
}

/* ---- What it is sent --------------------------------------------------------------------------------- */

static void
beat(struct shell_bolt *self)
{
        sqi_shell_put_tuple(&self->shell.queue, BEAT_ID, NULL, "__heartbeat", -1, 0, NULL);
        sqi_shell_ask(&self->shell);
        self->beat_ns = sqi_shell_clock();
        self->synced = false;
}

/* When it has said nothing for a second, and not while the last one still waits for its answer. */
static void
beat_now_and_then(struct shell_bolt *self)
{
        uint64_t since = self->shell.heard_ns > self->beat_ns ? self->shell.heard_ns : self->beat_ns;

        if (self->shell.state == SHELL_UP && self->synced && sqi_shell_clock() - since >= SECOND_NS)
                beat(self);
}

static void
throttle(struct sq_task *task, const struct shell_bolt *self)
{
        size_t waits = sqi_shell_bytes_left(&self->shell.queue);

        if (sq_stepped(task)) /* nobody would come to end it */
                return;
        if (waits > FULL || self->shell.state == SHELL_DOWN)
                sq_pause(task, true);
        else if (waits < LOW)
                sq_pause(task, false);
}

/* For what it says next; what it has asked for goes to it first. */
static void
await(struct sq_task *task, struct shell_bolt *self, uint64_t until)
{
        (void)sqi_shell_push(task, &self->shell);
        sqi_shell_wait(&self->shell, until);
}

/* A program that stops for the tasks of each emit goes on some microseconds after it has them. That is awaited here,
 * for the way through the loop of the task takes longer, and sends its tuples one by one. */
static bool
listen_in_step(struct sq_task *task, struct shell_bolt *self)
{
        uint64_t now = sqi_shell_clock(), until = now + STEPS_NS;
        bool more = listen(task, self);

        while (!more && self->stops && self->shell.state == SHELL_UP && !sq_stepped(task) && now < until) {
                self->stops = false;
                (void)sqi_shell_push(task, &self->shell);
                sqi_shell_wait_briefly(&self->shell, now + STEP_NS);
                more = listen(task, self);
                now = sqi_shell_clock();
        }
        return more;
}

static void
await_sync(struct sq_task *task, struct shell_bolt *self)
{
        while (self->shell.state == SHELL_UP && !self->synced)
                if (!listen(task, self) && !self->synced)
                        await(task, self, UINT64_MAX);
}

/* In a test, and at the end: until the program has worked off what it was sent. */
static void
settle(struct sq_task *task, struct shell_bolt *self)
{
        if (sq_stepped(task) && self->shell.state == SHELL_DOWN) {
                self->shell.retry.due_ns = 0;
                sqi_shell_revive(task, &self->shell);
        }
        while (self->shell.state == SHELL_GREETING)
                if (!listen(task, self))
                        await(task, self, UINT64_MAX);
        /* A program without a library may take the next message for the tasks that it has asked for. */
        for (uint64_t begin = sqi_shell_clock(); self->shell.state == SHELL_UP && self->open > 0;) {
                uint64_t until = (self->shell.heard_ns > begin ? self->shell.heard_ns : begin) + QUIET_NS;
                if (sqi_shell_clock() >= until)
                        break;
                if (!listen(task, self) && self->open > 0)
                        await(task, self, until);
        }
        await_sync(task, self); /* of an earlier heartbeat, which says nothing of what is behind it */
        if (self->shell.state != SHELL_UP)
                return;
        beat(self);
        await_sync(task, self);
}

static int
wake(struct sq_task *task)
{
        struct shell_bolt *self = sq_state(task);
        uint64_t next = sq_now(task) + SECOND_NS;
        bool more;

        sqi_shell_revive(task, &self->shell);
        beat_now_and_then(self);
        more = listen_in_step(task, self);
        if (sq_stepped(task))
                settle(task, self);
        forget_old(task, self);
        if (self->shell.state != SHELL_DOWN)
                (void)sqi_shell_push(task, &self->shell);
        else if (self->shell.retry.due_ns < next)
                next = self->shell.retry.due_ns;
        throttle(task, self);
        sq_expect_more(task, self->open > 1);
        sq_wake_at(task, more ? sq_now(task) : next);
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct shell_bolt *self = sq_state(task);
        struct place *place = take_place(self);
        struct sq_value values[SQ_FIELDS_MAX];
        unsigned n = sq_tuple_size(in);
        bool idle = sqi_shell_bytes_left(&self->shell.queue) == 0;

        if (!place)
                return sq_retry_later(task, "no memory for one more tuple");
        place->since_ns = sq_now(task);
        if (self->keeps)
                place->kept = sq_keep(task, in);
        for (unsigned i = 0; i < n; i++)
                values[i] = sq_tuple_get(in, i);
        sqi_shell_put_tuple(&self->shell.queue, id_of(self, place), sq_source_component(in), sq_source_stream(in),
                            sqi_shell_task(sq_source_task(in)), n, values);
        if (sq_stepped(task))
                settle(task, self);
        else if (sqi_shell_bytes_left(&self->shell.queue) > BURST)
                (void)sqi_shell_push(task, &self->shell);
        else if (idle)
                sq_wake_at(task, sq_now(task)); /* at the end of this turn, with what comes until then */
        throttle(task, self);
        return self->keeps ? SQ_KEEP : SQ_ACK;
}

/* One that it has no time for is left out: the next one says the same. */
static int
tick(struct sq_task *task)
{
        struct shell_bolt *self = sq_state(task);
        struct sq_value secs = self->tick_secs == (double)(int64_t)self->tick_secs ? sq_int((int64_t)self->tick_secs)
                                                                                   : sq_float(self->tick_secs);

        if (self->shell.state != SHELL_UP || sqi_shell_bytes_left(&self->shell.queue) > FULL)
                return 0;
        sqi_shell_put_tuple(&self->shell.queue, TICK_ID, "__system", "__tick", -1, 1, &secs);
        if (sq_stepped(task))
                settle(task, self);
        else
                (void)sqi_shell_push(task, &self->shell);
        return 0;
}

/* ---- Begin and end ----------------------------------------------------------------------------------- */

static void
declare(struct sq_declaration *decl)
{
        sqi_shell_declare(sq_declared_state(decl), decl);
        if (sq_declared_exactly_once(decl))
                sq_declare_error(
                        decl, "command",
                        "exactly-once: what the program remembers is in no epoch, and cannot be taken back with "
                        "it (write 'topology.delivery: at-least-once')");
}

static void
read_config(struct sq_task *task, struct shell_bolt *self)
{
        struct sq_value value;
        const char *name;

        for (unsigned n = 0; sq_config(task, n, &name, &value); n++) {
                if (strcmp(name, "topology.delivery") == 0)
                        self->keeps = !sq_str_is((struct sq_str){value.as.ptr, value.len}, "at-most-once");
                if (strcmp(name, "topology.message.timeout.secs") == 0)
                        self->message_timeout_ns = (uint64_t)(value.as.f * 1e9);
                if (strcmp(name, "topology.tick.tuple.freq.secs") == 0)
                        self->tick_secs = value.as.f;
        }
}

static int
prepare(struct sq_task *task)
{
        struct shell_bolt *self = sq_state(task);

        self->free = NONE;
        self->synced = true;
        read_config(task, self);
        if (sqi_shell_open(task, &self->shell) < 0)
                return -1;
        self->beat_ns = sqi_shell_clock();
        sq_wake_at(task, sq_now(task));
        return 0;
}

/* What it has made of its input is there when it has answered; what it makes of the end, when its output has ended. */
static int
finish(struct sq_task *task)
{
        struct shell_bolt *self = sq_state(task);
        uint64_t until = sqi_shell_clock() + (uint64_t)(self->shell.timeout * 1e9);

        settle(task, self);
        if (self->shell.state != SHELL_UP)
                return 0;
        close(self->shell.process.in);
        self->shell.process.in = -1;
        while (self->shell.state == SHELL_UP && sqi_shell_clock() < until) {
                struct sqi_shell_message message;
                int ended = sqi_shell_turn(task, &self->shell), r;

                while ((r = sqi_shell_next(&self->shell, &message)) == 1 && hear(task, self, &message) == 0)
                        ;
                if (r != 0)
                        return sq_error_final(task, "%s %s", self->shell.name, self->shell.cause);
                if (ended < 0)
                        return 0;
                sqi_shell_wait(&self->shell, until);
        }
        sq_log(task, SQ_WARN, "%s has not ended %g seconds after its input: what it would still emit is missing",
               self->shell.name, self->shell.timeout);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct shell_bolt *self = sq_state(task);

        sqi_shell_close(&self->shell);
        free(self->places);
}

SQ_BOLT(shell) = {
        .about = "A program in any language, by Storm's multilang protocol.",
        .state = sizeof(struct shell_bolt),
        .options = {SQ_OPT_SHELL(struct shell_bolt, shell)},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .finish = finish,
        .cleanup = cleanup,
        .wake = wake,
};
