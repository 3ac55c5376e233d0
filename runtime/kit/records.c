/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the records of a file become: the fields of a tuple. Their names come from the header of a CSV file, the first
 * object of a JSON Lines file, or the setting `fields`.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names ------------------------------------------------------------------------------------------- */

/* False: what is wrong stands in records->wrong. */
static bool
add_name(struct sq_records *records, struct sq_str name)
{
        char *copy = NULL;

        if (records->nfields == SQ_FIELDS_MAX) {
                snprintf(records->wrong, sizeof(records->wrong),
                         "more than %u fields, which a tuple cannot have: choose some with `fields`", SQ_FIELDS_MAX);
                return false;
        }
        copy = strndup(name.ptr, name.len);
        if (!copy) {
                snprintf(records->wrong, sizeof(records->wrong), "%s", strerror(ENOMEM));
                return false;
        }
        records->names[records->nfields++] = copy; /* NOLINT(clang-analyzer-unix.Malloc): sq_records_free() does */
        return true;
}

static bool
is_known(const struct sq_records *records, struct sq_str name)
{
        for (unsigned i = 0; i < records->nfields; i++)
                if (sq_str_is(name, records->names[i]))
                        return true;
        return false;
}

static bool
wanted(const struct sq_records *records, struct sq_str name)
{
        for (unsigned i = 0; i < records->schema.n; i++)
                if (sq_str_is(name, records->schema.paths[i]))
                        return true;
        return false;
}

static bool
add_column(struct sq_records *records, struct sq_str name, unsigned column)
{
        const char *what = name.len == 0             ? "has no name"
                           : is_known(records, name) ? "has the name of an earlier one"
                                                     : NULL;

        if (records->schema.n > 0)
                return !wanted(records, name) || is_known(records, name) || add_name(records, name);
        if (!what)
                return add_name(records, name);
        snprintf(records->wrong, sizeof(records->wrong),
                 "column %u of the header, '%.*s', %s: choose columns with `fields`", column + 1,
                 (int)(name.len < 64 ? name.len : 64), name.ptr, what);
        return false;
}

static const char *
names_of_schema(struct sq_records *records)
{
        for (unsigned i = 0; i < records->schema.n; i++)
                if (!add_name(records, (struct sq_str){records->schema.paths[i], strlen(records->schema.paths[i])}))
                        return records->wrong;
        return NULL;
}

/* The fields come in the order of the columns, but those with types in their own. */
static const char *
names_of_columns(struct sq_records *records, struct sq_str header)
{
        char *scratch = malloc(header.len + 1), *grow = scratch;
        struct sq_str cell;
        bool good = scratch != NULL;

        if (!scratch)
                return strerror(ENOMEM);
        for (unsigned column = 0; good && sq_csv_cell(&header, &grow, &cell); column++)
                good = add_column(records, cell, column);
        free(scratch);
        return good ? NULL : records->wrong;
}

/* The place of the first field of the schema that the header lacks, or their number. */
static size_t
lacking_in(const struct sq_records *records, struct sq_str header)
{
        const struct sq_schema *schema = &records->schema;
        struct sq_csv_columns columns = {0};
        size_t lacking = 0;

        if (schema->typed) {
                lacking = sq_csv_columns_read(&columns, header, schema->n, schema->paths);
                sq_csv_columns_free(&columns);
                return lacking;
        }
        while (lacking < schema->n &&
               is_known(records, (struct sq_str){schema->paths[lacking], strlen(schema->paths[lacking])}))
                lacking++;
        return lacking;
}

static const char *
names_of_header(struct sq_records *records, struct sq_str header)
{
        const char *wrong = records->schema.typed ? names_of_schema(records) : names_of_columns(records, header);
        size_t lacking = wrong ? 0 : lacking_in(records, header);

        if (wrong || lacking == records->schema.n)
                return wrong;
        snprintf(records->wrong, sizeof(records->wrong), "the header line lacks `%s`", records->schema.paths[lacking]);
        return records->wrong;
}

