/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pipe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char END[] = "\nend\n";
enum { READ_ROOM = 64 * 1024 };

/* ---- Reading ----------------------------------------------------------------------------------------- */

int
sqi_pipe_fill(struct sqi_pipe *pipe)
{
        ssize_t n;

        if (pipe->at > 0 && pipe->bytes) {
                (void)memmove(pipe->bytes, pipe->bytes + pipe->at, pipe->fill - pipe->at);
                pipe->fill -= pipe->at;
                pipe->seen -= pipe->at;
                pipe->at = 0;
        }
        if (pipe->room - pipe->fill < READ_ROOM) {
                size_t room = 2 * pipe->room + 2 * READ_ROOM;
                char *bytes = pipe->fill > SQI_PIPE_MESSAGE_MAX ? NULL : realloc(pipe->bytes, room);

                if (!bytes)
                        return -ENOMEM;
                pipe->bytes = bytes;
                pipe->room = room;
        }
        do
                n = read(pipe->in, pipe->bytes + pipe->fill, pipe->room - pipe->fill);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : -EPIPE;
        pipe->fill += (size_t)n;
        return 0;
}

int
sqi_pipe_next(struct sqi_pipe *pipe, struct sq_value *ret)
{
        const size_t len = sizeof(END) - 1;
        struct sq_str text;
        const char *end;

        if (!pipe->bytes)
                return 0;
        end = memmem(pipe->bytes + pipe->seen, pipe->fill - pipe->seen, END, len);
        if (!end) {
                size_t seen = pipe->fill < len ? 0 : pipe->fill - len;

                pipe->seen = seen > pipe->seen ? seen : pipe->seen;
                return 0;
        }
        text = (struct sq_str){pipe->bytes + pipe->at, (size_t)(end - pipe->bytes) - pipe->at};
        pipe->at = pipe->seen = (size_t)(end - pipe->bytes) + len;
        return sq_json_read(&pipe->json, text, ret) ? 1 : -EBADMSG;
}

void
sqi_pipe_free(struct sqi_pipe *pipe)
{
        free(pipe->bytes);
        free(pipe->text);
        sq_json_free(&pipe->json);
        *pipe = (struct sqi_pipe){.in = -1, .out = -1};
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

/* Room for `len` bytes behind what is there, and a NUL. */
static char *
need(struct sqi_pipe *pipe, size_t len)
{
        if (pipe->text_room - pipe->len <= len && !pipe->failed) {
                size_t room = 2 * pipe->text_room + len + 1024;
                char *text = realloc(pipe->text, room);

                pipe->failed = !text;
                if (text) {
                        pipe->text = text;
                        pipe->text_room = room;
                }
        }
        return pipe->failed ? NULL : pipe->text + pipe->len;
}

void
sqi_pipe_put_bytes(struct sqi_pipe *pipe, const char *bytes, size_t len)
{
        char *at = need(pipe, len);

        if (!at || len == 0)
                return;
        (void)memcpy(at, bytes, len);
        pipe->len += len;
}

void
sqi_pipe_put(struct sqi_pipe *pipe, const char *format, ...)
{
        va_list arguments;
        char *at;
        int len;

        va_start(arguments, format);
        len = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        at = need(pipe, (size_t)len);
        if (!at)
                return;
        va_start(arguments, format);
        (void)vsnprintf(at, (size_t)len + 1, format, arguments);
        va_end(arguments);
        pipe->len += (size_t)len;
}

void
sqi_pipe_end(struct sqi_pipe *pipe)
{
        sqi_pipe_put_bytes(pipe, END, sizeof(END) - 1);
}

int
sqi_pipe_flush(struct sqi_pipe *pipe)
{
        size_t at = 0;

        while (at < pipe->len && !pipe->failed) {
                ssize_t n = write(pipe->out, pipe->text + at, pipe->len - at);

                if (n < 0 && errno != EINTR)
                        return -errno;
                at += n > 0 ? (size_t)n : 0;
        }
        pipe->len = 0;
        return pipe->failed ? -ENOMEM : 0;
}
