/* SPDX-License-Identifier: Apache-2.0 */
#include "shell_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 65536, SHOWN = 80, VALUE_ROOM = 256 };

/* ---- Reading ----------------------------------------------------------------------------------------- */

char *
sqi_shell_reader_room(struct sqi_shell_reader *reader, size_t *ret_size)
{
        size_t used = reader->fill - reader->at, room = reader->room ? reader->room : 2 * (size_t)ROOM_MIN;
        char *grown = reader->bytes;

        if (reader->at > 0) {
                memmove(reader->bytes, reader->bytes + reader->at, used);
                reader->line -= reader->at;
                reader->at = 0;
                reader->fill = used;
        }
        if (used > SHELL_MESSAGE_MAX) {
                snprintf(reader->wrong, sizeof(reader->wrong), "wrote a message of more than %d MiB",
                         SHELL_MESSAGE_MAX >> 20);
                return NULL;
        }
        while (room - used < ROOM_MIN)
                room *= 2;
        if (room > reader->room)
                grown = realloc(reader->bytes, room);
        if (!grown) {
                snprintf(reader->wrong, sizeof(reader->wrong), "wrote a message for which there is no memory");
                return NULL;
        }
        reader->bytes = grown;
        reader->room = room > reader->room ? room : reader->room;
        *ret_size = reader->room - used;
        return reader->bytes + used;
}

void
sqi_shell_reader_reset(struct sqi_shell_reader *reader)
{
        reader->at = reader->fill = reader->line = 0;
}

void
sqi_shell_reader_free(struct sqi_shell_reader *reader)
{
        free(reader->bytes);
        sq_json_free(&reader->json);
        *reader = (struct sqi_shell_reader){0};
}

