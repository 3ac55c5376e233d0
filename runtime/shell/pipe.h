/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's end of Storm's multilang protocol: messages of JSON on two descriptors. A message ends with a line that
 * is exactly `end`.
 *
 *     struct sqi_pipe pipe = {.in = STDIN_FILENO, .out = STDOUT_FILENO};
 *     r = sqi_pipe_fill(&pipe);                          one read
 *     while ((r = sqi_pipe_next(&pipe, &message)) == 1)  0: none is whole; -EBADMSG
 *             sqi_pipe_put(&pipe, ...), sqi_pipe_end(&pipe);
 *     r = sqi_pipe_flush(&pipe);                         one write for all of them
 *     sqi_pipe_free(&pipe);
 *
 * A value that JSON has no word for stands as an object of one member, whose name begins with `$`:
 *
 *     bytes            {"$b": base64}          text that is not UTF-8       {"$s": base64}
 *     NaN, infinities  {"$f": "nan"|"inf"|"-inf"}      a point in time      {"$t": "SECONDS.NANOSECONDS"}
 *     a map with keys that are not texts, or of one member whose name begins with `$`      {"$m": [key, value, ...]}
 *
 * Errors are a negative errno; -EPIPE: the other side has closed. Storm waits for what is written, so writing blocks.
 */
#ifndef SQI_PIPE_H
#define SQI_PIPE_H

#include "base/arena.h"
#include "squall-kit.h"
#include "squall.h"

enum { SQI_PIPE_MESSAGE_MAX = 64 << 20 };

struct sqi_pipe {
        int in, out;
        char *bytes; /* read: the message under way begins at `at`, and what is before `seen` has no end in it */
        size_t at, seen, fill, room;
        struct sq_json_reader json;
        char *text; /* to be written */
        size_t len, text_room;
        bool failed; /* memory was short */
};

int sqi_pipe_fill(struct sqi_pipe *pipe);
/* The message is a view, good until the next call. */
int sqi_pipe_next(struct sqi_pipe *pipe, struct sq_value *ret);
int sqi_pipe_flush(struct sqi_pipe *pipe);
void sqi_pipe_free(struct sqi_pipe *pipe);

void sqi_pipe_put(struct sqi_pipe *pipe, const char *format, ...) SQ_PRINTF(2, 3);
void sqi_pipe_put_bytes(struct sqi_pipe *pipe, const char *bytes, size_t len);
/* Of a tuple, as above. */
void sqi_pipe_put_value(struct sqi_pipe *pipe, struct sq_value value);
/* As JSON has it, in quotes. */
void sqi_pipe_put_text(struct sqi_pipe *pipe, const char *text);
void sqi_pipe_end(struct sqi_pipe *pipe);

/* What sqi_pipe_put_value() wrote and JSON has read. What it makes lives in the arena. 0; -EBADMSG: a `$` that means
 * nothing; -ENOMEM. */
int sqi_pipe_value(struct sqi_arena *arena, struct sq_value json, struct sq_value *ret);

#endif
