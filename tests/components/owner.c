/* SPDX-License-Identifier: Apache-2.0 */
/* One key that owns an array, all words that came, and a map: how often each letter did. */
#include <squall.h>
#include <stdio.h>

enum { WORD };
enum { WORDS, LETTERS };

struct word {
        char text[16];
};

struct text {
        char bytes[256];
        size_t n;
};

static bool
put_letter(struct sq_task *task, struct sq_str letter, void *value, size_t size, void *context)
{
        struct text *text = context;
        const int *n = value;

        (void)task;
        (void)size;
        text->n += (size_t)snprintf(text->bytes + text->n, sizeof(text->bytes) - text->n, "%c%d", *letter.ptr, *n);
        return text->n < sizeof(text->bytes);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sq_str word = sq_get_str(in, WORD);
        const void *owner = sq_keyed(task, (struct sq_str){"", 0});
        struct word *copy = sq_array_push(task, owner, WORDS, sizeof(*copy));
        struct text words = {.n = 0}, letters = {.n = 0};

        snprintf(copy->text, sizeof(copy->text), "%.*s", (int)word.len, word.ptr);
        for (size_t i = 0; i < word.len; i++)
                ++*(int *)sq_map_at(task, owner, LETTERS, (struct sq_str){word.ptr + i, 1}, sizeof(int));
        for (size_t i = 0; i < sq_array_count(task, owner, WORDS); i++)
                words.n += (size_t)snprintf(words.bytes + words.n, sizeof(words.bytes) - words.n, "%s%s", i ? " " : "",
                                            ((const struct word *)sq_array_at(task, owner, WORDS, i))->text);
        sq_map_each(task, owner, LETTERS, put_letter, &letters);
        sq_emit(task, (const char *)words.bytes, (const char *)letters.bytes);
        return SQ_ACK;
}

SQ_BOLT(owner) = {
        .about = "What has come, in an array and a map of one key.",
        .key_state = 1,
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"words", SQ_STR}, {"letters", SQ_STR}},
        .execute = execute,
};
