/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where batches come in. Everything here is bytes from another process: what is no batch, or not meant for this task,
 * is counted, logged and refused.
 *
 * A task of a bolt ends when every source has sent its end-of-stream mark: one for each channel (inbox, broadcast) of
 * each source task. Marks of feedback edges are not waited for; a task of a cycle is released by the supervisor
 * instead, when the cycle is quiet.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/endpoint.h"
#include "channel/socket.h"
#include "task/task.h"

/* The channels of each source task: the inbox, the feedback inbox, and behind them the broadcast of each stream. */
enum { INBOX, FEEDBACK, BROADCASTS };

/* How long a task waits for word of a death that another one knows of. */
static const uint64_t AWAIT_NS = 1000000000;

static bool
is_mine(const struct sq_task *task, const struct sqi_plan_edge *edge)
{
        return &task->plan->components[edge->to] == task->component;
}

static void
describe_input(const struct sq_task *task, const struct sqi_plan_edge *edge, struct sqi_input *input)
{
        input->edge = edge;
        input->source = task->plan->components[edge->from].id;
        input->stream = &task->plan->components[edge->from].streams[edge->stream];
        input->nfields = edge->nin ? edge->nin : input->stream->nfields;
        input->watermarks = SQI_WATERMARK_NOWHERE;
        input->in_order = 0;
        for (uint32_t f = 0; f < input->nfields; f++) {
                input->places[f] = (uint8_t)(edge->nin ? edge->in[f] : f);
                if (input->in_order == f && input->places[f] == input->places[0] + f)
                        input->in_order++;
        }
}

static uint32_t
channel_of(bool feedback, bool broadcast, uint32_t stream)
{
        if (broadcast)
                return BROADCASTS + stream;
        return feedback ? FEEDBACK : INBOX;
}

/* Its place among the channels of all tasks; SIZE_MAX: there is no such channel. */
static inline size_t
place_in(const struct sqi_intake *intake, uint32_t source, uint32_t channel)
{
        uint32_t channels = BROADCASTS + intake->streams;

        return __builtin_expect(channel >= channels, 0) ? SIZE_MAX : (size_t)source * channels + channel;
}

/* No mark comes by what is no channel of ours. */
static void
expect_epochs(struct sq_task *task)
{
        const struct sqi_plan *plan = task->plan;
        const struct sqi_intake *intake = &task->intake;

        for (size_t i = 0; i < intake->nchannels; i++)
                intake->marks[i] = SQI_EPOCH_LAST;
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_component *from = &plan->components[edge->from];
                bool broadcast = edge->grouping == SQI_ALL && !edge->feedback;

                if (!is_mine(task, edge))
                        continue;
                for (uint32_t t = from->first_task; t < from->first_task + from->ntasks; t++)
                        intake->marks[place_in(intake, t, channel_of(edge->feedback, broadcast, edge->stream))] = 0;
        }
}

/* Adds up the marks that must come before this task is at its end. `ended` starts with what will never come. */
static void
expect_marks(struct sq_task *task)
{
        const struct sqi_plan *plan = task->plan;
        struct sqi_intake *intake = &task->intake;

        for (size_t i = 0; i < intake->nchannels; i++)
                intake->ended[i] = true;
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_component *from = &plan->components[edge->from];
                if (!is_mine(task, edge) || edge->feedback)
                        continue;
                uint32_t channel = channel_of(false, edge->grouping == SQI_ALL, edge->stream);
                for (uint32_t t = from->first_task; t < from->first_task + from->ntasks; t++) {
                        bool *ended = &intake->ended[place_in(intake, t, channel)];
                        if (!*ended)
                                continue;
                        *ended = false;
                        intake->marks_missing++;
                        if (!task->component->cycle || from->cycle != task->component->cycle)
                                intake->outside_missing++;
                }
        }
}

/* A restarted task comes into channels that flow, unless all were restarted with it; and the test rig feeds it from
 * anywhere. */
static void
begin_sequences(struct sq_task *task)
{
        bool in_the_middle = task->driver ? !task->driver->restores : task->incarnation > 0 && !task->epoch.exact;

        for (size_t i = 0; in_the_middle && i < task->intake.nchannels; i++)
                sqi_sequence_join(&task->intake.sequences[i]);
}

