/* SPDX-License-Identifier: Apache-2.0 */
#include "http/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sqi_stream_put(struct sqi_stream *stream, char *text, size_t size)
{
        static const char end[] = "\n\n";
        char head[64];
        size_t len = (size_t)snprintf(head, sizeof(head), "id: %" PRIu64 "\ndata: ", stream->cursor);
        char *bytes = malloc(len + size + sizeof(end));

        if (bytes) {
                char *at = mempcpy(mempcpy(bytes, head, len), text, size);
                memcpy(at, end, sizeof(end));
                free(stream->bytes);
                stream->bytes = bytes;
                stream->size = len + size + sizeof(end) - 1;
                stream->at = 0;
        }
        free(text);
        return bytes ? 0 : -ENOMEM;
}

size_t
sqi_stream_take(struct sqi_stream *stream, char *ret, size_t most)
{
        size_t n = stream->size - stream->at;

        if (n > most)
                n = most;
        if (n > 0)
                memcpy(ret, stream->bytes + stream->at, n);
        stream->at += n;
        if (n > 0 && stream->at == stream->size)
                sqi_stream_clear(stream);
        return n;
}

void
sqi_stream_clear(struct sqi_stream *stream)
{
        free(stream->bytes);
        stream->bytes = NULL;
        stream->size = stream->at = 0;
}
