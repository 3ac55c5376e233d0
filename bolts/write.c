/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `write`: tuples as lines of a file or of stdout.
 *
 * Lines gather in a buffer that goes out when it is full and in `flush`, which the runtime calls before it sends acks: an acked
 * tuple is in the file. Only whole lines are ever written at once, so that the lines of several tasks do not mix:
 *
 *     a file   O_APPEND and, because a disk may fill in the middle of a chunk, a lock around each chunk: what was written
 *              of a chunk that failed is cut off again. The lock also settles which task finds the file empty and writes CSV's header.
 *     a pipe   chunks of at most PIPE_BUF bytes, which the kernel never mixes (a longer line may)
 *
 * When flush fails, the buffer is dropped: its tuples are failed as well, and come again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <squall.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TSV, JSONL, CSV };
enum { TRUNCATE, APPEND };
enum { CHUNK = 64 * 1024, JSON_ROOM = 256, INT_ROOM = 24 };

struct writer {
        const char *path;
        int64_t format, mode;

        int fd;
        bool regular, headed; /* headed: nothing to do about the header any more */
        char *header;
        size_t header_len;
        char *buffer;
        size_t len, room;
        void (*put)(struct writer *self, const struct sq_tuple *in);
        bool short_of_memory;
};

/* ---- Lines -------------------------------------------------------------------------------------------------------------- */

/* Makes sure of `n` more bytes. When memory is short the line is dropped as a whole, see execute(). */
static inline char *
room(struct writer *self, size_t n)
{
        size_t larger = self->room;
        char *grown;

        while (larger - self->len < n)
                larger *= 2;
        if (larger > self->room) {
                grown = realloc(self->buffer, larger);
                if (!grown) {
                        self->short_of_memory = true;
                        return NULL;
                }
                self->buffer = grown;
                self->room = larger;
        }
        return self->buffer + self->len;
}

static inline void
put_bytes(struct writer *self, const char *ptr, size_t n)
{
        char *to = room(self, n);

        if (to && n > 0) {
                memcpy(to, ptr, n);
                self->len += n;
        }
}

static inline void
put_char(struct writer *self, char c)
{
        put_bytes(self, &c, 1);
}

static void
put_int(struct writer *self, int64_t value)
{
        uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
        char text[INT_ROOM], *at = text + sizeof(text);

        do
                *--at = (char)('0' + rest % 10);
        while ((rest /= 10) > 0);
        if (value < 0)
                *--at = '-';
        put_bytes(self, at, (size_t)(text + sizeof(text) - at));
}

static void
put_json(struct writer *self, struct sq_value value)
{
        char *to = room(self, JSON_ROOM);
        size_t need = to ? sq_json(value, to, JSON_ROOM) : 0;

        if (need >= JSON_ROOM && (to = room(self, need + 1)))
                sq_json(value, to, need + 1);
        if (to)
                self->len += need;
}

/* Puts text, with `escape` before or, if it has a name there, instead of each of the bytes `special`. */
static void
put_escaped(struct writer *self, const char *ptr, size_t n, const char *special, const char *names, char escape)
{
        const char *end = ptr + n, *start = ptr, *found;

        for (; ptr < end; ptr++) {
                if (*ptr == '\0' || !(found = strchr(special, *ptr)))
                        continue;
                put_bytes(self, start, (size_t)(ptr - start));
                put_char(self, escape);
                put_char(self, names[found - special]);
                start = ptr + 1;
        }
        put_bytes(self, start, (size_t)(end - start));
}

static bool
has_any(const char *ptr, size_t n, const char *special)
{
        for (; *special; special++)
                if (memchr(ptr, *special, n))
                        return true;
        return false;
}

/* A tuple of one field is a line of text: it stays as it is, but for line ends. */
static void
put_tsv_text(struct writer *self, const char *ptr, size_t n, bool alone)
{
        const char *special = alone ? "\n" : "\t\n\r\\", *names = alone ? "n" : "tnr\\";

        if (n > 0 && has_any(ptr, n, special))
                put_escaped(self, ptr, n, special, names, '\\');
        else
                put_bytes(self, ptr, n);
}

