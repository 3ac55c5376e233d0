/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What spouts of messages share: squall-connect.h says how they use it. A message is a tuple tree, and its position is
 * its number; what may have to be emitted again stays in a pipe (kit/pipe.c) until it is done. With a journal what
 * comes in goes there, and what is emitted comes from there: what was just written, or what an earlier process had
 * written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kit/journal.h"

enum { ERROR_MAX = 512 };
static const uint64_t FULL_NS = 2000000, STUCK_NS = 100000000;

void
sq_messages_declare(const struct sq_messages *messages, struct sq_declaration *decl)
{
        if (messages->memory < 1 || messages->memory > 1024 * 1024)
                sq_declare_error(decl, "memory", "must be from 1 to 1048576 MiB");
        if (!(messages->rate >= 0))
                sq_declare_error(decl, "rate", "must not be negative");
        sqi_kit_journal_declare(&messages->journal, decl);
        sq_decoder_declare(&messages->decoder, decl);
}

static void
set_fields(struct sq_messages *messages, const struct sq_nested *fields)
{
        if (!fields)
                return;
        messages->decoder.format = messages->row.format = SQ_FORMAT_MSGPACK;
        messages->decoder.wanted = *fields;
}

void
sq_messages_declare_as(const struct sq_messages *messages, struct sq_declaration *decl, const struct sq_nested *fields,
                       const char *option)
{
        struct sq_messages copy = *messages;
        char when[64];

        (void)snprintf(when, sizeof(when), "with `%s: true`", option);
        if (fields)
                sq_declare_unused(decl, "format", when);
        if (fields && messages->decoder.wanted.n > 0)
                sq_declare_error(decl, "fields", "`%s: true` says what they are: make others by a bolt", option);
        set_fields(&copy, fields);
        sq_messages_declare(&copy, decl);
}

/* ---- The journal ------------------------------------------------------------------------------------- */

static void
set_clock(struct sq_task *task, struct sq_messages *messages)
{
        struct sq_time wall = sq_wall(task);

        sqi_kit_journal_clock(messages->journalled, sq_now(task), wall.sec * 1000000000 + wall.nsec);
}

/* Goes on at a start from nothing; `.seek` may say otherwise. */
static int
open_journal(struct sq_task *task, struct sq_messages *messages)
{
        char error[ERROR_MAX];

        if (sqi_kit_journal_open(&messages->journal, sq_topology(task), sq_component(task), sq_index(task),
                                 &messages->journalled, error, sizeof(error)) < 0)
                return sq_error(task, "%s", error);
        if (messages->journalled->torn > 0)
                sq_log(task, SQ_WARN, "%s: its last %llu bytes are torn, and are cut off: a message that was not whole",
                       messages->journalled->path, (unsigned long long)messages->journalled->torn);
        set_clock(task, messages);
        messages->next = sqi_kit_journal_at(messages->journalled);
        sq_next_position(task, messages->next);
        return 0;
}

/* Is the next call of `.next` so far away that nothing may wait for it? */
static bool
is_slow(const struct sq_task *task, const struct sq_messages *messages)
{
        return messages->rate > 0 && messages->rate * messages->journal.interval < sq_parallelism(task);
}

static int
write_journal(struct sq_task *task, struct sq_messages *messages)
{
        struct sqi_kit_journal *journal = messages->journalled;
        int r;

        set_clock(task, messages);
        r = is_slow(task, messages) && sqi_kit_journal_due(journal) != UINT64_MAX ? sqi_kit_journal_sync(journal)
                                                                                  : sqi_kit_journal_write(journal);
        if (r < 0 && !messages->stuck)
                sq_log(task, SQ_ERROR, "%s (nothing more is taken in until that is over)",
                       sqi_kit_journal_error(journal));
        if (r == 0 && messages->stuck)
                sq_log(task, SQ_INFO, "%s: the journal takes messages again", messages->decoder.source);
        messages->stuck = r < 0;
        if (r < 0)
                sq_wake_at(task, sq_now(task) + STUCK_NS);
        return r;
}

