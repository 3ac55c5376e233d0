/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `shell`: a program in any language that speaks Storm's multilang protocol, unmodified.
 *
 * The program gets one command at a time, and ends its answer to it with `sync`:
 *
 *     idle --next, ack, fail, activate, deactivate--> asked --emit, log ...--> asked --sync--> idle
 *
 * A tuple that it emits with a message id, which is any JSON value, is the tuple tree of a position of ours; `ids`
 * says which. When the tree fails, the program is told `fail` and gives out what it wants to in its answer: that is the
 * same tree once more. So trees that fail while the topology drains still come to an end. When the program that gave a
 * tuple out has died, nobody can be asked, and what it said is emitted again; so it is when the program does not answer
 * in time, for a tree of which nothing is emitted again would be done. What it emits without an id belongs to no tree.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/shell.h"

enum { RECEIVERS = 1024, MESSAGES = 128 };
static const uint64_t NAP_NS = 1000000, SECOND_NS = 1000000000, REPLAY_NS = 10000000000, STEP_NS = 200000;

/* A tree that is not done: the ids of its tuples as JSON, a line each. */
struct pending {
        uint64_t position;
        char *ids;           /* NULL: done */
        char *said;          /* the messages that its tuples came by */
        unsigned generation; /* of the program that gave it out */
};

struct shell_spout {
        struct sqi_shell shell;
        struct pending *pending; /* by position, from `first` on */
        size_t first, n, room;
        uint64_t position; /* of the next tree */
        bool asked, napping;
        bool done;        /* it has nothing more to give out */
        bool on_next;     /* it was asked for tuples, and not told something */
        bool held;        /* a tree has begun in this call */
        uint64_t emitted; /* since the last `next` */
        /* commands that wait for their turn, a line each: a letter and an id */
        char *commands;
        size_t ncommands, at, commands_room;
        struct pending *replayed; /* in .replay: what is emitted belongs to it */
};

/* ---- What it waits for ------------------------------------------------------------------------------- */

static struct pending *
find(const struct shell_spout *self, uint64_t position)
{
        size_t low = self->first, high = self->first + self->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (self->pending[middle].position < position)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < self->first + self->n && self->pending[low].position == position && self->pending[low].ids
                       ? &self->pending[low]
                       : NULL;
}

static bool
make_room(struct shell_spout *self)
{
        size_t room = self->room ? 2 * self->room : 64;
        struct pending *grown;

        if (self->first + self->n < self->room)
                return true;
        if (self->first > self->room / 2) {
                memmove(self->pending, self->pending + self->first, self->n * sizeof(*self->pending));
                self->first = 0;
                return true;
        }
        grown = reallocarray(self->pending, room, sizeof(*grown));
        if (!grown)
                return false;
        self->pending = grown;
        self->room = room;
        return true;
}

/* One more line. */
static bool
add_line(char **text, struct sq_value value)
{
        size_t len = *text ? strlen(*text) : 0, need = sq_json(value, NULL, 0);
        char *grown = realloc(*text, len + need + 2);

        if (!grown)
                return false;
        sq_json(value, grown + len, need + 1);
        grown[len + need] = '\n';
        grown[len + need + 1] = '\0';
        *text = grown;
        return true;
}

static bool
keep_message(struct pending *one, const struct sqi_shell_message *message)
{
        static const char end[] = "\nend\n";
        size_t len = one->said ? strlen(one->said) : 0;
        char *grown = realloc(one->said, len + message->raw.len + sizeof(end));

        if (!grown)
                return false;
        memcpy(grown + len, message->raw.ptr, message->raw.len);
        memcpy(grown + len + message->raw.len, end, sizeof(end));
        one->said = grown;
        return true;
}

static bool
remember(struct shell_spout *self, uint64_t position, const struct sqi_shell_message *message)
{
        struct pending *one;

        if (!make_room(self))
                return false;
        one = &self->pending[self->first + self->n];
        *one = (struct pending){.position = position, .generation = self->shell.generation};
        if (!add_line(&one->ids, message->id) || !keep_message(one, message)) {
                free(one->ids);
                return false;
        }
        self->n++;
        return true;
}

static void
forget(struct shell_spout *self, struct pending *one)
{
        free(one->ids);
        free(one->said);
        one->ids = one->said = NULL;
        while (self->n > 0 && !self->pending[self->first].ids) {
                self->first++;
                self->n--;
        }
}

/* ---- Commands ---------------------------------------------------------------------------------------- */

