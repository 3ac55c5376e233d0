/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple/frame.h"

#include <errno.h>
#include <string.h>

#include "tuple/unpack.h"

static int
refuse(const char **ret_cause, const char *cause)
{
        *ret_cause = cause;
        return -EBADMSG;
}

/* Walks over the runs once: they must fill their part exactly and count as many tuples as the header. */
static const char *
check_runs(const struct sqi_header *header, const uint8_t *at, const uint8_t *end)
{
        uint64_t tuples = 0;

        for (uint32_t i = 0; i < header->nruns; i++) {
                struct sqi_run run;
                if ((size_t)(end - at) < sizeof(run))
                        return "its runs are cut off";
                memcpy(&run, at, sizeof(run));
                at += sizeof(run);
                if (run.nroots > SQI_ROOTS_MAX || (size_t)(end - at) < run.nroots * sizeof(uint64_t))
                        return "a run has more roots than it has bytes";
                if (run.count == 0)
                        return "a run of no tuples";
                at += run.nroots * sizeof(uint64_t);
                tuples += run.count;
        }
        if (at != end)
                return "bytes behind the last run";
        return tuples == header->count ? NULL : "its runs count another number of tuples than its header";
}

/* The marks of traced tuples, `size` bytes from `at` on. */
static const char *
open_traced(struct sqi_frame *frame, const uint8_t *at, uint64_t size)
{
        struct sqi_traced head;

        frame->ntraced = 0;
        if (!(frame->header.hints & SQI_HINT_TRACED))
                return size == 0 ? NULL : "another length than its header says";
        if (size < sizeof(head))
                return "its marks of traced tuples are cut off";
        memcpy(&head, at, sizeof(head));
        if (head.count > SQI_TRACED_MAX || size != sizeof(head) + head.count * sizeof(struct sqi_trace_mark))
                return "another number of marks of traced tuples than it has bytes for";
        frame->traced = at + sizeof(head);
        frame->ntraced = head.count;
        return NULL;
}

int
sqi_frame_open(struct sqi_frame *frame, const void *bytes, size_t size, const char **ret_cause)
{
        struct sqi_header *header = &frame->header;
        const char *cause;

        if (size < sizeof(*header))
                return refuse(ret_cause, "shorter than a header");
        memcpy(header, bytes, sizeof(*header));
        if (memcmp(header->magic, "SQB", 3) != 0)
                return refuse(ret_cause, "no batch (it does not begin with SQB)");
        if (header->version != SQI_WIRE_VERSION) {
                *ret_cause = "a batch of another version of Squall";
                return -EPROTO;
        }
        if (header->kind < SQI_BATCH_DATA || header->kind > SQI_BATCH_WATERMARK)
                return refuse(ret_cause, "an unknown kind of batch");
        uint64_t end = sizeof(*header) + (uint64_t)header->bytes + header->run_bytes;
        if (end > size)
                return refuse(ret_cause, "another length than its header says");
        cause = open_traced(frame, (const uint8_t *)bytes + end, size - end);
        if (cause)
                return refuse(ret_cause, cause);
        frame->at = (const uint8_t *)bytes + sizeof(*header);
        frame->end = frame->at + header->bytes;
        frame->runs = frame->end;
        frame->runs_end = frame->runs + header->run_bytes;
        cause = check_runs(header, frame->runs, frame->runs_end);
        if (cause)
                return refuse(ret_cause, cause);
        frame->left = header->count;
        frame->run_left = 0;
        frame->index = 0;
        return 0;
}

bool
sqi_frame_trace(const struct sqi_frame *frame, uint32_t index, struct sqi_trace_mark *ret)
{
        for (uint32_t i = 0; i < frame->ntraced; i++) {
                struct sqi_trace_mark mark;
                memcpy(&mark, frame->traced + i * sizeof(mark), sizeof(mark));
                if (mark.index != index)
                        continue;
                *ret = mark;
                return true;
        }
        return false;
}

uint64_t
sqi_frame_sealed_ns(const struct sqi_frame *frame)
{
        struct sqi_traced head;

        memcpy(&head, frame->traced - sizeof(head), sizeof(head));
        return head.sealed_ns;
}

/* Bytes of the run that is stepped through, of which tuples are left. */
static size_t
open_run_size(const struct sqi_frame *frame)
{
        return frame->run_left > 0 ? sizeof(struct sqi_run) + frame->nroots * sizeof(uint64_t) : 0;
}

size_t
sqi_frame_rest_size(const struct sqi_frame *frame, const uint8_t *next)
{
        return sizeof(frame->header) + (size_t)(frame->end - next) + open_run_size(frame) +
               (size_t)(frame->runs_end - frame->runs);
}

static uint32_t
count_runs(const uint8_t *at, const uint8_t *end)
{
        uint32_t n = 0;
        struct sqi_run run;

        for (; at < end; at += sizeof(run) + run.nroots * sizeof(uint64_t), n++)
                memcpy(&run, at, sizeof(run));
        return n;
}

void
sqi_frame_copy_rest(const struct sqi_frame *frame, const uint8_t *whole, const uint8_t *next, uint8_t *to)
{
        struct sqi_header header;
        const struct sqi_run run = {.count = frame->run_left, .stream = frame->stream, .nroots = frame->nroots};
        size_t bytes = (size_t)(frame->end - next), open = open_run_size(frame),
               runs = (size_t)(frame->runs_end - frame->runs);

        memcpy(&header, whole, sizeof(header)); /* a reader may have changed its own */
        header.count -= frame->index;
        header.first_seq += frame->index;
        header.bytes = (uint32_t)bytes;
        header.run_bytes = (uint32_t)(open + runs);
        header.nruns = (open > 0) + count_runs(frame->runs, frame->runs_end);
        header.hints &= (uint16_t)~SQI_HINT_TRACED;
        memcpy(to, &header, sizeof(header));
        memcpy(to + sizeof(header), next, bytes);
        to += sizeof(header) + bytes;
        if (open > 0) {
                memcpy(to, &run, sizeof(run));
                memcpy(to + sizeof(run), frame->roots, open - sizeof(run));
        }
        memcpy(to + open, frame->runs, runs);
}

void
sqi_frame_begin_run(struct sqi_frame *frame)
{
        struct sqi_run run;

        memcpy(&run, frame->runs, sizeof(run));
        frame->runs += sizeof(run);
        frame->run_left = run.count;
        frame->stream = run.stream;
        frame->nroots = run.nroots;
        frame->roots = frame->runs;
        frame->runs += run.nroots * sizeof(uint64_t);
}

const uint8_t *
sqi_slice(const uint8_t *at, const uint8_t *end, struct sqi_slice *ret)
{
        const uint8_t *next;

        if (at < end && (*at & 0xf0) == 0x90) {
                ret->n = *at & 15;
                next = at + 1;
        } else
                next = sqi_unpack_head(at, end, &ret->n);
        if (!next || ret->n > SQ_FIELDS_MAX)
                return NULL;
        ret->at = at;
        ret->offsets[0] = (uint32_t)(next - at);
        return sqi_skip_all(at, end, ret->n, ret->offsets);
}
