/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A received batch, read in place.
 *
 *     struct sqi_frame frame;
 *     int r = sqi_frame_open(&frame, bytes, size);               checks header, lengths and runs
 *     while (sqi_frame_next(&frame, &slice) > 0) ...             one tuple after the other
 *
 * A reader that looks ahead calls the two halves of sqi_frame_next() by itself: sqi_frame_slice() to find a few tuples,
 * then sqi_frame_step() before it executes them.
 *
 * The bytes come from another process. A frame that opens has consistent lengths and runs; its tuples are checked one
 * by one as they are read, so reading is one pass.
 */
#ifndef SQI_FRAME_H
#define SQI_FRAME_H

#include <errno.h>

#include "squall.h"
#include "tuple/wire.h"

struct sqi_frame {
        struct sqi_header header;
        const uint8_t *at, *end; /* tuples */
        const uint8_t *runs, *runs_end;
        const uint8_t *traced; /* `ntraced` marks, not aligned */
        uint32_t ntraced;
        uint32_t left;           /* tuples not sliced yet */
        uint32_t run_left;       /* tuples of this run not stepped to yet */
        uint32_t index;          /* of the next tuple to step to */
        uint16_t stream, nroots; /* of the run */
        const uint8_t *roots;    /* of the run: nroots numbers of 8 bytes, not aligned */
        bool fresh_run;          /* the tuple last read is the first of its run */
};

/* Where the fields of a tuple begin: offsets[i] from `at`, offsets[n] the end of the last. */
struct sqi_slice {
        const uint8_t *at;
        uint32_t n;
        uint32_t offsets[SQ_FIELDS_MAX + 1];
};

/* 0; -EPROTO: another version; -EBADMSG with *ret_cause (a constant text) when the bytes are no batch. */
int sqi_frame_open(struct sqi_frame *frame, const void *bytes, size_t size, const char **ret_cause);

/* Finds the fields of the tuple at `at`. Its end, or NULL. */
const uint8_t *sqi_slice(const uint8_t *at, const uint8_t *end, struct sqi_slice *ret);

/* A tuple of one short string, as words come: its end, or NULL when it is anything else. */
static inline const uint8_t *
sqi_slice_word(const uint8_t *at, const uint8_t *end, struct sqi_slice *ret)
{
        if (end - at < 2 || at[0] != 0x91)
                return NULL;
        uint32_t size = 2 + (at[1] ^ 0xa0u); /* 34 and more: it is no short string */
        if (size >= 34 || end - at < (int64_t)size)
                return NULL;
        ret->at = at;
        ret->n = 1;
        ret->offsets[0] = 1;
        ret->offsets[1] = size;
        return at + size;
}

/* The same of one longer string: a line, say. */
static inline const uint8_t *
sqi_slice_text(const uint8_t *at, const uint8_t *end, struct sqi_slice *ret)
{
        if (end - at < 4 || at[0] != 0x91 || (at[1] != 0xd9 && at[1] != 0xda))
                return NULL;
        uint32_t size = at[1] == 0xd9 ? 3u + at[2] : 4u + ((uint32_t)at[2] << 8 | at[3]);
        if (end - at < (int64_t)size)
                return NULL;
        ret->at = at;
        ret->n = 1;
        ret->offsets[0] = 1;
        ret->offsets[1] = size;
        return at + size;
}

/* 1 and the next tuple; 0 at the end; -EBADMSG when what comes is no tuple. */
static inline int
sqi_frame_slice(struct sqi_frame *frame, struct sqi_slice *ret)
{
        if (frame->left == 0)
                return frame->at == frame->end ? 0 : -EBADMSG;
        const uint8_t *next = sqi_slice_word(frame->at, frame->end, ret);
        if (!next)
                next = sqi_slice_text(frame->at, frame->end, ret);
        if (!next)
                next = sqi_slice(frame->at, frame->end, ret);
        if (!next)
                return -EBADMSG;
        frame->left--;
        frame->at = next;
        return 1;
}

/* The mark of the tuple of that index. False: it is not traced. */
bool sqi_frame_trace(const struct sqi_frame *frame, uint32_t index, struct sqi_trace_mark *ret);
/* When a batch with traced tuples was closed, by the clock of its sender. */
uint64_t sqi_frame_sealed_ns(const struct sqi_frame *frame);

/*
 * The tuples that were not stepped to yet, the first of which is at `next`, as a frame of their own, which is never
 * traced: its size, and its bytes. `whole` is the batch as it came.
 */
size_t sqi_frame_rest_size(const struct sqi_frame *frame, const uint8_t *next);
void sqi_frame_copy_rest(const struct sqi_frame *frame, const uint8_t *whole, const uint8_t *next, uint8_t *to);

void sqi_frame_begin_run(struct sqi_frame *frame);

/*
 * Steps over the next tuples that were sliced, as many of the `n` as belong to one run: *n says how many. `stream`,
 * `roots` and `nroots` are theirs; `index` is that of the tuple behind them. True: their run begins with them.
 */
static inline bool
sqi_frame_step(struct sqi_frame *frame, uint32_t *n)
{
        bool fresh = frame->run_left == 0;

        if (fresh)
                sqi_frame_begin_run(frame);
        if (*n > frame->run_left)
                *n = frame->run_left;
        frame->run_left -= *n;
        frame->index += *n;
        return fresh;
}

/* sqi_frame_slice() and the step over it. */
static inline int
sqi_frame_next(struct sqi_frame *frame, struct sqi_slice *ret)
{
        int r = sqi_frame_slice(frame, ret);
        uint32_t one = 1;

        if (r > 0)
                frame->fresh_run = sqi_frame_step(frame, &one);
        return r;
}

#endif