static void
put_csv_text(struct writer *self, const char *ptr, size_t n, bool alone)
{
        /* An empty field that stands alone would be an empty line, which many readers pass over. */
        bool quote = n == 0 ? alone : has_any(ptr, n, ",\"\r\n");

        if (!quote) {
                put_bytes(self, ptr, n);
                return;
        }
        put_char(self, '"');
        put_escaped(self, ptr, n, "\"", "\"", '"');
        put_char(self, '"');
}

/* Values that are no text are written as JSON writes them, nil as nothing. */
static void
put_value(struct writer *self, struct sq_value value, bool alone, void (*put_text)(struct writer *, const char *, size_t, bool))
{
        size_t start = self->len;
        char *json;

        switch (value.type) {
        case SQ_STR:
        case SQ_BIN:
                put_text(self, value.as.ptr, value.len, alone);
                return;
        case SQ_INT:
                put_int(self, value.as.i);
                return;
        case SQ_NIL:
                return;
        default:
                put_json(self, value);
                if (self->short_of_memory || !(json = strndup(self->buffer + start, self->len - start)))
                        return;
                if (value.type == SQ_ARRAY || value.type == SQ_MAP) {
                        size_t len = self->len - start;

                        self->len = start;
                        put_text(self, json, len, alone);
                } else if (*json == '"') { /* a time */
                        self->len = start;
                        put_bytes(self, json + 1, strlen(json) - 2);
                }
                free(json);
        }
}

static void
put_fields(struct writer *self, const struct sq_tuple *in, char separator,
           void (*put_text)(struct writer *, const char *, size_t, bool))
{
        unsigned n = sq_tuple_size(in);

        for (unsigned i = 0; i < n; i++) {
                if (i > 0)
                        put_char(self, separator);
                put_value(self, sq_tuple_get(in, i), n == 1, put_text);
        }
        put_char(self, '\n');
}

static void
put_tsv(struct writer *self, const struct sq_tuple *in)
{
        put_fields(self, in, '\t', put_tsv_text);
}

static void
put_csv(struct writer *self, const struct sq_tuple *in)
{
        size_t start = self->len;
        unsigned n = sq_tuple_size(in);

        if (!self->headed && !self->header) {
                for (unsigned i = 0; i < n; i++) {
                        if (i > 0)
                                put_char(self, ',');
                        put_csv_text(self, sq_tuple_name(in, i), strlen(sq_tuple_name(in, i)), n == 1);
                }
                put_char(self, '\n');
                self->header_len = self->len - start;
                self->header = self->short_of_memory ? NULL : malloc(self->header_len);
                if (self->header)
                        memcpy(self->header, self->buffer + start, self->header_len);
                self->len = start;
        }
        put_fields(self, in, ',', put_csv_text);
}

