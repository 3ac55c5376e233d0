/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-formats.h - bytes into fields, and fields into bytes: numbers as text, declared types, JSON, CSV,
 * logfmt, syslog, compressed files, and what parsing bolts share.
 *
 * A part of squall-kit.h, which says how it is linked, and what threads and owners there are.
 */
#ifndef SQUALL_FORMATS_H
#define SQUALL_FORMATS_H

#include <squall.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Numbers and constants as text ------------------------------------------------------------------- */

/* Whether the text is `word`. */
SQ_EXPORT bool sq_str_is(struct sq_str text, const char *word);

/* A decimal number that is the whole text: SQ_INT or SQ_UINT when it is whole and fits, else the nearest SQ_FLOAT. One
 * beyond all doubles (1e400) is none. */
SQ_EXPORT bool sq_read_number(struct sq_str text, struct sq_value *ret);

/* A number as it is, or a text that reads as one: the rule of `filter`, `window` and `top`. */
SQ_EXPORT bool sq_number_of(struct sq_value value, struct sq_value *ret);

/* Whether values of the declared type may be numbers by that rule: not those of a declared str. */
SQ_EXPORT bool sq_may_be_number(enum sq_type type);

/* An SQ_INT, SQ_UINT or SQ_FLOAT as a double, the nearest. */
SQ_EXPORT double sq_real_of(struct sq_value number);

/* How two numbers compare, exactly, of whatever types they are: 2^53 + 1 is greater than 2^53 as a double.
 * SQ_UNORDERED: one is NaN. */
enum sq_order { SQ_LESS = -1, SQ_EQUAL, SQ_GREATER, SQ_UNORDERED };
SQ_EXPORT enum sq_order sq_compare_numbers(struct sq_value a, struct sq_value b);

/* A constant that is the whole text, as it is written in settings: 42, -1.5, 1e3, true, false, null, 'text', "text". A
 * quoted one is a view without its quotes. */
SQ_EXPORT bool sq_read_literal(struct sq_str text, struct sq_value *ret);

/* How long something takes, as settings say it: 500us, 500ms, 10s, 5m, 1h, 1d; from a ns to 10^18, 11,574 days. */
SQ_EXPORT bool sq_read_duration(const char *text, int64_t *ret_ns);
/* The same of what may be no time at all: 0 and 0s, too. */
SQ_EXPORT bool sq_read_delay(const char *text, int64_t *ret_ns);

/* ---- Declared types ---------------------------------------------------------------------------------- */

/*
 * How a value of a record becomes one of the type that was declared for it, whatever format it was read from:
 *
 *     any           anything, as it is
 *     str           text
 *     int           a whole number from -2^63 to 2^63 - 1, or text that reads as one
 *     uint          a whole number from 0 to 2^64 - 1, or text that reads as one
 *     float         a finite number, or text that reads as one: the nearest double
 *     bool          true or false, or that word as text, in small or large letters
 *     bin           bytes, or those of a text
 *     array, map    an array, a map
 *     time FORMAT   a text, or a number, of the format: iso8601 (the standard), unix, unix_ms, unix_us, unix_ns, or
 *                   with % as strptime() has it; base/date.h has the list
 *
 * Text reads as a number by the rule of sq_read_number(): decimal, with a point, and nothing else in it. So 007 and +7
 * are 7, and ` 7`, 0x10, 1,5, nan, inf and 1e400 are not numbers. What is a double (20.0, 1e3) is whole if it has no
 * fraction and is smaller than 2^53: a larger one may stand for its neighbours. Nothing saturates or wraps.
 *
 * With `?` behind the type null stays null, and so does the empty text become null, unless the type takes text itself
 * (any, str, bin). Without it neither converts. (any takes null in any case.)
 */
struct sq_conversion {
        enum sq_type type;
        bool nullable;
        struct sq_str format; /* of a time, a view into what was read */
};

/* Reads a type as it is declared: `int`, `float?`. NULL, or what is wrong, a constant. */
SQ_EXPORT const char *sq_conversion_read(const char *text, struct sq_conversion *ret);
/* False: it does not convert, *ret is as it was. Texts, arrays, maps are not copied: *ret views what `value` does. */
SQ_EXPORT bool sq_convert(const struct sq_conversion *conversion, struct sq_value value, struct sq_value *ret);