/* Nobody is told of the deaths of its own worker: it is what came after them. */
static void
begin_fence(struct sq_task *task)
{
        const struct sqi_plan_task *tasks = task->plan->tasks;

        for (uint32_t t = 0; t < task->plan->ntasks; t++)
                if (tasks[t].worker == tasks[task->id].worker)
                        sqi_intake_lose(task, t, task->incarnation);
}

/* What a channel costs is there for each task of the plan, so there are no more than can come in. */
static uint32_t
most_streams(const struct sq_task *task)
{
        uint32_t most = 0;

        for (uint32_t e = 0; e < task->plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &task->plan->edges[e];
                uint32_t n = task->plan->components[edge->from].nstreams;
                if (is_mine(task, edge) && n > most)
                        most = n;
        }
        return most;
}

static int
open_inputs(struct sq_task *task)
{
        const struct sqi_plan *plan = task->plan;
        struct sqi_intake *intake = &task->intake;

        intake->inputs = calloc(plan->nedges + 1, sizeof(*intake->inputs));
        intake->streams = most_streams(task);
        intake->by_stream = calloc((size_t)plan->ncomponents * intake->streams + 1, sizeof(void *));
        intake->fence = calloc(plan->ntasks, sizeof(*intake->fence));
        intake->owed = calloc(plan->ntasks, sizeof(*intake->owed));
        intake->nchannels = (size_t)plan->ntasks * (BROADCASTS + intake->streams);
        intake->sequences = calloc(intake->nchannels, sizeof(*intake->sequences));
        intake->marks = calloc(intake->nchannels, sizeof(*intake->marks));
        intake->ended = calloc(intake->nchannels, sizeof(*intake->ended));
        if (!intake->inputs || !intake->by_stream || !intake->ended || !intake->fence || !intake->owed ||
            !intake->sequences || !intake->marks)
                return -ENOMEM;
        begin_sequences(task);
        begin_fence(task);
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                if (!is_mine(task, edge))
                        continue;
                struct sqi_input *input = &intake->inputs[intake->ninputs++];
                describe_input(task, edge, input);
                intake->by_stream[(size_t)edge->from * intake->streams + edge->stream] = input;
        }
        expect_marks(task);
        expect_epochs(task);
        return 0;
}

static int
bind_pull(struct sq_task *task, enum sqi_endpoint_kind kind, void **ret)
{
        *ret = sqi_socket_new(task->context, ZMQ_PULL, (int)task->plan->config.channel_batches);
        return *ret ? sqi_task_bind(task, *ret, kind) : -errno;
}

int
sqi_intake_bind(struct sq_task *task)
{
        struct sqi_intake *intake = &task->intake;
        bool feedback = false, broadcasts = false;
        int r = open_inputs(task);

        sqi_load_forget(task->load);
        for (uint32_t i = 0; i < intake->ninputs; i++) {
                feedback |= intake->inputs[i].edge->feedback;
                broadcasts |= intake->inputs[i].edge->grouping == SQI_ALL && !intake->inputs[i].edge->feedback;
        }
        if (r == 0 && intake->ninputs)
                r = bind_pull(task, SQI_INBOX, &intake->inbox);
        if (r == 0 && feedback)
                r = bind_pull(task, SQI_FEEDBACK, &intake->feedback);
        if (r == 0 && broadcasts) {
                intake->broadcasts = sqi_socket_new(task->context, ZMQ_SUB, (int)task->plan->config.channel_batches);
                r = intake->broadcasts ? sqi_socket_keep_subscriptions(intake->broadcasts) : -errno;
        }
        return r;
}

/*
 * Subscribes to exactly the batches and marks of one stream of one source task, by their heads up to the task (wire.h),
 * and last to who we are: when the source sees that, it has seen the others. ZeroMQ sends them in this order, or in
 * that of their bytes when it connects.
 */
