/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks that stage: squall-connect.h says how they use it.
 *
 *     execute        held        [ length | record ] ...     of the epoch under way
 *     precommit      held  ->  the task's own value `rows`, behind those of an epoch that was given up
 *     commit(e)      `rows`  ->  records of the sink, handed over piece by piece, each with the mark
 *
 * The mark is "EPOCH RECORDS HOLDER TOPOLOGY": so many records of this epoch are there. It has the name
 * COMPONENT/TASK/RUN. RUN is drawn when a topology begins from nothing, and is one of the task's own values: so another
 * topology of the same name, whose epochs have the same numbers, has marks of its own. HOLDER is drawn by each process
 * that prepares the task. The first commit of a task takes the mark over; after that another holder means that a second
 * topology has gone on from the same snapshot, and the first one ends.
 *
 * A mark that is gone, for a server keeps it for so long only or somebody has removed it, is told of: the last epoch
 * comes again then.
 *
 * A mark of a later epoch than the one that is gone on from is there when somebody goes back to a savepoint. What was
 * committed since then stays, and comes again.
 *
 * While the other side is away a commit is called again, until it gets through. After a restore it is not: the task
 * goes on with what it owes, and makes no epoch before that is handed over.
 */
#include <errno.h>
#include <inttypes.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "kit/sink.h"

enum { DRAWN = 17 };

static const char rows_name[] = "rows", run_name[] = "run", marked_name[] = "marked";

static void
draw(char ret[DRAWN])
{
        uint64_t chance = 0;

        while (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
                ;
        snprintf(ret, DRAWN, "%016" PRIx64, chance);
}

void
sq_sink_declare_staged(const struct sq_sink *sink, struct sq_declaration *decl)
{
        sq_sink_declare(sink, decl);
        if (sq_declared_exactly_once(decl) && sink->on_error == SQ_ON_ERROR_STREAM)
                sq_declare_error(decl, "on-error",
                                 "under exactly-once tuples are handed over when their epoch is sealed, and then "
                                 "nothing is emitted: write 'dead-letter', 'skip' or 'fail'");
}

int
sq_sink_open_staged(struct sq_task *task, const char *name, sq_sink_send *send)
{
        struct sq_sink *sink = sq_state(task);

        sink->staged = sq_exactly_once(task);
        sink->stage.restored = sq_restores(task);
        sink->stage.held.format = SQ_FORMAT_TEXT;
        draw(sink->stage.holder);
        return sq_sink_open(task, name, send);
}

/* ---- Records ----------------------------------------------------------------------------------------- */

static bool
next_row(struct sq_str rows, size_t *at, struct sq_str *ret)
{
        uint32_t len;

        if (*at + sizeof(len) > rows.len)
                return false;
        memcpy(&len, rows.ptr + *at, sizeof(len));
        *at += sizeof(len);
        *ret = (struct sq_str){rows.ptr + *at, len};
        *at += len;
        return *at <= rows.len;
}

/* As the records of the sink. 0 or -ENOMEM. */
static int
load(struct sq_sink *sink, struct sq_str rows)
{
        struct sq_str row;
        struct sq_sink_span *spans;
        size_t n = 0, begin;
        int r = 0;

        for (size_t at = 0; next_row(rows, &at, &row);)
                n++;
        spans = realloc(sink->spans, (n > (size_t)sink->batch ? n : (size_t)sink->batch) * sizeof(*spans));
        if (!spans)
                return -ENOMEM;
        sink->spans = spans;
        sink->n = sink->done = sink->records.len = 0;
        sink->records.format = SQ_FORMAT_TEXT; /* bytes as they are */
        for (size_t at = 0; r == 0 && next_row(rows, &at, &row);) {
                begin = sink->records.len;
                r = sqi_sink_append(&sink->records, row.ptr, row.len);
                if (r == 0)
                        sqi_sink_add(sink, begin);
        }
        sink->records.format = SQ_FORMAT_MSGPACK;
        return r;
}

/* ---- Marks ------------------------------------------------------------------------------------------- */

struct known {
        uint64_t epoch;
        size_t records;
        char holder[DRAWN];
};

static bool
read_mark(struct sq_str text, struct known *ret)
{
        char copy[256];

        *ret = (struct known){0};
        if (text.len == 0)
                return true;
        snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.ptr);
        return sscanf(copy, "%" SCNu64 " %zu %16s", &ret->epoch, &ret->records, ret->holder) == 3;
}

/* How many records of the epoch that is being committed are there. */
static size_t
count_there(struct sq_task *task, const struct sq_sink *sink, const struct known *there)
{
        const struct sq_sink_stage *stage = &sink->stage;
        bool mine = strcmp(there->holder, stage->holder) == 0;

        if (there->epoch == stage->epoch && (mine || there->epoch == stage->from))
                return there->records;
        if (mine || there->epoch <= stage->from)
                return 0;
        sq_log(task, SQ_WARN,
               "%s: has been written to after the epoch that is gone back to: what came since then stays, and comes "
               "again",
               sink->name);
        return stage->epoch == stage->from ? sink->n : 0;
}