/*
 * The setting `fields` of a spout that reads records: which parts of a record are the fields of the tuple, and their
 * types.
 *
 *     fields: [path, ms]                              these, as they were read
 *     fields: { path: str, ms: float, n: int? }       these, converted
 *     fields: { uid: { path: user.id, type: int } }   the field `uid` from the part `user.id`; type: any unless set
 *
 *     .options = { SQ_OPT_NESTED(struct self, fields, "..."), ... }         struct sq_nested fields;
 *     if (!sq_schema_read(&self->fields, &schema, wrong, sizeof(wrong)))   in `.declare`, and again in `.prepare`
 *             sq_declare_error(...)
 *     if (schema.typed && !sq_schema_convert(&schema, values, cause, sizeof(cause)))
 *             sq_refuse(...)
 *
 * A schema holds views into the setting, and no memory of its own.
 */
struct sq_schema {
        bool typed; /* by types; false: a list of names, or nothing */
        unsigned n;
        const char *names[SQ_FIELDS_MAX]; /* in the tuple, ... */
        const char *paths[SQ_FIELDS_MAX]; /* ... and in the record */
        struct sq_conversion conversions[SQ_FIELDS_MAX];
};

/* For the help of the setting. */
#define SQ_TYPES_HELP \
        "str int uint float bool bin any array map, time FORMAT, `?` behind it: or null; `NAME: { path: PART, type: TYPE }` renames"

/* False: what is wrong stands in `wrong`. */
SQ_EXPORT bool sq_schema_read(const struct sq_nested *setting, struct sq_schema *ret, char *wrong, size_t size);
/* Whether it takes a record as a whole, as a line or a text is: it has one field at most, and no path. */
SQ_EXPORT bool sq_schema_is_whole(const struct sq_schema *schema);
/* Declares the fields as those of stream 0: of their types, or all of type `untyped`. */
SQ_EXPORT void sq_schema_declare(const struct sq_schema *schema, struct sq_declaration *decl, enum sq_type untyped);
/* Converts the values of all fields in place. False: one does not convert; which, what it is and what it should be
 * stands in `cause`. */
SQ_EXPORT bool sq_schema_convert(const struct sq_schema *schema, struct sq_value *values, char *cause, size_t size);

/* ---- Records that cannot be read --------------------------------------------------------------------- */

/*
 * The setting `on-error` of a spout: what becomes of a record that it cannot read. All but `fail` count it (`left_out`)
 * and log it.
 *
 *     .options = { SQ_OPT_ON_ERROR(struct self, on_error), ... }     int64_t on_error;
 *     .streams = { SQ_ERRORS }                                       the first of the streams
 */
enum sq_on_error {
        SQ_ON_ERROR_DEAD_LETTER, /* to topology.dead.letter.path */
        SQ_ON_ERROR_SKIP,        /* nothing more */
        SQ_ON_ERROR_STREAM,      /* out on the stream `errors` */
        SQ_ON_ERROR_FAIL,        /* the topology fails */
};

#define SQ_OPT_ON_ERROR(state, member) \
        { \
                "on-error", SQ_OPTION_ENUM, SQI_MEMBER(state, member, int64_t), "dead-letter", false, \
                        "dead-letter|skip|stream|fail", \
                        "a record that cannot be read: dead-letter: to topology.dead.letter.path; skip: is counted only; stream: goes " \
                        "out on the stream `errors`; fail: the topology fails" \
        }
#define SQ_ERRORS \
        { \
                "errors", \
                { \
                        {"record", SQ_ANY}, \
                        { \
                                "cause", SQ_STR \
                        } \
                } \
        }

/* Does with `record` what the policy says. In `.next` or `.replay`, after sq_track(). The text is the cause: where and
 * what. 0, or a negative errno after sq_error_final(). */
SQ_EXPORT int sq_refuse(struct sq_task *task, int64_t on_error, struct sq_value record, const char *format, ...)
        SQ_PRINTF(4, 5);

/* The same of a tuple that a bolt leaves out as a dead letter, as the map of its fields. SQ_ACK; SQ_FAIL where it
 * cannot be written. */
