/* SPDX-License-Identifier: Apache-2.0 */
/* A spout with a setting of each type and two streams, which can't replay. */
#include <squall.h>

struct emitter {
        int64_t count, mode;
        double ratio;
        bool on;
        const char *text, *path;
        struct sq_list list;
        struct sq_pairs map, other;
        struct sq_nested nested;
};

static enum sq_next
next(struct sq_task *task)
{
        (void)task;
        return SQ_DONE;
}

SQ_SPOUT(emitter) = {
        .about = "Emits nothing, on two streams.",
        .state = sizeof(struct emitter),
        .options = {SQ_OPT_INT(struct emitter, count, 7, "how many"),
                    SQ_OPT_ENUM(struct emitter, mode, "slow|fast", "slow", "how"),
                    SQ_OPT_FLOAT(struct emitter, ratio, 0.5, "a part"), SQ_OPT_BOOL(struct emitter, on, true, "or off"),
                    SQ_OPT_STR(struct emitter, text, NULL, "any"), SQ_OPT_PATH(struct emitter, path, NULL, "a file"),
                    SQ_OPT_LIST(struct emitter, list, "several"), SQ_OPT_MAP(struct emitter, map, "pairs"),
                    SQ_OPT_MAP(struct emitter, other, "pairs"),
                    SQ_OPT_NESTED(struct emitter, nested, "pairs of pairs")},
        .out = {{"word", SQ_STR}, {"n", SQ_INT}},
        .streams = {{"errors", {{"cause", SQ_STR}}}},
        .next = next,
};
