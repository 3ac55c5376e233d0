/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV as RFC 4180 says, read with this leniency, which squall-formats.h promises. The scanner, which looks for the end
 * of a record, and the cell reader stand on the same two functions, so they never disagree on what a quote means:
 *
 *     quoted_end()    from behind an opening quote to the quote that closes
 *     tail_end()      from behind that quote to the end of the line: what belongs to the cell as plain text
 *
 * A quote that is never closed would swallow the rest of a file. So a quoted cell may have CELL_MAX bytes, and a cell
 * of several lines must end at its closing quote: the next quote of a later row is almost never followed by a comma.
 * What breaks either rule is a wrong record of one line.
 */
#include "formats/dialect.h"

#include <stdlib.h>
#include <string.h>

#include "formats/span.h"

enum { CELL_MAX = 1 << 20, NO_FIELD = 255 };

/* The quote that closes the cell whose content begins at `at`; NULL: there is none before `end`. */
static const char *
quoted_end(const char *at, const char *end, char quote, bool *ret_doubled)
{
        *ret_doubled = false;
        while ((at = memchr(at, quote, (size_t)(end - at)))) {
                if (at + 1 == end || at[1] != quote)
                        return at;
                *ret_doubled = true;
                at += 2;
        }
        return NULL;
}

/* The separator behind `at`, or `line`, where the line ends. */
static const char *
tail_end(const char *at, const char *line, char separator)
{
        const char *next = memchr(at, separator, (size_t)(line - at));

        return next ? next : line;
}

static const char *
wrong_record(const char *text, const char *end, const char *what, const char **ret_wrong)
{
        const char *line = memchr(text, '\n', (size_t)(end - text));

        *ret_wrong = what;
        return line ? line : end;
}

/* The next line end from `at` on; at the end of all that there is, that. */
static const char *
line_end(const char *at, const char *end, bool last)
{
        const char *line = memchr(at, '\n', (size_t)(end - at));

        return !line && last ? end : line;
}

/* Walks over the cells. */
static const char *
scan_cells(const char *text, const char *end, bool last, struct sq_csv_dialect dialect, const char **ret_wrong)
{
        const char *line = line_end(text, end, last), *at = text, *close, *stop;
        bool doubled;

        while (at < end) {
                const char *cell = at;

                if (*at == dialect.quote) {
                        close = quoted_end(at + 1, end, dialect.quote, &doubled);
                        if ((close ? close : end) - at > CELL_MAX || (!close && last))
                                return wrong_record(text, end, "a quote is never closed", ret_wrong);
                        if (!close)
                                return NULL;
                        at = close + 1;
                }
                if (line && at > line)
                        line = line_end(at, end, last);
                if (!line)
                        return NULL;
                stop = tail_end(at, line, dialect.separator);
                if (stop > at && *cell == dialect.quote && !(stop == line && stop - at == 1 && *at == '\r') &&
                    memchr(cell, '\n', (size_t)(at - cell)))
                        return wrong_record(text, end, "text behind the closing quote of a cell of several lines",
                                            ret_wrong);
                if (stop == line)
                        return line;
                at = stop + 1;
        }
        return line;
}

const char *
sq_csv_record(const char *text, size_t len, bool last, struct sq_csv_dialect dialect, const char **ret_wrong)
{
        const char *end = text + len, *line = line_end(text, end, last);

        dialect = sqi_dialect_whole(dialect);
        *ret_wrong = NULL;
        if (dialect.quote == SQI_NO_QUOTE || !memchr(text, dialect.quote, (size_t)((line ? line : end) - text)))
                return line;
        return scan_cells(text, end, last, dialect, ret_wrong);
}

/* Copies a quoted cell without the doubling of its quotes, and its tail. */
static struct sq_str
copied(const char *at, const char *close, const char *tail, const char *stop, char quote, char **scratch)
{
        char *copy = *scratch, *to = copy;

        for (; at < close; at++) {
                *to++ = *at;
                at += *at == quote;
        }
        memcpy(to, tail, (size_t)(stop - tail));
        *scratch = to + (stop - tail);
        return (struct sq_str){copy, (size_t)(*scratch - copy)};
}

