/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-kit.h - what the built-in components are made of, for any component: formats, expressions, numbers,
 * sketches, pacing, records of a file.
 *
 *     cc -shared -fPIC -o name.so name.c $(pkg-config --cflags --libs squall-kit)
 *
 * The kit is a library of its own, libsquall-kit.so: a worker loads it only for components that link it.
 *
 * Threads: nothing here keeps a state of its own. An object belongs to one thread at a time.
 *
 * Ownership: what a `_free` or `_close` takes may be NULL or half made. Texts and values that a reader returns are
 * views, into its input and into its own memory; they are good until its next call.
 */
#ifndef SQUALL_KIT_H
#define SQUALL_KIT_H

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

/* ---- Expressions ------------------------------------------------------------------------------------- */

/*
 * Expressions over the fields of a tuple, such as `ms > 10 and not path matches '^/admin'` or `price * (count ?? 1)`.
 * expr/grammar.c has the grammar. Several of a component make up a set, over the same fields:
 *
 *     exprs = sq_exprs_declared(decl);                       in `.declare`: over the fields of the inputs
 *     if (sq_exprs_add(exprs, self->where) < 0)              compiled, its types checked
 *             sq_declare_error(decl, "where", "%s", sq_exprs_error(exprs));
 *     sq_exprs_declare(exprs, decl);                         the fields they name are the inputs, from 0 on
 *     sq_exprs_free(&exprs);
 *
 *     self->exprs = sq_exprs_prepared(task);                 in `.prepare`: the same again, to be evaluated
 *     number = sq_exprs_add(self->exprs, self->where);
 *
 *     sq_exprs_begin(self->exprs, task, in);                 in `.execute`, once a tuple
 *     if (!sq_exprs_value(self->exprs, number, &value))      in any order, as often as need be
 *             return sq_fail(task, "where: %s", sq_exprs_error(self->exprs));
 *
 * What an expression makes lives in memory of the set, which the next sq_exprs_begin() uses again: nothing is allocated
 * for a tuple once it is large enough.
 */
struct sq_exprs;

/* NULL: no memory, and of the first the declaration has the error. */
SQ_EXPORT struct sq_exprs *sq_exprs_declared(struct sq_declaration *decl);
SQ_EXPORT struct sq_exprs *sq_exprs_prepared(const struct sq_task *task);
SQ_EXPORT void sq_exprs_free(struct sq_exprs **exprs);
/* Outside a component: an empty set, and what may be named. Names are copied. False: no memory, or SQ_FIELDS_MAX are
 * there. */
SQ_EXPORT struct sq_exprs *sq_exprs_new(void);
SQ_EXPORT bool sq_exprs_field(struct sq_exprs *exprs, const char *name, enum sq_type type);
/* From here on a name that is not a field's becomes a field, of any type. */
SQ_EXPORT void sq_exprs_open(struct sq_exprs *exprs);

/* Compiles an expression. Its number in the set, from 0; or -1, and what is wrong and where is sq_exprs_error(). The
 * second one takes only what may be true or false. */
SQ_EXPORT int sq_exprs_add(struct sq_exprs *exprs, const char *text);
SQ_EXPORT int sq_exprs_add_condition(struct sq_exprs *exprs, const char *text);
SQ_EXPORT size_t sq_exprs_count(const struct sq_exprs *exprs);
/* A view, good until the next call for the set. */
SQ_EXPORT const char *sq_exprs_error(const struct sq_exprs *exprs);
/* The type of all its values but null; SQ_ANY: not known. */
SQ_EXPORT enum sq_type sq_exprs_type(const struct sq_exprs *exprs, int number);
/* The fields that the expressions of the set name, in the order of the component's inputs. */
SQ_EXPORT unsigned sq_exprs_nfields(const struct sq_exprs *exprs);
SQ_EXPORT struct sq_field sq_exprs_used(const struct sq_exprs *exprs, unsigned field);
/* All fields are named, in their order: for who passes them on. Before any is added. */
SQ_EXPORT void sq_exprs_use_all(struct sq_exprs *exprs);
/* After all have been added: asks for these fields, in the types that the inputs give them. */
SQ_EXPORT void sq_exprs_declare(const struct sq_exprs *exprs, struct sq_declaration *decl);

/* Begins with a tuple whose declared inputs begin with the fields of the set; `task` has the clock. */
SQ_EXPORT void sq_exprs_begin(struct sq_exprs *exprs, const struct sq_task *task, const struct sq_tuple *in);
/* The same with the values of the fields, and the clock of the machine. */
SQ_EXPORT void sq_exprs_begin_values(struct sq_exprs *exprs, const struct sq_value *fields);
/* False: it has no value (a division by zero, say); sq_exprs_error() says why. */
SQ_EXPORT bool sq_exprs_value(struct sq_exprs *exprs, int number, struct sq_value *ret);
/* The values of all expressions of the set. */
SQ_EXPORT bool sq_exprs_values(struct sq_exprs *exprs, struct sq_value *ret);
/* The value over the members of a JSON object, as JSON, to be freed; a name that it lacks is null. NULL: none, or
 * `json` is not an object; sq_exprs_error() says why. */
SQ_EXPORT char *sq_exprs_try(struct sq_exprs *exprs, int number, struct sq_str json);
/* 1: it holds; 0: it does not, or is null; -1: it has no value, or another than true and false. */
SQ_EXPORT int sq_exprs_holds(struct sq_exprs *exprs, int number);

/* What functions there are, for documents: `substring(text: str, from: int) -> str`, and an example with its value as
 * JSON. */
struct sq_function {
        const char *chapter, *signature, *about, *example, *result;
};

/* False: there are fewer. */
SQ_EXPORT bool sq_function(unsigned number, struct sq_function *ret);

/* ---- Declaring --------------------------------------------------------------------------------------- */

/* For bolts that pass tuples on as they come: their output has the fields of their inputs, which must all have the
 * same. */
SQ_EXPORT void sq_declare_passing(struct sq_declaration *decl);
/* The same of another stream. */
SQ_EXPORT void sq_declare_passing_on(struct sq_declaration *decl, unsigned stream);