/* Until it is done it may have to be emitted again. */
static int
keep(struct sq_task *task, struct sq_messages *messages, uint64_t position, struct sq_str record)
{
        if (sq_room(task) != UINT64_MAX && sq_pipe_keep(&messages->kept, position, record, NULL) < 0)
                return sq_error_final(task, "%s: %s", messages->decoder.source, strerror(ENOMEM));
        return 0;
}

/* Texts that are their tuples, at positions one behind the other. */
static int
emit_plain(struct sq_task *task, struct sq_messages *messages, bool tracked, uint64_t first, size_t n,
           const struct sq_str *records)
{
        uint64_t positions[SQ_MESSAGES_RUN];
        struct sq_value values[SQ_MESSAGES_RUN];
        size_t i = 0;
        int r = 0;

        for (; i < n && (!tracked || (r = keep(task, messages, first + i, records[i])) == 0); i++) {
                positions[i] = first + i;
                values[i] = sq_str(records[i]);
        }
        if (tracked)
                sq_emit_each(task, 0, i, positions, values);
        else
                sq_emit_many(task, 0, i, values);
        sq_pace_sent(&messages->pace, i);
        return r;
}

static int
emit_tracked(struct sq_task *task, struct sq_messages *messages, uint64_t position, struct sq_str record)
{
        if (keep(task, messages, position, record) < 0)
                return -ENOMEM;
        sq_track(task, position);
        sq_decoder_emit(task, &messages->decoder, record, position);
        sq_pace_sent(&messages->pace, 1);
        return 0;
}

/* The next of what is written and not emitted yet, at most `most`: how many, or a negative errno. Several at once where
 * they are in memory and each is its tuple. */
static int
emit_written(struct sq_task *task, struct sq_messages *messages, uint64_t most)
{
        uint64_t held = sqi_kit_journal_held(messages->journalled), first, position;
        uint64_t run = held < SQ_MESSAGES_RUN ? held : SQ_MESSAGES_RUN;
        struct sq_str records[SQ_MESSAGES_RUN];
        int r = sqi_kit_journal_next(messages->journalled, &first, records), n = 1;

        if (r != 1)
                return r;
        if (!sq_decoder_is_plain(&messages->decoder))
                return emit_tracked(task, messages, first, records[0]) < 0 ? -ENOMEM : 1;
        while (r == 1 && (uint64_t)n < run && (uint64_t)n < most) {
                r = sqi_kit_journal_next(messages->journalled, &position, &records[n]);
                n += r == 1;
        }
        if (emit_plain(task, messages, true, first, (size_t)n, records) < 0)
                return -ENOMEM;
        return r == 1 ? n : r;
}

/* At most `most` of what is written and not emitted yet: *ret_n. */
static int
emit_journalled(struct sq_task *task, struct sq_messages *messages, uint64_t most, uint64_t *ret_n)
{
        uint64_t n = 0;
        int r = 0;

        while (n < most && (r = emit_written(task, messages, most - n)) > 0)
                n += (uint64_t)r;
        *ret_n = n;
        if (r == -EBADMSG)
                sq_error_final(task, "%s", sqi_kit_journal_error(messages->journalled));
        return r < 0 ? r : 0;
}

static bool
is_full(struct sq_task *task, struct sq_messages *messages)
{
        bool full = !sqi_kit_journal_has_room(messages->journalled);

        if (full && !messages->full)
                sq_log(task, SQ_WARN, "%s: the journal is full (journal.max-bytes, journal.max-age): the source waits",
                       messages->decoder.source);
        messages->full = full;
        return full;
}

/* What an earlier process took in, or the disk had no room for, goes first. */
static uint64_t
room_of_journal(struct sq_task *task, struct sq_messages *messages, uint64_t most)
{
        uint64_t n;

        if (write_journal(task, messages) < 0 || emit_journalled(task, messages, most, &n) < 0)
                return 0;
        if (n == most) {
                if (n > 0)
                        sq_wake_at(task, sq_now(task));
                return 0;
        }
        if (!is_full(task, messages))
                return most - n;
        sq_wake_at(task, sq_now(task) + FULL_NS);
        return 0;
}

