/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as the fields of a tuple: squall-formats.h has the rules. What a format reads is a value as a whole, a row
 * of cells or a text; the fields are parts of it, converted where types are declared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/decode.h"
#include "formats/dialect.h"
#include "formats/pick.h"

enum { SHOWN = 96 }; /* bytes of a name in a message */

/* ---- The setting ------------------------------------------------------------------------------------- */

static const char *
whole_field(const struct sq_decoder *decoder)
{
        return decoder->format == SQ_FORMAT_TEXT ? "line" : "value";
}

const char *
sq_decoder_begin(struct sq_decoder *decoder)
{
        const struct sq_schema *schema = &decoder->schema;

        if (!sq_schema_read(&decoder->wanted, &decoder->schema, decoder->wrong, sizeof(decoder->wrong)))
                return decoder->wrong;
        decoder->n = schema->n;
        decoder->paths = schema->paths;
        decoder->columns = NULL;
        if (decoder->format == SQ_FORMAT_TEXT && !sq_schema_is_whole(schema))
                return "a text has one field, and no parts";
        return NULL;
}

void
sq_decoder_declare(const struct sq_decoder *decoder, struct sq_declaration *decl)
{
        bool texts = decoder->format == SQ_FORMAT_TEXT || decoder->format == SQ_FORMAT_CSV;
        struct sq_decoder copy = *decoder;
        const char *wrong = sq_decoder_begin(&copy);

        sqi_dialect_declare(decoder, decl);
        if (!wrong && copy.format == SQ_FORMAT_CSV && copy.n == 0)
                wrong = "csv: give the names of the cells, in their order";
        if (wrong)
                sq_declare_error(decl, "fields", "%s", wrong);
        sq_schema_declare(&copy.schema, decl, texts ? SQ_TEXT : SQ_ANY);
        if (copy.schema.n == 0)
                sq_declare_out(decl, 0, whole_field(&copy), texts ? SQ_TEXT : SQ_ANY);
}

void
sq_decoder_free(struct sq_decoder *decoder)
{
        sq_json_free(&decoder->json);
        sqi_pick_free(decoder->pick);
        decoder->pick = NULL;
        free(decoder->scratch);
        decoder->scratch = NULL;
        decoder->scratch_size = 0;
}

/* ---- Values ------------------------------------------------------------------------------------------ */

static ssize_t
wrong(struct sq_decoder *decoder, const char *cause)
{
        snprintf(decoder->wrong, sizeof(decoder->wrong), "%s", cause);
        return -1;
}

static void *
scratch(struct sq_decoder *decoder, size_t need)
{
        if (need > decoder->scratch_size) {
                free(decoder->scratch);
                decoder->scratch = malloc(need);
                decoder->scratch_size = decoder->scratch ? need : 0;
        }
        return decoder->scratch;
}

/* Cells that have a name. */
static size_t
named_cells(const struct sq_decoder *decoder)
{
        return decoder->columns ? decoder->columns->n : decoder->n;
}

static ssize_t
judge_row(struct sq_decoder *decoder, size_t cells)
{
        char text[96];

        if (!decoder->strict || cells == named_cells(decoder))
                return (ssize_t)cells;
        snprintf(text, sizeof(text), "a row of %zu cells, where %zu have names", cells, named_cells(decoder));
        return wrong(decoder, text);
}

/* A reader of files has cut it out and looked at its quotes, but not who takes a message, which is one record, and may
 * end as a line does. NULL, or what is wrong. */
static const char *
cut_out(struct sq_str *record, struct sq_csv_dialect dialect)
{
        const char *why = NULL, *end;

        if (record->len == 0)
                return NULL;
        end = sq_csv_record(record->ptr, record->len, true, dialect, &why);
        if (why)
                return why;
        if (end + 1 < record->ptr + record->len)
                return "more than one record";
        record->len = (size_t)(end - record->ptr);
        record->len -= record->len > 0 && end[-1] == '\r';
        return NULL;
}

static ssize_t
read_row(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        struct sq_csv_dialect dialect = sq_csv_dialect(decoder->separator, decoder->quote);
        const char *why = decoder->columns ? NULL : cut_out(&record, dialect);
        char *room = scratch(decoder, record.len + 1);
        struct sq_str cell;
        size_t cells = 0;

        if (!room || why)
                return wrong(decoder, why ? why : strerror(ENOMEM));
        if (decoder->columns)
                return judge_row(decoder, sq_csv_row(decoder->columns, record, room, decoder->n, values));
        for (unsigned i = 0; i < decoder->n; i++)
                values[i] = sq_text("");
        for (; record.ptr && sq_csv_cell(&record, dialect, &room, &cell); cells++)
                if (cells < decoder->n)
                        values[cells] = sq_str(cell);
        return judge_row(decoder, cells);
}

/* The tree of the fields' paths; NULL: no memory. */
static struct sqi_pick *
pick_of(struct sq_decoder *decoder)
{
        if (!sqi_pick_is_of(decoder->pick, decoder->n, decoder->paths)) {
                sqi_pick_free(decoder->pick);
                decoder->pick = sqi_pick_new(decoder->n, decoder->paths, decoder->schema.typed);
        }
        return decoder->pick;
}