SQ_EXPORT enum sq_verdict sq_refuse_tuple(struct sq_task *task, const struct sq_tuple *in, const char *format, ...)
        SQ_PRINTF(3, 4);
/* The same of a tuple that sq_event_time() finds no time in: the cause names the field and what it holds. Such a tuple
 * is wrong however often it comes, so sq_fail(), which makes it come again, is not for it. */
SQ_EXPORT enum sq_verdict sq_refuse_untimed(struct sq_task *task, const struct sq_tuple *in);

/* ---- JSON -------------------------------------------------------------------------------------------- */

/*
 * Reads JSON texts (RFC 8259), one after the other, into values.
 *
 *     struct sq_json_reader json = {0};
 *     if (sq_json_read(&json, text, &value)) ...
 *     sq_json_free(&json);
 *
 * Strings without escapes are views into the text; the rest lives in the reader's memory, which the next call uses
 * again.
 */
struct sq_json_reader {
        char *memory;
        size_t size;
        size_t items, waiting; /* where the next value of a list goes: one that is whole, one that is not */
        char *text;            /* unescaped text grows here, behind the place for all values */
        const char *at, *end;
        const char *wrong; /* why the last text was refused, a constant */
};

/* Reads the one value of `text`. Whole numbers that fit 64 bits stay whole, others become the nearest double. False
 * when it is not JSON, nested more than 128 deep, has a number beyond all doubles (1e400), or memory is short;
 * json->wrong says which. */
SQ_EXPORT bool sq_json_read(struct sq_json_reader *json, struct sq_str text, struct sq_value *ret);
SQ_EXPORT void sq_json_free(struct sq_json_reader *json);

/* The members `names` of a map, nil where it lacks one. Returns how many it has of them. */
SQ_EXPORT size_t sq_members(struct sq_value object, size_t n, const char *const *names, struct sq_value *values);

/* The part `path` of a map: the member of that name, else a part of the one in front of the first dot or bracket:
 * `user.id`, `items[0].price`, `items[-1]`, the last. Nil when there is none. */
SQ_EXPORT struct sq_value sq_part(struct sq_value object, const char *path);

/* The member `name` of a map; nil when there is none. */
SQ_EXPORT struct sq_value sq_member(struct sq_value object, const char *name);

/* ---- logfmt ------------------------------------------------------------------------------------------ */

/*
 * Reads a line of pairs, `level=info msg="it is up" took=3ms retried`, as a map of texts. A key alone is `true`, one
 * with nothing behind its = the empty text. In quotes there are the escapes of JSON; any other backslash stands for
 * itself.
 *
 * NULL; or what is wrong with it, a constant. `room` has place for text.len + 1 values, `scratch` for text.len
 * bytes; the texts of *ret are views into the text and into that.
 */
SQ_EXPORT const char *sq_logfmt_read(struct sq_str text, struct sq_value *room, char *scratch, struct sq_value *ret);

/* ---- syslog ------------------------------------------------------------------------------------------ */

enum sq_syslog_format { SQ_SYSLOG_AUTO, SQ_SYSLOG_5424, SQ_SYSLOG_3164 };

/* What is missing in a message is nil. */
struct sq_syslog {
        struct sq_value facility, level; /* "auth", "err" */
        struct sq_value severity;        /* 0 (emergency) to 7 (debug) */
        struct sq_value time;            /* SQ_TIME */
        struct sq_value host, app, procid, msgid;
        struct sq_value data;    /* a map of maps of texts; nil in RFC 3164 */
        struct sq_value message; /* what is left: a text, perhaps an empty one */
};

/* Reads a message of RFC 5424 or RFC 3164, whose times have neither zone nor year: they are of `zone`
 * (sq_syslog_zone()), and in the last year in which they are not more than a day ahead of `now`. NULL; or what is
 * wrong, a constant. `room` has place for 2 * (text.len + 1) values, `scratch` for text.len bytes; *ret views them
 * and the text. */
SQ_EXPORT const char *sq_syslog_read(struct sq_str text, enum sq_syslog_format format, const char *zone,
                                     struct sq_time now, struct sq_value *room, char *scratch, struct sq_syslog *ret);
