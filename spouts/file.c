/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `file`: the lines of a file, or the records of a CSV or JSON Lines file.
 *
 * Positions. Each record is a tuple tree of its own; its position says where it stands, so that it can be read again.
 * They rise:
 *
 *     a file read `repeat` times    pass * size + offset        (the size when the task was prepared)
 *     a file that is followed       generation << 40 | offset   (a generation begins with a rotation or a truncation)
 *
 * Tasks share a file by byte ranges whose edges are moved on to the next record, so each record is read by one task. A
 * followed file is read by task 0 alone.
 *
 * A position is told together with what its file is known by (kit/identity.c), so that a restarted task reads on in
 * that file, whatever its name is by then. A file that is read once and is another one by then, or shorter, ends the
 * topology.
 *
 * Following is tail -F's: the path is looked at again whenever the end is reached. Another file there means that the
 * old one was rotated away; it is read to its end once more, for its writer may have been faster than us, and then left
 * for the next: the oldest that was rotated away since, or the one at the path. A file that was copied and truncated is
 * read on in its copy. The last few generations stay open to be replayed from.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES, JSONL, CSV };
enum { BURST_BYTES = 64 * 1024 };
enum { GENERATIONS = 4, GENERATION_SHIFT = 40 };
#define OFFSET_MASK ((UINT64_C(1) << GENERATION_SHIFT) - 1)
#define LOOK_NS 20000000u /* a followed file at its end is looked at 50 times a second */
#define RETRY_NS 1000000000u
#define NOTE_NS 50000000u

/* What is kept with positions. */
struct note {
        uint32_t path;                         /* its hash: a change of the setting is no rotation */
        uint32_t generation;                   /* of the last identity */
        struct sq_identity known[GENERATIONS]; /* followed: those that are, the oldest first; read once: one */
};
struct note_once {
        uint32_t path, unused;
        uint64_t size, first;
        struct sq_identity known;
};
_Static_assert(sizeof(struct note) <= SQ_NOTE_MAX && sizeof(struct note_once) <= SQ_NOTE_MAX, "notes fit");

struct file {
        const char *path;
        int64_t format, repeat;
        bool follow;
        double rate;
        struct sq_list fields;
        int64_t on_error;

        struct sq_reader reader, replayer;
        uint64_t header_end;              /* read once: where the first record begins */
        uint64_t size, first, last, pass; /* this task reads [first, last) */
        uint64_t generation;
        int fds[GENERATIONS];                /* of generation g at g % GENERATIONS, or -1 */
        struct sq_identity ids[GENERATIONS]; /* as fds */
        unsigned nids;                       /* of them: the last so many generations */
        uint64_t seen, noted_ns;             /* size of the file at that time */
        bool rotated, header, reading;
        struct sq_pace pace;

        unsigned nfields; /* CSV and JSON Lines: the fields of the tuple */
        char *names[SQ_FIELDS_MAX];
        struct sq_csv_columns columns[GENERATIONS]; /* as fds */
        uint64_t ragged;                            /* rows with too few or too many cells, ... */
        uint64_t with_new;                          /* ... objects with members that no field holds */
        char wrong[256];
        struct sq_json_reader json;
        char *scratch;
        size_t scratch_size;
};

static struct file *
state(struct sq_task *task)
{
        return sq_state(task);
}

/* ---- Fields ------------------------------------------------------------------------------------------ */

/* False: what is wrong stands in file->wrong. */
static bool
add_name(struct file *file, struct sq_str name)
{
        char *copy = NULL;

        if (file->nfields == SQ_FIELDS_MAX) {
                snprintf(file->wrong, sizeof(file->wrong),
                         "more than %u fields, which a tuple cannot have: choose some with `fields`", SQ_FIELDS_MAX);
                return false;
        }
        copy = strndup(name.ptr, name.len);
        if (!copy) {
                snprintf(file->wrong, sizeof(file->wrong), "%s", strerror(ENOMEM));
                return false;
        }
        file->names[file->nfields++] = copy; /* NOLINT(clang-analyzer-unix.Malloc): forget_names() frees it */
        return true;
}