static void
queue(struct sq_task *task, struct shell_spout *self, char letter, const char *ids)
{
        for (const char *end; *ids; ids = end + 1) {
                size_t n;
                end = strchr(ids, '\n');
                n = (size_t)(end + 1 - ids);
                if (self->at > 0 && self->at == self->ncommands)
                        self->at = self->ncommands = 0;
                if (self->ncommands + n + 1 > self->commands_room) {
                        size_t room = 2 * (self->commands_room + n + 512);
                        char *grown = realloc(self->commands, room);
                        if (!grown) {
                                sq_log(task, SQ_ERROR, "no memory: %s is not told what became of its tuples",
                                       self->shell.name);
                                return;
                        }
                        self->commands = grown;
                        self->commands_room = room;
                }
                self->commands[self->ncommands] = letter;
                memcpy(self->commands + self->ncommands + 1, ids, n);
                self->ncommands += n + 1;
        }
}

static void
tell(struct sq_task *task, struct shell_spout *self, const char *command, struct sq_str id)
{
        sqi_shell_put_command(&self->shell.queue, command, id);
        sqi_shell_ask(&self->shell);
        self->asked = true;
        (void)sqi_shell_push(task, &self->shell);
}

/* The command that has waited longest. False: there is none. */
static bool
tell_next_command(struct sq_task *task, struct shell_spout *self)
{
        const char *line = self->commands + self->at, *end;

        if (self->at == self->ncommands)
                return false;
        end = memchr(line, '\n', self->ncommands - self->at);
        self->at = (size_t)(end + 1 - self->commands);
        tell(task, self,
             *line == 'a'   ? "ack"
             : *line == 'f' ? "fail"
             : *line == 'A' ? "activate"
                            : "deactivate",
             (struct sq_str){line + 1, (size_t)(end - line - 1)});
        return true;
}

/* ---- What it says ------------------------------------------------------------------------------------ */

/* The tree that a tuple with this id belongs to. */
static int
track(struct sq_task *task, struct shell_spout *self, const struct sqi_shell_message *message)
{
        bool fine, has_id = message->id.type != SQ_NIL;

        if (self->replayed)
                fine = (!has_id || add_line(&self->replayed->ids, message->id)) &&
                       keep_message(self->replayed, message);
        else if (!has_id)
                return 0;
        else
                fine = remember(self, self->position, message);
        if (!fine)
                return sqi_shell_breaks(&self->shell, "emitted a tuple for which there is no memory");
        if (!self->replayed) {
                sq_track(task, self->position++);
                self->held = !sq_stepped(task);
        }
        return 0;
}

static int
emit(struct sq_task *task, struct shell_spout *self, const struct sqi_shell_message *message)
{
        struct sq_value values[SQ_FIELDS_MAX];
        unsigned stream, to = 0, tasks[RECEIVERS], n = 0;

        if (sqi_shell_take(&self->shell, message, &stream, values) < 0)
                return -1;
        if (message->direct && sqi_shell_receiver(task, &self->shell, message, stream, &to) < 0)
                return -1;
        if (track(task, self, message) < 0)
                return -1;
        if (message->direct)
                sq_emit_to_values(task, stream, to, message->tuple.len, values);
        else
                n = sq_emit_told(task, stream, message->tuple.len, values, tasks, RECEIVERS);
        for (unsigned i = 0; i < n && i < RECEIVERS; i++)
                tasks[i] = sqi_shell_task(tasks[i]);
        if (message->wants_ids)
                sqi_shell_put_tasks(&self->shell.first, n < RECEIVERS ? n : RECEIVERS, tasks);
        self->emitted++;
        return 0;
}

static int
hear(struct sq_task *task, struct shell_spout *self, const struct sqi_shell_message *message)
{
        switch (message->command) {
        case SHELL_EMIT:
                return emit(task, self, message);
        case SHELL_SYNC:
                self->asked = false;
                self->shell.asked_ns = 0;
                return 0;
        case SHELL_DONE:
                self->done = true;
                return 0;
        case SHELL_ACK:
        case SHELL_FAIL:
                return sqi_shell_breaks(&self->shell, "sent `%.*s`, which is for bolts", (int)message->name.len,
                                        message->name.ptr);
        default:
                sqi_shell_hear(task, &self->shell, message);
                return 0;
        }
}

static void
bury(struct sq_task *task, struct shell_spout *self)
{
        sqi_shell_bury(task, &self->shell);
        self->asked = false;
        self->at = self->ncommands = 0; /* the ids are those of the one that has ended */
}

/* A tuple that belongs to no tree would join the one before it: it waits for the next call. */
static bool
must_wait(const struct shell_spout *self, const struct sqi_shell_message *message)
{
        return self->held && !self->replayed && message->command == SHELL_EMIT && message->id.type == SQ_NIL;
}

