/* SPDX-License-Identifier: Apache-2.0 */
/* Text that JSON has as it is: from the blank to ~, neither a quote nor a backslash. Most texts are, so eight bytes are
 * looked at in one go. */
#ifndef SQI_PLAIN_H
#define SQI_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A word of eight times this byte. */
#define SQI_BYTES(byte) (UINT64_C(0x0101010101010101) * (uint64_t)(byte))

static inline bool
sqi_is_plain_byte(unsigned char byte)
{
        return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* The upper bit of a byte is set, in each summand by a carry that stays within it, where the byte is as it should be;
 * a byte whose own upper bit is set may disturb others, but it is seen itself. */
static inline bool
sqi_is_plain_word(uint64_t word)
{
        const uint64_t no_quote = (word ^ SQI_BYTES('"')) + SQI_BYTES(0x7f),
                       no_backslash = (word ^ SQI_BYTES('\\')) + SQI_BYTES(0x7f), no_control = word + SQI_BYTES(0x60),
                       is_delete = word + SQI_BYTES(0x01);

        return (no_quote & no_backslash & no_control & ~(is_delete | word) & SQI_BYTES(0x80)) == SQI_BYTES(0x80);
}

/* The same, and neither a blank nor an =: a word of a line of pairs. */
static inline bool
sqi_is_bare_word(uint64_t word)
{
        const uint64_t no_blank = (word ^ SQI_BYTES(' ')) + SQI_BYTES(0x7f),
                       no_equals = (word ^ SQI_BYTES('=')) + SQI_BYTES(0x7f);

        return sqi_is_plain_word(word) && (no_blank & no_equals & SQI_BYTES(0x80)) == SQI_BYTES(0x80);
}

/* Copies a text and says whether all of it is such words; if not, what stands at `to` is of no use. */
static inline __attribute__((always_inline)) bool
sqi_copy_words(char *to, const char *from, size_t n, bool (*is_good)(uint64_t word))
{
        uint64_t word, last;
        uint32_t half, end;

        if (n >= sizeof(word)) {
                for (size_t at = 0; at < n - sizeof(word); at += sizeof(word)) {
                        memcpy(&word, from + at, sizeof(word));
                        memcpy(to + at, &word, sizeof(word));
                        if (!is_good(word))
                                return false;
                }
                memcpy(&last, from + n - sizeof(last), sizeof(last));
                memcpy(to + n - sizeof(last), &last, sizeof(last));
                return is_good(last);
        }
        if (n >= sizeof(half)) {
                memcpy(&half, from, sizeof(half));
                memcpy(&end, from + n - sizeof(end), sizeof(end));
                memcpy(to, &half, sizeof(half));
                memcpy(to + n - sizeof(end), &end, sizeof(end));
                return is_good((uint64_t)half << 32 | end);
        }
        word = SQI_BYTES('a');
        for (size_t at = 0; at < n; at++) {
                to[at] = from[at];
                word = word << 8 | (unsigned char)from[at];
        }
        return is_good(word);
}

/* Copies a text and says whether all of it is plain. */
static inline bool
sqi_copy_plain(char *to, const char *from, size_t n)
{
        return sqi_copy_words(to, from, n, sqi_is_plain_word);
}

#endif
