/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exposition.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { NUMBER_SIZE = 40, REAL_DIGITS = 15, ROOM_FIRST = 1024 };

struct growing {
        char *bytes; /* NULL: nothing yet */
        size_t size, room;
};

/* What an exposition becomes: one growing text for each family. */
struct sqi_exposition {
        const struct sqi_family *families;
        size_t *lengths; /* of their names */
        size_t n;
        struct growing *texts;
        struct growing labels; /* {a="b",c="d" without the bracket that ends it; empty: there are none */
        bool failed;
};

int
sqi_exposition_new(const struct sqi_family *families, size_t n, struct sqi_exposition **ret)
{
        struct sqi_exposition *exposition = calloc(1, sizeof(*exposition));

        if (!exposition)
                return -ENOMEM;
        exposition->families = families;
        exposition->n = n;
        exposition->texts = calloc(n, sizeof(*exposition->texts));
        exposition->lengths = calloc(n, sizeof(*exposition->lengths));
        if (!exposition->texts || !exposition->lengths) {
                sqi_exposition_free(&exposition);
                return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++)
                exposition->lengths[i] = strlen(families[i].name);
        *ret = exposition;
        return 0;
}

void
sqi_exposition_free(struct sqi_exposition **exposition)
{
        struct sqi_exposition *it = *exposition;

        if (!it)
                return;
        for (size_t i = 0; it->texts && i < it->n; i++)
                free(it->texts[i].bytes);
        free(it->texts);
        free(it->lengths);
        free(it->labels.bytes);
        free(it);
        *exposition = NULL;
}

/* A scrape of a thousand tasks is some tens of thousands of lines, in the loop that supervises: so they are put
 * together by hand. Room for `size` more bytes; NULL: no memory. */
static char *
reserve(struct sqi_exposition *exposition, struct growing *text, size_t size)
{
        size_t room = 2 * text->room + size + ROOM_FIRST;

        if (text->room - text->size >= size)
                return text->bytes + text->size;
        char *bytes = exposition->failed ? NULL : realloc(text->bytes, room);
        if (!bytes) {
                exposition->failed = true;
                return NULL;
        }
        text->bytes = bytes;
        text->room = room;
        return bytes + text->size;
}

static void
put(struct sqi_exposition *exposition, struct growing *text, const char *bytes, size_t size)
{
        char *at = reserve(exposition, text, size);

        if (!at)
                return;
        memcpy(at, bytes, size);
        text->size += size;
}

static void
put_text(struct sqi_exposition *exposition, struct growing *text, const char *it)
{
        put(exposition, text, it, strlen(it));
}

/* Where the samples of a family go, below its head. */
static struct growing *
text_of(struct sqi_exposition *exposition, size_t family)
{
        struct growing *text = &exposition->texts[family];
        const struct sqi_family *it = &exposition->families[family];

        if (text->size > 0)
                return text;
        const char *const head[] = {"# HELP ", it->name, " ", it->help, "\n# TYPE ", it->name, " ", it->type, "\n"};
        for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
                put_text(exposition, text, head[i]);
        return text;
}

/* Text in quotes; a byte that is not ASCII could be anything but UTF-8, and stands as '?'. */
static void
put_quoted(struct sqi_exposition *exposition, struct growing *text, const char *value)
{
        char *begin = reserve(exposition, text, 2 * strlen(value) + 2), *at = begin;

        if (!begin)
                return;
        *at++ = '"';
        for (; *value; value++) {
                bool escaped = *value == '"' || *value == '\\' || *value == '\n';

                if (escaped)
                        *at++ = '\\';
                if (*value == '\n')
                        *at++ = 'n';
                else
                        *at++ = *value >= ' ' && *value <= '~' ? *value : '?';
        }
        *at++ = '"';
        text->size += (size_t)(at - begin);
}

void
sqi_expose_labels(struct sqi_exposition *exposition, const struct sqi_label *labels)
{
        struct growing *text = &exposition->labels;

        text->size = 0;
        for (; labels->name; labels++) {
                put_text(exposition, text, text->size > 0 ? "," : "{");
                put_text(exposition, text, labels->name);
                put_text(exposition, text, "=");
                put_quoted(exposition, text, labels->value);
        }
}