static int
subscribe(struct sq_task *task, uint32_t source, uint32_t stream)
{
        static const uint8_t kinds[] = {SQI_BATCH_DATA, SQI_BATCH_END, SQI_BATCH_CHECKPOINT, SQI_BATCH_WATERMARK,
                                        SQI_READER_KIND};
        struct sqi_header header = {
                .magic = "SQB",
                .version = SQI_WIRE_VERSION,
                .flags = SQI_BATCH_BROADCAST,
                .stream = (uint16_t)stream,
                .task = source,
        };
        struct sqi_reader_topic topic = {.task = task->id, .incarnation = task->incarnation};

        for (size_t k = 0; k < sizeof(kinds); k++) {
                header.kind = kinds[k];
                memcpy(topic.head, &header, sizeof(topic.head));
                size_t size = kinds[k] == SQI_READER_KIND ? sizeof(topic) : sizeof(topic.head);
                if (zmq_setsockopt(task->intake.broadcasts, ZMQ_SUBSCRIBE, &topic, size) < 0)
                        return -errno;
        }
        return 0;
}

static int
connect_source(struct sq_task *task, uint32_t source)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        bool inproc = task->plan->tasks[source].worker == task->plan->tasks[task->id].worker;
        int r = sqi_endpoint(task->rundir, SQI_BROADCAST, source, inproc, endpoint);

        return r < 0 ? r : sqi_socket_connect(task->intake.broadcasts, endpoint);
}

int
sqi_intake_connect(struct sq_task *task)
{
        const struct sqi_plan *plan = task->plan;
        uint8_t *connected = calloc(plan->ncomponents, 1);
        int r = connected ? 0 : -ENOMEM;

        for (uint32_t e = 0; e < plan->nedges && r == 0; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_component *from = &plan->components[edge->from];
                if (!is_mine(task, edge) || edge->grouping != SQI_ALL || edge->feedback)
                        continue;
                for (uint32_t t = from->first_task; t < from->first_task + from->ntasks && r == 0; t++) {
                        r = subscribe(task, t, edge->stream);
                        if (r == 0 && !connected[edge->from])
                                r = connect_source(task, t);
                }
                connected[edge->from] = 1;
        }
        free(connected);
        return r;
}

void
sqi_intake_close(struct sq_task *task)
{
        struct sqi_intake *intake = &task->intake;

        sqi_socket_close(&intake->inbox);
        sqi_socket_close(&intake->feedback);
        sqi_socket_close(&intake->broadcasts);
        free(intake->inputs);
        free(intake->by_stream);
        free(intake->ended);
        free(intake->fence);
        free(intake->owed);
        free(intake->sequences);
        free(intake->marks);
        sqi_transit_clear(&intake->backlog);
        memset(intake, 0, sizeof(*intake));
}

bool
sqi_intake_fetch(struct sq_task *task, zmq_msg_t *message)
{
        struct sqi_intake *intake = &task->intake;
        void *first = intake->inbox, *second = intake->broadcasts;

        if (second) {
                if (!intake->turn)
                        first = intake->broadcasts, second = intake->inbox;
                intake->turn = !intake->turn;
        }
        return (first && sqi_socket_receive(first, message) == 0) ||
               (second && sqi_socket_receive(second, message) == 0);
}

/* Feedback first: a cycle must drain before it takes in more. */
int
sqi_intake_receive(struct sq_task *task, zmq_msg_t *message)
{
        struct sqi_intake *intake = &task->intake;

        intake->from_feedback = intake->feedback && sqi_socket_receive(intake->feedback, message) == 0;
        if (intake->from_feedback) {
                sqi_load_fed_back(task->load, zmq_msg_size(message));
                return 1;
        }
        if (sqi_intake_is_closed(task))
                return 0;
        intake->from_backlog = __builtin_expect(intake->backlog.first != NULL, 0) &&
                               sqi_transit_take(&intake->backlog, message, &intake->from_feedback);
        if (!intake->from_backlog && !sqi_intake_fetch(task, message))
                return 0;
        sqi_load_arrive(task->load, zmq_msg_size(message)); /* as its sender has counted it */
        return 1;
}

/*
 * The supervisor tells all tasks of a death, but a replay can be faster than its word. Who executed it before would
 * send it into the channel to the dead task, where it is lost, and its tree with it until the message timeout. So word
 * of the death comes first; if none comes, it was rubbish or the supervisor died over it.
 */