static bool
is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* -EBADMSG: what the program wrote is not a message. Its first line is shown. */
static int
refuse_noise(struct sqi_shell_reader *reader, const char *at, const char *end, const char *what)
{
        char line[SHOWN + 1];
        size_t n = 0;

        while (at < end && is_space(*at))
                at++;
        for (; at < end && *at != '\n' && n < SHOWN; at++)
                line[n++] = (unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at;
        line[n] = '\0';
        snprintf(
                reader->wrong, sizeof(reader->wrong),
                "wrote \"%s\"%s to its standard output, which %s (print() writes there: use a log message, or standard "
                "error)",
                line, at < end && *at != '\n' ? "..." : "", what);
        return -EBADMSG;
}

static int
refuse(struct sqi_shell_reader *reader, const char *what)
{
        snprintf(reader->wrong, sizeof(reader->wrong), "sent %s", what);
        return -EBADMSG;
}

static bool
read_text(struct sq_value value, struct sq_str *ret)
{
        if (value.type != SQ_STR)
                return false;
        *ret = (struct sq_str){value.as.ptr, value.len};
        return true;
}

static bool
read_int(struct sq_value value, int64_t *ret)
{
        if (value.type != SQ_INT && !(value.type == SQ_UINT && value.as.u <= INT64_MAX))
                return false;
        *ret = value.as.i;
        return true;
}

/* Squall has no level of its own for trace and debug, which come first. */
static enum sq_level
level_of(struct sq_value value)
{
        static const enum sq_level levels[] = {SQ_DEBUG, SQ_DEBUG, SQ_INFO, SQ_WARN, SQ_ERROR};
        int64_t level;

        return read_int(value, &level) && level >= 0 && level < 5 ? levels[level] : SQ_INFO;
}

static enum sqi_shell_command
command_of(struct sq_str name)
{
        static const char *const names[] = {
                [SHELL_EMIT] = "emit", [SHELL_ACK] = "ack",     [SHELL_FAIL] = "fail",       [SHELL_SYNC] = "sync",
                [SHELL_LOG] = "log",   [SHELL_ERROR] = "error", [SHELL_METRICS] = "metrics", [SHELL_DONE] = "done"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (sq_str_is(name, names[i]))
                        return (enum sqi_shell_command)i;
        return SHELL_OTHER;
}

static int
read_emit(struct sqi_shell_reader *reader, struct sq_value object, struct sqi_shell_message *message)
{
        struct sq_value task = sq_member(object, "task"), wants = sq_member(object, "need_task_ids");

        message->tuple = sq_member(object, "tuple");
        message->anchors = sq_member(object, "anchors");
        if (message->tuple.type != SQ_ARRAY)
                return refuse(reader, "an emit whose `tuple` is not a list");
        if (!read_text(sq_member(object, "stream"), &message->stream) || message->stream.len == 0)
                message->stream = (struct sq_str){"default", strlen("default")};
        message->direct = task.type != SQ_NIL;
        if (message->direct && !read_int(task, &message->task))
                return refuse(reader, "a direct emit whose `task` is not the number of a task");
        message->wants_ids = !message->direct && !(wants.type == SQ_BOOL && !wants.as.b);
        return 1;
}

static int
interpret(struct sqi_shell_reader *reader, struct sq_value object, struct sqi_shell_message *message)
{
        struct sq_value pid = sq_member(object, "pid");

        *message = (struct sqi_shell_message){.id = sq_member(object, "id"), .command = SHELL_OTHER};
        if (!read_text(sq_member(object, "command"), &message->name)) {
                if (!read_int(pid, &message->pid))
                        return refuse(reader, "a message without a `command`");
                message->command = SHELL_PID;
                return 1;
        }
        message->command = command_of(message->name);
        switch (message->command) {
        case SHELL_EMIT:
                return read_emit(reader, object, message);
        case SHELL_LOG:
        case SHELL_ERROR:
                message->level = message->command == SHELL_ERROR ? SQ_ERROR : level_of(sq_member(object, "level"));
                if (!read_text(sq_member(object, "msg"), &message->text))
                        return refuse(reader, "a log message whose `msg` is not text");
                break;
        case SHELL_METRICS:
                message->params = sq_member(object, "params");
                if (!read_text(sq_member(object, "name"), &message->name))
                        return refuse(reader, "metrics without a `name`");
                break;
        default:
                break;
        }
        return 1;
}

static int
read_message(struct sqi_shell_reader *reader, const char *at, const char *end, struct sqi_shell_message *ret)
{
        struct sq_value object;

        if (!sq_json_read(&reader->json, (struct sq_str){at, (size_t)(end - at)}, &object))
                return refuse_noise(reader, at, end, "is not JSON, and only messages go there");
        if (object.type != SQ_MAP)
                return refuse_noise(reader, at, end, "is not a message, and only messages go there");
        if (interpret(reader, object, ret) < 0)
                return -EBADMSG;
        ret->raw = (struct sq_str){at, (size_t)(end - at)};
        return 1;
}

/* Said at once, for the line that ends a message may never come. */
static bool
begins_with_noise(const char *at, const char *end)
{
        while (at < end && is_space(*at))
                at++;
        return at < end && *at != '{' && *at != '[';
}

int
sqi_shell_read(struct sqi_shell_reader *reader, struct sqi_shell_message *ret)
{
        char *start = reader->bytes + reader->at, *end = reader->bytes + reader->fill, *line, *stop;

        if (reader->at == reader->fill)
                return 0;
        for (line = reader->bytes + reader->line; (stop = memchr(line, '\n', (size_t)(end - line))); line = stop + 1) {
                if (stop - line == 3 && memcmp(line, "end", 3) == 0) {
                        reader->at = reader->line = (size_t)(stop + 1 - reader->bytes);
                        return read_message(reader, start, line, ret);
                }
                if (begins_with_noise(start, stop))
                        return refuse_noise(reader, start, stop, "is not JSON, and only messages go there");
        }
        reader->line = (size_t)(line - reader->bytes);
        return 0;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static char *
make_room(struct sqi_shell_bytes *bytes, size_t n)
{
        size_t room = bytes->room ? bytes->room : ROOM_MIN;
        char *grown;

        if (bytes->at > 0 && bytes->at == bytes->len)
                bytes->at = bytes->len = 0;
        while (room - bytes->len < n)
                room *= 2;
        if (room > bytes->room) {
                grown = realloc(bytes->ptr, room);
                if (!grown) {
                        bytes->short_of_memory = true;
                        return NULL;
                }
                bytes->ptr = grown;
                bytes->room = room;
        }
        return bytes->ptr + bytes->len;
}

void
sqi_shell_put_bytes(struct sqi_shell_bytes *bytes, const char *ptr, size_t n)
{
        char *to = make_room(bytes, n);

        if (to && n > 0) {
                memcpy(to, ptr, n);
                bytes->len += n;
        }
}

void
sqi_shell_put(struct sqi_shell_bytes *bytes, const char *text)
{
        sqi_shell_put_bytes(bytes, text, strlen(text));
}

void
sqi_shell_put_json(struct sqi_shell_bytes *bytes, struct sq_value value)
{
        char *to = make_room(bytes, VALUE_ROOM);
        size_t need = to ? sq_json(value, to, VALUE_ROOM) : 0;

        if (need >= VALUE_ROOM && (to = make_room(bytes, need + 1)))
                sq_json(value, to, need + 1);
        if (to)
                bytes->len += need;
}

static void
put_number(struct sqi_shell_bytes *bytes, int64_t number)
{
        char text[24];

        snprintf(text, sizeof(text), "%lld", (long long)number);
        sqi_shell_put(bytes, text);
}

void
sqi_shell_put_end(struct sqi_shell_bytes *bytes)
{
        sqi_shell_put(bytes, "\nend\n");
}

void
sqi_shell_put_tuple(struct sqi_shell_bytes *bytes, int64_t id, const char *component, const char *stream, int64_t task,
                    size_t n, const struct sq_value *values)
{
        sqi_shell_put(bytes, "{\"id\":\"");
        put_number(bytes, id);
        sqi_shell_put(bytes, "\",\"comp\":");
        sqi_shell_put_json(bytes, sq_text(component));
        sqi_shell_put(bytes, ",\"stream\":");
        sqi_shell_put_json(bytes, sq_text(stream));
        sqi_shell_put(bytes, ",\"task\":");
        put_number(bytes, task);
        sqi_shell_put(bytes, ",\"tuple\":");
        sqi_shell_put_json(bytes, sq_array(values, n));
        sqi_shell_put(bytes, "}");
        sqi_shell_put_end(bytes);
}

void
sqi_shell_put_command(struct sqi_shell_bytes *bytes, const char *command, struct sq_str id)
{
        sqi_shell_put(bytes, "{\"command\":\"");
        sqi_shell_put(bytes, command);
        sqi_shell_put(bytes, "\",\"id\":");
        if (id.len)
                sqi_shell_put_bytes(bytes, id.ptr, id.len);
        else
                sqi_shell_put(bytes, "\"\"");
        sqi_shell_put(bytes, "}");
        sqi_shell_put_end(bytes);
}

void
sqi_shell_put_tasks(struct sqi_shell_bytes *bytes, size_t n, const unsigned *tasks)
{
        sqi_shell_put(bytes, "[");
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        sqi_shell_put(bytes, ",");
                put_number(bytes, tasks[i]);
        }
        sqi_shell_put(bytes, "]");
        sqi_shell_put_end(bytes);
}

static const char END[] = "\nend\n"; /* behind each message, and nowhere in it */
enum { END_SIZE = sizeof(END) - 1 };

/* How much is left of the message that `cut` is in; no message has begun before `begin`. */
static size_t
left_of_message(const struct sqi_shell_bytes *bytes, size_t begin, size_t cut)
{
        size_t from = cut - begin < END_SIZE ? begin : cut - END_SIZE + 1;
        const char *end;

        if (cut == begin || (cut - begin >= END_SIZE && memcmp(bytes->ptr + cut - END_SIZE, END, END_SIZE) == 0))
                return 0;
        end = memmem(bytes->ptr + from, bytes->len - from, END, END_SIZE);
        return end ? (size_t)(end - bytes->ptr) + END_SIZE - cut : bytes->len - cut;
}

void
sqi_shell_bytes_took(struct sqi_shell_bytes *bytes, size_t n)
{
        if (n < bytes->begun)
                bytes->begun -= n;
        else
                bytes->begun = left_of_message(bytes, bytes->at + bytes->begun, bytes->at + n);
        bytes->at += n;
        if (bytes->at == bytes->len)
                bytes->at = bytes->len = 0;
        else if (bytes->at > bytes->room / 2) {
                memmove(bytes->ptr, bytes->ptr + bytes->at, bytes->len - bytes->at);
                bytes->len -= bytes->at;
                bytes->at = 0;
        }
}

void
sqi_shell_bytes_reset(struct sqi_shell_bytes *bytes)
{
        bytes->at = bytes->len = bytes->begun = 0;
        bytes->short_of_memory = false;
}

void
sqi_shell_bytes_free(struct sqi_shell_bytes *bytes)
{
        free(bytes->ptr);
        *bytes = (struct sqi_shell_bytes){0};
}
