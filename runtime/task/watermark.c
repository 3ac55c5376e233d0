/* SPDX-License-Identifier: Apache-2.0 */
#include "task/watermark.h"

#include "task/task.h"
#include "tuple/unpack.h"

/* Between two marks at least: each of them ends a batch. */
static const uint64_t PAUSE_NS = 10000000;
/* So many that could not be sent yet, and a channel is told later. */
enum { STUCK_MAX = 4 };

void
sqi_watermark_begin(struct sq_task *task)
{
        task->instance.watermark = SQ_NO_WATERMARK;
        task->instance.seen = SQI_WATERMARK_NONE;
}

int64_t
sq_watermark(const struct sq_task *task)
{
        return task->instance.watermark;
}

/* ---- What is heard ----------------------------------------------------------------------------------- */

static void
expect_sources(struct sq_task *task)
{
        struct sqi_watermarks *marks = &task->watermarks;

        for (uint32_t i = 0; i < task->intake.ninputs; i++) {
                struct sqi_input *input = &task->intake.inputs[i];

                if (!input->stream->watermarks || input->edge->feedback)
                        continue;
                input->watermarks = marks->nheard;
                marks->nheard += task->plan->components[input->edge->from].ntasks;
        }
}

/* NULL: by this stream none come that count. */
static struct sqi_heard *
find(const struct sq_task *task, uint32_t source, uint32_t stream)
{
        uint32_t from = task->plan->tasks[source].component;
        const struct sqi_input *input = sqi_intake_stream(task, source, stream);

        if (!input || input->watermarks == SQI_WATERMARK_NOWHERE)
                return NULL;
        return &task->watermarks.heard[input->watermarks + source - task->plan->components[from].first_task];
}

/* All that may still come is idle. What has ended says nothing of how far that is. */
static bool
is_idle(const struct sqi_watermarks *marks)
{
        return marks->nidle > 0 && marks->nidle + marks->nended == marks->nheard;
}

/* The least of those that are not idle; SQ_NO_WATERMARK: there is none, or one has said nothing yet. */
static int64_t
least(const struct sqi_watermarks *marks)
{
        int64_t watermark = SQ_END_OF_TIME;

        if (marks->nheard == 0 || is_idle(marks))
                return SQ_NO_WATERMARK;
        for (uint32_t i = 0; i < marks->nheard; i++)
                if (!marks->heard[i].idle && marks->heard[i].watermark < watermark)
                        watermark = marks->heard[i].watermark;
        return watermark == SQI_WATERMARK_NONE ? SQ_NO_WATERMARK : watermark;
}

/* For who asks how far it is. */
static void
show(struct sq_task *task, int64_t watermark, bool idle)
{
        struct sqi_shown_time *shown = &task->metrics->time;

        atomic_store_explicit(&shown->idle, idle, memory_order_relaxed);
        if (watermark == SQI_WATERMARK_NONE || watermark == SQ_NO_WATERMARK)
                return;
        atomic_store_explicit(&shown->watermark, watermark, memory_order_relaxed);
        atomic_store_explicit(&shown->known, true, memory_order_release);
}

static void
hear(struct sq_task *task, struct sqi_heard *heard, int64_t watermark)
{
        struct sqi_watermarks *marks = &task->watermarks;
        bool idle = watermark == SQI_WATERMARK_IDLE;
        int64_t now;

        if (heard->watermark == SQ_END_OF_TIME)
                return;
        marks->nidle += (uint32_t)idle - (uint32_t)heard->idle;
        heard->idle = idle;
        marks->nended += watermark == SQ_END_OF_TIME;
        if (watermark > heard->watermark)
                heard->watermark = watermark;
        now = least(marks);
        if (now > task->instance.watermark)
                task->instance.watermark = now;
        if (!task->component->event_time)
                show(task, task->instance.watermark, is_idle(marks));
}

void
sqi_watermark_take(struct sq_task *task, const struct sqi_header *header)
{
        struct sqi_heard *heard = find(task, header->task, header->stream);

        if (heard)
                hear(task, heard, (int64_t)header->epoch);
}

/* Those of its streams that come by the channel which has ended. */
static void
end_streams(struct sq_task *task, const struct sqi_header *header)
{
        bool broadcast = header->flags & SQI_BATCH_BROADCAST;

        for (uint32_t s = 0; s < task->intake.streams; s++) {
                struct sqi_heard *heard = !broadcast || s == header->stream ? find(task, header->task, s) : NULL;
                const struct sqi_input *input = heard ? sqi_intake_stream(task, header->task, s) : NULL;

                if (input && (input->edge->grouping == SQI_ALL) == broadcast)
                        hear(task, heard, SQ_END_OF_TIME);
        }
}

