/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What spouts of messages share: squall-kit.h says how they use it. A message is a tuple tree, and its position is its
 * number; what may have to be emitted again stays in a pipe (kit/pipe.c) until it is done.
 */
#include <errno.h>
#include <squall-kit.h>
#include <string.h>

static const uint64_t FULL_NS = 2000000;

void
sq_messages_declare(const struct sq_messages *messages, struct sq_declaration *decl)
{
        if (messages->memory < 1 || messages->memory > 1024 * 1024)
                sq_declare_error(decl, "memory", "must be from 1 to 1048576 MiB");
        if (!(messages->rate >= 0))
                sq_declare_error(decl, "rate", "must not be negative");
        sq_decoder_declare(&messages->decoder, decl);
}

int
sq_messages_begin(struct sq_task *task, const char *source)
{
        struct sq_messages *messages = sq_state(task);
        const char *wrong = sq_decoder_begin(&messages->decoder);

        if (wrong)
                return sq_error(task, "fields: %s", wrong);
        messages->decoder.source = source;
        messages->decoder.unit = "message";
        return 0;
}

uint64_t
sq_messages_room(struct sq_task *task)
{
        struct sq_messages *messages = sq_state(task);
        if (messages->kept.bytes < (uint64_t)messages->memory << 20)
                return sq_pace_due(&messages->pace, task, messages->rate, sq_pace_burst(task));
        sq_wake_at(task, sq_now(task) + FULL_NS);
        return 0;
}

int
sq_messages_emit(struct sq_task *task, struct sq_str record, uint64_t *ret_position)
{
        struct sq_messages *messages = sq_state(task);
        uint64_t position = messages->next++;

        if (!messages->untracked && sq_room(task) != UINT64_MAX) {
                if (sq_pipe_keep(&messages->kept, position, record, NULL) < 0)
                        return sq_error_final(task, "%s: %s", messages->decoder.source, strerror(ENOMEM));
                sq_track(task, position);
        }
        if (ret_position)
                *ret_position = position;
        sq_decoder_emit(task, &messages->decoder, record, position);
        sq_pace_sent(&messages->pace, 1);
        return 0;
}

int
sq_messages_replay(struct sq_task *task, uint64_t position)
{
        struct sq_messages *messages = sq_state(task);
        struct sq_str record;
        const char *wrong;

        if (!sq_pipe_find(&messages->kept, position, &record, &wrong))
                return sq_error(task, "%s: message %llu is no longer held", messages->decoder.source,
                                (unsigned long long)position);
        sq_track(task, position);
        sq_decoder_emit(task, &messages->decoder, record, position);
        return 0;
}

int
sq_messages_seek(struct sq_task *task, uint64_t position)
{
        struct sq_messages *messages = sq_state(task);

        messages->next = position;
        return 0;
}

void
sq_messages_done(struct sq_task *task, uint64_t position)
{
        struct sq_messages *messages = sq_state(task);

        sq_pipe_done(&messages->kept, position);
}

void
sq_messages_end(struct sq_task *task)
{
        struct sq_messages *messages = sq_state(task);

        sq_pipe_close(&messages->kept);
        sq_decoder_free(&messages->decoder);
}