static void
await_word(struct sq_task *task, uint16_t deaths)
{
        uint64_t until = sqi_clock_ns() + AWAIT_NS;

        if (task->epoch.exact) {
                task->intake.believed = deaths; /* whoever has died, all began anew with it */
                return;
        }
        sqi_task_serve(task);
        while (sqi_is_behind(task->intake.deaths, deaths) && !task->driver && !task->quitting && task->failed == 0 &&
               task->now_ns < until)
                sqi_task_wait(task, false, until);
        if (sqi_is_behind(task->intake.believed, deaths))
                task->intake.believed = deaths;
}

static void
take_mark(struct sq_task *task, const struct sqi_header *header)
{
        struct sqi_intake *intake = &task->intake;
        bool broadcast = header->flags & SQI_BATCH_BROADCAST;
        size_t place = place_in(intake, header->task, channel_of(false, broadcast, header->stream));
        uint32_t cycle = task->plan->components[task->plan->tasks[header->task].component].cycle;

        if (place == SIZE_MAX || intake->ended[place])
                return;
        intake->ended[place] = true;
        task->handover.begun |= (header->handover & SQI_END_HANDOVER) != 0;
        sqi_watermark_end(task, header);
        intake->marks_missing--;
        if (!task->component->cycle || cycle != task->component->cycle)
                intake->outside_missing--;
}

static void
report_gap(struct sq_task *task, const struct sqi_header *header, uint64_t expected)
{
        static const char what[] = "a batch was lost or came twice";
        char name[128], text[256];

        sqi_count(&task->metrics->gaps, 1);
        snprintf(text, sizeof(text),
                 "from %s, incarnation %" PRIu32 ", %s: tuple %" PRIu64 " was to come, not %" PRIu64,
                 sqi_task_name(task->plan, header->task, name, sizeof(name)), header->incarnation,
                 header->flags & SQI_BATCH_BROADCAST ? "broadcast" : "inbox", expected, header->first_seq);
        if (task->epoch.exact)
                sqi_task_fail(task, -EBADMSG, "%s: %s", what, text);
        else
                sqi_task_log_seldom(task, what, text);
}

/* Where it stands among the channels; SIZE_MAX: it is of no stream of ours, and its tuples are refused one by one. */
static inline size_t
place_of(const struct sq_task *task, const struct sqi_header *header)
{
        bool broadcast = header->flags & SQI_BATCH_BROADCAST;

        return place_in(&task->intake, header->task, channel_of(task->intake.from_feedback, broadcast, header->stream));
}

/* Nobody but us knows that a batch is missing. Its trees come again after their message timeout
 * (docs/guarantees.md). */
static inline void
check_sequence(struct sq_task *task, const struct sqi_header *header)
{
        size_t place = place_of(task, header);

        if (__builtin_expect(place == SIZE_MAX, 0))
                return;
        struct sqi_sequence *sequence = &task->intake.sequences[place];
        uint64_t expected = sequence->next;
        if (__builtin_expect(!sqi_sequence_take(sequence, header), 0))
                report_gap(task, header, expected);
}

/* It was sent before its sender began the epoch under way. */
static void
record(struct sq_task *task, const struct sqi_header *header, zmq_msg_t *message)
{
        size_t place = place_of(task, header);

        if (place != SIZE_MAX && task->intake.marks[place] < task->epoch.begun)
                sqi_epoch_record(task, message, task->intake.from_feedback);
}

/* What a message is to the channel that it comes by: the next one in it; part of an epoch, or the mark of one. */
static inline void
note_in_channel(struct sq_task *task, const struct sqi_header *header, zmq_msg_t *message)
{
        size_t place = place_of(task, header);
        bool is_end = header->kind == SQI_BATCH_END, marks = is_end || header->kind == SQI_BATCH_CHECKPOINT;

        if (!is_end)
                check_sequence(task, header);
        if (__builtin_expect(!marks, 1)) {
                if (__builtin_expect(task->epoch.recording, 0))
                        record(task, header, message);
        } else if (place != SIZE_MAX && (is_end || (task->failed == 0 && header->epoch < SQI_EPOCH_LAST)))
                sqi_epoch_mark(task, &task->intake.marks[place], is_end ? SQI_EPOCH_LAST : header->epoch);
}