int
sq_sink_resume(struct sq_task *task, struct sq_str mark, size_t *first, size_t *n)
{
        struct sq_sink *sink = sq_state(task);
        struct sq_sink_stage *stage = &sink->stage;
        size_t end = *first + *n, done;
        struct known there;

        if (!read_mark(mark, &there)) {
                (void)sq_error_final(task, "%s: the mark %s is damaged: '%.*s'", sink->name, stage->name,
                                     (int)(mark.len < 64 ? mark.len : 64), mark.ptr);
                return -ECANCELED;
        }
        if (stage->sure && there.epoch > 0 && strcmp(there.holder, stage->holder) != 0) {
                (void)sq_error_final(task,
                                     "%s: another topology has gone on from the same snapshot, and writes there now",
                                     sink->name);
                return -ECANCELED;
        }
        if (there.epoch == 0 && !stage->sure && sq_own(task, marked_name).len > 0)
                sq_log(task, SQ_WARN,
                       "%s: the mark %s is gone, which says what is there: what the last epoch has handed over comes again",
                       sink->name, stage->name);
        done = count_there(task, sink, &there);
        if (done > *first)
                *first = done < end ? done : end;
        *n = end - *first;
        snprintf(stage->mark, sizeof(stage->mark), "%" PRIu64 " %zu %s %s", stage->epoch, done > end ? done : end,
                 stage->holder, sq_topology(task));
        return 0;
}

const char *
sq_sink_mark_name(const struct sq_sink *sink)
{
        return sink->stage.name;
}

const char *
sq_sink_mark(const struct sq_sink *sink)
{
        return sink->stage.mark;
}

/* ---- Epochs ------------------------------------------------------------------------------------------ */

/* Since when the task has not begun from nothing. */
static struct sq_str
run_of(struct sq_task *task)
{
        struct sq_str run = sq_own(task, run_name);
        char drawn[DRAWN];

        if (run.len > 0)
                return run;
        draw(drawn);
        sq_own_set(task, run_name, (struct sq_str){drawn, DRAWN - 1});
        return sq_own(task, run_name);
}

static int
hand_over(struct sq_task *task, struct sq_sink *sink, uint64_t epoch, struct sq_str rows)
{
        struct sq_sink_stage *stage = &sink->stage;
        struct sq_str run = run_of(task);
        int r;

        stage->epoch = epoch;
        stage->refused = false;
        snprintf(stage->name, sizeof(stage->name), "%s/%u/%.*s", sq_component(task), sq_index(task), (int)run.len,
                 run.ptr);
        r = load(sink, rows);
        if (r == 0)
                r = sqi_sink_drain(task, sink);
        else
                snprintf(sink->why, sizeof(sink->why), "%s", strerror(-r));
        sink->n = sink->done = sink->records.len = 0;
        if (r < 0)
                return r;
        stage->sure = true;
        sq_own_set(task, marked_name, (struct sq_str){"1", 1}); /* of which the snapshots from now on know */
        sq_own_set(task, rows_name, (struct sq_str){"", 0});
        return 0;
}

/* 0; -EAGAIN or -ENOMEM: later, perhaps; another: the task has failed. */
static int
settle(struct sq_task *task, struct sq_sink *sink)
{
        int r = sink->stage.owed ? hand_over(task, sink, sink->stage.owed, sq_own(task, rows_name)) : 0;

        if (r == 0)
                sink->stage.owed = 0;
        return r;
}

static int
say_why(struct sq_task *task, const struct sq_sink *sink, int error)
{
        return error == -EAGAIN || error == -ENOMEM ? sq_error(task, "%s: %s", sink->name, sink->why) : -1;
}

int
sq_sink_precommit(struct sq_task *task, uint64_t epoch)
{
        struct sq_sink *sink = sq_state(task);
        struct sq_encoder *held = &sink->stage.held;
        struct sq_str kept;
        char *all;
        int r = sink->staged ? settle(task, sink) : 0;

        (void)epoch;
        if (r < 0)
                return say_why(task, sink, r);
        if (!sink->staged)
                return 0;
        (void)run_of(task);
        if (held->len == 0)
                return 0;
        kept = sq_own(task, rows_name);
        all = malloc(kept.len + held->len);
        if (!all)
                return sq_error(task, "%s: no memory for the tuples of an epoch", sink->name);
        if (kept.len > 0)
                memcpy(all, kept.ptr, kept.len);
        memcpy(all + kept.len, held->bytes, held->len);
        sq_own_set(task, rows_name, (struct sq_str){all, kept.len + held->len});
        free(all);
        held->len = 0;
        sink->stage.full = false;
        return 0;
}

int
sq_sink_commit(struct sq_task *task, uint64_t epoch)
{
        struct sq_sink *sink = sq_state(task);
        bool restored = sink->stage.restored;
        int r;

        if (!sink->staged)
                return 0;
        if (restored)
                sink->stage.from = epoch;
        sink->stage.restored = false;
        if (sq_own(task, rows_name).len == 0)
                return 0;
        sink->stage.owed = epoch;
        r = settle(task, sink);
        if (r == 0)
                return 0;
        if (!restored || r != -EAGAIN)
                return say_why(task, sink, r);
        sq_log(task, SQ_WARN, "%s: %s: the last epoch is handed over when it is back", sink->name, sink->why);
        return 0;
}