/* A setting that is `UTC` or an offset, as sq_syslog_read() takes it; NULL: it is neither. */
SQ_EXPORT const char *sq_syslog_zone(const char *setting);

/* ---- CSV --------------------------------------------------------------------------------------------- */

/*
 * CSV as RFC 4180 says, though LF ends a record as CRLF does, and besides:
 *
 *     3" pipe        a quote opens a quoted cell as its first byte only; anywhere else it is text
 *     "3"-pipe       is 3-pipe: text behind a closing quote belongs to the cell, if that has not several lines
 *     a quoted cell  has at most 1 MiB
 *
 * A record that breaks this is wrong: it is one line, and the next record begins behind it.
 */
struct sq_csv_dialect { /* {0} is that of RFC 4180; a quote is a line end where there is none */
        char separator, quote;
};
/* Of the settings `separator` and `quote`, of a decoder. */
SQ_EXPORT struct sq_csv_dialect sq_csv_dialect(int64_t separator, int64_t quote);
#define SQ_OPT_DIALECT(state, member) \
        SQ_OPT_ENUM_AS("separator", state, member.separator, "comma|tab|semicolon|pipe|space", "comma", \
                       "csv: between cells"), \
                SQ_OPT_ENUM_AS( \
                        "quote", state, member.quote, "double|single|none", "double", \
                        "csv: around a cell with separators or line ends in it, and twice in such a cell for itself")
#define SQ_OPT_CSV(state, member) \
        SQ_OPT_DIALECT(state, member), \
                SQ_OPT_BOOL_AS( \
                        "strict", state, member.strict, false, \
                        "csv: a record with too few or too many cells cannot be read; else the missing ones are " \
                        "empty, the surplus is left out, and both are counted")

/* The line end of the record at the start of `text`, or text + len at the end of the `last` text without one. NULL: the
 * record goes on behind the text. *ret_wrong: what is wrong with it, a constant, or NULL. */
SQ_EXPORT const char *sq_csv_record(const char *text, size_t len, bool last, struct sq_csv_dialect dialect,
                                    const char **ret_wrong);
/* Takes the next cell off `record`, whose ptr is NULL behind the last; false: there is none. One in quotes may be
 * written to *scratch, which advances and must have room for the record; others are views. */
SQ_EXPORT bool sq_csv_cell(struct sq_str *record, struct sq_csv_dialect dialect, char **scratch, struct sq_str *ret);
/* Which column is which field, by the names in a header. {0} has no columns. */
struct sq_csv_columns {
        size_t n;
        uint8_t *field;                /* of each column; 255: none */
        struct sq_csv_dialect dialect; /* the caller's */
};
/* Finds the fields `names` (at most 64) in a header line. Returns the place of the first that the header lacks, or `n`
 * when it has all. A column whose name stands twice counts once, the first. */
SQ_EXPORT size_t sq_csv_columns_read(struct sq_csv_columns *columns, struct sq_str header, size_t n,
                                     const char *const *names);
SQ_EXPORT void sq_csv_columns_free(struct sq_csv_columns *columns);
/* The fields of a record, in order of `names`; one that it lacks is the empty text. `scratch` has room for the record.
 * Returns the number of cells, for the caller to compare with columns->n. */
SQ_EXPORT size_t sq_csv_row(const struct sq_csv_columns *columns, struct sq_str record, char *scratch, size_t n,
                            struct sq_value *values);

/* ---- Compressed files -------------------------------------------------------------------------------- */

/* What the file is compressed with, by its first bytes; NULL: nothing that is known here. */
SQ_EXPORT const char *sq_compressed(int fd);
/* The same of a text that stands at the start of a file. */
SQ_EXPORT const char *sq_compressed_text(struct sq_str text);
/* Whether that can be read here: gzip and zstd, by libraries that may be missing where the kit was built. */
SQ_EXPORT bool sq_decompresses(int fd);

/*
 * Reads a compressed file by offsets of its text. Forward; an earlier offset is found by decompressing from the start
 * again.
 *
 *     if (sq_decompresses(fd)) r = sq_decompressor_open(fd, &from);
 *     n = sq_decompressor_read(from, bytes, size, offset);
 *     sq_decompressor_close(&from);
 */
struct sq_decompressor;

/* `fd` stays the caller's. 0; -EOPNOTSUPP; -ENOMEM. */
SQ_EXPORT int sq_decompressor_open(int fd, struct sq_decompressor **ret);
/* At most `size` bytes from `offset` on; how many, 0 at the end, or a negative errno. -EBADMSG: the file is damaged or
 * cut short, and sq_decompressor_wrong() says where. `bytes` is written to even then. */
SQ_EXPORT ssize_t sq_decompressor_read(struct sq_decompressor *from, void *bytes, size_t size, uint64_t offset);
SQ_EXPORT const char *sq_decompressor_wrong(const struct sq_decompressor *from);
SQ_EXPORT void sq_decompressor_close(struct sq_decompressor **from);

/*
 * Appends to a file of gzip members that is whole at any time, whoever writes to it and whoever is killed meanwhile: a
 * member that a kill has torn is cut off by the next one. formats/gzip.c says how it is known.
 *
 *     r = sq_gzip_new(&gzip);
 *     end = 0;                                             of this file: where our last member ended
 *     r = sq_gzip_append(gzip, fd, &end, header, text);    fd: opened with O_APPEND
 *     sq_gzip_free(&gzip);
 */
struct sq_gzip;

/* 0; -ENOMEM; -EOPNOTSUPP: the kit was built without zlib. */
SQ_EXPORT int sq_gzip_new(struct sq_gzip **ret);
SQ_EXPORT void sq_gzip_free(struct sq_gzip **gzip);
/* The text as one member, a view that is good until the next call. 0 or a negative errno. */
SQ_EXPORT int sq_gzip_member(struct sq_gzip *gzip, struct sq_str text, struct sq_str *ret);
/* Appends the text as one member, and the header as another before it where the file is empty: all of it or, with an
 * error, nothing. -EBADMSG: the file is not gzip's, or another program's member was cut short. Appenders of one file
 * exclude each other by flock(). */
SQ_EXPORT int sq_gzip_append(struct sq_gzip *gzip, int fd, uint64_t *end, struct sq_str header, struct sq_str text);
/* Only looks, and cuts off what a kill has torn, for who appends members in another way. *end as above. */
SQ_EXPORT int sq_gzip_mend(int fd, uint64_t *end);

/* ---- Formats ----------------------------------------------------------------------------------------- */

/*
 * How a record stands as bytes, to be read (struct sq_decoder) and to be written (struct sq_encoder).
 *
 * Text and binary are written as their bytes, in TEXT, CSV and TSV also where they are not UTF-8; other values as
 * sq_json() writes them.
 */
enum sq_format {
        /* Read: the record as a whole. Written: fields between tabs, as they are; nil is null. */
        SQ_FORMAT_TEXT,
        /* RFC 4180, or a dialect. Read: texts. Written: quotes where they are needed, and around an empty text or nil
         * that stands alone; nil is nothing, a time has no quotes. */
        SQ_FORMAT_CSV,
        SQ_FORMAT_JSON, /* read: any value; written: an object with the fields' names */
        /* Read: a map of texts, by sq_logfmt_read(). Written: the fields that are not nil, in quotes where they need
         * them; a byte of a name that no key may have is _. */
        SQ_FORMAT_LOGFMT,
        SQ_FORMAT_MSGPACK, /* read: any value; written: a map with the fields' names */
        SQ_FORMAT_JSONL,   /* JSON, written as a line */
        SQ_FORMAT_LOGFMTL, /* likewise */
        SQ_FORMAT_CSVL,    /* likewise */
        /* Written only: fields between tabs, a record a line. Tab, LF, CR and \ stand as \t, \n, \r and \\; the text of
         * a record of one field as it is, but for LF. The rest as CSV. */
        SQ_FORMAT_TSV,
        SQ_FORMATS,
};

/* ---- Records of tuples ------------------------------------------------------------------------------- */

/*
 * Writes tuples as records, one behind the other, into a buffer that grows:
 *
 *     struct sq_encoder encoder = {.format = SQ_FORMAT_JSONL};
 *     if (sq_encode(&encoder, in) < 0) return sq_retry_later(task, "no memory");
 *     write(fd, encoder.bytes, encoder.len);
 *     encoder.len = 0;                             the memory is used again
 *     sq_encoder_free(&encoder);
 * The caller may shorten `len`, and move what is left to the start.
 */