/* Only the fields of an object that were asked for by dots or brackets are parts of parts, and only where types are
 * declared. */
static ssize_t
search_members(struct sq_decoder *decoder, struct sq_value object, struct sq_value *values)
{
        size_t members = sq_items(object).left / 2;

        decoder->others = members - sq_members(object, decoder->n, decoder->paths, values);
        for (unsigned i = 0; decoder->schema.typed && i < decoder->n; i++)
                if (values[i].type == SQ_NIL && strpbrk(decoder->paths[i], ".["))
                        values[i] = sq_part(object, decoder->paths[i]);
        return (ssize_t)members;
}

static ssize_t
take_members(struct sq_decoder *decoder, struct sq_value object, struct sq_value *values)
{
        struct sqi_pick *pick = pick_of(decoder);
        ssize_t members = pick ? sqi_pick_members(pick, object, values, &decoder->others) : -1;

        return members >= 0 ? members : search_members(decoder, object, values);
}

static ssize_t
take_places(const struct sq_decoder *decoder, struct sq_value array, struct sq_value *values)
{
        struct sq_items items = sq_items(array);
        ssize_t n = (ssize_t)items.left;

        for (unsigned i = 0; i < decoder->n; i++)
                if (!sq_next_item(&items, &values[i]))
                        values[i] = sq_nil();
        return n;
}

static ssize_t
take_parts(struct sq_decoder *decoder, struct sq_value value, struct sq_value *values)
{
        decoder->whole = value;
        decoder->others = 0;
        if (decoder->n == 0) {
                values[0] = value;
                return 1;
        }
        if (value.type == SQ_MAP)
                return take_members(decoder, value, values);
        if (value.type == SQ_ARRAY && decoder->wanted.n > 0)
                return take_places(decoder, value, values);
        return wrong(decoder, decoder->wanted.n > 0 ? "neither a map nor an array, so it has no fields"
                                                    : "not an object, as the first one is");
}

/* The same value with its items in memory: numbers of others may be packed wider than ours, and equal keys must have
 * equal bytes. No deeper than sq_unpack() lets pass. */
static struct sq_value
unfold(struct sq_value value, struct sq_value **room)
{
        struct sq_items items = sq_items(value);
        struct sq_value *list = *room;
        size_t n = items.left;

        if (value.form != SQ_PACKED || (value.type != SQ_ARRAY && value.type != SQ_MAP))
                return value;
        *room += n;
        for (size_t i = 0; i < n && sq_next_item(&items, &list[i]); i++)
                list[i] = unfold(list[i], room);
        return value.type == SQ_MAP ? sq_map(list, n / 2) : sq_array(list, n);
}

static ssize_t
read_packed(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        struct sq_value value, *room;
        ssize_t n;

        if (!sq_unpack(record, &value))
                return wrong(decoder, "not one value of msgpack");
        n = take_parts(decoder, value, values);
        room = scratch(decoder, (record.len + 1) * sizeof(*room)); /* a value has a byte at least */
        if (!room)
                return wrong(decoder, strerror(ENOMEM));
        for (unsigned i = 0; n >= 0 && i < (decoder->n ? decoder->n : 1); i++)
                values[i] = unfold(values[i], &room);
        return n;
}

/* Without what nobody wants. -1: it is read as a whole. */
static ssize_t
pick_json(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        struct sqi_pick *pick = decoder->n > 0 ? pick_of(decoder) : NULL;
        ssize_t members;

        if (!pick)
                return -1;
        members = sqi_pick_read(pick, &decoder->json, record, values, &decoder->others);
        return decoder->wanted.n == 0 && decoder->others > 0 ? -1 : members; /* it is asked which they are */
}

static ssize_t
read_json(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        struct sq_value value;
        ssize_t members = pick_json(decoder, record, values);

        if (members >= 0)
                return members;
        if (!sq_json_read(&decoder->json, record, &value))
                return wrong(decoder, decoder->json.wrong);
        return take_parts(decoder, value, values);
}

static ssize_t
read_logfmt(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        struct sq_value value, *room = scratch(decoder, (record.len + 1) * (sizeof(*room) + 1));
        const char *cause = room ? sq_logfmt_read(record, room, (char *)(room + record.len + 1), &value)
                                 : strerror(ENOMEM);

        return cause ? wrong(decoder, cause) : take_parts(decoder, value, values);
}

static ssize_t
read_values(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        switch ((enum sq_format)decoder->format) {
        case SQ_FORMAT_CSV:
        case SQ_FORMAT_CSVL:
                return read_row(decoder, record, values);
        case SQ_FORMAT_JSON:
        case SQ_FORMAT_JSONL:
                return read_json(decoder, record, values);
        case SQ_FORMAT_LOGFMT:
        case SQ_FORMAT_LOGFMTL:
                return read_logfmt(decoder, record, values);
        case SQ_FORMAT_MSGPACK:
                return read_packed(decoder, record, values);
        default:
                values[0] = sq_str(record);
                return 1;
        }
}

