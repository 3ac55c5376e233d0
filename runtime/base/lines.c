/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lines.h"

#include <string.h>

/* A byte that could move a terminal's cursor has no business in a line. */
static char
harmless(char c)
{
        unsigned char byte = (unsigned char)c;

        return (byte < ' ' && c != '\t') || byte == 0x7f ? '?' : c;
}

static void
end_line(struct sqi_lines *lines, sqi_line *line, void *context)
{
        char *text = lines->kept[lines->n % SQI_LINES_KEPT];

        if (lines->len > 0 && text[lines->len - 1] == '\r')
                lines->len--;
        text[lines->len] = '\0';
        lines->n++;
        lines->len = 0;
        line(context, text);
}

void
sqi_lines_add(struct sqi_lines *lines, const char *bytes, size_t size, sqi_line *line, void *context)
{
        for (size_t i = 0; i < size; i++) {
                if (bytes[i] == '\n') {
                        end_line(lines, line, context);
                        continue;
                }
                if (lines->len == SQI_LINE_SIZE - 1)
                        end_line(lines, line, context);
                lines->kept[lines->n % SQI_LINES_KEPT][lines->len++] = bytes[i] == '\r' ? '\r' : harmless(bytes[i]);
        }
}

void
sqi_lines_end(struct sqi_lines *lines, sqi_line *line, void *context)
{
        if (lines->len > 0)
                end_line(lines, line, context);
}

size_t
sqi_lines_kept(const struct sqi_lines *lines)
{
        size_t most = SQI_LINES_KEPT - 1; /* one place is the line under way */

        return lines->n < most ? lines->n : most;
}

const char *
sqi_lines_get(const struct sqi_lines *lines, size_t i)
{
        return lines->kept[(lines->n - sqi_lines_kept(lines) + i) % SQI_LINES_KEPT];
}