static void
put_jsonl(struct writer *self, const struct sq_tuple *in)
{
        unsigned n = sq_tuple_size(in);

        put_char(self, '{');
        for (unsigned i = 0; i < n; i++) {
                if (i > 0)
                        put_char(self, ',');
                put_json(self, sq_text(sq_tuple_name(in, i)));
                put_char(self, ':');
                put_json(self, sq_tuple_get(in, i));
        }
        put_bytes(self, "}\n", 2);
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------ */

/* Writes all. 0, or a negative errno with what was written in *ret_written. */
static int
write_all(int fd, const char *ptr, size_t n, size_t *ret_written)
{
        struct pollfd poller = {.fd = fd, .events = POLLOUT};
        ssize_t rc;

        *ret_written = 0;
        while (*ret_written < n) {
                rc = write(fd, ptr + *ret_written, n - *ret_written);
                if (rc >= 0)
                        *ret_written += (size_t)rc;
                else if (errno == EAGAIN)
                        poll(&poller, 1, -1);
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

/* Under the lock: the header, if the file is empty, and the whole buffer, or nothing at all. */
static int
write_locked(struct writer *self)
{
        size_t written = 0;
        struct stat st;
        int rc = 0;

        if (fstat(self->fd, &st) < 0)
                return -errno;
        if (self->header && st.st_size == 0)
                rc = write_all(self->fd, self->header, self->header_len, &written);
        if (rc == 0)
                rc = write_all(self->fd, self->buffer, self->len, &written);
        if (rc < 0 && ftruncate(self->fd, st.st_size) < 0)
                return rc;
        if (rc == 0)
                self->len = 0;
        return rc;
}

static int
write_file(struct writer *self)
{
        int rc;

        while (flock(self->fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        rc = write_locked(self);
        flock(self->fd, LOCK_UN);
        return rc;
}

/* The bytes of the next chunk for a pipe: whole lines, at most PIPE_BUF, at least one line. */
static size_t
pipe_chunk(const char *ptr, size_t n)
{
        const char *line;

        if (n <= PIPE_BUF)
                return n;
        line = memrchr(ptr, '\n', PIPE_BUF);
        if (!line)
                line = memchr(ptr, '\n', n);
        return line ? (size_t)(line - ptr) + 1 : n;
}

static int
write_pipe(struct writer *self)
{
        size_t done = 0, written;
        int rc = 0;

        while (rc == 0 && done < self->len) {
                rc = write_all(self->fd, self->buffer + done, pipe_chunk(self->buffer + done, self->len - done), &written);
                done += written;
        }
        memmove(self->buffer, self->buffer + done, self->len - done);
        self->len -= done;
        return rc;
}

static int
drain(struct writer *self)
{
        size_t written;
        int rc = 0;

        if (self->len == 0)
                return 0;
        if (self->regular)
                return write_file(self);
        if (self->header && !self->headed)
                rc = write_all(self->fd, self->header, self->header_len, &written);
        self->headed = true;
        return rc < 0 ? rc : write_pipe(self);
}

/* ---- The bolt ----------------------------------------------------------------------------------------------------------- */

static int
refuse(struct sq_task *task, const struct writer *self, int error)
{
        return sq_error(task, "%s: %s", strcmp(self->path, "-") == 0 ? "stdout" : self->path, strerror(error));
}

static int
prepare(struct sq_task *task)
{
        static void (*const puts[])(struct writer *, const struct sq_tuple *) = {put_tsv, put_jsonl, put_csv};
        struct writer *self = sq_state(task);
        struct stat st;

        self->fd = strcmp(self->path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                                : open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (self->fd < 0 || fstat(self->fd, &st) < 0)
                return refuse(task, self, errno);
        self->regular = S_ISREG(st.st_mode) && strcmp(self->path, "-") != 0;
        self->put = puts[self->format];
        self->room = 2 * CHUNK;
        self->buffer = malloc(self->room);
        if (!self->buffer)
                return refuse(task, self, ENOMEM);
        /* One task does what is done once: no tuple flows before all are prepared. */
        self->headed = self->format != CSV || (!self->regular && sq_index(task) > 0) ||
                       (!self->regular && sq_incarnation(task) > 0);
        if (self->regular && self->mode == TRUNCATE && sq_index(task) == 0 && sq_incarnation(task) == 0 &&
            ftruncate(self->fd, 0) < 0)
                return refuse(task, self, errno);
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct writer *self = sq_state(task);
        size_t start;
        int rc = self->len >= CHUNK ? drain(self) : 0;

        if (rc < 0)
                return sq_fail(task, "%s: %s", self->path, strerror(-rc));
        start = self->len;
        self->put(self, in);
        if (self->short_of_memory) {
                self->len = start;
                self->short_of_memory = false;
                return sq_fail(task, "%s: %s", self->path, strerror(ENOMEM));
        }
        return SQ_ACK;
}

static int
flush(struct sq_task *task)
{
        struct writer *self = sq_state(task);
        int rc = drain(self);

        if (rc == 0)
                return 0;
        self->len = 0;
        return refuse(task, self, -rc);
}

static void
cleanup(struct sq_task *task)
{
        struct writer *self = sq_state(task);

        if (self->buffer)
                close(self->fd);
        free(self->buffer);
        free(self->header);
}

SQ_BOLT(write) = {
        .about = "Writes tuples as lines to a file or to stdout.",
        .state = sizeof(struct writer),
        .options =
                {
                        SQ_REQ_PATH(struct writer, path, "the file; - is stdout"),
                        SQ_OPT_ENUM(
                                struct writer, format, "tsv|jsonl|csv", "tsv",
                                "tsv: fields between tabs (tab, line end, \\ in them as \\t, \\n, \\\\; a tuple of one field as it is); "
                                "jsonl: an object a line; csv: RFC 4180 with a header line"),
                        SQ_OPT_ENUM(struct writer, mode, "truncate|append", "truncate",
                                    "what happens to the file when the topology starts; a restarted worker always appends"),
                },
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .finish = flush,
        .cleanup = cleanup,
};