/* The settings of a bolt whose tuples become messages: an enum sq_format, and for sq_csv_dialect(). */
struct sq_encoding {
        int64_t format, separator, quote;
};
#define SQ_OPT_ENCODING(state, member, standard) \
        SQ_OPT_ENUM_AS("format", state, member.format, "text|csv|json|logfmt|msgpack", standard, \
                       "text: the fields between tabs; csv: a record; json: an object; logfmt: key=value; " \
                       "msgpack: a map of the fields"), \
                SQ_OPT_DIALECT(state, member)
/* Refuses those without effect, in `.declare`. `value`: the setting that names the field that is the message, or NULL.
 */
SQ_EXPORT void sq_encoding_declare(const struct sq_encoding *encoding, const char *value, struct sq_declaration *decl);

/* {.format = ...} is an empty one, {.dialect = ...} besides where it is CSV of another dialect. */
struct sq_encoder {
        enum sq_format format;
        struct sq_csv_dialect dialect;
        bool short_of_memory, unquoted; /* while a record is made */
        char *bytes; /* the encoder's; NULL before the first record. Others may stand there after each record. */
        size_t len, room;
};

/* Appends the record of a tuple, all of its fields as they came. 0; or nothing was appended: -ENOMEM; -EBADMSG: the
 * dialect has no quotes, and a cell would need them (SQ_UNQUOTED says so). */
#define SQ_UNQUOTED \
        "`quote: none` cannot write a separator or a line end in a cell, nor an empty cell that stands alone"
SQ_EXPORT int sq_encode(struct sq_encoder *encoder, const struct sq_tuple *in);
/* Appends the names of the fields of a tuple as a record of texts: the header of CSV or TSV. As sq_encode(). */
SQ_EXPORT int sq_encode_names(struct sq_encoder *encoder, const struct sq_tuple *in);
/* Appends the record of `n` values; `names` are looked at by JSON, JSONL and MSGPACK alone. As sq_encode(). */
SQ_EXPORT int sq_encode_values(struct sq_encoder *encoder, size_t n, const char *const *names,
                               const struct sq_value *values);
/* Frees the buffer; the encoder is empty then, and may be used again. */
SQ_EXPORT void sq_encoder_free(struct sq_encoder *encoder);

/* ---- Records into tuples ------------------------------------------------------------------------------- */

/*
 * What becomes of a record, a message say: the fields of a tuple.
 *
 *     struct self { struct sq_decoder decoder; ... };
 *     .options = { SQ_OPT_MESSAGES(struct self, decoder, "json"), ... }      `format`, `fields`, `on-error` and those of CSV
 *     .streams = { SQ_ERRORS },
 *
 *     sq_decoder_declare(&self->decoder, decl);                     in `.declare`: the fields of stream 0
 *     wrong = sq_decoder_begin(&self->decoder);                     in `.prepare`; then `source` and `unit`
 *     sq_decoder_emit(task, &self->decoder, record, place);         in `.next`, after sq_track()
 *     sq_decoder_free(&self->decoder);                              in `.cleanup`
 *
 * The fields are those of the setting `fields`: the members of a map (`a.b` is b in a when types are declared), the
 * places of an array, the cells of a CSV record in their order, or the text. Without it the value as a whole is the
 * field `value`, the text `line`. A part that a record lacks is nil, a cell the empty text.
 */
struct sq_decoder {
        int64_t format, on_error; /* settings: enum sq_format, enum sq_on_error */
        struct sq_nested wanted;  /* the setting `fields` */
        int64_t separator, quote; /* CSV, settings too where there are such: sq_csv_dialect() */
        bool strict;              /* a record with too few or too many cells cannot be read */

        /* After sq_decoder_begin(), views: who it is, and what is counted there. Messages begin: SOURCE: UNIT PLACE: */
        const char *source, *unit;

        /* For who finds the fields elsewhere, in the header of a file say; sq_decoder_begin() sets them. */
        unsigned n; /* parts of a record that become fields; 0: the value as a whole does */
        const char *const *paths;
        const struct sq_csv_columns *columns; /* CSV: where they stand; NULL: in their order */