/* Takes what it has said, up to its `sync`, and not more than belongs to one call. False: it has ended. */
static bool
listen(struct sq_task *task, struct shell_spout *self)
{
        struct sqi_shell_message message;
        int r = 1, ended = sqi_shell_turn(task, &self->shell);

        for (int n = 0; n < MESSAGES && r == 1; n++) {
                size_t before = self->shell.reader.at;
                r = sqi_shell_next(&self->shell, &message);
                if (r == 1 && must_wait(self, &message)) {
                        self->shell.reader.at = self->shell.reader.line = before;
                        break;
                }
                if (r == 1 && hear(task, self, &message) < 0)
                        r = -1;
                if (r == 1 && message.command == SHELL_SYNC)
                        break;
        }
        if (r < 0 || (r == 0 && ended < 0)) {
                bury(task, self);
                return false;
        }
        (void)sqi_shell_push(task, &self->shell);
        return true;
}

/* It goes on some microseconds after it was asked, or has the tasks of its last emit: that is awaited here, for the way
 * through the loop of the task takes longer. False: it has ended. */
static bool
listen_in_step(struct sq_task *task, struct shell_spout *self)
{
        sqi_shell_wait_briefly(&self->shell, sqi_shell_clock() + STEP_NS);
        return listen(task, self);
}

/* Until it has answered. False: it has not, or has ended. */
static bool
await_answer(struct sq_task *task, struct shell_spout *self, uint64_t ns)
{
        uint64_t until = sqi_shell_clock() + ns;

        while (self->asked && listen(task, self) && self->asked && sqi_shell_clock() < until)
                sqi_shell_wait(&self->shell, until);
        return !self->asked && self->shell.state == SHELL_UP;
}

/* ---- The spout --------------------------------------------------------------------------------------- */

/* What it is to do now: what waits, else `next`. False: it had nothing the last time, and is not asked yet. */
static bool
ask(struct sq_task *task, struct shell_spout *self)
{
        if (tell_next_command(task, self))
                return true;
        if (self->napping) {
                self->napping = false;
                return false;
        }
        self->emitted = 0;
        self->on_next = true;
        tell(task, self, "next", (struct sq_str){NULL, 0});
        return true;
}

/* In a test: one `next` and its answer, and before it what waits. */
static enum sq_next
step(struct sq_task *task, struct shell_spout *self)
{
        self->napping = self->on_next = false;
        while (self->shell.state == SHELL_UP && !self->on_next && await_answer(task, self, REPLAY_NS))
                (void)ask(task, self);
        if (await_answer(task, self, REPLAY_NS) && self->done)
                return SQ_DONE;
        return !self->asked && self->emitted > 0 ? SQ_MORE : SQ_IDLE;
}

static enum sq_next
next(struct sq_task *task)
{
        struct shell_spout *self = sq_state(task);

        self->held = false;
        sqi_shell_revive(task, &self->shell);
        if (self->shell.state == SHELL_DOWN) {
                sq_wake_at(task, self->shell.retry.due_ns);
                return SQ_IDLE;
        }
        if (sq_stepped(task))
                return step(task, self);
        if (!self->asked && self->shell.state == SHELL_UP && !ask(task, self)) {
                sq_wake_at(task, sq_now(task) + NAP_NS);
                return SQ_IDLE;
        }
        if (!listen(task, self) || (self->asked && !self->held && !listen_in_step(task, self)))
                return SQ_MORE;
        if (self->asked && !self->held) {
                sq_wake_at(task, sq_now(task) + SECOND_NS);
                return SQ_IDLE;
        }
        if (self->done && !self->asked)
                return SQ_DONE;
        self->napping = !self->asked && self->at == self->ncommands && self->emitted == 0;
        return SQ_MORE;
}

/* What the program said, without it. */
static void
say_again(struct sq_task *task, struct shell_spout *self, char *said)
{
        struct sqi_shell_reader reader = {.bytes = said, .fill = strlen(said)};
        struct sqi_shell_message message;
        struct sq_value values[SQ_FIELDS_MAX];
        unsigned stream;

        while (sqi_shell_read(&reader, &message) == 1) {
                if (sqi_shell_take(&self->shell, &message, &stream, values) < 0)
                        continue; /* it was taken before */
                if (message.direct)
                        sq_emit_to_values(task, stream, (unsigned)(message.task - 1), message.tuple.len, values);
                else
                        sq_emit_values(task, stream, message.tuple.len, values);
        }
        sq_json_free(&reader.json);
}

/* Tells the program of the ids, one by one, that they have failed: what it emits meanwhile is theirs. *ids: those that
 * it was not told of. False: it has died, or has not answered in time. */
static bool
ask_again(struct sq_task *task, struct shell_spout *self, const char **ids)
{
        bool answered = await_answer(task, self, REPLAY_NS);

        while (answered && **ids) {
                const char *end = strchr(*ids, '\n');
                tell(task, self, "fail", (struct sq_str){*ids, (size_t)(end - *ids)});
                *ids = end + 1;
                answered = await_answer(task, self, REPLAY_NS);
        }
        return answered;
}

/* In place of an answer: what the program said, and of what it was told nothing it hears when the tree is done. What it
 * emits when it answers at last is a tree of its own. */
static int
do_without(struct sq_task *task, struct shell_spout *self, struct pending *one, char *said, const char *ids)
{
        size_t len = strlen(one->ids);
        char *grown = realloc(one->ids, len + strlen(ids) + 1);

        free(one->said);
        one->said = said;
        if (self->shell.state == SHELL_UP)
                sq_log(task, SQ_WARN,
                       "%s has not answered within %d seconds what becomes of a tuple that failed: it is emitted again "
                       "as it was",
                       self->shell.name, (int)(REPLAY_NS / SECOND_NS));
        if (said)
                say_again(task, self, said);
        if (!grown)
                return sq_error(task, "no memory");
        strcpy(grown + len, ids);
        one->ids = grown;
        return 0;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        struct shell_spout *self = sq_state(task);
        struct pending *one = find(self, position);
        char *ids, *said;
        const char *left;
        int r = 0;

        if (!one)
                return 0;
        said = one->said;
        if (one->generation != self->shell.generation || self->shell.state != SHELL_UP || !one->ids[0]) {
                if (said)
                        say_again(task, self, said);
                return 0;
        }
        left = ids = strdup(one->ids);
        if (!ids)
                return sq_error(task, "no memory");
        one->said = NULL;
        one->ids[0] = '\0';
        self->replayed = one;
        if (ask_again(task, self, &left))
                free(said);
        else
                r = do_without(task, self, one, said, left);
        self->replayed = NULL;
        free(ids);
        return r;
}

static void
end_tree(struct sq_task *task, uint64_t position, char letter)
{
        struct shell_spout *self = sq_state(task);
        struct pending *one = find(self, position);

        if (!one)
                return;
        if (one->generation == self->shell.generation && self->shell.state == SHELL_UP)
                queue(task, self, letter, one->ids);
        forget(self, one);
}

static void
ack(struct sq_task *task, uint64_t position)
{
        end_tree(task, position, 'a');
}

static void
given_up(struct sq_task *task, uint64_t position)
{
        end_tree(task, position, 'f');
}

static void
activate(struct sq_task *task)
{
        queue(task, sq_state(task), 'A', "\n");
}

/* It is not asked for anything more until it is active again: so this goes at once, if it can. */
static void
deactivate(struct sq_task *task)
{
        struct shell_spout *self = sq_state(task);

        queue(task, self, 'D', "\n");
        if (!self->asked && self->shell.state == SHELL_UP)
                (void)tell_next_command(task, self);
}

static void
declare(struct sq_declaration *decl)
{
        sqi_shell_declare(sq_declared_state(decl), decl);
}

static int
prepare(struct sq_task *task)
{
        struct shell_spout *self = sq_state(task);

        return sqi_shell_open(task, &self->shell);
}

/* The acks that it has not heard of yet. */
static int
finish(struct sq_task *task)
{
        struct shell_spout *self = sq_state(task);
        uint64_t until = sqi_shell_clock() + 1000000000;

        while (self->shell.state == SHELL_UP && sqi_shell_clock() < until) {
                if (!self->asked && !tell_next_command(task, self))
                        break;
                if (!await_answer(task, self, 1000000000))
                        break;
        }
        if (self->shell.state == SHELL_UP && self->at < self->ncommands)
                sq_log(task, SQ_WARN, "%s is busy, and ends without having heard what became of its last tuples",
                       self->shell.name);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct shell_spout *self = sq_state(task);

        sqi_shell_close(&self->shell);
        for (size_t i = 0; i < self->n; i++) {
                free(self->pending[self->first + i].ids);
                free(self->pending[self->first + i].said);
        }
        free(self->pending);
        free(self->commands);
}

SQ_SPOUT(shell) = {
        .about = "A program in any language, by Storm's multilang protocol.",
        .state = sizeof(struct shell_spout),
        .options = {SQ_OPT_SHELL(struct shell_spout, shell)},
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .replay = replay,
        .ack = ack,
        .fail = given_up,
        .activate = activate,
        .deactivate = deactivate,
        .finish = finish,
        .cleanup = cleanup,
};
