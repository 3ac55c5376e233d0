/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/diagnostics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sqi_diagnostic *
append(struct sqi_diagnostics *diagnostics)
{
        struct sqi_diagnostic *items = diagnostics->items;

        if ((diagnostics->n & (diagnostics->n - 1)) == 0)
                items = reallocarray(items, diagnostics->n ? 2 * diagnostics->n : 1, sizeof(*items));
        if (!items)
                return NULL;
        diagnostics->items = items;
        return &items[diagnostics->n];
}

void
sqi_diagnose(struct sqi_diagnostics *diagnostics, enum sqi_severity severity, struct sqi_place place,
             const char *format, ...)
{
        struct sqi_diagnostic *item;
        char *text = NULL;
        va_list args;

        diagnostics->errors += severity == SQI_ERROR;
        diagnostics->warnings += severity == SQI_WARNING;
        if (diagnostics->n >= SQI_DIAGNOSTICS_MAX) {
                diagnostics->dropped++;
                return;
        }
        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);
        item = text ? append(diagnostics) : NULL;
        if (!item) {
                free(text);
                diagnostics->no_memory = true;
                return;
        }
        *item = (struct sqi_diagnostic){severity, place, text};
        diagnostics->n++;
}

static bool
before(struct sqi_place a, struct sqi_place b)
{
        return a.line != b.line ? a.line < b.line : a.column < b.column;
}

void
sqi_diagnostics_sort(struct sqi_diagnostics *diagnostics)
{
        struct sqi_diagnostic *items = diagnostics->items, item;
        size_t i, j;

        for (i = 1; i < diagnostics->n; i++) {
                item = items[i];
                for (j = i; j > 0 && before(item.place, items[j - 1].place); j--)
                        items[j] = items[j - 1];
                items[j] = item;
        }
}

void
sqi_diagnostics_release(struct sqi_diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->n; i++)
                free(diagnostics->items[i].text);
        free(diagnostics->items);
        free(diagnostics->source);
        *diagnostics = (struct sqi_diagnostics){0};
}

const char *
sqi_severity_name(enum sqi_severity severity)
{
        static const char *const names[] = {[SQI_ERROR] = "error", [SQI_WARNING] = "warning", [SQI_NOTE] = "note"};

        return names[severity];
}

char *
sqi_diagnostic_text(const char *file, const struct sqi_diagnostic *item)
{
        const char *severity = sqi_severity_name(item->severity);
        char *text = NULL;
        int r;

        if (item->place.line == 0)
                r = asprintf(&text, "%s: %s: %s", file, severity, item->text);
        else
                r = asprintf(&text, "%s:%u:%u: %s: %s", file, item->place.line, item->place.column, severity,
                             item->text);
        return r < 0 ? NULL : text;
}

/* ---- The line it is about ---------------------------------------------------------------------------- */

/* Of an excerpt, in characters. */
enum { EXCERPT_BEFORE = 70, EXCERPT_WIDTH = 110 };

static bool
is_follow_byte(char c)
{
        return ((unsigned char)c & 0xc0) == 0x80;
}

/* `n` characters on, or the end. */
static const char *
ahead(const char *at, const char *end, size_t n)
{
        while (at < end && n > 0) {
                for (at++; at < end && is_follow_byte(*at); at++)
                        ;
                n--;
        }
        return at;
}

static size_t
characters(const char *at, const char *end)
{
        size_t n = 0;

        for (; at < end; at++)
                n += !is_follow_byte(*at);
        return n;
}

static const char *
find_line(const char *source, uint32_t line, const char **ret_end)
{
        while (source && --line > 0) {
                source = strchr(source, '\n');
                source += source != NULL;
        }
        if (!source)
                return NULL;
        *ret_end = source + strcspn(source, "\r\n");
        return source;
}

/* Where what begins at `at` ends: a word in quotes, a word, or one character. */
static const char *
end_of_word(const char *at, const char *end)
{
        const char *close = NULL, *from = at;

        if (at < end && (*at == '"' || *at == '\''))
                close = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (close)
                return close + 1;
        if (end - at > 1 && at[0] == '$' && at[1] == '{' && (close = memchr(at, '}', (size_t)(end - at))))
                return close + 1;
        while (at < end && !strchr(" \t,[]{}", *at) && !(*at == ':' && (at + 1 == end || at[1] == ' ')))
                at++;
        return at > from || at == end ? at : at + 1;
}

/* What a terminal would take for a command is left out. */
static void
put_text(FILE *out, const char *at, const char *end)
{
        for (; at < end; at++)
                fputc((unsigned char)*at < 0x20 && *at != '\t' ? '?' : *at, out);
}

static void
put_excerpt(FILE *out, uint32_t number, const char *line, const char *end, const char *at, const char *mark,
            const char *unmark)
{
        size_t column = characters(line, at), n;
        const char *first = column > EXCERPT_BEFORE ? ahead(line, end, column - EXCERPT_BEFORE) : line;
        const char *last = ahead(first, end, EXCERPT_WIDTH);

        fprintf(out, "%5u | %s", number, first > line ? "..." : "");
        put_text(out, first, last);
        fprintf(out, "%s\n      | %s", last < end ? "..." : "", first > line ? "   " : "");
        for (const char *c = first; c < at; c = ahead(c, at, 1))
                fputc(*c == '\t' ? '\t' : ' ', out);
        n = characters(at, end_of_word(at, last));
        fputs(mark, out);
        do
                fputc('^', out);
        while (n-- > 1);
        fprintf(out, "%s\n", unmark);
}

char *
sqi_diagnostic_excerpt(const struct sqi_diagnostics *diagnostics, const struct sqi_diagnostic *item, const char *mark,
                       const char *unmark)
{
        const char *end = NULL,
                   *line = item->place.line > 0 ? find_line(diagnostics->source, item->place.line, &end) : NULL;
        char *text = NULL;
        size_t size;
        FILE *out = line && line < end ? open_memstream(&text, &size) : NULL;

        if (!out)
                return NULL;
        put_excerpt(out, item->place.line, line, end,
                    ahead(line, end, item->place.column > 0 ? item->place.column - 1 : 0), mark, unmark);
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
