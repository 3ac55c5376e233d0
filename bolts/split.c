/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `split`: the words of a text, cut at ASCII white space (space, \t, \n, \v, \f, \r), as the C locale does it.
 *
 * 64 bytes at a time become a mask with a bit for each byte that is white space. Its edges (mask XOR the mask moved on
 * by one) are, in turn, the first byte of a word and the first byte behind it; between them nothing is looked at. The
 * last, shorter block is copied next to spaces, for a view may not be read beyond its end.
 */
#include <squall.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { LINE };
enum { BLOCK = 64, GATHERED = BLOCK }; /* a block ends at most half as many words as it has bytes */

#ifdef __SSE2__
static inline uint64_t
spaces16(const char *block)
{
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)block);
        __m128i space = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
        /* \t to \r become the five largest signed bytes */
        __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8('\x7f' - '\r'));
        __m128i control = _mm_cmpgt_epi8(moved, _mm_set1_epi8('\x7f' - '\r' + '\t' - 1));

        return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(space, control));
}

static inline uint64_t
spaces(const char *block)
{
        return spaces16(block) | spaces16(block + 16) << 16 | spaces16(block + 32) << 32 | spaces16(block + 48) << 48;
}
#else
static inline uint64_t
spaces(const char *block)
{
        uint64_t mask = 0;

        for (unsigned i = 0; i < BLOCK; i++)
                mask |= (uint64_t)(block[i] == ' ' || (unsigned char)(block[i] - '\t') < 5) << i;
        return mask;
}
#endif

struct words {
        struct sq_task *task;
        const char *word; /* the open word, or NULL */
        uint64_t last;    /* 1: the byte before the block is white space */
        size_t n;         /* words found and not emitted yet */
        struct sq_value found[GATHERED];
};

static inline void
emit_found(struct words *words)
{
        sq_emit_many(words->task, 0, words->n, words->found);
        words->n = 0;
}

static inline void
find_word(struct words *words, const char *end)
{
        words->found[words->n++] = sq_str((struct sq_str){words->word, (size_t)(end - words->word)});
        words->word = NULL;
}

static inline void
edges(struct words *words, uint64_t mask, const char *block)
{
        uint64_t edge = mask ^ (mask << 1 | words->last);

        for (; edge; edge &= edge - 1) {
                const char *at = block + __builtin_ctzll(edge);

                if (words->word)
                        find_word(words, at);
                else
                        words->word = at;
        }
        words->last = mask >> (BLOCK - 1);
        if (words->n >= GATHERED / 2)
                emit_found(words);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct words words;
        struct sq_str line = sq_get_str(in, LINE);
        char rest[BLOCK];

        words.task = task;
        words.word = NULL;
        words.last = 1;
        words.n = 0;
        for (; line.len >= BLOCK; line.ptr += BLOCK, line.len -= BLOCK)
                edges(&words, spaces(line.ptr), line.ptr);
        if (line.len > 0) {
                memset(rest, ' ', sizeof(rest));
                memcpy(rest, line.ptr, line.len);
                edges(&words, spaces(rest), line.ptr);
        }
        if (words.word)
                find_word(&words, line.ptr + line.len);
        emit_found(&words);
        return SQ_ACK;
}

SQ_BOLT(split) = {
        .about = "The words of a text, split on white space.",
        .in = {[LINE] = {"line", SQ_STR}},
        .out = {{"word", SQ_STR}},
        .execute = execute,
};
