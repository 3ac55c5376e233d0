/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/complain.h"
#include "channel/socket.h"
#include "tuple/unpack.h"
#include "viewer/listening.h"

/* Channels that are remembered; a worker that is restarted has new ones. */
enum { CHANNELS_MAX = 1 << 16 };
enum { NOBODY = UINT32_MAX };

/* A channel that a batch has come by, known by its edge key. */
struct channel {
        uint64_t key;
        uint64_t next;     /* number of the tuple behind the last that was seen */
        uint32_t receiver; /* task; NOBODY: not known, or a broadcast */
        bool broadcast;
};

/* By which of the edges of a stream it is looked at: one for what is emitted, one for what is emitted directly. */
struct readers {
        bool wanted;
        const struct sqi_plan_edge *plain, *direct; /* or NULL */
};

struct sqi_viewer {
        struct sqi_listening listening;
        struct sqi_plan *plan;
        const struct sqi_plan_component *component;
        struct readers *streams;
        size_t nchannels, room;
        struct channel *channels;
        struct sqi_viewer_share share;

        /* the batch under way */
        bool open;
        zmq_msg_t message;
        struct sqi_frame frame;
        struct sqi_slice slice;
        uint32_t receiver; /* of its channel, */
        bool broadcast;    /* likewise */
        uint64_t from;     /* tuples before this one were seen */
};

/* ---- What to look at --------------------------------------------------------------------------------- */

static void
find_readers(struct sqi_viewer *viewer)
{
        for (uint32_t e = 0; e < viewer->plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &viewer->plan->edges[e];
                struct readers *readers;
                const struct sqi_plan_edge **place;

                if (&viewer->plan->components[edge->from] != viewer->component)
                        continue;
                readers = &viewer->streams[edge->stream];
                place = edge->grouping == SQI_DIRECT ? &readers->direct : &readers->plain;
                if (!*place)
                        *place = edge;
        }
}

static bool
is_read(const struct readers *readers)
{
        return readers->plain || readers->direct;
}

/* Which streams there are, for an error. */
static int
list_streams(const struct sqi_viewer *viewer, const char *what, char *error, size_t size)
{
        size_t len = (size_t)snprintf(error, size, "%s", what);

        for (uint32_t s = 0, n = 0; s < viewer->component->nstreams && len < size; s++)
                if (is_read(&viewer->streams[s]))
                        len += (size_t)snprintf(error + len, size - len, "%s%s", n++ ? ", " : "",
                                                viewer->component->streams[s].id);
        return -EINVAL;
}

static int
choose(struct sqi_viewer *viewer, const char *stream, char *error, size_t size)
{
        const struct sqi_plan_component *component = viewer->component;
        char what[256];
        bool there = false, any = false, found = false;

        for (uint32_t s = 0; s < component->nstreams; s++) {
                struct readers *readers = &viewer->streams[s];
                bool named = !stream || strcmp(stream, component->streams[s].id) == 0;

                readers->wanted = named && is_read(readers);
                there |= stream && named;
                any |= is_read(readers);
                found |= readers->wanted;
        }
        if (found)
                return 0;
        if (!any)
                return sqi_complain(-EINVAL, error, size,
                                    "nobody reads what %s emits, so it sends nothing (tap who sends to it)",
                                    component->id);
        snprintf(what, sizeof(what),
                 there ? "nobody reads the stream '%s' of %s, so it is not sent; these are: "
                       : "'%s' is not a stream of %s; these are: ",
                 stream, component->id);
        return list_streams(viewer, what, error, size);
}

static int
open_component(struct sqi_viewer *viewer, const char *component, const char *stream, char *error, size_t size)
{
        viewer->component = sqi_plan_find(viewer->plan, component);
        if (!viewer->component)
                return sqi_complain(-EINVAL, error, size, "the topology has no component '%s'", component);
        viewer->streams = calloc(viewer->component->nstreams + 1, sizeof(*viewer->streams));
        if (!viewer->streams)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        find_readers(viewer);
        return choose(viewer, stream, error, size);
}