void
sqi_watermark_end(struct sq_task *task, const struct sqi_header *header)
{
        if (header->handover & SQI_END_DRAINED)
                task->watermarks.drained = true;
        else if (!(header->handover & SQI_END_HANDOVER) && task->watermarks.heard)
                end_streams(task, header);
}

/* ---- Its own event time ------------------------------------------------------------------------------ */

static __attribute__((noinline, cold)) void
miss(struct sq_task *task, struct sq_value value)
{
        const struct sqi_event_time *time = task->component->event_time;
        const struct sqi_plan_stream *stream = &task->component->streams[time->stream];
        char json[128], text[512];

        sqi_count(&task->metrics->untimed, 1);
        sq_json(value, json, sizeof(json));
        snprintf(text, sizeof(text), "in field \"%s\" of stream \"%s\": %s", stream->fields[time->place].name,
                 stream->id, json);
        sqi_task_log_seldom(task, "a tuple without an event time does not move the watermark", text);
}

static void
see(struct sq_task *task, struct sq_value value)
{
        struct sqi_latest *latest = &task->collector.latest;
        int64_t ns;

        if (__builtin_expect(!sqi_event_time_of(&task->component->event_time->format, value, &ns), 0)) {
                miss(task, value);
                return;
        }
        latest->timed = true;
        if (latest->emitted != task->metrics->emitted) {
                latest->emitted = task->metrics->emitted;
                latest->before = *latest->seen;
        }
        if (ns > *latest->seen)
                *latest->seen = ns;
}

void
sqi_watermark_emit(struct sq_task *task, const struct sqi_slice *tuple)
{
        const uint32_t *offset = &tuple->offsets[task->component->event_time->place];

        see(task, sqi_unpack(tuple->at + offset[0], tuple->at + offset[1]));
}

bool
sqi_watermark_emit_plain(struct sq_task *task, size_t n, const struct sq_value *values)
{
        const struct sqi_event_time *time = task->component->event_time;

        if (n != task->component->streams[time->stream].nfields || values[time->place].form != SQ_PLAIN)
                return false;
        see(task, values[time->place]);
        return true;
}

/* By the latest time that it has emitted, whether it is idle by now or not. */
static int64_t
last_own(const struct sq_task *task)
{
        int64_t seen = task->instance.seen, watermark;

        if (seen == SQI_WATERMARK_NONE)
                return seen;
        if (__builtin_sub_overflow(seen, task->component->event_time->disorder_ns, &watermark) ||
            watermark <= SQI_WATERMARK_NONE)
                return SQI_WATERMARK_NONE + 1;
        return watermark;
}

void
sqi_watermark_look(struct sq_task *task, bool waits)
{
        const struct sqi_event_time *time = task->component->event_time;
        struct sqi_watermarks *marks = &task->watermarks;
        struct sqi_latest *latest = &task->collector.latest;

        if (!latest->seen)
                return;
        if (latest->timed || !waits)
                marks->quiet_ns = task->now_ns;
        if (latest->timed)
                marks->idle = false;
        else if (time->idle_ns && task->now_ns - marks->quiet_ns >= time->idle_ns)
                marks->idle = true;
        latest->timed = false;
        show(task, last_own(task), marks->idle);
}

/* ---- What is told ------------------------------------------------------------------------------------ */

void
sq_hold_back_watermark(struct sq_task *task, unsigned stream, int64_t ns)
{
        if (stream <= SQ_DECLARED_STREAMS_MAX && ns >= 0)
                task->instance.held_back[stream] = ns;
}

static int64_t
passed_on(const struct sq_task *task, uint32_t stream)
{
        int64_t watermark = task->instance.watermark, less;

        if (is_idle(&task->watermarks))
                return SQI_WATERMARK_IDLE;
        if (watermark == SQ_NO_WATERMARK || watermark == SQ_END_OF_TIME)
                return watermark == SQ_NO_WATERMARK ? SQI_WATERMARK_NONE : watermark;
        if (__builtin_sub_overflow(watermark, task->instance.held_back[stream], &less) || less <= SQI_WATERMARK_NONE)
                return SQI_WATERMARK_NONE;
        return less;
}

/* What is to be said of the stream. */
static int64_t
word_on(const struct sq_task *task, uint32_t stream)
{
        if (task->collector.streams[stream].time)
                return task->watermarks.idle ? SQI_WATERMARK_IDLE : last_own(task);
        return passed_on(task, stream);
}

/* One that is told nothing, or was told all. */
static bool
knows(const struct sqi_target *target, uint32_t outlet, int64_t word)
{
        return target->told[outlet] == word || target->outlets[outlet]->ended;
}

