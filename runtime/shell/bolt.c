/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt on Storm: takes what there is, lets the task turn, says what came of it. */
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "shell/shelled.h"

enum { SOON_MS = 10 }; /* until a task looks again whose end is due */

static bool
is_text(struct sq_value value, const char *text)
{
        return value.type == SQ_STR && value.len == strlen(text) && memcmp(value.as.ptr, text, value.len) == 0;
}

/* ---- What goes out ------------------------------------------------------------------------------------- */

static void
answer(struct sqi_shelled *shell, const char *command, int64_t id)
{
        sqi_pipe_put(&shell->pipe, "{\"command\":\"%s\",\"id\":\"%lld\"}", command, (long long)id);
        sqi_pipe_end(&shell->pipe);
}

static void
put_anchors(struct sqi_shelled *shell, const int64_t *ids, size_t n)
{
        sqi_pipe_put(&shell->pipe, "{\"command\":\"emit\",\"need_task_ids\":false");
        for (size_t i = 0; i < n; i++)
                sqi_pipe_put(&shell->pipe, "%s\"%lld\"", i ? "," : ",\"anchors\":[", (long long)ids[i]);
        sqi_pipe_put(&shell->pipe, n ? "]" : "");
}

/* The tuples of Storm's that it is of. */
static size_t
find_anchors(struct sqi_shelled *shell, const struct sqi_frame *frame, uint64_t id, int64_t *ret)
{
        uint64_t root;
        size_t n = 0;

        for (uint16_t i = 0; i < frame->nroots; i++) {
                struct sqi_shelled_tree *tree;

                memcpy(&root, frame->roots + i * sizeof(root), sizeof(root));
                tree = sqi_shelled_find_tree(shell, root);
                if (!tree)
                        continue;
                tree->value ^= id;
                ret[n++] = tree->id;
        }
        return n;
}

/* What the end brings out is of all the marks, and may have to be said again. */
static void
take_tuple(void *context, uint32_t receiver, const struct sqi_frame *frame, const struct sqi_slice *slice, uint64_t id)
{
        struct sqi_shelled *shell = context;
        struct sqi_shelled_ends *ends = &shell->ends;
        int64_t anchors[SQI_ROOTS_MAX];
        size_t n = find_anchors(shell, frame, id, anchors), before;

        if (n > 0 || ends->missing > 0) {
                put_anchors(shell, anchors, n);
                sqi_shelled_put_tuple(shell, &shell->pipe, receiver, frame, slice);
                sqi_pipe_end(&shell->pipe);
                return;
        }
        before = ends->kept.len;
        sqi_shelled_put_tuple(shell, &ends->kept, receiver, frame, slice);
        put_anchors(shell, ends->ids, ends->nids);
        sqi_pipe_put_bytes(&shell->pipe, ends->kept.text + before, ends->kept.len - before);
        sqi_pipe_end(&shell->pipe);
        sqi_pipe_put_bytes(&ends->kept, "\n", 1);
}

static void
take_ack(void *context, const struct sqi_ack *ack)
{
        struct sqi_shelled *shell = context;
        struct sqi_shelled_tree *tree = sqi_shelled_find_tree(shell, ack->root);

        if (!tree)
                return;
        if (ack->op == SQI_ACK_XOR)
                tree->value ^= ack->value;
        if (ack->op == SQI_ACK_FAIL || ack->op == SQI_ACK_LATER)
                answer(shell, "fail", tree->id);
        else if (tree->value == 0)
                answer(shell, "ack", tree->id);
        else
                return;
        sqi_shelled_drop_tree(shell, tree);
}

/* The end, said once more. */
static void
tell_again(struct sqi_shelled *shell, const int64_t *ids, size_t n)
{
        const struct sqi_pipe *kept = &shell->ends.kept;

        for (const char *at = kept->text, *end; kept->len > 0 && at < kept->text + kept->len; at = end + 1) {
                end = memchr(at, '\n', (size_t)(kept->text + kept->len - at));
                put_anchors(shell, ids, n);
                sqi_pipe_put_bytes(&shell->pipe, at, (size_t)(end - at));
                sqi_pipe_end(&shell->pipe);
        }
        put_anchors(shell, ids, n);
        sqi_shelled_put_mark(shell);
        for (size_t i = 0; i < n; i++)
                answer(shell, "ack", ids[i]);
}