int
sq_messages_flush(struct sq_task *task)
{
        struct sq_messages *messages = sq_state(task);
        uint64_t n, due;

        if (!messages->journalled)
                return 0;
        if (write_journal(task, messages) < 0)
                return -EAGAIN;
        if (!messages->untracked && emit_journalled(task, messages, UINT64_MAX, &n) < 0)
                return -EAGAIN;
        sq_gauge(task, "journal bytes", (int64_t)sqi_kit_journal_bytes(messages->journalled));
        due = sqi_kit_journal_due(messages->journalled);
        if (due != UINT64_MAX)
                sq_wake_at(task, due);
        return 0;
}

int
sq_messages_precommit(struct sq_task *task, uint64_t epoch)
{
        struct sq_messages *messages = sq_state(task);

        (void)epoch;
        if (!messages->journalled)
                return 0;
        set_clock(task, messages);
        return sqi_kit_journal_sync(messages->journalled) < 0
                       ? sq_error(task, "%s", sqi_kit_journal_error(messages->journalled))
                       : 0;
}

void
sq_messages_release(struct sq_task *task, uint64_t done, uint64_t needed)
{
        struct sq_messages *messages = sq_state(task);

        if (!messages->journalled)
                return;
        set_clock(task, messages);
        sqi_kit_journal_release(messages->journalled, done, needed);
}

int
sq_messages_lag(struct sq_task *task, struct sq_lag *ret)
{
        const struct sq_messages *messages = sq_state(task);

        if (!messages->journalled)
                return -1;
        *ret = (struct sq_lag){messages->journalled->next - messages->journalled->at, SQ_LAG_MESSAGES};
        return 0;
}

/* At least once, what is done may have been cut before the supervisor had heard of it. */
static int
seek_journal(struct sq_task *task, struct sq_messages *messages, uint64_t position)
{
        struct sqi_kit_journal *journal = messages->journalled;
        uint64_t first;
        int r = sqi_kit_journal_seek(journal, position, &first);

        if (sq_exactly_once(task) && position > 1 && position > journal->found)
                sq_lost(task, 1,
                        "%s: the epoch goes on at message %llu, and the journal ends before it: it was removed or "
                        "shortened, and what came after that epoch is lost",
                        journal->path, (unsigned long long)position);
        if (r == -ENOENT && !sq_exactly_once(task)) {
                sq_log(task, SQ_WARN, "%s (what is missing was done): it goes on there",
                       sqi_kit_journal_error(journal));
                r = sqi_kit_journal_seek(journal, first, NULL);
        }
        if (r < 0)
                return sq_error_final(task, "%s: the snapshot that is gone on from needs it",
                                      sqi_kit_journal_error(journal));
        messages->next = sqi_kit_journal_at(journal);
        sq_next_position(task, messages->next);
        return 0;
}