int
sqi_viewer_open(const char *rundir, const char *component, const char *stream, struct sqi_viewer **ret, char *error,
                size_t size)
{
        struct sqi_viewer *viewer = calloc(1, sizeof(*viewer));
        int r = viewer ? sqi_rundir_plan(rundir, &viewer->plan, error, size)
                       : sqi_complain(-ENOMEM, error, size, "out of memory");

        if (r == 0)
                r = open_component(viewer, component, stream, error, size);
        if (r == 0)
                r = sqi_listening_open(&viewer->listening, rundir, viewer->component->first_task,
                                       viewer->component->ntasks, "", error, size);
        if (r < 0)
                sqi_viewer_close(&viewer);
        else
                *ret = viewer;
        return r;
}

void
sqi_viewer_close(struct sqi_viewer **viewer)
{
        struct sqi_viewer *it = *viewer;

        if (!it)
                return;
        if (it->open)
                zmq_msg_close(&it->message);
        sqi_listening_close(&it->listening);
        sqi_plan_free(&it->plan);
        free(it->streams);
        free(it->channels);
        free(it);
        *viewer = NULL;
}

const struct sqi_plan *
sqi_viewer_plan(const struct sqi_viewer *viewer)
{
        return viewer->plan;
}

const struct sqi_plan_component *
sqi_viewer_component(const struct sqi_viewer *viewer)
{
        return viewer->component;
}

bool
sqi_viewer_has(const struct sqi_viewer *viewer, uint32_t stream)
{
        return viewer->streams[stream].wanted;
}

struct sqi_viewer_share
sqi_viewer_share(const struct sqi_viewer *viewer)
{
        return viewer->share;
}

/* ---- Channels ---------------------------------------------------------------------------------------- */

/* The key says who the channel goes to: only the one to that task is made like this. */
static uint32_t
find_receiver(const struct sqi_plan *plan, const struct sqi_header *header)
{
        for (uint32_t t = 0; t < plan->ntasks; t++)
                if (header->edge_key == sqi_channel_key(header->task, header->incarnation, t, false, false) ||
                    header->edge_key == sqi_channel_key(header->task, header->incarnation, t, false, true))
                        return t;
        return NOBODY;
}

static struct channel *
add_channel(struct sqi_viewer *viewer, const struct sqi_header *header)
{
        if (viewer->nchannels == CHANNELS_MAX)
                viewer->nchannels = 0;
        if (viewer->nchannels == viewer->room) {
                size_t room = viewer->room ? 2 * viewer->room : 16;
                struct channel *channels = realloc(viewer->channels, room * sizeof(*channels));
                if (!channels)
                        return NULL;
                viewer->channels = channels;
                viewer->room = room;
        }
        viewer->channels[viewer->nchannels] = (struct channel){.key = header->edge_key,
                                                               .next = header->first_seq,
                                                               .receiver = find_receiver(viewer->plan, header),
                                                               .broadcast = header->flags & SQI_BATCH_BROADCAST};
        return &viewer->channels[viewer->nchannels++];
}

static struct channel *
find_channel(struct sqi_viewer *viewer, const struct sqi_header *header)
{
        for (size_t i = 0; i < viewer->nchannels; i++)
                if (viewer->channels[i].key == header->edge_key)
                        return &viewer->channels[i];
        return add_channel(viewer, header);
}

/* Does what goes along the edge come by this channel? By the grouping `all` each task of the reader gets it, as a
 * broadcast or, in a cycle, a copy of its own: that of the first one is looked at. */
static bool
comes_by(const struct sqi_viewer *viewer, const struct sqi_plan_edge *edge)
{
        const struct sqi_plan_component *reader = edge ? &viewer->plan->components[edge->to] : NULL;

        if (!edge)
                return false;
        if (edge->grouping == SQI_ALL)
                return viewer->broadcast == !edge->feedback &&
                       (viewer->broadcast || viewer->receiver == reader->first_task);
        return !viewer->broadcast && viewer->receiver - reader->first_task < reader->ntasks;
}

static bool
is_wanted(const struct sqi_viewer *viewer, uint32_t stream)
{
        const struct readers *readers = stream < viewer->component->nstreams ? &viewer->streams[stream] : NULL;

        return readers && readers->wanted && (comes_by(viewer, readers->plain) || comes_by(viewer, readers->direct));
}

static bool
is_any_wanted(const struct sqi_viewer *viewer)
{
        for (uint32_t s = 0; s < viewer->component->nstreams; s++)
                if (is_wanted(viewer, s))
                        return true;
        return false;
}

/* ---- Tuples ------------------------------------------------------------------------------------------ */

bool
sqi_viewer_wait(struct sqi_viewer *viewer, int out, int ms)
{
        return sqi_listening_wait(&viewer->listening, out, ms);
}

/* What was kept for a reader that was restarted is sent, and comes here, again. */
static bool
take_batch(struct sqi_viewer *viewer)
{
        const struct sqi_plan_component *component = viewer->component;
        const struct sqi_header *header = &viewer->frame.header;
        struct channel *channel;
        const char *cause;

        if (sqi_frame_open(&viewer->frame, zmq_msg_data(&viewer->message), zmq_msg_size(&viewer->message), &cause) <
                    0 ||
            header->kind != SQI_BATCH_DATA || header->task - component->first_task >= component->ntasks)
                return false;
        channel = find_channel(viewer, header);
        if (!channel)
                return false;
        viewer->receiver = channel->receiver;
        viewer->broadcast = channel->broadcast;
        viewer->from = channel->next;
        if (header->first_seq + header->count <= channel->next || !is_any_wanted(viewer))
                return false;
        channel->next = header->first_seq + header->count;
        viewer->share.sent += channel->next - viewer->from;
        return true;
}

static bool
next_batch(struct sqi_viewer *viewer)
{
        zmq_msg_init(&viewer->message);
        while (sqi_socket_receive(viewer->listening.socket, &viewer->message) == 0)
                if (take_batch(viewer)) {
                        viewer->open = true;
                        return true;
                }
        zmq_msg_close(&viewer->message);
        return false;
}

static void
end_batch(struct sqi_viewer *viewer)
{
        zmq_msg_close(&viewer->message);
        viewer->open = false;
}

bool
sqi_viewer_next(struct sqi_viewer *viewer, struct sqi_viewed *ret)
{
        struct sqi_frame *frame = &viewer->frame;

        while (viewer->open || next_batch(viewer)) {
                if (sqi_frame_next(frame, &viewer->slice) <= 0) {
                        end_batch(viewer);
                        continue;
                }
                if (frame->header.first_seq + frame->index <= viewer->from)
                        continue;
                viewer->share.seen++;
                if (!is_wanted(viewer, frame->stream) ||
                    viewer->slice.n != viewer->component->streams[frame->stream].nfields)
                        continue;
                *ret = (struct sqi_viewed){.task = frame->header.task,
                                           .number = frame->stream,
                                           .stream = &viewer->component->streams[frame->stream],
                                           .slice = &viewer->slice};
                return true;
        }
        return false;
}

void
sqi_viewer_skip(struct sqi_viewer *viewer)
{
        while (viewer->open || next_batch(viewer))
                end_batch(viewer);
}

struct sq_value
sqi_viewed_field(const struct sqi_viewed *tuple, uint32_t field)
{
        const struct sqi_slice *slice = tuple->slice;

        return sqi_unpack(slice->at + slice->offsets[field], slice->at + slice->offsets[field + 1]);
}

void
sqi_viewed_write(const struct sqi_viewed *tuple, const char *key, struct sqi_writer *writer)
{
        sqi_write_map(writer, key);
        for (uint32_t f = 0; f < tuple->stream->nfields; f++)
                sqi_write_value(writer, tuple->stream->fields[f].name, sqi_viewed_field(tuple, f));
        sqi_write_end(writer);
}
