/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a callback emits on its way into the open batches: it is checked against the stream, packed once, and dealt out
 * by the groupings. The shorter ways come last: into the one batch that there is, and several tuples at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tuple/pack.h"
#include "task/group.h"
#include "task/grouping.h"
#include "task/task.h"

/* ---- dealing out ------------------------------------------------------------------------------------- */

static inline void
touch(struct sqi_collector *collector, struct sqi_outlet *outlet)
{
        if (outlet->touched)
                return;
        outlet->touched = true;
        outlet->staged_seq = outlet->seq;
        collector->touched[collector->ntouched++] = outlet;
}

/* Bytes that may be packed into the batch as it is. Who can let it go before it is too small keeps room for the runs,
 * which go behind the tuples at the end. */
static inline int64_t
room_in(const struct sqi_collector *collector, const struct sqi_batch *batch)
{
        enum { ONE_MORE_RUN = 64 };

        if (!batch->data)
                return 0;
        return (int64_t)batch->cap - batch->now.len - (collector->lasting ? batch->now.runs_len + ONE_MORE_RUN : 0);
}

/* The buffer is too small. A larger one is not one of the pool's, and costs as much as all else: so what has been
 * emitted goes out first where nobody takes it back. */
static __attribute__((noinline)) uint8_t *
make_room(struct sqi_collector *collector, struct sqi_outlet *outlet, size_t size)
{
        if (collector->lasting && outlet->batch.now.count > 0 && !outlet->stuck)
                sqi_collector_let_go(collector, outlet);
        return sqi_batch_reserve(&outlet->batch, collector->source.pool, size);
}

static inline uint8_t *
reserve(struct sqi_collector *collector, struct sqi_outlet *outlet, size_t size)
{
        const struct sqi_batch *batch = &outlet->batch;

        if (__builtin_expect((int64_t)size <= room_in(collector, batch), 1))
                return batch->data + batch->now.len;
        return make_room(collector, outlet, size);
}

/* The tuple at `end` is packed into the outlet's batch: stages it, anchored. */
static bool
stage(struct sq_task *task, struct sqi_target *target, struct sqi_outlet *outlet, uint16_t stream, const uint8_t *end)
{
        struct sqi_collector *collector = &task->collector;
        uint16_t nroots = collector->nroots;

        touch(collector, outlet);
        if (sqi_batch_add(&outlet->batch, end, stream, collector->roots, nroots) < 0)
                return false;
        if (nroots) {
                if (outlet->broadcast)
                        for (uint32_t r = 0; r < outlet->expected; r++)
                                collector->edges ^= sqi_edge_id(target->keys[r], outlet->seq);
                else
                        collector->edges ^= sqi_edge_id(outlet->edge_key, outlet->seq);
        } else
                outlet->loose = true;
        outlet->seq++;
        collector->transferred += outlet->broadcast ? outlet->expected : 1;
        if (target->in_cycle)
                collector->sent_to_cycle++;
        return true;
}

static bool
copy_to(struct sq_task *task, struct sqi_target *target, struct sqi_outlet *outlet, uint16_t stream,
        const uint8_t *bytes, size_t size)
{
        uint8_t *at = reserve(&task->collector, outlet, size);

        if (!at)
                return false;
        memcpy(at, bytes, size);
        return stage(task, target, outlet, stream, at + size);
}

/* What a direct emit asks for: a task index, which may be any unsigned number; or, from BY_NUMBER on, a task by its
 * number. */
enum { PLAIN = -1 };
static const int64_t BY_NUMBER = INT64_C(1) << 32;

/* The place among the readers of this kind; -1: none of them is meant. */
static int64_t
place_of(const struct sq_task *task, const struct sqi_target *target, int64_t direct)
{
        uint32_t first = task->plan->components[target->edge->to].first_task;
        int64_t number = direct - BY_NUMBER;

        if (direct < BY_NUMBER)
                return direct % target->noutlets;
        return number >= first && number < (int64_t)first + target->noutlets ? number - first : -1;
}

