/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "channel/socket.h"

void
sqi_outlet_init(struct sqi_outlet *outlet, const struct sqi_source *source, void *socket, uint32_t receiver,
                bool broadcast, bool feedback)
{
        memset(outlet, 0, sizeof(*outlet));
        outlet->socket = socket;
        outlet->receiver = receiver;
        outlet->broadcast = broadcast;
        outlet->feedback = feedback;
        outlet->edge_key = sqi_channel_key(source->task, source->incarnation, receiver, broadcast, feedback);
        outlet->stuck_end = &outlet->stuck;
        outlet->kept_end = &outlet->kept;
        outlet->most = UINT32_MAX;
}

/* The load of the next receiver from `*at` on, which begins at 0; NULL: there are no more, or none is known. */
static inline struct sqi_load *
next_load(const struct sqi_outlet *outlet, uint32_t *at)
{
        if (!outlet->load)
                return NULL;
        if (!outlet->broadcast)
                return (*at)++ == 0 ? outlet->load : NULL;
        while (*at < outlet->nreaders && !outlet->readers[*at].expected)
                ++*at;
        return *at < outlet->nreaders ? &outlet->load[(*at)++] : NULL;
}

/* How many tuples the next batch is to hold: what the slowest receiver has the time for. */
static void
learn(struct sqi_outlet *outlet)
{
        uint32_t at = 0;

        outlet->most = UINT32_MAX;
        for (struct sqi_load *load; (load = next_load(outlet, &at));) {
                uint32_t fits = sqi_load_fits(load, SQI_BATCH_NS);
                if (fits < outlet->most)
                        outlet->most = fits;
        }
}

void
sqi_outlet_watch(struct sqi_outlet *outlet, struct sqi_load *load)
{
        outlet->load = load;
        learn(outlet);
}

int
sqi_outlet_expect(struct sqi_outlet *outlet, uint32_t ntasks, uint32_t first, uint32_t n)
{
        sqi_assert(first <= ntasks && n <= ntasks - first && (!outlet->readers || outlet->nreaders == ntasks));
        if (!outlet->readers)
                outlet->readers = calloc(ntasks, sizeof(*outlet->readers));
        if (!outlet->readers)
                return -ENOMEM;
        outlet->nreaders = ntasks;
        outlet->expected += n;
        for (uint32_t i = 0; i < n; i++)
                outlet->readers[first + i].expected = true;
        return 0;
}

static void
set_listens(struct sqi_outlet *outlet, struct sqi_listener *reader, bool listens)
{
        outlet->subscribed += (uint32_t)listens - (uint32_t)reader->listens;
        reader->listens = listens;
}

static struct sqi_listener *
find_reader(struct sqi_outlet *outlet, uint32_t task)
{
        return task < outlet->nreaders && outlet->readers[task].expected ? &outlet->readers[task] : NULL;
}

/* A dead one may leave after its successor has come. */
void
sqi_outlet_reader(struct sqi_outlet *outlet, uint32_t task, uint32_t incarnation, bool listens)
{
        struct sqi_listener *reader = find_reader(outlet, task);

        if (!reader || incarnation < reader->incarnation || (!listens && incarnation > reader->incarnation))
                return;
        reader->incarnation = incarnation;
        set_listens(outlet, reader, listens);
}

void
sqi_outlet_lose_reader(struct sqi_outlet *outlet, uint32_t task, uint32_t incarnation)
{
        struct sqi_listener *reader = find_reader(outlet, task);

        if (!reader || incarnation <= reader->incarnation)
                return;
        reader->incarnation = incarnation;
        set_listens(outlet, reader, false);
}

static struct sqi_sealed *
pop(struct sqi_outlet *outlet)
{
        struct sqi_sealed *sealed = outlet->stuck;

        outlet->stuck = sealed->next;
        if (!outlet->stuck)
                outlet->stuck_end = &outlet->stuck;
        outlet->nstuck--;
        outlet->urgent -= outlet->urgent > 0;
        return sealed;
}

