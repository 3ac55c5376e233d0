/* SPDX-License-Identifier: Apache-2.0 */
/* A spout that can replay and needs a path. */
#include <squall.h>

struct replayer {
        const char *path;
};

static enum sq_next
next(struct sq_task *task)
{
        (void)task;
        return SQ_DONE;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        (void)task;
        (void)position;
        return 0;
}

SQ_SPOUT(replayer) = {
        .about = "Replays nothing.",
        .state = sizeof(struct replayer),
        .options = {SQ_REQ_PATH(struct replayer, path, "the file to replay")},
        .out = {{"line", SQ_STR}},
        .next = next,
        .replay = replay,
};