/* NAME+suffix{labels,le="edge"}; le NULL: without. */
static void
put_name(struct sqi_exposition *exposition, struct growing *text, size_t family, const char *suffix, const char *le)
{
        const struct growing *labels = &exposition->labels;
        size_t name = exposition->lengths[family], behind = strlen(suffix), edge = le ? strlen(le) : 0;
        static const char before[] = {'l', 'e', '=', '"'};
        char *at = reserve(exposition, text, name + behind + labels->size + edge + 16), *begin = at;

        if (!at)
                return;
        at = mempcpy(at, exposition->families[family].name, name);
        at = mempcpy(at, suffix, behind);
        if (labels->size > 0)
                at = mempcpy(at, labels->bytes, labels->size);
        if (le) {
                *at++ = labels->size > 0 ? ',' : '{';
                at = mempcpy(at, before, sizeof(before));
                at = mempcpy(at, le, edge);
                *at++ = '"';
        }
        if (le || labels->size > 0)
                *at++ = '}';
        *at++ = ' ';
        text->size += (size_t)(at - begin);
}

/* Before `end`; returns where it begins. */
static char *
print_uint(char *end, uint64_t value)
{
        do
                *--end = (char)('0' + value % 10);
        while ((value /= 10) > 0);
        return end;
}

static void
put_uint(struct sqi_exposition *exposition, struct growing *text, uint64_t value)
{
        char digits[NUMBER_SIZE], *at = digits + sizeof(digits);

        *--at = '\n';
        at = print_uint(at, value);
        put(exposition, text, at, (size_t)(digits + sizeof(digits) - at));
}

static void
put_real(struct sqi_exposition *exposition, struct growing *text, double value)
{
        char number[NUMBER_SIZE];

        sqi_print_real(number, sizeof(number), REAL_DIGITS, value);
        put_text(exposition, text, number);
        put_text(exposition, text, "\n");
}

void
sqi_expose_uint(struct sqi_exposition *exposition, size_t family, uint64_t value)
{
        struct growing *text = text_of(exposition, family);

        put_name(exposition, text, family, "", NULL);
        put_uint(exposition, text, value);
}

void
sqi_expose_real(struct sqi_exposition *exposition, size_t family, double value)
{
        struct growing *text = text_of(exposition, family);

        put_name(exposition, text, family, "", NULL);
        put_real(exposition, text, value);
}

void
sqi_expose_seconds(struct sqi_exposition *exposition, size_t family, uint64_t ns)
{
        struct growing *text = text_of(exposition, family);
        char digits[NUMBER_SIZE], *end = digits + sizeof(digits), *at = end;
        uint64_t whole = ns / 1000000000, part = ns % 1000000000;

        put_name(exposition, text, family, "", NULL);
        *--at = '\n';
        if (part > 0) {
                for (int i = 0; i < 9; i++, part /= 10)
                        *--at = (char)('0' + part % 10);
                *--at = '.';
        }
        at = print_uint(at, whole);
        put(exposition, text, at, (size_t)(end - at));
}

void
sqi_expose_histogram(struct sqi_exposition *exposition, size_t family, const struct sqi_rung *steps, size_t n,
                     uint64_t total, double sum)
{
        struct growing *text = text_of(exposition, family);

        for (size_t i = 0; i < n; i++) {
                put_name(exposition, text, family, "_bucket", steps[i].edge);
                put_uint(exposition, text, steps[i].n);
        }
        put_name(exposition, text, family, "_bucket", "+Inf");
        put_uint(exposition, text, total);
        put_name(exposition, text, family, "_sum", NULL);
        put_real(exposition, text, sum);
        put_name(exposition, text, family, "_count", NULL);
        put_uint(exposition, text, total);
}

static void
join(struct sqi_exposition *exposition, char *to)
{
        for (size_t i = 0; i < exposition->n; i++) {
                const struct growing *text = &exposition->texts[i];

                if (text->size > 0)
                        to = mempcpy(to, text->bytes, text->size);
        }
}

int
sqi_exposition_take(struct sqi_exposition **exposition, void **ret_bytes, size_t *ret_size)
{
        struct sqi_exposition *it = *exposition;
        size_t size = 0;
        char *bytes;

        for (size_t i = 0; i < it->n; i++)
                size += it->texts[i].size;
        bytes = it->failed ? NULL : malloc(size + 1);
        if (bytes)
                join(it, bytes);
        sqi_exposition_free(exposition);
        if (!bytes)
                return -ENOMEM;
        *ret_bytes = bytes;
        *ret_size = size;
        return 0;
}