/* A cell whose first quote stands before `at`. Where it stops. */
static const char *
take_quoted(const char *at, const char *end, struct sq_csv_dialect dialect, char **scratch, struct sq_str *ret)
{
        bool doubled;
        const char *close = quoted_end(at, end, dialect.quote, &doubled), *tail = close ? close + 1 : end, *stop;

        close = close ? close : end;
        stop = tail_end(tail, end, dialect.separator);
        *ret = doubled || stop > tail ? copied(at, close, tail, stop, dialect.quote, scratch)
                                      : (struct sq_str){at, (size_t)(close - at)};
        return stop;
}

/* sq_csv_cell() of a whole dialect. */
static inline bool
take_cell(struct sq_str *record, struct sq_csv_dialect dialect, char **scratch, struct sq_str *ret)
{
        const char *at = record->ptr, *end, *stop;

        if (!at)
                return false;
        end = at + record->len;
        if (at == end || *at != dialect.quote || dialect.quote == SQI_NO_QUOTE) {
                stop = sqi_span(at, end, 0, dialect.separator, dialect.separator, dialect.separator);
                *ret = (struct sq_str){at, (size_t)(stop - at)};
        } else
                stop = take_quoted(at + 1, end, dialect, scratch, ret);
        *record = stop < end ? (struct sq_str){stop + 1, (size_t)(end - stop - 1)} : (struct sq_str){NULL, 0};
        return true;
}

bool
sq_csv_cell(struct sq_str *record, struct sq_csv_dialect dialect, char **scratch, struct sq_str *ret)
{
        return take_cell(record, sqi_dialect_whole(dialect), scratch, ret);
}

/* ---- Columns by name --------------------------------------------------------------------------------- */

void
sq_csv_columns_free(struct sq_csv_columns *columns)
{
        free(columns->field);
        *columns = (struct sq_csv_columns){.dialect = columns->dialect};
}

static uint8_t
field_of(struct sq_str cell, size_t n, const char *const *names)
{
        for (size_t i = 0; i < n; i++)
                if (sq_str_is(cell, names[i]))
                        return (uint8_t)i;
        return NO_FIELD;
}

size_t
sq_csv_columns_read(struct sq_csv_columns *columns, struct sq_str header, size_t n, const char *const *names)
{
        char *scratch = malloc(header.len + 1), *grow = scratch;
        bool found[NO_FIELD] = {false};
        struct sq_str cell;

        sq_csv_columns_free(columns);
        columns->field = malloc(header.len + 1); /* a column takes a byte at least */
        while (scratch && columns->field && sq_csv_cell(&header, columns->dialect, &grow, &cell)) {
                uint8_t field = field_of(cell, n, names);

                if (field != NO_FIELD && found[field])
                        field = NO_FIELD;
                if (field != NO_FIELD)
                        found[field] = true;
                columns->field[columns->n++] = field;
        }
        free(scratch);
        for (size_t i = 0; i < n; i++)
                if (!found[i])
                        return i;
        return n;
}

size_t
sq_csv_row(const struct sq_csv_columns *columns, struct sq_str record, char *scratch, size_t n, struct sq_value *values)
{
        const struct sq_csv_dialect dialect = sqi_dialect_whole(columns->dialect);
        struct sq_str cell;
        size_t cells = 0;

        for (size_t i = 0; i < n; i++)
                values[i] = sq_text("");
        for (; take_cell(&record, dialect, &scratch, &cell); cells++)
                if (cells < columns->n && columns->field[cells] < n)
                        values[columns->field[cells]] = sq_str(cell);
        return cells;
}

struct sq_csv_dialect
sq_csv_dialect(int64_t separator, int64_t quote)
{
        static const char separators[] = {',', '\t', ';', '|', ' '}, quotes[] = {'"', '\'', SQI_NO_QUOTE};

        return (struct sq_csv_dialect){separators[separator], quotes[quote]};
}

void
sqi_dialect_unused(int64_t format, struct sq_declaration *decl)
{
        if (format == SQ_FORMAT_CSV)
                return;
        sq_declare_unused(decl, "separator", "without `format: csv`");
        sq_declare_unused(decl, "quote", "without `format: csv`");
}

void
sqi_dialect_declare(const struct sq_decoder *decoder, struct sq_declaration *decl)
{
        sqi_dialect_unused(decoder->format, decl);
        if (decoder->format != SQ_FORMAT_CSV)
                sq_declare_unused(decl, "strict", "without `format: csv`");
}
