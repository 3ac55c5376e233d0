/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storm's multilang protocol as bytes: no process, no task, no clock.
 *
 * A message is one JSON value over any number of lines, and behind it a line that is exactly `end`. Both sides may send
 * several at once.
 *
 *     struct sqi_shell_reader reader = {0};
 *     to = sqi_shell_reader_room(&reader, &room);                 what is read goes there; add it to `fill`
 *     while ((r = sqi_shell_read(&reader, &message)) == 1) ...    0: more bytes are needed; -EBADMSG: reader.wrong
 *     sqi_shell_reader_free(&reader);
 *
 *     struct sqi_shell_bytes out = {0};
 *     sqi_shell_put_tuple(&out, ...);                             whole messages, one behind the other
 *     n = write(fd, out.ptr + out.at, out.len - out.at);
 *     sqi_shell_bytes_took(&out, n);
 */
#ifndef SQI_SHELL_WIRE_H
#define SQI_SHELL_WIRE_H

#include <squall-kit.h>

enum sqi_shell_command {
        SHELL_EMIT,
        SHELL_ACK,
        SHELL_FAIL,
        SHELL_SYNC,
        SHELL_LOG,
        SHELL_ERROR,
        SHELL_METRICS,
        SHELL_DONE, /* of a spout: there is nothing more. Storm does not know it */
        SHELL_PID,
        SHELL_OTHER /* a command that nobody knows */
};

/* What a program said. Texts and values are views into the reader, good until its next call. */
struct sqi_shell_message {
        enum sqi_shell_command command;
        struct sq_str raw;     /* the message itself */
        struct sq_str name;    /* of the command; metrics: of the metric */
        struct sq_value tuple; /* emit: an array */
        struct sq_value id;    /* any JSON value; nil: none */
        struct sq_value anchors;
        struct sq_str stream;
        bool direct, wants_ids;
        int64_t task; /* direct */
        struct sq_str text;
        enum sq_level level;
        struct sq_value params;
        int64_t pid;
};

enum { SHELL_MESSAGE_MAX = 64 << 20 };

struct sqi_shell_reader {
        char *bytes;
        size_t at, fill, room; /* the message under way begins at `at` */
        size_t line;           /* its line under way */
        struct sq_json_reader json;
        char wrong[256];
};

/* Where to put what is read next, at least 64 KiB; NULL: no memory, or a message of more than SHELL_MESSAGE_MAX bytes,
 * and wrong says which. Ends the views. */
char *sqi_shell_reader_room(struct sqi_shell_reader *reader, size_t *ret_size);
/* The next message. 1; 0: none is whole; -EBADMSG: `reader->wrong` says what it is instead. */
int sqi_shell_read(struct sqi_shell_reader *reader, struct sqi_shell_message *ret);
/* Forgets what it has read; its memory is used again. */
void sqi_shell_reader_reset(struct sqi_shell_reader *reader);
void sqi_shell_reader_free(struct sqi_shell_reader *reader);

/* Bytes on their way to the program. */
struct sqi_shell_bytes {
        char *ptr;
        size_t at, len, room;
        size_t begun;         /* what is left of a message that has gone in part: nothing may go before it */
        bool short_of_memory; /* something is missing in them */
};

static inline size_t
sqi_shell_bytes_left(const struct sqi_shell_bytes *bytes)
{
        return bytes->len - bytes->at;
}

/* The first `n` that were left have gone. */
void sqi_shell_bytes_took(struct sqi_shell_bytes *bytes, size_t n);
void sqi_shell_bytes_reset(struct sqi_shell_bytes *bytes);
void sqi_shell_bytes_free(struct sqi_shell_bytes *bytes);

/* The pieces of messages. */
void sqi_shell_put(struct sqi_shell_bytes *bytes, const char *text);
void sqi_shell_put_bytes(struct sqi_shell_bytes *bytes, const char *ptr, size_t n);
void sqi_shell_put_json(struct sqi_shell_bytes *bytes, struct sq_value value);
void sqi_shell_put_end(struct sqi_shell_bytes *bytes);

/* A message each. `component` NULL: null. A spout's command; `id` is JSON, "" stands for none. The tasks that got a
 * tuple. */
void sqi_shell_put_tuple(struct sqi_shell_bytes *bytes, int64_t id, const char *component, const char *stream,
                         int64_t task, size_t n, const struct sq_value *values);
void sqi_shell_put_command(struct sqi_shell_bytes *bytes, const char *command, struct sq_str id);
void sqi_shell_put_tasks(struct sqi_shell_bytes *bytes, size_t n, const unsigned *tasks);

#endif
