/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of an event stream (Server-Sent Events) is to be sent: one message at a time. The next one is not made
 * before it has taken the last: who reads slowly is told less often, and costs one message.
 */
#ifndef SQI_STREAM_H
#define SQI_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sqi_stream {
        bool open;
        bool asleep;     /* it has taken all there was */
        uint64_t cursor; /* of whom it asks: what it has been told */
        char *bytes;     /* the message, or NULL */
        size_t size, at;
};

/* Takes over `text`, malloc'd, of `size` bytes without a line break, as the data of the next message; its id is the
 * cursor. 0 or -ENOMEM. */
int sqi_stream_put(struct sqi_stream *stream, char *text, size_t size);
/* Copies out what is left of the message, at most so much; 0: all is taken. */
size_t sqi_stream_take(struct sqi_stream *stream, char *ret, size_t most);
void sqi_stream_clear(struct sqi_stream *stream);

#endif