static bool
is_known(const struct file *file, struct sq_str name)
{
        for (unsigned i = 0; i < file->nfields; i++)
                if (sq_str_is(name, file->names[i]))
                        return true;
        return false;
}

static bool
wanted(const struct file *file, struct sq_str name)
{
        for (size_t i = 0; i < file->fields.n; i++)
                if (sq_str_is(name, file->fields.items[i]))
                        return true;
        return false;
}

static bool
add_column(struct file *file, struct sq_str name, unsigned column)
{
        const char *what = name.len == 0          ? "has no name"
                           : is_known(file, name) ? "has the name of an earlier one"
                                                  : NULL;

        if (file->fields.n > 0)
                return !wanted(file, name) || is_known(file, name) || add_name(file, name);
        if (!what)
                return add_name(file, name);
        snprintf(file->wrong, sizeof(file->wrong), "column %u of the header, '%.*s', %s: choose columns with `fields`",
                 column + 1, (int)(name.len < 64 ? name.len : 64), name.ptr, what);
        return false;
}

static const char *
names_of_list(struct file *file)
{
        for (size_t i = 0; i < file->fields.n; i++)
                if (!add_name(file, (struct sq_str){file->fields.items[i], strlen(file->fields.items[i])}))
                        return file->wrong;
        return NULL;
}

/* The fields of a CSV file come in the order of its columns. */
static const char *
names_of_header(struct file *file, struct sq_str record)
{
        char *scratch = malloc(record.len + 1), *grow = scratch;
        struct sq_str cell, header = record;
        bool good = scratch != NULL;

        if (!scratch)
                return strerror(ENOMEM);
        for (unsigned column = 0; good && sq_csv_cell(&header, &grow, &cell); column++)
                good = add_column(file, cell, column);
        free(scratch);
        for (size_t i = 0; good && i < file->fields.n; i++) {
                good = is_known(file, (struct sq_str){file->fields.items[i], strlen(file->fields.items[i])});
                if (!good)
                        snprintf(file->wrong, sizeof(file->wrong), "the header line lacks `%s`", file->fields.items[i]);
        }
        if (!good)
                return file->wrong;
        (void)sq_csv_columns_read(&file->columns[0], record, file->nfields, (const char *const *)file->names);
        return NULL;
}

static const char *
names_of_object(struct file *file, struct sq_str record)
{
        struct sq_value object;
        const struct sq_value *items;

        if (!sq_json_read(&file->json, record, &object) || object.type != SQ_MAP || object.len == 0)
                return "the first line is not a JSON object with members";
        items = object.as.ptr;
        for (uint32_t i = 0; i < object.len; i++)
                if (!add_name(file, (struct sq_str){items[2 * i].as.ptr, items[2 * i].len}))
                        return file->wrong;
        return NULL;
}

/* Finds the names of the fields, from the settings or the first record of `fd`. NULL, or what is wrong. */
static const char *
find_names(struct file *file, int fd)
{
        struct sq_reader reader = {.csv = file->format == CSV};
        struct sq_str record;
        const char *wrong;
        int rc;

        if (file->format == JSONL && file->fields.n > 0)
                return names_of_list(file);
        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        rc = sq_reader_next(&reader, true, &record);
        if (rc <= 0)
                wrong = rc < 0 ? strerror(-rc) : "the file is empty, so its fields are not known";
        else if (reader.wrong)
                wrong = reader.wrong;
        else
                wrong = file->format == CSV ? names_of_header(file, record) : names_of_object(file, record);
        file->first = file->format == CSV ? reader.offset : 0;
        sq_reader_close(&reader);
        return wrong;
}