/* Do watermarks come by every input? And the field of event time that all of them have, or NULL. */
SQ_EXPORT bool sq_declared_all_watermarks(const struct sq_declaration *decl);
SQ_EXPORT const char *sq_declared_common_time(const struct sq_declaration *decl);
/* That field, for a component which goes by event time where there is one, and has a setting `time` that may say
 * `wall`. NULL: no watermarks come at all, so it goes by the time of day. Where they come by some inputs only, or
 * without the field, that is refused. */
SQ_EXPORT const char *sq_declared_event_time(struct sq_declaration *decl);

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
#define SQ_OPT_CSV(state, member) \
        SQ_OPT_ENUM_AS("separator", state, member.separator, "comma|tab|semicolon|pipe|space", "comma", \
                       "csv: between cells"), \
                SQ_OPT_ENUM_AS( \
                        "quote", state, member.quote, "double|single|none", "double", \
                        "csv: around a cell with separators or line ends in it, and twice in such a cell for itself"), \
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
        /* RFC 4180. Read: texts. Written: quotes where they are needed, and around an empty text that stands alone; nil
         * is nothing, a time has no quotes. */
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

/* The setting `format` of a bolt whose tuples become messages: an enum sq_format. */
#define SQ_OPT_ENCODING(state, member, standard) \
        SQ_OPT_ENUM_AS("format", state, member, "text|csv|json|logfmt|msgpack", standard, \
                       "text: the fields between tabs; csv: a record; json: an object; logfmt: key=value; " \
                       "msgpack: a map of the fields")

/* {.format = ...} is an empty one. */
struct sq_encoder {
        enum sq_format format;
        bool short_of_memory; /* while a record is made */
        char *bytes; /* the encoder's; NULL before the first record. Others may stand there after each record. */
        size_t len, room;
};

/* Appends the record of a tuple, all of its fields as they came. 0; or -ENOMEM: nothing was appended. */
SQ_EXPORT int sq_encode(struct sq_encoder *encoder, const struct sq_tuple *in);
/* Appends the names of the fields of a tuple as a record of texts: the header of CSV or TSV. As sq_encode(). */
SQ_EXPORT int sq_encode_names(struct sq_encoder *encoder, const struct sq_tuple *in);
/* Appends the record of `n` values; `names` are looked at by JSON, JSONL and MSGPACK alone. As sq_encode(). */
SQ_EXPORT int sq_encode_values(struct sq_encoder *encoder, size_t n, const char *const *names,
                               const struct sq_value *values);
/* Frees the buffer; the encoder is empty then, and may be used again. */
SQ_EXPORT void sq_encoder_free(struct sq_encoder *encoder);

/* ---- Records of a file ------------------------------------------------------------------------------- */

/* Reads records (lines, CSV with line ends in quotes, values of msgpack) of a file by offset. {0} is a closed one. Of a
 * compressed file (sq_decompresses()) it reads the text, and offsets are in that. formats/reader.c has a picture. */
struct sq_reader {
        int fd;       /* the caller's */
        bool csv;     /* records of CSV: line ends within quotes belong to them, blank lines are none */
        bool msgpack; /* values, one behind the other */
        struct sq_csv_dialect dialect;
        uint64_t offset, limit;
        char *buffer;
        size_t at, fill, room;
        const char *wrong;              /* csv: what is wrong with the record that was read last, or NULL */
        bool piped, ended, looked;      /* piped: no file, read forward only; looked: whether it is compressed */
        struct sq_decompressor *packed; /* or NULL */
};

/* Begins at `offset` of the file's text; nothing is read at `limit` and beyond. Keeps the buffer of an earlier file. */
SQ_EXPORT void sq_reader_open(struct sq_reader *reader, int fd, uint64_t offset, uint64_t limit);
/* Goes to `offset`; a window that holds it is kept. */
SQ_EXPORT void sq_reader_seek(struct sq_reader *reader, uint64_t offset);
/* Begins to read a pipe, a socket or a terminal. -EAGAIN from sq_reader_next(): nothing has come yet. */
SQ_EXPORT void sq_reader_open_pipe(struct sq_reader *reader, int fd);
/* The next record, a view into the window, without its LF or CRLF, and without a byte order mark at the start of the
 * file. 1; 0 at the end; or a negative errno. A last record without a line end counts if `partial`, else it waits for
 * the rest. */
SQ_EXPORT int sq_reader_next(struct sq_reader *reader, bool partial, struct sq_str *ret);
/* Lines that stand in the window already, `most` of them at most, and where each begins: how many. Views as before. 0:
 * sq_reader_next() knows more. */
SQ_EXPORT size_t sq_reader_lines(struct sq_reader *reader, size_t most, struct sq_str *records, uint64_t *offsets);
/* The first offset at or behind `offset` where a record begins (of those from `first` on). 0 or a negative errno. */
SQ_EXPORT int sq_reader_align(struct sq_reader *reader, uint64_t first, uint64_t offset, uint64_t *ret_offset);
/* What an error of sq_reader_next() or sq_reader_align() means, in words; good until the next call. */
SQ_EXPORT const char *sq_reader_error(const struct sq_reader *reader, int r);
/* Whether reading again would not help: the file is damaged, or a record too long. */
SQ_EXPORT bool sq_reader_is_final(int r);
/* Frees the buffer. */
SQ_EXPORT void sq_reader_close(struct sq_reader *reader);

/* ---- Which file it is -------------------------------------------------------------------------------- */

/*
 * What a file is known by when its name has changed hands, by rotation, truncation or a copy: device, inode, its first
 * bytes, and those before the place up to which it was read. 56 bytes without padding or pointers: it may go into
 * sq_note(). kit/identity.c says more.
 */
struct sq_identity {
        uint64_t device, inode, mark, head, head_hash, mark_hash;
        int64_t changed_ns; /* its last change, wall clock */
};

