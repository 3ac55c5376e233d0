/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `log`: each tuple as a line of the log, and nothing else. */
#include <squall-kit.h>

struct log {
        int64_t level;
        struct sq_encoder encoder;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct log *self = sq_state(task);

        self->encoder.len = 0;
        self->encoder.format = SQ_FORMAT_JSON;
        if (sq_encode(&self->encoder, in) < 0)
                return sq_retry_later(task, "no memory");
        sq_log(task, (enum sq_level)self->level, "%s:%s %.*s", sq_source_component(in), sq_source_stream(in),
               (int)self->encoder.len, self->encoder.bytes);
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct log *self = sq_state(task);

        sq_encoder_free(&self->encoder);
}

SQ_BOLT(log) = {
        .about = "Writes each tuple into the log.",
        .state = sizeof(struct log),
        .options = {SQ_OPT_ENUM(struct log, level, "error|warning|info|debug", "info", "of the lines")},
        .execute = execute,
        .cleanup = cleanup,
};