/* What holds no tuples. Behind what came before it. */
static void
take_kind(struct sq_task *task, const struct sqi_header *header)
{
        if (header->kind == SQI_BATCH_END)
                take_mark(task, header);
        else if (header->kind == SQI_BATCH_WATERMARK)
                sqi_watermark_take(task, header);
}

/* False: it is refused, or comes from a dead incarnation. */
static bool
admit(struct sq_task *task, zmq_msg_t *message, struct sqi_frame *frame)
{
        const char *cause = "";
        int r = sqi_frame_open(frame, zmq_msg_data(message), zmq_msg_size(message), &cause);

        sqi_count(&task->metrics->batches_in, 1);
        sqi_count(&task->metrics->bytes_in, zmq_msg_size(message));
        if (r < 0) {
                sqi_intake_refuse(task, UINT32_MAX, cause);
                return false;
        }
        if (frame->header.task >= task->plan->ntasks) {
                sqi_intake_refuse(task, UINT32_MAX, "no such source task in this topology");
                return false;
        }
        if (__builtin_expect(frame->header.kind == SQI_BATCH_DATA &&
                                     sqi_is_behind(task->intake.believed, frame->header.deaths),
                             0))
                await_word(task, frame->header.deaths);
        if (frame->header.incarnation < task->intake.fence[frame->header.task]) {
                sqi_count(&task->metrics->fenced, 1);
                return false;
        }
        return true;
}

bool
sqi_intake_open_ahead(struct sq_task *task, zmq_msg_t *message)
{
        struct sqi_frame frame;

        if (!admit(task, message, &frame))
                return false;
        note_in_channel(task, &frame.header, message);
        return frame.header.kind != SQI_BATCH_CHECKPOINT;
}

bool
sqi_intake_open(struct sq_task *task, zmq_msg_t *message, struct sqi_frame *frame)
{
        if (__builtin_expect(task->intake.from_backlog, 0))
                return sqi_intake_reopen(task, message, frame);
        if (!admit(task, message, frame))
                return false;
        note_in_channel(task, &frame->header, message);
        if (frame->header.kind != SQI_BATCH_DATA) {
                take_kind(task, &frame->header);
                return false;
        }
        if (frame->header.flags & SQI_BATCH_BROADCAST)
                frame->header.edge_key = sqi_edge_key_of(frame->header.edge_key, task->id);
        return true;
}

bool
sqi_intake_reopen(struct sq_task *task, zmq_msg_t *message, struct sqi_frame *frame)
{
        const char *cause = "";
        int r = sqi_frame_open(frame, zmq_msg_data(message), zmq_msg_size(message), &cause);

        if (r == 0 && (frame->header.task >= task->plan->ntasks || frame->header.kind == SQI_BATCH_CHECKPOINT))
                cause = "no batch of a task of this topology";
        if (cause[0]) {
                sqi_intake_refuse(task, UINT32_MAX, cause);
                return false;
        }
        if (frame->header.kind != SQI_BATCH_DATA) {
                take_kind(task, &frame->header);
                return false;
        }
        if (frame->header.flags & SQI_BATCH_BROADCAST)
                frame->header.edge_key = sqi_edge_key_of(frame->header.edge_key, task->id);
        return true;
}

void
sqi_intake_take_in(struct sq_task *task)
{
        zmq_msg_t message;

        if (task->intake.feedback || task->phase != SQI_RUNNING)
                return;
        while (task->epoch.recording && task->epoch.missing > 0 && task->failed == 0) {
                zmq_msg_init(&message);
                bool came = sqi_intake_fetch(task, &message);
                if (came && !sqi_intake_open_ahead(task, &message))
                        sqi_load_arrive(task->load, zmq_msg_size(&message));
                else if (came && sqi_transit_add(&task->intake.backlog, &message, false) < 0)
                        sqi_task_fail(task, -ENOMEM, "out of memory for what is on its way to it");
                zmq_msg_close(&message);
                if (!came)
                        return;
        }
}

const struct sqi_input *
sqi_intake_input(const struct sq_task *task, const struct sqi_frame *frame)
{
        return sqi_intake_stream(task, frame->header.task, frame->stream);
}
