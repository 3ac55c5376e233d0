/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `write`: tuples as lines of a file or of stdout.
 *
 * Lines gather in a buffer that goes out when it is full and in `flush`, which the runtime calls before it sends acks:
 * an acked tuple is in the file. They are appended as whole lines, whatever the disk and the killers do (sq_append() in
 * squall.h).
 *
 * The name of the file is looked at once a second: a file that was renamed, as logrotate does, or deleted is left, and
 * a new one opened.
 *
 * When flush fails, the buffer is dropped: its tuples are failed as well, and come again.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TSV, JSONL, CSV };
enum { TRUNCATE, APPEND };
enum { CHUNK = 64 * 1024, JSON_ROOM = 256, INT_ROOM = 24 };
#define LOOK_NS 1000000000u

struct writer {
        const char *path;
        int64_t format, mode;

        struct sq_append *file; /* NULL: it could not be opened anew */
        struct stat about;
        uint64_t look_ns;     /* when its name is looked at again */
        bool regular, headed; /* headed: nothing to do about the header any more */
        char *header;
        size_t header_len;
        char *buffer;
        size_t len, room;
        void (*put)(struct writer *self, const struct sq_tuple *in);
        bool short_of_memory;
};

/* ---- Lines ------------------------------------------------------------------------------------------- */

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
put_value(struct writer *self, struct sq_value value, bool alone,
          void (*put_text)(struct writer *, const char *, size_t, bool))
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
                json = self->short_of_memory ? NULL : strndup(self->buffer + start, self->len - start);
                if (!json) {
                        self->short_of_memory = true;
                        return;
                }
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
                self->short_of_memory |= !self->header;
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

/* ---- The file ---------------------------------------------------------------------------------------- */

static bool
is_stdout(const struct writer *self)
{
        return strcmp(self->path, "-") == 0;
}

static const char *
name_of(const struct writer *self)
{
        return is_stdout(self) ? "stdout" : self->path;
}

/* 0 or a negative errno. */
static int
open_path(struct writer *self, bool restarted)
{
        int fd = is_stdout(self) ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                 : open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        int rc;

        if (fd < 0)
                return -errno;
        self->file = fstat(fd, &self->about) < 0 ? NULL : sq_append_new(fd, restarted);
        if (!self->file) {
                rc = -errno;
                close(fd);
                return rc;
        }
        self->regular = S_ISREG(self->about.st_mode) && !is_stdout(self);
        return 0;
}

/* Somebody may have renamed the file, as logrotate does, or deleted it: then its name stands for another one, or a new
 * one. */
static bool
has_gone(struct sq_task *task, struct writer *self)
{
        struct stat st;

        if (!self->regular ||
            (fstat(sq_append_fd(self->file), &st) == 0 && st.st_nlink > 0 && sq_now(task) < self->look_ns))
                return false;
        self->look_ns = sq_now(task) + LOOK_NS;
        return stat(self->path, &st) < 0 || st.st_ino != self->about.st_ino || st.st_dev != self->about.st_dev;
}

/* 0, or a negative errno: then it is tried again with the next lines. */
static int
look(struct sq_task *task, struct writer *self)
{
        int rc;

        if (self->file && !has_gone(task, self))
                return 0;
        sq_append_free(&self->file);
        rc = open_path(self, true);
        if (rc == 0)
                sq_log(task, SQ_WARN, "%s was renamed or deleted: goes on in a new file", self->path);
        return rc;
}

static int
drain(struct sq_task *task, struct writer *self)
{
        struct sq_str header = {self->header, self->header ? self->header_len : 0};
        size_t done;
        int rc;

        if (self->len == 0)
                return 0;
        rc = look(task, self);
        if (rc == 0 && !self->regular && !self->headed && self->header)
                rc = sq_append(self->file, (struct sq_str){NULL, 0}, self->header, self->header_len, &done);
        if (rc < 0)
                return rc;
        self->headed = self->headed || !self->regular;
        rc = sq_append(self->file, header, self->buffer, self->len, &done);
        memmove(self->buffer, self->buffer + done, self->len - done);
        self->len -= done;
        return rc;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
refuse(struct sq_task *task, const struct writer *self, int error)
{
        if (is_stdout(self) && (error == EPIPE || error == EBADF))
                return sq_error_final(task, "stdout: %s", error == EPIPE ? "its reader has gone" : "is closed");
        return sq_error(task, "%s: %s", name_of(self), strerror(error));
}

static int
begin(struct sq_task *task)
{
        static void (*const puts[])(struct writer *, const struct sq_tuple *) = {put_tsv, put_jsonl, put_csv};
        struct writer *self = sq_state(task);
        bool first = sq_index(task) == 0 && sq_incarnation(task) == 0;
        int rc;

        self->put = puts[self->format];
        self->room = 2 * CHUNK;
        self->buffer = malloc(self->room);
        if (!self->buffer)
                return refuse(task, self, ENOMEM);
        rc = open_path(self, sq_incarnation(task) > 0);
        if (rc < 0)
                return refuse(task, self, -rc);
        self->look_ns = sq_now(task) + LOOK_NS;
        /* One task does what is done once: no tuple flows before all are prepared. */
        self->headed = self->format != CSV || (!self->regular && !first);
        if (self->regular && self->mode == TRUNCATE && first && ftruncate(sq_append_fd(self->file), 0) < 0)
                return refuse(task, self, errno);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct writer *self = sq_state(task);

        sq_append_free(&self->file);
        free(self->buffer);
        free(self->header);
}

/* What is not prepared is not cleaned up either. */
static int
prepare(struct sq_task *task)
{
        int r = begin(task);

        if (r < 0)
                cleanup(task);
        return r;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct writer *self = sq_state(task);
        size_t start;
        int rc = self->len >= CHUNK ? drain(task, self) : 0;

        if (rc < 0) {
                refuse(task, self, -rc);
                return sq_retry_later(task, "%s: %s", name_of(self), strerror(-rc));
        }
        start = self->len;
        self->put(self, in);
        if (self->short_of_memory) {
                self->len = start;
                self->short_of_memory = false;
                return sq_retry_later(task, "%s: %s", name_of(self), strerror(ENOMEM));
        }
        return SQ_ACK;
}

static int
flush(struct sq_task *task)
{
        struct writer *self = sq_state(task);
        int rc = drain(task, self);

        if (rc == 0)
                return 0;
        self->len = 0;
        return refuse(task, self, -rc);
}

SQ_BOLT(write) = {
        .about = "Writes tuples as lines to a file or to stdout.",
        .state = sizeof(struct writer),
        .options =
                {
                        SQ_REQ_OUTPUT(struct writer, path, "the file; - is stdout"),
                        SQ_OPT_ENUM(
                                struct writer, format, "tsv|jsonl|csv", "tsv",
                                "tsv: fields between tabs (tab, line end, \\ in them as \\t, \\n, \\\\; a tuple of one field as it is); "
                                "jsonl: an object a line; csv: RFC 4180 with a header line"),
                        SQ_OPT_ENUM(
                                struct writer, mode, "truncate|append", "truncate",
                                "what happens to the file when the topology starts; a restarted worker always appends"),
                },
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .finish = flush,
        .cleanup = cleanup,
};