/* Of a regular file that was read up to `read`. 0 or a negative errno; -ESTALE: it is shorter than that. */
SQ_EXPORT int sq_identity_take(struct sq_identity *identity, int fd, uint64_t read);
/* Whether what was read still stands in this file: false after a truncation, and when it was written anew. */
SQ_EXPORT bool sq_identity_is(const struct sq_identity *identity, int fd);
/* Whether what was read before still stands in the file and it is as long as `read`; then it is known by what was read
 * up to there, and *ret_size is its size now. */
SQ_EXPORT bool sq_identity_renew(struct sq_identity *identity, int fd, uint64_t read, uint64_t *ret_size);
/* Opens it by whatever name it has now in the folder of `path`; else a copy of it. A file descriptor or a negative
 * errno; -ENOENT: it is gone. */
SQ_EXPORT int sq_identity_find(const struct sq_identity *identity, const char *path);
/* Opens the file that comes after the last of `n` known ones: the oldest that was rotated away from `path` (its name
 * goes on behind that of `path`) since then, or `path` itself. A file descriptor or a negative errno. */
SQ_EXPORT int sq_identity_after(const struct sq_identity *known, size_t n, const char *path);
/* To tell by a note whether the setting `path` is another one than before. */
SQ_EXPORT uint32_t sq_path_hash(const char *path);

/* ---- Files that a run begins anew ------------------------------------------------------------------------ */

/*
 * What was in a file before is emptied when the topology starts from nothing, and never when a task is restarted, which
 * has lines of this run in it. Where only sq_run_id() tells the two apart, PATH.runs beside the file says which runs
 * have begun it. In `.prepare`:
 *
 *     if (sq_begins(task))                     what else is done once
 *     r = sq_begin_anew(task, path, fd);       every task that has the file, open for writing, before it writes
 */
/* Is this the task that does, when the topology starts from nothing, what is done once? Where sq_run_id() tells, the
 * first task is it each time. */
SQ_EXPORT bool sq_begins(const struct sq_task *task);
/* 1: the file was emptied; 0: it was not; or a negative errno; of PATH.runs also as sq_publish() has them. */
SQ_EXPORT int sq_begin_anew(const struct sq_task *task, const char *path, int fd);

/* ---- Publishing by epochs ---------------------------------------------------------------------------- */

/*
 * Appends lines to a regular file once an epoch, however often that is asked for and whoever was killed meanwhile:
 * for the `.commit` of a bolt under exactly-once. Several writers may share a file, each with a number of its own.
 * At any instant the file is whole chunks of them, and at its end perhaps a part of one: the next call cuts it off.
 *
 *     .prepare        first task, where not sq_restores(task):  sq_publish_anew(path, truncate)
 *     .precommit      the lines go into the task's own values
 *     .commit(e)      sq_publish(path, sq_index(task), e, &header, lines)
 *     .abort(e)       sq_publish_back(path, sq_index(task), e)
 *
 * Beside the file stands PATH.commits: who has published what. Without it, what is asked for again is appended again.
 * 0 or a negative errno: -EBADMSG, -EPROTO: it is damaged, of a later version; -EMEDIUMTYPE: gzip, and plain lines.
 */
/* Forgets who has published what, and empties the file when told to. */
SQ_EXPORT int sq_publish_anew(const char *path, bool empty);
/* Appends the lines (with line ends) of `writer`, below 4096, unless its epoch `epoch` or a later one stands there
 * already; synced. `header`: goes before them where the file is empty; NULL: not lines but other records. */
SQ_EXPORT int sq_publish(const char *path, unsigned writer, uint64_t epoch, const struct sq_str *header,
                         struct sq_str lines);
/* The writer goes on behind `epoch`. 1: later ones of it are published, and stay. */
SQ_EXPORT int sq_publish_back(const char *path, unsigned writer, uint64_t epoch);
/* Makes the name `path` outlast a loss of power. 0, also where its folder may not be read; or a negative errno. */
SQ_EXPORT int sq_sync_above(const char *path);

/* ---- Records of a pipe ------------------------------------------------------------------------------- */

/* What was read of a pipe cannot be read again, so a spout keeps it until it is acked.
 *
 *     sq_pipe_keep(&pipe, position, record, reader.wrong);       in `.next`, if it is tracked; positions rise
 *     if (sq_pipe_find(&pipe, position, &record, &wrong)) ...    in `.replay`
 *     sq_pipe_done(&pipe, position);                             in `.ack` and `.fail`
 *     sq_pipe_close(&pipe);
 *
 * {0} keeps nothing.
 */
struct sq_pipe_record;
struct sq_pipe {
        struct sq_pipe_record *records;
        size_t first, n, room;
        uint64_t bytes; /* of the records that are kept */
};

/* Copies the record; `wrong` is a constant or NULL. 0 or -ENOMEM. */
SQ_EXPORT int sq_pipe_keep(struct sq_pipe *pipe, uint64_t position, struct sq_str record, const char *wrong);
/* False: it is not kept. */
SQ_EXPORT bool sq_pipe_find(const struct sq_pipe *pipe, uint64_t position, struct sq_str *ret, const char **ret_wrong);
SQ_EXPORT void sq_pipe_done(struct sq_pipe *pipe, uint64_t position);
SQ_EXPORT void sq_pipe_close(struct sq_pipe *pipe);

/* ---- A file that is followed ------------------------------------------------------------------------- */

/*
 * A file that grows and is rotated, truncated or copied away. Each file that stood at the path is a generation; the
 * last few stay open. kit/tail.c says how it is followed.
 *
 *     sq_tail_open(&tail, path, &reader);
 *     sq_tail_begin(&tail, fd, 0);                  fd: of the path, or -1; or sq_tail_seek() in `.seek`
 *     sq_reader_next(&reader, tail.rotated, ...)    at the end: if (sq_tail_look(task, &tail)) once more
 *     sq_tail_note(task, &tail);                    now and then, after sq_tail_renew()
 *     sq_tail_close(&tail);
 *
 * A position is `generation << SQ_TAIL_SHIFT | offset`.
 */
