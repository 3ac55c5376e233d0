/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of a line, key=value (logfmt): squall-formats.h says what may stand there. A second line is refused: it would
 * be taken for pairs of the same record.
 *
 *     line   = { pair }                       with white space between
 *     pair   = key [ "=" [ word | quoted ] ]
 *     key    = bytes but white space, control bytes, = and "
 *     word   = bytes but white space, control bytes and ", which it may have behind its first byte
 *     quoted = " bytes and escapes "
 */
#include <squall-kit.h>
#include <string.h>

#include "formats/escape.h"
#include "formats/span.h"

enum { DELETE = 0x7f };

struct line {
        const char *at, *end;
        char *scratch;
};

static bool
is_space(char c)
{
        return (unsigned char)c <= ' ' || c == DELETE;
}

/* Whether a line has ended among them. */
static bool
pass_over_spaces(struct line *line)
{
        bool ended = false;

        for (; line->at < line->end && is_space(*line->at); line->at++)
                ended |= *line->at == '\n';
        return ended;
}

static struct sq_str
key(struct line *line)
{
        const char *start = line->at;

        line->at = sqi_span(start, line->end, ' ' + 1, '=', '"', DELETE);
        return (struct sq_str){start, (size_t)(line->at - start)};
}

static struct sq_str
word(struct line *line)
{
        const char *start = line->at;

        line->at = sqi_span(start, line->end, ' ' + 1, DELETE, DELETE, DELETE);
        return (struct sq_str){start, (size_t)(line->at - start)};
}

/* Behind the first quote. A backslash in front of what is not an escape stands for itself. */
static const char *
quoted(struct line *line, struct sq_str *ret)
{
        const char *start = line->at;
        char *copy = line->scratch;

        line->at = sqi_span(start, line->end, 0, '"', '\\', '\\');
        if (line->at < line->end && *line->at == '"') {
                *ret = (struct sq_str){start, (size_t)(line->at++ - start)};
                return NULL;
        }
        memcpy(line->scratch, start, (size_t)(line->at - start));
        line->scratch += line->at - start;
        while (line->at < line->end && *line->at != '"') {
                const char *behind = line->at + 1;
                char *to = line->scratch;

                if (*line->at == '\\' && sqi_escape_read(&behind, line->end, &to)) {
                        line->at = behind;
                        line->scratch = to;
                } else
                        *line->scratch++ = *line->at++;
        }
        if (line->at == line->end)
                return "a quote is not closed";
        line->at++;
        *ret = (struct sq_str){copy, (size_t)(line->scratch - copy)};
        return NULL;
}

static const char *
value(struct line *line, struct sq_value *ret)
{
        struct sq_str text = {"", 0};
        const char *wrong = NULL;

        if (line->at == line->end || *line->at != '=') {
                *ret = sq_text("true");
                return NULL;
        }
        line->at++;
        if (line->at < line->end && *line->at == '"') {
                line->at++;
                wrong = quoted(line, &text);
        } else
                text = word(line);
        *ret = sq_str(text);
        if (!wrong && line->at < line->end && !is_space(*line->at))
                wrong = "text stands behind a closing quote";
        return wrong;
}

const char *
sq_logfmt_read(struct sq_str text, struct sq_value *room, char *scratch, struct sq_value *ret)
{
        struct line line = {text.ptr, text.ptr + text.len, scratch};
        const char *wrong = NULL;
        size_t n = 0;

        while (!wrong) {
                struct sq_str name;

                if (pass_over_spaces(&line) && n > 0 && line.at < line.end)
                        return "more than one line";
                if (line.at == line.end)
                        break;
                name = key(&line);
                if (name.len == 0)
                        return *line.at == '=' ? "a value has no key" : "a quote stands where a key begins";
                if (line.at < line.end && *line.at == '"')
                        return "a quote stands in a key";
                room[n++] = sq_str(name);
                wrong = value(&line, &room[n++]);
        }
        *ret = sq_map(room, n / 2);
        return wrong;
}