void
sqi_outlet_drop(struct sqi_outlet *outlet)
{
        outlet->dropped |= outlet->stuck || !sqi_batch_is_empty(&outlet->batch);
        while (outlet->stuck) {
                struct sqi_sealed *sealed = pop(outlet);
                zmq_msg_close(&sealed->message);
                free(sealed);
        }
        sqi_batch_clear(&outlet->batch);
}

void
sqi_outlet_clear(struct sqi_outlet *outlet)
{
        sqi_outlet_drop(outlet);
        free(outlet->readers);
        while (outlet->kept) {
                struct sqi_sealed *sealed = outlet->kept;
                outlet->kept = sealed->next;
                zmq_msg_close(&sealed->message);
                free(sealed);
        }
}

/* Queues the message behind what is stuck; takes it over unless -ENOMEM. */
static int
queue(struct sqi_outlet *outlet, zmq_msg_t *message)
{
        struct sqi_sealed *sealed = malloc(sizeof(*sealed));

        if (!sealed)
                return -ENOMEM;
        sealed->next = NULL;
        zmq_msg_init(&sealed->message);
        zmq_msg_move(&sealed->message, message);
        *outlet->stuck_end = sealed;
        outlet->stuck_end = &sealed->next;
        outlet->nstuck++;
        return 0;
}

/* A cycle stays live by its feedback, which never waits for a receiver. */
static bool
is_held(const struct sqi_outlet *outlet)
{
        uint32_t at = 0;
        bool held = false;

        if (outlet->feedback)
                return false;
        for (struct sqi_load *load; !held && (load = next_load(outlet, &at));)
                held = sqi_load_exceeds(load, SQI_QUEUE_NS);
        return held;
}

/* Is more on its way to a receiver than may be? */
static bool
exceeds(const struct sqi_outlet *outlet, const struct sqi_source *source)
{
        uint32_t at = 0;
        bool bytes = false;

        for (struct sqi_load *load; !bytes && (load = next_load(outlet, &at));)
                bytes = sqi_load_exceeds_bytes(load, source->channel_bytes);
        return bytes || is_held(outlet);
}

/* One mark may go above the bounds, and what is on its way sinks below them before the next: only who falls behind for
 * longer is blocked by it. */
bool
sqi_outlet_is_overdrawn(struct sqi_outlet *outlet, const struct sqi_source *source)
{
        if (outlet->overdrawn > 1 && !exceeds(outlet, source))
                outlet->overdrawn = 0;
        return outlet->overdrawn > 1;
}

/* Takes off again what has set out for the receivers before `end`. */
static void
turn_back(const struct sqi_outlet *outlet, uint32_t end, size_t size)
{
        uint32_t at = 0;

        for (struct sqi_load *load; at < end && (load = next_load(outlet, &at));)
                sqi_load_arrive(load, size);
}

/* Counts `size` bytes as on their way to each receiver, or, where they would be too many for one, to none. */
static bool
set_out(const struct sqi_outlet *outlet, size_t size, int64_t most)
{
        uint32_t at = 0, before = 0;

        if (outlet->feedback)
                return true;
        for (struct sqi_load *load; (load = next_load(outlet, &at)); before = at) {
                if (sqi_load_set_out(load, size, most))
                        continue;
                turn_back(outlet, before, size);
                return false;
        }
        return true;
}

static void
count_sent(const struct sqi_outlet *outlet, const struct sqi_source *source, size_t size, uint32_t tuples)
{
        uint32_t at = 0;

        sqi_count(&source->metrics->batches_out, 1);
        sqi_count(&source->metrics->bytes_out, size);
        for (struct sqi_load *load; (load = next_load(outlet, &at));)
                sqi_load_add(load, tuples);
}