static void
look_for_end(struct sqi_shelled *shell)
{
        struct sqi_shelled_ends *ends = &shell->ends;

        if (shell->task->phase != SQI_ENDED || ends->told)
                return;
        ends->told = true;
        put_anchors(shell, ends->ids, ends->nids);
        sqi_shelled_put_mark(shell);
        for (size_t i = 0; i < ends->nids; i++)
                answer(shell, "ack", ends->ids[i]);
}

/* ---- What comes in ------------------------------------------------------------------------------------- */

static int
refuse(struct sqi_shelled *shell, const char *what)
{
        return sqi_task_fail(shell->task, -EBADMSG, "Storm has sent %s", what);
}

static int
take_mark(struct sqi_shelled *shell, uint32_t source, int64_t id)
{
        struct sqi_shelled_ends *ends = &shell->ends;

        if (ends->told) {
                tell_again(shell, &id, 1);
                return 0;
        }
        if (ends->nids == ends->room) {
                size_t room = 2 * ends->room + 16;
                int64_t *ids = reallocarray(ends->ids, room, sizeof(*ids));

                if (!ids)
                        return refuse(shell, "more than there is memory for");
                ends->ids = ids;
                ends->room = room;
        }
        ends->ids[ends->nids++] = id;
        if (ends->came[source])
                return 0;
        ends->came[source] = true;
        ends->missing--;
        return sqi_neighbours_end(&shell->beside, source);
}

static const struct sqi_plan_edge *
find_edge(const struct sqi_shelled *shell, uint32_t source, struct sq_value stream)
{
        const struct sqi_plan *plan = shell->plan;

        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];

                if (edge->from == plan->tasks[source].component &&
                    &plan->components[edge->to] == shell->task->component &&
                    is_text(stream, plan->components[edge->from].streams[edge->stream].id))
                        return edge;
        }
        return NULL;
}

static int
take_values(struct sqi_arena *arena, struct sq_value tuple, struct sq_value *values, size_t *ret_n)
{
        struct sq_items items = sq_items(tuple);
        struct sq_value item;
        size_t n = 0;
        int r = 0;

        for (; r == 0 && sq_next_item(&items, &item); n++)
                r = n < SQ_FIELDS_MAX ? sqi_pipe_value(arena, item, &values[n]) : -EBADMSG;
        *ret_n = n;
        return r;
}

static int
feed(struct sqi_shelled *shell, const struct sqi_plan_edge *edge, uint32_t source, int64_t id, struct sq_value tuple)
{
        struct sqi_arena *arena = sqi_arena_new();
        uint64_t root = SQI_ROOT(shell->owner, ++shell->nroots);
        struct sq_value values[SQ_FIELDS_MAX];
        struct sqi_shelled_tree *tree = arena ? sqi_shelled_add_tree(shell, root) : NULL;
        size_t n = 0;
        int r = tree ? take_values(arena, tuple, values, &n) : -ENOMEM;

        if (r == 0 && n != shell->plan->components[edge->from].streams[edge->stream].nfields)
                r = -EBADMSG;
        if (r == 0) {
                tree->id = id;
                r = sqi_neighbours_feed(&shell->beside, edge, source, root, n, values, &tree->value);
        }
        sqi_arena_free(&arena);
        return r < 0 ? refuse(shell, "a tuple that is not what its component emits") : 0;
}

