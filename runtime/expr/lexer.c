/* SPDX-License-Identifier: Apache-2.0 */
/* The words of an expression. */
#include "expr/lexer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void
sqi_place(const char *text, uint32_t at, char *buffer, size_t size)
{
        unsigned line = 1, start = 0;

        for (uint32_t i = 0; i < at && text[i]; i++)
                if (text[i] == '\n') {
                        line++;
                        start = i + 1;
                }
        if (strchr(text, '\n') && text[strcspn(text, "\n") + 1])
                snprintf(buffer, size, "line %u, column %u: ", line, at - start + 1);
        else
                snprintf(buffer, size, "column %u: ", at - start + 1);
}

void *
sqi_fail(struct sqi_lexer *reader, uint32_t at, const char *format, ...)
{
        va_list arguments;

        if (reader->failed)
                return NULL;
        reader->failed = true;
        reader->wrong_at = at;
        va_start(arguments, format);
        vsnprintf(reader->wrong, sizeof(reader->wrong), format, arguments);
        va_end(arguments);
        return NULL;
}

uint32_t
sqi_here(const struct sqi_lexer *reader)
{
        return (uint32_t)(reader->at - reader->text);
}

/* What other languages have, by what to write here; it may begin with an operator that was taken already. */
static const char *
ours(const struct sqi_lexer *reader)
{
        static const struct {
                const char *theirs, *ours;
        } words[] = {
                {"&&", "and"}, {"||", "or"},  {"AND", "and"}, {"OR", "or"},        {"NOT", "not"},   {"!", "not"},
                {"<>", "!="},  {"**", "pow"}, {"=", "=="},    {"LIKE", "matches"}, {"~", "matches"}, {"?", "if"},
        };

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
                size_t len = strlen(words[i].theirs);
                if (strncasecmp(reader->at, words[i].theirs, len) == 0)
                        return sqi_begins_name(*reader->at) && sqi_is_name(reader->at[len]) ? NULL : words[i].ours;
                if (len == 2 && reader->at > reader->text && strncmp(reader->at - 1, words[i].theirs, len) == 0)
                        return words[i].ours;
        }
        return NULL;
}

void *
sqi_expected(struct sqi_lexer *reader, const char *what)
{
        size_t len = strcspn(reader->at, " \t\r\n()[]{},");
        const char *write = ours(reader);

        if (*reader->at == '\0')
                return sqi_fail(reader, sqi_here(reader), "expected %s, not the end", what);
        return sqi_fail(reader, sqi_here(reader), "expected %s, not `%.*s`%s%s%s", what,
                        (int)(len ? len < 40 ? len : 40 : 1), reader->at, write ? ": write `" : "", write ? write : "",
                        write ? "`" : "");
}

bool
sqi_is_digit(char c)
{
        return c >= '0' && c <= '9';
}

bool
sqi_begins_name(char c)
{
        return (c & 0x80) || c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool
sqi_is_name(char c)
{
        return sqi_begins_name(c) || sqi_is_digit(c);
}

size_t
sqi_name_length(const char *at)
{
        size_t n = 0;

        while (sqi_begins_name(*at) && sqi_is_name(at[n]))
                n++;
        return n;
}

void
sqi_skip_space(struct sqi_lexer *reader)
{
        reader->at += strspn(reader->at, " \t\r\n");
}

/* Takes a word or a sign off the text if it comes next. Blanks within a word are any blanks. */
bool
sqi_take(struct sqi_lexer *reader, const char *word)
{
        const char *at;
        size_t n;

        sqi_skip_space(reader);
        at = reader->at;
        for (;;) {
                n = strcspn(word, " ");
                if (strncmp(at, word, n) != 0 || (sqi_begins_name(*word) && sqi_is_name(at[n])))
                        return false;
                at += n;
                word += n;
                if (*word == '\0')
                        break;
                word++;
                at += strspn(at, " \t\r\n");
        }
        reader->at = at;
        return true;
}

static bool
is_word(const char *at, size_t len, const char *word)
{
        return strlen(word) == len && strncmp(at, word, len) == 0;
}

/* Words that stand between expressions, or begin one, and so are not text. */
bool
sqi_is_reserved(const char *at, size_t len)
{
        static const char *const words[] = {"and", "or", "not", "if", "then", "else", "true", "false", "null"};

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (is_word(at, len, words[i]))
                        return true;
        return false;
}

/* Text up to the closing quote, copied. */
bool
sqi_read_quoted(struct sqi_lexer *reader, struct sq_str *ret)
{
        uint32_t start = sqi_here(reader);
        char quote = *reader->at++, *to = sqi_scratch_take(&reader->scope->build.scratch, strlen(reader->at) + 1);
        size_t n = 0;

        if (!to)
                return sqi_fail(reader, start, "no memory for it");
        while (*reader->at && *reader->at != quote) {
                /* A backslash stays in front of what needs none: regular expressions have their own. */
                if (*reader->at == '\\' && (reader->at[1] == quote || reader->at[1] == '\\'))
                        reader->at++;
                to[n++] = *reader->at++;
        }
        to[n] = '\0';
        if (*reader->at != quote)
                return sqi_fail(reader, start, "expected a closing quote");
        reader->at++;
        *ret = (struct sq_str){to, n};
        return true;
}

/* A copy of a part of the text that lives as long as the nodes. */
bool
sqi_copy(struct sqi_lexer *reader, const char *from, size_t len, struct sq_str *ret)
{
        char *to = sqi_scratch_take(&reader->scope->build.scratch, len + 1);

        if (!to)
                return sqi_fail(reader, sqi_here(reader), "no memory for it");
        memcpy(to, from, len);
        to[len] = '\0';
        *ret = (struct sq_str){to, len};
        return true;
}