enum { SQ_TAIL_GENERATIONS = 4, SQ_TAIL_SHIFT = 40 };
#define SQ_TAIL_OFFSET ((UINT64_C(1) << SQ_TAIL_SHIFT) - 1)

struct sq_tail {
        const char *path;
        struct sq_reader *reader; /* the caller's: it stands in the last generation */
        uint64_t generation;
        int fds[SQ_TAIL_GENERATIONS];                /* of generation g at g % SQ_TAIL_GENERATIONS, or -1 */
        struct sq_identity ids[SQ_TAIL_GENERATIONS]; /* as fds */
        unsigned nids;                               /* of them: the last so many generations */
        uint64_t seen;                               /* size of the file when it was looked at last */
        bool rotated;                                /* the path is another file: this one has an end */
        bool begun;                                  /* the reader was opened anew; for the caller to clear */
};

SQ_EXPORT void sq_tail_open(struct sq_tail *tail, const char *path, struct sq_reader *reader);
/* The file `fd` (negative: there is none yet), which is closed with `tail`, is the last generation. */
SQ_EXPORT void sq_tail_begin(struct sq_tail *tail, int fd, uint64_t offset);
SQ_EXPORT void sq_tail_close(struct sq_tail *tail);
/* Of a record of the last generation. */
SQ_EXPORT uint64_t sq_tail_position(const struct sq_tail *tail, uint64_t offset);
/* The file that a position is in, the tail's; -ESTALE: it is no longer open. */
SQ_EXPORT int sq_tail_fd(const struct sq_tail *tail, uint64_t position);
/* At the end of the last generation. True when there is something to read again. */
SQ_EXPORT bool sq_tail_look(struct sq_task *task, struct sq_tail *tail);
/* Whether what was read still stands in the file; then what it is known by is brought up to date. */
SQ_EXPORT bool sq_tail_renew(struct sq_tail *tail);
/* After sq_tail_renew() said no: reads on in a copy of it, as logrotate's copytruncate makes one, or begins anew. */
SQ_EXPORT void sq_tail_leave_rewritten(struct sq_task *task, struct sq_tail *tail);
/* Calls sq_note() with what the generations are known by. */
SQ_EXPORT void sq_tail_note(struct sq_task *task, struct sq_tail *tail);
/* In `.seek`, after sq_tail_begin(): reads on in the file that the position is in, whatever its name is now. */
SQ_EXPORT void sq_tail_seek(struct sq_task *task, struct sq_tail *tail, uint64_t position);

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

/* ---- Fields of a file -------------------------------------------------------------------------------- */

/*
 * What the records of a file become: the field `line`, the columns of a CSV file, or the members of JSON objects. Their
 * names are found where `fields` does not give them.
 *
 *     .options = { SQ_OPT_RECORDS(struct self, records), ... }
 *     wrong = sq_records_begin(&records, fd, &first);       in `.declare`, and again in `.prepare`
 *     records.decoder.source = path;
 *     records.decoder.columns = &columns;                   CSV: of the file
 *     sq_decoder_emit(task, &records.decoder, record, offset);
 *     sq_records_free(&records);
 */
struct sq_records {
        struct sq_decoder decoder;
        bool header;                /* setting: CSV begins with the names of its columns */
        char *names[SQ_FIELDS_MAX]; /* decoder.n of them: of columns or members */
};