/* With a copy for who taps the task. Apart, so that it costs nothing while nobody does. */
static __attribute__((noinline)) int
send_and_show(struct sqi_outlet *outlet, const struct sqi_source *source, zmq_msg_t *message)
{
        zmq_msg_t copy;
        bool shown = sqi_tap_copy(source->tap, &outlet->tap_paid_ns, message, &copy);
        int r = sqi_socket_send(outlet->socket, message);

        if (shown)
                sqi_tap_show(source->tap, &copy, r == 0);
        return r;
}

static int
send_now(struct sqi_outlet *outlet, const struct sqi_source *source, zmq_msg_t *message)
{
        size_t size = zmq_msg_size(message);
        struct sqi_header header;
        int r;

        outlet->held = false;
        if (outlet->broadcast && outlet->subscribed < outlet->expected)
                return -EAGAIN;
        outlet->held = outlet->away ||
                       !(outlet->urgent ? set_out(outlet, size, INT64_MAX)
                                        : !is_held(outlet) && set_out(outlet, size, source->channel_bytes));
        if (outlet->held)
                return -EAGAIN;
        memcpy(&header, zmq_msg_data(message), sizeof(header)); /* once it is sent it is not ours any more */
        if (__builtin_expect(source->tap != NULL && header.kind == SQI_BATCH_DATA, 0))
                r = send_and_show(outlet, source, message);
        else
                r = sqi_socket_send(outlet->socket, message);
        if (r == 0 && !outlet->urgent)
                outlet->overdrawn = 0; /* it was within the bounds */
        if (r == 0)
                count_sent(outlet, source, size, header.count);
        else if (!outlet->feedback)
                turn_back(outlet, UINT32_MAX, size);
        return r;
}

static int
send_stuck(struct sqi_outlet *outlet, const struct sqi_source *source)
{
        while (outlet->stuck) {
                int r = send_now(outlet, source, &outlet->stuck->message);
                if (r < 0)
                        return r;
                free(pop(outlet));
        }
        return 0;
}

static int
seal(struct sqi_outlet *outlet, const struct sqi_source *source, zmq_msg_t *ret)
{
        struct sqi_header header = {
                .task = source->task,
                .incarnation = source->incarnation,
                .edge_key = outlet->edge_key,
                .first_seq = outlet->seq - outlet->batch.now.count,
                .hints = (uint16_t)((outlet->dropped ? SQI_HINT_DROPPED : 0) | (outlet->keep ? SQI_HINT_AGAIN : 0)),
                .deaths = source->deaths,
        };
        uint8_t *data;
        size_t size;

        if (outlet->broadcast) {
                header.flags = SQI_BATCH_BROADCAST;
                header.stream = (uint16_t)outlet->receiver;
        }
        int r = sqi_batch_seal(&outlet->batch, &header, &data, &size);
        if (r < 0)
                return r;
        if (zmq_msg_init_data(ret, data, size, sqi_pool_give_zmq, NULL) < 0) {
                sqi_pool_give(data);
                return -ENOMEM;
        }
        outlet->dropped = false;
        return 0;
}

/* Sends, or queues what can't be sent. Takes the message over in any case. */
static int
send_or_queue(struct sqi_outlet *outlet, const struct sqi_source *source, zmq_msg_t *message)
{
        if (outlet->feedback)
                sqi_load_feed_back(outlet->load, zmq_msg_size(message));
        int r = outlet->stuck ? -EAGAIN : send_now(outlet, source, message);

        if (r == -EAGAIN && queue(outlet, message) < 0)
                r = -ENOMEM;
        if (r < 0)
                zmq_msg_close(message);
        return r;
}

/* Keeps another reference to the message, whose bytes nobody changes any more. */
static int
keep(struct sqi_outlet *outlet, zmq_msg_t *message)
{
        struct sqi_sealed *sealed = malloc(sizeof(*sealed));

        if (!sealed)
                return -ENOMEM;
        sealed->next = NULL;
        zmq_msg_init(&sealed->message);
        if (zmq_msg_copy(&sealed->message, message) < 0) {
                free(sealed);
                return -ENOMEM;
        }
        *outlet->kept_end = sealed;
        outlet->kept_end = &sealed->next;
        return 0;
}

/* Seals the open batch and sends or queues it. */
static int
send_open(struct sqi_outlet *outlet, const struct sqi_source *source)
{
        zmq_msg_t message;
        int r = seal(outlet, source, &message);

        learn(outlet);
        if (r == 0 && outlet->keep)
                r = keep(outlet, &message);
        return r < 0 ? r : send_or_queue(outlet, source, &message);
}

int
sqi_outlet_push(struct sqi_outlet *outlet, const struct sqi_source *source)
{
        int r = send_stuck(outlet, source);

        if (r < 0 && (r != -EAGAIN || !outlet->feedback))
                return r;
        if (sqi_batch_is_empty(&outlet->batch))
                return r;
        return send_open(outlet, source);
}

/* How a channel ends. */
static uint32_t
ending(const struct sqi_source *source)
{
        return (source->handover ? SQI_END_HANDOVER : 0u) | (source->drained ? SQI_END_DRAINED : 0u);
}

/* Puts a mark behind everything else: a header alone. */
static int
send_mark(struct sqi_outlet *outlet, const struct sqi_source *source, enum sqi_batch_kind kind, uint32_t stream,
          uint64_t epoch)
{
        struct sqi_header header = {
                .magic = "SQB",
                .version = SQI_WIRE_VERSION,
                .kind = (uint8_t)kind,
                .flags = outlet->broadcast ? SQI_BATCH_BROADCAST : 0,
                .stream = (uint16_t)(outlet->broadcast ? outlet->receiver : stream),
                .task = source->task,
                .incarnation = source->incarnation,
                .first_seq = outlet->seq,
                .epoch = epoch,
                .handover = kind == SQI_BATCH_END ? ending(source) : 0,
        };
        zmq_msg_t message;

        if (!sqi_batch_is_empty(&outlet->batch)) {
                int r = send_open(outlet, source);
                if (r < 0 && r != -EAGAIN)
                        return r;
        }
        if (zmq_msg_init_size(&message, sizeof(header)) < 0)
                return -ENOMEM;
        memcpy(zmq_msg_data(&message), &header, sizeof(header));
        if (kind == SQI_BATCH_END)
                outlet->ended = true;
        return send_or_queue(outlet, source, &message);
}

int
sqi_outlet_mark(struct sqi_outlet *outlet, const struct sqi_source *source, uint64_t epoch)
{
        int r = send_mark(outlet, source, SQI_BATCH_CHECKPOINT, 0, epoch);

        if (r != -EAGAIN || outlet->feedback)
                return r;
        outlet->urgent = outlet->nstuck;
        r = send_stuck(outlet, source);
        outlet->overdrawn += exceeds(outlet, source);
        return r;
}

int
sqi_outlet_watermark(struct sqi_outlet *outlet, const struct sqi_source *source, uint32_t stream, int64_t watermark)
{
        return send_mark(outlet, source, SQI_BATCH_WATERMARK, stream, (uint64_t)watermark);
}

int
sqi_outlet_end(struct sqi_outlet *outlet, const struct sqi_source *source)
{
        return send_mark(outlet, source, SQI_BATCH_END, 0, 0);
}

int
sqi_outlet_end_again(struct sqi_outlet *outlet, const struct sqi_source *source)
{
        for (struct sqi_sealed *kept = outlet->kept; kept; kept = kept->next) {
                zmq_msg_t message;
                zmq_msg_init(&message);
                if (zmq_msg_copy(&message, &kept->message) < 0)
                        return -ENOMEM;
                int r = send_or_queue(outlet, source, &message);
                if (r < 0 && r != -EAGAIN)
                        return r;
        }
        return sqi_outlet_end(outlet, source);
}