static void
forget_names(struct file *file)
{
        for (unsigned i = 0; i < file->nfields; i++)
                free(file->names[i]);
        file->nfields = 0;
        for (unsigned i = 0; i < GENERATIONS; i++)
                sq_csv_columns_free(&file->columns[i]);
        sq_json_free(&file->json);
        free(file->scratch);
}

static void
declare(struct sq_declaration *decl)
{
        struct file file = *(const struct file *)sq_declared_state(decl);
        bool open_it = file.format == CSV || (file.format == JSONL && file.fields.n == 0);
        int fd = open_it ? open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
        const char *wrong;

        file.nfields = 0;
        if (file.repeat < 0)
                sq_declare_error(decl, "repeat", "must not be negative");
        if (file.format == LINES) {
                sq_declare_out(decl, 0, "line", SQ_STR);
                return;
        }
        wrong = open_it && fd < 0 ? strerror(errno) : find_names(&file, fd);
        if (wrong)
                sq_declare_error(decl, "path", "%s: %s", file.path, wrong);
        for (unsigned i = 0; i < file.nfields; i++)
                sq_declare_out(decl, 0, file.names[i], file.format == CSV ? SQ_STR : SQ_ANY);
        forget_names(&file);
        if (fd >= 0)
                close(fd);
} /* NOLINT(clang-analyzer-unix.Malloc): see add_name() */

/* ---- Opening ----------------------------------------------------------------------------------------- */

static int
share(struct file *file, uint64_t part, uint64_t parts, uint64_t *ret_offset)
{
        uint64_t whole = file->size > file->first ? file->size - file->first : 0;

        if (part == parts) {
                *ret_offset = file->first + whole;
                return 0;
        }
        return sq_reader_align(&file->reader, file->first,
                               file->first + whole / parts * part + whole % parts * part / parts, ret_offset);
}

/* The range of this task. */
static int
take_share(struct sq_task *task, struct file *file)
{
        uint64_t from = 0, to = 0;
        int rc;

        sq_reader_open(&file->reader, file->fds[0], 0, file->size);
        rc = share(file, sq_index(task), sq_parallelism(task), &from);
        if (rc == 0)
                rc = share(file, sq_index(task) + 1, sq_parallelism(task), &to);
        if (rc < 0)
                return sq_error(task, "%s: %s", file->path, strerror(-rc));
        file->first = from;
        file->last = to;
        sq_reader_open(&file->reader, file->fds[0], from, to);
        return 0;
}

static struct sq_identity *
identity_of(struct file *file, uint64_t generation)
{
        return &file->ids[generation % GENERATIONS];
}

/* The identities of the last generations, the oldest first. */
static size_t
known(struct file *file, struct sq_identity ret[GENERATIONS])
{
        for (unsigned i = 0; i < file->nids; i++)
                ret[i] = *identity_of(file, file->generation - (file->nids - 1 - i));
        return file->nids;
}

static uint32_t
hash_of(const char *text)
{
        uint32_t hash = 2166136261u; /* FNV-1a */

        for (; *text; text++)
                hash = (hash ^ (uint8_t)*text) * 16777619u;
        return hash;
}

static uint64_t
position_at(const struct file *file, uint64_t offset)
{
        return file->follow ? file->generation << GENERATION_SHIFT | offset : file->pass * file->size + offset;
}

/* Where the task goes on, and in which file. */
static void
note(struct sq_task *task, struct file *file)
{
        struct note followed = {.path = hash_of(file->path), .generation = (uint32_t)file->generation};
        struct note_once once = {
                .path = followed.path, .size = file->size, .first = file->header_end, .known = file->ids[0]};
        size_t n = known(file, followed.known);

        if (file->follow)
                sq_note(task, &followed, offsetof(struct note, known) + n * sizeof(followed.known[0]));
        else
                sq_note(task, &once, sizeof(once));
        sq_next_position(task, position_at(file, file->reader.offset));
}