static inline ssize_t
decode(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        ssize_t n = read_values(decoder, record, values);

        if (n >= 0 && decoder->schema.typed &&
            !sq_schema_convert(&decoder->schema, values, decoder->wrong, sizeof(decoder->wrong)))
                return -1;
        return n;
}

ssize_t
sq_decode(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values)
{
        return decode(decoder, record, values);
}

/* ---- Emitting ---------------------------------------------------------------------------------------- */

bool
sq_decoder_is_plain(const struct sq_decoder *decoder)
{
        return decoder->format == SQ_FORMAT_TEXT && !decoder->schema.typed;
}

bool
sq_decoder_passes_over(const struct sq_decoder *decoder, struct sq_str line)
{
        switch (decoder->format) {
        case SQ_FORMAT_CSV:
                return line.len == 0; /* a cell may be blanks */
        case SQ_FORMAT_JSON:
        case SQ_FORMAT_JSONL:
        case SQ_FORMAT_LOGFMT:
                for (size_t i = 0; i < line.len; i++)
                        if (!strchr(" \t\r\n", line.ptr[i]) || !line.ptr[i])
                                return false;
                return true;
        default:
                return false;
        }
}

void
sq_decoder_refuse(struct sq_task *task, const struct sq_decoder *decoder, struct sq_str record, uint64_t place,
                  const char *cause)
{
        bool text = decoder->format != SQ_FORMAT_MSGPACK;

        sq_refuse(task, decoder->on_error, text ? sq_str(record) : sq_bin(record.ptr, record.len), "%s: %s %llu: %s",
                  decoder->source, decoder->unit, (unsigned long long)place, cause);
}

/* Whether it is the 1st, 2nd, 4th, 8th, ... of its kind: so often it is logged. */
static bool
now_and_then(uint64_t *count)
{
        ++*count;
        return (*count & (*count - 1)) == 0;
}

void
sqi_note_ragged(struct sq_task *task, struct sq_decoder *decoder, uint64_t place, size_t cells)
{
        size_t right = named_cells(decoder);
        char number[48] = "";

        if (cells == right)
                return;
        sq_count(task, cells < right ? "short rows" : "long rows", 1);
        if (!now_and_then(&decoder->ragged))
                return;
        if (decoder->unit)
                snprintf(number, sizeof(number), ": %.16s %llu", decoder->unit, (unsigned long long)place);
        sq_log(task, SQ_WARN, "%s%s: a row of %zu cells, where %zu have names: %s (%llu such rows so far)",
               decoder->source, number, cells, right,
               cells < right ? "the missing ones are empty" : "the surplus is left out",
               (unsigned long long)decoder->ragged);
}

static bool
is_field(const struct sq_decoder *decoder, struct sq_value name)
{
        for (unsigned i = 0; i < decoder->n; i++)
                if (name.type == SQ_STR && sq_str_is((struct sq_str){name.as.ptr, name.len}, decoder->paths[i]))
                        return true;
        return false;
}

/* The first member of what was read that is not a field. False: there is none, but a field that stands twice. */
static bool
find_new_member(const struct sq_decoder *decoder, struct sq_value *ret_name)
{
        struct sq_items items = sq_items(decoder->whole);
        struct sq_value value;

        while (sq_next_item(&items, ret_name) && sq_next_item(&items, &value))
                if (!is_field(decoder, *ret_name))
                        return true;
        return false;
}

/* The fields are those of the first object. What a later one has besides is not in the tuple. */
static void
note_new_members(struct sq_task *task, struct sq_decoder *decoder, uint64_t place)
{
        struct sq_value name;
        char shown[SHOWN];

        if (!find_new_member(decoder, &name))
                return;
        sq_json(name, shown, sizeof(shown));
        if (decoder->on_error == SQ_ON_ERROR_FAIL) {
                (void)sq_error_final(task, "%s: %s %llu: the first object had no member %s", decoder->source,
                                     decoder->unit, (unsigned long long)place, shown);
                return;
        }
        sq_count(task, "objects with new members", 1);
        if (now_and_then(&decoder->with_new))
                sq_log(task, SQ_WARN,
                       "%s: %s %llu: the first object had no member %s, so no field holds it: name what you want in "
                       "`fields` (%llu such objects so far)",
                       decoder->source, decoder->unit, (unsigned long long)place, shown,
                       (unsigned long long)decoder->with_new);
}

void
sq_decoder_emit(struct sq_task *task, struct sq_decoder *decoder, struct sq_str record, uint64_t place)
{
        struct sq_value values[SQ_FIELDS_MAX];
        ssize_t n = decode(decoder, record, values);

        if (n < 0) {
                sq_decoder_refuse(task, decoder, record, place, decoder->wrong);
                return;
        }
        if (decoder->format == SQ_FORMAT_CSV)
                sqi_note_ragged(task, decoder, place, (size_t)n);
        else if (decoder->n > 0 && decoder->wanted.n == 0 && decoder->others > 0)
                note_new_members(task, decoder, place);
        sq_emit_values(task, 0, decoder->n ? decoder->n : 1, values);
}
