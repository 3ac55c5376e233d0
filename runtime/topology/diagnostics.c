/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/diagnostics.h"

#include <stdio.h>
#include <stdlib.h>

static struct sqi_diagnostic *
append(struct sqi_diagnostics *diagnostics)
{
        struct sqi_diagnostic *items = diagnostics->items;

        if ((diagnostics->n & (diagnostics->n - 1)) == 0)
                items = reallocarray(items, diagnostics->n ? 2 * diagnostics->n : 1, sizeof(*items));
        if (items == NULL)
                return NULL;
        diagnostics->items = items;
        return &items[diagnostics->n];
}

void
sqi_diagnose(struct sqi_diagnostics *diagnostics, enum sqi_severity severity, struct sqi_place place, const char *format, ...)
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
        item = text != NULL ? append(diagnostics) : NULL;
        if (item == NULL) {
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
        size_t i;

        for (i = 0; i < diagnostics->n; i++)
                free(diagnostics->items[i].text);
        free(diagnostics->items);
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
                r = asprintf(&text, "%s:%u:%u: %s: %s", file, item->place.line, item->place.column, severity, item->text);
        return r < 0 ? NULL : text;
}