static bool
copy_to_many(struct sq_task *task, struct sqi_target *target, uint16_t stream, const struct sqi_slice *tuple,
             size_t size)
{
        const unsigned *chosen = NULL;
        uint32_t n = target->group ? sqi_group_choose(target->group, tuple, &chosen) : target->noutlets;

        for (uint32_t i = 0; i < n; i++)
                if (!copy_to(task, target, target->outlets[chosen ? chosen[i] : i], stream, tuple->at, size))
                        return false;
        return true;
}

/* Deals a packed tuple out to one reader. `direct`: who is asked for, or PLAIN. */
static bool
deal(struct sq_task *task, struct sqi_target *target, uint16_t stream, const struct sqi_slice *tuple, int64_t direct)
{
        size_t size = tuple->offsets[tuple->n];

        if ((target->grouping == SQI_DIRECT) != (direct >= 0))
                return true;
        if (direct >= 0) {
                int64_t place = place_of(task, target, direct);
                return place < 0 || copy_to(task, target, target->outlets[place], stream, tuple->at, size);
        }
        if (!target->many)
                return copy_to(task, target, sqi_grouping_choose(target, tuple), stream, tuple->at, size);
        return copy_to_many(task, target, stream, tuple, size);
}

static bool
deal_all(struct sq_task *task, uint32_t stream, const struct sqi_slice *tuple, int64_t direct)
{
        struct sqi_stream_targets *targets = &task->collector.streams[stream];

        if (__builtin_expect(targets->time != NULL, 0))
                sqi_watermark_emit(task, tuple);
        for (uint32_t t = 0; t < targets->ntargets; t++)
                if (!deal(task, &targets->targets[t], (uint16_t)stream, tuple, direct))
                        return false;
        return true;
}

static bool
reserve_scratch(struct sqi_collector *collector, size_t size)
{
        if (size <= collector->scratch_size)
                return true;
        uint8_t *scratch = realloc(collector->scratch, size * 2);
        if (!scratch)
                return false;
        collector->scratch = scratch;
        collector->scratch_size = size * 2;
        return true;
}

static bool
fits(enum sq_type declared, uint8_t given)
{
        return declared == given || declared == SQ_ANY || given == SQ_ANY || given == SQ_NIL ||
               (declared == SQ_UINT && given == SQ_INT) || (declared == SQ_INT && given == SQ_UINT);
}

/* What packing a common value of the type can take; 0: it is another. */
static inline size_t
common_bound(const struct sq_value *value, enum sq_type declared)
{
        if (value->type != declared && declared != SQ_ANY)
                return 0;
        if (value->type == SQ_INT && value->form == SQ_PLAIN)
                return 9;
        return sqi_is_short(value) ? 32 : 0;
}

/* Checks the values against the stream's declaration and adds up what packing them can take; 0: refused, and said. */
static size_t
check(struct sq_task *task, const struct sqi_stream_targets *targets, size_t n, const struct sq_value *values)
{
        const struct sqi_plan_stream *stream = targets->stream;
        size_t total = 3, fields = 0, one;

        for (size_t i = 0; i < n; i++) {
                if (fields < stream->nfields && (one = common_bound(&values[i], stream->fields[fields].type))) {
                        fields++;
                        total += one;
                        continue;
                }
                one = sqi_quick_bound(&values[i]);
                if (one == SIZE_MAX || one > UINT32_MAX / 2 - total) {
                        sqi_task_misuse(task,
                                        "emit on stream \"%s\": value %zu is no value, nested too deep, or too large",
                                        stream->id, i);
                        return 0;
                }
                if (!targets->any_type && fields < stream->nfields &&
                    !fits(stream->fields[fields].type, values[i].type)) {
                        sqi_task_misuse(task, "emit on stream \"%s\": field \"%s\" is declared %s, not %s", stream->id,
                                        stream->fields[fields].name, sq_type_name(stream->fields[fields].type),
                                        sq_type_name((enum sq_type)values[i].type));
                        return 0;
                }
                fields += values[i].form == SQ_SPLICE ? values[i].count : 1;
                total += one;
        }
        if (fields != stream->nfields) {
                sqi_task_misuse(task, "emit on stream \"%s\": %zu values for %u fields", stream->id, fields,
                                (unsigned)stream->nfields);
                return 0;
        }
        return total;
}