static bool
is_told(const struct sq_task *task)
{
        for (uint32_t s = 0; s < task->collector.nstreams; s++) {
                const struct sqi_stream_targets *stream = &task->collector.streams[s];

                for (uint32_t t = 0; t < stream->ntargets; t++)
                        for (uint32_t o = 0; stream->targets[t].told && o < stream->targets[t].noutlets; o++)
                                if (!knows(&stream->targets[t], o, word_on(task, s)))
                                        return false;
        }
        return true;
}

static void
tell_target(struct sq_task *task, struct sqi_target *target, uint32_t stream, int64_t word)
{
        int r = 0;

        for (uint32_t o = 0; target->told && o < target->noutlets && (r == 0 || r == -EAGAIN); o++) {
                if (knows(target, o, word) || target->outlets[o]->nstuck >= STUCK_MAX)
                        continue;
                r = sqi_outlet_watermark(target->outlets[o], &task->collector.source, stream, word);
                target->told[o] = word;
        }
        if (r < 0 && r != -EAGAIN)
                sqi_task_fail(task, r, "cannot send a watermark: %s", zmq_strerror(-r));
}

/* Between two callbacks. Timers that are due come first: what they emit is not late for whoever reads it. */
void
sqi_watermark_tell(struct sq_task *task)
{
        struct sqi_collector *collector = &task->collector;

        if (!task->watermarks.tells || task->phase != SQI_RUNNING || task->failed < 0 || task->bolt.in_execute ||
            sqi_timers_have_come(&task->instance.event_timers, task->instance.watermark) ||
            (!task->driver && task->now_ns < task->watermarks.told_ns + PAUSE_NS) || is_told(task))
                return;
        task->watermarks.told_ns = task->now_ns;
        for (uint32_t s = 0; s < collector->nstreams; s++)
                for (uint32_t t = 0; t < collector->streams[s].ntargets; t++)
                        tell_target(task, &collector->streams[s].targets[t], s, word_on(task, s));
}

void
sqi_watermark_tell_anew(struct sq_task *task, uint32_t reader)
{
        for (uint32_t s = 0; s < task->collector.nstreams; s++) {
                const struct sqi_stream_targets *stream = &task->collector.streams[s];

                for (uint32_t t = 0; t < stream->ntargets; t++)
                        for (uint32_t o = 0; stream->targets[t].told && o < stream->targets[t].noutlets; o++)
                                if (stream->targets[t].outlets[o]->broadcast ||
                                    stream->targets[t].outlets[o]->receiver == reader)
                                        stream->targets[t].told[o] = SQI_WATERMARK_NONE;
        }
}

/* ---- Life -------------------------------------------------------------------------------------------- */

uint64_t
sqi_watermark_due(const struct sq_task *task)
{
        const struct sqi_watermarks *marks = &task->watermarks;
        uint64_t due = UINT64_MAX;

        if (!marks->tells)
                return due;
        if (!is_told(task))
                due = marks->told_ns + PAUSE_NS;
        if (task->collector.latest.seen && task->component->event_time->idle_ns && !marks->idle &&
            marks->quiet_ns + task->component->event_time->idle_ns < due)
                due = marks->quiet_ns + task->component->event_time->idle_ns;
        return due;
}

static int
open_targets(struct sq_task *task, uint32_t number)
{
        struct sqi_stream_targets *stream = &task->collector.streams[number];

        for (uint32_t t = 0; t < stream->ntargets && stream->stream->watermarks; t++) {
                struct sqi_target *target = &stream->targets[t];

                if (target->edge->feedback)
                        continue;
                target->told = calloc(target->noutlets, sizeof(*target->told));
                if (!target->told)
                        return -ENOMEM;
                for (uint32_t o = 0; o < target->noutlets; o++)
                        target->told[o] = SQI_WATERMARK_NONE;
                task->watermarks.tells = true;
        }
        return 0;
}

void
sqi_watermark_forget(struct sq_task *task)
{
        task->watermarks.nidle = task->watermarks.nended = 0;
        for (uint32_t i = 0; i < task->watermarks.nheard; i++)
                task->watermarks.heard[i] = (struct sqi_heard){.watermark = SQI_WATERMARK_NONE};
}

int
sqi_watermark_open(struct sq_task *task)
{
        struct sqi_watermarks *marks = &task->watermarks;
        int r = 0;

        expect_sources(task);
        marks->heard = calloc(marks->nheard + 1, sizeof(*marks->heard));
        if (!marks->heard)
                return -ENOMEM;
        sqi_watermark_forget(task);
        for (uint32_t s = 0; s < task->collector.nstreams && r == 0; s++)
                r = open_targets(task, s);
        return r;
}

void
sqi_watermark_close(struct sq_task *task)
{
        free(task->watermarks.heard);
        task->watermarks = (struct sqi_watermarks){0};
}
