/* SPDX-License-Identifier: Apache-2.0 */
/* A spout on Storm: does what it is told, and says `sync` when it has. */
#include <stdio.h>

#include "shell/shelled.h"

enum { CALLS_A_NEXT = 20 }; /* of `next`: Storm looks only between two of its own how much is under way */

static const char END[] = "end"; /* the message id of the mark */

static bool
is_text(struct sq_value value, const char *text)
{
        return value.type == SQ_STR && value.len == strlen(text) && memcmp(value.as.ptr, text, value.len) == 0;
}

/* ---- What goes out ------------------------------------------------------------------------------------- */

/* A tuple of no tree is not followed. */
static void
take_tuple(void *context, uint32_t receiver, const struct sqi_frame *frame, const struct sqi_slice *slice, uint64_t id)
{
        struct sqi_shelled *shell = context;
        struct sqi_shelled_tree *tree = NULL;
        uint64_t root = 0;

        if (frame->nroots > 0) {
                memcpy(&root, frame->roots, sizeof(root));
                tree = sqi_shelled_find_tree(shell, root);
                tree = tree ? tree : sqi_shelled_add_tree(shell, root);
        }
        sqi_pipe_put(&shell->pipe, "{\"command\":\"emit\",\"need_task_ids\":false");
        if (tree) {
                tree->value ^= id;
                tree->left++;
                sqi_pipe_put(&shell->pipe, ",\"id\":\"%llu\"", (unsigned long long)root);
        }
        sqi_shelled_put_tuple(shell, &shell->pipe, receiver, frame, slice);
        sqi_pipe_end(&shell->pipe);
}

static void
ignore_ack(void *context, const struct sqi_ack *ack)
{
        (void)context;
        (void)ack;
}

/* True: the task goes on, or has come to its end. */
static bool
next(struct sqi_shelled *shell)
{
        static const struct sqi_neighbours_takers takers = {take_tuple, NULL, ignore_ack};

        shell->task->spout.calls = CALLS_A_NEXT;
        if (!sqi_shelled_turn(shell))
                return false;
        sqi_neighbours_gather(&shell->beside, &takers, shell);
        if (shell->task->phase == SQI_ENDED && !shell->ends.told) {
                shell->ends.told = true;
                sqi_pipe_put(&shell->pipe, "{\"command\":\"emit\",\"id\":\"%s\"", END);
                sqi_shelled_put_mark(shell);
        }
        return true;
}

/* ---- What comes in ------------------------------------------------------------------------------------- */

/* A tree is acked when all its messages are, and fails with the first that does. */
static void
judge(struct sqi_shelled *shell, struct sq_value id, bool ack)
{
        struct sqi_shelled_tree *tree;
        char text[24];

        if (is_text(id, END)) {
                shell->ends.told = ack;
                return;
        }
        if (id.type != SQ_STR || id.len >= sizeof(text))
                return;
        memcpy(text, id.as.ptr, id.len);
        text[id.len] = '\0';
        tree = sqi_shelled_find_tree(shell, strtoull(text, NULL, 10));
        if (!tree)
                return;
        tree->left--;
        if (!ack && !tree->failed)
                sqi_neighbours_judge(&shell->beside, tree->root, 0, false);
        tree->failed |= !ack;
        if (tree->left > 0)
                return;
        if (!tree->failed)
                sqi_neighbours_judge(&shell->beside, tree->root, tree->value, true);
        sqi_shelled_drop_tree(shell, tree);
}

/* -1: the task cannot go on. */
static int
take_message(struct sqi_shelled *shell, struct sq_value message)
{
        struct sq_value command = sq_member(message, "command");
        bool on = is_text(command, "activate");

        if (message.type == SQ_ARRAY) /* the tasks of an emit, which were not asked for */
                return 0;
        if (is_text(command, "ack") || is_text(command, "fail"))
                judge(shell, sq_member(message, "id"), is_text(command, "ack"));
        else if (on || is_text(command, "deactivate"))
                sqi_task_activate(shell->task, on);
        else if (is_text(command, "next") && !next(shell))
                return -1;
        sqi_pipe_put(&shell->pipe, "{\"command\":\"sync\"}");
        sqi_pipe_end(&shell->pipe);
        return sqi_pipe_flush(&shell->pipe);
}

int
sqi_shelled_spout(struct sqi_shelled *shell)
{
        struct sq_value message;
        int r = 0;

        while (r >= 0) {
                r = sqi_pipe_next(&shell->pipe, &message);
                if (r == 1)
                        r = take_message(shell, message);
                else if (r == 0)
                        r = sqi_pipe_fill(&shell->pipe);
                else
                        sqi_task_fail(shell->task, r, "Storm has sent what is not JSON");
        }
        return r == -EPIPE && shell->task->failed == 0 ? 0 : -1;
}