static uint8_t *
pack_tuple(uint8_t *at, uint32_t fields, size_t n, const struct sq_value *values)
{
        at = sqi_quick_head(at, fields);
        for (size_t i = 0; i < n; i++)
                at = sqi_quick_pack(at, &values[i]);
        return at;
}

/* The common case: one reader, and who gets the tuple does not depend on it. It is packed where it will be sent
 * from. */
static inline __attribute__((always_inline)) bool
emit_in_place(struct sq_task *task, uint32_t stream, struct sqi_target *target, size_t size, size_t n,
              const struct sq_value *values)
{
        struct sqi_outlet *outlet = target->noutlets == 1 ? target->outlets[0] : sqi_grouping_choose(target, NULL);
        uint8_t *at = reserve(&task->collector, outlet, size);

        if (!at)
                return false;
        at = pack_tuple(at, task->collector.streams[stream].stream->nfields, n, values);
        return stage(task, target, outlet, (uint16_t)stream, at);
}

static bool
emit_by_scratch(struct sq_task *task, uint32_t stream, size_t size, size_t n, const struct sq_value *values,
                int64_t direct)
{
        struct sqi_collector *collector = &task->collector;
        const struct sqi_stream_targets *targets = &collector->streams[stream];
        struct sqi_slice slice;

        if (targets->timed_in_place && direct < 0 && sqi_watermark_emit_plain(task, n, values))
                return emit_in_place(task, stream, targets->timed_in_place, size, n, values);
        if (!reserve_scratch(collector, size))
                return false;
        uint8_t *end = pack_tuple(collector->scratch, collector->streams[stream].stream->nfields, n, values);
        if (!sqi_slice(collector->scratch, end, &slice)) {
                sqi_task_misuse(task, "emit on stream \"%s\": a spliced value is not msgpack",
                                collector->streams[stream].stream->id);
                task->refused++;
                return true;
        }
        return deal_all(task, stream, &slice, direct);
}

static bool
may_emit(struct sq_task *task, unsigned stream)
{
        if (!task->collector.open && task->failed < 0)
                return false;
        if (!task->collector.open) {
                sqi_task_misuse(task, task->collector.choosing ? "emit by a grouping, which only chooses"
                                                               : "emit before the topology runs or after it has ended");
                return false;
        }
        if (stream >= task->collector.nstreams) {
                sqi_task_misuse(task, "emit on stream %u, but the component declares %u", stream,
                                (unsigned)task->collector.nstreams);
                return false;
        }
        return true;
}

/* In tests: a view that outlived its callback. */
static bool
holds_stale(struct sq_task *task, size_t n, const struct sq_value *values)
{
        char what[256];

        for (size_t i = 0; i < n; i++) {
                bool views = values[i].type == SQ_STR || values[i].type == SQ_BIN || values[i].form != SQ_PLAIN;
                if (!views ||
                    !task->driver->is_stale(task->driver->context, task, values[i].as.ptr, what, sizeof(what)))
                        continue;
                sqi_task_misuse(
                        task,
                        "emit: value %zu is a view of %s (a view is good until the callback returns: copy it, or keep the "
                        "tuple with sq_keep())",
                        i, what);
                return true;
        }
        return false;
}

/* A stream that nobody reads takes everything; one with readers needs a reader of this kind. */
static bool
is_taken(struct sq_task *task, const struct sqi_stream_targets *targets, int64_t direct)
{
        if (targets->ntargets == 0 || (direct < 0 ? targets->takes_plain : targets->takes_direct))
                return true;
        if (direct < 0)
                sqi_task_misuse(
                        task,
                        "emit on stream \"%s\": all its readers have the grouping \"direct\", so nobody gets the tuple "
                        "(emit it with sq_emit_direct(), or give a reader another grouping)",
                        targets->stream->id);
        else
                sqi_task_misuse(
                        task,
                        "direct emit on stream \"%s\": no reader has the grouping \"direct\", so nobody gets the tuple "
                        "(emit it with sq_emit_on(), or give a reader the grouping \"direct\")",
                        targets->stream->id);
        return false;
}

