/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exposition.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { NUMBER_SIZE = 40, REAL_DIGITS = 15 };

/* What an exposition becomes: one growing text for each family. */
struct sqi_exposition {
        const struct sqi_family *families;
        size_t n;
        struct growing {
                FILE *file; /* of memory; NULL: no sample yet */
                char *bytes;
                size_t size;
        } * texts;
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
        if (!exposition->texts) {
                sqi_exposition_free(&exposition);
                return -ENOMEM;
        }
        *ret = exposition;
        return 0;
}

/* Closing is what settles `bytes` and `size`. */
static void
close_text(struct sqi_exposition *exposition, struct growing *text)
{
        if (text->file && (ferror(text->file) | fclose(text->file)) != 0)
                exposition->failed = true;
        text->file = NULL;
}

void
sqi_exposition_free(struct sqi_exposition **exposition)
{
        struct sqi_exposition *it = *exposition;

        if (!it)
                return;
        for (size_t i = 0; it->texts && i < it->n; i++) {
                close_text(it, &it->texts[i]);
                free(it->texts[i].bytes);
        }
        free(it->texts);
        free(it);
        *exposition = NULL;
}

/* NULL: no memory. */
static FILE *
text_of(struct sqi_exposition *exposition, size_t family)
{
        struct growing *text = &exposition->texts[family];
        const struct sqi_family *it = &exposition->families[family];

        if (text->file || exposition->failed)
                return exposition->failed ? NULL : text->file;
        text->file = open_memstream(&text->bytes, &text->size);
        if (!text->file) {
                exposition->failed = true;
                return NULL;
        }
        fprintf(text->file, "# HELP %s %s\n# TYPE %s %s\n", it->name, it->help, it->name, it->type);
        return text->file;
}

/* Text in quotes; a byte that is not ASCII could be anything but UTF-8, and stands as '?'. */
static void
put_quoted(FILE *out, const char *text)
{
        fputc('"', out);
        for (; *text; text++) {
                if (*text == '\n')
                        fputs("\\n", out);
                else if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
                        fputc('?', out);
                else if (*text == '"' || *text == '\\')
                        fprintf(out, "\\%c", *text);
                else
                        fputc(*text, out);
        }
        fputc('"', out);
}

/* NAME+suffix{labels,le="edge"}; le NULL: without. */
static void
put_name(FILE *out, const char *name, const char *suffix, const struct sqi_label *labels, const char *le)
{
        const char *before = "{";

        fprintf(out, "%s%s", name, suffix);
        for (; labels && labels->name; labels++, before = ",") {
                fprintf(out, "%s%s=", before, labels->name);
                put_quoted(out, labels->value);
        }
        if (le)
                fprintf(out, "%sle=\"%s\"", before, le);
        fputs(le || *before == ',' ? "} " : " ", out);
}

static void
put_real(FILE *out, double value)
{
        char number[NUMBER_SIZE];

        sqi_print_real(number, sizeof(number), REAL_DIGITS, value);
        fprintf(out, "%s\n", number);
}

void
sqi_expose_uint(struct sqi_exposition *exposition, size_t family, const struct sqi_label *labels, uint64_t value)
{
        FILE *out = text_of(exposition, family);

        if (!out)
                return;
        put_name(out, exposition->families[family].name, "", labels, NULL);
        fprintf(out, "%llu\n", (unsigned long long)value);
}

void
sqi_expose_real(struct sqi_exposition *exposition, size_t family, const struct sqi_label *labels, double value)
{
        FILE *out = text_of(exposition, family);

        if (!out)
                return;
        put_name(out, exposition->families[family].name, "", labels, NULL);
        put_real(out, value);
}

void
sqi_expose_histogram(struct sqi_exposition *exposition, size_t family, const struct sqi_label *labels,
                     const struct sqi_rung *steps, size_t n, uint64_t total, double sum)
{
        FILE *out = text_of(exposition, family);
        const char *name = exposition->families[family].name;
        char edge[NUMBER_SIZE];

        if (!out)
                return;
        for (size_t i = 0; i < n; i++) {
                sqi_print_real(edge, sizeof(edge), REAL_DIGITS, steps[i].edge);
                put_name(out, name, "_bucket", labels, edge);
                fprintf(out, "%llu\n", (unsigned long long)steps[i].n);
        }
        put_name(out, name, "_bucket", labels, "+Inf");
        fprintf(out, "%llu\n", (unsigned long long)total);
        put_name(out, name, "_sum", labels, NULL);
        put_real(out, sum);
        put_name(out, name, "_count", labels, NULL);
        fprintf(out, "%llu\n", (unsigned long long)total);
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

        for (size_t i = 0; i < it->n; i++) {
                close_text(it, &it->texts[i]);
                size += it->texts[i].size;
        }
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