static void
close_journal(struct sq_task *task, struct sq_messages *messages)
{
        uint64_t end = sqi_kit_journal_end(messages->journalled);
        uint64_t left = end - sqi_kit_journal_at(messages->journalled), lost = messages->journalled->next - end;

        if (lost > 0)
                sq_lost(task, lost, "%s: the journal has not taken them: %s", messages->decoder.source,
                        sqi_kit_journal_error(messages->journalled));
        if (left > 0)
                sq_log(task, SQ_INFO, "%s: %llu messages wait in the journal for the next start",
                       messages->decoder.source, (unsigned long long)left);
        sqi_kit_journal_close(&messages->journalled);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

int
sq_messages_begin(struct sq_task *task, const char *source)
{
        struct sq_messages *messages = sq_state(task);
        const char *wrong = sq_decoder_begin(&messages->decoder);

        if (wrong)
                return sq_error(task, "fields: %s", wrong);
        messages->decoder.source = source;
        messages->decoder.unit = "message";
        return messages->journal.path ? open_journal(task, messages) : 0;
}

int
sq_messages_begin_as(struct sq_task *task, const char *source, const struct sq_nested *fields)
{
        set_fields(sq_state(task), fields);
        return sq_messages_begin(task, source);
}

uint64_t
sq_messages_room(struct sq_task *task)
{
        struct sq_messages *messages = sq_state(task);
        uint64_t most = 0;

        if (messages->kept.bytes < (uint64_t)messages->memory << 20)
                most = sq_pace_due(&messages->pace, task, messages->rate, sq_pace_burst(task));
        else
                sq_wake_at(task, sq_now(task) + FULL_NS);
        if (messages->journalled)
                most = room_of_journal(task, messages, most);
        if (most == 0)
                sq_wake_on(task, -1); /* what comes meanwhile stays unread, and would wake it over and over */
        return most;
}

int
sq_messages_emit(struct sq_task *task, struct sq_str record, uint64_t *ret_position)
{
        struct sq_messages *messages = sq_state(task);
        uint64_t position = messages->next++;

        if (ret_position)
                *ret_position = position;
        if (messages->journalled)
                return sqi_kit_journal_add(messages->journalled, record, &position) < 0
                               ? sq_error_final(task, "%s", sqi_kit_journal_error(messages->journalled))
                               : 0;
        if (!messages->untracked && sq_room(task) != UINT64_MAX)
                return emit_tracked(task, messages, position, record);
        sq_decoder_emit(task, &messages->decoder, record, position);
        sq_pace_sent(&messages->pace, 1);
        return 0;
}

int
sq_messages_emit_as(struct sq_task *task, const struct sq_value *values)
{
        struct sq_messages *messages = sq_state(task);
        const struct sq_nested *fields = &messages->decoder.wanted;

        messages->row.len = 0;
        if (sq_encode_values(&messages->row, fields->n, fields->names, values) < 0)
                return sq_error_final(task, "%s: %s", messages->decoder.source, strerror(ENOMEM));
        return sq_messages_emit(task, (struct sq_str){messages->row.bytes, messages->row.len}, NULL);
}

int
sq_messages_emit_run(struct sq_task *task, size_t n, const struct sq_str *records)
{
        struct sq_messages *messages = sq_state(task);
        uint64_t first = messages->next;
        int r = 0;

        if (!messages->journalled && sq_decoder_is_plain(&messages->decoder)) {
                messages->next += n;
                return emit_plain(task, messages, !messages->untracked && sq_room(task) != UINT64_MAX, first, n,
                                  records);
        }
        for (size_t i = 0; r == 0 && i < n; i++)
                r = sq_messages_emit(task, records[i], NULL);
        return r;
}

/* Of `n` lines those that are records move to the front. How many. */
static size_t
sift(const struct sq_decoder *decoder, size_t n, struct sq_str *lines)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (!sq_decoder_passes_over(decoder, lines[i]))
                        lines[kept++] = lines[i];
        return kept;
}

/* As many as there are, up to `most`: views. *ret: of the next one. */
static size_t
take_frames(struct sq_frames *frames, int64_t framing, bool ended, size_t most, struct sq_str *records, int *ret)
{
        size_t n = sq_frames_lines(frames, framing, most, records);

        *ret = 1;
        while (n < most && (*ret = sq_frames_next(frames, framing, ended, &records[n])) == 1)
                n++;
        return n;
}

uint64_t
sq_frames_emit(struct sq_task *task, struct sq_frames *frames, int64_t framing, bool ended, uint64_t most, int *ret)
{
        const struct sq_messages *messages = sq_state(task);
        bool all = framing != SQ_FRAMING_LINES || sq_decoder_is_plain(&messages->decoder);
        struct sq_str records[SQ_MESSAGES_RUN];
        uint64_t n = 0;

        for (*ret = 1; n < most && *ret == 1;) {
                size_t room = most - n < SQ_MESSAGES_RUN ? (size_t)(most - n) : SQ_MESSAGES_RUN;
                size_t some = take_frames(frames, framing, ended, room, records, ret);

                n += some;
                if (sq_messages_emit_run(task, all ? some : sift(&messages->decoder, some, records), records) < 0)
                        return most; /* the task has failed */
        }
        return n;
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

        if (messages->journalled)
                return seek_journal(task, messages, position);
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

        if (messages->journalled)
                close_journal(task, messages);
        sq_pipe_close(&messages->kept);
        sq_encoder_free(&messages->row);
        sq_decoder_free(&messages->decoder);
}