/* What packing the values can take; 0: the emit is a misuse, which was reported. */
static size_t
admit(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values, int64_t direct)
{
        if (__builtin_expect(!may_emit(task, stream), 0))
                return 0;
        if (__builtin_expect(task->driver && task->driver->is_stale, 0) && holds_stale(task, n, values))
                return 0;
        const struct sqi_stream_targets *targets = &task->collector.streams[stream];
        return is_taken(task, targets, direct) ? check(task, targets, n, values) : 0;
}

static void
emit(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values, int64_t direct)
{
        struct sqi_collector *collector = &task->collector;

        if (__builtin_expect(!collector->open && !collector->choosing && sqi_dead_letter_take(task, stream, n, values),
                             0))
                return;
        size_t size = admit(task, stream, n, values, direct);
        if (__builtin_expect(size == 0, 0)) {
                task->refused++;
                return;
        }
        struct sqi_stream_targets *targets = &collector->streams[stream];
        collector->emitted++;
        if (targets->ntargets == 0)
                return;
        bool done = targets->in_place && direct < 0 ? emit_in_place(task, stream, targets->in_place, size, n, values)
                                                    : emit_by_scratch(task, stream, size, n, values, direct);
        if (__builtin_expect(!done, 0))
                sqi_task_fail(task, -ENOMEM, "out of memory for a batch");
}

/* Packs a tuple of short strings at `at`. Its end, or NULL when there is another value among them. */
static inline uint8_t *
pack_short(uint8_t *at, size_t n, const struct sq_value *values)
{
        *at++ = (uint8_t)(0x90 | n);
        for (size_t i = 0; i < n; i++) {
                if (!sqi_is_short(&values[i]))
                        return NULL;
                *at++ = (uint8_t)(0xa0 | values[i].len);
                at = sqi_copy_short(at, values[i].as.ptr, values[i].len);
        }
        return at;
}

/* Such tuples, as many as there are in a row and go before `end`. How many; *at moves on. */
static inline size_t
pack_tuples(uint8_t **at, const uint8_t *end, size_t n, size_t fields, const struct sq_value *values)
{
        size_t done = 0, most = 1 + fields * 32;
        uint8_t *next;

        for (; done < n && (size_t)(end - *at) >= most; done++, *at = next) {
                next = pack_short(*at, fields, values + done * fields);
                if (!next)
                        break;
        }
        return done;
}

/* The same for tuples of one. */
static inline size_t
pack_words(uint8_t **at, const uint8_t *end, size_t n, const struct sq_value *values)
{
        enum { MOST = 33 };
        uint8_t *to = *at;
        size_t done = 0;

        for (; done < n && end - to >= MOST && sqi_is_short(&values[done]); done++) {
                *to++ = 0x91;
                *to++ = (uint8_t)(0xa0 | values[done].len);
                to = sqi_copy_short(to, values[done].as.ptr, values[done].len);
        }
        *at = to;
        return done;
}

/* The same for tuples of one that may be longer: lines, say. */
static __attribute__((noinline)) size_t
pack_texts(uint8_t **at, const uint8_t *end, size_t n, const struct sq_value *values)
{
        enum { HEADS = 4 };
        size_t done = 0;

        while (done < n && sqi_is_text(&values[done]) && end - *at >= HEADS + (int64_t)values[done].len) {
                *(*at)++ = 0x91;
                *at = sqi_pack_text(*at, &values[done++]);
                done += pack_words(at, end, n - done, values + done);
        }
        return done;
}