/* The header of a file that is read from its middle on. */
static void
read_columns(struct file *file, int fd)
{
        struct sq_reader reader = {.csv = true};
        struct sq_str record;

        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        if (sq_reader_next(&reader, true, &record) > 0)
                (void)sq_csv_columns_read(&file->columns[file->generation % GENERATIONS], record, file->nfields,
                                          (const char *const *)file->names);
        sq_reader_close(&reader);
}

static void
begin_generation(struct file *file, int fd, uint64_t offset)
{
        int *slot = &file->fds[file->generation % GENERATIONS];

        if (*slot >= 0 && *slot != fd)
                close(*slot);
        *slot = fd;
        file->rotated = false;
        file->header = file->format == CSV && offset == 0;
        sq_reader_open(&file->reader, fd, offset, UINT64_MAX);
        file->replayer.fd = -1;
        if (fd >= 0 && file->format == CSV && offset > 0)
                read_columns(file, fd);
        if (fd >= 0 && sq_identity_take(identity_of(file, file->generation), fd, offset) == 0 &&
            file->nids < GENERATIONS)
                file->nids++;
}

static int
open_file(struct sq_task *task, struct file *file)
{
        int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;

        if (fd < 0)
                return file->follow && errno == ENOENT ? 0 : sq_error(task, "%s: %s", file->path, strerror(errno));
        file->fds[0] = fd;
        if (fstat(fd, &st) < 0)
                return sq_error(task, "%s: %s", file->path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return sq_error(task, "%s: not a regular file (a pipe, say, cannot be read again after a fault)",
                                file->path);
        if (pread(fd, &(char){0}, 1, 0) < 0)
                return sq_error(task, "%s: %s", file->path, strerror(errno));
        if (sq_compressed(fd))
                return sq_error(task, "%s: compressed with %s, which is not read (decompress it first)", file->path,
                                sq_compressed(fd));
        file->size = (uint64_t)st.st_size;
        return 0;
}

static int
prepare(struct sq_task *task)
{
        struct file *file = state(task);
        const char *wrong = NULL;

        for (unsigned i = 0; i < GENERATIONS; i++)
                file->fds[i] = -1;
        file->reader.csv = file->replayer.csv = file->format == CSV;
        file->repeat += file->repeat == 0;
        if (open_file(task, file) < 0)
                return -1;
        if (file->format != LINES)
                wrong = file->fds[0] < 0 ? strerror(ENOENT) : find_names(file, file->fds[0]);
        if (wrong)
                return sq_error(task, "%s: %s", file->path, wrong);
        file->reading = !file->follow || sq_index(task) == 0;
        file->header_end = file->first;
        if (!file->follow && take_share(task, file) < 0)
                return -1;
        if (file->follow)
                begin_generation(file, file->fds[0], 0);
        else
                (void)sq_identity_take(&file->ids[0], file->fds[0], file->reader.offset);
        note(task, file);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct file *file = state(task);

        for (unsigned i = 0; i < GENERATIONS; i++)
                if (file->fds[i] >= 0)
                        close(file->fds[i]);
        sq_reader_close(&file->reader);
        sq_reader_close(&file->replayer);
        forget_names(file);
}

/* ---- Emitting ---------------------------------------------------------------------------------------- */

static char *
scratch(struct file *file, size_t need)
{
        if (need > file->scratch_size) {
                free(file->scratch);
                file->scratch = malloc(need);
                file->scratch_size = file->scratch ? need : 0;
        }
        return file->scratch;
}

/* Counts a row with too few or too many cells, and says so now and then: the 1st, 2nd, 4th, 8th, ... */
static void
note_ragged(struct sq_task *task, struct file *file, uint64_t offset, size_t cells, size_t columns)
{
        sq_count(task, cells < columns ? "short rows" : "long rows", 1);
        file->ragged++;
        if ((file->ragged & (file->ragged - 1)) == 0)
                sq_log(task, SQ_WARN,
                       "%s: byte %llu: a row of %zu cells under a header of %zu columns: %s (%llu such rows so far)",
                       file->path, (unsigned long long)offset, cells, columns,
                       cells < columns ? "the missing ones are empty" : "the surplus is left out",
                       (unsigned long long)file->ragged);
}

static void
emit_csv(struct sq_task *task, struct file *file, const struct sq_csv_columns *columns, struct sq_str record,
         uint64_t offset)
{
        struct sq_value values[SQ_FIELDS_MAX];
        char *room = scratch(file, record.len + 1);
        size_t cells;

        if (!room) {
                sq_refuse(task, file->on_error, sq_str(record), "%s: byte %llu: %s", file->path,
                          (unsigned long long)offset, strerror(ENOMEM));
                return;
        }
        cells = sq_csv_row(columns, record, room, file->nfields, values);
        if (cells != columns->n)
                note_ragged(task, file, offset, cells, columns->n);
        sq_emit_values(task, 0, file->nfields, values);
}

/* The fields are those of the first object. What a later one has besides is not in the tuple, which is said as
 * note_ragged() does. */
static void
note_new_members(struct sq_task *task, struct file *file, struct sq_value object, uint64_t offset)
{
        const struct sq_value *items = object.as.ptr;
        uint32_t i = 0;

        while (i + 1 < object.len && is_known(file, (struct sq_str){items[2 * i].as.ptr, items[2 * i].len}))
                i++;
        if (file->on_error == SQ_ON_ERROR_FAIL) {
                (void)sq_error_final(task, "%s: byte %llu: the first object had no member `%.*s`", file->path,
                                     (unsigned long long)offset, (int)items[2 * i].len,
                                     (const char *)items[2 * i].as.ptr);
                return;
        }
        sq_count(task, "objects with new members", 1);
        file->with_new++;
        if ((file->with_new & (file->with_new - 1)) == 0)
                sq_log(task, SQ_WARN,
                       "%s: byte %llu: the first object had no member `%.*s`, so no field holds it: name what you want in `fields` (%llu such "
                       "objects so far)",
                       file->path, (unsigned long long)offset, (int)items[2 * i].len, (const char *)items[2 * i].as.ptr,
                       (unsigned long long)file->with_new);
}

static void
emit_jsonl(struct sq_task *task, struct file *file, struct sq_str record, uint64_t offset)
{
        struct sq_value values[SQ_FIELDS_MAX], object;
        size_t found;

        if (!sq_json_read(&file->json, record, &object) || object.type != SQ_MAP) {
                sq_refuse(task, file->on_error, sq_str(record), "%s: byte %llu: %s", file->path,
                          (unsigned long long)offset, file->json.wrong ? file->json.wrong : "not a JSON object");
                return;
        }
        found = sq_members(object, file->nfields, (const char *const *)file->names, values);
        if (found < object.len && file->fields.n == 0)
                note_new_members(task, file, object, offset);
        sq_emit_values(task, 0, file->nfields, values);
}

/* Emits the record that `reader` has read, of that generation. */
static inline void
emit(struct sq_task *task, struct file *file, const struct sq_reader *reader, struct sq_str record, uint64_t generation,
     uint64_t offset)
{
        if (reader->wrong)
                sq_refuse(task, file->on_error, sq_str(record), "%s: byte %llu: %s", file->path,
                          (unsigned long long)offset, reader->wrong);
        else if (file->format == LINES)
                sq_emit(task, sq_str(record));
        else if (file->format == CSV)
                emit_csv(task, file, &file->columns[generation % GENERATIONS], record, offset);
        else
                emit_jsonl(task, file, record, offset);
}

/* ---- Following --------------------------------------------------------------------------------------- */

/* Its file was truncated, or written anew: reads on in a copy of it, as logrotate's copytruncate makes one, or begins
 * anew. */
static void
leave_rewritten(struct sq_task *task, struct file *file)
{
        uint64_t offset = file->reader.offset;
        int *slot = &file->fds[file->generation % GENERATIONS],
            copy = sq_identity_find(identity_of(file, file->generation), file->path);

        if (copy >= 0) {
                sq_log(task, SQ_INFO, "%s was truncated or written anew: goes on in the copy of it at byte %llu",
                       file->path, (unsigned long long)offset);
                close(*slot);
                *slot = copy;
                file->rotated = true;
                file->replayer.fd = -1;
                sq_reader_open(&file->reader, copy, offset, UINT64_MAX);
                (void)sq_identity_take(identity_of(file, file->generation), copy, offset);
                return;
        }
        if (file->seen > offset)
                sq_lost(task, 1, "%s was truncated or written anew: at least the %llu bytes from byte %llu on are lost",
                        file->path, (unsigned long long)(file->seen - offset), (unsigned long long)offset);
        else
                sq_log(task, SQ_WARN, "%s was truncated or written anew: it is read from its beginning", file->path);
        file->generation++;
        begin_generation(file, fcntl(*slot, F_DUPFD_CLOEXEC, 0), 0);
}

/* Whether what was read still stands in the file; then what it is known by is brought up to date. */
static bool
renew(struct file *file)
{
        struct sq_identity *identity = identity_of(file, file->follow ? file->generation : 0);
        struct stat st;

        if (file->reader.fd < 0)
                return true;
        if (fstat(file->reader.fd, &st) < 0 || (uint64_t)st.st_size < file->reader.offset ||
            !sq_identity_is(identity, file->reader.fd) ||
            sq_identity_take(identity, file->reader.fd, file->reader.offset) < 0)
                return false;
        file->seen = (uint64_t)st.st_size;
        return true;
}

/* At the end of a followed file. True when there is something to read again. */
static bool
look_again(struct sq_task *task, struct file *file)
{
        struct sq_identity before[GENERATIONS];
        struct stat here, there;
        int fd;

        if (!renew(file)) {
                leave_rewritten(task, file);
                return true;
        }
        if (file->reader.fd >= 0 && fstat(file->reader.fd, &here) == 0) {
                if (stat(file->path, &there) < 0 || (here.st_ino == there.st_ino && here.st_dev == there.st_dev))
                        return false;
                if (!file->rotated)
                        return file->rotated = true;
        }
        fd = sq_identity_after(before, known(file, before), file->path);
        if (fd < 0)
                return false;
        if (file->reader.fd >= 0)
                sq_log(task, SQ_INFO, "%s was rotated: goes on in the file that came after it", file->path);
        file->generation += file->reader.fd >= 0;
        begin_generation(file, fd, 0);
        return true;
}

/* The header of a generation: columns may stand in another order than before. */
static void
take_header(struct sq_task *task, struct file *file, struct sq_str record)
{
        struct sq_csv_columns *columns = &file->columns[file->generation % GENERATIONS];
        size_t lacking = sq_csv_columns_read(columns, record, file->nfields, (const char *const *)file->names);

        if (lacking < file->nfields)
                sq_log(task, SQ_WARN, "%s: the new header lacks the column `%s`: it is empty from here on", file->path,
                       file->names[lacking]);
        file->header = false;
}

/* The next record of the task, or 0 at the end, or a negative errno. */
static int
next_record(struct sq_task *task, struct file *file, struct sq_str *ret, uint64_t *ret_position)
{
        uint64_t offset;
        int rc;

        for (;;) {
                offset = file->reader.offset;
                rc = file->reader.fd < 0 ? 0 : sq_reader_next(&file->reader, !file->follow || file->rotated, ret);
                if (rc > 0 && !file->header) {
                        *ret_position = position_at(file, offset);
                        return rc;
                }
                if (rc > 0)
                        take_header(task, file, *ret);
                else if (rc < 0)
                        return rc;
                else if (!file->follow && file->reader.offset < file->last)
                        return -ESTALE;
                else if (file->follow ? !look_again(task, file) : ++file->pass >= (uint64_t)file->repeat)
                        return 0;
                else if (!file->follow)
                        sq_reader_seek(&file->reader, file->first);
        }
}

/* Now and then: is it still the file that was read? False: it was to be read once, and is not. */
static bool
still_there(struct sq_task *task, struct file *file)
{
        if (sq_now(task) >= file->noted_ns) {
                file->noted_ns = sq_now(task) + NOTE_NS;
                if (!renew(file)) {
                        if (!file->follow)
                                return false;
                        leave_rewritten(task, file);
                }
                note(task, file);
        }
        sq_next_position(task, position_at(file, file->reader.offset));
        return true;
}

static enum sq_next
shrunk(struct sq_task *task, struct file *file)
{
        struct stat st = {0};

        (void)fstat(file->reader.fd, &st);
        (void)sq_error_final(
                task,
                "%s: was truncated or written anew while it was read: %llu bytes when the run began, %lld now, at byte %llu",
                file->path, (unsigned long long)file->size, (long long)st.st_size,
                (unsigned long long)file->reader.offset);
        return SQ_IDLE;
}

static enum sq_next
next(struct sq_task *task)
{
        struct file *file = state(task);
        uint64_t most = sq_pace_due(&file->pace, task, file->rate, sq_pace_burst(task)), n = 0, position;
        size_t bytes = 0;
        struct sq_str record;
        int rc = 1;

        if (!file->reading || (!file->follow && file->pass >= (uint64_t)file->repeat))
                return SQ_DONE;
        if (most == 0)
                return SQ_IDLE;
        while (n < most && bytes < BURST_BYTES && (rc = next_record(task, file, &record, &position)) > 0) {
                sq_track(task, position);
                emit(task, file, &file->reader, record, file->generation, position & OFFSET_MASK);
                bytes += record.len;
                n++;
        }
        sq_pace_sent(&file->pace, n);
        if (rc == -ESTALE || !still_there(task, file))
                return shrunk(task, file);
        if (rc > 0)
                return SQ_MORE;
        if (rc == 0 && !file->follow)
                return SQ_DONE;
        if (rc < 0)
                sq_log(task, SQ_ERROR, "%s: byte %llu: %s (trying again)", file->path,
                       (unsigned long long)file->reader.offset, strerror(-rc));
        sq_wake_at(task, sq_now(task) + (rc < 0 ? RETRY_NS : LOOK_NS));
        return SQ_IDLE;
}

/* ---- Positions --------------------------------------------------------------------------------------- */

static int
replay(struct sq_task *task, uint64_t position)
{
        struct file *file = state(task);
        uint64_t generation = file->follow ? position >> GENERATION_SHIFT : 0;
        uint64_t offset = file->follow ? position & OFFSET_MASK : file->size ? position % file->size : 0;
        int fd = file->fds[generation % GENERATIONS], rc;
        struct sq_str record;

        if (file->follow && generation + GENERATIONS <= file->generation)
                return sq_error(task, "%s was rotated %u times since position %llu", file->path, GENERATIONS,
                                (unsigned long long)position);
        if (fd != file->replayer.fd || !file->replayer.buffer)
                sq_reader_open(&file->replayer, fd, offset, UINT64_MAX);
        if (!file->follow)
                file->replayer.limit = file->size;
        sq_reader_seek(&file->replayer, offset);
        rc = sq_reader_next(&file->replayer, true, &record);
        if (rc <= 0)
                return sq_error(task, "%s: byte %llu: %s", file->path, (unsigned long long)offset,
                                rc < 0 ? strerror(-rc) : "the file ends before it");
        sq_track(task, position);
        emit(task, file, &file->replayer, record, generation, offset);
        return 0;
}

/* Reads on in the file that the position is in, whatever its name is now. */
static void
go_on_in(struct sq_task *task, struct file *file, const struct sq_identity *identity, uint64_t offset)
{
        int fd = sq_identity_find(identity, file->path);

        if (fd >= 0) {
                begin_generation(file, fd, offset);
                *identity_of(file, file->generation) = *identity;
                return;
        }
        sq_lost(task, 1,
                "%s: the file that was read up to byte %llu was rotated or truncated and is gone: what came after that in it is lost",
                file->path, (unsigned long long)offset);
        file->generation++;
        begin_generation(file, sq_identity_after(identity, 1, file->path), 0);
}

static void
seek_followed(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note before = {0};
        uint64_t offset = position & OFFSET_MASK, back;
        size_t n;
        int fd = file->fds[0];

        memcpy(&before, noted.ptr, noted.len < sizeof(before) ? noted.len : sizeof(before));
        n = noted.len < offsetof(struct note, known)
                    ? 0
                    : (noted.len - offsetof(struct note, known)) / sizeof(before.known[0]);
        file->fds[0] = -1;
        file->nids = 0;
        file->generation = position >> GENERATION_SHIFT;
        back = (uint32_t)(before.generation - (uint32_t)file->generation);
        if (before.path == hash_of(file->path) && back < n) {
                if (fd >= 0)
                        close(fd);
                go_on_in(task, file, &before.known[n - 1 - back], offset);
                return;
        }
        if (position > 0) {
                sq_log(task, SQ_INFO, "%s: another file than before: it is read from its beginning", file->path);
                file->generation++;
        }
        begin_generation(file, fd, 0);
}

/* The same file, and as much of it as when the run began. */
static int
seek_once(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note_once before = {0};
        uint64_t offset;
        int fd;

        memcpy(&before, noted.ptr, noted.len < sizeof(before) ? noted.len : sizeof(before));
        if (noted.len != sizeof(before) || before.path != hash_of(file->path))
                return position > 0
                               ? sq_error_final(task, "%s: another file than the one that was read before", file->path)
                               : 0;
        fd = sq_identity_find(&before.known, file->path);
        if (fd < 0)
                return sq_error_final(task, "%s: was truncated, written anew or replaced before it was read to its end",
                                      file->path);
        close(file->fds[0]);
        file->fds[0] = fd;
        file->replayer.fd = -1;
        file->size = before.size;
        file->first = file->header_end = before.first;
        if (take_share(task, file) < 0)
                return -1;
        if (file->format == CSV)
                read_columns(file, fd);
        file->ids[0] = before.known;
        file->pass = file->size ? position / file->size : 0;
        offset = file->size ? position % file->size : 0;
        sq_reader_seek(&file->reader, offset < file->first ? file->first : offset);
        return 0;
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct file *file = state(task);
        int rc = 0;

        if (file->follow)
                seek_followed(task, file, position);
        else
                rc = seek_once(task, file, position);
        if (rc == 0)
                note(task, file);
        return rc;
}

static void
activate(struct sq_task *task)
{
        sq_pace_restart(&state(task)->pace);
}

SQ_SPOUT(file) = {
        .about = "The lines of a file, or the records of a CSV or JSON Lines file.",
        .state = sizeof(struct file),
        .options =
                {
                        SQ_REQ_PATH(struct file, path, "the file"),
                        SQ_OPT_ENUM(
                                struct file, format, "lines|jsonl|csv", "lines",
                                "lines: the field `line`; csv: the fields of the header line, as text; jsonl: the members of the first object"),
                        SQ_OPT_LIST(struct file, fields,
                                    "csv: only these columns; jsonl: these members (nil where an object lacks one)"),
                        SQ_OPT_ON_ERROR(struct file, on_error),
                        SQ_OPT_INT(struct file, repeat, 1, "how often the file is read"),
                        SQ_OPT_BOOL(struct file, follow, false,
                                    "wait for more at the end, as tail -F does: rotation and truncation are seen"),
                        SQ_OPT_FLOAT(struct file, rate, 0, "tuples a second over all tasks; 0: as fast as possible"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .replay = replay,
        .seek = seek,
        .activate = activate,
        .cleanup = cleanup,
};