static const char *
names_of_object(struct sq_records *records, struct sq_str record)
{
        struct sq_value object;
        const struct sq_value *items;

        if (!sq_json_read(&records->json, record, &object) || object.type != SQ_MAP || object.len == 0)
                return "the first line is not a JSON object with members";
        items = object.as.ptr;
        for (uint32_t i = 0; i < object.len; i++)
                if (!add_name(records, (struct sq_str){items[2 * i].as.ptr, items[2 * i].len}))
                        return records->wrong;
        return NULL;
}

static const char *
keep(struct sq_records *records, const char *wrong)
{
        snprintf(records->wrong, sizeof(records->wrong), "%s", wrong);
        return records->wrong;
}

const char *
sq_records_fields(struct sq_records *records)
{
        const struct sq_schema *schema = &records->schema;

        if (!sq_schema_read(&records->wanted, &records->schema, records->wrong, sizeof(records->wrong)))
                return records->wrong;
        if (records->format == SQ_FORMAT_LINES && schema->typed && !sq_schema_is_whole(schema))
                return "a line is one field, and has no parts";
        return NULL;
}

const char *
sq_records_begin(struct sq_records *records, int fd, uint64_t *ret_first)
{
        struct sq_reader reader = {.csv = records->format == SQ_FORMAT_CSV};
        const char *wrong = sq_records_fields(records);
        struct sq_str record;
        int rc;

        *ret_first = 0;
        if (wrong || records->format == SQ_FORMAT_LINES)
                return wrong;
        if (records->wanted.n > 0 && (records->format == SQ_FORMAT_JSONL || fd < 0))
                return names_of_schema(records);
        if (fd < 0)
                return "cannot be read ahead for the names of the fields: give them in `fields`";
        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        rc = sq_reader_next(&reader, true, &record);
        if (rc <= 0)
                wrong = rc < 0 ? keep(records, sq_reader_error(&reader, rc))
                               : "the file is empty, so its fields are not known";
        else if (reader.wrong)
                wrong = reader.wrong;
        else
                wrong = records->format == SQ_FORMAT_CSV ? names_of_header(records, record)
                                                         : names_of_object(records, record);
        if (records->format == SQ_FORMAT_CSV)
                *ret_first = reader.offset;
        sq_reader_close(&reader);
        return wrong;
}

void
sq_records_declare(const struct sq_records *records, struct sq_declaration *decl)
{
        enum sq_type untyped = records->format == SQ_FORMAT_JSONL ? SQ_ANY : SQ_TEXT;

        if (records->schema.typed) {
                sq_schema_declare(&records->schema, decl, untyped);
                return;
        }
        if (records->format == SQ_FORMAT_LINES)
                sq_declare_out(decl, 0, "line", untyped);
        for (unsigned i = 0; i < records->nfields; i++)
                sq_declare_out(decl, 0, records->names[i], untyped);
}

void
sq_records_free(struct sq_records *records)
{
        for (unsigned i = 0; i < records->nfields; i++)
                free(records->names[i]);
        records->nfields = 0;
        sq_json_free(&records->json);
        free(records->scratch);
}

/* ---- Emitting ---------------------------------------------------------------------------------------- */

static char *
scratch(struct sq_records *records, size_t need)
{
        if (need > records->scratch_size) {
                free(records->scratch);
                records->scratch = malloc(need);
                records->scratch_size = records->scratch ? need : 0;
        }
        return records->scratch;
}

/* Counts a row with too few or too many cells, and says so now and then: the 1st, 2nd, 4th, 8th, ... */
static void
note_ragged(struct sq_task *task, struct sq_records *records, uint64_t offset, size_t cells, size_t columns)
{
        sq_count(task, cells < columns ? "short rows" : "long rows", 1);
        records->ragged++;
        if ((records->ragged & (records->ragged - 1)) == 0)
                sq_log(task, SQ_WARN,
                       "%s: byte %llu: a row of %zu cells under a header of %zu columns: %s (%llu such rows so far)",
                       records->path, (unsigned long long)offset, cells, columns,
                       cells < columns ? "the missing ones are empty" : "the surplus is left out",
                       (unsigned long long)records->ragged);
}

/* Emits the values in their declared types. */
static inline void
emit_values(struct sq_task *task, const struct sq_records *records, struct sq_str record, uint64_t offset, unsigned n,
            struct sq_value *values)
{
        char cause[256];

        if (!records->schema.typed || sq_schema_convert(&records->schema, values, cause, sizeof(cause)))
                sq_emit_values(task, 0, n, values);
        else
                sq_refuse(task, records->on_error, sq_str(record), "%s: byte %llu: %s", records->path,
                          (unsigned long long)offset, cause);
}

static void
emit_csv(struct sq_task *task, struct sq_records *records, const struct sq_csv_columns *columns, struct sq_str record,
         uint64_t offset)
{
        struct sq_value values[SQ_FIELDS_MAX];
        char *room = scratch(records, record.len + 1);
        size_t cells;

        if (!room) {
                sq_refuse(task, records->on_error, sq_str(record), "%s: byte %llu: %s", records->path,
                          (unsigned long long)offset, strerror(ENOMEM));
                return;
        }
        cells = sq_csv_row(columns, record, room, records->nfields, values);
        if (cells != columns->n)
                note_ragged(task, records, offset, cells, columns->n);
        emit_values(task, records, record, offset, records->nfields, values);
}

/* The fields are those of the first object. What a later one has besides is not in the tuple, which is said as
 * note_ragged() does. */
static void
note_new_members(struct sq_task *task, struct sq_records *records, struct sq_value object, uint64_t offset)
{
        const struct sq_value *items = object.as.ptr;
        uint32_t i = 0;

        while (i + 1 < object.len && is_known(records, (struct sq_str){items[2 * i].as.ptr, items[2 * i].len}))
                i++;
        if (records->on_error == SQ_ON_ERROR_FAIL) {
                (void)sq_error_final(task, "%s: byte %llu: the first object had no member `%.*s`", records->path,
                                     (unsigned long long)offset, (int)items[2 * i].len,
                                     (const char *)items[2 * i].as.ptr);
                return;
        }
        sq_count(task, "objects with new members", 1);
        records->with_new++;
        if ((records->with_new & (records->with_new - 1)) == 0)
                sq_log(task, SQ_WARN,
                       "%s: byte %llu: the first object had no member `%.*s`, so no field holds it: name what you want in `fields` (%llu such "
                       "objects so far)",
                       records->path, (unsigned long long)offset, (int)items[2 * i].len,
                       (const char *)items[2 * i].as.ptr, (unsigned long long)records->with_new);
}

static void
emit_jsonl(struct sq_task *task, struct sq_records *records, struct sq_str record, uint64_t offset)
{
        struct sq_value values[SQ_FIELDS_MAX], object;
        size_t found;

        if (!sq_json_read(&records->json, record, &object) || object.type != SQ_MAP) {
                sq_refuse(task, records->on_error, sq_str(record), "%s: byte %llu: %s", records->path,
                          (unsigned long long)offset, records->json.wrong ? records->json.wrong : "not a JSON object");
                return;
        }
        found = sq_members(object, records->nfields, (const char *const *)records->names, values);
        if (found < object.len && records->wanted.n == 0)
                note_new_members(task, records, object, offset);
        for (unsigned i = 0; records->schema.typed && i < records->nfields; i++)
                if (values[i].type == SQ_NIL && strchr(records->names[i], '.'))
                        values[i] = sq_part(object, records->names[i]);
        emit_values(task, records, record, offset, records->nfields, values);
}

void
sq_records_emit(struct sq_task *task, struct sq_records *records, const struct sq_csv_columns *columns,
                const char *wrong, struct sq_str record, uint64_t offset)
{
        if (wrong)
                sq_refuse(task, records->on_error, sq_str(record), "%s: byte %llu: %s", records->path,
                          (unsigned long long)offset, wrong);
        else if (records->format == SQ_FORMAT_LINES)
                emit_values(task, records, record, offset, 1, (struct sq_value[]){sq_str(record)});
        else if (records->format == SQ_FORMAT_CSV)
                emit_csv(task, records, columns, record, offset);
        else
                emit_jsonl(task, records, record, offset);
}