/* Counts `n` tuples of one anchor set into the outlet, packed up to `end`. */
static inline bool
stage_quick(struct sqi_collector *collector, struct sqi_outlet *outlet, unsigned stream, size_t n, const uint8_t *end)
{
        touch(collector, outlet);
        if (sqi_batch_add(&outlet->batch, end, (uint16_t)stream, collector->roots, collector->nroots) < 0)
                return false;
        outlet->batch.now.last_count += (uint32_t)n - 1;
        outlet->batch.now.count += (uint32_t)n - 1;
        if (collector->nroots)
                for (size_t i = 0; i < n; i++)
                        collector->edges ^= sqi_edge_id(outlet->edge_key, outlet->seq + i);
        else
                outlet->loose = true;
        outlet->seq += n;
        collector->emitted += n;
        collector->transferred += n;
        return true;
}

/*
 * The shortest way: tuples of short strings, or of one string, to the only task that reads the stream. Checked and
 * packed in one pass, straight into the batch; anything else (another type, a full buffer) leaves no trace and takes
 * the common way. Returns how many are done.
 */
static inline size_t
emit_quick(struct sqi_collector *collector, unsigned stream, size_t n, size_t fields, const struct sq_value *values)
{
        struct sqi_outlet *outlet = collector->streams[stream].quick;
        struct sqi_batch *batch = &outlet->batch;
        int64_t room = room_in(collector, batch);
        uint8_t *at = batch->data + batch->now.len;
        const uint8_t *end = at + room;
        size_t done;

        if (room <= 0)
                return 0;
        done = fields == 1 ? pack_words(&at, end, n, values) : pack_tuples(&at, end, n, fields, values);
        if (done < n && fields == 1)
                done += pack_texts(&at, end, n - done, values + done);
        return done && stage_quick(collector, outlet, stream, done, at) ? done : 0;
}

static inline bool
is_quick(const struct sqi_collector *collector, unsigned stream, size_t fields)
{
        return collector->open && stream < collector->nstreams && collector->streams[stream].quick && fields <= 15 &&
               fields == collector->streams[stream].stream->nfields;
}

void
sq_emit_values(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values)
{
        struct sqi_collector *collector = &task->collector;

        if (!is_quick(collector, stream, n) || emit_quick(collector, stream, 1, n, values) == 0)
                emit(task, stream, n, values, -1);
}

void
sq_emit_many(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values)
{
        struct sqi_collector *collector = &task->collector;
        size_t fields = stream < collector->nstreams ? collector->streams[stream].stream->nfields : 0;

        for (size_t done = 0; done < n; done++) {
                if (is_quick(collector, stream, fields))
                        done += emit_quick(collector, stream, n - done, fields, values + done * fields);
                if (done < n)
                        emit(task, stream, fields, values + done * fields, -1);
        }
}

void
sq_emit_direct_values(struct sq_task *task, unsigned stream, unsigned index, size_t n, const struct sq_value *values)
{
        emit(task, stream, n, values, index);
}

void
sq_emit_to_values(struct sq_task *task, unsigned stream, unsigned number, size_t n, const struct sq_value *values)
{
        uint64_t before = task->collector.transferred;
        bool read = stream < task->collector.nstreams && task->collector.streams[stream].takes_direct;

        emit(task, stream, n, values, BY_NUMBER + number);
        if (read && !task->misused && task->collector.transferred == before) {
                sqi_task_misuse(task, "direct emit to task %u, which does not read the stream by grouping \"direct\"",
                                number);
                task->refused++;
        }
}

void
sq_emit_tuple(struct sq_task *task, unsigned stream, const struct sq_tuple *in)
{
        if (!may_emit(task, stream) || !is_taken(task, &task->collector.streams[stream], -1)) {
                task->refused++;
                return;
        }
        if (in->slice.n != task->collector.streams[stream].stream->nfields) {
                sqi_task_misuse(task, "emit on stream \"%s\": a tuple of %u fields for %u",
                                task->collector.streams[stream].stream->id, (unsigned)in->slice.n,
                                (unsigned)task->collector.streams[stream].stream->nfields);
                task->refused++;
                return;
        }
        task->collector.emitted++;
        if (!deal_all(task, stream, &in->slice, -1))
                sqi_task_fail(task, -ENOMEM, "out of memory for a batch");
}