        struct sq_schema schema; /* of `wanted` */
        struct sq_json_reader json;
        struct sqi_pick *pick;
        struct sq_value whole; /* JSON, msgpack: what was read last, where fields are those of the first object, ... */
        size_t others;         /* ... and how many of its members no field holds */
        uint64_t ragged;       /* CSV: records with too few or too many cells, ... */
        uint64_t with_new;     /* ... objects with members that no field holds */
        char *scratch;
        size_t scratch_size;
        char wrong[256];
};

#define SQ_OPT_MESSAGES(state, member, standard) \
        SQ_OPT_ENUM_AS("format", state, member.format, "text|csv|json|logfmt|msgpack", standard, \
                       "what is in a message; logfmt: key=value, texts"), \
                SQ_OPT_NESTED_AS( \
                        "fields", state, member.wanted, \
                        "json, logfmt, msgpack: the members of a map or places of an array that become fields, default: " \
                        "the whole as `value`; csv: the names of the cells; text: the field's name, default " \
                        "`line`; as `NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP), \
                SQ_OPT_CSV(state, member), SQ_OPT_ON_ERROR(state, member.on_error)

/* Declares the fields of stream 0, and what is wrong with the setting `fields`. */
SQ_EXPORT void sq_decoder_declare(const struct sq_decoder *decoder, struct sq_declaration *decl);
/* Reads the setting `fields`. NULL; or what is wrong with it, a view. What `schema` and `paths` view stays the
 * setting's; the decoder must not be moved from here on. */
SQ_EXPORT const char *sq_decoder_begin(struct sq_decoder *decoder);
/* The values of a record, one for each field; views into the record and the decoder, good until the next call. The
 * number of its cells or members, which may be another than that of the fields. Negative: it cannot be read, and why
 * stands in decoder->wrong. `values` has room for SQ_FIELDS_MAX. */
SQ_EXPORT ssize_t sq_decode(struct sq_decoder *decoder, struct sq_str record, struct sq_value *values);
/* Emits the tuple of a record, or does what `on-error` says with a record that cannot be read. */
SQ_EXPORT void sq_decoder_emit(struct sq_task *task, struct sq_decoder *decoder, struct sq_str record, uint64_t place);
/* Is a record the tuple as it stands, a text that is never wrong? Then sq_emit_many() and sq_emit_each() will do. */
SQ_EXPORT bool sq_decoder_is_plain(const struct sq_decoder *decoder);
/* Is it a line without a record, where each line has one? A blank line, but of text. */
SQ_EXPORT bool sq_decoder_passes_over(const struct sq_decoder *decoder, struct sq_str line);
/* Does what `on-error` says: the record is wrong before it is read. */
SQ_EXPORT void sq_decoder_refuse(struct sq_task *task, const struct sq_decoder *decoder, struct sq_str record,
                                 uint64_t place, const char *cause);
SQ_EXPORT void sq_decoder_free(struct sq_decoder *decoder);

/* ---- Parsing bolts ----------------------------------------------------------------------------------- */

/*
 * What bolts have in common that make fields of a text field: `field` is it, `keep` are the input fields that go out in
 * front of those that are found, `on-error` says what becomes of a tuple whose text cannot be read.
 *
 *     struct self { struct sq_parsing parsing; ... };
 *     .options = { SQ_OPT_PARSING(struct self, parsing), ... },
 *     .streams = { SQ_ERRORS },
 *
 *     sq_parsing_declare(&self->parsing, decl);                       in `.declare`, before the fields that are found
 *     if (!sq_parsing_text(task, &self->parsing, in, &text))          in `.execute`
 *             return sq_parsing_refuse(task, &self->parsing, in, "not a text");
 *     values = sq_parsing_values(&self->parsing);                     place for what is found
 *     return sq_parsing_emit(task, &self->parsing, in, n);
 */
struct sq_parsing {
        const char *field; /* settings */
        struct sq_list keep;
        int64_t on_error;
        struct sq_value values[2 * SQ_FIELDS_MAX];
};

#define SQ_OPT_PARSING(state, member) \
        SQ_OPT_STR_AS("field", state, member.field, "line", "the input field with the text"), \
                SQ_OPT_LIST_AS("keep", state, member.keep, \
                               "input fields that go out too, in front of those that are found"), \
                SQ_OPT_ON_ERROR(state, member.on_error)

SQ_EXPORT void sq_parsing_declare(const struct sq_parsing *parsing, struct sq_declaration *decl);
/* False: the field is not a text. */
SQ_EXPORT bool sq_parsing_text(const struct sq_tuple *in, struct sq_str *ret);
SQ_EXPORT struct sq_value *sq_parsing_values(struct sq_parsing *parsing);
/* Emits the kept fields and the first `n` of the values. */
SQ_EXPORT enum sq_verdict sq_parsing_emit(struct sq_task *task, struct sq_parsing *parsing, const struct sq_tuple *in,
                                          size_t n);
/* Does what `on-error` says with the text of the tuple. */
SQ_EXPORT enum sq_verdict sq_parsing_refuse(struct sq_task *task, const struct sq_parsing *parsing,
                                            const struct sq_tuple *in, const char *cause);

/*
 * A bolt whose fields are the named groups of a regular expression (PCRE2), `(?<status>\d+)`, or of patterns that
 * have a name: `%{NUMBER:ms}`; `%{NAME}` alone is no field. kit/pattern.c has the list. A group is a text, or of the
 * type that `types` gives it, and null where it took no part.
 *
 *     sq_pattern_declare(&self->pattern, text, decl, "pattern");      in `.declare`; `pattern.parsing` and `.types` are settings
 *     sq_pattern_prepare(task, &self->pattern, text)                  in `.prepare`: 0 or -1
 *     return sq_pattern_execute(task, &self->pattern, in);            in `.execute`
 *     sq_pattern_free(&self->pattern);                                in `.cleanup`
 */
struct sq_pattern {
        struct sq_parsing parsing;
        struct sq_pairs types; /* setting */
        struct sqi_regex *regex;
        unsigned n; /* fields */
        uint8_t groups[SQ_FIELDS_MAX];
        const char *names[SQ_FIELDS_MAX];
        struct sq_conversion conversions[SQ_FIELDS_MAX];
};

#define SQ_OPT_PATTERN(state, member) \
        SQ_OPT_PARSING(state, member.parsing), \
                SQ_OPT_MAP_AS("types", state, member.types, \
                              "the types of fields that are not texts, NAME: TYPE, with: " SQ_TYPES_HELP)

SQ_EXPORT void sq_pattern_declare(const struct sq_pattern *pattern, const char *text, struct sq_declaration *decl,
                                  const char *option);
SQ_EXPORT int sq_pattern_prepare(struct sq_task *task, struct sq_pattern *pattern, const char *text);
SQ_EXPORT enum sq_verdict sq_pattern_execute(struct sq_task *task, struct sq_pattern *pattern,
                                             const struct sq_tuple *in);
SQ_EXPORT void sq_pattern_free(struct sq_pattern *pattern);

/*
 * A bolt whose text is a record of a format: JSON, CSV, logfmt. The fields are those of the setting `fields`, as a
 * decoder's.
 *
 *     struct self { struct sq_decoding decoding; ... };               it comes first in the state
 *     .options = { SQ_OPT_NESTED_AS("fields", struct self, decoding.decoder.wanted, "..."),
 *                  SQ_OPT_PARSING(struct self, decoding.parsing) }, .streams = { SQ_ERRORS }
 *     sq_decoding_declare(decl, SQ_FORMAT_JSON);                      in `.declare`
 *     return sq_decoding_prepare(task, SQ_FORMAT_JSON);               in `.prepare`
 *     .execute = sq_decoding_execute, .cleanup = sq_decoding_cleanup
 */
struct sq_decoding {
        struct sq_parsing parsing;
        struct sq_decoder decoder;
};

SQ_EXPORT void sq_decoding_declare(struct sq_declaration *decl, enum sq_format format);
SQ_EXPORT int sq_decoding_prepare(struct sq_task *task, enum sq_format format);
SQ_EXPORT enum sq_verdict sq_decoding_execute(struct sq_task *task, const struct sq_tuple *in);
SQ_EXPORT void sq_decoding_cleanup(struct sq_task *task);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif
