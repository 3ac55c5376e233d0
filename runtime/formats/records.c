/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fields of a file's records are called: the names come from the header of a CSV file, the first object of a
 * JSON Lines file, the first map of a msgpack file, the first pairs of a logfmt file, or the setting `fields`.
 * formats/decode.c does the rest.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/dialect.h"

/* ---- Names ------------------------------------------------------------------------------------------- */

/* False: what is wrong stands in records->decoder.wrong. */
static bool
add_name(struct sq_records *records, struct sq_str name)
{
        struct sq_decoder *decoder = &records->decoder;
        char *copy = NULL;

        if (decoder->n == SQ_FIELDS_MAX) {
                snprintf(decoder->wrong, sizeof(decoder->wrong),
                         "more than %u fields, which a tuple cannot have: choose some with `fields`", SQ_FIELDS_MAX);
                return false;
        }
        copy = strndup(name.ptr, name.len);
        if (!copy) {
                snprintf(decoder->wrong, sizeof(decoder->wrong), "%s", strerror(ENOMEM));
                return false;
        }
        records->names[decoder->n++] = copy; /* NOLINT(clang-analyzer-unix.Malloc): sq_records_free() does */
        return true;
}

static bool
is_known(const struct sq_records *records, struct sq_str name)
{
        for (unsigned i = 0; i < records->decoder.n; i++)
                if (sq_str_is(name, records->names[i]))
                        return true;
        return false;
}

static bool
wanted(const struct sq_records *records, struct sq_str name)
{
        for (unsigned i = 0; i < records->decoder.schema.n; i++)
                if (sq_str_is(name, records->decoder.schema.paths[i]))
                        return true;
        return false;
}

static bool
add_column(struct sq_records *records, struct sq_str name, unsigned column)
{
        const char *what = name.len == 0             ? "has no name"
                           : is_known(records, name) ? "has the name of an earlier one"
                                                     : NULL;

        if (records->decoder.schema.n > 0)
                return !wanted(records, name) || is_known(records, name) || add_name(records, name);
        if (!what)
                return add_name(records, name);
        snprintf(records->decoder.wrong, sizeof(records->decoder.wrong),
                 "column %u of the header, '%.*s', %s: choose columns with `fields`", column + 1,
                 (int)(name.len < 64 ? name.len : 64), name.ptr, what);
        return false;
}

static const char *
names_of_schema(struct sq_records *records)
{
        for (unsigned i = 0; i < records->decoder.schema.n; i++)
                if (!add_name(records, (struct sq_str){records->decoder.schema.paths[i],
                                                       strlen(records->decoder.schema.paths[i])}))
                        return records->decoder.wrong;
        return NULL;
}

static struct sq_csv_dialect
dialect_of(const struct sq_decoder *decoder)
{
        return sq_csv_dialect(decoder->separator, decoder->quote);
}

/* The fields come in the order of the columns, but those with types in their own. */
static const char *
names_of_columns(struct sq_records *records, struct sq_str header)
{
        char *scratch = malloc(header.len + 1), *grow = scratch;
        struct sq_csv_dialect dialect = dialect_of(&records->decoder);
        struct sq_str cell;
        bool good = scratch != NULL;

        if (!scratch)
                return strerror(ENOMEM);
        for (unsigned column = 0; good && sq_csv_cell(&header, dialect, &grow, &cell); column++)
                good = add_column(records, cell, column);
        free(scratch);
        return good ? NULL : records->decoder.wrong;
}

/* The place of the first field of the schema that the header lacks, or their number. */
static size_t
lacking_in(const struct sq_records *records, struct sq_str header)
{
        const struct sq_schema *schema = &records->decoder.schema;
        struct sq_csv_columns columns = {.dialect = dialect_of(&records->decoder)};
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

/* All rows would be in the header. */
static bool
ends_lines_with_cr(struct sq_str header)
{
        return header.len > 0 && memchr(header.ptr, '\r', header.len) && !memchr(header.ptr, '\n', header.len);
}

static const char *
names_of_header(struct sq_records *records, struct sq_str header)
{
        if (ends_lines_with_cr(header))
                return "its lines end with CR alone (make them end with LF: tr '\\r' '\\n')";
        const char *wrong = records->decoder.schema.typed ? names_of_schema(records)
                                                          : names_of_columns(records, header);
        size_t lacking = wrong ? 0 : lacking_in(records, header);

        if (wrong || lacking == records->decoder.schema.n)
                return wrong;
        snprintf(records->decoder.wrong, sizeof(records->decoder.wrong), "the header line lacks `%s`",
                 records->decoder.schema.paths[lacking]);
        return records->decoder.wrong;
}

/* The members of the map that the first record is; of those of one name the first is the field. */
static const char *
names_of_members(struct sq_records *records, struct sq_str record)
{
        struct sq_value object;
        struct sq_items items;
        struct sq_value name, value;

        if (sq_decode(&records->decoder, record, &object) < 0 || object.type != SQ_MAP || object.len == 0)
                return records->decoder.format == SQ_FORMAT_LOGFMT ? "the first line has no pairs"
                       : records->decoder.format == SQ_FORMAT_MSGPACK
                               ? "the first value is not a map with members"
                               : "the first line is not a JSON object with members";
        items = sq_items(object);
        while (sq_next_item(&items, &name) && sq_next_item(&items, &value))
                if (name.type != SQ_STR)
                        return "a key of the first map is not a text: name what you want in `fields`";
                else if (!is_known(records, (struct sq_str){name.as.ptr, name.len}) &&
                         !add_name(records, (struct sq_str){name.as.ptr, name.len}))
                        return records->decoder.wrong;
        return NULL;
}

static const char *
keep(struct sq_records *records, const char *wrong)
{
        snprintf(records->decoder.wrong, sizeof(records->decoder.wrong), "%s", wrong);
        return records->decoder.wrong;
}

const char *
sq_records_fields(struct sq_records *records)
{
        const char *wrong = sq_decoder_begin(&records->decoder);

        records->decoder.n = 0;
        records->decoder.paths = (const char *const *)records->names;
        records->decoder.unit = "byte";
        return wrong;
}

const char *
sq_records_begin(struct sq_records *records, int fd, uint64_t *ret_first)
{
        const struct sq_decoder *decoder = &records->decoder;
        bool csv = decoder->format == SQ_FORMAT_CSV;
        struct sq_reader reader = {
                .csv = csv, .msgpack = decoder->format == SQ_FORMAT_MSGPACK, .dialect = dialect_of(decoder)};
        const char *wrong = sq_records_fields(records);
        struct sq_str record;
        int r;

        *ret_first = 0;
        if (wrong)
                return wrong;
        if (csv && !records->header && decoder->wanted.n == 0)
                return "a file without a header does not name its cells: give them in `fields`";
        if (decoder->format == SQ_FORMAT_TEXT || (decoder->wanted.n > 0 && (!csv || !records->header || fd < 0)))
                return names_of_schema(records);
        if (fd < 0)
                return "cannot be read ahead for the names of the fields: give them in `fields`";
        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        do
                r = sq_reader_next(&reader, true, &record);
        while (r > 0 && sq_decoder_passes_over(decoder, record));
        if (r <= 0)
                wrong = r < 0 ? keep(records, sq_reader_error(&reader, r))
                              : "the file is empty, so its fields are not known";
        else if (reader.wrong)
                wrong = reader.wrong;
        else
                wrong = csv ? names_of_header(records, record) : names_of_members(records, record);
        if (csv) /* with a header, or it would be a schema's */
                *ret_first = reader.offset;
        sq_reader_close(&reader);
        return wrong;
}

void
sq_records_declare(const struct sq_records *records, struct sq_declaration *decl)
{
        const struct sq_decoder *decoder = &records->decoder;
        bool texts = decoder->format == SQ_FORMAT_TEXT || decoder->format == SQ_FORMAT_CSV;
        enum sq_type untyped = texts ? SQ_TEXT : SQ_ANY;

        sqi_dialect_declare(decoder, decl);
        if (decoder->schema.typed) {
                sq_schema_declare(&decoder->schema, decl, untyped);
                return;
        }
        if (decoder->format == SQ_FORMAT_TEXT && decoder->n == 0)
                sq_declare_out(decl, 0, "line", untyped);
        for (unsigned i = 0; i < decoder->n; i++)
                sq_declare_out(decl, 0, records->names[i], untyped);
}

void
sq_records_free(struct sq_records *records)
{
        for (unsigned i = 0; i < records->decoder.n; i++)
                free(records->names[i]);
        records->decoder.n = 0;
        sq_decoder_free(&records->decoder);
}