static int
take_tuple_of_storm(struct sqi_shelled *shell, struct sq_value message)
{
        struct sq_value id = sq_member(message, "id"), stream = sq_member(message, "stream"),
                        comp = sq_member(message, "comp"), task = sq_member(message, "task");
        const struct sqi_plan_edge *edge;
        int64_t number, source = -1;
        char text[24];

        if (id.type != SQ_STR || id.len >= sizeof(text))
                return refuse(shell, "a tuple without an id");
        memcpy(text, id.as.ptr, id.len);
        text[id.len] = '\0';
        number = strtoll(text, NULL, 10);
        if (is_text(stream, "__tick")) {
                answer(shell, "ack", number);
                return 0;
        }
        if (comp.type == SQ_STR && task.type == SQ_INT)
                source = sqi_places_find(&shell->places, (struct sq_str){comp.as.ptr, comp.len}, task.as.i);
        if (source >= 0 && is_text(stream, SQI_SHELL_END) && sqi_shelled_reads(shell, (uint32_t)source))
                return take_mark(shell, (uint32_t)source, number);
        edge = source < 0 ? NULL : find_edge(shell, (uint32_t)source, stream);
        if (!edge)
                return refuse(shell, "a tuple of a stream that is not read here");
        if (shell->task->phase == SQI_RUNNING)
                return feed(shell, edge, (uint32_t)source, number, sq_member(message, "tuple"));
        answer(shell, "ack", number); /* a spout that began anew after the end: it was processed before */
        return 0;
}

static int
take_message(struct sqi_shelled *shell, struct sq_value message)
{
        if (message.type == SQ_ARRAY) /* the tasks of an emit, which were not asked for */
                return 0;
        if (!is_text(sq_member(message, "stream"), "__heartbeat"))
                return take_tuple_of_storm(shell, message);
        sqi_pipe_put(&shell->pipe, "{\"command\":\"sync\"}");
        sqi_pipe_end(&shell->pipe);
        return 0;
}

/* ---- The loop ------------------------------------------------------------------------------------------ */

static int
wait_ms(const struct sqi_shelled *shell)
{
        uint64_t now = sqi_clock_ns(), due = sqi_bolt_due(shell->task);

        if (shell->task->phase != SQI_RUNNING)
                return -1;
        if (shell->ends.missing == 0)
                return SOON_MS;
        if (due == UINT64_MAX)
                return -1;
        return due <= now ? 0 : due - now > 1000000000 ? 1000 : (int)((due - now) / 1000000 + 1);
}

/* The messages that are whole. 0; -1: the task cannot go on. */
static int
take_all(struct sqi_shelled *shell)
{
        struct sq_value message;
        int r, fed = 0;

        while (fed == 0 && (r = sqi_pipe_next(&shell->pipe, &message)) == 1)
                fed = take_message(shell, message);
        if (r < 0)
                return refuse(shell, "what is not JSON");
        return fed < 0 ? -1 : 0;
}

/* Until something is due, or has come. 0; -EPIPE: Storm has closed the pipe; -1: the task cannot go on. */
static int
wait_for_more(struct sqi_shelled *shell)
{
        struct pollfd fds[] = {{.fd = shell->pipe.in, .events = POLLIN},
                               {.fd = shell->task->instance.wake_fd, .events = POLLIN}};
        int r;

        if (poll(fds, 2, wait_ms(shell)) <= 0 || !fds[0].revents)
                return 0;
        r = sqi_pipe_fill(&shell->pipe);
        return r == 0 || r == -EPIPE ? r : refuse(shell, "what cannot be read");
}

int
sqi_shelled_bolt(struct sqi_shelled *shell)
{
        static const struct sqi_neighbours_takers takers = {take_tuple, NULL, take_ack};
        int r = 0;

        while (r == 0) {
                r = take_all(shell); /* some may have come with the handshake */
                if (r == 0 && !sqi_shelled_turn(shell))
                        r = -1;
                sqi_neighbours_gather(&shell->beside, &takers, shell);
                look_for_end(shell);
                if (r == 0)
                        r = sqi_pipe_flush(&shell->pipe);
                if (r == 0)
                        r = wait_for_more(shell);
        }
        return r == -EPIPE ? 0 : -1;
}