#define SQ_OPT_RECORDS(state, member) \
        SQ_OPT_ENUM_AS( \
                "format", state, member.decoder.format, "lines|csv|jsonl|logfmt|msgpack", "lines", \
                "lines: the field `line`; csv: the fields of the header line, as text; jsonl: the members of the " \
                "first object; logfmt: the keys of the first line, key=value, as text; msgpack: of the first map"), \
                SQ_OPT_NESTED_AS( \
                        "fields", state, member.decoder.wanted, \
                        "csv: only these columns; jsonl, logfmt, msgpack: these members (nil where one is lacking); " \
                        "lines: the field's name; as `NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP), \
                SQ_OPT_BOOL_AS("header", state, member.header, true, \
                               "csv: the first record has the names of the columns; false: `fields` names the cells"), \
                SQ_OPT_CSV(state, member.decoder), SQ_OPT_ON_ERROR(state, member.decoder.on_error)

/* Reads the setting `fields`, which sq_records_begin() does too. NULL, or what is wrong with it. */
SQ_EXPORT const char *sq_records_fields(struct sq_records *records);
/* In `.declare`, after sq_records_begin(): declares the fields of stream 0. */
SQ_EXPORT void sq_records_declare(const struct sq_records *records, struct sq_declaration *decl);
/* Finds the names of the fields, from the settings or the first record of `fd` (-1: it is a pipe), and where the
 * first record begins that is a tuple. NULL; or what is wrong, a constant or a view. The records must not be moved
 * from here on. */
SQ_EXPORT const char *sq_records_begin(struct sq_records *records, int fd, uint64_t *ret_first);
SQ_EXPORT void sq_records_free(struct sq_records *records);

/* ---- Pace -------------------------------------------------------------------------------------------- */

/*
 * The pace of a spout with a `rate`: an open loop. Tuple k of the component is due k / rate seconds after the first
 * call, whatever happened to the tuples before it; task i of n owns the tuples i, i + n, i + 2n, ... So the rate holds
 * over all tasks, and a stall is made good instead of hidden. {0} is one that has not begun.
 */
struct sq_pace {
        bool started;
        uint64_t start, sent;
};

SQ_EXPORT void sq_pace_restart(struct sq_pace *pace);
/* How many tuples one call of `.next` may emit: what is free below topology.max.spout.pending, and so few that commands
 * are heard in between. */
SQ_EXPORT uint64_t sq_pace_burst(const struct sq_task *task);
/* How many tuples may go out now, at most `most`; `rate` is in tuples a second over all tasks, 0: free. When it is
 * none, the task is woken for the next one. */
SQ_EXPORT uint64_t sq_pace_due(struct sq_pace *pace, struct sq_task *task, double rate, uint64_t most);
/* Says how many went out. */
SQ_EXPORT void sq_pace_sent(struct sq_pace *pace, uint64_t n);

/* ---- Servers ----------------------------------------------------------------------------------------- */

/* Where a server is: SCHEME://USER@HOST:PORT/PATH, of which all but the scheme may be missing. */
struct sq_url {
        char scheme[16], user[128], host[256], path[512]; /* path: with its slash, and what is behind it */
        uint16_t port;                                    /* 0: none was given */
};
/* NULL, or what is wrong with it, a constant. A password is refused: who shows a URL shows no secret. */
SQ_EXPORT const char *sq_url_read(const char *text, struct sq_url *ret);

/* The setting of a secret, which says where it is instead of what it is: `env:NAME` or `file:/PATH`, its one line. */
#define SQ_OPT_SECRET(name, state, member, help) \
        SQ_OPT_STR_AS(name, state, member, NULL, help ": env:NAME, or file:/PATH whose one line it is")
/* In `.declare`: whether the setting (NULL: not set) is of that form. */
SQ_EXPORT void sq_secret_declare(const char *setting, struct sq_declaration *decl, const char *option);
/* In `.prepare`: the secret, or the empty text when `setting` is NULL. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_secret_read(struct sq_task *task, const char *setting, char *ret, size_t size);
/* In `.probe`: likewise. False after sq_declare_error(). */
SQ_EXPORT bool sq_secret_probe(struct sq_declaration *decl, const char *option, const char *setting, char *ret,
                               size_t size);
/* In `.probe`: whether a server may listen at HOST:PORT, SOCK_STREAM or SOCK_DGRAM; whether one listens there; whether
 * the file can be written to, or made. */
SQ_EXPORT void sq_probe_listening(struct sq_declaration *decl, const char *option, const char *listen_at, int type);
SQ_EXPORT void sq_probe_server(struct sq_declaration *decl, const char *option, const struct sq_url *at);
SQ_EXPORT void sq_probe_output(struct sq_declaration *decl, const char *option, const char *path);

/* ---- Sinks ------------------------------------------------------------------------------------------- */

/*
 * What a bolt does that hands tuples to a server: it gathers them, hands them over before the acks go out, tries again
 * with back-off and jitter while the other side is away, and finds what that refuses.
 *
 *     struct self { struct sq_sink sink; ... };                         it comes first in the state
 *     .options = { SQ_OPT_SINK(struct self, sink), ... }, .streams = { SQ_ERRORS }
 *     .execute = sq_sink_execute, .flush = sq_sink_flush, .finish = sq_sink_flush
 *     sq_sink_declare(&self->sink, decl);                               in `.declare`
 *     return sq_sink_open(task, self->url, send);                       in `.prepare`
 *     sq_sink_close(task);                                              in `.cleanup`
 *
 * `timeout` is how long a flush goes on trying; then the tuples fail, which counts as no attempt: at most once they are
 * lost. Counted are `retries`; the gauge `circuit open` is 1 from the first failure to the next success.
 */
struct sq_sink;

/*
 * Hands records `first` to `first + n` over and returns when the other side has them. 0; or
 *
 *     -EAGAIN     it is away: all are tried again, but for *ret_done of them, at the start, that it has for certain.
 *     -EPIPE      likewise, and it hung up on what was sent: less is sent then, and what it always hangs up on refused.
 *     -EBADMSG    it refuses one at least, and has none of those behind the first *ret_done.
 *     other       the task has failed: after sq_error_final().
 *
 * sink->why says why. A record that sq_sink_settle() or sq_sink_refuse() were called for is not tried again.
 */
typedef int sq_sink_send(struct sq_task *task, size_t first, size_t n, size_t *ret_done);

struct sq_sink {
        int64_t batch, on_error; /* settings, as `timeout` */
        double timeout, since_s, until_s;

        char why[256]; /* `send` says here why it did not work */
        const char *name;
        sq_sink_send *send;
        struct sq_encoder records;
        struct sq_sink_span *spans; /* of each record */
        size_t n, done, most;       /* most: handed over at once, while it is looked for what is hung up on; or 0 */
        unsigned failures, strikes; /* in a row */
        uint64_t jitter;
        struct sq_templates *templates;

        bool staged; /* exactly once: see sq_sink_open_staged() */
        struct sq_sink_stage {
                bool restored, sure;        /* nothing is committed yet; the mark is ours */
                bool refused, full;         /* one behind what is marked was; more is held than should be */
                uint64_t from, epoch, owed; /* gone on from; being committed; to be committed before any other */
                struct sq_encoder held;
                char holder[17], name[256], mark[192];
        } stage;
};

enum { SQ_SINK_BATCH_MAX = 1000000 };
#define SQ_OPT_SINK(state, member) \
        SQ_OPT_INT_AS("batch", state, member.batch, 1000, "tuples that are handed over at once, at most"), \
                SQ_OPT_FLOAT_AS("timeout", state, member.timeout, 2, \
                                "seconds to go on trying while the other side is away, before tuples fail"), \
        { \
                "on-error", SQ_OPTION_ENUM, SQI_MEMBER(state, member.on_error, int64_t), "dead-letter", false, \
                        "dead-letter|skip|stream|fail", \
                        "a tuple that the other side refuses: dead-letter: to topology.dead.letter.path; skip: is counted only; " \
                        "stream: goes out on the stream `errors`; fail: the topology fails" \
        }

SQ_EXPORT void sq_sink_declare(const struct sq_sink *sink, struct sq_declaration *decl);
/* `name` is for messages, and must outlive it. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_sink_open(struct sq_task *task, const char *name, sq_sink_send *send);
/* What `.prepare` is to return at its end, by how the first connection went: -EACCES, a wrong password or right, ends
 * the topology; any other error is logged with `why`, for the other side may come up yet. */
SQ_EXPORT int sq_sink_connected(struct sq_task *task, int error);
SQ_EXPORT enum sq_verdict sq_sink_execute(struct sq_task *task, const struct sq_tuple *in);
SQ_EXPORT int sq_sink_flush(struct sq_task *task);
SQ_EXPORT void sq_sink_close(struct sq_task *task);

/*
 * A sink of a server that has transactions can write each tuple once under exactly-once: it stages. What it takes is
 * held back, and is part of the snapshot of its epoch. When that is sealed it is handed over, `batch` at a time, each
 * time in one transaction with a mark that says how far it is. Who dies in between and begins again reads there what
 * it need not write. Under other deliveries nothing is different.
 *
 *     .precommit = sq_sink_precommit, .commit = sq_sink_commit
 *     sq_sink_declare_staged(), sq_sink_open_staged()                   in place of those above
 *
 * `send` then does this, where sink->staged:
 *
 *     1  begins a transaction that no other with this mark passes       locks its row
 *     2  reads the mark of the name sq_sink_mark_name()                 "" where there is none
 *     3  r = sq_sink_resume(task, mark, &first, &n)                     below 0: rolls back, and returns that
 *     4  writes the records, of which there may be none
 *     5  keeps sq_sink_mark() under the name, and commits
 */
SQ_EXPORT void sq_sink_declare_staged(const struct sq_sink *sink, struct sq_declaration *decl);
SQ_EXPORT int sq_sink_open_staged(struct sq_task *task, const char *name, sq_sink_send *send);
SQ_EXPORT int sq_sink_precommit(struct sq_task *task, uint64_t epoch);
SQ_EXPORT int sq_sink_commit(struct sq_task *task, uint64_t epoch);
/* Leaves out what is there already by `mark`. 0, or a negative errno for `send` to return: somebody else writes what
 * this task does. */
SQ_EXPORT int sq_sink_resume(struct sq_task *task, struct sq_str mark, size_t *first, size_t *n);
/* Views, good until `send` returns: no spaces or quotes in the name; the mark is what sq_sink_resume() has made. */
SQ_EXPORT const char *sq_sink_mark_name(const struct sq_sink *sink);
SQ_EXPORT const char *sq_sink_mark(const struct sq_sink *sink);

/* The expressions of the templates of who has the records. NULL: no memory. */
struct sq_templates;
SQ_EXPORT struct sq_templates *sq_templates_new(void);
SQ_EXPORT void sq_templates_free(struct sq_templates **templates);

/* A record in `send`: its fields, views that are good until that returns. */
struct sq_record {
        struct sq_value whole;          /* a map */
        struct sq_templates *templates; /* NULL: its templates have no expressions */
        size_t n;
        struct sq_str names[SQ_FIELDS_MAX];
        struct sq_value values[SQ_FIELDS_MAX];
};
SQ_EXPORT void sq_sink_record(const struct sq_sink *sink, size_t i, struct sq_record *ret);
/* Likewise a tuple in `.execute`, though without `whole`. `templates` may be NULL. */
SQ_EXPORT void sq_record_of(const struct sq_tuple *in, struct sq_templates *templates, struct sq_record *ret);
/* Nil when it has no such field. */
SQ_EXPORT struct sq_value sq_record_get(const struct sq_record *record, const char *name);
/* In `send`: the other side has record `i`; or refuses it alone: 0, or a negative errno for `send` to return. */
SQ_EXPORT void sq_sink_settle(struct sq_sink *sink, size_t i);
SQ_EXPORT int sq_sink_refuse(struct sq_task *task, struct sq_sink *sink, size_t i, const char *cause);

/*
 * A text with fields of a record in braces, or with expressions over them: `page:{path}`, `{lower(host)}-{n % 8}`. What
 * is nil there, or has no value, is nothing; texts stand as they are, other values as JSON.
 */
SQ_EXPORT void sq_template_declare(const char *template_, struct sq_declaration *decl, const char *option);
/* Appends it to an encoder of SQ_ENCODING_TEXT. As sq_encode(). */
SQ_EXPORT int sq_template_write(const char *template_, const struct sq_record *record, struct sq_encoder *text);
/* Likewise of a tuple in `.execute`, in place of what stands in the encoder. */
SQ_EXPORT int sq_template_make(const char *template_, struct sq_templates *templates, const struct sq_tuple *in,
                               struct sq_encoder *text);
/* Appends the message of a record to an encoder of TEXT: its field `value` as a text (MSGPACK: a map or array as it is),
 * nothing where it is nil; or, with NULL, the record as `format`, a setting of SQ_OPT_ENCODING. As sq_encode(). */
SQ_EXPORT int sq_record_write(const struct sq_record *record, const char *value, int64_t format, struct sq_encoder *to);
/* A setting that names a field (NULL: not set): that all inputs have it. */
SQ_EXPORT void sq_field_declare(const char *name, struct sq_declaration *decl, const char *option);

/* ---- Journal ----------------------------------------------------------------------------------------- */

/*
 * The settings of a journal: messages on disk, so that a spout whose source does not keep what it gave out can emit
 * again what came after any position, though its process, or all of them, were killed. kit/journal.h has the rest;
 * struct sq_messages (below) does it for the spouts that stand on it.
 */
enum sq_journal_sync { SQ_JOURNAL_EACH, SQ_JOURNAL_INTERVAL, SQ_JOURNAL_NONE };
struct sq_journal_config {
        const char *path; /* NULL: no journal */
        int64_t sync;     /* enum sq_journal_sync */
        int64_t max_bytes;
        double interval, max_age; /* seconds; max_age 0: any */
};

#define SQ_OPT_JOURNAL(state, member) \
        SQ_OPT_PATH_AS( \
                "journal", state, member.path, NULL, \
                "a folder, in which messages are written down before they are emitted, so that no death of a process " \
                "loses what was taken in; the spout's alone or shared; default: no journal"), \
                SQ_OPT_ENUM_AS("journal.sync", state, member.sync, "each|interval|none", "interval", \
                               "when the disk is told to keep it, should the machine die: each: before a message is " \
                               "emitted or answered; interval: so often, and with each epoch; none: with each epoch"), \
                SQ_OPT_FLOAT_AS("journal.interval", state, member.interval, 1, "seconds: journal.sync: interval"), \
                SQ_OPT_INT_AS("journal.max-bytes", state, member.max_bytes, 1073741824, \
                              "bytes that are needed still, at most; then nothing more is taken from the source"), \
                SQ_OPT_FLOAT_AS("journal.max-age", state, member.max_age, 0, \
                                "seconds that a message is needed, at most; then likewise; 0: any time")

/* ---- Spouts of messages ------------------------------------------------------------------------------ */

/*
 * What a spout does that is sent messages: each is a tuple tree, is held until that is done, and is emitted again when
 * it has failed. Memory is bounded: by topology.max.spout.pending, and by `memory`. With the setting `journal` it is
 * written down before it is emitted, and emitted again after a death of its process.
 *
 *     struct self { struct sq_messages messages; ... };                   it comes first in the state
 *     .options = { SQ_OPT_INBOUND(struct self, messages, "text"), ... }, .streams = { SQ_ERRORS }
 *     .replay = sq_messages_replay, .seek = sq_messages_seek, .ack = sq_messages_done, .fail = sq_messages_done,
 *     .precommit = sq_messages_precommit, .release = sq_messages_release, .lag = sq_messages_lag
 *     sq_messages_declare(&self->messages, decl);                         in `.declare`
 *     sq_messages_begin(task, "tcp 127.0.0.1:80")                         in `.prepare`; the name must outlive it
 *     most = sq_messages_room(task);                                      in `.next`: so many; at 0 it is IDLE
 *     sq_messages_emit(task, record, NULL)                                each
 *     sq_messages_flush(task)                                             behind the last of them
 *     sq_messages_end(task);                                              in `.cleanup`
 *
 * In `.finish`, after `untracked` is set, what comes in is emitted still, or stays in the journal for the next start.
 */
struct sqi_kit_journal;
struct sq_messages {
        struct sq_decoder decoder; /* settings, as these three */
        int64_t memory;
        double rate;
        struct sq_journal_config journal;

        struct sq_pipe kept;
        struct sq_pace pace;
        uint64_t next;  /* the position of the next message */
        bool untracked; /* in `.finish`: nobody acks what comes now */

        struct sqi_kit_journal *journalled; /* NULL: there is no journal */
        bool full, stuck;                   /* it takes nothing, which has been said */
        struct sq_encoder row;              /* of sq_messages_emit_as() */
};

/* Of a source that keeps by itself what was not acked, and needs no journal. */
#define SQ_OPT_KEPT(state, member, standard) \
        SQ_OPT_MESSAGES(state, member.decoder, standard), \
                SQ_OPT_INT_AS("memory", state, member.memory, 64, \
                              "MiB of messages that are held until they are done; then nothing more is taken"), \
                SQ_OPT_FLOAT_AS("rate", state, member.rate, 0, \
                                "tuples a second over all tasks; 0: as fast as possible")
#define SQ_OPT_INBOUND(state, member, standard) \
        SQ_OPT_KEPT(state, member, standard), SQ_OPT_JOURNAL(state, member.journal)

SQ_EXPORT void sq_messages_declare(const struct sq_messages *messages, struct sq_declaration *decl);
/* 0, or -1 after sq_error(), as all of these. */
SQ_EXPORT int sq_messages_begin(struct sq_task *task, const char *source);
/* The same where tuples are what is known of messages: these fields, whatever the settings say, as `option` asks;
 * and then the values of each message. NULL: they are not, and these are those above. */
SQ_EXPORT void sq_messages_declare_as(const struct sq_messages *messages, struct sq_declaration *decl,
                                      const struct sq_nested *fields, const char *option);
SQ_EXPORT int sq_messages_begin_as(struct sq_task *task, const char *source, const struct sq_nested *fields);
SQ_EXPORT int sq_messages_emit_as(struct sq_task *task, const struct sq_value *values);
/* 0: none now, and the task is woken when it may be otherwise. */
SQ_EXPORT uint64_t sq_messages_room(struct sq_task *task);
/* *ret_position (may be NULL): what `.ack` will be told. */
SQ_EXPORT int sq_messages_emit(struct sq_task *task, struct sq_str record, uint64_t *ret_position);
/* `n` of them, up to SQ_MESSAGES_RUN: the same as so many calls, at less cost where a message is its tuple. */
enum { SQ_MESSAGES_RUN = 64 };
SQ_EXPORT int sq_messages_emit_run(struct sq_task *task, size_t n, const struct sq_str *records);
/* What came is emitted, and in a journal, synced by its policy: the sender may be told. -EAGAIN: not yet, try again. */
SQ_EXPORT int sq_messages_flush(struct sq_task *task);
SQ_EXPORT int sq_messages_replay(struct sq_task *task, uint64_t position);
SQ_EXPORT int sq_messages_seek(struct sq_task *task, uint64_t position);
SQ_EXPORT void sq_messages_done(struct sq_task *task, uint64_t position);
SQ_EXPORT int sq_messages_precommit(struct sq_task *task, uint64_t epoch);
SQ_EXPORT void sq_messages_release(struct sq_task *task, uint64_t done, uint64_t needed);
/* What is in the journal and not emitted yet; without one it is not known what the source holds. */
SQ_EXPORT int sq_messages_lag(struct sq_task *task, struct sq_lag *ret);
SQ_EXPORT void sq_messages_end(struct sq_task *task);

/* The back-off of a spout whose source is away, 50 ms to 5 s; its begin and its end are logged. {0}: it is not. */
struct sq_retry {
        uint64_t due_ns, ms;
};
SQ_EXPORT void sq_retry_away(struct sq_task *task, struct sq_retry *retry, const char *source, const char *why);
/* Whether it is time to try; if not, the task is woken then. */
SQ_EXPORT bool sq_retry_due(struct sq_task *task, const struct sq_retry *retry);
SQ_EXPORT void sq_retry_back(struct sq_task *task, struct sq_retry *retry, const char *source);

/* In a child behind fork(), before exec: what the worker blocks or ignores would stay so in the program. */
SQ_EXPORT void sq_child_take_signals(void);

/* Where a record ends in a stream of bytes. */
enum sq_framing {
        SQ_FRAMING_LINES,  /* at a line end; what stands behind the last one is a record when the stream ends */
        SQ_FRAMING_LENGTH, /* behind as many bytes as its first four say, the most significant first */
        SQ_FRAMING_SYSLOG, /* RFC 6587: `LENGTH MESSAGE`, or a line */
};
#define SQ_OPT_FRAMING(state, member) \
        SQ_OPT_ENUM_AS( \
                "framing", state, member, "lines|length|syslog", "lines", \
                "where a message ends: lines; length: behind as many bytes as its first four say (big-endian); " \
                "syslog: RFC 6587")

/* Takes records out of a stream. {.limit = most bytes of a record} is an empty one. */
struct sq_frames {
        char *bytes;
        size_t at, fill, room, limit;
        bool skipping; /* the rest of a line that was too long */
};
/* Where to put what is read next, 64 KiB at least, and add it to `fill`; NULL: no memory. Ends the views. */
SQ_EXPORT char *sq_frames_room(struct sq_frames *frames, size_t *ret_size);
/* The next record, a view. 1; 0: none is whole; -EMSGSIZE: above `limit` (skipping: more follows); -EPIPE: cut off. */
SQ_EXPORT int sq_frames_next(struct sq_frames *frames, int64_t framing, bool ended, struct sq_str *ret);
/* Whole lines at once, views, `most` of them at most: how many. 0: sq_frames_next() knows more. */
SQ_EXPORT size_t sq_frames_lines(struct sq_frames *frames, int64_t framing, size_t most, struct sq_str *records);
/* Emits at most `most` of them: how many, blank lines counted. *ret of sq_frames_next(): how the next one fared. */
SQ_EXPORT uint64_t sq_frames_emit(struct sq_task *task, struct sq_frames *frames, int64_t framing, bool ended,
                                  uint64_t most, int *ret);
SQ_EXPORT void sq_frames_free(struct sq_frames *frames);

/* Reads HOST:PORT. NULL, or what is wrong with it. */
SQ_EXPORT const char *sq_address_read(const char *text, struct sq_url *ret);
/* A socket bound to HOST:PORT, or to a path (one that a killed process left is taken over). 0; -1 after sq_error(). */
SQ_EXPORT int sq_bind_inet(struct sq_task *task, const char *listen_at, int type, int *ret_fd);
SQ_EXPORT int sq_bind_unix(struct sq_task *task, const char *path, int type, int *ret_fd);

/* Messages over connections that others make. It comes first in the state; its settings are
 * SQ_OPT_INLET(struct self, inlet, "text"), its callbacks those of messages and these. */
struct sq_peer;
struct sq_inlet {
        struct sq_messages messages;
        int64_t framing, limit;

        int listening, watch;
        struct sq_peer **peers;
        size_t npeers;
        uint64_t rest_ns, rested_ns; /* no descriptor was left: until then nobody is let in; when that was over */
};
#define SQ_OPT_INLET(state, member, standard) \
        SQ_OPT_FRAMING(state, member.framing), \
                SQ_OPT_INT_AS("limit", state, member.limit, 1048576, "bytes of a message at most"), \
                SQ_OPT_INBOUND(state, member.messages, standard)
SQ_EXPORT void sq_inlet_declare(const struct sq_inlet *inlet, struct sq_declaration *decl);
/* In `.prepare`: listens at `fd`, and takes it over. 0, or -1 after sq_error(). */
SQ_EXPORT int sq_inlet_open(struct sq_task *task, const char *name, int fd);
SQ_EXPORT enum sq_next sq_inlet_next(struct sq_task *task);
/* In `.finish`: takes no connection more, and emits what was sent so far. */
SQ_EXPORT int sq_inlet_finish(struct sq_task *task);
SQ_EXPORT void sq_inlet_close(struct sq_task *task);

/* ---- Sketches ---------------------------------------------------------------------------------------- */

/*
 * A bag of 64-bit keys that knows how often each occurs. Bags merge: put the occurrences of one into another, and take
 * the lower ceiling. Two sketches are made of it, kit/bag.c says how:
 *
 *     quantiles           sq_bag_put(&bag, sq_bag_ordered(real), 1, false), then sq_bag_quantile()
 *     distinct values     sq_bag_put(&bag, sq_bag_hash(value), 1, true), then sq_bag_distinct()
 */
struct sq_occurrence {
        uint64_t key, n; /* n: 0 in a free place */
};

/* Open addressing, a power of two of places. {.ceiling = UINT64_MAX} is an empty one; free(places) ends it. */
struct sq_bag {
        struct sq_occurrence *places;
        size_t used, size;
        uint64_t ceiling; /* of distinct values: no key above it was kept */
        bool lent;        /* `places` are the caller's, until the bag needs more and takes its own */
};

/* So many of the smallest keys tell how many there are, of distinct values. */
enum { SQ_BAG_DISTINCT_KEPT = 2048 };

/* Puts a key `n` times; `distinct`: thins the bag out when it is large. False: no memory. */
SQ_EXPORT bool sq_bag_put(struct sq_bag *bag, uint64_t key, uint64_t n, bool distinct);
/* Equal values have the same: 20 and 20.0, 0.0 and -0.0, maps in another order. */
SQ_EXPORT uint64_t sq_bag_hash(struct sq_value value);
/* Doubles as integers in the same order, cut to 0.1 %. */
SQ_EXPORT uint64_t sq_bag_ordered(double real);
/* These two end the bag: nothing may be put into it afterwards. */
SQ_EXPORT int64_t sq_bag_distinct(struct sq_bag *bag);
/* The smallest value that is not below `q` of all `total`. */
SQ_EXPORT double sq_bag_quantile(struct sq_bag *bag, uint64_t total, double q);

/* ---- DRPC -------------------------------------------------------------------------------------------- */

/* The endpoint of a task of a `drpc` spout (docs/drpc.md). For printf(): the run folder, the task's number. */
#define SQ_DRPC_REQUESTS "ipc://%s/drpc%u"

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif
